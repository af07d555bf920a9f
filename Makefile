# Every target sets up what it needs; a fresh machine needs Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= var/demo
HOST ?= 127.0.0.1
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help demo serve test check attacks matrix timing bench benchaudit benchstores export benchconsent withdrawals mutations fuzz policy vault compiled train-names train-columns benchpii lock clean

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

# The stamps remember which lock was installed, so that a changed lock installs again.
$(VENV)/run.stamp: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("Sekisho needs Python 3.11 or newer; this is %d.%d. Set PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Sekisho into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "Installing the tools of the tests into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/run.stamp  ## Build the demonstration workspace and tell its story (POSTGRES=URL: on that server)
	@$(BIN)/sekisho demo --workspace $(WORKSPACE) $(if $(POSTGRES),--postgres "$(POSTGRES)")

serve: $(VENV)/run.stamp  ## Serve the demonstration workspace on http://127.0.0.1:8000
	@test -f $(WORKSPACE)/sekisho.yaml || $(BIN)/sekisho demo --workspace $(WORKSPACE) --build-only
	@$(BIN)/sekisho serve --workspace $(WORKSPACE) --host $(HOST) --port $(PORT)

test: $(VENV)/dev.stamp  ## Run the tests
	@$(BIN)/python -m pytest -n auto -m 'not long'

check: $(VENV)/dev.stamp  ## Format, lint, types, import rules, file lengths, policies
	@$(BIN)/ruff format --check src tests
	@$(BIN)/ruff check src tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tests/house.py

fuzz: $(VENV)/dev.stamp  ## 20,000 statements of each generator for each engine (needs SEKISHO_TEST_POSTGRES)
	@SEKISHO_FUZZ=20000 $(BIN)/python -m pytest tests/query/test_generated.py tests/query/test_scopes.py -n auto --dist load -s

attacks: $(VENV)/dev.stamp  ## The attack suites that take minutes (with SEKISHO_TEST_POSTGRES on all engines)
	@$(BIN)/python -m pytest -n auto -m long

matrix: $(VENV)/dev.stamp  ## Every consent shape with every expression at 5 million rows (needs SEKISHO_TEST_POSTGRES)
	@$(BIN)/python -m tests.attacks.matrix

timing: $(VENV)/dev.stamp  ## Whether time tells that a withheld person is in a store (needs SEKISHO_TEST_POSTGRES)
	@$(BIN)/python -m tests.attacks.timing

policy:  ## Format, check and test the policies (needs opa)
	@opa fmt --fail --list policies
	@opa check --strict policies
	@opa test policies --coverage --threshold 100 >/dev/null
	@opa test policies

vault: build/vault/server  ## Build the Vault that key wrapping is tested with (needs go; some minutes, once)

build/vault/server: $(shell find tests/servers/vault -type f)
	@tests/servers/vault/build

compiled: $(VENV)/dev.stamp  ## Compile the policies that come with the program, after they changed (needs opa)
	@$(BIN)/python -m tests.policies.compiling

benchaudit: $(VENV)/dev.stamp  ## Measure the audit log (needs SEKISHO_TEST_POSTGRES)
	@$(BIN)/python -m tests.benchmarks.audit

bench: $(VENV)/dev.stamp  ## Measure what governance costs, as ratios in one run
	@$(BIN)/python -m tests.benchmarks
	@$(BIN)/python -m tests.benchmarks.policy
	@if [ -n "$$SEKISHO_TEST_POSTGRES$$SEKISHO_BENCH_POSTGRES" ]; then $(BIN)/python -m tests.benchmarks.stores && $(BIN)/python -m tests.benchmarks.audit; else echo "Over PostgreSQL: SEKISHO_TEST_POSTGRES=postgresql://... make benchstores"; fi

benchstores: $(VENV)/dev.stamp  ## The same over PostgreSQL and Parquet at ten million rows (needs SEKISHO_TEST_POSTGRES)
	@$(BIN)/python -m tests.benchmarks.stores

train-columns: $(VENV)/dev.stamp  ## Fit the column classifier again on its labelled tables (a minute)
	@$(BIN)/python -m tests.columns.readings
	@$(BIN)/python -m tests.columns.fit

benchpii: $(VENV)/dev.stamp  ## Measure how personal data is found and masked, beside Presidio (scans need SEKISHO_TEST_POSTGRES)
	@for part in patterns names columns structured texts; do $(BIN)/python -m tests.benchmarks.pii.$$part || exit 1; done
	@if [ -n "$$SEKISHO_TEST_POSTGRES" ]; then $(BIN)/python -m tests.benchmarks.pii.scan; fi

export: $(VENV)/dev.stamp  ## Measure the gateway's memory while ten million rows leave it
	@$(BIN)/python -m tests.benchmarks.export

benchconsent: $(VENV)/dev.stamp  ## Measure the consent engine (needs SEKISHO_TEST_POSTGRES)
	@$(BIN)/python -m tests.benchmarks.consent

withdrawals: $(VENV)/dev.stamp  ## 10,000 withdrawals against 32 readers on four workers (needs SEKISHO_TEST_POSTGRES)
	@SEKISHO_TEST_WITHDRAWALS=10000 $(BIN)/python -m pytest tests/everywhere -n 0

mutations: $(VENV)/dev.stamp  ## 10,500 changes to the history of an audit log, each of which must be found
	@SEKISHO_TEST_MUTATIONS=10500 $(BIN)/python -m pytest tests/history -n 0 -s

train-names: $(VENV)/dev.stamp  ## Train the model of names of people and places (some minutes), and judge it
	@$(BIN)/python -m tests.names.train
	@$(BIN)/python -m tests.names.evaluate

lock:  ## Lock every dependency with hashes
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --only-binary sqlglotc --emit-build-options --group build pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --only-binary sqlglotc --emit-build-options --group build --group dev pyproject.toml -o requirements-dev.txt

clean:  ## Remove what was built
	@rm -rf var build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
