# Two commands do all the set-up: `make run` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet --no-progress
INSTALL := $(UV) pip install --python $(BIN)/python
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade
export PORT ?= 5000
export ASSAY_HOME ?= $(CURDIR)/var
export ASSAY_NOW ?= 2027-10-01T09:00:00+00:00
# Bytecode is kept on disk: without it each process of an instance compiles all libraries as it starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check deep format bench docs vendor freeze clean help
.DEFAULT_GOAL := help

help: ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(BIN)/uv: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Assay needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/run.done: requirements/run.txt pyproject.toml $(BIN)/uv
	@echo "Installing what Assay runs on, every file checked against its hash ..."
	@$(INSTALL) --compile-bytecode --require-hashes -r requirements/run.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.done: requirements/test.txt $(VENV)/run.done
	@echo "Installing what the tests need ..."
	@$(INSTALL) --compile-bytecode --require-hashes -r requirements/test.txt
	@touch $@

run: $(VENV)/run.done ## start the demonstration on http://localhost:$(PORT)
	@exec $(BIN)/assay run

test: check ## install what tests need and pass them all
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

check: $(VENV)/test.done ## format, lint, types, layers, generated docs, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m docs.generate --check
	$(BIN)/hadolint infra/container/Containerfile
	$(BIN)/python -m docs.sizes

deep: $(VENV)/test.done ## for hours: properties with 20 times the examples, mutants of portal/law
	ASSAY_HYPOTHESIS=deep $(BIN)/python -m pytest -m hypothesis --timeout 7200 -n 2 -q
	ASSAY_HYPOTHESIS=brief $(BIN)/python -m tests.deep.mutants

format: $(VENV)/test.done ## write the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/test.done ## write the generated reference again
	$(BIN)/python -m docs.generate

bench: $(VENV)/test.done ## measure, as ratios within one run
	$(BIN)/python -m bench.vault
	$(BIN)/python -m bench.sealing
	$(BIN)/python -m bench.law
	$(BIN)/python -m bench.ledger
	$(BIN)/python -m bench.reading
	$(BIN)/python -m bench.mark

freeze: $(BIN)/uv ## resolve the requirements again, with hashes
	echo uv | $(COMPILE) - -o requirements/uv.txt
	$(COMPILE) --extra build --extra sign pyproject.toml -o requirements/run.txt
	$(COMPILE) --extra build --extra sign --extra dev -c requirements/run.txt pyproject.toml -o requirements/test.txt

vendor: ## rewrite the vendored front-end files (needs Node; maintainers only)
	infra/vendor.sh

clean: ## remove the environment; the instance in $(ASSAY_HOME) is kept
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
