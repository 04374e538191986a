# `make help` lists the targets. Every target installs first, and again only when the dependencies change.

PYTHON ?= python3
PROJECT ?= customer_churn
BIN := .venv/bin
PIP_OPTIONS := --quiet --disable-pip-version-check
export DAGSTER_HOME := $(CURDIR)
export VIRTUAL_ENV := $(CURDIR)/.venv
export MLFLOW_DISABLE_TELEMETRY := true
# Hashes of all files of each version, for every platform and Python.
LOCK_OPTIONS := --quiet --universal --generate-hashes --no-annotate --no-python-downloads \
	--python-version 3.11.5 --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help install run serve ui test coverage bench check docs reference lowest newest lock sbom audit format clean

help: ## List all targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## Create .venv with the exact files of requirements.lock

.venv/installed: pyproject.toml setup.cfg setup.py requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$$($(PYTHON) --version) is not supported: Python 3.11, 3.12 or 3.13 is required; hint: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-compile --require-hashes --no-deps --only-binary :all: --requirement requirements.lock
	-@$(BIN)/python -m compileall -q -j 0 .venv/lib mlops_assets  # with all cores, which pip does with one
	$(BIN)/python -m pip install $(PIP_OPTIONS) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check
	@touch $@

run: install ## Run a project: make run [PROJECT=name] [DATA=file or folder] [TRIALS=n]
	@$(BIN)/mlops run $(PROJECT) $(if $(DATA),--data '$(DATA)') $(if $(TRIALS),--trials $(TRIALS))

serve: install ## Serve the champion of a project over HTTP, until Ctrl-C: make serve [PROJECT=name]
	@$(BIN)/mlops serve $(PROJECT)

ui: install ## Start the UIs of Dagster and MLflow, until Ctrl-C
	@$(BIN)/mlops ui

test: install ## Run the tests
	@$(BIN)/pytest -n auto --dist worksteal

coverage: install ## Run the tests with line and branch coverage; writes htmlcov/index.html
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto --dist worksteal
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
		--editable '.[catboost,lightgbm,postgres]' 'hypothesis>=6.140' 'pytest>=8.4' 'pytest-xdist>=3.6'
	.lowest/bin/python -m pytest -n auto mlops_assets_tests/compat mlops_assets_tests/core mlops_assets_tests/ml mlops_assets_tests/stores
	MLOPS_STATE_DIR=$(CURDIR)/.lowest/state .lowest/bin/mlops run customer_churn --trials 2

newest: ## Run the tests with the newest versions that pyproject.toml allows, in .newest (requires uv)
	uv venv --quiet --clear .newest
	uv pip install --quiet --python .newest/bin/python --upgrade --editable '.[dev,evidently]'
	uv pip freeze --python .newest/bin/python
	.newest/bin/python -m pytest -n auto --dist worksteal

lock: ## Write the hashes of the versions in constraints.txt and .github/audit/tools.txt (requires uv)
	uv pip compile $(LOCK_OPTIONS) --no-deps constraints.txt --output-file requirements.lock
	uv pip compile $(LOCK_OPTIONS) .github/audit/tools.txt --output-file .github/audit/tools.lock

sbom: install .audit/installed ## List what is installed, as CycloneDX in sbom.cdx.json
	@.audit/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file sbom.cdx.json

audit: .audit/installed ## Compare requirements.lock with a database of vulnerabilities
	@.audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

.audit/installed: .github/audit/tools.lock
	$(PYTHON) -m venv .audit
	.audit/bin/python -m pip install $(PIP_OPTIONS) --require-hashes --only-binary :all: --requirement $<
	@touch $@

format: install ## Format the code and apply ruff's fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## Remove .venv and caches; data/state is kept
	rm -rf .venv .lowest .newest .audit .bench sbom.cdx.json .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.* htmlcov docs/_build *.egg-info
