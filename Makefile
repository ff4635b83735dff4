# Each verb is a script in Scripts/, which can be called by itself; `make check` is what continuous integration runs.
.DEFAULT_GOAL := help
.PHONY: check-fast build run test sim soak fuzz bench lint fmt check clean tsan image image-full dist man deb api-test browser-test websocket-test docs docs-test compose-test engine-test install-test kubernetes-test help

build: ## .build/release/muster, installing missing C libraries first
	@Scripts/build

run: ## the demo fleet until Ctrl-C; ONCE=1 exits when its work is done
	@Scripts/demo $(if $(filter 1,$(ONCE)),--once)

test: ## every test this machine can run, and 2,000 simulation seeds; MUSTER_REQUIRE_ALL=1 refuses to skip any
	@Scripts/test

sim: ## the simulation: SEED=n replays one seed with a trace, SEEDS=n runs a batch (2000)
	@Scripts/sim $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),2000))

soak: ## fresh simulation seeds for MINUTES=n (10)
	@Scripts/soak

fuzz: ## libFuzzer at each parser, SECONDS=n (20) for each; TARGET=name: one of them; RUNS=n: the same n inputs each time
	@FUZZ_SECONDS=$(SECONDS) FUZZ_RUNS=$(RUNS) Scripts/fuzz $(TARGET)

tsan: ## the tests under the thread sanitizer
	@Scripts/tsan

bench: ## benchmarks as ratios to peers measured in the same run; SMOKE=1 only shows that they work
	@Scripts/bench $(if $(filter 1,$(SMOKE)),--smoke)

image: ## muster:latest, the container image of every role, from the binary of this machine
	@Scripts/image

image-full: ## the same, built inside a container; SWIFT_BASE=image to build on, RUNTIME_BASE=image to stand on
	@Scripts/image --full

dist: ## dist/muster-VERSION-linux-ARCH.tar.gz: binary and libraries, for machines that have none of them
	@Scripts/dist

man: build ## .build/man: the manual's pages for man, made from the table of commands
	@Scripts/man

deb: ## dist/muster_VERSION-1_ARCH.deb: Debian's package of the program, its manual, completion and services
	@Scripts/deb

api-test: build ## /openapi.json: generated clients of it work, and schemathesis finds nothing
	@Scripts/api-test

browser-test: build ## what only a real browser shows: the dashboard, signing in, other sites' pages, a cache's 304, sound played twice
	@Scripts/browser-test

websocket-test: ## Autobahn's cases of WebSockets find nothing, with and without TLS
	@Scripts/websocket-test

docs: build ## .build/docs/site: the pages of docs/, and a reference of commands and routes; fails on dead links
	@Scripts/docs-site

docs-test: build ## every command line of README.md and docs/, run, and what comes compared with what is shown
	@Scripts/docs-test

compose-test: ## the fleet of compose.yaml on this machine's engine: started, used, scaled, ended
	@Scripts/compose-test

engine-test: build ## the tests of containers on Docker, the same ones on a Podman of their own, and one without root
	@Scripts/engine-test
	@Scripts/rootless-test

install-test: ## the volunteer's one line in bare containers, with and without an engine, and what goes wrong there
	@Scripts/install-test

kubernetes-test: ## the manifests against the API's schema, then their pods rehearsed on this machine's engine
	@Scripts/bootstrap --manifests
	@PATH="$(CURDIR)/.build/manifests/bin:$$PATH" Scripts/kubernetes-check || [ $$? -eq 75 ]
	@PATH="$(CURDIR)/.build/manifests/bin:$$PATH" Scripts/kubernetes-rehearsal

lint: ## formatting and shell checks
	@Scripts/lint

fmt: ## format all Swift files
	@Scripts/fmt

check: ## everything that continuous integration runs
	@.ci/run

check-fast: ## what a change to one room needs: formatting, build and tests of what changed; BASE=branch to compare with
	@Scripts/check-fast $(BASE)

clean: ## remove what was built; data directories stay
	@rm -rf .build dist

help: ## this list
	@sed -nE 's/^([a-z-]+): ## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
