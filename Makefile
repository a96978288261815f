# Every target sets up what it needs, and does nothing twice. `make` alone prints this help.
.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV := .venv
INSTALLED := $(VENV)/.installed
MEMBERS := $(sort $(patsubst %/pyproject.toml,%,$(wildcard shared/*/pyproject.toml services/*/pyproject.toml deploy/*/pyproject.toml)))
IMAGES := contacts meetings feedback notifications gateway dashboard operator
# What the bundle of the dashboard is made of.
ASSETS_FROM := $(addprefix services/dashboard/,package-lock.json bundle_assets.py emon_dashboard/static/theme.css emon_dashboard/static/pages.css)
# The first Python of at least 3.11; set PYTHON to choose another.
PYTHON ?= $(firstword $(foreach python,python3 python3.11 python3.12 python3.13 python3.14,$(shell $(python) -c 'import sys; print(sys.executable) if sys.version_info >= (3, 11) else None' 2>/dev/null | grep -v None)))
# uv where it is on the path already, otherwise the one that pip puts into the virtual environment.
UV = $(shell command -v uv || echo $(VENV)/bin/uv)
UV_VERSION := 0.13.9
# Each process has its own PostgreSQL and Kafka.
TEST_PROCESSES ?= 3
# How long a soak lasts; the seed of one that failed plays it again: make soak SECONDS=300 SEED=4711
SECONDS ?= 60
SEED ?=
# The commit that a drill updates from.
PREVIOUS ?=

# Tests and a platform start many processes, and none is to compile again what another one has compiled.
unexport PYTHONDONTWRITEBYTECODE

PEERS_VENV := .venv-benchmarks
PEERS_INSTALLED := $(PEERS_VENV)/.installed

.PHONY: help setup assets up demo images test soak drill bench lint audit sbom bundle format documents lock clean

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## create .venv with everything, and the command .venv/bin/emon

$(INSTALLED): requirements/development.txt pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS)) $(ASSETS_FROM)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --compile-bytecode --python $(VENV)/bin/python --require-hashes --requirement requirements/development.txt
	$(UV) pip install --quiet --python $(VENV)/bin/python --no-deps $(addprefix --editable ./,$(MEMBERS))
	@$(VENV)/bin/python -m compileall -q $(MEMBERS)
	@$(MAKE) --no-print-directory assets
	@touch $@

assets: ## fetch and bundle what the dashboard's pages load
	@test -x $(VENV)/bin/python || { echo "Run make setup first." >&2; exit 1; }
	$(VENV)/bin/python services/dashboard/bundle_assets.py

up: $(INSTALLED) ## run the whole platform on this machine, until Ctrl-C
	@exec $(VENV)/bin/emon up

demo: $(INSTALLED) ## play the whole story from the register to the answer; starts a platform where none runs
	@exec $(VENV)/bin/emon demo

images: $(INSTALLED) ## build every container image on BASE_IMAGE, and print size and start of each; ONLY=contacts for one
	deploy/containers/build $(ONLY)

test: $(INSTALLED) ## run all tests on real PostgreSQL, Kafka and SMTP
	$(VENV)/bin/python -m pytest --numprocesses $(TEST_PROCESSES) --no-loadscope-reorder $(ARGS)

soak: $(INSTALLED) ## break a whole platform for SECONDS (60) at random, by SEED, and audit every mail
	$(VENV)/bin/python -m tests.faults.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

drill: $(INSTALLED) ## play a day of operations on containers: kill, update, back up, destroy, restore, audit; needs Docker
	$(VENV)/bin/python -m tests.drill $(if $(SEED),--seed $(SEED)) $(if $(PREVIOUS),--previous $(PREVIOUS))

bench: $(INSTALLED) $(PEERS_INSTALLED) ## measure what is to be fast beside its peers; ONLY=relay (consumer, fan_out, listing, pages, sending) for one
	$(VENV)/bin/python -m benchmarks $(ONLY) $(ARGS)

$(PEERS_INSTALLED): requirements/benchmarks.txt $(INSTALLED)
	@test -x $(PEERS_VENV)/bin/python || $(VENV)/bin/python -m venv --without-pip $(PEERS_VENV)
	$(UV) pip install --quiet --python $(PEERS_VENV)/bin/python --require-hashes --requirement requirements/benchmarks.txt
	@touch $@

lint: $(INSTALLED) ## check style, types, import rules, alerts, the Helm chart, and that requirements and documents are current
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python requirements/check.py
	$(VENV)/bin/python -m documents check
	$(if $(shell command -v promtool),promtool check rules --lint=all --lint-fatal deploy/monitoring/rules.yml)
	$(if $(shell command -v promtool),promtool test rules deploy/monitoring/rules-test.yml)
	deploy/helm/check

audit: $(INSTALLED) ## ask for known vulnerabilities of all that is pinned; says so where nobody can be asked
	$(VENV)/bin/python requirements/audit.py

sbom: $(INSTALLED) ## write a CycloneDX SBOM of each image into dist/sbom
	@rm -rf dist/sbom && mkdir -p dist/sbom
	$(foreach image,$(IMAGES),PYTHONWARNINGS=ignore $(VENV)/bin/cyclonedx-py requirements --output-reproducible --short-PURLs --pyproject $(firstword $(wildcard */$(image)/pyproject.toml)) --output-file dist/sbom/$(image).cdx.json requirements/$(image).txt &&) true

bundle: sbom ## pack images, SBOM, documents and an install script for a machine without internet into dist/emon.tar
	$(VENV)/bin/emon bundle $(ARGS)

format: $(INSTALLED) ## put the code into its one style
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

documents: $(INSTALLED) ## make the documents of API, events and settings from the code, and record new messages and fields
	$(VENV)/bin/python -m documents write

lock: ## resolve the newest allowed versions and export them with hashes
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet uv==$(UV_VERSION)
	$(UV) lock --upgrade
	$(UV) export --quiet --frozen --all-packages --no-emit-workspace --no-header --output-file requirements/development.txt
	$(UV) export --quiet --frozen --only-group benchmarks --no-emit-workspace --no-header --output-file requirements/benchmarks.txt
	$(foreach image,$(IMAGES),$(UV) export --quiet --frozen --package emon-$(image) --no-dev --no-emit-workspace --no-header --output-file requirements/$(image).txt &&) true

clean: ## remove the virtual environment, caches and the data of the embedded platform
	rm -rf $(VENV) $(PEERS_VENV) .emon .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
