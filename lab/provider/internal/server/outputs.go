package server

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"plinth.local/lab/provider/internal/kube"
	"plinth.local/lab/provider/internal/property"
	"plinth.local/lab/provider/internal/prune"
)

// outputsOf is what the state remembers: what was set, as the cluster has it now, and the little of the rest that
// doesn't change by itself. The status isn't part of it, or every refresh would show a difference.
func outputsOf(ref kube.Ref, inputs map[string]any, live *unstructured.Unstructured) map[string]any {
	outputs := prune.Inputs(inputs, live.Object)
	outputs["apiVersion"], outputs["kind"] = live.GetAPIVersion(), live.GetKind()
	metadata := within(outputs, "metadata")
	metadata["name"], metadata["uid"] = live.GetName(), string(live.GetUID())
	if ref.Namespace != "" {
		metadata["namespace"] = ref.Namespace
	}
	if ref.Kind.Group == "" && ref.Kind.Kind == "Service" {
		spec := within(outputs, "spec")
		for _, field := range []string{"clusterIP", "clusterIPs"} {
			if value, found, err := unstructured.NestedFieldCopy(live.Object, "spec", field); found && err == nil {
				spec[field] = value
			}
		}
	}
	marked, _ := property.MarkStrings(outputs, property.Strings(inputs)).(map[string]any)
	return sealed(ref.Kind, marked)
}

// within gives an object inside another one, made where there is none.
func within(object map[string]any, key string) map[string]any {
	if inner, isMap := object[key].(map[string]any); isMap {
		return inner
	}
	inner := map[string]any{}
	if _, secret := object[key].(property.Secret); !secret {
		object[key] = inner
	}
	return inner
}
