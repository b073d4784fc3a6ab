package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// UnknownKindError says that the API server doesn't serve a kind, such as one whose definition isn't there yet.
type UnknownKindError struct{ Kind schema.GroupVersionKind }

func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("the cluster doesn't serve kind %s of %s; is its CustomResourceDefinition missing, or not a dependency?",
		e.Kind.Kind, e.Kind.GroupVersion())
}

type served struct {
	resource   schema.GroupVersionResource
	namespaced bool
}

// kinds remembers which resources the API server has for which kinds, one request per group and version.
type kinds struct {
	discovery discovery.DiscoveryInterface
	mutex     sync.Mutex
	versions  map[schema.GroupVersion]*version
}

// version has a lock of its own, so that many objects of one kind ask once while others go on.
type version struct {
	mutex sync.Mutex
	known map[string]served
	asked time.Time
}

func newKinds(client discovery.DiscoveryInterface) *kinds {
	return &kinds{discovery: client, versions: map[schema.GroupVersion]*version{}}
}

// find asks again when the kind isn't known: its definition may have been made a second ago.
func (k *kinds) find(ctx context.Context, kind schema.GroupVersionKind) (served, error) {
	k.mutex.Lock()
	entry := k.versions[kind.GroupVersion()]
	if entry == nil {
		entry = &version{}
		k.versions[kind.GroupVersion()] = entry
	}
	k.mutex.Unlock()

	entry.mutex.Lock()
	defer entry.mutex.Unlock()
	if found, known := entry.known[kind.Kind]; known {
		return found, nil
	}
	// Hundreds of objects of a missing kind in one preview mustn't each ask.
	if time.Since(entry.asked) < 200*time.Millisecond {
		return served{}, &UnknownKindError{kind}
	}
	var known map[string]served
	err := retry(ctx, func() error {
		list, err := k.discovery.ServerResourcesForGroupVersion(kind.GroupVersion().String())
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		known = make(map[string]served, len(list.APIResources))
		for _, item := range list.APIResources {
			// Subresources such as deployments/scale carry a kind too.
			if slash(item.Name) {
				continue
			}
			known[item.Kind] = served{kind.GroupVersion().WithResource(item.Name), item.Namespaced}
		}
		return nil
	})
	if err != nil {
		return served{}, fmt.Errorf("cannot learn what %s serves: %w", kind.GroupVersion(), err)
	}
	entry.asked = time.Now()
	entry.known = known
	if found, isServed := known[kind.Kind]; isServed {
		return found, nil
	}
	return served{}, &UnknownKindError{kind}
}

func slash(name string) bool {
	for _, letter := range name {
		if letter == '/' {
			return true
		}
	}
	return false
}
