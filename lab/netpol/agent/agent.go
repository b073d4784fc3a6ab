package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"plinth/lab/netpol/policy"
)

const (
	// debounce lets the events of one rollout become one transaction.
	debounce = 50 * time.Millisecond
	// retryAfter follows a transaction that failed; the old rules hold meanwhile.
	retryAfter = time.Second
)

// Agent keeps a Table in step with a cluster.
type Agent struct {
	table   *Table
	options policy.Options
	// assigned may be nil: then a pod is known from its status only.
	assigned *Assignments
	changed  chan struct{}
	// verifyEvery is how long a table that somebody else changed may stay so.
	verifyEvery time.Duration

	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister

	// known are the pods of the last compilation; see withDeparting.
	known map[types.UID]*corev1.Pod

	mutex    sync.Mutex
	health   error
	rewrites int
}

func New(table *Table, options policy.Options, assigned *Assignments) *Agent {
	return &Agent{
		table:       table,
		options:     options,
		assigned:    assigned,
		changed:     make(chan struct{}, 1),
		verifyEvery: 5 * time.Second,
		health:      errors.New("not yet in step with the API server"),
	}
}

// Health is nil while the live table is what the cluster asks for, and the number of rewrites so far.
func (a *Agent) Health() (int, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.rewrites, a.health
}

// Run watches until the context ends, and then leaves the rules in place: without an agent the cluster stays
// as closed as it was.
func (a *Agent) Run(ctx context.Context, client kubernetes.Interface) error {
	// A node that never had rules starts with all of the pod range closed; rules of an earlier run stay
	// until the watches are in step.
	if !a.table.Exists(ctx) {
		if err := a.table.Replace(ctx, policy.Compile(policy.Cluster{}, a.options)); err != nil {
			return err
		}
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	a.pods = factory.Core().V1().Pods().Lister()
	a.namespaces = factory.Core().V1().Namespaces().Lister()
	a.policies = factory.Networking().V1().NetworkPolicies().Lister()
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Namespaces().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { a.notify() },
			UpdateFunc: func(any, any) { a.notify() },
			DeleteFunc: func(any) { a.notify() },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	factory.WaitForCacheSync(ctx.Done())
	if a.assigned != nil {
		go a.assigned.Watch(ctx, a.notify)
	}
	a.notify()
	a.follow(ctx)
	return nil
}

func (a *Agent) notify() {
	select {
	case a.changed <- struct{}{}:
	default: // One is waiting already and will see this change too.
	}
}

func (a *Agent) follow(ctx context.Context) {
	verify := time.NewTicker(a.verifyEvery)
	defer verify.Stop()
	applied := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.changed:
			if !sleep(ctx, debounce) {
				return
			}
		case <-verify.C:
			if applied == "" || a.table.Intact(ctx) {
				continue
			}
			slog.Warn("the table was changed from outside; writing it again")
			applied = ""
		}
		wanted, err := a.compile()
		if err == nil && wanted == applied {
			continue
		}
		if err == nil {
			err = a.table.Replace(ctx, wanted)
		}
		a.record(err)
		if err == nil {
			applied = wanted
			continue
		}
		slog.Error("rules not applied, the former ones hold", "error", err)
		applied = ""
		if !sleep(ctx, retryAfter) {
			return
		}
		a.notify()
	}
}

func (a *Agent) record(err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.health = err
	if err == nil {
		a.rewrites++
	}
}

func (a *Agent) compile() (string, error) {
	pods, errPods := a.pods.List(labels.Everything())
	namespaces, errNamespaces := a.namespaces.List(labels.Everything())
	policies, errPolicies := a.policies.List(labels.Everything())
	if err := errors.Join(errPods, errNamespaces, errPolicies); err != nil {
		return "", err
	}
	cluster := policy.Cluster{Pods: pods, Namespaces: namespaces, Policies: policies}
	if a.assigned != nil {
		cluster.Assigned = a.assigned.Read()
		cluster.Pods = a.withDeparting(pods, cluster.Assigned)
	}
	return policy.Compile(cluster, a.options), nil
}

// withDeparting adds the pods that the API server has forgotten and whose network is still there. One that is deleted
// by force runs on for seconds: closed at once, it would leave whoever sends it something to wait for an answer
// that never comes. The engines of real clusters, too, know a pod as long as its interface.
func (a *Agent) withDeparting(listed []*corev1.Pod, assigned map[types.UID]netip.Addr) []*corev1.Pod {
	known := make(map[types.UID]*corev1.Pod, len(listed))
	names := make(map[types.NamespacedName]bool, len(listed))
	for _, pod := range listed {
		known[pod.UID] = pod
		names[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] = true
	}
	all := slices.Clone(listed)
	for uid, pod := range a.known {
		_, there := assigned[uid]
		// A pod that has taken its name has its rules as well.
		if known[uid] == nil && there && !names[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] {
			known[uid] = pod
			all = append(all, pod)
		}
	}
	a.known = known
	return all
}

func sleep(ctx context.Context, duration time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(duration):
		return true
	}
}
