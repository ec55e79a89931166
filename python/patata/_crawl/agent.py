"""What a robot is called: by the option, or else by the header ``User-Agent`` that it sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

DEFAULT = "patata"
"""What it is called that sends no header of its own."""

_TOKEN = re.compile(r"[A-Za-z_-]+")


def agent_of(given: object, headers: Iterable[Any] | None) -> str:
    """The name by which a ``robots.txt`` means a call.

    Parameters
    ----------
    given
        The option ``robots``: ``True``, or the name.
    headers
        The headers of client and call, the nearest last.

    Raises
    ------
    ValueError
        For a ``User-Agent`` that begins with no name.
    """
    if isinstance(given, str):
        return given
    sent = _user_agent(headers or ())
    token = _TOKEN.match(sent)
    if token is None:
        raise ValueError(
            f"robots=True goes by the header User-Agent, which begins with no name such as 'examplebot': got "
            f"{sent!r}. Give the name: robots='examplebot'"
        )
    return token[0]


def _user_agent(levels: Iterable[Any]) -> str:
    sent = DEFAULT
    for level in levels:
        pairs = level.items() if isinstance(level, Mapping) else level
        for name, value in pairs:
            if isinstance(name, str) and name.lower() == "user-agent":
                sent = DEFAULT if value is None else str(value)
    return sent
