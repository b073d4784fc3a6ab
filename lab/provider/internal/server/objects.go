package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"plinth.local/lab/provider/internal/await"
	"plinth.local/lab/provider/internal/kube"
	"plinth.local/lab/provider/internal/property"
	"plinth.local/lab/provider/internal/prune"
	"plinth.local/lab/provider/internal/redact"
)

// defaultTimeout holds where the program sets no customTimeouts.
const defaultTimeout = 10 * time.Minute

func (p *Provider) Create(ctx context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	kind, err := kube.KindOf(typeOf(request.GetType(), request.GetUrn()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	inputs := sealed(kind, property.Decode(request.GetProperties()))
	if !p.upsert && !property.HasUnknown(inputs) {
		if err := p.client.RefuseForeign(ctx, kube.RefOf(kind, property.PlainMap(inputs))); err != nil {
			hide := redact.New(property.Strings(inputs))
			return nil, status.Error(codes.AlreadyExists, hide.Apply(err.Error()))
		}
	}
	if request.GetPreview() {
		id, outputs, err := p.preview(ctx, kind, inputs, true)
		return &pulumirpc.CreateResponse{Id: id, Properties: outputs}, err
	}
	id, outputs, err := p.apply(ctx, kind, request.GetUrn(), inputs, request.GetTimeout())
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: property.Encode(outputs)}, nil
}

func (p *Provider) Update(ctx context.Context, request *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	kind, err := kube.KindOf(typeOf(request.GetType(), request.GetUrn()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	inputs := sealed(kind, property.Decode(request.GetNews()))
	if request.GetPreview() {
		_, outputs, err := p.preview(ctx, kind, inputs, false)
		return &pulumirpc.UpdateResponse{Properties: outputs}, err
	}
	_, outputs, err := p.apply(ctx, kind, request.GetUrn(), inputs, request.GetTimeout())
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: property.Encode(outputs)}, nil
}

// apply makes the object and waits for it. When only the waiting fails, the error carries the object, so that the
// engine keeps it in its state and the next update goes on from there.
func (p *Provider) apply(ctx context.Context, kind schema.GroupVersionKind, urn string, inputs map[string]any, seconds float64) (string, map[string]any, error) {
	plain := property.PlainMap(inputs)
	ctx, cancel := p.bounded(ctx, seconds, plain)
	defer cancel()
	hide := redact.New(property.Strings(inputs))
	note := p.engine.notes(urn, hide)

	ref, live, err := p.client.Apply(ctx, kube.RefOf(kind, plain), plain, note)
	if err == nil && rerun(live) {
		// A Job that failed never runs again by itself: a new attempt is what its annotation asks for.
		note("the earlier run failed; running it again")
		if err = p.client.Delete(ctx, ref, true, note); err == nil {
			ref, live, err = p.client.Apply(ctx, ref, plain, note)
		}
	}
	if err != nil {
		return "", nil, status.Error(codes.Unknown, hide.Apply(err.Error()))
	}
	p.remember(ref, urn)
	var problem error
	if !p.skipAwait && !await.Skipped(live) {
		live, problem = await.Until(ctx, p.client, ref, live, note)
	}
	outputs := outputsOf(ref, inputs, live)
	if problem != nil {
		return "", nil, partial(ref.ID(), inputs, outputs, hide.Apply(problem.Error()))
	}
	return ref.ID(), outputs, nil
}

// rerun is as strict as the official provider: without the annotation an update only reports the old failure.
func rerun(live *unstructured.Unstructured) bool {
	return live.GetKind() == "Job" && live.GetAnnotations()["pulumi.com/replaceUnready"] == "true" && await.Of(live).Failed
}

func partial(id string, inputs, outputs map[string]any, reason string) error {
	failure, err := status.New(codes.Unknown, reason).WithDetails(&pulumirpc.ErrorResourceInitFailed{
		Id: id, Inputs: property.Encode(inputs), Properties: property.Encode(outputs), Reasons: []string{reason},
	})
	if err != nil {
		return status.Error(codes.Unknown, reason)
	}
	return failure.Err()
}

// Delete removes the object unless another resource of this run applied it under a new name in the program.
func (p *Provider) Delete(ctx context.Context, request *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	kind, err := kube.KindOf(typeOf(request.GetType(), request.GetUrn()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	ref := kube.FromID(kind, request.GetId())
	if other := p.owner(ref); other != "" && other != request.GetUrn() {
		p.engine.send(pulumirpc.LogSeverity_INFO, request.GetUrn(), fmt.Sprintf("%s is kept: it now belongs to %s", ref, other), false)
		return &emptypb.Empty{}, nil
	}
	old := property.PlainMap(property.Decode(request.GetOldInputs()))
	ctx, cancel := p.bounded(ctx, request.GetTimeout(), old)
	defer cancel()
	wait := !p.skipAwait && !await.Skipped(&unstructured.Unstructured{Object: old})
	note := p.engine.notes(request.GetUrn(), redact.New(nil))
	if err := p.client.Delete(ctx, ref, wait, note); err != nil {
		return nil, status.Error(codes.Unknown, err.Error())
	}
	return &emptypb.Empty{}, nil
}

// Read serves refresh and import: nothing when the object is gone, else its fields as inputs.
func (p *Provider) Read(ctx context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	kind, err := kube.KindOf(typeOf(request.GetType(), request.GetUrn()))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	ctx, cancel := p.bounded(ctx, request.GetTimeout(), nil)
	defer cancel()
	ref, live, err := p.client.Get(ctx, kube.FromID(kind, request.GetId()))
	if err != nil {
		return nil, status.Error(codes.Unknown, err.Error())
	}
	if live == nil || live.GetDeletionTimestamp() != nil {
		return &pulumirpc.ReadResponse{}, nil
	}
	inputs := property.Decode(request.GetInputs())
	if len(inputs) == 0 {
		inputs = prune.Imported(live.Object, kube.Manager)
	} else {
		inputs = prune.Inputs(inputs, live.Object)
	}
	inputs = sealed(kind, inputs)
	return &pulumirpc.ReadResponse{
		Id: ref.ID(), Inputs: property.Encode(inputs), Properties: property.Encode(outputsOf(ref, inputs, live)),
	}, nil
}

// preview asks the API server by a dry run; where it can't tell yet, the inputs are the answer.
func (p *Provider) preview(ctx context.Context, kind schema.GroupVersionKind, inputs map[string]any, creating bool) (string, *structpb.Struct, error) {
	plain := property.PlainMap(inputs)
	ref := kube.RefOf(kind, plain)
	if property.HasUnknown(inputs) {
		return "", property.Encode(inputs), nil
	}
	ctx, cancel := p.bounded(ctx, time.Minute.Seconds(), nil)
	defer cancel()
	ref, live, err := p.client.DryRun(ctx, ref, plain, creating)
	if errors.Is(err, kube.ErrNotYet) {
		return "", property.Encode(inputs), nil
	}
	if err != nil {
		return "", nil, status.Error(codes.Unknown, redact.New(property.Strings(inputs)).Apply(err.Error()))
	}
	outputs := outputsOf(ref, inputs, live)
	if metadata, isMap := outputs["metadata"].(map[string]any); isMap && creating {
		delete(metadata, "uid") // a dry run makes one up
	}
	return "", property.Encode(outputs), nil
}

// bounded ends an operation after its time, and when the engine cancels.
func (p *Provider) bounded(ctx context.Context, seconds float64, inputs map[string]any) (context.Context, context.CancelFunc) {
	limit := defaultTimeout
	annotations := (&unstructured.Unstructured{Object: inputs}).GetAnnotations()
	if given, err := strconv.ParseFloat(annotations["pulumi.com/timeoutSeconds"], 64); err == nil && given > 0 {
		limit = time.Duration(given * float64(time.Second))
	}
	if seconds > 0 {
		limit = time.Duration(seconds * float64(time.Second))
	}
	ctx, interrupt := context.WithCancelCause(ctx)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %s", limit))
	stopWatching := context.AfterFunc(p.stopped, func() { interrupt(errors.New("the update was cancelled")) })
	return ctx, func() { stopWatching(); cancel(); interrupt(nil) }
}

func (p *Provider) remember(ref kube.Ref, urn string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.appliedBy[key(ref)] = urn
}

func (p *Provider) owner(ref kube.Ref) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.appliedBy[key(ref)]
}

// key leaves the version out: apps/v1 and apps/v1beta1 are two views of one object.
func key(ref kube.Ref) string { return ref.Kind.GroupKind().String() + "/" + ref.ID() }

// typeOf takes a resource's type from its URN where the engine didn't send it.
func typeOf(sent, urn string) string {
	if sent != "" {
		return sent
	}
	parts := strings.Split(urn, "::")
	if len(parts) < 4 {
		return ""
	}
	types := strings.Split(parts[2], "$")
	return types[len(types)-1]
}
