// Command pulumi-resource-kubernetes is the lab's offline stand-in for Pulumi's Kubernetes provider: it serves the
// same resource tokens where the official plugin can't be downloaded. See README.md for what it lacks.
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"plinth.local/lab/provider/internal/server"
)

// version is that of the SDK in package.json; the build sets it.
var version = "0.0.0"

const about = `pulumi-resource-kubernetes: the Plinth lab's offline stand-in for Pulumi's Kubernetes provider,
for the SDK @pulumi/kubernetes %s. It is not the official plugin: it serves objects only (server-side apply), no Helm
releases, no patches, no functions. The Pulumi engine starts it from PATH.
PLINTH_PROVIDER=official makes it refuse to run.
`

// largest message, as the engine's own limit.
const largest = 400 << 20

func main() {
	for _, argument := range os.Args[1:] {
		switch argument {
		case "--help", "-help", "-h":
			fmt.Printf(about, version)
			return
		case "--version", "-version", "-v":
			fmt.Printf("%s+plinth.stand-in (the lab's stand-in, not the official provider)\n", version)
			return
		}
	}
	if err := serve(); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-resource-kubernetes (the lab's stand-in): %v\n", err)
		os.Exit(1)
	}
}

func serve() error {
	// The last argument is the engine's address; before it come flags for tracing, which the stand-in doesn't do.
	address := ""
	if len(os.Args) > 1 {
		address = os.Args[len(os.Args)-1]
	}
	provider, err := server.New(version, address)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(largest), grpc.MaxSendMsgSize(largest)}
	if os.Getenv("PLINTH_PROVIDER") == "official" {
		// Ending here would read as a crash: the engine shows only what a running provider answers.
		options = append(options, server.Refusing(refusal(os.Getenv("PULUMI_HOME"))))
	}
	listening := grpc.NewServer(options...)
	pulumirpc.RegisterResourceProviderServer(listening, provider)
	go endWithParent(os.Getppid())
	// The engine reads the port from the first line.
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return listening.Serve(listener)
}

// endWithParent ends the process when the engine that started it is gone: one that was killed can't say so.
func endWithParent(parent int) {
	for range time.Tick(500 * time.Millisecond) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}

// refusal says how to get to the official plugin, which an ambient one on PATH hides from the engine.
func refusal(home string) string {
	if home == "" {
		user, _ := os.UserHomeDir()
		home = filepath.Join(user, ".pulumi")
	}
	installed, _ := filepath.Glob(filepath.Join(home, "plugins", "resource-kubernetes-v*"))
	text := "PLINTH_PROVIDER=official: the lab's stand-in for the Kubernetes provider refuses to run. "
	if len(installed) == 0 {
		return text + fmt.Sprintf("Install the official plugin with `pulumi plugin install resource kubernetes v%s` "+
			"and set PULUMI_IGNORE_AMBIENT_PLUGINS=true, or unset PLINTH_PROVIDER.", version)
	}
	return text + fmt.Sprintf("The official plugin is installed (%s): set PULUMI_IGNORE_AMBIENT_PLUGINS=true, "+
		"so that the engine doesn't take the stand-in from PATH.", filepath.Base(installed[0]))
}
