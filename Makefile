# galla's commands. Each sets up what it needs in .venv, from hash-pinned locks, and then is one visible command.
# Say more with ARGS: `make demo ARGS=--once`, `make test ARGS="-n 2 tests/ledger"`.

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install

.PHONY: help demo test check browser bench simulate planted crash powercut load mutants reliability docs words lock

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 14

demo: .venv/.installed-server  ## a shop with a counter, card machines and a phone, on this computer
	$(BIN)/galla demo $(ARGS)

test: check browser  ## the linters, the types, the layers and every test
	$(BIN)/pytest $(ARGS)

check: .venv/.installed-dev  ## only the linters, the types and the layers
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/.installed-dev .venv/.installed-peers  ## measure galla on this computer
	$(BIN)/python -m bench $(ARGS)

simulate: .venv/.installed-dev  ## let a shop live by a seed, with faults, and count every rupee
	$(BIN)/galla simulate $(ARGS)

planted: .venv/.installed-dev  ## plant every known mistake in galla, and see that the simulated shop catches it
	$(BIN)/python -m tests.simulation.planted $(ARGS)

crash: .venv/.installed-dev  ## kill galla's processes 200 times under load on each database, about half an hour
	$(BIN)/python -m reliability crash $(ARGS)

powercut: .venv/.installed-dev  ## cut the power under the SQLite store, and let its disk fail, some minutes
	$(BIN)/python -m reliability powercut $(ARGS)

load: .venv/.installed-dev  ## customers at a steady rate, at two hundred counters: ten minutes on each database
	$(BIN)/python -m reliability load $(ARGS)

mutants: .venv/.installed-dev  ## put small mistakes into the code of money, one at a time, and see that a test notices each
	$(BIN)/python -m reliability mutants $(ARGS)

reliability: .venv/.installed-dev  ## write RELIABILITY.md from what the trials left
	$(BIN)/python -m reliability document $(ARGS)

docs: .venv/.installed-dev  ## write the generated parts of docs/ again
	$(BIN)/python docs/generate.py $(ARGS)

words: .venv/.installed-dev  ## bring the catalogs of other languages up to date with what galla says
	$(BIN)/python -m tests.web.messages

browser: .venv/.installed-dev
	$(BIN)/python -m tests.browser

lock: $(BIN)/uv  ## choose versions again (ARGS=--upgrade for the newest)
	$(LOCK) --extra server --extra postgres --group build -o requirements/server.lock
	$(LOCK) --extra server --extra postgres --group dev -c requirements/server.lock -o requirements/dev.lock
	$(LOCK) --group peers --group build -c requirements/dev.lock -o requirements/peers.lock

LOCK = $(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" $(ARGS)

$(BIN)/uv: .venv/.installed-dev
	$(PIP) uv

# A stamp newer than its lock means: installed. dev holds all that server holds.
.venv/.installed-%: requirements/%.lock pyproject.toml | $(BIN)/python
	@echo "Setting up .venv from $< (about a minute, once)"
	@$(PIP) --require-hashes -r $<
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("galla needs Python 3.11 or newer: make PYTHON=...")'
	@$(PYTHON) -m venv .venv
