"""The table of options: what comes from it agrees with it."""

import inspect
import itertools
import typing

import pytest
from patata import AsyncPatata, ClientOptions, Options, Patata
from patata._options.documented import default_of, summary_of, type_name
from patata._options.option import Words
from patata._options.table import (
    TABLE,
    AttemptOptions,
    CallOptions,
    ClientOnlyOptions,
    FolderOptions,
    FollowOptions,
)

OF_CALLS = FolderOptions.__annotations__.keys() | FollowOptions.__annotations__.keys()
"""What no client has."""

CLIENTS = [Patata, AsyncPatata]
TYPES = {
    name: annotation.__origin__
    for options in (ClientOptions, FolderOptions, FollowOptions)
    for name, annotation in options.__annotations__.items()
}


def parameters(function):
    """The parameters of a function with their defaults, but for ``self`` and ``**options``."""
    named = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    return {parameter.name: parameter.default for parameter in named}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_names_its_own_options_in_the_order_and_with_the_defaults_of_the_table(client):
    named = parameters(client.__init__)
    assert list(named) == list(ClientOnlyOptions.__annotations__)
    for name, default in named.items():
        meant = TABLE[name].default
        assert default == (None if isinstance(meant, Words) else meant)


@pytest.mark.parametrize("client", CLIENTS)
def test_http_names_those_that_the_rest_lacks(client):
    assert list(parameters(client.http))[3:] == list(AttemptOptions.__annotations__)
    shared = CallOptions.__annotations__.keys() - OF_CALLS
    assert Options.__annotations__.keys() == AttemptOptions.__annotations__.keys() | shared
    assert not AttemptOptions.__annotations__.keys() & CallOptions.__annotations__


@pytest.mark.parametrize("client", CLIENTS)
def test_the_types_of_a_signature_can_be_looked_at_at_run_time(client):
    for function in (client.__init__, client.http, client.request, client.get):
        assert "options" in typing.get_type_hints(function)


@pytest.mark.parametrize(
    "name", [name for name, option in TABLE.items() if not isinstance(option.default, Words)]
)
def test_the_check_of_an_option_takes_its_default(name):
    TABLE[name].check(name, TABLE[name].default)


def takes(name, value):
    """Whether an option may have a value, as the only one of a client, or of a call."""
    try:
        of_client = {} if name in OF_CALLS else {name: value}
        with Patata(**{"verbose_level": 0, **of_client}) as client:
            if not of_client:
                client.http("get", [], **{name: value}).close()
            return True
    except ValueError:
        return False


@pytest.mark.parametrize("name", TABLE)
def test_none_is_taken_where_the_type_says_so(name):
    kind = TYPES[name]
    says_so = kind is typing.Any or type(None) in typing.get_args(kind)
    # Whatever is not true turns the log off.
    assert takes(name, None) == (says_so or name == "verbose")


@pytest.mark.parametrize("name", [name for name, option in TABLE.items() if option.nullable])
def test_none_stands_for_nothing_only_where_no_value_is_the_default(name):
    assert isinstance(TABLE[name].default, Words)


@pytest.mark.parametrize(("client", "options"), [(client, ClientOptions) for client in CLIENTS])
def test_help_says_of_each_option_of_a_client_its_type_default_and_purpose(client, options):
    assert missing(inspect.getdoc(client), options) == []


@pytest.mark.parametrize("client", CLIENTS)
def test_help_says_of_each_option_of_a_call_its_type_default_and_purpose(client):
    assert missing(inspect.getdoc(client.http), Options) == []


def missing(text, options):
    """The options that a docstring does not tell of."""
    entries = {}
    for line in text.splitlines():
        if " : " in line and not line.startswith(" "):
            entry = entries.setdefault(line, [])
        elif entries and line.startswith(" "):
            entry.append(line.strip())
    told = {heading: " ".join(lines) for heading, lines in entries.items()}
    return [
        name
        for name in options.__annotations__
        if summary_of(TABLE[name]) not in (entry := told.get(f"{name} : {type_name(TYPES[name])}", ""))
        or f"Default: {default_of(TABLE[name])}." not in entry
    ]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_sections_of_a_docstring_stay_in_the_order_of_its_style(client):
    order = ["Parameters", "Other Parameters", "Raises", "Attributes", "Examples"]
    for documented in (client, client.http):
        lines = inspect.getdoc(documented).splitlines()
        headings = [above for above, line in itertools.pairwise(lines) if line and set(line) == {"-"}]
        assert headings == [heading for heading in order if heading in headings]
        assert headings[:3] == order[:3]
