"""A response as notebooks show it: its status, its error, its headers, and the beginning of its body.

All of it comes from a server, so nothing is taken for anything but text.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from patata._patata import Response
from patata._shown import figures
from patata._shown.block import EDGE, MONOSPACE, SOFT, block, coloured, emphasized, row, soft
from patata._shown.texts import cut, escaped, exception_text, limited, named

LOOKED_AT = 65_536
"""The most bytes of a body that are looked at."""

SHOWN = 2_000
"""The most characters of a body that are shown."""

HEADERS = 30
"""The most headers that are shown."""

PRETTY = 10_000
"""The most bytes of a body, and characters of data, that IPython shows as text."""

SECRET = re.compile("auth|cookie|credential|key|passw|secret|session|signature|token", re.IGNORECASE)
"""What the name of a header has whose value nobody else should see."""


def html_of(response: Response) -> str:
    """The block of a response."""
    try:
        begins, text, length, data = response._glimpse(LOOKED_AT)
        error = response.error
        title = _title(response, error)
        rows = [row(name, html) for name, html in _rows(response, error)]
        if data is not None and error is None and not _is_body(data, text, length):
            rows.append(row("data", _box(limited(data, SHOWN))))
        rows += _body_rows(response, begins, text, length)
        return block(title, _facts(response, length), rows, _headers(response))
    except Exception:
        # What users have assigned, and subclasses of theirs, may be anything. Its class and id never are.
        return block(escaped(type(response).__name__), soft("cannot be shown"))


def print_pretty(response: Response, printer: Any, is_cycle: bool) -> None:
    """Gives IPython the ``repr``, or a short one where that would be long, or cannot be made."""
    printer.text(_pretty(response, is_cycle))


def _pretty(response: Response, is_cycle: bool) -> str:
    name = type(response).__name__
    if is_cycle:
        return f"{name}(...)"
    try:
        _, _, length, data = response._glimpse(0)
        if length <= PRETTY and (data is None or len(limited(data, PRETTY)) < PRETTY):
            return repr(response)
        told = f"<{figures.size(length)}>" if length else limited(data, SHOWN)
        return f"{name}(id_={named(response.id_)}, status_code={named(response.status_code)}, data={told})"
    except Exception:
        return f"<{name} that cannot be shown>"


def _title(response: Response, error: Exception | None) -> str:
    status: Any = response.status_code
    if error is not None and not response.http_version:
        return emphasized(escaped(type(error).__name__), "bad")
    if type(status) is not int:
        return escaped(named(status))
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    meaning = "good" if status < 300 else "busy" if status < 400 else "fair" if status < 500 else "bad"
    return emphasized(f"{status} {escaped(phrase)}".strip(), meaning)


def _facts(response: Response, length: int) -> str:
    facts = []
    if response.elapsed:
        facts.append(figures.seconds(response.elapsed.total_seconds()))
    if response.attempts > 1:
        facts.append(f"{response.attempts} attempts")
    if length:
        facts.append(figures.size(length))
    if response.http_version:
        facts.append(f"HTTP/{response.http_version}")
    if response.from_cache:
        facts.append(f"from the cache: {response.cache_status}")
    if response.budget is not None:
        facts.append(f"waited {figures.seconds(response.budget_wait.total_seconds())} for {response.budget}")
    return soft(escaped(" · ".join(facts)))


def _rows(response: Response, error: Exception | None) -> list[tuple[str, str]]:
    rows = [] if response.id_ is None else [("id", escaped(named(response.id_)))]
    if response.url:
        rows.append(("url", escaped(response.url)))
    if error is not None:
        rows.append(
            ("error", f'<span style="{coloured("color", "bad")}">{escaped(exception_text(error))}</span>')
        )
    if response.path is not None:
        rows.append(("path", escaped(str(response.path))))
    return rows


def _is_body(data: object, text: str, length: int) -> bool:
    """Whether data are what the body says. Of a body that is too large to be looked at, nobody knows."""
    if length > LOOKED_AT:
        return False
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = {}
    try:
        return type(data) is type(said) and bool(data == said)
    except Exception:
        # What users have put in there compares as it likes.
        return False


def _body_rows(response: Response, begins: bytes, text: str, length: int) -> list[str]:
    if not length:
        return []
    if _is_binary(text):
        kind = response.headers.get("content-type", "of no declared type")
        told = f"{figures.size(length)}, {cut(kind, 80)}; begins {begins[:16].hex(' ')}"
        return [row("body", soft(escaped(told)))]
    if length <= LOOKED_AT:
        text = _indented(text)
    if length > len(begins) or len(text) > SHOWN:
        shown = cut(text.rstrip("\ufffd"), SHOWN)
        return [row("body", _box(shown) + soft(f"the beginning of {figures.size(length)}"))]
    return [row("body", _box(text))]


def _is_binary(text: str) -> bool:
    """Whether a body is no text that a person could read."""
    sample = text[:SHOWN]
    odd = sum(each == "\ufffd" or (not each.isprintable() and not each.isspace()) for each in sample)
    return "\0" in sample or odd > 1 + len(sample) // 20


def _indented(text: str) -> str:
    """JSON with a line for each member; other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _box(text: str) -> str:
    """Text as it stands, which scrolls where it is long."""
    style = (
        f"{MONOSPACE};margin:0;padding:4px 8px;max-height:16em;overflow:auto;white-space:pre-wrap;"
        f"overflow-wrap:anywhere;font-size:12px;line-height:1.45;border:1px solid {EDGE};border-radius:4px;"
        "background:rgba(128,128,128,.08);color:inherit"
    )
    return f'<pre style="{style}">{escaped(text, SHOWN + 1)}</pre>'


def _header(name: str, value: str) -> str:
    """The value of a header, unless that is secret, or has something before an ``@`` that is."""
    if SECRET.search(name):
        return "***"
    return named(value)[1:-1] if "@" in value else value


def _headers(response: Response) -> str:
    pairs = response.headers.multi_items()
    if not pairs:
        return ""
    rows = []
    for name, value in pairs[:HEADERS]:
        rows.append(row(cut(name, 60), escaped(_header(name, value))))
    if len(pairs) > HEADERS:
        rows.append(row("…", f"and {len(pairs) - HEADERS} more"))
    table = f'<table style="margin:0;border:0;border-collapse:collapse;font-size:12px"><tbody>{"".join(rows)}'
    summary = f'<summary style="cursor:pointer;{SOFT}">{figures.count(len(pairs))} headers</summary>'
    return f'<details style="margin-top:4px">{summary}{table}</tbody></table></details>'
