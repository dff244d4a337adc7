# Every target does its own set-up: a virtual environment in .venv with the exact versions of requirements.lock.
# Another interpreter: make PYTHON=/path/to/python3.13 test

.DEFAULT_GOAL := help

WANTED = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	"$$python" -c '$(WANTED)' >/dev/null 2>&1 && echo "$$python" && break; done)

BIN = .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY = .venv/.ready
PYTEST = $(BIN)/python -m pytest

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(READY) ## start the fake, submit a job, verify its webhook, download its picture
	@$(BIN)/python -m mockserver demo $(ARGS)

.PHONY: serve
serve: $(READY) ## run the fake; options in ARGS, such as ARGS="--port 0"
	@$(BIN)/python -m mockserver serve $(ARGS)

.PHONY: test
test: $(READY) ## run the tests
	$(PYTEST) -n auto $(ARGS)

.PHONY: test-slow
test-slow: $(READY) ## run the tests that take long, which `make test` leaves out
	$(PYTEST) -n auto -m slow $(ARGS)

.PHONY: test-stores
test-stores: $(READY) ## run the tests of stores against all of them, a real Redis or Valkey too
	STORES=memory,sqlite,redis $(PYTEST) -n auto tests/stores $(ARGS)

.PHONY: test-deep
test-deep: $(READY) ## run the tests with much more generated input; takes long
	$(PYTEST) -n auto -m '' --hypothesis-profile deep --timeout 3600 $(ARGS)

.PHONY: verify
verify: $(READY) ## hold the mock to the contract; options in ARGS, such as ARGS="--only IDEMP"
	@$(BIN)/python -m mockserver verify --profile ci --report-dir build/contract-report $(ARGS)

.PHONY: verify-power
verify-power: $(READY) ## plant each named defect and show that the contract tests catch it
	@$(BIN)/python -m tests.power $(ARGS)

.PHONY: torture
torture: $(READY) ## kill servers under load and count what is lost; options in ARGS, such as ARGS="--store sqlite"
	@$(BIN)/python -m tests.torture $(ARGS)

.PHONY: lint
lint: $(READY) ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(READY) ## check types
	$(BIN)/mypy

.PHONY: layers
layers: $(READY) ## check which way imports run
	$(BIN)/lint-imports

.PHONY: bench
bench: $(READY) ## measure speed, memory and growth beside their goals; options in ARGS, such as ARGS=--quick
	$(BIN)/python -m bench $(ARGS)

.PHONY: lock
lock: ## renew requirements.lock from pyproject.toml
	"$(PYTHON)" -m venv --clear build/lock
	build/lock/$(notdir $(BIN))/pip install --quiet uv
	build/lock/$(notdir $(BIN))/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--custom-compile-command 'make lock' --no-emit-index-url --no-emit-find-links \
		pyproject.toml --output-file requirements.lock

.PHONY: clean
clean: ## remove all that make and the tools have made
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo 'no Python 3.11 or newer with venv found; try make PYTHON=/path/to/python' >&2; exit 2; }
	test -x $(BIN)/pip || "$(PYTHON)" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
