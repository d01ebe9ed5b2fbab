# politico: the two commands are `make demo` and `make test`; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test quick style synth bootstrap deploy destroy clean

# What `make bootstrap`, `make deploy` and `make destroy` pass on to the CDK, such as ARGS="--parameters XTermsAcknowledged=yes".
ARGS ?=
CDK := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npx --yes aws-cdk@2

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[infra,learn,local,cli,dev]'
	touch $@

demo: setup
	$(BIN)/politico demo

test: style
	CDK_OUTDIR=build/cdk.out $(BIN)/python -m infra.app
	$(BIN)/cfn-lint -- build/cdk.out/*.template.json
	$(BIN)/python -m pytest

# What needs no local cloud, no synthesis, no training and no patience.
quick: style
	$(BIN)/python -m pytest -m "not slow" --durations=3

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

synth: setup
	$(BIN)/python -m infra.app

bootstrap: setup
	$(CDK) bootstrap $(ARGS)

deploy: setup
	$(CDK) deploy $(ARGS)

destroy: setup
	$(BIN)/politico retire
	$(CDK) destroy $(ARGS)

clean:
	rm -rf build cdk.out out .politico
