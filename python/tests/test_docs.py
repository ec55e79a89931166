"""The examples in the docstrings work, and what SECURITY.md names is there."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import patata
import pytest

STUB = Path(patata.__file__).with_name("_patata.pyi")


@pytest.mark.parametrize(
    "name",
    [
        "patata",
        "patata._call_state",
        "patata._options.table",
        "patata._pages.links",
        "patata._pages.path",
        "patata._pages.place",
        "patata.aio",
        "patata.budget",
        "patata.client",
        "patata.crawl",
        "patata._frames.stream",
        "patata.duckdb",
        "patata.exceptions",
        "patata.frames",
        "patata.pages",
        "patata.pandas",
        "patata.polars",
        "patata.receipt",
        "patata.responses",
        "patata.testing",
    ],
)
def test_the_examples_of_a_module_work(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def stub_examples():
    """What is documented in the stub, by name, with its docstring."""
    tree = ast.parse(STUB.read_text())
    kinds = (ast.ClassDef, ast.FunctionDef)
    nodes = {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}
    docstrings = {name: ast.get_docstring(node) or "" for name, node in nodes.items()}
    return {name: text for name, text in docstrings.items() if ">>>" in text}


def test_the_stub_has_examples():
    assert {"Request", "Response"} <= stub_examples().keys()


@pytest.mark.parametrize("name", stub_examples())
def test_the_examples_of_the_stub_work(name):
    scope = {key: getattr(patata, key) for key in patata.__all__}
    test = doctest.DocTestParser().get_doctest(stub_examples()[name], scope, name, str(STUB), 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted > 0
    assert result.failed == 0


def test_what_is_public_is_documented():
    for name in patata.__all__:
        value = getattr(patata, name)
        if isinstance(value, type):
            assert value.__doc__, name
    for name, value in vars(patata.Patata).items():
        if callable(value) and not name.startswith("_"):
            assert value.__doc__, name


REPOSITORY = Path(__file__).parents[2]


def test_every_test_that_security_md_names_exists():
    text = (REPOSITORY / "SECURITY.md").read_text()
    named = re.findall(r"`([\w/]+\.(?:rs|py))::(\w+)`", text)
    assert len(named) > 50
    for path, name in named:
        folder, definition = ("crates/patata", "fn") if path.endswith(".rs") else ("python/tests", "def")
        source = (REPOSITORY / folder / path).read_text()
        # The ledger's are made by a macro, from a list of names.
        assert re.search(rf"\b{definition} {name}\(|^    {name}: ", source, re.MULTILINE), f"{path}::{name}"


def test_every_promise_of_security_md_names_a_test():
    text = (REPOSITORY / "SECURITY.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert len(rows) > 20
    assert [row for row in rows if "::" not in row] == []
