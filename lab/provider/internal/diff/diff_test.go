package diff

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"plinth.local/lab/provider/internal/property"
)

type object = map[string]any

func paths(changes []Change) string {
	var names []string
	for _, change := range changes {
		names = append(names, []string{"+", "-", "~"}[change.Kind]+Format(change.Path))
	}
	return strings.Join(names, " ")
}

func TestCompareNamesTheFieldsThatDiffer(t *testing.T) {
	old := object{
		"metadata": object{"labels": object{"app.kubernetes.io/name": "a", "gone": "x"}},
		"spec":     object{"ports": []any{object{"port": int64(80)}}, "ratio": 1.0, "empty": nil},
		"data":     property.Secret{Value: object{"password": "one"}},
	}
	new := object{
		"metadata": object{"labels": object{"app.kubernetes.io/name": "b"}},
		"spec":     object{"ports": []any{object{"port": int64(81)}, object{"port": int64(82)}}, "ratio": int64(1)},
		"data":     property.Secret{Value: object{"password": "two"}},
	}
	want := `~data.password -metadata.labels.gone ~metadata.labels["app.kubernetes.io/name"] ~spec.ports[0].port +spec.ports[1]`
	if got := paths(Compare(old, new)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAFieldThatBecomesSecretChanges(t *testing.T) {
	got := paths(Compare(object{"data": object{"a": "1"}}, object{"data": object{"a": property.Secret{Value: "1"}}}))
	if got != "~data.a" {
		t.Errorf("got %s", got)
	}
}

func TestAnUnknownValueChanges(t *testing.T) {
	if got := paths(Compare(object{"a": "1"}, object{"a": property.Unknown{}})); got != "~a" {
		t.Errorf("got %s", got)
	}
}

func TestReplacements(t *testing.T) {
	claim := func(size, class string) object {
		return object{"spec": object{
			"storageClassName": class, "resources": object{"requests": object{"storage": size}},
		}}
	}
	job := func(image string, parallel int64) object {
		return object{"spec": object{
			"parallelism": parallel, "template": object{"spec": object{"containers": []any{object{"image": image}}}},
		}}
	}
	core := func(kind string) schema.GroupKind { return schema.GroupKind{Kind: kind} }
	for name, test := range map[string]struct {
		kind     schema.GroupKind
		old, new object
		want     bool
	}{
		"a claim that grows":          {core("PersistentVolumeClaim"), claim("1Gi", "a"), claim("2048Mi", "a"), false},
		"a claim that shrinks":        {core("PersistentVolumeClaim"), claim("2Gi", "a"), claim("1Gi", "a"), true},
		"a claim of another class":    {core("PersistentVolumeClaim"), claim("1Gi", "a"), claim("1Gi", "b"), true},
		"a job's image":               {schema.GroupKind{Group: "batch", Kind: "Job"}, job("a", 1), job("b", 1), true},
		"a job's parallelism":         {schema.GroupKind{Group: "batch", Kind: "Job"}, job("a", 1), job("a", 2), false},
		"a name":                      {core("ConfigMap"), object{"metadata": object{"name": "a"}}, object{"metadata": object{"name": "b"}}, true},
		"a label":                     {core("ConfigMap"), object{"metadata": object{"labels": object{}}}, object{"metadata": object{"labels": object{"a": "b"}}}, false},
		"data":                        {core("ConfigMap"), object{"data": object{"a": "1"}}, object{"data": object{"a": "2"}}, false},
		"data of an immutable object": {core("Secret"), object{"immutable": true, "data": object{"a": "1"}}, object{"immutable": true, "data": object{"a": "2"}}, true},
		"a Secret's type":             {core("Secret"), object{"type": "Opaque"}, object{"type": "kubernetes.io/tls"}, true},
		"a Deployment's selector": {schema.GroupKind{Group: "apps", Kind: "Deployment"},
			object{"spec": object{"selector": object{"matchLabels": object{"a": "1"}}}},
			object{"spec": object{"selector": object{"matchLabels": object{"a": "2"}}}}, true},
		"another group's Deployment": {schema.GroupKind{Group: "example.com", Kind: "Deployment"},
			object{"spec": object{"selector": "a"}}, object{"spec": object{"selector": "b"}}, false},
		"a binding's role": {schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"},
			object{"roleRef": object{"name": "a"}}, object{"roleRef": object{"name": "b"}}, true},
		"a pod's image": {core("Pod"), object{"spec": object{"containers": []any{object{"image": "a"}}}},
			object{"spec": object{"containers": []any{object{"image": "b"}}}}, false},
		"a pod's node": {core("Pod"), object{"spec": object{"nodeName": "a"}}, object{"spec": object{"nodeName": "b"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			changes := Compare(test.old, test.new)
			if len(changes) != 1 {
				t.Fatalf("%d changes: %s", len(changes), paths(changes))
			}
			if got := Replaces(test.kind, test.old, changes[0]); got != test.want {
				t.Errorf("replaces %v, want %v", got, test.want)
			}
		})
	}
}
