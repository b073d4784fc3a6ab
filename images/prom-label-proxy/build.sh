#!/bin/sh
# Builds prom-label-proxy from the Go module that go.mod pins, into a folder.
# usage: build.sh FOLDER
set -eu
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' \
  -o "$1/" github.com/prometheus-community/prom-label-proxy
