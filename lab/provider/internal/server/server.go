// Package server speaks the engine's protocol: it serves the tokens of Pulumi's Kubernetes provider.
package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"plinth.local/lab/provider/internal/diff"
	"plinth.local/lab/provider/internal/kube"
	"plinth.local/lab/provider/internal/property"
)

// Provider is one process of the stand-in: one cluster, many objects at once.
type Provider struct {
	pulumirpc.UnimplementedResourceProviderServer

	version string
	engine  *engine
	// stopped ends when the engine cancels: whatever waits then returns what it has.
	stopped context.Context
	stop    context.CancelFunc

	// Set by Configure, before any object is asked for.
	client    *kube.Client
	skipAwait bool
	// upsert lets a create take over an object that somebody else made.
	upsert bool

	mutex sync.Mutex
	// appliedBy says which resource applied an object in this run. A resource that was renamed in the program is
	// created under its new name before the old one is deleted: the object must survive that.
	appliedBy map[string]string
}

// New makes a provider that reports the given version and speaks to the engine at the address.
func New(version, engineAddress string) (*Provider, error) {
	connected, err := connect(engineAddress)
	if err != nil {
		return nil, err
	}
	stopped, stop := context.WithCancel(context.Background())
	return &Provider{
		version: version, engine: connected, stopped: stopped, stop: stop, appliedBy: map[string]string{},
	}, nil
}

// Refusing makes a server answer everything about the cluster with the same error.
func Refusing(reason string) grpc.ServerOption {
	harmless := []string{"GetPluginInfo", "GetSchema", "Handshake", "Attach", "Cancel"}
	return grpc.UnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if slices.Contains(harmless, info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]) {
			return handle(ctx, request)
		}
		return nil, status.Error(codes.FailedPrecondition, reason)
	})
}

func (p *Provider) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: p.version}, nil
}

// GetSchema gives an empty one: programs use the types of @pulumi/kubernetes, and generate none from here.
func (p *Provider) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: fmt.Sprintf(`{"name":"kubernetes","version":%q}`, p.version)}, nil
}

func (p *Provider) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	p.stop()
	return &emptypb.Empty{}, nil
}

func (p *Provider) Attach(_ context.Context, request *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	connected, err := connect(request.GetAddress())
	if err != nil {
		return nil, err
	}
	p.engine = connected
	return &emptypb.Empty{}, nil
}

func (p *Provider) CheckConfig(_ context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: request.GetNews()}, nil
}

// DiffConfig never asks for a replacement: another address of the same cluster isn't another cluster. What was asked
// for one run only, by a variable that the program's library makes a setting of, is no change after it.
func (p *Provider) DiffConfig(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	old := request.GetOldInputs()
	if old == nil {
		old = request.GetOlds()
	}
	before, after := property.Decode(old), property.Decode(request.GetNews())
	delete(before, "upsertExistingObjects")
	delete(after, "upsertExistingObjects")
	changes := diff.Compare(before, after)
	if len(changes) == 0 {
		return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
	}
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_SOME}
	for _, change := range changes {
		response.Diffs = append(response.Diffs, diff.Format(change.Path))
	}
	return response, nil
}

func (p *Provider) Configure(_ context.Context, request *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	settings := map[string]string{}
	for name, value := range request.GetVariables() {
		settings[name[strings.LastIndex(name, ":")+1:]] = value
	}
	for name, value := range property.PlainMap(property.Decode(request.GetArgs())) {
		settings[name] = fmt.Sprint(value)
	}
	client, err := kube.New(kube.Options{
		Kubeconfig: settings["kubeconfig"], Context: settings["context"], Namespace: settings["namespace"],
	})
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	p.client = client
	p.skipAwait = settings["skipAwait"] == "true" || environmentSkipsAwait()
	p.upsert = settings["upsertExistingObjects"] == "true" || environmentUpserts()
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

func (p *Provider) Invoke(_ context.Context, request *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return nil, status.Errorf(codes.Unimplemented, "the lab's stand-in for the Kubernetes provider has no function %s", request.GetTok())
}

func (p *Provider) Construct(_ context.Context, request *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	return nil, status.Errorf(codes.Unimplemented, "the lab's stand-in for the Kubernetes provider has no component %s", request.GetType())
}
