package await

import (
	"context"
	"fmt"
	"sort"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
)

// events gives the newest warnings about an object, each message once.
func events(ctx context.Context, client kubernetes.Interface, namespace, name string) []string {
	list, err := client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "type=Warning,involvedObject.name=" + name,
	})
	if err != nil {
		return nil
	}
	items := list.Items
	sort.SliceStable(items, func(i, j int) bool { return items[j].LastTimestamp.Before(&items[i].LastTimestamp) })
	var found []string
	seen := map[string]bool{}
	for _, event := range items {
		text := event.Reason + ": " + event.Message
		if seen[text] || len(found) == mostEvents {
			continue
		}
		seen[text] = true
		found = append(found, text)
	}
	return found
}

// eventsOfOwner tells why a workload has no pods at all: a quota, a policy, a missing account. A Deployment's
// warnings are those of its ReplicaSets.
func eventsOfOwner(ctx context.Context, client kubernetes.Interface, live *unstructured.Unstructured) []string {
	found := events(ctx, client, live.GetNamespace(), live.GetName())
	if live.GetKind() != "Deployment" {
		return found
	}
	sets, err := client.AppsV1().ReplicaSets(live.GetNamespace()).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(selectorOf(live)),
	})
	if err != nil {
		return append(found, fmt.Sprintf("its ReplicaSets can't be listed: %v", err))
	}
	for _, set := range sets.Items {
		if metav1.IsControlledBy(&set, live) {
			found = append(found, events(ctx, client, set.Namespace, set.Name)...)
		}
	}
	return found[:min(len(found), mostEvents)]
}
