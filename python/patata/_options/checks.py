"""Checks the values of options: a bad one is named, with its value and what is allowed."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from patata import _patata, exceptions
from patata.budget import Budget, BudgetHandle
from patata.cache import Cache

MOST = 2**31 - 1
"""The most that a count may be; more is a mistake."""

MOST_WORKERS = 1024
"""The most threads and processes that are started; more is a mistake."""

CACHE_MODES = ("standard", "offline", "refresh", "forever")
"""The ways to use a cache."""

FOREVER = 1e9
"""Seconds, some thirty years."""


def is_int(value: object) -> bool:
    """Whether it is a whole number; ``True`` and ``False`` are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a number; ``True`` and ``False`` are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_given(_: str, value: object) -> object:
    """Anything: the extension checks it where it uses it."""
    return value


def flag(name: str, value: object) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{name} must be True or False, got {value!r}")


def verbose_level(name: str, value: Any) -> int:
    """One of the three levels of the log."""
    if is_int(value) and value in (0, 1, 2):
        return int(value)
    raise exceptions.InvalidVerboseLevelError(f"{name} must be one of 0, 1 and 2, got {value!r}")


def progress(name: str, value: Any) -> bool | str:
    """``True``, ``False``, or ``"force"``."""
    if isinstance(value, bool) or value == "force":
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{name} must be True, False, or 'force', got {value!r}")


# Counts


def size(name: str, value: Any, most: int = MOST) -> int:
    """A positive integer; 0, which ``None`` is too, stands for the default."""
    if value is None:
        return 0
    if is_int(value) and 0 <= value <= most:
        return int(value)
    raise ValueError(f"{name} must be a positive integer up to {most}, got {value!r}")


def workers(name: str, value: object) -> int:
    """The same for threads and processes."""
    return size(name, value, MOST_WORKERS)


def count(name: str, value: Any) -> int:
    """An integer of at least 1."""
    if is_int(value) and 1 <= value <= MOST:
        return int(value)
    raise ValueError(f"{name} must be an integer from 1 to {MOST}, got {value!r}")


def count_or_zero(name: str, value: Any) -> int:
    """An integer of at least 0."""
    if is_int(value) and 0 <= value <= MOST:
        return int(value)
    raise ValueError(f"{name} must be an integer from 0 to {MOST}, got {value!r}")


def attempts(name: str, value: object) -> int:
    """An integer of at least 1; ``None`` stands for 1."""
    return 1 if value is None else count(name, value)


def concurrency(name: str, value: Any) -> int | str:
    """An integer of at least 1, or ``"auto"``."""
    if value == "auto" or (is_int(value) and 1 <= value <= MOST):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{name} must be an integer from 1 to {MOST}, or 'auto', got {value!r}")


def size_in_bytes(name: str, value: Any) -> int:
    """A number of bytes; ``None`` stands for no limit."""
    if value is None:
        return sys.maxsize
    if is_int(value) and 1 <= value <= sys.maxsize:
        return int(value)
    raise ValueError(f"{name} must be a number of bytes from 1 to {sys.maxsize}, got {value!r}")


def ratio(name: str, value: object) -> int:
    """How many times a body may grow; ``None`` stands for no limit."""
    return 0 if value is None else count(name, value)


def seed(name: str, value: Any) -> int:
    """An integer of 64 bits."""
    if is_int(value) and 0 <= value < 2**64:
        return int(value)
    raise ValueError(f"{name} must be an integer from 0 to 2**64 - 1, got {value!r}")


# Times


def seconds(name: str, value: Any) -> float:
    """A number of seconds above 0; ``None`` stands for no limit."""
    if value is None:
        return math.inf
    if is_number(value) and value > 0:
        # What no clock can count is no limit.
        return float(min(value, FOREVER))
    raise ValueError(f"{name} must be a number of seconds above 0, or None for no limit, got {value!r}")


def wait(name: str, value: Any) -> float:
    """A number of seconds, 0 included."""
    if is_number(value) and 0 <= value < math.inf:
        return float(min(value, FOREVER))
    raise ValueError(f"{name} must be a number of seconds of at least 0, got {value!r}")


def patience(name: str, value: object) -> float:
    """A number of seconds, 0 included; ``None`` stands for no limit."""
    return math.inf if value is None else wait(name, value)


# Limits


def rates(name: str, value: Any) -> list[str]:
    """One rate or several, as texts, which the engine reads."""
    given = [value] if isinstance(value, str) else value
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        texts = list(given)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise ValueError(f"{name} must be a rate like '100/s', or a list of such, got {value!r}")


def budgets(name: str, value: Any) -> list[tuple[str, str]]:
    """Rates by unit, as pairs of texts, which the engine reads."""
    if not isinstance(value, Mapping) or not all(isinstance(unit, str) for unit in value):
        raise ValueError(
            f"{name} must be a mapping from units to rates, like {{'tokens': '90000/min'}}, got {value!r}"
        )
    return [(unit, rate) for unit, given in value.items() for rate in rates(f"{name}[{unit!r}]", given)]


def budget(name: str, value: Any) -> str | None:
    """A handle of a shared budget, as a text."""
    if value is None:
        return None
    if isinstance(value, Budget):
        return value.handle.reveal()
    if isinstance(value, BudgetHandle):
        return value.reveal()
    if isinstance(value, str):
        if "://" not in value:
            raise ValueError(
                f"{name} must be the handle of a shared budget, as Budget({value!r}).serve() returns it; a "
                "limit of this client alone is rate or budgets"
            )
        return BudgetHandle(value).reveal()
    raise ValueError(
        f"{name} must be a handle, as Budget('100/s').serve() returns it, or a text like "
        f"'redis://host/0?name=crm', got {type(value).__name__}"
    )


def cache(name: str, value: Any) -> _patata.Cache | None:
    """A cache, the folder of one, or whether the user's is meant."""
    if value is False:
        return None
    if isinstance(value, Cache):
        return value._cache
    if value is True:
        return Cache()._cache
    if isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str):
        return Cache(value)._cache
    raise ValueError(f"{name} must be True, the path of a folder, or a patata.Cache, got {value!r}")


def cache_mode(name: str, value: Any) -> str:
    """One of the ways to use a cache."""
    if value in CACHE_MODES:
        return str(value)
    raise ValueError(f"{name} must be one of {', '.join(CACHE_MODES)}, got {value!r}")


def cost(name: str, value: Any) -> Any:
    """Amounts by unit, which the extension checks, or a function that says them."""
    if isinstance(value, Mapping) or (callable(value) and not is_coroutine_function(value)):
        return value
    raise ValueError(
        f"{name} must be a mapping from units to amounts, or a plain function that returns one, got {value!r}"
    )


def statuses(name: str, value: Any) -> list[int]:
    """Status codes, at least none."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        codes = list(value)
        if all(is_int(code) and 100 <= code <= 999 for code in codes):
            return codes
    raise ValueError(f"{name} must be a set of status codes from 100 to 999, got {value!r}")


def share(name: str, value: Any) -> float:
    """A share from 0 to 1; ``None`` stands for no limit."""
    if value is None:
        return math.inf
    if is_number(value) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{name} must be a share from 0 to 1, or None for no limit, got {value!r}")


def failures(name: str, value: Any) -> int | float:
    """A count of at least 0, or a share between 0 and 1."""
    if is_int(value) and 0 <= value <= MOST:
        return int(value)
    if isinstance(value, float) and 0 < value < 1:
        return value
    raise ValueError(f"{name} must be an integer from 0, or a share between 0 and 1, got {value!r}")


# Functions and paths


def is_coroutine_function(function: Any) -> bool:
    """Whether what it returns is to be awaited; an object may be called as one too."""
    # Few calls have callbacks, and it takes its time to be imported.
    import inspect

    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def function(name: str, value: Any) -> Any:
    """A plain function: it is called on the thread that takes the responses, which cannot await it."""
    if callable(value) and not is_coroutine_function(value):
        return value
    raise ValueError(f"{name} must be a function, and no coroutine function, got {value!r}")


def follow(name: str, value: Any) -> Any:
    """A function, which may be a coroutine function: who calls it refuses what it cannot await."""
    if callable(value):
        return value
    raise ValueError(f"{name} must be a function from response to requests, got {value!r}")


_ROBOT = re.compile(r"[A-Za-z_-]+")


def robots(name: str, value: Any) -> bool | str | None:
    """Whether to obey ``robots.txt``, or the name to obey it by; ``None`` where it is not obeyed."""
    if isinstance(value, bool):
        return value or None
    if not isinstance(value, str) or _ROBOT.fullmatch(value) is None:
        raise ValueError(
            f"{name} must be True, False, or the name of a robot as a robots.txt has it, of letters, '-' and "
            f"'_' only, such as 'examplebot', got {value!r}"
        )
    return value


def telemetry(name: str, value: Any) -> Any:
    """Whether to report, and what; ``None`` where nothing is reported."""
    if value is False:
        return None
    # Most programs have none, and do not pay for importing it.
    from patata.telemetry import Telemetry

    if value is True:
        return Telemetry._of_all()
    if isinstance(value, Telemetry):
        return value
    raise ValueError(f"{name} must be True, False, or a patata.Telemetry, got {value!r}")


def path(name: str, value: Any) -> Any:
    """A path, or what has one."""
    if isinstance(value, (str, os.PathLike)) and isinstance(os.fspath(value), str):
        return value
    raise ValueError(f"{name} must be a path, got {value!r}")


def path_template(name: str, value: Any) -> Any:
    """A template for paths, or a function from request to path."""
    if callable(value):
        return value
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    raise ValueError(f"{name} must be a path with {{id}} in it, or a function, got {value!r}")
