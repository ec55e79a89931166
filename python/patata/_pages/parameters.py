"""A value of a request, by where it is sent: as a query parameter, or as a member of the JSON body."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from patata._pages.path import MISSING, JsonPath, Path
from patata.models import Request


class Parameter:
    """Where a value is sent: one of a query parameter and a place in the body.

    Parameters
    ----------
    names
        The options that say it, for what is said of mistakes.
    name, body_path
        A query parameter's name, or a path in the body.
    """

    __slots__ = ("_body_path", "_name")

    def __init__(self, names: tuple[str, str], name: str | None, body_path: Path | None) -> None:
        if (name is None) == (body_path is None):
            raise ValueError(f"one of {names[0]} and {names[1]} must be given, and the other one be None")
        if name is not None and (not isinstance(name, str) or not name):
            raise ValueError(f"{names[0]} must be the name of a query parameter, got {name!r}")
        self._name = name or ""
        self._body_path = None if body_path is None else JsonPath(names[1], body_path)

    def of(self, request: Request) -> Any:
        """What a request has there, or :data:`MISSING`."""
        if self._body_path is not None:
            return self._body_path.find(_body(request)[1])
        given = [value for name, value in _pairs(request.params) if name == self._name]
        if given:
            value = given[-1]
            return (value[-1] if value else MISSING) if isinstance(value, list | tuple) else value
        return next((value for name, value in _query(request.url) if name == self._name), MISSING)

    def put(self, request: Request, value: Any) -> None:
        """Has a request send this value there, and no other one.

        Raises
        ------
        ValueError
            Where it cannot be sent there.
        """
        if self._body_path is not None:
            field, body = _body(request)
            changed = self._body_path.put(body, value)
            setattr(request, field, changed if field != "content" else json.dumps(changed).encode())
        elif isinstance(value, Mapping | list | tuple) or value is None:
            kind = type(value).__name__
            raise ValueError(f"a {kind} is nothing that the query parameter {self._name!r} can be")
        elif any(name == self._name for name, _ in _query(request.url)):
            request.url = _replaced(request.url, self._name, value)
        else:
            others = [(name, other) for name, other in _pairs(request.params) if name != self._name]
            request.params = [*others, (self._name, value)]

    def __str__(self) -> str:
        return repr(self._name) if self._body_path is None else f"{self._body_path} of the body"


def duplicate(request: Request) -> Request:
    """A request like this one, that can be changed without it. What a user's subclass keeps comes along."""
    made = copy.copy(request)
    for name, value in getattr(request, "__dict__", {}).items():
        setattr(made, name, value)
    return made


def _pairs(params: Any) -> list[tuple[str, Any]]:
    if params is None:
        return []
    pairs: Iterable[tuple[str, Any]] = params.items() if isinstance(params, Mapping) else params
    return list(pairs)


def _parts(url: str) -> tuple[str, str, str]:
    """What is before the query, the query, and the fragment with its sign."""
    whole, sign, fragment = url.partition("#")
    before, _, query = whole.partition("?")
    return before, query, sign + fragment


def _query(url: str) -> list[tuple[str, str]]:
    pieces = [piece.partition("=") for piece in _parts(url)[1].split("&") if piece]
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pieces]


def _replaced(url: str, name: str, value: Any) -> str:
    """The URL with another value of a parameter. All others stay as they are written."""
    before, query, fragment = _parts(url)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    pieces: list[str] = []
    is_there = False
    for piece in query.split("&"):
        written = piece.partition("=")[0]
        if unquote_plus(written) != name:
            pieces.append(piece)
        elif not is_there:
            pieces.append(f"{written}={quote_plus(text)}")
            is_there = True
    return f"{before}?{'&'.join(pieces)}{fragment}"


def _body(request: Request) -> tuple[str, Any]:
    """The field that has the body, and the body as a document; without one, the field that it may go to."""
    if request.data is not None:
        return "data", request.data
    if request.json is not None:
        return "json", request.json
    if isinstance(request.content, bytes | str):
        # As a run folder gives back what was JSON.
        return "content", json.loads(request.content)
    if request.content is not None or request.form is not None or request.files is not None:
        raise ValueError("the body is no JSON, which the path is in")
    return "data", None
