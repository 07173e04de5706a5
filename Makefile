# True North. `make help` lists what there is. Needs Python 3.11 or newer and make, nothing else.
SHELL := /bin/sh
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input -qq
# Settings that are enough to read the code (types); nothing is connected to with them.
STATIC_ENV := SECRET_KEY=$${SECRET_KEY:-lint} DEBUG=1 DATABASE_URL=$${DATABASE_URL:-postgres://nobody@127.0.0.1:1/none}
export PORT
# Compiled Python is kept, whatever the machine says: without it each process compiles Django first, 3 s of CPU a process.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo reset test lint format types tests journeys processes race chaos interleave bench fuzz fuzz-images drill browser rehearse clean
.DEFAULT_GOAL := help

help: ## List every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp ## Start the whole product with a demo clinic (PORT=8000), data kept; Ctrl-C stops it
	@exec $(PY) -m devservices demo

reset: $(VENV)/demo.stamp ## Throw the demo's data away, to start over
	@$(PY) -m devservices reset && echo "The next make demo starts with fresh data."

test: $(VENV)/dev.stamp browser ## Lint, types, layers, then every test on real servers, in parallel
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j2 types tests

lint: $(VENV)/dev.stamp ## Ruff, djlint, the layer contract, the compose file and the Dockerfile
	@echo "lint"
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/ruff format -q --check .
	@$(VENV)/bin/djlint templates --lint --quiet
	@$(VENV)/bin/djangofmt --quiet --check templates
	@$(VENV)/bin/lint-imports --no-logo > $(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }
	@$(VENV)/bin/check-jsonschema -q --builtin-schema vendor.compose-spec docker-compose.yml
	@$(VENV)/bin/hadolint Dockerfile

format: $(VENV)/dev.stamp ## Let ruff put the Python code into shape, and djangofmt the templates
	@$(VENV)/bin/ruff check -q --fix . ; $(VENV)/bin/ruff format . ; $(VENV)/bin/djangofmt templates

types: $(VENV)/dev.stamp ## Mypy
	@echo "types"
	@$(STATIC_ENV) $(PY) -m mypy --no-error-summary

tests: $(VENV)/dev.stamp ## Only the tests of `make test` (ARGS="tests/booking -k overlap")
	@$(PY) -m pytest -n $${WORKERS:-2} -m "not journey and not processes or journey_smoke" $(ARGS)

journeys: $(VENV)/dev.stamp browser ## Every browser journey: both themes, phone and desktop, with and without JavaScript
	@$(PY) -m pytest -n $${WORKERS:-2} -m journey $(ARGS)

processes: $(VENV)/dev.stamp ## The tests with more real processes: workers, senders, machines side by side, kill -9 in the middle
	@$(PY) -m pytest -n $${WORKERS:-2} -m processes $(ARGS)

race: $(VENV)/dev.stamp ## The race storm on real servers (SEEDS=20; CONTROL=1 switches lock and constraint off: must fail)
	@$(PY) -m devservices run -- $(PY) -m tests.race --seeds $${SEEDS:-20} $(if $(filter 1,$(CONTROL)),--control)

chaos: $(VENV)/dev.stamp ## Kill everything that sends, and count what arrived (MINUTES=3 SEED=1; CONTROL=naive|bulk must fail)
	@env -u DATABASE_URL -u REDIS_URL $(PY) -m tests.chaos --minutes $${MINUTES:-3} --seed $${SEED:-1} $(if $(CONTROL),--control $(CONTROL))

interleave: $(VENV)/dev.stamp ## Move and cancel visits while workers send (N=10000 SEED=1; CONTROL=1 looks away at the fence: must fail)
	@$(PY) -m devservices run -- $(PY) -m tests.interleave --n $${N:-10000} --seed $${SEED:-1} $(if $(filter 1,$(CONTROL)),--control)

bench: $(VENV)/dev.stamp ## Measure against a bare no-op; prints a table and writes bench/results.json (ONLY=messages: sending; ONLY=crowds: bookings, races)
	@$(PY) -m bench$(if $(ONLY),.$(ONLY))

drill: $(VENV)/dev.stamp ## Copy the clinic, restore the copy elsewhere, compare everything, book a visit there (ROWS=100000)
	@$(PY) -m tests.drill --rows $${ROWS:-100000}

fuzz: $(VENV)/dev.stamp ## Every form of the site with what no browser would send (N=20000 SEED=1); any 5xx or slow answer fails
	@$(PY) -m devservices run -- $(PY) -m tests.fuzz --n $${N:-20000} --seed $${SEED:-1}

fuzz-images: $(VENV)/dev.stamp ## Damaged pictures by the thousand through the decoder (N=10000 SEED=1)
	@$(PY) -m tests.fuzz_images --n $${N:-10000} --seed $${SEED:-1}

browser: $(VENV)/dev.stamp ## The browser that the tests use: found, or installed
	@$(PY) -m tests.browser

rehearse: $(VENV)/dev.stamp ## Build and run docker-compose.yml, book a visit over HTTP, take it down (needs docker)
	@sh tests/platform/rehearse.sh

clean: ## Remove what was built here: the environment, caches, collected files
	rm -rf $(VENV) staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environment: stdlib venv and hashed locks; installed again only when a lock changes -----------------------
# Each candidate is run, not only found: a version manager's shim can exist and fail.
$(PY):
	@for p in $${PYTHON:-} python3.13 python3.12 python3.11 python3; do \
	  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { found=$$p; break; }; \
	done; \
	if [ -z "$$found" ]; then echo "True North needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2; exit 1; fi; \
	"$$found" -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python has no venv: apt-get install python3-venv" >&2; exit 1; }; \
	echo "Using $$("$$found" --version)"; "$$found" -m venv $(VENV)

$(VENV)/%.stamp: requirements/%.txt $(PY)
	@echo "Installing $< …"
	@$(PIP) install --require-hashes -r $<
	@touch $@
