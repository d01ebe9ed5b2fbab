# politico: the two commands are `make demo` and `make test`; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test base quick rights style synth bootstrap diff deploy destroy clean

# What `make bootstrap`, `make deploy` and `make destroy` pass on to the CDK, such as ARGS="--parameters XTermsAcknowledged=yes".
ARGS ?=
CDK := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npx --yes aws-cdk@2

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv: packages are downloaded, which takes some minutes and 2 to 7 GB of disk (the more where torch brings CUDA)."
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

# Which of the roles' rights the slow tests need, each taken away in turn, and which nobody used.
rights: setup
	rm -rf build/rights
	POLITICO_RIGHTS=$(CURDIR)/build/rights $(BIN)/python -m pytest -m slow
	$(BIN)/python -m tests.support.rights build/rights

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A base to begin with (docs/base.md): TEXT is a folder of text, such as novels. 3 minutes for the corpus, then MINUTES of one core.
TEXT ?= text
MINUTES ?= 80
base: setup
	$(BIN)/python -m training.corpus.prepare --input $(TEXT) --output build/base/corpus --vocabulary_size 4096 --held_out_share 0.005
	OMP_NUM_THREADS=1 $(BIN)/python training/train.py --stage base --name politico-base-es --corpus build/base/corpus \
	  --model_dir build/base/model --output_dir build/base/output --checkpoint_dir build/base/checkpoints --checkpoint_minutes 5 \
	  --layers 4 --width 192 --heads 6 --positions 256 --passages_share 0.85 --context_weight 5 --weight_decay 0.01 \
	  --batch_size 16 --learning_rate 3e-3 --max_steps 1000000 --max_minutes $(MINUTES)
	$(BIN)/python -m training.ship --model build/base/model --output build/base/es

synth: setup
	$(BIN)/python -m infra.app

bootstrap: setup
	$(CDK) bootstrap $(ARGS)

# What a deployment would change.
diff: setup
	$(CDK) diff $(ARGS)

deploy: setup
	$(CDK) deploy $(ARGS)

destroy: setup
	$(BIN)/politico retire --versions
	$(CDK) destroy $(ARGS)

clean:
	rm -rf build cdk.out out .politico
