#!/bin/sh
# Builds the registry, and crane, from the Go modules that go.mod pins, into a folder.
# usage: build.sh FOLDER
set -eu
distribution=github.com/distribution/distribution/v3
version=$(go list -m -f '{{.Version}}' $distribution)
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w -X $distribution/version.version=$version" -o "$1/registry" .
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w" -o "$1/" github.com/google/go-containerregistry/cmd/crane
