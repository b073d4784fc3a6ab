package policy

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

var options = Options{Table: "t", PodCIDR: netip.MustParsePrefix("10.1.0.0/16"), PodInterface: "cni0", Node: "here"}

func newPod(namespace, name, ip string, ports ...corev1.ContainerPort) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(namespace + name), Labels: map[string]string{"app": name},
		},
		Spec:   corev1.PodSpec{NodeName: "here", Containers: []corev1.Container{{Name: "main", Ports: ports}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip},
	}
}

func newPolicy(t *testing.T, name, spec string) *networkingv1.NetworkPolicy {
	t.Helper()
	object := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name}}
	if err := yaml.UnmarshalStrict([]byte(spec), &object.Spec); err != nil {
		t.Fatal(err)
	}
	return object
}

// chains splits the compiled text into the rules of each chain.
func chains(text string) map[string][]string {
	found := map[string][]string{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest, opens := strings.CutPrefix(line, "chain "); opens {
			name = strings.TrimSuffix(rest, " {")
			found[name] = nil
		} else if line != "}" && name != "" {
			found[name] = append(found[name], line)
		}
	}
	return found
}

func cluster(policies ...*networkingv1.NetworkPolicy) Cluster {
	elsewhere := newPod("app", "far", "10.1.0.9")
	elsewhere.Spec.NodeName = "elsewhere"
	return Cluster{
		Namespaces: []*corev1.Namespace{
			{ObjectMeta: metav1.ObjectMeta{Name: "app", Labels: map[string]string{"team": "blue"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "other", Labels: map[string]string{"team": "red"}}},
		},
		Pods: []*corev1.Pod{
			newPod("app", "web", "10.1.0.2",
				corev1.ContainerPort{Name: "http", ContainerPort: 8080},
				corev1.ContainerPort{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}),
			newPod("app", "client", "10.1.0.3"),
			newPod("other", "client", "10.1.0.4", corev1.ContainerPort{Name: "http", ContainerPort: 9090}),
			elsewhere,
		},
		Policies: policies,
	}
}

func TestRulesOfAPolicy(t *testing.T) {
	const ingress, egress = "ingress/app/p", "egress/app/p"
	for _, test := range []struct {
		title, chain, spec string
		want               []string
	}{
		{"no rule allows nothing", ingress, "podSelector: {}", nil},
		{"an empty rule allows all", ingress, "podSelector: {}\ningress: [{}]", []string{"accept"}},
		{"an empty peer list is anyone", ingress, "podSelector: {}\ningress: [{from: [], ports: [{port: 80}]}]",
			[]string{"tcp dport { 80 } accept"}},
		{"a pod selector means the own namespace", ingress,
			"podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]",
			[]string{"ip saddr { 10.1.0.3 } accept"}},
		{"a namespace selector means all of its pods", ingress,
			"podSelector: {}\ningress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]",
			[]string{"ip saddr { 10.1.0.4 } accept"}},
		{"pods on other nodes are peers", ingress,
			"podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {app: far}}}]}]",
			[]string{"ip saddr { 10.1.0.9 } accept"}},
		{"two selectors in one peer both hold", ingress,
			"podSelector: {}\ningress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}]}]",
			[]string{"ip saddr { 10.1.0.3, 10.1.0.4 } accept"}},
		{"a selector that means nobody opens nothing", ingress,
			"podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {app: none}}}]}]", nil},
		{"expressions", ingress,
			"podSelector: {}\ningress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web, far]}]}}]}]",
			[]string{"ip saddr { 10.1.0.3 } accept"}},
		{"a block with exceptions, beside pods", ingress,
			"podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 192.0.2.7/24, except: [192.0.2.0/28, 192.0.2.9/32]}}, {podSelector: {matchLabels: {app: client}}}]}]",
			[]string{"ip saddr { 10.1.0.3 } accept", "ip saddr 192.0.2.0/24 ip saddr != 192.0.2.0/28 ip saddr != 192.0.2.9/32 accept"}},
		{"an IPv6 block opens nothing", ingress,
			"podSelector: {}\ningress: [{from: [{ipBlock: {cidr: '2001:db8::/32'}}]}]", nil},
		{"ports by protocol, overlaps joined", ingress,
			"podSelector: {}\ningress: [{ports: [{port: 85, endPort: 90}, {port: 80, endPort: 86}, {port: 91}, {port: 99}, {port: 53, protocol: UDP}, {protocol: SCTP}]}]",
			[]string{"tcp dport { 80-91, 99 } accept", "udp dport { 53 } accept", "meta l4proto sctp accept"}},
		{"a named port of the selected pods", ingress,
			"podSelector: {}\ningress: [{ports: [{port: http}, {port: dns, protocol: UDP}]}]",
			[]string{"ip daddr . tcp dport { 10.1.0.2 . 8080 } accept", "ip daddr . udp dport { 10.1.0.2 . 53 } accept"}},
		{"a name of another protocol opens nothing", ingress, "podSelector: {}\ningress: [{ports: [{port: dns}]}]", nil},
		{"a named port of the peers", egress,
			"podSelector: {}\npolicyTypes: [Egress]\negress: [{to: [{namespaceSelector: {}}], ports: [{port: http}]}]",
			[]string{"ip daddr { 10.1.0.3, 10.1.0.9, 10.1.0.2, 10.1.0.4 } ip daddr . tcp dport { 10.1.0.2 . 8080, 10.1.0.4 . 9090 } goto ingress"}},
		{"egress goes on to the other end's ingress", egress, "podSelector: {}\negress: [{}]", []string{"goto ingress"}},
	} {
		t.Run(test.title, func(t *testing.T) {
			found := chains(Compile(cluster(newPolicy(t, "p", test.spec)), options))
			got, exists := found[test.chain]
			if !exists || !reflect.DeepEqual(got, test.want) {
				t.Errorf("chain %s\n got %q\nwant %q", test.chain, got, test.want)
			}
		})
	}
}

func TestWhoIsIsolated(t *testing.T) {
	for _, test := range []struct {
		title, spec     string
		ingress, egress bool
	}{
		{"ingress by default", "podSelector: {}", true, false},
		{"egress too when it has rules", "podSelector: {}\negress: [{}]", true, true},
		{"egress alone", "podSelector: {}\npolicyTypes: [Egress]", false, true},
		{"egress rules without the type do nothing", "podSelector: {}\npolicyTypes: [Ingress]\negress: [{}]", true, false},
		{"nobody selected", "podSelector: {matchLabels: {app: none}}", false, false},
		{"selected on another node only", "podSelector: {matchLabels: {app: far}}", false, false},
	} {
		t.Run(test.title, func(t *testing.T) {
			found := chains(Compile(cluster(newPolicy(t, "p", test.spec)), options))
			for direction, want := range map[string]bool{"ingress": test.ingress, "egress": test.egress} {
				if _, got := found["pod-"+direction+"/app/web"]; got != want {
					t.Errorf("isolated for %s: got %v, want %v", direction, got, want)
				}
				for _, never := range []string{"/other/client", "/app/far"} {
					if _, got := found["pod-"+direction+never]; got {
						t.Errorf("%s is isolated for %s by a policy that isn't about it", never, direction)
					}
				}
			}
		})
	}
}

func TestPoliciesAddUp(t *testing.T) {
	found := chains(Compile(cluster(newPolicy(t, "b", "podSelector: {matchLabels: {app: web}}"), newPolicy(t, "a", "podSelector: {}")), options))
	want := []string{"jump ingress/app/a", "jump ingress/app/b", "counter drop"}
	if got := found["pod-ingress/app/web"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhichPodOwnsAnAddress(t *testing.T) {
	now := metav1.Now()
	ended, ending, young, node := newPod("app", "ended", "10.1.0.2"), newPod("app", "ending", "10.1.0.2"), newPod("app", "young", "10.1.0.2"), newPod("app", "node", "10.9.9.9")
	ended.Status.Phase = corev1.PodSucceeded
	ending.DeletionTimestamp = &now
	young.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
	node.Spec.HostNetwork = true
	assigned := newPod("app", "assigned", "")
	all := Cluster{
		Pods:     []*corev1.Pod{ended, ending, young, node, assigned},
		Assigned: map[types.UID]netip.Addr{assigned.UID: netip.MustParseAddr("10.1.0.8"), "gone": netip.MustParseAddr("10.1.0.7")},
		Policies: []*networkingv1.NetworkPolicy{newPolicy(t, "p", "podSelector: {}")},
	}
	want := []string{"ip daddr vmap { 10.1.0.8 : goto pod-ingress/app/assigned, 10.1.0.2 : goto pod-ingress/app/young }", "accept"}
	if got := chains(Compile(all, options))["ingress"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSameClusterGivesSameBytes(t *testing.T) {
	var policies []*networkingv1.NetworkPolicy
	for number := range 20 {
		policies = append(policies, newPolicy(t, fmt.Sprintf("p%d", number), "podSelector: {}\ningress: [{from: [{namespaceSelector: {}}]}]"))
	}
	first := Compile(cluster(policies...), options)
	for range 20 {
		if Compile(cluster(policies...), options) != first {
			t.Fatal("two compilations of one cluster differ")
		}
	}
}

func TestLongNamesStayApart(t *testing.T) {
	long := strings.Repeat("a", 240)
	one, two := chainName("ingress", "app", long+"1"), chainName("ingress", "app", long+"2")
	if one == two || len(one) > 250 {
		t.Errorf("got %q and %q, expected two names of at most 250 characters", one, two)
	}
}
