package await

import (
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	skipAnnotation    = "pulumi.com/skipAwait"
	waitForAnnotation = "pulumi.com/waitFor"
)

// Skipped tells whether the object asks not to be waited for.
func Skipped(live *unstructured.Unstructured) bool {
	return live.GetAnnotations()[skipAnnotation] == "true"
}

// Judge is Of with the annotation pulumi.com/waitFor, as far as the stand-in serves it: condition=<type>[=<status>],
// or a JSON list of those, all of which must hold.
func Judge(live *unstructured.Unstructured) State {
	text := live.GetAnnotations()[waitForAnnotation]
	if text == "" {
		return Of(live)
	}
	wanted := []string{text}
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &wanted); err != nil {
			return failed("annotation %s isn't a JSON list of strings: %v", waitForAnnotation, err)
		}
	}
	for _, one := range wanted {
		name, isCondition := strings.CutPrefix(one, "condition=")
		if !isCondition {
			return failed("annotation %s: the lab's stand-in serves condition=<type>[=<status>], not %q", waitForAnnotation, one)
		}
		kind, status, named := strings.Cut(name, "=")
		if !named {
			status = "True"
		}
		if observed, found := integer(live, "status", "observedGeneration"); found && observed < live.GetGeneration() {
			return unfinished("the controller hasn't seen the change yet")
		}
		if _, met := condition(live, kind, status); !met {
			if status == "True" {
				return wants(live, kind)
			}
			return unfinished("condition %s isn't %s yet", kind, status)
		}
	}
	return ready()
}
