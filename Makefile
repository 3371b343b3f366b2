# make run    sets everything up and runs Consilium on this machine
# make test   sets everything up and runs all checks and tests
# make bench  prints how fast the parts are, beside a peer in the same run
# make clean  removes the environments; the run-time state lies elsewhere and stays

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
PYTHON ?= python3
VENV := .venv
LABEL_VENV := .venv-labelstudio
BIN := $(VENV)/bin
LABEL_REQUIREMENT := $(shell sed -n 's/^SERVER_REQUIREMENT = "\(.*\)"/\1/p' labelstudio/installation.py)
# Each has a labelling server and a browser of its own, about 4 GB together.
TEST_PROCESSES ?= 2
PIP := bin/pip --disable-pip-version-check

export CONSILIUM_LABEL_STUDIO_ENV ?= $(CURDIR)/$(LABEL_VENV)

.PHONY: run test bench lint environments debian clean
.DEFAULT_GOAL := run

run: environments
	@$(BIN)/consilium run

test: debian environments lint
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

lint: environments
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

bench: environments
	@for name in ingest predict mask_codec; do $(BIN)/python -m benchmarks.$$name; done

environments:
	@$(MAKE) --no-print-directory -j2 $(VENV)/.complete $(LABEL_VENV)/.complete

$(VENV)/.complete: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another one: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up $(VENV) (some minutes and 8 GB the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/$(PIP) install --quiet --upgrade pip
	@$(VENV)/$(PIP) install --progress-bar off -r requirements.txt \
	    | { grep --line-buffered -E "^(Collecting|Successfully)" || true; } | cut -c1-100
	@# Ultralytics asks for opencv-python, which needs libGL; the build without windows goes over it.
	@$(VENV)/$(PIP) install --quiet --force-reinstall --no-deps "$$(grep -o '^opencv-python-headless[^ ]*' requirements.txt)"
	@$(VENV)/$(PIP) check
	@$(VENV)/$(PIP) install --quiet --no-deps --editable .
	@touch $@
	@echo "$(VENV) is ready."

$(LABEL_VENV)/.complete: labelstudio/installation.py
	@echo "Setting up $(LABEL_VENV) with $(LABEL_REQUIREMENT) ..."
	@$(PYTHON) -m venv $(LABEL_VENV)
	@$(LABEL_VENV)/$(PIP) install --quiet --upgrade pip
	@$(LABEL_VENV)/$(PIP) install --quiet '$(LABEL_REQUIREMENT)'
	@touch $@
	@echo "$(LABEL_VENV) is ready."

# What the tests need from Debian; installed where that may be done, named where it may not.
debian:
	@command -v chromium >/dev/null || { \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo "Installing Chromium ..."; \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; \
	    else echo "The browser tests need Chromium, which is missing: install the package chromium. They are skipped."; fi; }

clean:
	rm -rf $(VENV) $(LABEL_VENV)
