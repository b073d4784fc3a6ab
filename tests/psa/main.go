// Command psa judges pod templates by Kubernetes' own Pod Security admission. It reads a JSON list of
// {"path", "level", "template"} and writes a JSON list of {"path", "level", "reasons"}, one for each refusal.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type request struct {
	Path string `json:"path"`
	// Level is what the namespace enforces: privileged, baseline or restricted.
	Level    string                 `json:"level"`
	Template corev1.PodTemplateSpec `json:"template"`
}

type refusal struct {
	Path    string   `json:"path"`
	Level   string   `json:"level"`
	Reasons []string `json:"reasons"`
}

func judge(evaluator policy.Evaluator, asked request) (*refusal, error) {
	level, err := api.ParseLevel(asked.Level)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", asked.Path, err)
	}
	version := api.LevelVersion{Level: level, Version: api.LatestVersion()}
	var reasons []string
	for _, result := range evaluator.EvaluatePod(version, &asked.Template.ObjectMeta, &asked.Template.Spec) {
		if !result.Allowed {
			reasons = append(reasons, strings.TrimSpace(result.ForbiddenReason+": "+result.ForbiddenDetail))
		}
	}
	if len(reasons) == 0 {
		return nil, nil
	}
	return &refusal{Path: asked.Path, Level: asked.Level, Reasons: reasons}, nil
}

func run(in io.Reader, out io.Writer) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	var requests []request
	if err := json.NewDecoder(in).Decode(&requests); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	refusals := []refusal{}
	for _, asked := range requests {
		refused, err := judge(evaluator, asked)
		if err != nil {
			return err
		}
		if refused != nil {
			refusals = append(refusals, *refused)
		}
	}
	return json.NewEncoder(out).Encode(refusals)
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "psa:", err)
		os.Exit(1)
	}
}
