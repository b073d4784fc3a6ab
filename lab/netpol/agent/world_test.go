package agent

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"plinth/lab/netpol/policy"
)

// world is a node with the bridge of its pods, a host outside, and a cluster that only a fake API server knows.
type world struct {
	t       *testing.T
	client  *fake.Clientset
	node    *namespace
	outside *namespace
	pods    int
	options policy.Options
	table   *Table
	results string
}

const (
	nodeAddress    = "10.77.0.1"
	outsideAddress = "192.0.2.2"
	otherOutside   = "192.0.2.3"
)

func newWorld(t *testing.T) *world {
	w := &world{t: t, node: newNamespace(t), outside: newNamespace(t), results: t.TempDir()}
	w.client = fake.NewClientset(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "app", Labels: map[string]string{"team": "blue"}}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other", Labels: map[string]string{"team": "red"}}},
	)
	w.options = policy.Options{
		Table: "plinth-netpol", PodCIDR: netip.MustParsePrefix("10.77.0.0/16"), PodInterface: "cni0", Node: "node",
	}
	w.table = NewTable(w.options.Table)
	w.table.start = w.node.start
	w.node.ip("link add cni0 type bridge")
	w.node.ip("address add " + nodeAddress + "/16 dev cni0")
	w.node.ip("link set cni0 up")
	w.node.sysctl("ipv4/ip_forward", "1")
	w.node.sysctl("bridge/bridge-nf-call-iptables", "1")
	w.node.sysctl("bridge/bridge-nf-call-ip6tables", "1")
	w.node.ip("link add out type veth peer name eth0 netns " + w.outside.path())
	w.node.ip("address add 192.0.2.1/24 dev out")
	w.node.ip("link set out up")
	w.outside.ip("address add " + outsideAddress + "/24 dev eth0")
	w.outside.ip("address add " + otherOutside + "/24 dev eth0")
	w.outside.ip("link set eth0 up")
	w.outside.ip("route add default via 192.0.2.1")
	w.outside.serve(80)
	return w
}

// podNetwork is a pod's namespace and what the API server would know of the pod.
type podNetwork struct {
	*namespace
	address string
	object  *corev1.Pod
}

// wire connects a pod as the bridge CNI does. The API server learns of it by announce.
func (w *world) wire(namespace, name string, ports ...corev1.ContainerPort) *podNetwork {
	w.t.Helper()
	w.pods++
	p := &podNetwork{namespace: newNamespace(w.t), address: fmt.Sprintf("10.77.0.%d", 10+w.pods)}
	link := fmt.Sprintf("pod%d", w.pods)
	w.node.ip("link add " + link + " type veth peer name eth0 netns " + p.path())
	w.node.ip("link set " + link + " master cni0 up")
	w.node.ip("link set " + link + " type bridge_slave hairpin on")
	p.ip("address add " + p.address + "/16 dev eth0")
	p.ip("link set eth0 up")
	p.ip("route add default via " + nodeAddress)
	p.object = &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(namespace + "-" + name), Labels: map[string]string{"app": name},
		},
		Spec:   corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Name: "main", Ports: ports}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: p.address},
	}
	return p
}

func (w *world) pod(namespace, name string, ports ...corev1.ContainerPort) *podNetwork {
	w.t.Helper()
	p := w.wire(namespace, name, ports...)
	w.announce(p)
	return p
}

func (w *world) announce(p *podNetwork) {
	w.t.Helper()
	_, err := w.client.CoreV1().Pods(p.object.Namespace).Create(w.t.Context(), p.object, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
}

// assign writes down the pod's address as libcni does, and returns what takes it back.
func (w *world) assign(p *podNetwork) (release func()) {
	w.t.Helper()
	result := fmt.Sprintf(`{"kind": "cniCacheV1", "containerId": "c1", "ifName": "eth0", "networkName": "pods",
		"cniArgs": [["IgnoreUnknown", "1"], ["K8S_POD_NAMESPACE", %q], ["K8S_POD_NAME", %q], ["K8S_POD_UID", %q]],
		"result": {"cniVersion": "1.0.0", "ips": [{"address": "%s/16", "gateway": "10.77.0.1"}]}}`,
		p.object.Namespace, p.object.Name, p.object.UID, p.address)
	file := filepath.Join(w.results, "pods-"+p.object.Name+"-eth0")
	if err := os.WriteFile(file, []byte(result), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := os.Remove(file); err != nil {
			w.t.Fatal(err)
		}
	}
}

// enforce starts an agent, waits until it is in step and returns what ends it.
func (w *world) enforce() (*Agent, func()) {
	w.t.Helper()
	a, stop, inStep := w.launch()
	inStep()
	return a, stop
}

// launch starts an agent, which ends with the test at the latest.
func (w *world) launch() (a *Agent, stop, inStep func()) {
	w.t.Helper()
	// The fake API server forgets what happens between a list and its watch, so wait until all three watch.
	var watching sync.WaitGroup
	watching.Add(3)
	w.client.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		watcher, err := w.client.Tracker().Watch(action.GetResource(), action.GetNamespace())
		watching.Done()
		return true, watcher, err
	})
	a = New(w.table, w.options, NewAssignments(w.results))
	a.verifyEvery = 200 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, w.client) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(stop)
	return a, stop, func() {
		watching.Wait()
		eventually(w.t, "the agent is in step", func() bool { _, err := a.Health(); return err == nil })
	}
}

// apply creates the policies of a YAML text in a namespace and returns what deletes them.
func (w *world) apply(namespace string, documents string) func() {
	w.t.Helper()
	var names []string
	for number, document := range strings.Split(documents, "\n---\n") {
		object := &networkingv1.NetworkPolicy{}
		if err := yaml.UnmarshalStrict([]byte(document), &object.Spec); err != nil {
			w.t.Fatal(err)
		}
		w.pods++ // Only to give every policy its own name.
		object.Name, object.Namespace = fmt.Sprintf("policy-%d-%d", w.pods, number), namespace
		policies := w.client.NetworkingV1().NetworkPolicies(namespace)
		if _, err := policies.Create(w.t.Context(), object, metav1.CreateOptions{}); err != nil {
			w.t.Fatal(err)
		}
		names = append(names, object.Name)
	}
	return func() {
		for _, name := range names {
			policies := w.client.NetworkingV1().NetworkPolicies(namespace)
			if err := policies.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// attempt is one connection and what is expected of it.
type attempt struct {
	by       *namespace
	to       string
	from     string
	over     string
	expected bool
}

func allowed(by *namespace, to string) attempt {
	return attempt{by: by, to: to, over: "tcp", expected: true}
}
func denied(by *namespace, to string) attempt { return attempt{by: by, to: to, over: "tcp"} }

// expect waits for every attempt to come out as expected, denials first: while one is still open the newest
// rules aren't in force yet. Then it tries the denials once more.
func (w *world) expect(attempts ...attempt) {
	w.t.Helper()
	for _, expected := range []bool{false, true} {
		for number, one := range attempts {
			if one.expected == expected {
				what := fmt.Sprintf("attempt %d, %s to %s, allowed: %v", number+1, one.over, one.to, expected)
				eventually(w.t, what, func() bool { return one.by.reaches(one.over, one.from, one.to) == expected })
			}
		}
	}
	for number, one := range attempts {
		if !one.expected && one.by.reaches(one.over, one.from, one.to) {
			w.t.Errorf("attempt %d, %s to %s, was denied and then got through", number+1, one.over, one.to)
		}
	}
}
