package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// longestRequest is longer than the API server gives to its webhooks.
const longestRequest = time.Minute

// Note tells whoever waits what is waited for; it replaces the note before.
type Note func(format string, args ...any)

// Apply makes the object what the inputs say, by server-side apply with force: whoever changed one of our fields
// loses it. An object that is already there is adopted, so a create that was cut off is simply done again.
func (c *Client) Apply(ctx context.Context, ref Ref, inputs map[string]any, note Note) (Ref, *unstructured.Unstructured, error) {
	ref, resource, err := c.locateSoon(ctx, ref, note)
	if err != nil {
		return ref, nil, fmt.Errorf("cannot apply %s: %w", ref, err)
	}
	data, err := json.Marshal(body(ref, inputs))
	if err != nil {
		return ref, nil, fmt.Errorf("cannot apply %s: %w", ref, err)
	}
	for {
		live, err := patch(ctx, resource, ref, data, false)
		switch {
		case err == nil && live.GetDeletionTimestamp() != nil && len(live.GetFinalizers()) > 0 && ref.Kind.Kind != "Namespace":
			// An object of that name is still going away: what was applied would go with it.
			note("the old %s is still being deleted", ref)
			if err := c.waitGone(ctx, ref, resource, live.GetUID(), note); err != nil {
				return ref, nil, err
			}
			continue
		case err == nil && live.GetDeletionTimestamp() != nil && ref.Kind.Kind == "Namespace":
			note("namespace %q is still being deleted", ref.Name)
			if err := c.waitGone(ctx, ref, resource, live.GetUID(), note); err != nil {
				return ref, nil, err
			}
			continue
		case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
			note("namespace %q is still being deleted", ref.Namespace)
			if sleep(ctx, time.Second) == nil {
				continue
			}
		}
		if err != nil {
			return ref, nil, explain(ref, "apply", err)
		}
		return ref, live, nil
	}
}

// locateSoon waits a moment for a kind whose definition was made just now, as the API server takes a second or two.
func (c *Client) locateSoon(ctx context.Context, ref Ref, note Note) (Ref, dynamic.ResourceInterface, error) {
	deadline := time.Now().Add(15 * time.Second)
	for {
		located, resource, err := c.locate(ctx, ref)
		var unknown *UnknownKindError
		if !errors.As(err, &unknown) || time.Now().After(deadline) {
			return located, resource, err
		}
		note("waiting for the cluster to serve kind %s", ref.Kind.Kind)
		if sleep(ctx, 500*time.Millisecond) != nil {
			return located, resource, err
		}
	}
}

// ErrNotYet says that a dry run can't tell, because what the object needs isn't there before the update itself.
var ErrNotYet = errors.New("not there before the update")

// DryRun asks the API server what an apply would do, without doing it. It gives ErrNotYet when the namespace or the
// kind is still to be made, a webhook can't be asked, or `replacing` is set and the old object stands in the way.
func (c *Client) DryRun(ctx context.Context, ref Ref, inputs map[string]any, replacing bool) (Ref, *unstructured.Unstructured, error) {
	ref, resource, err := c.locate(ctx, ref)
	var unknown *UnknownKindError
	if errors.As(err, &unknown) {
		return ref, nil, ErrNotYet
	}
	if err != nil {
		return ref, nil, fmt.Errorf("cannot preview %s: %w", ref, err)
	}
	data, err := json.Marshal(body(ref, inputs))
	if err != nil {
		return ref, nil, fmt.Errorf("cannot preview %s: %w", ref, err)
	}
	live, err := patch(ctx, resource, ref, data, true)
	switch {
	case err == nil:
		return ref, live, nil
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause),
		apierrors.IsInternalError(err) && strings.Contains(err.Error(), "webhook"):
		return ref, nil, ErrNotYet
	case replacing && apierrors.IsInvalid(err):
		if _, readErr := resource.Get(ctx, ref.Name, metav1.GetOptions{}); readErr == nil {
			return ref, nil, ErrNotYet
		}
	}
	return ref, nil, explain(ref, "preview", err)
}

func patch(ctx context.Context, resource dynamic.ResourceInterface, ref Ref, data []byte, dry bool) (*unstructured.Unstructured, error) {
	force := true
	// Strict: a field that the kind doesn't have is a mistake, not something to drop in silence.
	options := metav1.PatchOptions{FieldManager: Manager, Force: &force, FieldValidation: metav1.FieldValidationStrict}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	var live *unstructured.Unstructured
	err := retry(ctx, func() (err error) {
		// A cancelled update still hears what became of a request under way, or the state would miss an object.
		asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestRequest)
		defer cancel()
		live, err = resource.Patch(asked, ref.Name, types.ApplyPatchType, data, options)
		return err
	})
	return live, err
}

// Get reads a live object; nil when there is none, or when its kind is gone.
func (c *Client) Get(ctx context.Context, ref Ref) (Ref, *unstructured.Unstructured, error) {
	ref, resource, err := c.locate(ctx, ref)
	var unknown *UnknownKindError
	if errors.As(err, &unknown) {
		return ref, nil, nil
	}
	if err != nil {
		return ref, nil, fmt.Errorf("cannot read %s: %w", ref, err)
	}
	var live *unstructured.Unstructured
	err = retry(ctx, func() (err error) {
		live, err = resource.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return ref, nil, nil
	}
	if err != nil {
		return ref, nil, explain(ref, "read", err)
	}
	return ref, live, nil
}

// explain puts the object in front of what the API server said, and a way out behind it where there is one.
func explain(ref Ref, verb string, err error) error {
	hint := ""
	text := err.Error()
	switch {
	case apierrors.IsNotFound(err) && ref.Namespace != "" && strings.Contains(text, "namespaces"):
		hint = "; is the namespace missing among its dependencies?"
	case apierrors.IsInvalid(err) && strings.Contains(text, "immutable"):
		hint = "; this field needs a replacement: pulumi up --replace <urn>, or another name"
	case apierrors.IsUnauthorized(err):
		hint = "; the kubeconfig's credentials are not valid for this cluster"
	case passing(err):
		hint = fmt.Sprintf("; gave up after %s", patience)
	}
	return fmt.Errorf("cannot %s %s: %w%s", verb, ref, err, hint)
}
