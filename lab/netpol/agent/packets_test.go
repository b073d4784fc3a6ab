package agent

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const denyAll = `
podSelector: {}
policyTypes: [Ingress, Egress]`

func TestOpenWithoutPolicies(t *testing.T) {
	w := newWorld(t)
	web, client, stranger := w.pod("app", "web"), w.pod("app", "client"), w.pod("other", "stranger")
	web.serve(80)
	w.enforce()
	w.expect(
		allowed(client.namespace, web.address+":80"),
		allowed(stranger.namespace, web.address+":80"),
		allowed(w.outside, web.address+":80"),
		allowed(w.node, web.address+":80"),
		allowed(web.namespace, outsideAddress+":80"),
	)
}

func TestIngressIsClosedAndReopens(t *testing.T) {
	w := newWorld(t)
	web, client, stranger := w.pod("app", "web"), w.pod("app", "client"), w.pod("other", "stranger")
	web.serve(80)
	stranger.serve(80)
	w.enforce()
	removeDefault := w.apply("app", "podSelector: {}")
	w.expect(
		denied(client.namespace, web.address+":80"),
		denied(stranger.namespace, web.address+":80"),
		denied(w.outside, web.address+":80"),
		allowed(w.node, web.address+":80"),                // the kubelet's probes
		allowed(web.namespace, web.address+":80"),         // a pod and itself
		allowed(client.namespace, stranger.address+":80"), // egress isn't isolated, nor is the other namespace
	)
	removeException := w.apply("app", `
podSelector: {matchLabels: {app: web}}
ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]`)
	w.expect(allowed(client.namespace, web.address+":80"), denied(stranger.namespace, web.address+":80"))
	removeException()
	w.expect(denied(client.namespace, web.address+":80"))
	removeDefault()
	w.expect(allowed(client.namespace, web.address+":80"), allowed(w.outside, web.address+":80"))
}

func TestPeersOfOtherNamespaces(t *testing.T) {
	w := newWorld(t)
	web, neighbour := w.pod("app", "web"), w.pod("app", "friend")
	friend, stranger := w.pod("other", "friend"), w.pod("other", "stranger")
	web.serve(80)
	w.enforce()
	remove := w.apply("app", `
podSelector: {matchLabels: {app: web}}
ingress:
- from:
  - namespaceSelector: {matchLabels: {team: red}}
    podSelector: {matchLabels: {app: friend}}`)
	w.expect(
		allowed(friend.namespace, web.address+":80"), // both selectors of one peer hold
		denied(stranger.namespace, web.address+":80"),
		denied(neighbour.namespace, web.address+":80"),
	)
	remove()
	w.apply("app", `
podSelector: {matchLabels: {app: web}}
ingress:
- from:
  - namespaceSelector: {matchLabels: {team: red}}
  - podSelector: {matchLabels: {app: friend}}`)
	w.expect(
		allowed(friend.namespace, web.address+":80"),
		allowed(stranger.namespace, web.address+":80"), // either of two peers is enough
		allowed(neighbour.namespace, web.address+":80"),
	)
}

func TestNamedPortsResolveForEachPod(t *testing.T) {
	w := newWorld(t)
	one := w.pod("app", "one", corev1.ContainerPort{Name: "http", ContainerPort: 8001})
	two := w.pod("app", "two", corev1.ContainerPort{Name: "http", ContainerPort: 8002, Protocol: corev1.ProtocolTCP})
	client := w.pod("other", "client")
	one.serve(8001, 8002)
	two.serve(8001, 8002)
	w.enforce()
	remove := w.apply("app", "podSelector: {}\ningress: [{ports: [{port: http}]}]")
	attempts := []attempt{
		allowed(client.namespace, one.address+":8001"), denied(client.namespace, one.address+":8002"),
		denied(client.namespace, two.address+":8001"), allowed(client.namespace, two.address+":8002"),
	}
	w.expect(attempts...)
	remove()
	w.expect(allowed(client.namespace, two.address+":8001"))
	w.apply("other", "podSelector: {}\npolicyTypes: [Egress]\negress: [{ports: [{port: http}]}]")
	w.expect(attempts...)
}

func TestAddressBlocksWithExceptions(t *testing.T) {
	w := newWorld(t)
	web := w.pod("app", "web")
	web.serve(80, 443)
	w.enforce()
	w.apply("app", `
podSelector: {}
ingress:
- from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.3/32]}}]
  ports: [{port: 80}]
egress:
- to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.0.2.3/32]}}]
policyTypes: [Ingress, Egress]`)
	w.expect(
		attempt{by: w.outside, from: outsideAddress, to: web.address + ":80", over: "tcp", expected: true},
		attempt{by: w.outside, from: outsideAddress, to: web.address + ":443", over: "tcp"},
		attempt{by: w.outside, from: otherOutside, to: web.address + ":80", over: "tcp"},
		allowed(web.namespace, outsideAddress+":80"),
		denied(web.namespace, otherOutside+":80"),
	)
}

func TestEgressPortsAndProtocols(t *testing.T) {
	w := newWorld(t)
	client, dns, web := w.pod("app", "client"), w.pod("other", "dns"), w.pod("app", "web")
	dns.serve(53)
	web.serve(80, 8000, 8010, 8011)
	w.enforce()
	w.apply("app", `
podSelector: {matchLabels: {app: client}}
policyTypes: [Egress]
egress:
- to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: dns}}}]
  ports: [{port: 53, protocol: UDP}]
- to: [{podSelector: {}}]
  ports: [{port: 8000, endPort: 8010}, {port: 8005}]`)
	w.expect(
		attempt{by: client.namespace, to: dns.address + ":53", over: "udp", expected: true},
		denied(client.namespace, dns.address+":53"), // UDP was allowed, TCP wasn't
		allowed(client.namespace, web.address+":8000"),
		allowed(client.namespace, web.address+":8010"),
		denied(client.namespace, web.address+":8011"),
		denied(client.namespace, web.address+":80"),
		denied(client.namespace, outsideAddress+":80"),
		allowed(web.namespace, outsideAddress+":80"),
		attempt{by: web.namespace, to: dns.address + ":53", over: "udp", expected: true},
	)
}

func TestBothEndsMustAllow(t *testing.T) {
	w := newWorld(t)
	client, web := w.pod("app", "client"), w.pod("other", "web")
	web.serve(80)
	w.enforce()
	w.apply("app", denyAll)
	w.apply("other", denyAll)
	w.expect(denied(client.namespace, web.address+":80"))
	removeEgress := w.apply("app", "podSelector: {}\npolicyTypes: [Egress]\negress: [{}]")
	w.expect(allowed(client.namespace, outsideAddress+":80"), denied(client.namespace, web.address+":80"))
	w.apply("other", "podSelector: {}\ningress: [{}]")
	w.expect(allowed(client.namespace, web.address+":80"))
	removeEgress()
	w.expect(denied(client.namespace, web.address+":80"))
}

func TestServiceIsJudgedByThePodBehindIt(t *testing.T) {
	w := newWorld(t)
	web, client, stranger := w.pod("app", "web"), w.pod("app", "client"), w.pod("other", "stranger")
	web.serve(8080)
	// What kube-proxy does with a service address, and with a pod that reaches itself through one.
	w.node.run(`table ip services {
	chain prerouting { type nat hook prerouting priority dstnat; ip daddr 10.96.0.9 tcp dport 80 dnat to `+web.address+`:8080; }
	chain postrouting { type nat hook postrouting priority srcnat; ip saddr . ip daddr { `+web.address+" . "+web.address+` } masquerade; }
}`, "/usr/sbin/nft", "-f", "-")
	w.enforce()
	w.apply("app", denyAll)
	w.apply("app", `
podSelector: {matchLabels: {app: web}}
ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}]
---
podSelector: {matchLabels: {app: client}}
policyTypes: [Egress]
egress: [{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]`)
	w.expect(
		allowed(client.namespace, "10.96.0.9:80"),
		denied(stranger.namespace, "10.96.0.9:80"),
		allowed(web.namespace, "10.96.0.9:80"),
	)
}

func TestNodeAddressesFollowTheFlag(t *testing.T) {
	for _, enforced := range []bool{false, true} {
		w := newWorld(t)
		w.options.NodeEgress = enforced
		client, declared := w.pod("app", "client"), w.pod("app", "declared")
		w.node.serve(6443)
		w.enforce()
		w.apply("app", denyAll)
		w.apply("app", `
podSelector: {matchLabels: {app: declared}}
policyTypes: [Egress]
egress: [{ports: [{port: 6443}]}]`)
		w.expect(
			attempt{by: client.namespace, to: nodeAddress + ":6443", over: "tcp", expected: !enforced},
			allowed(declared.namespace, nodeAddress+":6443"),
			allowed(w.node, nodeAddress+":6443"),
		)
	}
}
