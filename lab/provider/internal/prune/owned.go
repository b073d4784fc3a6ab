package prune

import (
	"encoding/json"
	"strings"
)

// serverOwned are the fields of metadata that nobody sets.
var serverOwned = []string{
	"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
	"deletionGracePeriodSeconds", "ownerReferences",
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Imported guesses the inputs of an object that no program has set yet: what was applied by the given manager, else
// by anyone, else what kubectl remembers, else all of it but what the API server itself writes.
func Imported(live map[string]any, manager string) map[string]any {
	if fields := applied(live, manager); fields != nil {
		return named(pick(live, fields).(map[string]any), live)
	}
	if annotations, _ := nested(live, "metadata", "annotations").(map[string]any); annotations != nil {
		if text, isString := annotations[lastApplied].(string); isString {
			var wanted map[string]any
			if json.Unmarshal([]byte(text), &wanted) == nil {
				return named(Inputs(wholeNumbers(wanted).(map[string]any), live), live)
			}
		}
	}
	result := map[string]any{}
	for key, value := range live {
		if key != "status" && key != "metadata" {
			result[key] = value
		}
	}
	metadata := map[string]any{}
	for key, value := range nestedMap(live, "metadata") {
		metadata[key] = value
	}
	for _, key := range serverOwned {
		delete(metadata, key)
	}
	result["metadata"] = metadata
	return result
}

// named puts back what names an object, which no manager owns.
func named(inputs, live map[string]any) map[string]any {
	inputs["apiVersion"], inputs["kind"] = live["apiVersion"], live["kind"]
	metadata, isMap := inputs["metadata"].(map[string]any)
	if !isMap {
		metadata = map[string]any{}
		inputs["metadata"] = metadata
	}
	for _, key := range []string{"name", "namespace"} {
		if value := nested(live, "metadata", key); value != nil {
			metadata[key] = value
		}
	}
	delete(inputs, "status")
	return inputs
}

// applied finds the field set of the manager's apply, or of any apply when the manager has none.
func applied(live map[string]any, manager string) map[string]any {
	entries, _ := nested(live, "metadata", "managedFields").([]any)
	var other map[string]any
	for _, entry := range entries {
		object, _ := entry.(map[string]any)
		if object["operation"] != "Apply" || object["subresource"] != nil {
			continue
		}
		fields, _ := object["fieldsV1"].(map[string]any)
		if object["manager"] == manager {
			return fields
		}
		other = fields
	}
	return other
}

// pick keeps the parts of a value that a field set names ("f:spec", "k:{\"name\":\"x\"}", "v:\"x\"", "." for itself).
func pick(value any, fields map[string]any) any {
	if len(fields) == 0 || (len(fields) == 1 && fields["."] != nil) {
		return value
	}
	switch typed := value.(type) {
	case map[string]any:
		result := map[string]any{}
		for key, item := range typed {
			if below, owned := fields["f:"+key].(map[string]any); owned {
				result[key] = pick(item, below)
			}
		}
		return result
	case []any:
		result := []any{}
		for _, item := range typed {
			if below, owned := element(item, fields); owned {
				result = append(result, pick(item, below))
			}
		}
		return result
	default:
		return value
	}
}

func element(item any, fields map[string]any) (map[string]any, bool) {
	for name, below := range fields {
		set, _ := below.(map[string]any)
		if text, isKey := strings.CutPrefix(name, "k:"); isKey {
			var wanted map[string]any
			object, isMap := item.(map[string]any)
			if json.Unmarshal([]byte(text), &wanted) == nil && isMap && includes(object, wanted) {
				return set, true
			}
		}
		if text, isValue := strings.CutPrefix(name, "v:"); isValue {
			if encoded, err := json.Marshal(item); err == nil && string(encoded) == text {
				return set, true
			}
		}
	}
	return nil, false
}

func includes(object, wanted map[string]any) bool {
	for key, value := range wanted {
		a, errA := json.Marshal(object[key])
		b, errB := json.Marshal(value)
		if errA != nil || errB != nil || string(a) != string(b) {
			return false
		}
	}
	return true
}

func nested(value map[string]any, path ...string) any {
	var current any = value
	for _, key := range path {
		object, isMap := current.(map[string]any)
		if !isMap {
			return nil
		}
		current = object[key]
	}
	return current
}

func nestedMap(value map[string]any, path ...string) map[string]any {
	object, _ := nested(value, path...).(map[string]any)
	return object
}

// wholeNumbers makes int64 of the whole numbers that encoding/json read as float64.
func wholeNumbers(value any) any {
	switch typed := value.(type) {
	case float64:
		if typed == float64(int64(typed)) {
			return int64(typed)
		}
	case map[string]any:
		for key, item := range typed {
			typed[key] = wholeNumbers(item)
		}
	case []any:
		for index, item := range typed {
			typed[index] = wholeNumbers(item)
		}
	}
	return value
}
