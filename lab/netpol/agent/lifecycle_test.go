package agent

import (
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

func TestUnknownPodIsClosedUntilItsStatusIsKnown(t *testing.T) {
	w := newWorld(t)
	web := w.pod("app", "web")
	web.serve(80)
	w.enforce()
	late := w.wire("app", "late")
	late.serve(80)
	w.expect(
		denied(late.namespace, web.address+":80"),
		denied(late.namespace, outsideAddress+":80"),
		denied(web.namespace, late.address+":80"),
		allowed(w.node, late.address+":80"),
	)
	late.object.Status = corev1.PodStatus{Phase: corev1.PodPending}
	w.announce(late)
	w.expect(denied(late.namespace, web.address+":80"))
	late.object.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: late.address}
	pods := w.client.CoreV1().Pods("app")
	if _, err := pods.UpdateStatus(t.Context(), late.object, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.expect(allowed(late.namespace, web.address+":80"), allowed(web.namespace, late.address+":80"))
	if err := pods.Delete(t.Context(), "late", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.expect(denied(late.namespace, web.address+":80"))
}

func TestPodIsKnownFromTheResultOfTheCNI(t *testing.T) {
	w := newWorld(t)
	web := w.pod("app", "web")
	web.serve(80)
	w.enforce()
	late := w.wire("app", "late")
	late.object.Status = corev1.PodStatus{Phase: corev1.PodPending}
	w.announce(late)
	w.expect(denied(late.namespace, web.address+":80"))
	w.assign(late)
	w.expect(allowed(late.namespace, web.address+":80"))
	w.apply("app", denyAll)
	w.expect(denied(late.namespace, web.address+":80"))
}

func TestDeletedPodIsKnownUntilItsNetworkGoes(t *testing.T) {
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	web.serve(80)
	w.enforce()
	release := w.assign(web)
	w.expect(allowed(client.namespace, web.address+":80"))
	connection, err := client.dial("tcp", "", web.address+":80")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := w.client.CoreV1().Pods("app").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	// What comes after the deletion is in force, so the deletion is as well.
	w.expect(allowed(w.pod("app", "later").namespace, web.address+":80"))
	if err := exchange(connection); err != nil {
		t.Errorf("the connection to a pod that still runs: %v", err)
	}
	release()
	w.expect(denied(client.namespace, web.address+":80"))
}

func TestEstablishedConnections(t *testing.T) {
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	web.serve(80)
	w.enforce()
	w.apply("app", "podSelector: {}")
	exception := "podSelector: {matchLabels: {app: web}}\ningress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]"
	removeFirst := w.apply("app", exception)
	w.expect(allowed(client.namespace, web.address+":80"))
	connection, err := client.dial("tcp", "", web.address+":80")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	removeSecond := w.apply("app", exception+"\n") // The same path by another policy.
	removeFirst()
	stranger := w.pod("other", "stranger")
	w.expect(denied(stranger.namespace, web.address+":80"), allowed(client.namespace, web.address+":80"))
	eventually(t, "the connection that is still allowed goes on", func() bool { return exchange(connection) == nil })
	removeSecond()
	w.expect(denied(client.namespace, web.address+":80"))
	if exchange(connection) == nil {
		t.Error("the connection that is no longer allowed goes on")
	}
}

func TestTamperedTableIsWrittenAgain(t *testing.T) {
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	web.serve(80)
	w.node.run("table inet foreign { chain any { counter accept; }; }", "/usr/sbin/nft", "-f", "-")
	a, _ := w.enforce()
	w.apply("app", denyAll)
	w.expect(denied(client.namespace, web.address+":80"))
	for _, tampering := range []string{
		"delete table inet plinth-netpol",
		"insert rule inet plinth-netpol check accept",
		"flush chain inet plinth-netpol pod-ingress/app/web",
	} {
		before, _ := a.Health()
		w.node.run(tampering, "/usr/sbin/nft", "-f", "-")
		eventually(t, tampering+" is undone", func() bool { now, _ := a.Health(); return now > before })
		w.expect(denied(client.namespace, web.address+":80"))
	}
	if listing := w.node.run("", "/usr/sbin/nft", "list", "tables"); !strings.Contains(listing, "table inet foreign") {
		t.Errorf("a table of others is gone:\n%s", listing)
	}
}

func TestRulesOutliveTheAgent(t *testing.T) {
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	web.serve(80)
	_, stop := w.enforce()
	w.apply("app", denyAll)
	w.expect(denied(client.namespace, web.address+":80"))
	stop()
	w.expect(denied(client.namespace, web.address+":80"))
	w.enforce()
	w.expect(denied(client.namespace, web.address+":80"))
}

func TestCleanupOpensAndIsRepeatable(t *testing.T) {
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	web.serve(80)
	_, stop := w.enforce()
	w.apply("app", denyAll)
	w.expect(denied(client.namespace, web.address+":80"))
	stop()
	for range 2 {
		if err := w.table.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.expect(allowed(client.namespace, web.address+":80"))
}

func TestNothingIsOpenBeforeTheWatchesAreInStep(t *testing.T) {
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	web.serve(80)
	w.expect(allowed(client.namespace, web.address+":80"))
	synced := make(chan struct{})
	w.client.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		select {
		case <-synced:
		case <-t.Context().Done():
		}
		return false, nil, nil
	})
	a, _, inStep := w.launch()
	w.expect(denied(client.namespace, web.address+":80"))
	if _, err := a.Health(); err == nil {
		t.Error("healthy before the API server answered")
	}
	close(synced)
	inStep()
	w.expect(allowed(client.namespace, web.address+":80"))
}

func TestIPv6IsNoWayAround(t *testing.T) {
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		t.Skip("this kernel has no IPv6")
	}
	w := newWorld(t)
	web, client := w.pod("app", "web"), w.pod("app", "client")
	for number, p := range []*podNetwork{web, client} {
		p.sysctl("ipv6/conf/all/disable_ipv6", "0")
		p.ip(fmt.Sprintf("address add fd00::%d/64 dev eth0 nodad", number+1))
	}
	web.serve(80)
	w.expect(allowed(client.namespace, "[fd00::1]:80"))
	w.enforce()
	w.expect(denied(client.namespace, "[fd00::1]:80"), allowed(client.namespace, web.address+":80"))
}
