# `make demo` and `make test` need python3 (3.11 or later), make and git; the rest they fetch.
PYTHON ?= python3
BIN := .venv/bin
LOCKED := .venv/.locked
READY := .venv/.ready
JOBS ?= 3

.PHONY: demo test lint chaos canary fuzz removals bench bench-quick site viewer lock format clean

demo: $(READY)
	@$(BIN)/booking demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Commands and faults at random, then every invariant: make chaos SEED=7 SECONDS=300
SEED ?= 1
SECONDS ?= 60
chaos: $(READY)
	@$(BIN)/python -m tests.chaos --seed $(SEED) --seconds $(SECONDS)

# Marked names, addresses and secrets through everything; then every byte left is searched for them.
canary: $(READY)
	@$(BIN)/python -m tests.canary

# Records of bytes at random, led by what the code does with them (docs/hostile.md):
# make fuzz SECONDS=600 ARGS="--target queries"
fuzz: $(READY) .fuzz/.ready
	@PYTHONPATH=.fuzz $(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

# Beside .venv and not in it: it is large, and there is none for most platforms.
.fuzz/.ready: tests/fuzz/atheris.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --upgrade --target .fuzz \
		--no-deps --only-binary :all: --require-hashes -r $< || { echo "make fuzz needs atheris, which has wheels \
	for Linux on x86-64 and CPython 3.11 to 3.14 alone. The corpus and Hypothesis run everywhere: \
	make test ARGS=tests/fuzz" >&2; exit 1; }
	@touch $@

# Is the checker any good? Each guard is taken out of a copy: make removals ARGS="'stored answers'"
removals: $(READY)
	@$(BIN)/python -m tests.removals $(ARGS)

# What `booking docs --format html` shows its pages with; needs npm.
viewer:
	@app/documents/fetch_viewer.sh

# All questions, about an hour of them; some alone: make bench ARGS="queries growth --bookings 1000000"
bench: $(READY)
	@$(BIN)/python -m bench $(ARGS)

# The floor, the worker and a lone create, in less than two minutes.
bench-quick: $(READY)
	@$(BIN)/python -m bench --quick $(ARGS)

# The documentation into .site/, to be opened as it lies there: it needs no server and no network.
site: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Made again only when the lock changes. Its hashes say which files are right; where they come from
# is up to pip's own configuration.
$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12")'
	@echo "Installing the pinned packages into .venv; the first time this takes a minute or two."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The lock holds for every platform and names no index: hashes alone decide.
lock:
	@test -x .venv-lock/bin/uv || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv; }
	@.venv-lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
		--generate-hashes --no-emit-index-url --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock $(ARGS)

clean:
	@rm -rf .venv .venv-lock .fuzz .site
