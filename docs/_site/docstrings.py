"""Docstrings as Markdown: they are written for ``help()``, with the roles and tables of another markup."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`~?([^`]+)`")
SECTION = re.compile(r"^[A-Z][\w ]+\n-{3,}$", re.MULTILINE)
EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\n).+)*", re.MULTILINE)
TABLE = re.compile(r"^=+ +=+\n(?P<head>.+)\n=+ +=+\n(?P<body>(?:.+\n)+?)=+ +=+$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Has each docstring be Markdown, before its sections are told apart."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called with each thing that may have one."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """A docstring as Markdown; sections are left to who knows them."""
    text = TABLE.sub(_table, ROLE.sub(r"`\1`", text))
    section = SECTION.search(text)
    end = section.start() if section else len(text)
    return EXAMPLE.sub(r"```pycon\n\g<0>\n```", text[:end]) + text[end:]


def _table(table: re.Match[str]) -> str:
    rows = [
        re.split(r" {2,}", line.strip(), maxsplit=1) for line in (table["head"], *table["body"].splitlines())
    ]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])
