"""Checks the options of how much is asked of servers, and of when a call ends by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

MOST = 2**31 - 1
"""The most that a count may be; more is a mistake."""


def is_int(value: object) -> bool:
    """Whether it is a whole number; ``True`` and ``False`` are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def concurrency(name: str, value: Any) -> int | str:
    """An integer of at least 1, or ``"auto"``."""
    if value == "auto" or (is_int(value) and 1 <= value <= MOST):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{name} must be an integer from 1 to {MOST}, or 'auto', got {value!r}")


def rates(name: str, value: Any) -> list[str]:
    """One rate or several, as texts, which the engine reads."""
    given = [value] if isinstance(value, str) else value
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        texts = list(given)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise ValueError(f"{name} must be a rate like '100/s', or a list of such, got {value!r}")


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
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{name} must be a share from 0 to 1, or None for no limit, got {value!r}")


def failures(name: str, value: Any) -> int | float:
    """A count of at least 0, or a share between 0 and 1."""
    if is_int(value) and 0 <= value <= MOST:
        return int(value)
    if isinstance(value, float) and 0 < value < 1:
        return value
    raise ValueError(f"{name} must be an integer from 0, or a share between 0 and 1, got {value!r}")


def seed(name: str, value: Any) -> int:
    """An integer of 64 bits."""
    if is_int(value) and 0 <= value < 2**64:
        return int(value)
    raise ValueError(f"{name} must be an integer from 0 to 2**64 - 1, got {value!r}")


def progress(name: str, value: Any) -> bool | str:
    """``True``, ``False``, or ``"force"``."""
    if isinstance(value, bool) or value == "force":
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{name} must be True, False, or 'force', got {value!r}")


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "abort_on": statuses,
    "concurrency": concurrency,
    "max_failures": failures,
    "ok_statuses": statuses,
    "progress": progress,
    "rate": rates,
    "rate_per_host": rates,
    "retry_budget": share,
    "retry_statuses": statuses,
    "seed": seed,
}

MAY_BE_NONE = (
    "abort_on",
    "concurrency_per_host",
    "max_failures",
    "ok_statuses",
    "rate",
    "rate_per_host",
    "retry_statuses",
    "seed",
)
"""Those for which ``None`` is as if they were not given."""
