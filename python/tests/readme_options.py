"""The README's tables of options, from the table that the package has. As a program, it writes them anew."""

import re
from pathlib import Path

from patata._frames.options import TABLE as OF_TABLES
from patata._frames.options import TableOptions
from patata._options.documented import default_of, summary_of
from patata._options.table import TABLE, ClientOnlyOptions, Options

README = Path(__file__).parents[2] / "README.md"

TABLES = {"of the client": ClientOnlyOptions, "of client and call": Options, "of a table": TableOptions}
"""The TypedDict of each, by the name that the README's comments give its table."""


def table(options):
    """The lines of a table."""
    rows = ["| option | default | what it does |", "|---|---|---|"]
    for name in options.__annotations__:
        option = {**TABLE, **OF_TABLES}[name]
        rows.append(f"| `{name}` | {markdown(default_of(option))} | {markdown(summary_of(option))} |")
    return "\n".join(rows)


def markdown(text):
    """What is written for docstrings, for the README."""
    return re.sub(r":\w+:`(\w+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")


def with_tables(text):
    """The README with each of its tables as it should be."""
    for name, options in TABLES.items():
        begin, end = f"<!-- options {name}, by python/tests/readme_options.py -->\n", "\n<!-- end -->"
        before, found, after = text.partition(begin)
        assert found, f"README.md has no {begin!r}"
        _, found, after = after.partition(end)
        assert found, f"README.md has no end of {name!r}"
        text = f"{before}{begin}\n{table(options)}\n{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
