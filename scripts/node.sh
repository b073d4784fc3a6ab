#!/bin/sh
# Prints the folder of a Node.js 24 or newer: the machine's own, or one brought from the npm registry into
# .tools/node (once). Plinth runs TypeScript natively, which older versions can't.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
version=24.21.0
major() { "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }
own=$(command -v node || true)
if [ -n "$own" ] && [ "$(major "$own")" -ge 24 ]; then dirname "$own"; exit 0; fi
tool="$root/.tools/node/bin/node"
if [ ! -x "$tool" ] || [ "$("$tool" --version)" != "v$version" ]; then
  command -v npm >/dev/null || { echo "plinth: Node.js is missing: install nodejs and npm (any version), then try again" >&2; exit 2; }
  fresh="$root/.tools/node.$$"
  mkdir -p "$fresh/bin"
  echo '{}' > "$fresh/package.json"
  (cd "$fresh" && npm install --no-save --silent --no-fund --no-audit "node@$version" >&2)
  ln -s ../node_modules/node/bin/node "$fresh/bin/node"
  rm -rf "$root/.tools/node"
  mv "$fresh" "$root/.tools/node"
fi
echo "$root/.tools/node/bin"
