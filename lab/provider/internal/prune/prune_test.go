package prune

import (
	"encoding/json"
	"reflect"
	"testing"

	"plinth.local/lab/provider/internal/property"
)

type object = map[string]any

func read(t *testing.T, text string) object {
	t.Helper()
	var result object
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	return wholeNumbers(result).(object)
}

func TestInputsShowDriftAndNothingElse(t *testing.T) {
	for name, test := range map[string]struct{ last, live, want string }{
		"defaults of the server stay out": {
			`{"spec":{"a":1}}`, `{"spec":{"a":1,"b":2},"status":{"c":3}}`, `{"spec":{"a":1}}`,
		},
		"a changed field shows": {`{"spec":{"a":1}}`, `{"spec":{"a":2}}`, `{"spec":{"a":2}}`},
		"a removed field shows": {`{"metadata":{"labels":{"a":"b"}}}`, `{"metadata":{}}`, `{"metadata":{}}`},
		"empty values that the server leaves out stay": {
			`{"spec":{"hostNetwork":false,"env":"","args":[],"securityContext":{}}}`, `{"spec":{}}`,
			`{"spec":{"hostNetwork":false,"env":"","args":[],"securityContext":{}}}`,
		},
		"amounts are compared by value": {
			`{"spec":{"resources":{"limits":{"memory":"1024Mi","cpu":1}}}}`,
			`{"spec":{"resources":{"limits":{"memory":"1Gi","cpu":"1"}}}}`,
			`{"spec":{"resources":{"limits":{"memory":"1024Mi","cpu":1}}}}`,
		},
		"data is compared by letter": {
			`{"data":{"limits":"1024Mi"}}`, `{"data":{"limits":"1Gi"}}`, `{"data":{"limits":"1Gi"}}`,
		},
		"containers are found by name": {
			`{"spec":{"containers":[{"name":"a","image":"1"}]}}`,
			`{"spec":{"containers":[{"name":"sidecar","image":"x"},{"name":"a","image":"2","tty":true}]}}`,
			`{"spec":{"containers":[{"name":"a","image":"2"}]}}`,
		},
		"a container that is gone shows": {
			`{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}`, `{"spec":{"containers":[{"name":"b"}]}}`,
			`{"spec":{"containers":[{"name":"b"}]}}`,
		},
		"a peer added to a policy shows": {
			`{"spec":{"ingress":[{"from":[{"podSelector":{"matchLabels":{"a":"b"}}}]}]}}`,
			`{"spec":{"ingress":[{"from":[{"podSelector":{"matchLabels":{"a":"b"}}},{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}}`,
			`{"spec":{"ingress":[{"from":[{"podSelector":{"matchLabels":{"a":"b"}}},{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}}`,
		},
		"a selector is one value": {
			`{"spec":{"podSelector":{}}}`, `{"spec":{"podSelector":{"matchLabels":{"a":"b"}}}}`,
			`{"spec":{"podSelector":{"matchLabels":{"a":"b"}}}}`,
		},
		"a Secret's text is compared as text": {
			`{"kind":"Secret","stringData":{"a":"x","b":"y"}}`, `{"kind":"Secret","data":{"a":"eA==","b":"eg=="}}`,
			`{"kind":"Secret","stringData":{"a":"x","b":"z"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Inputs(read(t, test.last), read(t, test.live)); !reflect.DeepEqual(got, read(t, test.want)) {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestSecretsStaySecret(t *testing.T) {
	last := object{"spec": object{"env": []any{object{"name": "P", "value": property.Secret{Value: "old"}}}}}
	got := Inputs(last, object{"spec": object{"env": []any{object{"name": "P", "value": "drifted"}}}})
	want := object{"spec": object{"env": []any{object{"name": "P", "value": property.Secret{Value: "drifted"}}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestImportedTakesWhatWasApplied(t *testing.T) {
	live := read(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n","uid":"u","labels":{"a":"1","b":"2"},
		"managedFields":[{"manager":"other","operation":"Apply","fieldsV1":{"f:spec":{"f:type":{}}}},
		{"manager":"mine","operation":"Apply","fieldsV1":{"f:metadata":{"f:labels":{"f:a":{}}},
		"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}}]},
		"spec":{"type":"ClusterIP","ports":[{"port":80,"protocol":"TCP","targetPort":80},{"port":81,"protocol":"TCP"}]},"status":{}}`)
	want := read(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"n","labels":{"a":"1"}},"spec":{"ports":[{"port":80}]}}`)
	if got := Imported(live, "mine"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestImportedTakesAllOfAnObjectThatNobodyApplied(t *testing.T) {
	live := read(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","uid":"u","resourceVersion":"1"},"data":{"a":"b"},"status":{}}`)
	want := read(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"b"}}`)
	if got := Imported(live, "mine"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}
