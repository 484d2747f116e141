# Two commands do all the set-up: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT ?= 5000
export ASSAY_HOME ?= $(CURDIR)/var
export ASSAY_NOW ?= 2027-10-01T09:00:00+00:00

.PHONY: run test check bench deep docs vendor freeze clean help
.DEFAULT_GOAL := help

help: ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/run.done: requirements/run.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/test.done: requirements/test.txt $(VENV)/run.done
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/test.txt
	touch $@

run: $(VENV)/run.done ## start the demonstration on http://localhost:$(PORT)
	@$(BIN)/assay migrate
	@$(BIN)/assay seed
	@exec $(BIN)/assay serve

test: check ## install what tests need and pass them all
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

check: $(VENV)/test.done ## format, lint, types, layers, generated docs, sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m docs.sizes

docs: $(VENV)/test.done ## write the generated reference again
	$(BIN)/python -m docs.generate

bench: $(VENV)/test.done ## measure, as ratios within one run
	$(BIN)/python -m bench.vault

freeze: $(VENV)/run.done ## resolve the requirements again, with hashes
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  --upgrade --extra build pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  --upgrade --extra dev -c requirements/run.txt pyproject.toml -o requirements/test.txt

vendor: ## rewrite the vendored front-end files (needs Node; maintainers only)
	infra/vendor.sh

clean: ## remove the environment; the instance in $(ASSAY_HOME) is kept
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
