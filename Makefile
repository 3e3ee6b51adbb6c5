# `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUITE ?= quick
OUT ?= results/my-$(SUITE)
PROCESSES ?= 2 # number of test processes
PYTEST = $(BIN)/python -m pytest -q -n $(PROCESSES) --dist worksteal
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help bench test test-slow check check-data extras bench-speed frameworks exports parity backtest answers architecture format clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[data,dev,files]'
	@touch $@

bench: $(VENV)/installed ## Run SUITE (quick) into OUT (results/my-quick); resumes an interrupted run
	$(BIN)/zoo bench $(SUITE) --out $(OUT)

test: $(VENV)/installed ## Run the tests in PROCESSES (2) processes
	$(PYTEST)

test-slow: $(VENV)/installed ## Run the slow tests
	$(PYTEST) -m slow

check: $(VENV)/installed ## Check format, lint and types, then run the tests
	$(BIN)/ruff format --check zoo tests benchmarks
	$(BIN)/ruff check zoo tests benchmarks
	$(BIN)/mypy
	$(MAKE) test

check-data: $(VENV)/installed ## Check every local data set against its card
	$(BIN)/zoo check-data

$(VENV)/extras: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[jax,sonnet,torch,export]'
	@touch $@

extras: $(VENV)/extras ## Install every extra; make test then also runs the tests that need them

frameworks: $(VENV)/extras ## Measure one network in each framework (5 min), into results/frameworks
	$(BIN)/python benchmarks/frameworks/run.py

$(VENV)/peers: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[peers]'
	@touch $@

bench-speed: $(VENV)/peers ## Measure start-up, overhead and the training engine against its peers (70 min)
	$(BIN)/python benchmarks/speed/harness.py
	$(BIN)/python benchmarks/speed/engine.py
	$(BIN)/python benchmarks/speed/growth.py
	$(BIN)/python benchmarks/speed/small.py
	$(BIN)/python benchmarks/speed/curve.py
	$(BIN)/python benchmarks/speed/stopping.py
	$(BIN)/python benchmarks/speed/own_table.py

backtest: $(VENV)/installed ## Measure forecasts on the curves in CURVES (a CSV, see docs/FORECASTS.md) and results/quick
	$(BIN)/python benchmarks/backtest/backtest.py $(CURVES)

answers: $(VENV)/installed ## Measure how often the answers of zoo curve hold on real tables (10 min), into results/answers
	$(BIN)/python benchmarks/answers/promise.py
	$(BIN)/python benchmarks/answers/elimination.py

parity: $(VENV)/peers ## Compare with the published models (hours; resumes; ADULT=FILE adds Adult)
	$(BIN)/python benchmarks/parity/run.py $(if $(ADULT),--adult $(ADULT))

exports: $(VENV)/extras ## Export every model to every format and compare it with its estimator (30 min)
	$(BIN)/python benchmarks/frameworks/exports.py --fresh

architecture: $(VENV)/installed ## Draw docs/architecture.svg and list rooms and files in docs/ARCHITECTURE.md
	$(BIN)/python benchmarks/structure/draw.py

format: $(VENV)/installed ## Format the code
	$(BIN)/ruff format zoo tests benchmarks
	$(BIN)/ruff check --fix zoo tests benchmarks

clean: ## Remove .venv and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
