package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/distribution/distribution/v3/registry/auth"
)

// shared is the account whose repositories everybody with an account may pull: what others build on.
const shared = "plinth"

func init() {
	if err := auth.Register("accounts", openAccounts); err != nil {
		panic(err)
	}
}

// accounts knows everybody's password, by a digest of it. An account may do everything below its own name.
type accounts map[string][sha256.Size]byte

// openAccounts reads the file that option `path` names: a JSON object of names and passwords.
func openAccounts(options map[string]any) (auth.AccessController, error) {
	path, _ := options["path"].(string)
	if path == "" {
		return nil, fmt.Errorf("auth.accounts.path: got %v, expected the path of a file", options["path"])
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("auth.accounts.path: %w", err)
	}
	passwords := map[string]string{}
	// An error of JSON would quote what it was given.
	if json.Unmarshal(content, &passwords) != nil {
		return nil, fmt.Errorf("auth.accounts.path: %s is no JSON object of names and passwords", path)
	}
	known := accounts{}
	for name, password := range passwords {
		if name == "" || password == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("auth.accounts.path: %s: account %q has no password, or no name that repositories can begin with", path, name)
		}
		known[name] = sha256.Sum256([]byte(password))
	}
	return known, nil
}

func (known accounts) Authorized(request *http.Request, wanted ...auth.Access) (*auth.Grant, error) {
	name, password, _ := request.BasicAuth()
	given := sha256.Sum256([]byte(password))
	expected, found := known[name]
	if subtle.ConstantTimeCompare(given[:], expected[:]) != 1 || !found {
		return nil, refusal("sign in with an account of this registry")
	}
	grant := &auth.Grant{User: auth.UserInfo{Name: name}}
	for _, each := range wanted {
		if !mayDo(name, each) {
			return nil, refusal(fmt.Sprintf("account %s may not %s %s", name, each.Action, each.Name))
		}
		grant.Resources = append(grant.Resources, each.Resource)
	}
	return grant, nil
}

func mayDo(account string, wanted auth.Access) bool {
	if wanted.Type != "repository" {
		return false
	}
	owner, _, below := strings.Cut(wanted.Name, "/")
	return below && (owner == account || (owner == shared && wanted.Action == "pull"))
}

// refusal is answered with 401: distribution knows no 403 here.
type refusal string

func (why refusal) Error() string { return string(why) }

func (why refusal) SetHeaders(_ *http.Request, writer http.ResponseWriter) {
	writer.Header().Set("WWW-Authenticate", `Basic realm="Plinth"`)
}
