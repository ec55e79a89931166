"""The pages of reference agree with the code: no option is missing from Python, Rust or the program."""

import counterparts
import pytest
from guide import ROOT
from patata._options.table import TABLE
from reference import COMMANDS, GROUPS, LIKE_GET, flags, flags_of, help_of, methods, pages


@pytest.mark.parametrize(("path", "text"), pages().items(), ids=[path.stem for path in pages()])
def test_a_page_is_as_the_code_has_it(path, text):
    assert path.read_text() == text, "python python/tests/reference.py writes it anew"


def test_each_option_stands_in_one_group():
    listed = [name for options in GROUPS.values() for name in vars(options)["__annotations__"]]
    assert sorted(listed) == sorted(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_an_option_is_a_method_of_rust_and_a_flag_of_the_program_or_there_is_a_reason(name):
    assert set(counterparts.of_rust(name)) <= methods()
    assert set(counterparts.of_program(name)) <= flags()
    assert (counterparts.of_rust(name) == []) == (name in counterparts.NOT_IN_RUST)
    assert (counterparts.of_program(name) == []) == (name in counterparts.NOT_IN_PROGRAM)


def test_each_method_of_rust_is_an_option_of_python_or_there_is_a_reason():
    named = {method for name in TABLE for method in counterparts.of_rust(name)}
    assert methods() == named | counterparts.ONLY_IN_RUST.keys()
    assert not named & counterparts.ONLY_IN_RUST.keys()


def test_each_flag_of_the_program_is_an_option_of_python_or_there_is_a_reason():
    named = {flag for name in TABLE for flag in counterparts.of_program(name)}
    assert flags() == named | counterparts.ONLY_IN_PROGRAM.keys()
    assert not named & counterparts.ONLY_IN_PROGRAM.keys()


def test_no_reason_is_about_what_is_not_there():
    tables = [counterparts.RUST, counterparts.NOT_IN_RUST, counterparts.PROGRAM, counterparts.NOT_IN_PROGRAM]
    for named in tables:
        assert named.keys() <= TABLE.keys()


def test_all_commands_are_there():
    listed = help_of("").partition("Commands:\n")[2].partition("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    assert names == [command for command in COMMANDS if " " not in command]


@pytest.mark.parametrize("command", LIKE_GET)
def test_the_other_methods_take_what_get_takes(command):
    assert flags_of(command) <= flags_of("get")


def test_the_groups_have_the_edges_of_their_options():
    """What a check refuses is told where the option is."""
    text = (ROOT / "docs/reference/options.md").read_text()
    assert '- Takes: An integer of at least 1, or `"auto"`\n- Default: 100 for each event loop' in text
    assert "- Takes: A share from 0 to 1; `None` stands for no limit\n- Default: 0.1" in text
