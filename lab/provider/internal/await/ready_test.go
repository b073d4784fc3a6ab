package await

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func live(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestReadiness(t *testing.T) {
	for name, test := range map[string]struct{ object, want string }{
		"a rolled out Deployment": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":2},"spec":{"replicas":2},
			"status":{"observedGeneration":2,"replicas":2,"updatedReplicas":2,"availableReplicas":2}}`, "ready"},
		"a Deployment before its controller looked": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":2},
			"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"availableReplicas":1}}`, "hasn't seen the change"},
		"a Deployment whose old pods still run": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":1},
			"status":{"observedGeneration":1,"replicas":2,"updatedReplicas":1,"availableReplicas":2}}`, "1 old replicas still run"},
		"a Deployment that a quota stops": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":1},
			"status":{"observedGeneration":1,"conditions":[{"type":"ReplicaFailure","status":"True","message":"exceeded quota"}]}}`, "exceeded quota"},
		"a Deployment of nothing": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generation":1},"spec":{"replicas":0},
			"status":{"observedGeneration":1}}`, "ready"},
		"a StatefulSet in the middle of an update": {`{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"generation":1},
			"status":{"observedGeneration":1,"readyReplicas":1}}`, "0 of 1 replicas updated"},
		"a StatefulSet with a partition": {`{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"generation":1},
			"spec":{"replicas":2,"updateStrategy":{"rollingUpdate":{"partition":1}}},
			"status":{"observedGeneration":1,"updatedReplicas":1,"readyReplicas":2}}`, "ready"},
		"a DaemonSet without nodes": {`{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"generation":1},"status":{"observedGeneration":1}}`, "ready"},
		"a DaemonSet on half of the nodes": {`{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"generation":1},
			"status":{"observedGeneration":1,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":1}}`, "available on 1 of 2"},
		"a complete Job": {`{"apiVersion":"batch/v1","kind":"Job","status":{"conditions":[{"type":"Complete","status":"True"}]}}`, "ready"},
		"a running Job":  {`{"apiVersion":"batch/v1","kind":"Job","status":{"active":1,"failed":2}}`, "1 pods active, 2 failed"},
		"a failed Job": {`{"apiVersion":"batch/v1","kind":"Job","status":{"conditions":[{"type":"Failed","status":"True",
			"reason":"BackoffLimitExceeded","message":"too many"}]}}`, "failed: the job failed: BackoffLimitExceeded: too many"},
		"a suspended Job":          {`{"apiVersion":"batch/v1","kind":"Job","spec":{"suspend":true}}`, "ready"},
		"an established CRD":       {`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","status":{"conditions":[{"type":"Established","status":"True"}]}}`, "ready"},
		"a CRD with taken names":   {`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","status":{"conditions":[{"type":"NamesAccepted","status":"False","message":"in use"}]}}`, "failed: its names are taken: in use"},
		"an unbound claim":         {`{"apiVersion":"v1","kind":"PersistentVolumeClaim","status":{"phase":"Pending"}}`, "ready"},
		"a Service":                {`{"apiVersion":"v1","kind":"Service"}`, "ready"},
		"a custom resource":        {`{"apiVersion":"a.io/v1","kind":"Deployment","metadata":{"generation":3}}`, "ready"},
		"a condition asked for":    {`{"apiVersion":"a.io/v1","kind":"X","metadata":{"annotations":{"pulumi.com/waitFor":"condition=Ready"}}}`, "not Ready yet"},
		"a condition that is met":  {`{"apiVersion":"a.io/v1","kind":"X","metadata":{"annotations":{"pulumi.com/waitFor":"[\"condition=Ready\"]"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, "ready"},
		"a wait that isn't served": {`{"apiVersion":"a.io/v1","kind":"X","metadata":{"annotations":{"pulumi.com/waitFor":"jsonpath={.a}"}}}`, "failed: annotation"},
	} {
		t.Run(name, func(t *testing.T) {
			state := Judge(live(t, test.object))
			got := state.Reason
			if state.Ready {
				got = "ready"
			} else if state.Failed {
				got = "failed: " + got
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
