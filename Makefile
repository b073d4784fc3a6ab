# Every target works on a bare Debian machine: it brings Node.js 24 and the project's packages first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ENV ?= local
NODE := export PATH="$$(sh scripts/node.sh):$$PATH";

.PHONY: help deps imports check unit test synth diff golden graph bench idle images up down flow status catalogue

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

node_modules/.installed: package.json package-lock.json .npmrc
	@# A registry may let one request down, and npm gives up on what an interrupted install left: once more, from nothing.
	@$(NODE) npm ci --silent --no-fund --no-audit || { rm -rf node_modules; npm ci --silent --no-fund --no-audit; }
	@touch $@

deps: node_modules/.installed ## Node.js 24 (if the machine's is older) and the npm packages

imports: deps ## constructs/imports: types generated from the custom resource definitions
	@$(NODE) node scripts/imports.ts

check: imports ## types, lint, import arrows, end of life of what the catalogue pins
	@$(NODE) node tests/run.ts check

unit: imports ## the tests that need no cluster
	@$(NODE) node tests/run.ts unit

test: imports ## everything, on a real Kubernetes that it starts and stops; STAGE="unit lab" picks stages
	@$(NODE) node tests/run.ts $(STAGE)

synth: imports ## the manifests of one environment, in apply order, to dist/: make synth [ENV=staging]
	@$(NODE) node platform/synth.ts $(ENV)

diff: imports ## what a change does to the rendered platform: make diff BASE=main [ENV=staging]
	@./plinth diff --base $(or $(BASE),main) $(if $(filter command line environment,$(origin ENV)),$(ENV))

golden: imports ## rewrites tests/golden, the snapshots that a reviewer reads
	@$(NODE) node scripts/golden.ts

catalogue: deps ## records the content of images/ in the catalogue, which names their tags
	@$(NODE) node scripts/catalogue.ts

graph: imports ## docs/platform.svg, drawn from the construct tree
	@$(NODE) node scripts/graph.ts

bench: imports ## cost of synthesis beside stock cdk8s, and what the inference gateway adds to a stub predictor
	@$(NODE) node bench/synthesis.ts
	@$(NODE) cd services/inference-gateway; \
	  [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --prefer-offline --silent; \
	  node bench/bench.ts

idle: deps ## memory and CPU of a running lab that nobody uses, over five minutes
	@$(NODE) node bench/idle.ts

images: deps ## builds images/; make images PUSH=registry.example.com pushes them to registry.example.com/plinth/<image>
	@$(NODE) node lab/images/cli.ts $(if $(PUSH),--push $(PUSH)) $(ONLY)

up: imports ## the platform on this machine, or on a cluster: make up CONTEXT=name [ENV=staging] [WAIT=0]
	@$(NODE) node lab/cli.ts up $(if $(CONTEXT),--context '$(CONTEXT)') \
	  $(if $(CONTEXT)$(filter command,$(origin ENV)),--environment '$(ENV)') $(if $(filter 0,$(WAIT)),--no-wait)

down: deps ## stops the lab and leaves the host as it was; PURGE=1 erases its data
	@$(NODE) node lab/cli.ts down $(if $(CONTEXT),--context '$(CONTEXT)') $(if $(filter-out 0,$(PURGE)),--purge)

flow: deps ## examples/flights on the lab, from raw data to the retrained champion; FULL=1 on more data, CLEAN=1 removes it
	@$(NODE) node tests/lab/flow/main.ts $(if $(filter-out 0,$(FULL)),--full) $(if $(filter-out 0,$(CLEAN)),--clean)

status: deps ## what runs, what doesn't, and why
	@./plinth status
