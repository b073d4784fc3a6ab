// Package prune reads a live object as the inputs that would have made it: the fields that the program had set, with
// the values that they have now. Defaults of the API server and fields of other managers stay out, so that a refresh
// shows nothing but drift.
package prune

import (
	"encoding/base64"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"plinth.local/lab/provider/internal/diff"
	"plinth.local/lab/provider/internal/property"
)

// Inputs takes the last inputs, Secrets marked, and the live object. Where the two mean the same, the form of the
// last inputs stays ("1024Mi" beside the server's "1Gi").
func Inputs(last, live map[string]any) map[string]any {
	result, _ := prune(nil, last, withStringData(last, live)).(map[string]any)
	return result
}

// withStringData shows a Secret's values under stringData where the program gave them so; the API server keeps data only.
func withStringData(last, live map[string]any) map[string]any {
	wanted, isMap := property.Plain(last["stringData"]).(map[string]any)
	if !isMap || live["kind"] != "Secret" {
		return live
	}
	data, _ := live["data"].(map[string]any)
	decoded := map[string]any{}
	for key := range wanted {
		encoded, isString := data[key].(string)
		if !isString {
			continue
		}
		if plain, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			decoded[key] = string(plain)
		}
	}
	result := make(map[string]any, len(live)+1)
	for key, value := range live {
		result[key] = value
	}
	result["stringData"] = decoded
	return result
}

func prune(path []string, last, live any) any {
	if secret, isSecret := last.(property.Secret); isSecret {
		inner := prune(path, secret.Value, live)
		if inner == nil {
			return nil
		}
		return property.Secret{Value: inner}
	}
	if live == nil {
		// The API server leaves empty values out of what it returns: nothing was lost.
		if empty(last) {
			return last
		}
		return nil
	}
	switch typed := last.(type) {
	case nil:
		return nil
	case map[string]any:
		if object, same := live.(map[string]any); same {
			return pruneMap(path, typed, object)
		}
	case []any:
		if list, same := live.([]any); same {
			return pruneList(path, typed, list)
		}
	}
	if diff.Equal(last, live) || sameQuantity(path, last, live) {
		return last
	}
	return live
}

// replacedWhole are maps that an apply replaces as a whole: a key that someone added shows as drift, and goes.
var replacedWhole = []string{
	"matchLabels", "nodeSelector", "selector", "podSelector", "namespaceSelector", "labelSelector", "objectSelector",
}

func pruneMap(path []string, last, live map[string]any) map[string]any {
	result := make(map[string]any, len(last))
	for key, value := range last {
		if kept := prune(append(slices.Clip(path), key), value, live[key]); kept != nil {
			result[key] = kept
		}
	}
	if len(path) > 0 && slices.Contains(replacedWhole, path[len(path)-1]) {
		for key, value := range live {
			if _, known := last[key]; !known && !empty(value) {
				result[key] = value
			}
		}
	}
	return result
}

// listKeys name the field that identifies an element, for lists in which several managers may own elements.
var listKeys = map[string]string{
	"containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
	"volumeDevices": "devicePath", "imagePullSecrets": "name", "hostAliases": "ip", "resourceClaims": "name",
	"webhooks": "name", "secrets": "name", "listeners": "name", "conditions": "type",
}

func pruneList(path []string, last, live []any) any {
	if key := listKeys[path[len(path)-1]]; key != "" && identified(last, key) && identified(live, key) {
		result := make([]any, 0, len(last))
		for _, item := range last {
			name := keyOf(item, key)
			index := slices.IndexFunc(live, func(other any) bool { return keyOf(other, key) == name })
			if index >= 0 {
				result = append(result, prune(append(slices.Clip(path), "*"), item, live[index]))
			}
		}
		return result
	}
	result := make([]any, len(live))
	for index, item := range live {
		if index < len(last) {
			result[index] = prune(append(slices.Clip(path), "*"), last[index], item)
		} else {
			result[index] = item
		}
	}
	return result
}

func keyOf(item any, key string) string {
	object, _ := property.Plain(item).(map[string]any)
	name, _ := object[key].(string)
	return name
}

// identified tells whether every element has the key, each with another value.
func identified(list []any, key string) bool {
	seen := map[string]bool{}
	for _, item := range list {
		name := keyOf(item, key)
		if name == "" || seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

// empty tells whether the API server would leave a value out as the type's zero value.
func empty(value any) bool {
	switch typed := value.(type) {
	case property.Secret:
		return empty(typed.Value)
	case nil:
		return true
	case bool:
		return !typed
	case string:
		return typed == ""
	case int64:
		return typed == 0
	case float64:
		return typed == 0
	case []any:
		return len(typed) == 0
	case map[string]any:
		for _, item := range typed {
			if !empty(item) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// quantities are the fields below which the API server rewrites amounts in their canonical form.
var quantities = []string{
	"requests", "limits", "hard", "capacity", "default", "defaultRequest", "min", "max", "maxLimitRequestRatio",
	"sizeLimit", "overhead", "podFixed", "divisor", "averageValue", "value", "storage",
}

func sameQuantity(path []string, last, live any) bool {
	if !slices.ContainsFunc(path, func(step string) bool { return slices.Contains(quantities, step) }) {
		return false
	}
	// Data, labels and the value of an environment variable are text: there "1" and "1.0" are not the same.
	text := slices.Contains([]string{"data", "stringData", "metadata"}, path[0])
	if text || slices.Contains(path, "env") && !slices.Contains(path, "divisor") {
		return false
	}
	before, err := resource.ParseQuantity(fmt.Sprint(last))
	if err != nil {
		return false
	}
	after, err := resource.ParseQuantity(fmt.Sprint(live))
	return err == nil && before.Cmp(after) == 0
}
