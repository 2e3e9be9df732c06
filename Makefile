# Trục liên thông văn bản quốc gia. `make help` lists the targets.
# Needs make, python3 (3.11 or newer) and python3-venv; everything else is fetched when it is first needed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.made-from-lock
# The peers bring libraries that the product does not use: a venv of their own keeps them out of the product's.
BENCH := .venv-bench/bin
BENCH_STAMP := .venv-bench/.made-from-lock
UNIT_FLOORS = $(wildcard tests/unit tests/model tests/vectors tests/architecture tests/audit)
# Two processes halve the time, each with servers of its own (tests/conftest.py).
SIDE_BY_SIDE = -n $(WORKERS)
WORKERS ?= 2
SOURCES = $(wildcard hub adapters deploy tests)
# BROKER=4 runs everything on RabbitMQ 4, fetched once and not installed; a home keeps to what it was made with.
export TRUC_BROKER ?= $(BROKER)

# ——— for everybody ———————————————————————————————————————————————————————————————————————————————————

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: demo
demo: $(STAMP) ## Set everything up and play the main story on it
	@$(BIN)/truc demo

.PHONY: cluster-demo
cluster-demo: $(STAMP) ## Kill each server of a cluster under load, and count (TLS=1)
	@$(BIN)/truc cluster-demo $(if $(TLS),--tls)

.PHONY: console-demo
console-demo: $(STAMP) ## Show a console full of life, with logins to try (PORT=n)
	@$(BIN)/truc console-demo $(if $(PORT),--port $(PORT))

.PHONY: up
up: $(STAMP) ## Start the local stack (RabbitMQ and PostgreSQL) in .truc
	@$(BIN)/truc up

.PHONY: down
down: $(STAMP) ## Stop the local stack; its data stay
	@$(BIN)/truc down

.PHONY: status
status: $(STAMP) ## Show what of the local stack is running, and where
	@$(BIN)/python -m deploy.local status || true

.PHONY: run
run: $(STAMP) ## Keep the whole axis in the foreground until Ctrl-C
	@$(BIN)/truc run

.PHONY: purge
purge: $(STAMP) ## Stop the local stack and delete its data
	@$(BIN)/python -m deploy.local purge

# ——— proof ———————————————————————————————————————————————————————————————————————————————————————————

.PHONY: check
check: $(STAMP) ## Format, lint, types, walls, audits, unit tests: no services
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.audit.leaks
	@$(BIN)/python -m tests.audit.dependencies
	$(if $(UNIT_FLOORS),$(BIN)/pytest -q -m "not long" $(SIDE_BY_SIDE) $(UNIT_FLOORS),@echo "no unit tests yet")

.PHONY: test
test: check ## Tests that fit in twenty minutes; BROKER=4: on RabbitMQ 4
	$(BIN)/pytest -q -m "not long" $(SIDE_BY_SIDE) $(addprefix --ignore=,$(UNIT_FLOORS))

.PHONY: test-long
test-long: $(STAMP) ## The rest: long chaos, soak, the second broker version
	$(BIN)/pytest -q -m long

.PHONY: chaos
chaos: $(STAMP) ## Kill, cut, crash under load, then judge (SEED=n MINUTES=m)
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: fuzz
fuzz: $(STAMP) ## Fuzz intake, led by coverage (MINUTES=10)
	@$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),10)

.PHONY: bench
bench: $(STAMP) ## Measure against a bare relay; writes build/bench.json
	@$(BIN)/python -m tests.benchmarks

.PHONY: bench-desk
bench-desk: $(STAMP) ## Look at 100,000 cases and replay thousands; adds to build/bench.json
	@$(BIN)/python -m tests.benchmarks.desk

.PHONY: bench-console
bench-console: $(STAMP) ## Ask a console with 200,000 documents; adds to build/bench.json
	@$(BIN)/python -m tests.benchmarks.console

.PHONY: soak
soak: $(STAMP) ## Steady load for long: what grows? (MINUTES=60 RATE=20)
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),60) --rate $(or $(RATE),20)

.PHONY: bench-peers
bench-peers: $(BENCH_STAMP) ## Compare with what one would write instead
	@$(BENCH)/python -m tests.benchmarks.peers $(ARGS)

.PHONY: bench-scale
bench-scale: $(BENCH_STAMP) ## Show how costs grow; half an hour or more, draws a chart
	@$(BENCH)/python -m tests.benchmarks.scale $(ARGS)

# ——— for engineers ———————————————————————————————————————————————————————————————————————————————————

.PHONY: format
format: $(STAMP) ## Format the code and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(STAMP) ## Write requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --extra dev --generate-hashes --allow-unsafe --strip-extras --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml
	@# pip-compile drops the markers of what it was asked for directly; there is no wheel of it elsewhere.
	@sed -i 's/^\(atheris==[^ ]*\) /\1 ; platform_machine == "x86_64" /' requirements.lock
	@if grep -nE '://| @ ' requirements.lock; then echo "requirements.lock must not name a place"; exit 1; fi
	$(BIN)/pip-compile --quiet --extra bench --generate-hashes --allow-unsafe --strip-extras --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-bench.lock pyproject.toml
	@if grep -nE '://| @ ' requirements-bench.lock; then echo "requirements-bench.lock must not name a place"; exit 1; fi

.PHONY: clean
clean: ## Remove .venv, build and all caches; the data in .truc stay
	rm -rf .venv .venv-bench build truc.egg-info .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find hub adapters deploy tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Made once and again only when the lock or the packaging changes. A half-made .venv has no stamp and is finished by the next call.
$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || { echo "making .venv (once, about a minute)"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The axis is measured with its own versions, also where a peer names an older one (as4: of cryptography).
$(BENCH_STAMP): requirements-bench.lock requirements.lock pyproject.toml
	@test -x $(BENCH)/python || { echo "making .venv-bench (once, about a minute)"; $(PYTHON) -m venv .venv-bench; }
	@$(BENCH)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@$(BENCH)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BENCH)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
