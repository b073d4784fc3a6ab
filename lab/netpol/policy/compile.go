// Package policy turns NetworkPolicies, and the pods and namespaces they speak of, into one nftables table.
package policy

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Cluster is everything that the rules depend on.
type Cluster struct {
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
	// Assigned holds addresses that the CNI gave out before the pod's status says so, by pod UID.
	Assigned map[types.UID]netip.Addr
}

// Options are the facts about the node that no API object tells.
type Options struct {
	// Table is the name of the inet table that the rules live in; nothing outside it is touched.
	Table string
	// PodCIDR is the range in which an address without a known pod is dropped.
	PodCIDR netip.Prefix
	// PodInterface is the bridge of the pods.
	PodInterface string
	// Node restricts enforcement to the pods of one node; empty means every pod.
	Node string
	// NodeEgress holds connections from pods to their own node to the egress policies too. The API says
	// that a pod may always talk to its node; on a cluster of one node that hides a missing declaration
	// of every host service, the API server first.
	NodeEgress bool
}

// Compile returns the text for `nft -f -`: one transaction that replaces the table as a whole, so no packet
// ever meets half a rule set. All sets are anonymous, hence constant and listed in a stable order.
func Compile(cluster Cluster, options Options) string {
	c := newCompiler(cluster, options)
	ingress := c.direction(networkingv1.PolicyTypeIngress)
	egress := c.direction(networkingv1.PolicyTypeEgress)

	var text strings.Builder
	fmt.Fprintf(&text, "table inet %[1]s\ndelete table inet %[1]s\ntable inet %[1]s {\n", options.Table)
	chain(&text, "forward", "type filter hook forward priority filter; policy accept;", "goto check")
	if options.NodeEgress {
		chain(&text, "input", "type filter hook input priority filter; policy accept;",
			fmt.Sprintf("iifname %q goto check", options.PodInterface))
	}
	chain(&text, "check", c.check(egress)...)
	chain(&text, "ingress", append(verdicts("daddr", "ingress", ingress), "accept")...)
	for _, d := range []direction{egress, ingress} {
		for _, one := range d.chains {
			chain(&text, one.name, one.rules...)
		}
	}
	text.WriteString("}\n")
	return text.String()
}

// check is where every forwarded packet enters: only the original direction of a connection is judged, so
// replies pass, a connection that a new policy still allows survives it, and one it forbids is cut.
func (c *compiler) check(egress direction) []string {
	rules := []string{
		// This CNI hands out IPv4 only: IPv6 between pods could only be a way around the rules.
		fmt.Sprintf("meta nfproto ipv6 iifname %q counter drop", c.options.PodInterface),
		fmt.Sprintf("meta nfproto ipv6 oifname %q counter drop", c.options.PodInterface),
		"ct state related accept",
		"ct direction reply accept",
	}
	known := make([]string, 0, len(c.pods))
	self := make([]string, 0, len(c.pods))
	for _, pod := range c.pods {
		known = append(known, pod.ip.String())
		self = append(self, fmt.Sprintf("%[1]s . %[1]s", pod.ip))
	}
	for _, field := range []string{"saddr", "daddr"} {
		unless := ""
		if len(known) > 0 {
			unless = fmt.Sprintf(" ip %s != %s", field, set(known))
		}
		if field == "daddr" && c.options.NodeEgress {
			// The bridge's own address is in the range too, and is the node.
			unless = " fib daddr type != local" + unless
		}
		rules = append(rules, fmt.Sprintf("ip %s %s%s counter drop", field, c.options.PodCIDR, unless))
	}
	if len(self) > 0 {
		rules = append(rules, "ip saddr . ip daddr "+set(self)+" accept")
	}
	return append(append(rules, verdicts("saddr", "egress", egress)...), "goto ingress")
}

// direction holds the chains of one direction and the pods that are isolated in it.
type direction struct {
	chains   []namedChain
	isolated []*pod
}

type namedChain struct {
	name  string
	rules []string
}

// direction compiles a chain per policy, and one per isolated pod that tries the pod's policies in turn and
// drops what none of them allowed: policies add up, and order plays no part.
func (c *compiler) direction(of networkingv1.PolicyType) direction {
	var d direction
	prefix := strings.ToLower(string(of))
	applied := map[*pod][]string{}
	for _, policy := range c.policies {
		if !slices.Contains(policyTypes(policy), of) {
			continue
		}
		name := chainName(prefix, policy.Namespace, policy.Name)
		selected := c.selected(policy)
		if len(selected) == 0 {
			continue
		}
		for _, pod := range selected {
			applied[pod] = append(applied[pod], "jump "+name)
		}
		var rules []string
		if of == networkingv1.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				rules = append(rules, c.rule(policy.Namespace, rule.From, rule.Ports, "saddr", selected, "accept")...)
			}
		} else {
			for _, rule := range policy.Spec.Egress {
				rules = append(rules, c.rule(policy.Namespace, rule.To, rule.Ports, "daddr", c.pods, "goto ingress")...)
			}
		}
		d.chains = append(d.chains, namedChain{name, rules})
	}
	for _, pod := range c.pods {
		if jumps := applied[pod]; len(jumps) > 0 {
			d.isolated = append(d.isolated, pod)
			name := chainName("pod-"+prefix, pod.Namespace, pod.Name)
			d.chains = append(d.chains, namedChain{name, append(jumps, "counter drop")})
		}
	}
	return d
}

// policyTypes applies the API's default: Ingress always, Egress when there are egress rules.
func policyTypes(policy *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(policy.Spec.PolicyTypes) > 0 {
		return policy.Spec.PolicyTypes
	}
	if len(policy.Spec.Egress) > 0 {
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

// selected are the pods that a policy applies to: its namespace's, on this node.
func (c *compiler) selected(policy *networkingv1.NetworkPolicy) []*pod {
	selector := selectorOf(&policy.Spec.PodSelector)
	var found []*pod
	for _, pod := range c.pods {
		local := c.options.Node == "" || pod.Spec.NodeName == c.options.Node
		if local && pod.Namespace == policy.Namespace && selector.Matches(labels.Set(pod.Labels)) {
			found = append(found, pod)
		}
	}
	return found
}

func verdicts(field, prefix string, d direction) []string {
	if len(d.isolated) == 0 {
		return nil
	}
	entries := make([]string, 0, len(d.isolated))
	for _, pod := range d.isolated {
		entries = append(entries, fmt.Sprintf("%s : goto %s", pod.ip, chainName("pod-"+prefix, pod.Namespace, pod.Name)))
	}
	return []string{fmt.Sprintf("ip %s vmap %s", field, set(entries))}
}

// chainName is readable in `nft list table`; a name beyond what the kernel takes ends in a hash instead.
func chainName(prefix, namespace, name string) string {
	whole := prefix + "/" + namespace + "/" + name
	if len(whole) <= 200 {
		return whole
	}
	sum := fnv.New64a()
	sum.Write([]byte(whole))
	return fmt.Sprintf("%s.%x", whole[:180], sum.Sum64())
}

func chain(text *strings.Builder, name string, rules ...string) {
	fmt.Fprintf(text, "\tchain %s {\n", name)
	for _, rule := range rules {
		fmt.Fprintf(text, "\t\t%s\n", rule)
	}
	text.WriteString("\t}\n")
}

func set(elements []string) string { return "{ " + strings.Join(elements, ", ") + " }" }
