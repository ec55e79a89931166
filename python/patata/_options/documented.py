"""Tells of options: what :func:`help` says, and the tables of the documentation."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from patata._options.checks import is_number
from patata._options.option import Option, Words

Documented = TypeVar("Documented", bound=Callable[..., object])

MIB = 1 << 20

BEFORE = "Raises\n"
"""The section of a docstring that the options come before."""


def documented(**sections: type) -> Callable[[Documented], Documented]:
    """Adds the options of each ``TypedDict`` to a docstring, as a section of the name it is given under.

    An underscore in the name of a section stands for a space.
    """

    def add(documented: Documented) -> Documented:
        text = documented.__doc__
        # With `python -OO` there is none.
        if text is not None:
            before, heading, after = text.partition(BEFORE)
            margin = before[len(before.rstrip(" ")) :]
            added = "\n".join(_section(name, options) for name, options in sections.items())
            indented = added.replace("\n", f"\n{margin}")
            documented.__doc__ = f"{before}{indented}\n\n{margin}{heading}{after}"
        return documented

    return add


def _section(name: str, options: type) -> str:
    heading = name.replace("_", " ")
    # The same options stand in several docstrings, and all of this is done while the package is imported.
    if options not in _entries:
        _entries[options] = "\n".join(
            _entry(name, *get_args(annotation)) for name, annotation in options.__annotations__.items()
        )
    return f"{heading}\n{'-' * len(heading)}\n{_entries[options]}"


_entries: dict[type, str] = {}
"""What is said of the options of a ``TypedDict``."""


def _entry(name: str, kind: Any, option: Option) -> str:
    lines = [line.strip() for line in option.doc.strip().splitlines()]
    return "\n    ".join([f"{name} : {type_name(kind)}", *lines, f"Default: {default_of(option)}."])


def summary_of(option: Option) -> str:
    """The first sentence of what is said of an option, without its full stop."""
    text = " ".join(option.doc.split())
    return text.partition(". ")[0].rstrip(".")


def default_of(option: Option) -> str:
    """What holds where an option is not given."""
    default: Any = option.default
    if isinstance(default, Words):
        return default
    if not is_number(default):
        return f"``{_shown(default)}``"
    return f"{default:,}" if default % MIB else f"{default // MIB} MiB"


def type_name(kind: Any) -> str:
    """A type as it is written, without the modules that its parts come from."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " | ".join(map(type_name, parts))
    if origin is Literal:
        return " | ".join(map(_shown, parts))
    if origin is Callable:
        *taken, given = parts
        inner = taken[0] if isinstance(taken[0], list) else taken
        return f"Callable[[{', '.join(map(type_name, inner))}], {type_name(given)}]"
    name = "None" if kind is type(None) else getattr(origin or kind, "__name__", str(kind))
    return f"{name}[{', '.join(map(type_name, parts))}]" if parts else name


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
