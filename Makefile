# make demo: the main job on embedded servers. make test: everything that is checked, against embedded servers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all unit lint bench proof lock docs guides completions clean

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "eosctl needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(READY)

demo: $(READY)
	$(BIN)/eosctl demo

lint: $(READY)
	$(BIN)/ruff format --check eosctl tests
	$(BIN)/ruff check eosctl tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: $(READY)
	$(BIN)/python -m pytest -q tests/unit tests/golden

test: lint
	$(BIN)/python -m pytest -q -m "not slow" --ignore tests/bench

test-all: lint
	$(BIN)/python -m pytest -q --ignore tests/bench

bench: $(READY)
	$(BIN)/python -m pytest -q -s tests/bench --timeout 1800

docs: $(READY)
	$(BIN)/python -m eosctl.cli.reference docs/reference README.md
	$(BIN)/python -m eosctl.cli.manual docs/man
	$(BIN)/eosctl playbook schema > playbooks/playbook.schema.json

guides: $(READY)
	$(BIN)/cog -r -I docs docs/start.md docs/picture.md docs/incidents/*.md

completions: $(READY)
	mkdir -p completions
	$(BIN)/python -m eosctl.cli.completion completions

lock: $(READY)
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal \
	  --extra lab --extra png --group dev pyproject.toml -o requirements.txt

proof: $(READY)
	$(BIN)/eosctl lab up --cdc --name proof
	mkdir -p docs/examples
	$(BIN)/eosctl verify --all --quick --seed 11 --profile lab-proof --report docs/examples/verify-all.html -o markdown \
	  > docs/examples/verify-all.md; code=$$?; $(BIN)/eosctl lab down --name proof --purge; exit $$code

clean:
	rm -rf $(VENV) .build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
