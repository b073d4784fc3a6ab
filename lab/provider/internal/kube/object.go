package kube

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// Ref names one object.
type Ref struct {
	Kind      schema.GroupVersionKind
	Namespace string
	Name      string
}

func (r Ref) String() string {
	if r.Namespace == "" {
		return fmt.Sprintf("%s %q", r.Kind.Kind, r.Name)
	}
	return fmt.Sprintf("%s %q in namespace %q", r.Kind.Kind, r.Name, r.Namespace)
}

// ID is what the engine knows the object by: namespace/name, or the name of a cluster-scoped one.
func (r Ref) ID() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// notObjects are what the official provider serves besides objects: charts, releases, files and directories.
var notObjects = []string{"helm.sh", "yaml", "kustomize"}

// KindOf reads a token such as kubernetes:apps/v1:Deployment or kubernetes:core/v1:Secret.
func KindOf(token string) (schema.GroupVersionKind, error) {
	parts := strings.Split(token, ":")
	if len(parts) == 3 && parts[0] == "kubernetes" {
		group, version, found := strings.Cut(parts[1], "/")
		if group == "core" {
			group = ""
		}
		if found && !slices.Contains(notObjects, group) && !strings.HasSuffix(parts[2], "Patch") {
			return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
		}
	}
	return schema.GroupVersionKind{}, fmt.Errorf(
		"the lab's stand-in for the Kubernetes provider serves objects (kubernetes:<group>/<version>:<Kind>), not %s", token)
}

// RefOf reads an object's own words, with the kind of its token where it has none.
func RefOf(kind schema.GroupVersionKind, object map[string]any) Ref {
	live := unstructured.Unstructured{Object: object}
	if live.GetAPIVersion() != "" && live.GetKind() != "" {
		kind = live.GroupVersionKind()
	}
	return Ref{Kind: kind, Namespace: live.GetNamespace(), Name: live.GetName()}
}

// FromID is the object that the engine knows by an ID.
func FromID(kind schema.GroupVersionKind, id string) Ref {
	if namespace, name, found := strings.Cut(id, "/"); found {
		return Ref{kind, namespace, name}
	}
	return Ref{kind, "", id}
}

// locate completes a reference with the default namespace and gives the resource to call.
func (c *Client) locate(ctx context.Context, ref Ref) (Ref, dynamic.ResourceInterface, error) {
	found, err := c.kinds.find(ctx, ref.Kind)
	if err != nil {
		return ref, nil, err
	}
	if !found.namespaced {
		ref.Namespace = ""
		return ref, c.dynamic.Resource(found.resource), nil
	}
	if ref.Namespace == "" {
		ref.Namespace = c.namespace
	}
	return ref, c.dynamic.Resource(found.resource).Namespace(ref.Namespace), nil
}

// body is the object as it is applied: complete, without status and nulls, a Secret's values under data alone.
// The API server keeps no field owner for stringData, so a key removed there would stay forever.
func body(ref Ref, inputs map[string]any) map[string]any {
	object, _ := withoutNulls(inputs).(map[string]any)
	delete(object, "status")
	object["apiVersion"], object["kind"] = ref.Kind.GroupVersion().String(), ref.Kind.Kind
	metadata, isMap := object["metadata"].(map[string]any)
	if !isMap {
		metadata = map[string]any{}
		object["metadata"] = metadata
	}
	delete(metadata, "managedFields")
	metadata["name"] = ref.Name
	if ref.Namespace != "" {
		metadata["namespace"] = ref.Namespace
	} else {
		delete(metadata, "namespace")
	}
	plain, isMap := object["stringData"].(map[string]any)
	if ref.Kind.Group == "" && ref.Kind.Kind == "Secret" && isMap {
		data, hasData := object["data"].(map[string]any)
		if !hasData {
			data = map[string]any{}
			object["data"] = data
		}
		for key, value := range plain {
			data[key] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(value)))
		}
		delete(object, "stringData")
	}
	return object
}

func withoutNulls(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(typed))
		for key, item := range typed {
			if item != nil {
				result[key] = withoutNulls(item)
			}
		}
		return result
	case []any:
		result := make([]any, 0, len(typed))
		for _, item := range typed {
			result = append(result, withoutNulls(item))
		}
		return result
	default:
		return value
	}
}

// Typed is the client for the few kinds that diagnosis reads.
func (c *Client) Typed() kubernetes.Interface { return c.typed }
