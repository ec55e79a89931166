"""Each exception leads to a page of the documentation, which says what it means and what to do."""

import inspect
from types import SimpleNamespace

import pytest
from guide import ROOT
from patata import Patata, exceptions
from patata.exceptions import DOCUMENTATION, PatataError, StatusError
from reference import help_of

CLASSES = [
    value for value in vars(exceptions).values() if inspect.isclass(value) and issubclass(value, PatataError)
]


def page_of(url):
    """The source of the page that a URL is of."""
    assert url.startswith(DOCUMENTATION)
    return ROOT / "docs" / url.removeprefix(DOCUMENTATION).replace(".html", ".md")


def made(kind):
    """An error of a class, some of which want to know of what."""
    return kind(response=SimpleNamespace(status_code=404, url="", id_=1)) if kind is StatusError else kind()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_page_of_a_class_says_what_it_means_and_what_to_do(kind):
    text = page_of(made(kind).help_url).read_text()
    assert text.startswith(f"# {kind.__name__}\n\n")
    means, todo = text.split("\n## What to do\n")
    assert len(means.split()) > 5
    assert "\n- " in todo
    assert f"\n::: patata.exceptions.{kind.__name__}\n" in todo
    # What it is made of, and what is made of it.
    for other in CLASSES:
        if other in kind.__bases__ or kind in other.__bases__:
            assert f"[`{other.__name__}`]({other.__name__}.md)" in todo


def test_there_is_a_page_for_nothing_else_and_the_index_has_all():
    names = {kind.__name__ for kind in CLASSES}
    assert {path.stem for path in (ROOT / "docs/errors").glob("*.md")} == names | {"index", "exit-codes"}
    index = (ROOT / "docs/errors/index.md").read_text()
    assert [name for name in names if f"| [`{name}`]({name}.md) |" not in index] == []


def test_the_error_of_a_response_has_its_page():
    with Patata(verbose=False) as client:
        error = client.get("http://localhost:1/").error
    assert error.help_url == f"{DOCUMENTATION}errors/ConnectError.html"


def test_a_class_of_the_user_has_the_page_of_the_nearest_of_ours():
    class Mine(exceptions.PageError):
        pass

    class MineToo(ValueError, Mine, exceptions.FollowError):
        pass

    assert Mine().help_url == MineToo().help_url == f"{DOCUMENTATION}errors/PageError.html"


def test_the_program_names_the_page_of_its_exit_codes():
    assert f"{DOCUMENTATION}errors/exit-codes.html" in help_of("run")


def test_each_exit_code_has_an_anchor():
    page = (ROOT / "docs/errors/exit-codes.md").read_text()
    source = (ROOT / "crates/patata-cli/src/exit.rs").read_text()
    enum = source.partition("enum Exit {")[2].partition("}")[0]
    codes = [line.split("= ")[1].rstrip(",") for line in enum.splitlines() if " = " in line]
    assert len(codes) > 8
    for code in codes:
        assert f"exit-{code} }}" in page or code in ("143",)
        assert f"{code}" in page.partition("\n## ")[0]
