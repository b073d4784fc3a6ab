package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"plinth.local/lab/provider/internal/property"
)

const jobPath = "/apis/batch/v1/namespaces/n/jobs/migrate"

func migration() object {
	return object{"metadata": object{
		"name": "migrate", "namespace": "n", "annotations": object{"pulumi.com/replaceUnready": "true"},
	}, "spec": object{
		"selector": object{"matchLabels": object{"job": "migrate"}}, "template": object{},
	}}
}

func finished(kind string) object {
	return object{"conditions": []any{object{"type": kind, "status": "True", "reason": "Because"}}}
}

func TestAFailedJobSaysWhyAndRunsAgainNextTime(t *testing.T) {
	provider, api := start(t)
	api.Put("/api/v1/namespaces/n/secrets/login", object{
		"metadata": object{"name": "login"}, "data": object{"password": "aHVudGVyMjI="},
	})
	api.Put("/api/v1/namespaces/n/pods/migrate-1", object{
		"metadata": object{"name": "migrate-1", "namespace": "n", "labels": object{"job": "migrate"}},
		"status": object{"containerStatuses": []any{object{
			"name": "main", "state": object{"terminated": object{"exitCode": 3, "reason": "OOMKilled"}},
		}}},
	})
	api.Log("/api/v1/namespaces/n/pods/migrate-1", "connecting as plinth:hunter22\nno such table\n")
	api.Changed = func(path string, applied object) {
		if path == jobPath && applied["status"] == nil {
			applied["status"] = finished("Failed")
		}
	}
	_, err := create(t, provider, job, migration())
	failed := initErrors(t, err)
	text := err.Error()
	for _, want := range []string{"the job failed: Because", "pod migrate-1: main ended with 3 (OOMKilled)", "no such table", "[secret]"} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hunter22") {
		t.Errorf("a Secret's value is shown:\n%s", text)
	}
	if failed.GetId() != "n/migrate" || failed.GetInputs().GetFields()["spec"] == nil {
		t.Errorf("kept %v", failed)
	}

	api.Changed = func(path string, applied object) {
		if path == jobPath && applied["status"] == nil {
			applied["status"] = finished("Complete")
		}
	}
	_, err = provider.Update(context.Background(), &pulumirpc.UpdateRequest{
		Id: "n/migrate", Urn: urn(job, "x"), News: property.Encode(migration()), Timeout: 20,
	})
	if err != nil {
		t.Fatalf("the second run: %v", err)
	}
	if !slices.Contains(api.Requests(), "DELETE "+jobPath) {
		t.Error("the failed Job was not replaced")
	}
}

func TestAFailedJobWithoutTheAnnotationIsLeftAsTheOfficialProviderLeavesIt(t *testing.T) {
	provider, api := start(t)
	api.Changed = func(path string, applied object) {
		if path == jobPath && applied["status"] == nil {
			applied["status"] = finished("Failed")
		}
	}
	inputs := migration()
	delete(inputs["metadata"].(object), "annotations")
	_, err := create(t, provider, job, inputs)
	initErrors(t, err)
	_, err = provider.Update(context.Background(), &pulumirpc.UpdateRequest{
		Id: "n/migrate", Urn: urn(job, "x"), News: property.Encode(inputs), Timeout: 20,
	})
	initErrors(t, err)
	if slices.Contains(api.Requests(), "DELETE "+jobPath) {
		t.Error("the failed Job was replaced")
	}
}

func TestWhatSomebodyElseMadeIsTakenOverOnlyWhenAsked(t *testing.T) {
	provider, api := start(t)
	theirs := object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{
		"name": "settings", "namespace": "n", "managedFields": []any{object{"manager": "kubectl-create", "operation": "Update"}},
	}}
	api.Put(settingsPath, theirs)
	_, err := create(t, provider, configMap, settings("1"))
	if err == nil || !strings.Contains(err.Error(), `ConfigMap "settings" in namespace "n" is there already`) {
		t.Fatalf("got %v", err)
	}
	if api.Get(settingsPath)["data"] != nil {
		t.Error("it was changed all the same")
	}
	provider.upsert = true
	if _, err := create(t, provider, configMap, settings("1")); err != nil {
		t.Fatalf("asked to take it over: %v", err)
	}
	// Now it is ours: an update that was cut off before it was recorded does it again without being asked.
	provider.upsert = false
	if _, err := create(t, provider, configMap, settings("2")); err != nil {
		t.Fatalf("made by an update that was cut off: %v", err)
	}
}

func TestAWorkloadThatDoesntComeUpIsKeptWithItsReason(t *testing.T) {
	provider, api := start(t)
	api.Put("/api/v1/namespaces/n/pods/web-1", object{
		"metadata": object{"name": "web-1", "namespace": "n", "labels": object{"app": "web"}},
		"status": object{"conditions": []any{object{
			"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: insufficient cpu",
		}}},
	})
	_, err := provider.Create(context.Background(), &pulumirpc.CreateRequest{Urn: urn(deployment, "x"), Timeout: 0.5, Properties: property.Encode(object{
		"metadata": object{"name": "web", "namespace": "n"},
		"spec":     object{"selector": object{"matchLabels": object{"app": "web"}}},
	})})
	initErrors(t, err)
	for _, want := range []string{`Deployment "web" in namespace "n": not ready after`, "pod web-1: Unschedulable: 0/1 nodes: insufficient cpu"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in: %v", want, err)
		}
	}
}

func TestACancelledWaitKeepsTheObject(t *testing.T) {
	provider, api := start(t)
	failed := make(chan error, 1)
	go func() {
		_, err := provider.Create(context.Background(), &pulumirpc.CreateRequest{Urn: urn(deployment, "x"), Properties: property.Encode(object{
			"metadata": object{"name": "web", "namespace": "n"}, "spec": object{},
		})})
		failed <- err
	}()
	for api.Get("/apis/apps/v1/namespaces/n/deployments/web") == nil {
		time.Sleep(time.Millisecond)
	}
	if _, err := provider.Cancel(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	err := <-failed
	if failure := initErrors(t, err); failure.GetId() != "n/web" || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("error %v", err)
	}
}

func TestSkippedWaitsReturnAtOnce(t *testing.T) {
	provider, _ := start(t)
	inputs := object{"metadata": object{
		"name": "web", "namespace": "n", "annotations": object{"pulumi.com/skipAwait": "true"},
	}, "spec": object{}}
	if _, err := create(t, provider, deployment, inputs); err != nil {
		t.Error(err)
	}
}

func TestRefreshShowsDriftAndMissingObjects(t *testing.T) {
	provider, api := start(t)
	read := func() *pulumirpc.ReadResponse {
		response, err := provider.Read(context.Background(), &pulumirpc.ReadRequest{
			Id: "n/settings", Urn: urn(configMap, "x"), Inputs: property.Encode(settings("1")),
		})
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	if gone := read(); gone.GetId() != "" {
		t.Errorf("missing object: %v", gone)
	}
	drifted := settings("2")
	drifted["data"].(object)["other"] = "x"
	api.Put(settingsPath, drifted)
	data := property.Decode(read().GetInputs())["data"].(object)
	if len(data) != 1 || data["a"] != "2" {
		t.Errorf("data %v", data)
	}
}

func TestImportReadsTheWholeObjectAndSealsSecrets(t *testing.T) {
	provider, api := start(t)
	api.Put("/api/v1/namespaces/n/secrets/s", object{
		"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "s", "namespace": "n", "uid": "u"}, "data": object{"a": "eA=="},
	})
	response, err := provider.Read(context.Background(), &pulumirpc.ReadRequest{Id: "n/s", Urn: urn(secret, "x")})
	if err != nil {
		t.Fatal(err)
	}
	for name, fields := range map[string]object{
		"inputs": property.Decode(response.GetInputs()), "outputs": property.Decode(response.GetProperties()),
	} {
		if _, sealed := fields["data"].(property.Secret); !sealed {
			t.Errorf("%s: %v", name, fields)
		}
	}
}

func TestDeleteWaitsAndAcceptsWhatIsGone(t *testing.T) {
	provider, api := start(t)
	if _, err := create(t, provider, configMap, settings("1")); err != nil {
		t.Fatal(err)
	}
	remove := func(name string) error {
		_, err := provider.Delete(context.Background(), &pulumirpc.DeleteRequest{Id: "n/settings", Urn: urn(configMap, name)})
		return err
	}
	if err := remove("renamed"); err != nil || api.Get(settingsPath) == nil {
		t.Errorf("a resource renamed in the program lost its object: %v", err)
	}
	if err := remove("x"); err != nil || api.Get(settingsPath) != nil {
		t.Errorf("error %v, object %v", err, api.Get(settingsPath))
	}
	if err := remove("x"); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestAnOverloadedServerIsAskedAgain(t *testing.T) {
	provider, api := start(t)
	var refused atomic.Int32
	api.Refuse = func(request *http.Request, _ bool) (int, string) {
		if request.Method == http.MethodPatch && refused.Add(1) <= 2 {
			return 503, "starting"
		}
		return 0, ""
	}
	if _, err := create(t, provider, configMap, settings("1")); err != nil || refused.Load() != 3 {
		t.Errorf("error %v after %d attempts", err, refused.Load())
	}
}

func TestAKindThatWasDefinedAMomentAgoIsFound(t *testing.T) {
	provider, api := start(t)
	inputs := object{"apiVersion": "demo.io/v1", "kind": "Thing", "metadata": object{"name": "t", "namespace": "n"}}
	created := make(chan error, 1)
	go func() {
		_, err := provider.Create(context.Background(), &pulumirpc.CreateRequest{
			Urn: urn("kubernetes:demo.io/v1:Thing", "x"), Properties: property.Encode(inputs), Timeout: 20,
		})
		created <- err
	}()
	// Asked before it is there: the provider has to forget that.
	for len(api.Requests()) == 0 {
		select {
		case err := <-created:
			t.Fatalf("ended before the kind was served: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	api.Serve("/apis/demo.io/v1", "things", "Thing")
	if err := <-created; err != nil {
		t.Error(err)
	}
}
