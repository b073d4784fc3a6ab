#!/bin/sh
# Builds prometheus and promtool from the Go module that go.mod pins, into a folder; no service discovery but Kubernetes'.
# usage: build.sh FOLDER
set -eu
module=github.com/prometheus/prometheus
# Prometheus 3.16.0 is v0.316.0 as a Go module.
version=$(go list -m -f '{{.Version}}' $module | sed -E 's/^v0\.([0-9]+)([0-9]{2})\./\1.\2./; s/\.0([0-9]\.)/.\1/')
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -tags remove_all_sd,enable_kubernetes_sd \
  -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" \
  -o "$1/" $module/cmd/prometheus $module/cmd/promtool
