"""Checks what is given beside the options: the input and the callbacks, and which name workers go by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from patata._options.checks import is_coroutine_function
from patata._options.table import TABLE

OF_CLIENT: Any = type("OfClient", (), {"__repr__": lambda _: "the client's"})()
"""Stands for an argument that was not given, where ``None`` has a meaning of its own."""


def size(name: str, value: object) -> Any:
    """One of the client's sizes; ``None`` and ``0`` stand for the default."""
    option = TABLE[name]
    return option.check(name, value) or option.default


def shared_budget(handle: object, timeout: object) -> tuple[str, float] | None:
    """The handle of a shared budget, if there is one, and how long nothing may be heard of it."""
    seconds: float = TABLE["budget_timeout"].check("budget_timeout", timeout)
    checked: str | None = TABLE["budget"].check("budget", handle)
    return None if checked is None else (checked, seconds)


def workers(num_workers: object, alias: object, default: int) -> int:
    """The number of workers, under either of its names."""
    if num_workers and alias:
        raise ValueError(f"give num_workers or workers, not both: got {num_workers!r} and {alias!r}")
    name, given = ("num_workers", num_workers) if alias is None else ("workers", alias)
    return TABLE[name].check(name, given) or default


def verbose_level(level: object, verbose: object) -> int:
    """The level of the log, which ``verbose=False`` turns to 0."""
    checked: int = TABLE["verbose_level"].check("verbose_level", level)
    return checked if verbose else 0


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
