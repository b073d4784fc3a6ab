#!/bin/sh
# Builds Prometheus' web pages in a writable copy of the module's web/ui, with the packages that package-lock.json pins,
# and leaves them where the module embeds them from.
# usage: build.sh FOLDER      needs npm and Node.js 24
set -eu
own=$(cd "$(dirname "$0")" && pwd)
cd "$1"
ui=$(pwd)
cp "$own/package.json" "$own/package-lock.json" "$own/.npmrc" .
# A registry may let one request down.
npm ci --silent --no-fund --no-audit || npm ci --silent --no-fund --no-audit
# The module's own packages are workspaces there; here they are found as any other.
mkdir -p node_modules/@prometheus-io
for name in lezer-promql codemirror-promql; do ln -s "../../module/$name" "node_modules/@prometheus-io/$name"; done
run() { node "$ui/node_modules/$@"; }

# The steps of the module's own build scripts, which call pnpm; what only its tests and other users need is left out.
cd "$ui/module/lezer-promql"
run @lezer/generator/src/lezer-generator.cjs src/promql.grammar -o src/parser
cat src/parser.terms.js >> src/parser.js
bash ./generate-types.sh 2>/dev/null
run rollup/dist/bin/rollup -c --silent
cd "$ui/module/codemirror-promql"
run typescript/bin/tsc --module esnext --target es2018 --outDir dist/esm
cd "$ui/mantine-ui"
run vite/bin/vite.js build --logLevel error

cd "$ui"
mkdir -p static
mv mantine-ui/dist static/mantine-ui
cp embed.go.tmpl embed.go
find static -type f | LC_ALL=C sort | while read -r file; do
  gzip -9n "$file"
  echo "//go:embed $file.gz" >> embed.go
done
echo 'var EmbedFS embed.FS' >> embed.go
