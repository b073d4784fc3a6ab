// Package apitest is a small API server in memory, for the tests: discovery, server-side apply of whole objects, reads,
// lists by label, deletion, and logs. It keeps no defaults and validates nothing but what a test asks it to.
package apitest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Object is a Kubernetes object as JSON.
type Object = map[string]any

// Server is the fake; its maps are guarded by the lock.
type Server struct {
	URL   string
	mutex sync.Mutex
	// kinds: API path of a group and version -> resource -> kind and whether it is namespaced.
	kinds    map[string]map[string]kind
	objects  map[string]Object
	logs     map[string]string
	requests []string
	uids     int
	// Refuse answers a request in place of the server when it gives a status other than 0.
	Refuse func(request *http.Request, dry bool) (int, string)
	// Changed may edit an object after it was applied, as controllers do.
	Changed func(path string, object Object)
}

type kind struct {
	name       string
	namespaced bool
}

// New starts a server that knows some usual kinds and ends with the test.
func New(t *testing.T) *Server {
	s := &Server{objects: map[string]Object{}, logs: map[string]string{}, kinds: map[string]map[string]kind{
		"/api/v1": {
			"namespaces": {"Namespace", false}, "configmaps": {"ConfigMap", true}, "secrets": {"Secret", true},
			"pods": {"Pod", true}, "events": {"Event", true}, "services": {"Service", true},
		},
		"/apis/apps/v1":  {"deployments": {"Deployment", true}, "replicasets": {"ReplicaSet", true}},
		"/apis/batch/v1": {"jobs": {"Job", true}},
	}}
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	s.URL = listening.URL
	return s
}

// Kubeconfig is the content of one whose context is "test".
func (s *Server) Kubeconfig() string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test",
"clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{}}],
"contexts":[{"name":"test","context":{"cluster":"c","user":"u"}}]}`, s.URL)
}

// Serve adds a kind, as a CustomResourceDefinition would.
func (s *Server) Serve(path, resource, name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.kinds[path] = map[string]kind{resource: {name, true}}
}

// Put places an object without a request, Log the log of a pod.
func (s *Server) Put(path string, object Object) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.objects[path] = object
}

func (s *Server) Log(podPath, text string) { s.logs[podPath+"/log"] = text }

// Get gives a copy of an object, nil when there is none.
func (s *Server) Get(path string) Object {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return copied(s.objects[path])
}

// Requests lists "METHOD path" so far, without discovery.
func (s *Server) Requests() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]string(nil), s.requests...)
}

func (s *Server) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	path := request.URL.Path
	dry := request.URL.Query().Get("dryRun") == "All"
	if served, known := s.kinds[path]; known {
		answer(response, 200, resourceList(path, served))
		return
	}
	s.requests = append(s.requests, request.Method+" "+path)
	if s.Refuse != nil {
		if code, message := s.Refuse(request, dry); code != 0 {
			refuse(response, code, message)
			return
		}
	}
	object, exists := s.objects[path]
	switch {
	case request.Method == http.MethodGet && strings.HasSuffix(path, "/log"):
		_, _ = io.WriteString(response, s.logs[path])
	case request.Method == http.MethodGet && exists:
		answer(response, 200, object)
	case request.Method == http.MethodGet && s.listKind(path) != "":
		answer(response, 200, s.list(path, request))
	case request.Method == http.MethodPatch:
		s.apply(response, request, path, dry)
	case request.Method == http.MethodDelete && exists:
		delete(s.objects, path)
		answer(response, 200, Object{"kind": "Status", "apiVersion": "v1", "status": "Success"})
	default:
		refuse(response, 404, path+" not found")
	}
}

func (s *Server) apply(response http.ResponseWriter, request *http.Request, path string, dry bool) {
	var object Object
	if err := json.NewDecoder(request.Body).Decode(&object); err != nil {
		refuse(response, 400, err.Error())
		return
	}
	metadata := object["metadata"].(map[string]any)
	if namespace, _ := metadata["namespace"].(string); namespace != "" && s.objects["/api/v1/namespaces/"+namespace] == nil {
		refuse(response, 404, fmt.Sprintf("namespaces %q not found", namespace))
		return
	}
	metadata["managedFields"] = []any{Object{"manager": request.URL.Query().Get("fieldManager"), "operation": "Apply"}}
	metadata["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
	s.uids++
	metadata["uid"] = fmt.Sprintf("uid-%d", s.uids)
	if old, exists := s.objects[path]; exists {
		metadata["uid"] = old["metadata"].(map[string]any)["uid"]
		if status, known := old["status"]; known {
			object["status"] = status
		}
	}
	if !dry {
		s.objects[path] = object
		if s.Changed != nil {
			s.Changed(path, object)
		}
	}
	answer(response, 200, object)
}

func (s *Server) listKind(path string) string {
	resource := path[strings.LastIndex(path, "/")+1:]
	for _, served := range s.kinds {
		if found, known := served[resource]; known {
			return found.name + "List"
		}
	}
	return ""
}

func (s *Server) list(path string, request *http.Request) Object {
	items := []any{}
	for name, object := range s.objects {
		if strings.HasPrefix(name, path+"/") && matches(object, request.URL.Query().Get("labelSelector")) {
			items = append(items, object)
		}
	}
	version := strings.TrimPrefix(strings.TrimPrefix(path[:strings.Index(path, "/namespaces/")], "/apis/"), "/api/")
	return Object{"kind": s.listKind(path), "apiVersion": version, "metadata": Object{}, "items": items}
}

func matches(object Object, selector string) bool {
	labels, _ := object["metadata"].(map[string]any)["labels"].(map[string]any)
	for term := range strings.SplitSeq(selector, ",") {
		name, value, isEqual := strings.Cut(term, "=")
		if isEqual && labels[name] != value {
			return false
		}
	}
	return true
}

func resourceList(path string, served map[string]kind) Object {
	resources := []any{}
	for name, one := range served {
		resources = append(resources, Object{
			"name": name, "kind": one.name, "namespaced": one.namespaced, "verbs": []string{"get", "patch"},
		})
	}
	version := strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
	return Object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
}

var reasons = map[int]string{
	404: "NotFound", 409: "Conflict", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable",
}

func refuse(response http.ResponseWriter, code int, message string) {
	answer(response, code, Object{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reasons[code], "message": message,
	})
}

func answer(response http.ResponseWriter, code int, body any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(code)
	_ = json.NewEncoder(response).Encode(body)
}

func copied(object Object) Object {
	if object == nil {
		return nil
	}
	text, _ := json.Marshal(object)
	var result Object
	_ = json.Unmarshal(text, &result)
	return result
}
