// Package redact hides secret values in text that people read: logs of pods, and what the API server says.
package redact

import (
	"encoding/base64"
	"net/url"
	"sort"
	"strings"
)

// shortest value that is looked for: hiding every "1" would leave nothing to read.
const shortest = 4

// Redactor hides values, whether they stand there plain, base64 or URL-encoded.
type Redactor struct{ replacer *strings.Replacer }

// New hides the given values, except those that are part of a public word, such as a user named like the workload.
func New(values []string, public ...string) *Redactor {
	words := strings.Join(public, "\n")
	seen := map[string]bool{}
	var forms []string
	add := func(form string) {
		form = strings.TrimSpace(form)
		if len(form) >= shortest && !seen[form] && !strings.Contains(words, form) {
			seen[form] = true
			forms = append(forms, form)
		}
	}
	for _, value := range values {
		add(value)
		add(base64.StdEncoding.EncodeToString([]byte(value)))
		add(url.QueryEscape(value))
		add(url.PathEscape(value))
		// A log prints a key or a file line by line.
		if strings.Contains(value, "\n") {
			for line := range strings.Lines(value) {
				if len(strings.TrimSpace(line)) >= 16 {
					add(line)
				}
			}
		}
	}
	// The longest first: a value that contains another one goes as a whole.
	sort.Slice(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, "[secret]")
	}
	return &Redactor{strings.NewReplacer(pairs...)}
}

// Apply gives the text without the values.
func (r *Redactor) Apply(text string) string { return r.replacer.Replace(text) }
