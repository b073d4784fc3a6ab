// netpol enforces NetworkPolicies on the lab's one node. Lab-only: real clusters use their own CNI's engine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"plinth/lab/netpol/agent"
	"plinth/lab/netpol/policy"
)

const tableName = "plinth-netpol"

const usage = `netpol: NetworkPolicy agent of the Plinth lab, for one node with the bridge CNI.
LAB ONLY. A real cluster enforces NetworkPolicies with its own CNI's engine.

usage: netpol --kubeconfig FILE --pod-cidr CIDR [flags]
       netpol --cleanup

`

func main() {
	flags := flag.NewFlagSet("netpol", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "`file` that says how to reach the API server")
	node := flags.String("node", "", "enforce only for the pods of this node; all pods when empty")
	podCIDR := flags.String("pod-cidr", "", "IPv4 `range` of the pods; addresses in it that no known pod has are dropped")
	podInterface := flags.String("pod-interface", "cni0", "bridge of the pods")
	nodeEgress := flags.Bool("enforce-node-egress", false, "hold connections from pods to their own node to egress policies too")
	results := flags.String("cni-results", "/var/lib/cni/results", "`folder` of libcni's results, read to know new pods early; empty disables")
	health := flags.String("health-address", "", "loopback `address` of /healthz and /metrics, such as 127.0.0.1:10260; none when empty")
	cleanup := flags.Bool("cleanup", false, "remove the agent's table and end")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	_ = flags.Parse(os.Args[1:])

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	table := agent.NewTable(tableName)
	err := func() error {
		if *cleanup {
			return table.Delete(ctx)
		}
		cidr, err := netip.ParsePrefix(*podCIDR)
		if err != nil || !cidr.Addr().Is4() {
			return fmt.Errorf("--pod-cidr: got %q, expected an IPv4 range such as 10.42.0.0/16", *podCIDR)
		}
		if *kubeconfig == "" {
			return errors.New("--kubeconfig: got nothing, expected a file")
		}
		if err := bridgeSeen(); err != nil {
			return err
		}
		options := policy.Options{
			Table: tableName, PodCIDR: cidr.Masked(), PodInterface: *podInterface, Node: *node, NodeEgress: *nodeEgress,
		}
		return enforce(ctx, table, options, *kubeconfig, *results, *health)
	}()
	if err != nil {
		slog.Error("netpol ends", "error", err)
		stop()
		os.Exit(1)
	}
}

func enforce(ctx context.Context, table *agent.Table, options policy.Options, kubeconfig, results, health string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	var assigned *agent.Assignments
	if results != "" {
		assigned = agent.NewAssignments(results)
	}
	enforcer := agent.New(table, options, assigned)
	if health != "" {
		listener, err := net.Listen("tcp", health)
		if err != nil {
			return fmt.Errorf("--health-address: %w", err)
		}
		server := &http.Server{Handler: report(enforcer), ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
	}
	return enforcer.Run(ctx, client)
}

// report answers /healthz with 200 once the live rules are what the cluster asks for, else 503 and why.
func report(enforcer *agent.Agent) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, err := enforcer.Health()
		if err == nil {
			err = bridgeSeen()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		rewrites, err := enforcer.Health()
		inStep := 1
		if err != nil {
			inStep = 0
		}
		fmt.Fprintf(w, "# TYPE netpol_rewrites_total counter\nnetpol_rewrites_total %d\n", rewrites)
		fmt.Fprintf(w, "# TYPE netpol_in_step gauge\nnetpol_in_step %d\n", inStep)
	})
	return mux
}

// bridgeSeen refuses a node on which packets between pods cross the bridge without meeting any rule.
func bridgeSeen() error {
	for _, name := range []string{"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"} {
		content, err := os.ReadFile("/proc/sys/net/bridge/" + name)
		if err != nil {
			return fmt.Errorf("br_netfilter is not loaded (modprobe br_netfilter): %w", err)
		}
		if strings.TrimSpace(string(content)) != "1" {
			return fmt.Errorf("net.bridge.%s is 0: pods would reach each other past the rules; set it to 1", name)
		}
	}
	return nil
}
