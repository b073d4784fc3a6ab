package kube

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// patience bounds how long an API server or a webhook that is just starting is waited for.
var patience = 45 * time.Second

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// retry repeats what failed for a reason that passes by itself.
func retry(ctx context.Context, work func() error) error {
	deadline := time.Now().Add(patience)
	pause := firstPause
	for {
		err := work()
		if err == nil || !passing(err) || time.Now().Add(pause).After(deadline) {
			return err
		}
		if sleep(ctx, pause) != nil {
			return errors.Join(err, ctx.Err())
		}
		pause = min(2*pause, lastPause)
	}
}

// passing tells whether an error is likely to go away: an API server that starts, is overloaded or elects a leader, a
// conflict with another writer, an admission webhook whose pod isn't Ready yet.
func passing(err error) bool {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case apierrors.IsTooManyRequests(err), apierrors.IsServiceUnavailable(err), apierrors.IsServerTimeout(err),
		apierrors.IsTimeout(err), apierrors.IsConflict(err), apierrors.IsUnexpectedServerError(err):
		return true
	case apierrors.IsInternalError(err):
		text := err.Error()
		return strings.Contains(text, "failed calling webhook") || strings.Contains(text, "etcdserver")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
