package server

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"plinth.local/lab/provider/internal/kube"
	"plinth.local/lab/provider/internal/redact"
)

// engine is where messages to the user go.
type engine struct{ client pulumirpc.EngineClient }

func connect(address string) (*engine, error) {
	if address == "" {
		return &engine{}, nil
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("cannot reach the engine at %s: %w", address, err)
	}
	return &engine{pulumirpc.NewEngineClient(connection)}, nil
}

func (e *engine) send(severity pulumirpc.LogSeverity, urn, message string, ephemeral bool) {
	if e.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// A message that can't be delivered is no reason to fail an update.
	_, _ = e.client.Log(ctx, &pulumirpc.LogRequest{Severity: severity, Urn: urn, Message: message, Ephemeral: ephemeral})
}

// notes gives a note that is shown beside the resource while it is worked on, each text once.
func (e *engine) notes(urn string, hide *redact.Redactor) kube.Note {
	var mutex sync.Mutex
	last := ""
	return func(format string, args ...any) {
		text := hide.Apply(fmt.Sprintf(format, args...))
		mutex.Lock()
		defer mutex.Unlock()
		if text != last {
			last = text
			e.send(pulumirpc.LogSeverity_INFO, urn, text, true)
		}
	}
}

// environmentSkipsAwait serves programs whose typed provider has no field for our own setting.
func environmentSkipsAwait() bool { return os.Getenv("PLINTH_PROVIDER_SKIP_AWAIT") == "true" }

// environmentUpserts is the official provider's own variable.
func environmentUpserts() bool { return os.Getenv("PULUMI_K8S_UPSERT_EXISTING_OBJECTS") == "true" }
