"""Where something is in a JSON document: ``data.results``, ``data[-1].id``, ``@odata.nextLink``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Path = str | Sequence[str | int] | Callable[[Any], Any]
"""A path as a text, as its steps, or as a function from the document to what is there."""

MISSING: Final = type("Missing", (), {"__repr__": lambda _: "missing"})()
"""What is found where there is nothing; ``None`` is a ``null`` that is there."""

_STEP = re.compile(
    r"""\.?(?P<name>[^.\[\]]+)|\[(?P<index>-?[0-9]+)\]|\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]"""
)


class JsonPath:
    """A path that has been checked.

    A name that has dots in it needs no quotes: ``@odata.nextLink`` is looked for as one name where there is
    no ``@odata``.

    >>> JsonPath("path", "data[-1].id").find({"data": [{"id": 1}, {"id": 2}]})
    2
    >>> JsonPath("path", "meta.next").find({"meta": {}})
    missing
    """

    __slots__ = ("_function", "_steps", "_text")

    def __init__(self, name: str, path: Path) -> None:
        self._function = path if callable(path) else None
        self._steps: tuple[str | int, ...] = ()
        self._text = repr(path)
        if isinstance(path, str):
            self._steps = _steps(name, path)
        elif not callable(path):
            self._steps = tuple(path)
            if not all(isinstance(step, str | int) for step in self._steps):
                raise ValueError(f"{name}: the steps of a path are names and indices, got {path!r}")

    def find(self, document: Any) -> Any:
        """What is there, or :data:`MISSING`."""
        if self._function is None:
            return _find(document, self._steps)
        found = self._function(document)
        return MISSING if found is None else found

    def put(self, document: Any, value: Any) -> Any:
        """A copy of a document with another value there. Raises ``ValueError`` where it cannot be put."""
        if self._function is not None:
            raise ValueError(f"{self._text} is a function, and says not where to put something")
        return _put(document, self._steps, value)

    def __str__(self) -> str:
        return self._text


def _steps(name: str, path: str) -> tuple[str | int, ...]:
    rest = path[1:] if path.startswith("$") else path
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        if step is None or step["name"] == "*":
            raise ValueError(
                f"{name}: {path!r} is no path such as 'data.results', 'data[-1].id' or \"data['a.b']\"; what "
                "no path can say, a function can"
            )
        position = step.end()
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            steps.append(step["quoted"] if step["name"] is None else step["name"])
    return tuple(steps)


def _find(value: Any, steps: tuple[str | int, ...]) -> Any:
    if not steps:
        return value
    first = steps[0]
    if isinstance(value, list):
        index = _index(first)
        if index is None or not -len(value) <= index < len(value):
            return MISSING
        return _find(value[index], steps[1:])
    if isinstance(value, Mapping):
        for end, name in _names(steps):
            if name in value:
                found = _find(value[name], steps[end:])
                if found is not MISSING:
                    return found
    return MISSING


def _names(steps: tuple[str | int, ...]) -> list[tuple[int, str]]:
    """The names that steps begin with: the first, the first two joined by a dot, and so on."""
    names: list[tuple[int, str]] = []
    joined: list[str] = []
    for step in steps:
        if not isinstance(step, str):
            break
        joined.append(step)
        names.append((len(joined), ".".join(joined)))
    return names


def _index(step: str | int) -> int | None:
    if isinstance(step, int):
        return step
    return int(step) if re.fullmatch(r"-?[0-9]+", step) else None


def _put(document: Any, steps: tuple[str | int, ...], value: Any) -> Any:
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if document is None and isinstance(first, str):
        document = {}
    if isinstance(document, Mapping):
        if isinstance(first, str):
            return {**document, first: _put(document.get(first), rest, value)}
    elif isinstance(document, list):
        index = _index(first)
        if index is not None and -len(document) <= index < len(document):
            copy = list(document)
            copy[index] = _put(copy[index], rest, value)
            return copy
    raise ValueError(f"{first!r} cannot be put into {type(document).__name__}")
