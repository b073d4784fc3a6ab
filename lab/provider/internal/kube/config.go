// Package kube is what the provider does to a cluster: apply, read, delete, each with bounded retries and errors that
// name the object.
package kube

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Manager is the field manager of every apply.
const Manager = "plinth-pulumi"

// Options are the provider's configuration, as far as the stand-in serves it.
type Options struct {
	// Kubeconfig is a path or the content; empty means $KUBECONFIG or ~/.kube/config.
	Kubeconfig string
	Context    string
	Namespace  string
}

// Client talks to one cluster.
type Client struct {
	dynamic dynamic.Interface
	typed   kubernetes.Interface
	kinds   *kinds
	// namespace is where a namespaced object without one goes.
	namespace string
	server    string
}

// New reads the kubeconfig; it doesn't call the API server yet.
func New(options Options) (*Client, error) {
	config, namespace, err := restConfig(options)
	if err != nil {
		return nil, err
	}
	// The engine limits how much runs at once; a limit per client would only make waits longer.
	config.QPS, config.Burst = 500, 1000
	config.UserAgent = "pulumi-resource-kubernetes (plinth lab stand-in)"
	// Warnings of the API server go to whoever called; the default handler prints them on a stream that nobody reads.
	config.WarningHandler = rest.NoWarnings{}
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	client, err := dynamic.NewForConfigAndClient(config, transport)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	typed, err := kubernetes.NewForConfigAndClient(config, transport)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if namespace == "" {
		namespace = "default"
	}
	return &Client{
		dynamic: client, typed: typed, kinds: newKinds(typed.Discovery()), namespace: namespace, server: config.Host,
	}, nil
}

func restConfig(options Options) (*rest.Config, string, error) {
	var raw *clientcmdapi.Config
	var err error
	var source string
	if content := strings.TrimSpace(options.Kubeconfig); isContent(content) {
		source = "the kubeconfig given to the provider"
		raw, err = clientcmd.Load([]byte(content))
	} else {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		source = strings.Join(rules.Precedence, ", ")
		if content != "" {
			if rest, underHome := strings.CutPrefix(content, "~/"); underHome {
				home, _ := os.UserHomeDir()
				content = filepath.Join(home, rest)
			}
			rules = &clientcmd.ClientConfigLoadingRules{ExplicitPath: content}
			source = content
		}
		raw, err = rules.Load()
	}
	if err != nil {
		return nil, "", fmt.Errorf("cannot read %s: %w", source, err)
	}
	if len(raw.Contexts) == 0 {
		return nil, "", fmt.Errorf("%s names no cluster; set kubernetes:kubeconfig or KUBECONFIG", source)
	}
	if _, known := raw.Contexts[options.Context]; options.Context != "" && !known {
		names := make([]string, 0, len(raw.Contexts))
		for name := range raw.Contexts {
			names = append(names, name)
		}
		return nil, "", fmt.Errorf("%s has no context %q, only %s", source, options.Context, strings.Join(names, ", "))
	}
	loaded := clientcmd.NewDefaultClientConfig(*raw, &clientcmd.ConfigOverrides{
		CurrentContext: options.Context,
		Context:        clientcmdapi.Context{Namespace: options.Namespace},
	})
	config, err := loaded.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", source, err)
	}
	namespace, _, err := loaded.Namespace()
	return config, namespace, err
}

func isContent(text string) bool {
	return strings.HasPrefix(text, "{") || strings.Contains(text, "\n")
}
