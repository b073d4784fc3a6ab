#!/bin/sh
# Builds postgres_exporter from the Go module that go.mod pins, into a folder.
# usage: build.sh FOLDER
set -eu
module=github.com/prometheus-community/postgres_exporter
version=$(go list -m -f '{{.Version}}' $module | sed 's/^v//')
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" -o "$1/" $module/cmd/postgres_exporter
