# `make help` lists the targets. Every target installs first, and again only when the dependencies change.

PYTHON ?= python3
PROJECT ?= customer_churn
BIN := .venv/bin
export DAGSTER_HOME := $(CURDIR)
export VIRTUAL_ENV := $(CURDIR)/.venv
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help install run ui test coverage bench check docs reference lowest format clean

help: ## List all targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## Create .venv with the exact versions of constraints.txt

.venv/installed: pyproject.toml setup.cfg setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$$($(PYTHON) --version) is not supported: Python 3.11, 3.12 or 3.13 is required; hint: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: install ## Run a project: make run [PROJECT=name] [DATA=file or folder] [TRIALS=n]
	@$(BIN)/mlops run $(PROJECT) $(if $(DATA),--data '$(DATA)') $(if $(TRIALS),--trials $(TRIALS))

ui: install ## Start the UIs of Dagster and MLflow, until Ctrl-C
	@$(BIN)/mlops ui

test: install ## Run the tests
	@$(BIN)/pytest -n auto

coverage: install ## Run the tests with line and branch coverage; writes htmlcov/index.html
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report

bench: install ## Run the benchmarks and update the tables of docs/performance.md: make bench [BENCH='--rows 1 --only orders']
	@$(BIN)/python -m benchmarks.performance $(BENCH)

check: install ## Lint, check formatting, types, imports and dependencies, load the definitions, build the documentation
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/deptry .
	@$(BIN)/dg check defs
	@$(MAKE) --no-print-directory docs

docs: install ## Build the documentation in docs/_build/html; warnings are errors
	@$(BIN)/sphinx-build -W --keep-going --nitpicky --quiet docs docs/_build/html

reference: install ## Generate the pages of docs/reference/ from the code
	@$(BIN)/python -m docs._generate

lowest: ## Run the tests with the lowest dependencies of pyproject.toml, in .lowest (requires uv)
	uv venv --quiet --clear --python 3.11 .lowest
	uv pip install --quiet --python .lowest/bin/python --resolution lowest-direct \
		--editable '.[postgres]' 'hypothesis>=6.140' 'pytest>=8.4' 'pytest-xdist>=3.6'
	.lowest/bin/python -m pytest -n auto mlops_assets_tests/compat mlops_assets_tests/core mlops_assets_tests/ml mlops_assets_tests/stores
	MLOPS_STATE_DIR=$(CURDIR)/.lowest/state .lowest/bin/mlops run customer_churn --trials 2

format: install ## Format the code and apply ruff's fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## Remove .venv and caches; data/state is kept
	rm -rf .venv .lowest .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.* htmlcov docs/_build *.egg-info
