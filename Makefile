# The project's commands. Each does its own set-up: a virtual environment inside the checkout, with pinned
# dependencies, and whatever has to be built. They need Rust, Python 3.10 or later, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The extension is tested by pytest: a test binary of its own would need a libpython to link with.
RUST_TESTED := --workspace --exclude patata-python

export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-rust test-python soak check check-rust check-python build bench fmt clean

help:
	@echo "make demo    build, and send 10,000 requests to the embedded server"
	@echo "make test    build, and pass every test"
	@echo "make soak    1,000,000 requests to servers that reset, refuse and go away: none lost, none repeated"
	@echo "make check   lint and types"
	@echo "make bench   the figures that the project promises, on this machine"
	@echo "make fmt     format Rust and Python"

demo: build
	$(BIN)/python examples/demo.py

test: test-rust test-python

test-rust:
	cargo test $(RUST_TESTED)

test-python: build
	$(BIN)/python -m pytest

# Ten tests of the ledger: five seeds, each over HTTP/1.1 and over HTTP/2.
soak:
	PATATA_LEDGER_REQUESTS=100000 cargo test --release -p patata --test ledger

check: check-rust check-python

check-rust: $(VENV)/.installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(RUST_TESTED) --no-deps --document-private-items
	@if command -v cargo-deny >/dev/null; then cargo deny check; \
	else echo "cargo-deny is not installed: licences and advisories were not checked"; fi

check-python: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy python/patata examples
	$(BIN)/python -m mypy.stubtest patata --mypy-config-file pyproject.toml

bench: build
	$(BIN)/python bench/run.py

fmt: $(VENV)/.installed
	cargo fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: $(VENV)/.installed
	$(BIN)/maturin develop --release --quiet

$(VENV)/.installed: requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "patata needs Python 3.10 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-deps --requirement requirements-dev.txt
	touch $@

clean:
	cargo clean
	rm -rf $(VENV)
