// Package await decides when an object does what it is for, and says why it doesn't yet.
package await

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// State of an object's way to readiness.
type State struct {
	Ready bool
	// Failed means that waiting longer is no use.
	Failed bool
	// Reason says what is missing, or why it failed.
	Reason string
}

func ready() State { return State{Ready: true} }
func failed(format string, args ...any) State {
	return State{Failed: true, Reason: fmt.Sprintf(format, args...)}
}
func unfinished(format string, args ...any) State { return State{Reason: fmt.Sprintf(format, args...)} }

// Of judges a live object. Kinds that aren't listed are ready once they exist: services, claims (which may wait for
// their first pod), configuration, custom resources without the annotation pulumi.com/waitFor.
func Of(live *unstructured.Unstructured) State {
	kind := live.GroupVersionKind().GroupKind()
	judge := judges[kind.String()]
	if judge == nil {
		return ready()
	}
	if observed, found := integer(live, "status", "observedGeneration"); kind.Group == "apps" && (!found || observed < live.GetGeneration()) {
		return unfinished("the controller hasn't seen the change yet")
	}
	return judge(live)
}

// judges are keyed by kind and group, as schema.GroupKind writes them.
var judges = map[string]func(*unstructured.Unstructured) State{
	"Deployment.apps":  deployment,
	"StatefulSet.apps": statefulSet,
	"DaemonSet.apps":   daemonSet,
	"ReplicaSet.apps":  replicaSet,
	"Job.batch":        job,
	"Pod":              pod,
	"Namespace":        namespace,
	"CustomResourceDefinition.apiextensions.k8s.io": func(live *unstructured.Unstructured) State {
		if reason, refused := condition(live, "NamesAccepted", "False"); refused {
			return failed("its names are taken: %s", reason)
		}
		return wants(live, "Established")
	},
	"APIService.apiregistration.k8s.io": func(live *unstructured.Unstructured) State { return wants(live, "Available") },
}

func deployment(live *unstructured.Unstructured) State {
	wanted := replicas(live)
	updated, _ := integer(live, "status", "updatedReplicas")
	all, _ := integer(live, "status", "replicas")
	available, _ := integer(live, "status", "availableReplicas")
	switch paused, _, _ := unstructured.NestedBool(live.Object, "spec", "paused"); {
	case paused:
		return ready()
	case updated < wanted:
		if reason, failing := condition(live, "ReplicaFailure", "True"); failing {
			return unfinished("%d of %d replicas updated: %s", updated, wanted, reason)
		}
		return unfinished("%d of %d replicas updated", updated, wanted)
	case all > updated:
		return unfinished("%d old replicas still run", all-updated)
	case available < updated:
		return unfinished("%d of %d replicas available", available, updated)
	}
	return ready()
}

func statefulSet(live *unstructured.Unstructured) State {
	wanted := replicas(live)
	strategy, _, _ := unstructured.NestedString(live.Object, "spec", "updateStrategy", "type")
	partition, _ := integer(live, "spec", "updateStrategy", "rollingUpdate", "partition")
	updated, _ := integer(live, "status", "updatedReplicas")
	readyReplicas, _ := integer(live, "status", "readyReplicas")
	if strategy != "OnDelete" && updated < wanted-partition {
		return unfinished("%d of %d replicas updated", updated, wanted-partition)
	}
	if readyReplicas < wanted {
		return unfinished("%d of %d replicas ready", readyReplicas, wanted)
	}
	return ready()
}

func daemonSet(live *unstructured.Unstructured) State {
	wanted, _ := integer(live, "status", "desiredNumberScheduled")
	updated, _ := integer(live, "status", "updatedNumberScheduled")
	available, _ := integer(live, "status", "numberAvailable")
	strategy, _, _ := unstructured.NestedString(live.Object, "spec", "updateStrategy", "type")
	if strategy != "OnDelete" && updated < wanted {
		return unfinished("updated on %d of %d nodes", updated, wanted)
	}
	if available < wanted {
		return unfinished("available on %d of %d nodes", available, wanted)
	}
	return ready()
}

func replicaSet(live *unstructured.Unstructured) State {
	available, _ := integer(live, "status", "availableReplicas")
	if wanted := replicas(live); available < wanted {
		return unfinished("%d of %d replicas available", available, wanted)
	}
	return ready()
}

func job(live *unstructured.Unstructured) State {
	if reason, isFailed := condition(live, "Failed", "True"); isFailed {
		return failed("the job failed: %s", reason)
	}
	if suspended, _, _ := unstructured.NestedBool(live.Object, "spec", "suspend"); suspended {
		return ready()
	}
	if _, complete := condition(live, "Complete", "True"); complete {
		return ready()
	}
	active, _ := integer(live, "status", "active")
	broken, _ := integer(live, "status", "failed")
	if broken > 0 {
		return unfinished("the job isn't complete: %d pods active, %d failed", active, broken)
	}
	return unfinished("the job isn't complete: %d pods active", active)
}

func pod(live *unstructured.Unstructured) State {
	phase, _, _ := unstructured.NestedString(live.Object, "status", "phase")
	switch phase {
	case "Succeeded":
		return ready()
	case "Failed":
		message, _, _ := unstructured.NestedString(live.Object, "status", "message")
		return failed("the pod failed %s", message)
	}
	return wants(live, "Ready")
}

func namespace(live *unstructured.Unstructured) State {
	if phase, _, _ := unstructured.NestedString(live.Object, "status", "phase"); phase != "Active" {
		return unfinished("phase %q", phase)
	}
	return ready()
}

func wants(live *unstructured.Unstructured, kind string) State {
	if _, met := condition(live, kind, "True"); met {
		return ready()
	}
	if reason, unmet := condition(live, kind, "False"); unmet {
		return unfinished("not %s: %s", kind, reason)
	}
	return unfinished("not %s yet", kind)
}

// condition gives reason and message of a condition that has the given status.
func condition(live *unstructured.Unstructured, kind, status string) (string, bool) {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, item := range conditions {
		object, _ := item.(map[string]any)
		if object["type"] == kind && object["status"] == status {
			reason, _ := object["reason"].(string)
			message, _ := object["message"].(string)
			if reason == "" || message == "" {
				return reason + message, true
			}
			return reason + ": " + message, true
		}
	}
	return "", false
}

func replicas(live *unstructured.Unstructured) int64 {
	if wanted, found := integer(live, "spec", "replicas"); found {
		return wanted
	}
	return 1
}

func integer(live *unstructured.Unstructured, path ...string) (int64, bool) {
	number, found, err := unstructured.NestedInt64(live.Object, path...)
	return number, found && err == nil
}
