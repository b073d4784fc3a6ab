package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// haveDependents are the kinds that are gone only when their pods are: a successor may need the same volume.
var haveDependents = []string{
	"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob",
}

// Delete removes an object and waits until it is gone. None there is fine. Without `wait` it only asks: on a control
// plane without controllers nothing that has a finalizer ever goes.
func (c *Client) Delete(ctx context.Context, ref Ref, wait bool, note Note) error {
	ref, resource, err := c.locate(ctx, ref)
	var unknown *UnknownKindError
	if errors.As(err, &unknown) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot delete %s: %w", ref, err)
	}
	policy := metav1.DeletePropagationBackground
	if wait && slices.Contains(haveDependents, ref.Kind.Kind) {
		policy = metav1.DeletePropagationForeground
	}
	err = retry(ctx, func() error {
		return resource.Delete(ctx, ref.Name, metav1.DeleteOptions{PropagationPolicy: &policy})
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return explain(ref, "delete", err)
	}
	if !wait {
		return nil
	}
	return c.waitGone(ctx, ref, resource, "", note)
}

// waitGone polls until an object, or the one of that uid, isn't there any more.
func (c *Client) waitGone(ctx context.Context, ref Ref, resource dynamic.ResourceInterface, uid types.UID, note Note) error {
	pause := 50 * time.Millisecond
	begun := time.Now()
	var last *unstructured.Unstructured
	for {
		var live *unstructured.Unstructured
		err := retry(ctx, func() (err error) {
			live, err = resource.Get(ctx, ref.Name, metav1.GetOptions{})
			return err
		})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil && ctx.Err() == nil:
			return explain(ref, "delete", err)
		case err == nil && uid == "":
			uid = live.GetUID()
		case err == nil && live.GetUID() != uid:
			return nil
		}
		if err == nil {
			last = live
		}
		if time.Since(begun) > 5*time.Second && last != nil {
			note("waiting until %s is gone%s", ref, remains(last))
		}
		if sleep(ctx, pause) != nil {
			return fmt.Errorf("%s is not gone: %w%s", ref, context.Cause(ctx), remains(last))
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// remains says what holds an object back: its finalizers, or what a namespace still contains.
func remains(live *unstructured.Unstructured) string {
	if live == nil {
		return ""
	}
	var reasons []string
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, item := range conditions {
		condition, _ := item.(map[string]any)
		if live.GetKind() == "Namespace" && condition["status"] == "True" {
			reasons = append(reasons, fmt.Sprint(condition["message"]))
		}
	}
	if finalizers := live.GetFinalizers(); len(finalizers) > 0 {
		reasons = append(reasons, "finalizers: "+strings.Join(finalizers, ", "))
	}
	if len(reasons) == 0 {
		return ""
	}
	return " (" + strings.Join(reasons, "; ") + ")"
}
