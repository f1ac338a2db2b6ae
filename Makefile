# Everything here needs Go, git and make; what else a target needs it installs
# (make engine) or names. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Two processes at a time: the engine starts containers nearly one after another,
# so more test packages side by side only wait for each other.
P ?= 2
# Of a package; the longest takes 8 minutes. Engine 20.10 can lock itself up where many
# containers end at once, and what waits for it then would wait for ever.
TIMEOUT ?= 15m
BENCH_ROUNDS ?= 5
BENCH_FLAGS ?=
TEST_FLAGS ?=
# What test-containment runs; TestContainment/gvisor is one half of it.
CONTAINMENT ?= ^TestContainment$$
# What depends on the generation of the engine, and what is run on the current one.
ENGINE_PKGS ?= ./cmd/... ./components/docker/... ./local/... ./stacks/...

BIN := $(CURDIR)/bin
GO ?= go
# With the commit, which `envctl version` tells, where git can say it; a tree without
# .git builds too.
VCS := $(shell git status >/dev/null 2>&1 && echo true || echo false)
BUILD := $(GO) build -buildvcs=$(VCS) -trimpath
STRIP := -ldflags '-s -w'
# An engine needs root; the tests then run as the user who called sudo.
ifeq ($(shell id -u),0)
AS_ROOT :=
EXEC_AS_ROOT :=
else
AS_ROOT := sudo env "PATH=$$PATH" "HOME=$$HOME" "ENVCTL_TEST_ISOLATION=$$ENVCTL_TEST_ISOLATION"
EXEC_AS_ROOT := -exec 'sudo -E'
endif
# The race detector needs a C compiler.
RACE := $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race)

# $(call gotest,FLAGS,PACKAGES) is go test. With RERUN=1 a test that fails is run once
# more by itself; both results are told, and a data race is final.
RERUN ?=
EACH = -count=1 -p $(P) -timeout $(TIMEOUT) $(TEST_FLAGS)
gotest = $(if $(RERUN),$(BIN)/gotestsum --format pkgname --rerun-fails=1 --rerun-fails-run-root-test --rerun-fails-abort-on-data-race --packages="$(2)" -- $(1),$(GO) test $(1) $(2))

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: build
build: ## bin/envctl
	$(BUILD) $(STRIP) -o $(BIN)/envctl ./cmd/envctl

.PHONY: demo
demo: engine build ## bring examples/csv-insights up, call it, take it down
	examples/csv-insights/demo $(BIN)/envctl

.PHONY: gateway
gateway: ## build the programs that envctl carries
	$(GO) generate ./local/gateway/... ./local/box/... ./local/containment/... ./components/azure/steward/...

.PHONY: engine
engine: $(BIN)/engine-run ## install and start Docker Engine if none answers
	.ci/engine start

.PHONY: lint
lint: ## gofmt, go vet and, where it is installed, shellcheck
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w mends it):" >&2; echo "$$unformatted" >&2; exit 1; fi
	$(GO) vet ./...
	cd stacks/internal/jsonschema && $(GO) vet .
	cd bench/engine && $(GO) vet .
	cd bench/openai && $(GO) vet .
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run .ci/engine .ci/acceptance-azure .ci/vm examples/*/demo; fi

# Packages that need no Pulumi engine build quickly with the race detector; the
# others are tested without it. Each package is tested once.
tested = $$($(GO) list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... | \
    awk '$$1 ~ /\.test$$/ && $(1)/github.com\/pulumi\/pulumi\/pkg\// {sub(/\.test$$/, "", $$1); print $$1}')
LIGHT = $(call tested,!)
HEAVY = $(call tested)

.PHONY: test
test: lint engine ## everything, with the real engine: the race detector where it pays
	@[ -n "$(RACE)" ] || echo "no C compiler: tests run without the race detector (apt-get install gcc libc6-dev)" >&2
	$(call gotest,$(RACE) $(EACH),$(LIGHT))
	$(call gotest,$(EACH),$(HEAVY))
	$(MAKE) test-stock test-registry test-h2spec

.PHONY: test-containment
test-containment: isolation ## a hostile program in sandboxes, under runc and under gVisor
	ENVCTL_TEST_ISOLATION='container gvisor' $(GO) test -count=1 -v $(EXEC_AS_ROOT) -run '$(CONTAINMENT)' $(TEST_FLAGS) ./local/containment

.PHONY: acceptance-azure
acceptance-azure: engine build ## the whole life on a subscription of yours (ARM_SUBSCRIPTION_ID); it costs about 1 USD
	.ci/acceptance-azure $(BIN)/envctl

.PHONY: test-faults
test-faults: ## 500 seeded schedules of faults and kills on a simulated Azure (make test runs 12)
	ENVCTL_SCHEDULES=500 $(GO) test -count=1 -timeout 3h $(TEST_FLAGS) ./cmd/envctl/faults

.PHONY: gotestsum
gotestsum: # what runs tests once more
	cd bench/gotestsum && $(BUILD) -o $(BIN)/gotestsum tool

.PHONY: test-stock
test-stock: engine stock-cli ## the stock pulumi CLI on stacks of envctl, and on its program
	ENVCTL_STOCK_PULUMI=$(BIN)/pulumi $(GO) test -count=1 -tags stockcli $(TEST_FLAGS) ./stacks/stockcli

.PHONY: test-registry
test-registry: ## the local registry by the conformance tests of the OCI distribution specification
	cd bench/conformance && $(BUILD) -o $(BIN)/oci-conformance tool
	ENVCTL_OCI_CONFORMANCE=$(BIN)/oci-conformance $(GO) test -count=1 -tags conformance -run '^TestConformance$$' $(TEST_FLAGS) ./local/registry

.PHONY: test-h2spec
test-h2spec: ## the gateway's ingress by the conformance tests of HTTP/2
	cd bench/h2spec && $(BUILD) -o $(BIN)/h2spec tool
	ENVCTL_H2SPEC=$(BIN)/h2spec $(GO) test -count=1 -tags h2spec -run '^TestH2Spec$$' $(TEST_FLAGS) ./local/gateway/serve

.PHONY: test-stores
test-stores: ## state in S3, Google Cloud Storage and Azure Blob Storage, by servers that speak as they do (node 20 and npm)
	@command -v npm >/dev/null || { echo "missing npm: apt-get install npm" >&2; exit 1; }
	cd bench/stores && $(BUILD) $(STRIP) -o $(BIN)/ tool
	@# The newest version that runs on Node 20.
	npm install --silent --no-audit --no-fund --prefix $(BIN)/azurite azurite@3.35.0
	ENVCTL_STORES=$(BIN) $(GO) test -count=1 -tags stores $(TEST_FLAGS) ./cmd/envctl/stores

.PHONY: test-mcp
test-mcp: ## the tools for agents by the protocol's own conformance suite (node 20 and npm)
	@command -v npm >/dev/null || { echo "missing npm: apt-get install npm" >&2; exit 1; }
	@# The newest version that runs on Node 20.
	npm install --silent --no-audit --no-fund --prefix $(BIN)/mcp-conformance @modelcontextprotocol/conformance@0.1.13
	ENVCTL_MCP_CONFORMANCE=$(BIN)/mcp-conformance/node_modules/.bin/conformance \
	    $(GO) test -count=1 -tags conformance -run '^TestConformance$$' $(TEST_FLAGS) ./cmd/envctl/internal/mcpserver

.PHONY: test-engines
test-engines: engine test-default test-current ## the integration suite on this machine's engine and on the current one

.PHONY: test-default
test-default: engine
	$(call gotest,$(EACH),$(ENGINE_PKGS))

.PHONY: test-current
test-current: engine-current ## the integration suite on the engine that engine-current built
	cd bench/engine && ENGINE_RUN=$(BIN)/engine-run ENGINE_BIN=$(BIN)/engine $(GO) test -count=1 $(EXEC_AS_ROOT) .
	@# Modules are fetched first: there is no way out of the engine's namespace.
	$(GO) list -deps -test $(ENGINE_PKGS) >/dev/null
	$(AS_ROOT) $(BIN)/engine-run -bin $(BIN)/engine -log $(BIN)/engine.log $(if $(wildcard $(BIN)/runsc),-runsc $(BIN)/runsc) -- \
	    $(call gotest,$(EACH),$(ENGINE_PKGS))

.PHONY: bench
bench: build bench-tools engine ## time envctl against compose, a bare client and the stock Automation API
	$(BIN)/bench -bin $(BIN) -rounds $(BENCH_ROUNDS) $(BENCH_FLAGS)

# The modules below pin one version each; go build does nothing where a binary is
# current, so they need no rules about files.
version = $(shell cd bench/$(1) && $(GO) list -m -f '{{.Version}}' $(2))

.PHONY: stock-cli
stock-cli: # the stock pulumi CLI: what stacks are compared with, in tests and in time
	cd bench/stock && $(BUILD) -ldflags '-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$(call version,stock,github.com/pulumi/pulumi/sdk/v3)' \
	    -o $(BIN)/pulumi github.com/pulumi/pulumi/pkg/v3/cmd/pulumi

.PHONY: bench-tools
bench-tools: stock-cli ## the programs that envctl is timed against
	$(BUILD) $(STRIP) -o $(BIN)/ ./bench ./bench/emptyup ./local/gateway/cmd/gateway
	cd bench/compose && $(BUILD) -ldflags '-s -w -X github.com/docker/compose/v5/internal.Version=$(call version,compose,github.com/docker/compose/v5)' \
	    -o $(BIN)/docker-compose github.com/docker/compose/v5/cmd
	cd bench/stock && $(BUILD) $(STRIP) -o $(BIN)/stockbench .

# runc filters system calls through libseccomp, the one C library here.
ENGINE_TAGS := seccomp exclude_graphdriver_btrfs no_btrfs no_devmapper no_zfs

.PHONY: engine-current
engine-current: $(BIN)/engine-run ## build the current Docker Engine into bin/engine
	@[ -e /usr/include/seccomp.h ] && command -v pkg-config $$($(GO) env CC) >/dev/null || \
	    { echo "missing headers or compiler: apt-get install gcc libc6-dev pkg-config libseccomp-dev" >&2; exit 1; }
	mkdir -p $(BIN)/engine
	cd bench/engine && $(BUILD) -tags '$(ENGINE_TAGS)' \
	    -ldflags '-s -w -X github.com/moby/moby/v2/dockerversion.Version=$(patsubst v%,%,$(call version,engine,github.com/moby/moby/v2))' \
	    -o $(BIN)/engine/ tool

.PHONY: runsc
runsc: ## build gVisor's runtime into bin/runsc
	cd bench/gvisor && CGO_ENABLED=0 $(BUILD) $(STRIP) -o $(BIN)/runsc gvisor.dev/gvisor/runsc

.PHONY: isolation
isolation: engine runsc ## register bin/runsc with the engine of this machine
	.ci/engine runsc

$(BIN)/engine-run: $(wildcard bench/engine/*.go) bench/engine/go.mod
	cd bench/engine && CGO_ENABLED=0 $(BUILD) $(STRIP) -o $@ .

.PHONY: bin/engine-run
bin/engine-run: $(BIN)/engine-run

.PHONY: clean
clean: ## remove what was built and measured
	rm -rf $(BIN) bench/results
