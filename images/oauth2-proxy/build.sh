#!/bin/sh
# Builds oauth2-proxy from the Go module that go.mod pins, into a folder.
# usage: build.sh FOLDER
set -eu
module=github.com/oauth2-proxy/oauth2-proxy/v7
version=$(go list -m -f '{{.Version}}' $module)
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w -X $module/pkg/version.VERSION=$version" -o "$1/" $module
