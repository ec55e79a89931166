# The project's commands. Each does its own set-up: a virtual environment inside the checkout, with pinned
# dependencies, and whatever has to be built. They need Rust, Python 3.10 or later, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the documentation is built with has an environment of its own.
DOCS := .venv-docs
# The extension is tested by pytest: a test binary of its own would need a libpython to link with.
RUST_TESTED := --workspace --exclude patata-python
FUZZED ?= response redirect retry_after told_limits decoding text json budget table
FORMS := .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
# What the wheel is tested on.
PYTHONS ?= $(PYTHON)
FUZZ_SECONDS ?= 60
FUZZ_TARGET = $(shell rustc +nightly -vV | sed -n 's/^host: //p')
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks

export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The theme's makers tell of their next one with each build.
export NO_MKDOCS_2_WARNING := 1

.PHONY: help demo docs check-docs test test-rust test-python test-clusters test-wheel soak fuzz check check-rust check-python check-fuzz check-instructions check-report check-releases build wheel bench bench-quick bench-stages bench-plot fmt clean

help:
	@echo "make demo    build, and send 10,000 requests to the embedded server"
	@echo "make test    build, and pass every test"
	@echo "make test-clusters   the tests on Ray, Spark, Dask and Daft, each really started; needs Java 17 for Spark"
	@echo "make soak    3,000,000 requests to servers that reset, refuse and go away: none lost, none repeated"
	@echo "make fuzz    each fuzz target for FUZZ_SECONDS (60); needs a nightly compiler"
	@echo "make check   lint and types"
	@echo "make docs    the documentation, in site/: open site/index.html"
	@echo "make check-docs     looks at it in a real Chromium, and searches it; needs the package chromium"
	@echo "make check-report   the pages that patata report writes, in a real Chromium; needs the package chromium"
	@echo "make bench   patata beside its peers, and what else is promised, on this machine"
	@echo "make bench-quick   less of it, in three minutes; make bench-plot draws the results"
	@echo "make wheel   the wheel as it is released: below 8 MB, its symbols audited; TARGET=aarch64-unknown-linux-gnu is another"
	@echo "make test-wheel   every test against that wheel, in an environment of its own; PYTHONS=\"python3.10 python3.13\""
	@echo "make fmt     format Rust and Python"

demo: build
	$(BIN)/python examples/demo.py

test: test-rust test-python

# The tests of shared budgets start the Redis server that is among the development requirements.
test-rust: $(VENV)/.installed
	cargo test $(RUST_TESTED)

# The libraries that people come from are in the environment of the documentation.
test-python: build $(DOCS)/.installed
	$(BIN)/python -m pytest

# An environment for each engine, in .venv-clusters; ENGINES="daft dask" are fewer.
test-clusters: build
	$(BIN)/python python/cluster_tests/run.py $(ENGINES)

# Of one call: five seeds, each over HTTP/1.1 and over HTTP/2. Of 2,000 calls: a million requests over each.
soak:
	PATATA_LEDGER_REQUESTS=100000 cargo test --release -p patata --test ledger

# Counts what the code passes through and compares, which libFuzzer steers by. A target of its own keeps that out
# of procedural macros.
fuzz:
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo +nightly build --release --manifest-path fuzz/Cargo.toml \
		--target-dir target/fuzz --target $(FUZZ_TARGET)
	@for name in $(FUZZED); do \
		mkdir -p target/fuzz/corpus/$$name target/fuzz/artifacts || exit 1; \
		echo "fuzz target $$name"; \
		target/fuzz/$(FUZZ_TARGET)/release/$$name -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=500 \
			-timeout=10 -print_final_stats=1 -artifact_prefix=target/fuzz/artifacts/$$name- \
			target/fuzz/corpus/$$name || exit 1; \
	done

check: docs check-rust check-python check-releases check-fuzz check-instructions

check-rust: $(VENV)/.installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check --quiet -p patata -p patata-python --benches --features patata/benching,patata-python/benching
	RUSTDOCFLAGS="-D warnings" cargo doc $(RUST_TESTED) --no-deps --document-private-items
	@if command -v cargo-deny >/dev/null; then cargo deny check; \
	else echo "cargo-deny is not installed: licences and advisories were not checked"; fi

check-fuzz:
	@if cargo +nightly --version >/dev/null 2>&1; then \
		cargo fmt --manifest-path fuzz/Cargo.toml --check && \
		cargo +nightly build --manifest-path fuzz/Cargo.toml --target-dir target/fuzz; \
	else echo "a nightly compiler is not installed: the fuzz targets were not built"; fi

# Of the hot path, where valgrind is.
check-instructions: $(VENV)/.installed
	$(BIN)/python bench/instructions.py

# In a browser, wide and narrow, light and dark.
check-report:
	cargo run --quiet -p patata-run --features samples --example reports -- target/reports
	$(PYTHON) python/tests/tools/check_report.py target/reports

check-python: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy python/patata examples
	$(BIN)/python -m mypy.stubtest patata --mypy-config-file pyproject.toml \
		--allowlist python/stubtest-allowlist.txt --ignore-unused-allowlist

# What releases are made by: the workflows, the forms of issues, and one version in all that names it.
check-releases: $(VENV)/.installed
	$(BIN)/zizmor --offline --quiet --persona=regular .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(FORMS)
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/python releasing/versions.py

# As it is released, for this machine's kind or for TARGET, whose standard library rustup brings.
wheel:
	$(PYTHON) releasing/wheel.py $(if $(TARGET),--target $(TARGET)) $(if $(INTERPRETER),--interpreter $(INTERPRETER))

test-wheel: wheel
	$(PYTHON) releasing/test_wheel.py $(PYTHONS)

bench: build
	$(BIN)/python bench/contest.py; contest=$$?; $(BIN)/python bench/run.py && exit $$contest

bench-quick: build
	$(BIN)/python bench/contest.py --quick

# Of the stages that do no I/O, by criterion.
# The hand-over to Python runs in a program of its own, which needs the interpreter as a library.
bench-stages: $(VENV)/.installed
	cargo bench -p patata --features benching --bench stages
	cargo bench -p patata-arrow --bench stages
	LD_LIBRARY_PATH="$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')" \
		cargo bench -p patata-python --features benching --bench conversion

bench-plot: build
	$(BIN)/python bench/plot.py

fmt: $(VENV)/.installed
	cargo fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DOCS)/.installed
	$(DOCS)/bin/mkdocs build --strict
	$(DOCS)/bin/python python/tests/tools/check_site.py site

# In a browser, wide and narrow, light and dark; the screenshots are in target/docs.
check-docs: docs
	$(DOCS)/bin/python python/tests/tools/check_docs.py site target/docs

build: $(VENV)/.installed
	$(BIN)/maturin develop --release --quiet

$(VENV)/.installed: requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "patata needs Python 3.10 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-deps --requirement requirements-dev.txt
	touch $@

$(DOCS)/.installed: requirements-docs.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "patata needs Python 3.10 or later")'
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --no-deps --requirement requirements-docs.txt
	touch $@

clean:
	cargo clean
	rm -rf $(VENV) $(DOCS) .venv-clusters .venv-release site
