"""Checks the options that were given, and puts those of a call on top of its client's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from patata._options.connections import ConnectionOptions
from patata._options.table import (
    TABLE,
    AttemptOptions,
    BodyOptions,
    FollowOptions,
    LimitOptions,
    Options,
    RequestOptions,
    RunOptions,
)

NAMES = frozenset(Options.__annotations__)
"""The options that both a client and a call take."""

OF_ENGINE = frozenset(
    {*ConnectionOptions.__annotations__, *LimitOptions.__annotations__, "retry_budget", "seed"}
)
"""Those that the client's engine has for all calls together: what a call says of them holds besides."""

BODIES = frozenset(BodyOptions.__annotations__)
"""Those that say together what the body is: the call's replace all of the client's."""

OF_REQUEST = frozenset(RequestOptions.__annotations__)
"""Those that a single request takes."""

OF_FOLLOWING = frozenset(FollowOptions.__annotations__)
"""Those of a call that say what its responses lead to."""

OF_RUN = frozenset(RunOptions.__annotations__) - {"deadline", "ok_statuses"}
"""Those of a client that say nothing of a single request: there is no order, and nothing to end early."""

HINTS = {
    "allow_redirects": "it is follow_redirects",
    "body": "it is content",
    "budget": "a shared budget is for all calls of a client: give it to Patata()",
    "budget_timeout": "it is the client's: give it to Patata()",
    "follow": "it is an option of one call: give it to http()",
    "data": "say json for what is sent as JSON, form for a form, and content for bytes",
    "max_depth": "it is an option of one call: give it to http()",
    "max_requests": "it is an option of one call: give it to http()",
    "max_retries": "it is retries, which counts all attempts",
    "proxies": "it is proxy",
    "run_folder": "it is an option of one call: give it to http()",
    "ssl": "it is verify",
    "stream": "stream_to writes bodies to files, as they come",
}
"""What is meant by names that other clients have, and how it is said here."""

MERGED = tuple(name for name, option in TABLE.items() if option.merged)
"""Those of which client and call have a part each."""


def run_folder(call: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The run folder that the options of a call name, if any, and the other options."""
    given = call["run_folder"]
    others = {name: value for name, value in call.items() if name != "run_folder"}
    return None if given is None else TABLE["run_folder"].check("run_folder", given), others


def following(call: Mapping[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """What the options of a call say of what its responses lead to, and the other options."""
    if OF_FOLLOWING.isdisjoint(call):
        return {}, call
    others = {name: value for name, value in call.items() if name not in OF_FOLLOWING}
    given = {name: value for name, value in call.items() if name in OF_FOLLOWING and value is not None}
    return {name: TABLE[name].check(name, value) for name, value in given.items()}, others


def checked(given: Mapping[str, object]) -> dict[str, object]:
    """The options that were given, each checked; ``None`` where that is as if one were not given."""
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in NAMES:
            raise unknown(name, NAMES)
        option = TABLE[name]
        values[name] = None if value is None and option.nullable else option.check(name, value)
    return values


def unknown(name: str, names: Iterable[str]) -> TypeError:
    """The error for an option that is none."""
    hint = HINTS.get(name) or f"there are {', '.join(sorted(names))}"
    return TypeError(f"unknown option {name!r}; {hint}")


DEFAULTS = checked({name: TABLE[name].default for name in AttemptOptions.__annotations__})
"""What the engine is told where neither client nor call says it: it has other defaults of its own."""


def combined(client: dict[str, object], call: dict[str, object]) -> dict[str, object]:
    """The options of a call on top of its client's, as the engine takes them."""
    if any(call.get(name) is not None for name in BODIES):
        client = {name: value for name, value in client.items() if name not in BODIES}
    settings = {**client, **call}
    if "cookies" in call and call["cookies"] is None:
        # None at all, where the client may keep those that servers set.
        settings["cookies"] = {}
    for name in MERGED:
        levels = [level[name] for level in (client, call) if level.get(name) is not None]
        settings[name] = levels or None
    return {name: value for name, value in settings.items() if value is not None}


def of_request(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a single request: those that say what its body is, and all others."""
    for name in given:
        if name not in OF_REQUEST:
            if name in NAMES or name == "callbacks" or name in OF_FOLLOWING:
                raise TypeError(f"{name} is an option of calls of many requests: give it to http()")
            raise unknown(name, OF_REQUEST)
    body = {name: value for name, value in given.items() if name in BODIES and value is not None}
    return body, {name: value for name, value in given.items() if name not in BODIES}


def without_run(options: dict[str, object]) -> dict[str, object]:
    """The options of a client's calls, as far as they say something of a single request."""
    return {name: value for name, value in options.items() if name not in OF_RUN}


def split(options: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The options of a client's engine, and those that its calls have where they say nothing else."""
    keeps_cookies = options.get("cookies") is True
    of_engine = {name: value for name, value in options.items() if name in OF_ENGINE and value is not None}
    of_calls = {name: value for name, value in options.items() if name not in OF_ENGINE}
    if keeps_cookies:
        of_engine["cookies"] = of_calls.pop("cookies")
    return of_engine, of_calls
