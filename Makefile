# politico: the two commands are `make demo` and `make test`; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test synth deploy destroy clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[infra,learn,local,cli,dev]'
	touch $@

demo: setup
	$(BIN)/politico demo

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	CDK_OUTDIR=build/cdk.out $(BIN)/python -m infra.app
	$(BIN)/cfn-lint -- build/cdk.out/*.template.json
	$(BIN)/python -m pytest

synth: setup
	$(BIN)/python -m infra.app

deploy: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npx --yes aws-cdk@2 deploy

destroy: setup
	$(BIN)/politico retire
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npx --yes aws-cdk@2 destroy

clean:
	rm -rf build cdk.out out .politico
