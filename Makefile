# Everything a person does with the workbook. `make lab` and `make test` set up what they need.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
export UV_LINK_MODE := copy

.PHONY: help setup lab test unit lint bench notebooks clean lock

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## virtual environment and what an engine needs
	@scripts/setup.sh

lab: setup ## open the course in JupyterLab
	@exec .venv/bin/workbook lab

test: ## every test: style, types, unit, engine, notebooks, browser
	@scripts/setup.sh test
	@exec scripts/test.sh

unit: setup ## the tests that need no engine, in seconds
	@$(PY) -m pytest tests/unit

lint: setup ## style and types
	@scripts/lint.sh

bench: setup ## measure; writes benchmarks/RESULTS.md and the table in README.md
	@$(PY) -m benchmarks

notebooks: setup ## run all notebooks again and store what they show
	@.venv/bin/workbook notebooks

clean: ## remove what the workbook created on the engine, and nothing else
	@if [ -x .venv/bin/workbook ]; then .venv/bin/workbook clean; fi

lock: setup ## resolve the dependencies again, with hashes
	@UV_SYSTEM_CERTS=1 .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --group dev --upgrade pyproject.toml -o requirements.lock
