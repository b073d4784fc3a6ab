package server

import (
	"context"
	"net/http"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"plinth.local/lab/provider/internal/apitest"
	"plinth.local/lab/provider/internal/property"
)

type object = map[string]any

const settingsPath = "/api/v1/namespaces/n/configmaps/settings"

func start(t *testing.T) (*Provider, *apitest.Server) {
	t.Helper()
	api := apitest.New(t)
	api.Put("/api/v1/namespaces/n", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "n"}})
	provider, err := New("1.2.3", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = provider.Configure(context.Background(), &pulumirpc.ConfigureRequest{Args: property.Encode(object{
		"kubeconfig": api.Kubeconfig(), "context": "test", "enablePatchForce": "true", "nobodyKnows": "x",
	})})
	if err != nil {
		t.Fatal(err)
	}
	return provider, api
}

func urn(token, name string) string { return "urn:pulumi:s::p::some:Component$" + token + "::" + name }

const (
	configMap  = "kubernetes:core/v1:ConfigMap"
	secret     = "kubernetes:core/v1:Secret"
	deployment = "kubernetes:apps/v1:Deployment"
	job        = "kubernetes:batch/v1:Job"
)

func settings(value any) object {
	return object{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "settings", "namespace": "n"},
		"data": object{"a": value},
	}
}

func create(t *testing.T, provider *Provider, token string, inputs object) (*pulumirpc.CreateResponse, error) {
	t.Helper()
	return provider.Create(context.Background(), &pulumirpc.CreateRequest{
		Urn: urn(token, "x"), Properties: property.Encode(inputs), Timeout: 20,
	})
}

func TestCreateAppliesAndRemembersWhatWasSet(t *testing.T) {
	provider, api := start(t)
	response, err := create(t, provider, configMap, settings("1"))
	if err != nil {
		t.Fatal(err)
	}
	if response.GetId() != "n/settings" {
		t.Errorf("id %s", response.GetId())
	}
	outputs := property.Decode(response.GetProperties())
	if outputs["metadata"].(object)["uid"] == "" || outputs["metadata"].(object)["creationTimestamp"] != nil {
		t.Errorf("outputs %v", outputs)
	}
	if api.Get(settingsPath)["data"].(object)["a"] != "1" {
		t.Error("nothing was applied")
	}
}

func TestCheckSealsSecretsAndWantsNames(t *testing.T) {
	provider, _ := start(t)
	response, err := provider.Check(context.Background(), &pulumirpc.CheckRequest{
		Urn: urn(secret, "x"), News: property.Encode(object{"metadata": object{}, "data": object{"a": "eA=="}, "status": object{"b": "c"}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if failures := response.GetFailures(); len(failures) != 1 || failures[0].GetProperty() != "metadata.name" {
		t.Errorf("failures %v", failures)
	}
	inputs := property.Decode(response.GetInputs())
	if _, sealed := inputs["data"].(property.Secret); !sealed || inputs["kind"] != "Secret" || inputs["status"] != nil {
		t.Errorf("inputs %v", inputs)
	}
	if _, err := provider.Check(context.Background(), &pulumirpc.CheckRequest{Urn: urn("kubernetes:helm.sh/v3:Release", "x")}); err == nil {
		t.Error("a Helm release was accepted")
	}
}

func TestDiffAsksTheServerNothing(t *testing.T) {
	provider, api := start(t)
	diff := func(old, new object) *pulumirpc.DiffResponse {
		response, err := provider.Diff(context.Background(), &pulumirpc.DiffRequest{
			Urn: urn(configMap, "x"), OldInputs: property.Encode(old), News: property.Encode(new),
		})
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	if same := diff(settings("1"), settings("1")); same.GetChanges() != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("same: %v", same)
	}
	changed := diff(settings("1"), settings("2"))
	if changed.GetDetailedDiff()["data.a"].GetKind() != pulumirpc.PropertyDiff_UPDATE || len(changed.GetReplaces()) != 0 || changed.GetDiffs()[0] != "data" {
		t.Errorf("changed: %v", changed)
	}
	renamed := settings("1")
	renamed["metadata"] = object{"name": "other", "namespace": "n"}
	if moved := diff(settings("1"), renamed); len(moved.GetReplaces()) != 1 || moved.GetDeleteBeforeReplace() {
		t.Errorf("renamed: %v", moved)
	}
	fixed, next := settings("1"), settings("2")
	fixed["immutable"], next["immutable"] = true, true
	if replaced := diff(fixed, next); len(replaced.GetReplaces()) != 1 || !replaced.GetDeleteBeforeReplace() {
		t.Errorf("immutable: %v", replaced)
	}
	if requests := api.Requests(); len(requests) != 0 {
		t.Errorf("requests %v", requests)
	}
}

func TestPreviewChangesNothing(t *testing.T) {
	provider, api := start(t)
	preview := func(inputs object) (*structpb.Struct, error) {
		response, err := provider.Create(context.Background(), &pulumirpc.CreateRequest{
			Urn: urn(configMap, "x"), Properties: property.Encode(inputs), Preview: true,
		})
		return response.GetProperties(), err
	}
	if _, err := preview(settings("1")); err != nil || api.Get(settingsPath) != nil {
		t.Errorf("error %v, object %v", err, api.Get(settingsPath))
	}
	elsewhere := settings("1")
	elsewhere["metadata"] = object{"name": "settings", "namespace": "not-yet"}
	if outputs, err := preview(elsewhere); err != nil || outputs.GetFields()["data"] == nil {
		t.Errorf("without its namespace: %v", err)
	}
	before := len(api.Requests())
	if _, err := preview(settings(property.Unknown{})); err != nil || len(api.Requests()) != before {
		t.Errorf("with an unknown value: %v", err)
	}
	api.Refuse = func(_ *http.Request, dry bool) (int, string) {
		if dry {
			return 422, `ConfigMap "settings" is invalid: data.a is wrong`
		}
		return 0, ""
	}
	if _, err := preview(settings("1")); err == nil || !strings.Contains(err.Error(), `cannot preview ConfigMap "settings" in namespace "n"`) {
		t.Errorf("invalid: %v", err)
	}
}

func TestErrorsNeverShowTheObjectsSecrets(t *testing.T) {
	provider, api := start(t)
	api.Refuse = func(*http.Request, bool) (int, string) { return 422, "got value aHVudGVyMjI= which is hunter22" }
	_, err := create(t, provider, secret, object{
		"metadata": object{"name": "s", "namespace": "n"}, "stringData": object{"a": property.Secret{Value: "hunter22"}},
	})
	if err == nil || strings.Contains(err.Error(), "hunter22") || strings.Contains(err.Error(), "aHVudGVyMjI=") {
		t.Errorf("error %v", err)
	}
}

func initErrors(t *testing.T, err error) *pulumirpc.ErrorResourceInitFailed {
	t.Helper()
	for _, detail := range status.Convert(err).Details() {
		if failed, is := detail.(*pulumirpc.ErrorResourceInitFailed); is {
			return failed
		}
	}
	t.Fatalf("not an error that keeps the object: %v", err)
	return nil
}

func TestWhatWasAskedForOneRunIsNoChangeOfTheProvider(t *testing.T) {
	provider, _ := start(t)
	ask := func(before, after object) pulumirpc.DiffResponse_DiffChanges {
		t.Helper()
		response, err := provider.DiffConfig(context.Background(), &pulumirpc.DiffRequest{
			OldInputs: property.Encode(before), News: property.Encode(after),
		})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetChanges()
	}
	plain := object{"context": "test"}
	once := object{"context": "test", "upsertExistingObjects": "true"}
	if got := ask(once, plain); got != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("after a run that took objects over: %v", got)
	}
	if got := ask(plain, object{"context": "other"}); got != pulumirpc.DiffResponse_DIFF_SOME {
		t.Errorf("another context: %v", got)
	}
}
