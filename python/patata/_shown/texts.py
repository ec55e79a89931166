"""Texts that are safe to be shown: escaped, cut short, and without what cannot be printed."""

from __future__ import annotations

from html import escape
from typing import Any

from patata import _patata

LONGEST = 500
"""The most characters of a text that is not a body."""

LOOKED_AT = 4_096
"""The most characters of an id or the like that are looked at."""

DEEPEST = 12
"""How deep containers are looked into."""


def cut(text: str, limit: int = LONGEST) -> str:
    """At most so many characters, and a sign where there were more."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def printable(text: str) -> str:
    """Without control characters, marks of direction and lone surrogates, which would change a page."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
        for each in text
    )


def escaped(text: str, limit: int = LONGEST) -> str:
    """A text as HTML, cut short."""
    return escape(printable(cut(text, limit)))


def named(value: object) -> str:
    """An id, or whatever else users give, without credentials. It never raises."""
    if type(value) in (str, bytes) and len(value) > LOOKED_AT:  # type: ignore[arg-type]
        value = value[:LOOKED_AT]  # type: ignore[index]
    return cut(_patata._shown(value))


def exception_text(error: BaseException) -> str:
    """The class and the text of an exception, which may be any text and may raise."""
    try:
        text = str(error)
    except Exception as failed:
        text = f"its text raises {type(failed).__name__}"
    name = type(error).__name__
    return cut(f"{name}: {text}" if text else name)


def limited(value: object, room: int) -> str:
    """The ``repr`` of an object, of which no more is made than there is room for. It never raises."""
    writer = _Limited(room)
    try:
        writer.write(value, 0)
    except Exception:
        # A `repr` of the user's, or a container that another thread changes meanwhile.
        return _patata._shown(value)
    return "".join(writer.parts)


class _Full(Exception):
    """There is no more room."""


class _Limited:
    """Writes objects as ``repr`` does, up to so many characters."""

    BRACKETS: dict[type, tuple[str, str]] = {  # noqa: RUF012 - it is never written to
        list: ("[", "]"),
        tuple: ("(", ")"),
        set: ("{", "}"),
        frozenset: ("frozenset({", "})"),
    }

    def __init__(self, room: int) -> None:
        self.parts: list[str] = []
        self._room = room

    def write(self, value: object, depth: int) -> None:
        """Writes a whole object, or what there is room for."""
        try:
            self._write(value, depth)
        except _Full:
            self.parts.append("…")

    def _add(self, text: str) -> None:
        if len(text) > self._room:
            self.parts.append(text[: self._room])
            self._room = 0
            raise _Full
        self.parts.append(text)
        self._room -= len(text)

    def _write(self, value: Any, depth: int) -> None:
        kind = type(value)
        if depth > DEEPEST:
            self._add("…")
        elif kind in (str, bytes, bytearray):
            is_cut = len(value) > self._room
            self._add(repr(value[: self._room] if is_cut else value))
        elif kind is dict:
            self._add("{")
            self._write_pairs(value, depth)
            self._add("}")
        elif kind in self.BRACKETS and value:
            begin, end = self.BRACKETS[kind]
            self._add(begin)
            self._write_items(value, depth)
            self._add(",)" if kind is tuple and len(value) == 1 else end)
        else:
            self._add(repr(value))

    def _write_items(self, items: Any, depth: int) -> None:
        for place, item in enumerate(items):
            if place:
                self._add(", ")
            self._write(item, depth + 1)

    def _write_pairs(self, pairs: dict[Any, Any], depth: int) -> None:
        for place, (key, item) in enumerate(pairs.items()):
            if place:
                self._add(", ")
            self._write(key, depth + 1)
            self._add(": ")
            self._write(item, depth + 1)
