#!/bin/sh
# Resolves images/*/requirements.in again into requirements.txt: every package pinned with hashes, no addresses.
# usage: scripts/requirements.sh [IMAGE...]; then `make catalogue`, since other packages are another image
set -eu
cd "$(dirname "$0")/../images"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet uv
[ $# -gt 0 ] || set -- */requirements.in
for name in "$@"; do
  name=${name%/requirements.in}
  (
    cd "$name"
    "$tools/bin/uv" pip compile --quiet --system-certs --upgrade --generate-hashes --only-binary=:all: \
      --no-emit-index-url --no-emit-find-links --python-version=3.11 --python-platform=x86_64-manylinux_2_28 \
      --custom-compile-command='scripts/requirements.sh' --output-file=requirements.txt requirements.in
  )
  echo "$name: $(grep -c == "$name/requirements.txt") packages"
done
