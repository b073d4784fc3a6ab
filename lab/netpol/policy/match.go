package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// rule expands one ingress or egress rule into nftables rules: each kind of peer with each kind of port.
// field is the peer's side of the packet; targets are the pods whose named ports the rule may mean.
func (c *compiler) rule(
	namespace string,
	peers []networkingv1.NetworkPolicyPeer,
	ports []networkingv1.NetworkPolicyPort,
	field string,
	targets []*pod,
	verdict string,
) []string {
	var rules []string
	for _, peer := range c.peers(namespace, peers, field) {
		for _, port := range portMatches(ports, targets) {
			rules = append(rules, strings.Join(strings.Fields(peer+" "+port+" "+verdict), " "))
		}
	}
	return rules
}

// peers returns the alternatives of a from or to list: one empty match when the list is empty (anyone), none
// when nobody is meant.
func (c *compiler) peers(namespace string, peers []networkingv1.NetworkPolicyPeer, field string) []string {
	if len(peers) == 0 {
		return []string{""}
	}
	meant := map[*pod]bool{}
	var matches []string
	for _, peer := range peers {
		if peer.IPBlock != nil {
			if match := blockMatch(peer.IPBlock, field); match != "" {
				matches = append(matches, match)
			}
			continue
		}
		for _, pod := range c.pods {
			meant[pod] = meant[pod] || c.matches(peer, namespace, pod)
		}
	}
	var addresses []string
	for _, pod := range c.pods {
		if meant[pod] {
			addresses = append(addresses, pod.ip.String())
		}
	}
	if len(addresses) > 0 {
		matches = append([]string{fmt.Sprintf("ip %s %s", field, set(addresses))}, matches...)
	}
	return matches
}

// matches tells whether a peer means a pod: both selectors of one peer must hold; without a namespaceSelector
// the peer means pods of the policy's own namespace.
func (c *compiler) matches(peer networkingv1.NetworkPolicyPeer, namespace string, pod *pod) bool {
	if peer.NamespaceSelector == nil {
		if pod.Namespace != namespace {
			return false
		}
	} else if found, known := c.namespaces[pod.Namespace]; !known || !selectorOf(peer.NamespaceSelector).Matches(found) {
		return false
	}
	return peer.PodSelector == nil || selectorOf(peer.PodSelector).Matches(labels.Set(pod.Labels))
}

// blockMatch is empty for IPv6, which no pod here speaks.
func blockMatch(block *networkingv1.IPBlock, field string) string {
	cidr, err := netip.ParsePrefix(block.CIDR)
	if err != nil || !cidr.Addr().Is4() {
		return ""
	}
	match := fmt.Sprintf("ip %s %s", field, cidr.Masked())
	for _, text := range block.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			return "" // The API refuses it; were it to come, allowing less is the safe reading.
		}
		match += fmt.Sprintf(" ip %s != %s", field, except.Masked())
	}
	return match
}

type portRange struct{ first, last int32 }

// portMatches returns the alternatives of a ports list, by protocol: one empty match when the list is empty
// (any port of any protocol), none when only names are given and no pod has them.
func portMatches(ports []networkingv1.NetworkPolicyPort, targets []*pod) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var matches []string
	for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
		name := strings.ToLower(string(protocol))
		whole := false
		var ranges []portRange
		var named []string
		for _, port := range ports {
			switch {
			case port.Protocol != nil && *port.Protocol != protocol, port.Protocol == nil && protocol != corev1.ProtocolTCP:
			case port.Port == nil:
				whole = true
			case port.Port.Type == intstr.String:
				named = append(named, namedPorts(port.Port.StrVal, protocol, targets)...)
			case port.EndPort != nil:
				ranges = append(ranges, portRange{port.Port.IntVal, *port.EndPort})
			default:
				ranges = append(ranges, portRange{port.Port.IntVal, port.Port.IntVal})
			}
		}
		if whole {
			matches = append(matches, "meta l4proto "+name)
			continue
		}
		if len(ranges) > 0 {
			matches = append(matches, fmt.Sprintf("%s dport %s", name, rangeSet(ranges)))
		}
		if len(named) > 0 {
			slices.Sort(named)
			matches = append(matches, fmt.Sprintf("ip daddr . %s dport %s", name, set(slices.Compact(named))))
		}
	}
	return matches
}

// namedPorts resolves a name for each pod by itself: the same name may be another number elsewhere.
func namedPorts(name string, protocol corev1.Protocol, targets []*pod) []string {
	var found []string
	for _, pod := range targets {
		for _, port := range pod.ports {
			if port.Name == name && cmp.Or(port.Protocol, corev1.ProtocolTCP) == protocol {
				found = append(found, fmt.Sprintf("%s . %d", pod.ip, port.ContainerPort))
			}
		}
	}
	return found
}

// rangeSet joins ranges that touch or overlap, which a set of intervals must not hold.
func rangeSet(ranges []portRange) string {
	slices.SortFunc(ranges, func(a, b portRange) int { return cmp.Compare(a.first, b.first) })
	joined := ranges[:1]
	for _, next := range ranges[1:] {
		if last := &joined[len(joined)-1]; next.first <= last.last+1 {
			last.last = max(last.last, next.last)
		} else {
			joined = append(joined, next)
		}
	}
	var elements []string
	for _, one := range joined {
		if one.first == one.last {
			elements = append(elements, fmt.Sprint(one.first))
		} else {
			elements = append(elements, fmt.Sprintf("%d-%d", one.first, one.last))
		}
	}
	return set(elements)
}

// selectorOf matches nothing where the selector is malformed, which the API server refuses anyway.
func selectorOf(selector *metav1.LabelSelector) labels.Selector {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return labels.Nothing()
	}
	return parsed
}
