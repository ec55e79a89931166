"""Links in headers, as RFC 8288 writes them: ``<https://host/?page=2>; rel="next"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(
    r"""\s*;\s*(?:(?P<name>[^\s=;,"]+)\s*(?:=\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<token>[^\s;,"]*)))?)?"""
)


class Link(NamedTuple):
    """One link: where it leads, and what it says of itself, names in lower case, of repeats the first."""

    target: str
    parameters: dict[str, str]

    def is_of(self, relation: str) -> bool:
        """Whether it is of a relation, and about the document that it came with."""
        relations = self.parameters.get("rel", "").lower().split()
        return relation.lower() in relations and "anchor" not in self.parameters


def links(values: Iterable[str]) -> Iterator[Link]:
    """The links of the values of a header. What is no link ends its value.

    >>> [link.target for link in links(['<a?b=1,2>; rel="prev first", </c>; rel=next'])]
    ['a?b=1,2', '/c']
    """
    for value in values:
        position = 0
        while (target := _TARGET.match(value, position)) is not None:
            position = target.end()
            parameters: dict[str, str] = {}
            while (parameter := _PARAMETER.match(value, position)) is not None:
                position = parameter.end()
                if parameter["name"] is not None:
                    parameters.setdefault(parameter["name"].lower(), _value(parameter))
            yield Link(target[1].strip(), parameters)
            position = _end(value, position)


def _value(parameter: re.Match[str]) -> str:
    if parameter["quoted"] is not None:
        return re.sub(r"\\(.)", r"\1", parameter["quoted"])
    return parameter["token"] or ""


def _end(value: str, position: int) -> int:
    """Where a link ends: at the next comma, as what is between was not understood."""
    comma = value.find(",", position)
    return len(value) if comma < 0 else comma
