package policy

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// pod is a pod with an address of its own, which a pod of the host network hasn't: that one is the node.
type pod struct {
	*corev1.Pod
	ip    netip.Addr
	ports []corev1.ContainerPort
}

type compiler struct {
	options    Options
	pods       []*pod
	namespaces map[string]labels.Set
	policies   []*networkingv1.NetworkPolicy
}

func newCompiler(cluster Cluster, options Options) *compiler {
	c := &compiler{options: options, namespaces: map[string]labels.Set{}}
	for _, namespace := range cluster.Namespaces {
		c.namespaces[namespace.Name] = namespace.Labels
	}
	c.policies = slices.Clone(cluster.Policies)
	slices.SortFunc(c.policies, func(a, b *networkingv1.NetworkPolicy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	byAddress := map[netip.Addr]*pod{}
	for _, object := range cluster.Pods {
		ip, has := address(object, cluster)
		if !has {
			continue
		}
		if other, taken := byAddress[ip]; !taken || c.succeeds(object, other.Pod) {
			byAddress[ip] = &pod{Pod: object, ip: ip, ports: portsOf(object)}
		}
	}
	for _, one := range byAddress {
		c.pods = append(c.pods, one)
	}
	slices.SortFunc(c.pods, func(a, b *pod) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return c
}

// address is what the status says, or else what the CNI is known to have assigned. A pod that has ended gave
// its address back, and it may be another's by now.
func address(object *corev1.Pod, cluster Cluster) (netip.Addr, bool) {
	if object.Spec.HostNetwork || object.Status.Phase == corev1.PodSucceeded || object.Status.Phase == corev1.PodFailed {
		return netip.Addr{}, false
	}
	for _, candidate := range append([]corev1.PodIP{{IP: object.Status.PodIP}}, object.Status.PodIPs...) {
		if ip, err := netip.ParseAddr(candidate.IP); err == nil && ip.Is4() {
			return ip, true
		}
	}
	ip, known := cluster.Assigned[object.UID]
	return ip, known && ip.Is4()
}

// succeeds decides who owns an address that two pods claim, as for a moment when one takes over from a pod
// that is ending: this node's own, then one that isn't ending, then the younger.
func (c *compiler) succeeds(object, other *corev1.Pod) bool {
	rank := func(p *corev1.Pod) int {
		score := 0
		if c.options.Node == "" || p.Spec.NodeName == c.options.Node {
			score += 2
		}
		if p.DeletionTimestamp == nil {
			score++
		}
		return score
	}
	age := other.CreationTimestamp.Time.Compare(object.CreationTimestamp.Time)
	return cmp.Or(rank(object)-rank(other), -age, strings.Compare(string(object.UID), string(other.UID))) > 0
}

// portsOf lists the ports that names refer to: those of containers, and of init containers that keep running.
func portsOf(object *corev1.Pod) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, container := range object.Spec.Containers {
		ports = append(ports, container.Ports...)
	}
	for _, container := range object.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			ports = append(ports, container.Ports...)
		}
	}
	return ports
}
