package await

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"plinth.local/lab/provider/internal/kube"
)

// Cluster is what waiting needs of a cluster.
type Cluster interface {
	Get(ctx context.Context, ref kube.Ref) (kube.Ref, *unstructured.Unstructured, error)
	Typed() kubernetes.Interface
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
	// A look at the pods costs several requests.
	between = 10 * time.Second
)

// Until waits until an object is ready and gives what it is then. The error says which pods are in the way and why.
func Until(ctx context.Context, cluster Cluster, ref kube.Ref, live *unstructured.Unstructured, note kube.Note) (*unstructured.Unstructured, error) {
	pause := firstPause
	looked := time.Now()
	begun := time.Now()
	for {
		state := Judge(live)
		if state.Ready {
			return live, nil
		}
		if state.Failed {
			return live, fmt.Errorf("%s: %s%s", ref, state.Reason, diagnose(ctx, cluster.Typed(), live, lines))
		}
		note("%s", state.Reason)
		if time.Since(looked) > between {
			looked = time.Now()
			if why := diagnose(ctx, cluster.Typed(), live, 0); why != "" {
				note("%s%s", state.Reason, why)
			}
		}
		if !rest(ctx, pause) {
			// The time is over, but the reasons are still to be asked for.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			what := fmt.Sprintf("not ready after %s", time.Since(begun).Round(time.Second))
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				what = "waiting was cancelled; the next update goes on"
			}
			return live, fmt.Errorf("%s: %s: %s%s", ref, what, state.Reason, diagnose(last, cluster.Typed(), live, lines))
		}
		_, next, err := cluster.Get(ctx, ref)
		switch {
		case err != nil && ctx.Err() != nil:
			continue
		case err != nil:
			return live, err
		case next == nil:
			return live, fmt.Errorf("%s was deleted by someone else while it was waited for", ref)
		}
		live = next
		pause = min(pause*3/2, lastPause)
	}
}

func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
