package diff

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// identity is what no object can change: another value is another object.
var identity = [][]string{
	{"apiVersion"}, {"kind"}, {"metadata", "name"}, {"metadata", "namespace"}, {"metadata", "generateName"},
}

// immutable lists, by group and kind, the fields that the API server refuses to change. "*" is any one step.
var immutable = map[schema.GroupKind][][]string{
	{Group: "batch", Kind: "Job"}: {
		{"spec", "template"}, {"spec", "selector"}, {"spec", "manualSelector"}, {"spec", "completions"},
		{"spec", "completionMode"}, {"spec", "podFailurePolicy"}, {"spec", "successPolicy"},
		{"spec", "backoffLimitPerIndex"}, {"spec", "managedBy"}, {"spec", "podReplacementPolicy"},
	},
	{Group: "apps", Kind: "Deployment"}:  {{"spec", "selector"}},
	{Group: "apps", Kind: "DaemonSet"}:   {{"spec", "selector"}},
	{Group: "apps", Kind: "ReplicaSet"}:  {{"spec", "selector"}},
	{Group: "apps", Kind: "StatefulSet"}: {{"spec", "selector"}, {"spec", "serviceName"}, {"spec", "volumeClaimTemplates"}, {"spec", "podManagementPolicy"}},
	{Kind: "PersistentVolumeClaim"}:      {{"spec"}},
	{Kind: "PersistentVolume"}: {
		{"spec", "csi"}, {"spec", "hostPath"}, {"spec", "local"}, {"spec", "nfs"}, {"spec", "iscsi"},
		{"spec", "volumeMode"}, {"spec", "nodeAffinity"},
	},
	{Kind: "Pod"}:     {{"spec"}},
	{Kind: "Secret"}:  {{"type"}},
	{Kind: "Service"}: {{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "ipFamilies"}, {"spec", "loadBalancerClass"}},
	{Group: "storage.k8s.io", Kind: "StorageClass"}: {
		{"provisioner"}, {"parameters"}, {"reclaimPolicy"}, {"volumeBindingMode"},
	},
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        {{"roleRef"}},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: {{"roleRef"}},
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:              {{"value"}, {"preemptionPolicy"}},
	{Group: "networking.k8s.io", Kind: "IngressClass"}:               {{"spec", "controller"}},
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:                     {{"handler"}},
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:               {{"addressType"}},
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: {
		{"spec", "group"}, {"spec", "scope"}, {"spec", "names", "plural"}, {"spec", "names", "kind"},
	},
}

// mutable are the exceptions inside fields that are otherwise immutable.
var mutable = map[schema.GroupKind][][]string{
	{Kind: "PersistentVolumeClaim"}: {{"spec", "volumeAttributesClassName"}},
	{Kind: "Pod"}: {
		{"spec", "containers", "*", "image"}, {"spec", "initContainers", "*", "image"},
		{"spec", "activeDeadlineSeconds"}, {"spec", "tolerations"},
	},
}

// Replaces tells whether a change can only be made by another object in place of the old one.
func Replaces(kind schema.GroupKind, old map[string]any, change Change) bool {
	if matches(identity, change.Path) {
		return true
	}
	if kind.Group == "" && (kind.Kind == "Secret" || kind.Kind == "ConfigMap") && old["immutable"] == true {
		return matches([][]string{{"data"}, {"stringData"}, {"binaryData"}, {"immutable"}}, change.Path)
	}
	if !matches(immutable[kind], change.Path) {
		return false
	}
	inside := slices.ContainsFunc(mutable[kind], func(pattern []string) bool {
		return len(change.Path) >= len(pattern) && matches([][]string{pattern}, change.Path)
	})
	return !inside && !grows(kind, change)
}

// grows tells whether a change only makes a claim larger, which storage classes may allow in place.
func grows(kind schema.GroupKind, change Change) bool {
	path := []string{"spec", "resources", "requests", "storage"}
	if kind.Kind != "PersistentVolumeClaim" || kind.Group != "" || !matches([][]string{path}, change.Path) {
		return false
	}
	old, oldOk := change.Old.(string)
	new, newOk := change.New.(string)
	if !oldOk || !newOk {
		return false
	}
	before, errBefore := resource.ParseQuantity(old)
	after, errAfter := resource.ParseQuantity(new)
	return errBefore == nil && errAfter == nil && after.Cmp(before) >= 0
}

// matches tells whether a path lies at or below one of the patterns, or above one (a whole subtree added or removed).
func matches(patterns [][]string, path []any) bool {
	return slices.ContainsFunc(patterns, func(pattern []string) bool {
		for index := range min(len(pattern), len(path)) {
			if step, isKey := path[index].(string); pattern[index] != "*" && (!isKey || step != pattern[index]) {
				return false
			}
		}
		return true
	})
}
