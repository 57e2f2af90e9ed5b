# From a fresh clone: `make demo` or `make test`. Needs Python 3.11 or newer, make and a package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
MUST := requirements.lock pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup demo test sweep studio bench storm check format lint types contracts generated validated generate package package-check deploy lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Quiet twice: pip's warnings about the machine are no concern of whoever runs this, its errors still show.
setup: $(STAMP) ## Make the environment from the hashed lock, and compile it once

$(STAMP): $(MUST)
	@$(PYTHON) -c 'import sys; sys.exit("Stanch needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from the lock…"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@$(BIN)/python -m compileall -q -j 2 $(VENV)/lib agent tools graphs evals
	@touch $@

demo: setup ## Replay the bundled corpus in the sandbox: progress, table, HTML report
	@$(BIN)/python -m evals.demo

test: setup ## Run the test suite
	@$(BIN)/python -m pytest -n $(JOBS)

sweep: setup ## The kill sweeps after every single AWS call, and every case twice
	@$(BIN)/python -m pytest -n $(JOBS) tests/processes tests/evals/test_cases.py --every 1

studio: setup ## LangGraph Studio on the embedded AWS: no key, no account; with PORT=n
	@$(BIN)/stanch studio $(if $(PORT),--port $(PORT))

bench: setup ## Measure what it costs, beside simpler things; SIZE=tiny, default or full
	@$(BIN)/python -m evals.bench --size $(or $(SIZE),default)

storm: setup ## Ten thousand deliveries of a hundred findings, in one process
	@$(BIN)/python -m evals.bench --size full --only storm --out out/bench/storm.json

check: setup format lint types contracts generated validated test package-check ## What CI runs

format:
	@$(BIN)/ruff format --check --quiet .

lint:
	@$(BIN)/ruff check --quiet .

types:
	@$(BIN)/mypy

contracts:
	@$(BIN)/lint-imports

generated:
	@$(BIN)/python -m evals.generate --check

validated:
	@LANGGRAPH_CLI_NO_ANALYTICS=1 $(BIN)/langgraph validate

generate: setup ## Write every generated file anew
	@$(BIN)/python -m evals.generate

package: setup ## Build build/stanch.zip for Lambda, with REGISTRY=file
	@$(BIN)/python deploy/package.py $(if $(REGISTRY),--registry $(REGISTRY))

package-check: setup ## Build the package for this Python, and import every function from it alone
	@$(BIN)/python -m pytest -n 0 tests/deploy/package_check.py

deploy: package-check ## Check the templates, the roles and the package
	@$(BIN)/python -m pytest -n 0 tests/deploy

lock: setup ## Resolve the dependencies anew (needs uv)
	@uv pip compile pyproject.toml --universal --python-version 3.11 --extra sandbox --extra dev --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock

clean: ## Remove the environment and everything made
	@rm -rf $(VENV) build out
