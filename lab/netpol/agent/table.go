// Package agent watches a cluster and keeps one nftables table in step with its NetworkPolicies.
package agent

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Table is the one nftables table that belongs to the agent.
type Table struct {
	name string
	// start runs a command; tests run it inside a network namespace of their own.
	start func(*exec.Cmd) error
	live  string
}

func NewTable(name string) *Table {
	return &Table{name: name, start: (*exec.Cmd).Start}
}

// Replace applies the text of policy.Compile and remembers how the kernel lists it.
func (t *Table) Replace(ctx context.Context, text string) error {
	if _, err := t.nft(ctx, text, "-f", "-"); err != nil {
		return err
	}
	listing, err := t.list(ctx)
	t.live = listing
	return err
}

// Intact tells whether the table is still what Replace left.
func (t *Table) Intact(ctx context.Context) bool {
	listing, err := t.list(ctx)
	return err == nil && listing == t.live
}

// Exists tells whether an earlier agent left a table.
func (t *Table) Exists(ctx context.Context) bool {
	_, err := t.list(ctx)
	return err == nil
}

// Delete removes the table; one that isn't there is no error.
func (t *Table) Delete(ctx context.Context) error {
	_, err := t.nft(ctx, fmt.Sprintf("table inet %[1]s\ndelete table inet %[1]s\n", t.name), "-f", "-")
	return err
}

// list leaves out the counters, which move with every dropped packet.
func (t *Table) list(ctx context.Context) (string, error) {
	return t.nft(ctx, "", "--stateless", "list", "table", "inet", t.name)
}

func (t *Table) nft(ctx context.Context, input string, args ...string) (string, error) {
	program, err := exec.LookPath("nft")
	if err != nil {
		program = "/usr/sbin/nft"
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	var output, complaints strings.Builder
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &output, &complaints
	if err := t.start(command); err != nil {
		return "", fmt.Errorf("cannot start nft (Debian package nftables): %w", err)
	}
	if err := command.Wait(); err != nil {
		return "", errors.Join(fmt.Errorf("nft %s: %w", strings.Join(args, " "), err), errors.New(complaints.String()))
	}
	return output.String(), nil
}
