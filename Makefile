# pinmark: every target makes its own virtual environment first; see README.md.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.made

.PHONY: help setup demo test lint bench soak serve screenshots deb prove-deb prove-hid prove-wheels files lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

setup: $(STAMP) ## the virtual environment .venv, from hash-pinned requirements

$(STAMP): requirements/dev.txt pyproject.toml requirements/runtime.in
	@$(PYTHON) scripts/make_venv.py .venv requirements/dev.txt
	@touch $@

demo: setup ## mark one virtual firing pin end to end
	@$(BIN)/pinmark demo

test: setup ## all tests
	@$(BIN)/python -m pytest -q

bench: setup .venv-bench/.made ## tables of ratios beside peers, which live in .venv-bench alone
	@for table in benchmarks/[a-z]*.py; do .venv-bench/bin/python $$table || exit 1; done

.venv-bench/.made: requirements/bench.txt
	@$(PYTHON) scripts/make_venv.py .venv-bench requirements/bench.txt
	@touch $@

soak: setup ## what takes too long for `make test`, part by part: make soak PARTS="shift week"
	@$(BIN)/python scripts/soak_parts.py $(PARTS)

serve: setup ## pages and service of a sample station with a virtual engraver, in .sample/
	@$(BIN)/pinmark serve --sample .sample

screenshots: setup ## pictures of every page, light and dark, into docs/pages/
	@$(BIN)/python scripts/screenshots.py

lint: setup ## ruff, mypy strict, import contracts, doctests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q --doctest-modules --ignore=station_api/migrations engraver hardware firmware_bridge station_api

deb: setup ## a Debian package with its own environment inside, in dist/
	@$(BIN)/python scripts/build_deb.py $(DEB)

prove-wheels: ## every pin has a wheel for aarch64 and x86-64, Python 3.11 to 3.13 (needs uv)
	@scripts/prove_wheels.sh

prove-deb: setup ## prove that package in a clean Debian that boots: install, mark, upgrade, crash, roll back (root)
	@$(BIN)/python scripts/prove_deb.py $(PROOF)

prove-hid: setup ## the HID scanner code on a kernel's own devices, in a machine of its own (root, QEMU)
	@$(BIN)/python scripts/prove_hid.py

files: ## rewrite the list of files in ARCHITECTURE.md
	@$(PYTHON) scripts/list_files.py

lock: setup ## refresh requirements/*.txt from requirements/*.in (needs uv)
	for name in dev bench package; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/$$name.in -o requirements/$$name.txt || exit 1; done

clean: ## remove what the other targets made
	rm -rf .sample .venv .venv-bench build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
