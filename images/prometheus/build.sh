#!/bin/sh
# Builds prometheus and promtool from the Go module that go.mod pins, into a folder; no service discovery but Kubernetes',
# with the web pages that pages/build.sh makes.
# usage: build.sh FOLDER
set -eu
module=github.com/prometheus/prometheus
into=$(cd "$1" && pwd)
# Prometheus 3.16.0 is v0.316.0 as a Go module.
version=$(go list -m -f '{{.Version}}' $module | sed -E 's/^v0\.([0-9]+)([0-9]{2})\./\1.\2./; s/\.0([0-9]\.)/.\1/')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What a module embeds must be among its files, and the module cache is not written to: a copy stands for it.
cp go.mod go.sum "$work/"
go mod download $module
cp -R "$(go list -m -f '{{.Dir}}' $module)" "$work/prometheus"
chmod -R u+w "$work"
sh pages/build.sh "$work/prometheus/web/ui"
cd "$work"
go mod edit -replace=$module=./prometheus
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -tags remove_all_sd,enable_kubernetes_sd,builtinassets \
  -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" \
  -o "$into/" $module/cmd/prometheus $module/cmd/promtool
