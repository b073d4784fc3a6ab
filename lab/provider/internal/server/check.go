package server

import (
	"context"
	"slices"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"plinth.local/lab/provider/internal/diff"
	"plinth.local/lab/provider/internal/kube"
	"plinth.local/lab/provider/internal/property"
)

// Check completes the object's kind, drops its status, and makes a Secret's values secret even where the program
// forgot to.
func (p *Provider) Check(_ context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	kind, err := kube.KindOf(typeOf(request.GetType(), request.GetUrn()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	inputs := property.Decode(request.GetNews())
	var failures []*pulumirpc.CheckFailure
	fail := func(field, reason string) {
		failures = append(failures, &pulumirpc.CheckFailure{Property: field, Reason: reason})
	}
	for field, expected := range map[string]string{"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind} {
		switch got := property.Plain(inputs[field]).(type) {
		case nil:
			inputs[field] = expected
		case string:
			if got != expected {
				fail(field, "is "+got+", but the resource's type says "+expected)
			}
		}
	}
	delete(inputs, "status")
	metadata, isMap := property.Plain(inputs["metadata"]).(map[string]any)
	switch name := metadata["name"].(type) {
	case nil:
		if _, unknown := inputs["metadata"].(property.Unknown); isMap || !unknown {
			fail("metadata.name", "is missing; the lab's stand-in makes up no names")
		}
	case string:
		if name == "" {
			fail("metadata.name", "is empty")
		}
	}
	return &pulumirpc.CheckResponse{Inputs: property.Encode(sealed(kind, inputs)), Failures: failures}, nil
}

// sealed marks everything inside a Secret as one secret each of data and stringData.
func sealed(kind schema.GroupVersionKind, object map[string]any) map[string]any {
	if kind.Group != "" || kind.Kind != "Secret" {
		return object
	}
	for _, field := range []string{"data", "stringData"} {
		if value, known := object[field]; known && value != nil {
			if _, unknown := value.(property.Unknown); !unknown {
				object[field] = property.Secret{Value: property.Plain(value)}
			}
		}
	}
	return object
}

// Diff compares inputs with inputs; it asks the API server nothing.
func (p *Provider) Diff(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	kind, err := kube.KindOf(typeOf(request.GetType(), request.GetUrn()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	before := request.GetOldInputs()
	if before == nil {
		before = request.GetOlds()
	}
	old, new := sealed(kind, property.Decode(before)), sealed(kind, property.Decode(request.GetNews()))
	changes := diff.Compare(old, new)
	response := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, HasDetailedDiff: true, DetailedDiff: map[string]*pulumirpc.PropertyDiff{},
	}
	for _, change := range changes {
		path := diff.Format(change.Path)
		replaces := diff.Replaces(kind.GroupKind(), property.PlainMap(old), change)
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
		// The engine's summary lists the fields at the top; the paths are in the detailed one.
		if top := diff.Format(change.Path[:1]); !slices.Contains(response.Diffs, top) {
			response.Diffs = append(response.Diffs, top)
		}
		if replaces {
			response.Replaces = append(response.Replaces, path)
		}
		response.DetailedDiff[path] = &pulumirpc.PropertyDiff{Kind: wireKind(change.Kind, replaces), InputDiff: true}
	}
	// The successor has the same name, so the old one has to go first.
	response.DeleteBeforeReplace = len(response.Replaces) > 0 &&
		kube.RefOf(kind, property.PlainMap(old)) == kube.RefOf(kind, property.PlainMap(new))
	return response, nil
}

func wireKind(kind diff.Kind, replaces bool) pulumirpc.PropertyDiff_Kind {
	table := map[diff.Kind][2]pulumirpc.PropertyDiff_Kind{
		diff.Added:   {pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE},
		diff.Removed: {pulumirpc.PropertyDiff_DELETE, pulumirpc.PropertyDiff_DELETE_REPLACE},
		diff.Changed: {pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE},
	}
	if replaces {
		return table[kind][1]
	}
	return table[kind][0]
}
