#!/bin/sh
# Builds the Spark operator from the Go module that go.mod pins, into a folder.
# usage: build.sh FOLDER
set -eu
module=github.com/kubeflow/spark-operator/v2
version=$(go list -m -f '{{.Version}}' $module | sed 's/^v//')
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
  -ldflags "-s -w -X $module.version=$version" \
  -o "$1/spark-operator" $module/cmd/operator
