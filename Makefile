# Run `make help` for what each target does.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help test check format clean

help: ## Say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[data,dev]'
	@touch $@

test: $(VENV)/installed ## Make .venv and run the tests
	$(BIN)/python -m pytest -q

check: $(VENV)/installed ## Check format, lint and types, then run the tests
	$(BIN)/ruff format --check zoo tests
	$(BIN)/ruff check zoo tests
	$(BIN)/mypy
	$(MAKE) test

format: $(VENV)/installed ## Format the code
	$(BIN)/ruff format zoo tests
	$(BIN)/ruff check --fix zoo tests

clean: ## Remove .venv and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
