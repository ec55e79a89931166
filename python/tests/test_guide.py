"""Every example of the README and of the documentation runs, and prints what its page says."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from guide import ROOT, RUN, SHOWN, blocks, in_tests, pages, pattern
from support import HERE, environment, free_port, hear_interrupts

NOT_RUN = {
    "README.md": 1,  # pip install
    "docs/clusters.md": 1,  # Spark
    "docs/how-to/cluster.md": 2,  # Spark and Ray
    "docs/how-to/telemetry.md": 1,  # a collector
    "docs/run-folder.md": 2,  # the program duckdb
    "docs/upgrading.md": 1,  # pip install
    "docs/tutorial.md": 2,  # pip install, and the server that the test has started
}
"""How many examples of which page are not run. Each says why."""

PLACES = ["localhost:12345", "localhost:8443", "localhost:3128", "localhost:8000", "port=8000"]
"""Where examples look for servers: what the package serves, and a language model's of the example's own."""

LONGEST = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """What ``python -m patata.testing`` serves: its ports, and where its ``ca.pem`` is."""
    folder = tmp_path_factory.mktemp("served")
    ports = [free_port() for _ in range(3)]
    process = subprocess.Popen(
        [sys.executable, "-m", "patata.testing", *map(str, ports)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    try:
        for _ in ports:
            process.stdout.readline()
        llm = free_port()
        yield [*ports, llm, llm], folder / "ca.pem"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "stopped\n"
    finally:
        process.kill()
        process.communicate()


def here(code, page, ports):
    """The code of a page as it runs in this test: at the ports that are free, and smaller."""
    for place, port in zip(PLACES, ports, strict=True):
        code = code.replace(place, re.sub(r"\d+", str(port), place))
    for this, that in in_tests(page):
        code = code.replace(this, that)
    return code


def surroundings(folder):
    """The variables of examples: a home of their own, and the program before others of its name."""
    own = environment()
    beside = str(Path(sys.executable).parent)
    return {
        **own,
        "PYTHONPATH": str(folder),
        "PATH": os.pathsep.join([beside, own.get("PATH", os.defpath)]),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "API_TOKEN": "secret",
        "API_KEY": "secret",
    }


@contextmanager
def group(command, **options):
    """A process with children, none of which outlives it."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def name_of(page):
    return str(page.relative_to(ROOT))


def with_examples():
    """The pages that have any that run."""
    return [page for page in pages() if any(block.is_run for block in blocks(page))]


@pytest.mark.parametrize("page", with_examples(), ids=name_of)
def test_the_examples_of_a_page_run_and_print_what_it_says(page, served, tmp_path):
    ports, authority = served
    folder, notes = tmp_path / "work", tmp_path / "notes"
    folder.mkdir()
    notes.mkdir()
    (folder / "ca.pem").write_bytes(authority.read_bytes())
    listed = [block._replace(code=here(block.code, page, ports)) for block in blocks(page)]
    for block in listed:
        if block.is_file:
            (folder / block.title).write_text(block.code)
    run = [block for block in listed if block.is_run]
    listing = notes / "blocks.json"
    listing.write_text(json.dumps([{**block._asdict(), "page": name_of(page)} for block in run]))
    command = [sys.executable, HERE / "guide_runner.py", listing]
    with group(command, cwd=folder, env=surroundings(folder), stderr=subprocess.PIPE, text=True) as process:
        said = process.communicate(timeout=LONGEST)[1]
        done = len(list(notes.glob("*.out"))) - 1
        log = (notes / f"{done}.err").read_text()
        assert process.returncode == 0, f"line {run[done].line}: {log}\n{said}"
    printed = {block.line: notes / str(number) for number, block in enumerate(run)}
    before = None
    for block in listed:
        if block.language == "output":
            ending = ".err" if block.title == "The log" else ".out"
            text = printed[before.line].with_suffix(ending).read_text()
            assert re.fullmatch(pattern(block.code), text), f"line {block.line}: {text}"
        else:
            before = block


def pairs():
    """Code for other libraries, each with ours behind it."""
    return [
        (before, after)
        for page in pages()
        for before, after in zip(blocks(page), blocks(page)[1:], strict=False)
        if before.title == "Before"
    ]


@pytest.mark.parametrize(
    ("before", "after"), pairs(), ids=[f"{before.page.stem}:{before.line}" for before, _ in pairs()]
)
def test_what_is_moved_prints_the_same_before_and_after(before, after, served, tmp_path):
    assert after.title == "After"
    ports, _ = served
    assert (ROOT / ".venv-docs/bin/python").exists(), "make docs installs the libraries that people come from"
    environments = {"Before": ROOT / ".venv-docs/bin/python", "After": Path(sys.executable)}
    printed = []
    for block in (before, after):
        script = tmp_path / f"{block.title}.py"
        script.write_text(here(block.code, block.page, ports))
        done = subprocess.run(
            [environments[block.title], script],
            cwd=tmp_path,
            env=surroundings(tmp_path),
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert printed[0] == printed[1] != ""


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_each_block_says_what_it_is(page):
    known = {*RUN, *SHOWN, "output", "rust"}
    assert [f"line {block.line}" for block in blocks(page) if block.language not in known] == []
    # The output of something.
    before = None
    for block in blocks(page):
        if block.language == "output":
            assert before is not None, block.line
            assert before.is_run, block.line
        elif block.language in RUN:
            before = block


def test_what_is_not_run_is_known():
    found = Counter(name_of(page) for page in pages() for block in blocks(page) if block.not_run)
    assert found == NOT_RUN


RUST_TESTS = [
    "crates/patata/tests/client/guide.rs",
    "crates/patata-cache/tests/client/guide.rs",
    "crates/patata-telemetry/tests/reports/guide.rs",
]


def test_every_rust_example_is_part_of_a_test():
    tested = "".join(lines_of((ROOT / path).read_text()) for path in RUST_TESTS)
    found = [block for page in pages() for block in blocks(page) if block.language == "rust"]
    assert len(found) > 3
    missing = [
        f"{name_of(block.page)}:{block.line}"
        for block in found
        if not any(lines_of(code) in tested for code in as_tested(block.code))
    ]
    assert missing == []


def as_tested(code):
    """An example as its test may have it: with a server at any port, and files that go with the test."""
    code = code.replace('let url = "http://localhost:12345";', "let url = server.url();")
    for owner in ("files", "at"):
        yield re.sub(r"let folder = std::path::Path::new(.*);", f"let folder = {owner}.path();", code)


def lines_of(code):
    """Code without its margin."""
    return "".join(line.strip() + "\n" for line in code.splitlines() if line.strip())
