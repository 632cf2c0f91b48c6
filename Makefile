# Everything a person or CI does with this project. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8000
THREADS ?= 8
# The first Python that is new enough; PYTHON=/path/to/python overrides it.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed.stamp
# Files and output are UTF-8 even where the machine's language is C.
export PYTHONUTF8 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The tests start processes by the dozen; none of them shall compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

# What a server's environment looks like, for `check --deploy`. Keys are made up each time.
PRODUCTION = env -u DEBUG -u ALLOW_PRIVATE_TARGETS \
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	CPR_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	CREDENTIAL_KEYS="$$($(BIN)/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
	ALLOWED_HOSTS=integration.example.com PUBLIC_URL=https://integration.example.com $(NO_DATABASE)
# Commands that only read code need no server, and shall not start one.
NO_DATABASE = DATABASE_URL=postgresql://nobody@localhost/none

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) var/dev.env ## everything needed on this machine: environment, packages, development keys

$(INSTALLED): requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found. Set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing packages (only when requirements/ changes) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

var/dev.env: | $(INSTALLED)
	@$(BIN)/python -m integration_platform.development

.PHONY: demo
demo: setup ## two companies, both remote systems simulated, worker and console; Ctrl-C stops it all
	@exec $(BIN)/python manage.py demo --port $(PORT)

.PHONY: web
web: setup ## the console and the webhooks on PORT (8000)
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@exec $(BIN)/gunicorn integration_platform.wsgi --bind 127.0.0.1:$(PORT) --worker-class gthread \
		--threads $(THREADS) --workers 2 --preload --no-control-socket

.PHONY: worker
worker: setup ## the part that synchronises
	@$(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/python manage.py run_worker

.PHONY: test
test: setup ## the whole test suite (ARGS="-k words" narrows it down)
	@$(BIN)/python -m pytest -n 4 --dist load --maxschedchunk 1 $(ARGS)

MINUTES ?= 60
LANES ?= 1
ONLY ?=
SEED ?= 1
.PHONY: chaos
chaos: setup ## the fault programme: real processes, really killed (MINUTES=3, ONLY=R1,R2, SEED=7)
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) --only "$(ONLY)" --seed $(SEED) --lanes $(LANES)

RUNS ?= 200
.PHONY: model
model: setup ## people and networks at random, compared with a small model of the rules (RUNS=2000)
	@$(BIN)/python -m pytest -n 4 tests/model --model-runs $(RUNS) $(ARGS)

EMPLOYEES ?= 60
.PHONY: year
year: setup ## a year of work reports for EMPLOYEES (60) people under faults and kills, then checked (SEED=7); figures in var/year.json
	@YEAR_EMPLOYEES=$(EMPLOYEES) YEAR_SEED=$(SEED) nice -n 10 $(BIN)/python -m pytest -n 0 tests/hours $(ARGS)

.PHONY: check
check: setup ## what CI runs: lint, types, import rules, migrations, deployment checks, and the tests beside them
	@$(MAKE) --jobs 2 static test

.PHONY: handbook
handbook: setup ## docs/ as pages, in var/handbook/index.html; with a search where a web server serves them
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

.PHONY: static
static: lint handbook ## what needs no test: lint, types, import rules, links of the handbook, missing migrations, deployment checks
	@$(NO_DATABASE) $(BIN)/python -W "ignore:Got an error checking:RuntimeWarning" manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

.PHONY: lint
lint: setup ## style, formatting, types and import rules
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "make format puts this right" >&2; exit 1; }
	@$(NO_DATABASE) $(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: setup ## put formatting and import order right
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

.PHONY: lock
lock: setup ## renew the locked versions from requirements/*.in
	@for name in base dev; do $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header requirements/$$name.in --output-file requirements/$$name.txt; done

.PHONY: stop
stop: ## stop the embedded database server
	@$(BIN)/python -m integration_platform.postgres stop || true

.PHONY: clean
clean: ## remove the environment and everything below var/, the embedded database with its data included
	@if [ -t 0 ]; then read -r -p "This deletes the database below var/ and its keys. Type yes: " answer; [ "$$answer" = yes ]; fi
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m integration_platform.postgres remove; fi
	@rm -rf var $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
