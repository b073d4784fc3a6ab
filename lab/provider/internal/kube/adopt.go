package kube

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RefuseForeign fails when an object of that name is there and this provider never applied it: it is somebody
// else's, and making it anew would take it from them. One that is going away is waited for by Apply.
func (c *Client) RefuseForeign(ctx context.Context, ref Ref) error {
	_, live, err := c.Get(ctx, ref)
	if err != nil || live == nil || live.GetDeletionTimestamp() != nil {
		return err
	}
	ours := func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == Manager }
	if slices.ContainsFunc(live.GetManagedFields(), ours) {
		return nil
	}
	return fmt.Errorf("%s is there already, and was not made by this platform: remove or rename one of the two, "+
		"or, to take it over, run the update once with PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true", ref)
}
