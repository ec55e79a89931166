"""Checks the options that users give: a bad one is named, with its value and what is allowed."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from patata import _connections, _limits, exceptions

VERBOSE_LEVELS = (0, 1, 2)

FOREVER = 1e9
"""Seconds, some thirty years."""

Option = Callable[[str, Any], Any]


OF_CLIENT: Any = type("OfClient", (), {"__repr__": lambda _: "the client's"})()
"""Stands for an argument that was not given, where ``None`` has a meaning of its own."""

MOST_WORKERS = 1024
"""The most threads and processes that are started; more is a mistake."""


def size(name: str, value: object, default: int, most: int = _limits.MOST) -> int:
    """A positive integer; ``None`` and ``0`` stand for the default."""
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value or default
    raise ValueError(f"{name} must be a positive integer up to {most}, got {value!r}")


def workers(num_workers: object, alias: object, default: int) -> int:
    """The number of workers, under either of its names."""
    if num_workers and alias:
        raise ValueError(f"give num_workers or workers, not both: got {num_workers!r} and {alias!r}")
    if alias is not None:
        return size("workers", alias, default, MOST_WORKERS)
    return size("num_workers", num_workers, default, MOST_WORKERS)


def verbose_level(level: object, verbose: object) -> int:
    """The level, which ``verbose=False`` turns to 0."""
    if not isinstance(level, int) or isinstance(level, bool) or level not in VERBOSE_LEVELS:
        raise exceptions.InvalidVerboseLevelError(f"verbose_level must be one of 0, 1 and 2, got {level!r}")
    return level if verbose else 0


def count(name: str, value: object) -> int:
    """An integer of at least 1."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _limits.MOST:
        return value
    raise ValueError(f"{name} must be an integer from 1 to {_limits.MOST}, got {value!r}")


def size_in_bytes(name: str, value: object) -> int:
    """The same for bytes, of which there may be more."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= sys.maxsize:
        return value
    raise ValueError(f"{name} must be a number of bytes from 1 to {sys.maxsize}, got {value!r}")


def attempts(name: str, value: object) -> int:
    """The same; ``None`` stands for 1."""
    return 1 if value is None else count(name, value)


def count_or_zero(name: str, value: object) -> int:
    """An integer of at least 0."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _limits.MOST:
        return value
    raise ValueError(f"{name} must be an integer from 0 to {_limits.MOST}, got {value!r}")


def seconds(name: str, value: object) -> float:
    """A number of seconds above 0; ``None`` stands for no limit."""
    if value is None:
        return math.inf
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        # What no clock can count is no limit.
        return float(min(value, FOREVER))
    raise ValueError(f"{name} must be a number of seconds above 0, or None for no limit, got {value!r}")


def wait(name: str, value: object) -> float:
    """A number of seconds, 0 included."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(min(value, FOREVER))
    raise ValueError(f"{name} must be a number of seconds of at least 0, got {value!r}")


def patience(name: str, value: object) -> float:
    """A number of seconds, 0 included; ``None`` stands for no limit."""
    return math.inf if value is None else wait(name, value)


def flag(name: str, value: object) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{name} must be True or False, got {value!r}")


def optional_size_in_bytes(name: str, value: object) -> int:
    """A number of bytes; ``None`` stands for no limit."""
    return sys.maxsize if value is None else size_in_bytes(name, value)


def optional_ratio(name: str, value: object) -> int:
    """How many times a body may grow; ``None`` stands for no limit."""
    return 0 if value is None else count(name, value)


def as_given(_: str, value: object) -> object:
    """Looked at where it is used, in Rust."""
    return value


def function(name: str, value: Any) -> Any:
    """A plain function: it is called on the thread that takes the responses, which cannot await it."""
    if callable(value) and not is_coroutine_function(value):
        return value
    raise ValueError(f"{name} must be a function, and no coroutine function, got {value!r}")


def place(name: str, value: Any) -> Any:
    """A template for paths, or a function from request to path."""
    if callable(value):
        return value
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    raise ValueError(f"{name} must be a path with {{id}} in it, or a function, got {value!r}")


FURTHER: dict[str, Option] = {
    "auth": as_given,
    "backoff": wait,
    "concurrency_per_host": count,
    "connect_timeout": seconds,
    "content": as_given,
    "cookies": as_given,
    "deadline": seconds,
    "files": as_given,
    "follow_redirects": flag,
    "form": as_given,
    "headers": as_given,
    "host_timeout": patience,
    "idempotency_key": flag,
    "json": as_given,
    "max_backoff": wait,
    "max_decompression_ratio": optional_ratio,
    "max_redirects": count_or_zero,
    "max_response_size": optional_size_in_bytes,
    "ordered": flag,
    "params": as_given,
    "retries": attempts,
    "retry_if": function,
    "retry_non_idempotent": flag,
    "stream_to": place,
    "timeout": seconds,
    "total_timeout": seconds,
    **_limits.CHECKS,
    **_connections.CHECKS,
}
"""The options beyond the older package's, for a client and for each call."""

MERGED = ("headers", "params")
"""Those of which client and call have a part each."""

BODIES = ("json", "form", "content", "files")
"""Those that say together what the body is: the call's replace all of the client's."""

MAY_BE_NONE = ("auth", "cookies", "retry_if", "stream_to", *MERGED, *BODIES, *_limits.MAY_BE_NONE)
"""Those for which ``None`` is as if they were not given, which takes a client's away from a call."""


def further(given: dict[str, object]) -> dict[str, object]:
    """The further options that were given, each checked."""
    checked = {}
    for name, value in given.items():
        check = FURTHER.get(name)
        if check is None:
            raise TypeError(f"unknown option {name!r}; there are {', '.join(sorted(FURTHER))}")
        is_none = value is None and name in MAY_BE_NONE
        checked[name] = None if is_none else check(name, value)
    return checked


def combined(client: dict[str, object], call: dict[str, object]) -> dict[str, object]:
    """The options of a call on top of its client's, as the engine takes them."""
    if any(call.get(name) is not None for name in BODIES):
        client = {name: value for name, value in client.items() if name not in BODIES}
    settings = {**client, **call}
    for name in MERGED:
        levels = [level[name] for level in (client, call) if level.get(name) is not None]
        settings[name] = levels or None
    return {name: value for name, value in settings.items() if value is not None}


def is_coroutine_function(function: Any) -> bool:
    """Whether what it returns is to be awaited; an object may be called as one too."""
    # Few calls have callbacks, and it takes its time to be imported.
    import inspect

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def callbacks(given: Iterable[Any] | None, may_be_coroutines: bool = False) -> list[Any]:
    """A list of callables."""
    functions = list(given or ())
    for function in functions:
        if not callable(function):
            raise TypeError(f"callbacks must be callables that take and return a Response, got {function!r}")
        if is_coroutine_function(function) and not may_be_coroutines:
            raise TypeError(f"callbacks may be coroutine functions only with AsyncPatata, got {function!r}")
    return functions


def iterable(given: Any) -> Any:
    """Anything that can be iterated over."""
    if not isinstance(given, Iterable):
        # Raises where it cannot.
        return iter(given)
    return given


def requests(given: Any) -> Any:
    """Anything that can be iterated over, in either way."""
    return given if hasattr(type(given), "__aiter__") else iterable(given)
