"""The pages of reference that follow from the code: options, and the command line. A program writes them:

python python/tests/reference.py
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from counterparts import (
    NOT_IN_PROGRAM,
    NOT_IN_RUST,
    ONLY_IN_PROGRAM,
    ONLY_IN_RUST,
    of_program,
    of_rust,
)
from patata._frames.options import ClientFetchOptions, TableOptions
from patata._options import table
from patata._options.connections import ConnectionOptions
from patata._options.crawling import CrawlOptions
from patata._options.documented import default_of, summary_of, type_name
from patata._options.observing import TelemetryOptions
from patata._options.option import Option

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/reference"
BUILDER = ROOT / "crates/patata/src/client/builder"
RUST_DOCS = "https://docs.rs/patata/latest/patata/struct.Builder.html#method."

GROUPS: dict[str, type] = {
    "Limits": table.LimitOptions,
    "Costs": table.CostOptions,
    "What is sent": table.ContentOptions,
    "Bodies": table.BodyOptions,
    "Attempts": table.AttemptOptions,
    "Retries": table.RetryOptions,
    "Responses": table.ResponseOptions,
    "Cache": table.CacheOptions,
    "Crawls": CrawlOptions,
    "The call": table.RunOptions,
    "Telemetry": TelemetryOptions,
    "Connections": ConnectionOptions,
    "Run folders": table.FolderOptions,
    "Follow-ups": table.FollowOptions,
    "The client": table.ClientOnlyOptions,
}
"""All groups of options, by their headings."""

COMMANDS = [
    "run", "resume", "retry", "status", "report", "show", "set", "pause",
    "get", "post", "put", "patch", "delete", "head",
    "serve", "budget", "budget serve", "budget status", "completions", "man",
]  # fmt: skip
"""The commands of the program, in the order in which it lists them."""

LIKE_GET = ["post", "put", "patch", "delete", "head"]
"""Those that differ by their method only."""

WIDTH = 100
"""How wide the program writes."""


def methods() -> set[str]:
    """The methods of Rust's builder, as its source has them."""
    sources = "".join(path.read_text() for path in sorted(BUILDER.glob("*.rs")))
    return set(re.findall(r"^    pub fn (\w+)", sources, re.MULTILINE))


@cache
def help_of(command: str) -> str:
    """All that the program says of a command."""
    program = Path(sys.executable).with_name("patata")
    done = subprocess.run(
        [program, *command.split(), "--help", "all"],
        env={**os.environ, "COLUMNS": str(WIDTH)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def flags_of(command: str) -> set[str]:
    """The flags of a command."""
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_of(command), re.MULTILINE))


def flags() -> set[str]:
    """The flags of ``patata run``."""
    return flags_of("run")


def markdown(text: str) -> str:
    """What is written for docstrings, as Markdown."""
    text = " ".join(text.split())
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")


def cell(text: str) -> str:
    """The same within a table."""
    return markdown(text).replace("|", "\\|")


def options_page() -> str:
    """The page of all options."""
    groups = "\n".join(_group(heading, options) for heading, options in GROUPS.items())
    return f"""\
# Options

All options of Python, Rust and the program, from the table that the package checks them by. Most are taken by
the client and by a call: those of a call win, but for limits, which hold both. In Python they are typed: an
editor completes them, mypy and pyright refuse what is unknown or mistyped, `help(patata.Patata)` says the
same, and `patata.Options` is their `TypedDict`.

`client.http(method, requests, callbacks=[...])` takes functions besides that take a response and return one,
called in this order; where one raises, `data` is what it raised, `error` a
[`CallbackError`](../errors/CallbackError.md), and the response counts as failed.

{groups}
## Options of a table

What `patata.fetch` takes beside the options above: how requests are made of rows, and which columns results
have.

{_plain_table(TableOptions)}

## What one has and another has not

| option of Python | not in Rust's builder, as |
|---|---|
{_reasons(NOT_IN_RUST)}

| option of Python | not in the program, as |
|---|---|
{_reasons(NOT_IN_PROGRAM)}

| method of Rust's builder | not in Python, as |
|---|---|
{_reasons(ONLY_IN_RUST)}

| flag of `patata run` | not in Python, as |
|---|---|
{_reasons(ONLY_IN_PROGRAM)}
"""


def _group(heading: str, options: type) -> str:
    entries = "\n".join(_entry(name, annotation) for name, annotation in _annotations(options).items())
    return f"## {heading}\n\n{markdown(inspect.getdoc(options) or '')}\n\n{entries}"


def _annotations(options: type) -> dict[str, Any]:
    """Those of the class itself: its bases have groups of their own."""
    return inspect.get_annotations(options)


def _entry(name: str, annotation: Any) -> str:
    option: Option = annotation.__metadata__[0]
    lines = [
        f"- Type: `{type_name(annotation.__origin__)}`",
        f"- Takes: {_taken(option)}",
        f"- Default: {markdown(default_of(option))}",
    ]
    if option.nullable:
        lines.append("- `None`: as if it were not given" + _of_limits(name))
    if option.merged:
        lines.append("- The client's and the call's are put together, name by name")
    lines.append(f"- Of: {_taken_by(name)}")
    lines += [f"- Rust: {_in_rust(name)}", f"- Program: {_in_program(name)}"]
    return f"### `{name}` {{ #{name} }}\n\n{markdown(option.doc)}\n\n" + "\n".join(lines) + "\n"


def _taken_by(name: str) -> str:
    """Who takes an option, in Python."""
    takers = {
        "a client": table.ClientOptions,
        "a call": table.HttpOptions,
        "one request": table.RequestOptions,
        "`fetch`": ClientFetchOptions,
    }
    return ", ".join(taker for taker, options in takers.items() if name in options.__annotations__)


def _taken(option: Option) -> str:
    said = markdown((inspect.getdoc(option.check) or "").split("\n\n")[0]).rstrip(".")
    return said or "anything of its type"


def _of_limits(name: str) -> str:
    return "; a client's limit stays" if name in _annotations(table.LimitOptions) else ""


def _in_rust(name: str) -> str:
    named = [f"[`Builder::{method}`]({RUST_DOCS}{method})" for method in of_rust(name)]
    return ", ".join(named) or f"none: {NOT_IN_RUST[name]}"


def _in_program(name: str) -> str:
    return ", ".join(f"`{flag}`" for flag in of_program(name)) or f"none: {NOT_IN_PROGRAM[name]}"


def _plain_table(options: type) -> str:
    rows = ["| option | default | what it does |", "|---|---|---|"]
    for name, annotation in options.__annotations__.items():
        option = annotation.__metadata__[0]
        rows.append(f"| `{name}` | {cell(default_of(option))} | {cell(summary_of(option))} |")
    return "\n".join(rows)


def _reasons(reasons: dict[str, str]) -> str:
    return "\n".join(f"| `{name}` | {cell(why)} |" for name, why in reasons.items())


def command_line_page() -> str:
    """The page of all commands."""
    parts = [
        "# The command line",
        "",
        "What `patata COMMAND --help all` says. [Exit codes](../errors/exit-codes.md) have a page",
        "of their own, and [On the command line](../how-to/command-line.md) is where to begin.",
    ]
    for command in COMMANDS:
        parts += ["", f"## patata {command}", ""]
        if command in LIKE_GET:
            parts.append("It takes what [`patata get`](#patata-get) takes.")
        else:
            parts += ["```text", help_of(command).rstrip(), "```"]
    return "\n".join(parts) + "\n"


def pages() -> dict[Path, str]:
    """Each page, as it should be."""
    return {PAGES / "options.md": options_page(), PAGES / "command-line.md": command_line_page()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
