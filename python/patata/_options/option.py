"""What the table says of one option."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

Check = Callable[[str, Any], Any]
"""Takes name and value of an option. Gives the value as the engine takes it, or raises ``ValueError``."""


StrPath = str | os.PathLike[str]


class Words(str):
    """Says in words what holds by default, where no value stands for it."""

    __slots__ = ()


class Option(NamedTuple):
    """One option, beside its name and its type.

    Parameters
    ----------
    check
        Refuses what cannot be used.
    default
        What holds where the option is not given: a value that the check takes, or :class:`Words`.
    doc
        What the option does. The first sentence is its summary, which stands in tables.
    nullable
        Whether ``None`` is as if the option were not given, which takes a client's away from a call (a limit
        of the client's stays).
    merged
        Whether client and call each have a part, instead of the call's replacing the client's.
    """

    check: Check
    default: object
    doc: str
    nullable: bool = False
    merged: bool = False
