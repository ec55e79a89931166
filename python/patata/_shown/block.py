"""The block of HTML that a notebook shows: a title, a line of facts, and named values.

It has no style sheet, no script and nothing from elsewhere, as notebooks that are not trusted lose these. It
takes the text's colour from the page. Its own colours are those of JupyterLab's or VS Code's theme, or else
such as can be read on white and on black.
"""

from __future__ import annotations

from collections.abc import Iterable

from patata._shown.texts import escaped

COLOURS = {
    "good": ("#2f9e6a", "--jp-success-color1", "--vscode-testing-iconPassed"),
    "fair": ("#b57a0a", "--jp-warn-color1", "--vscode-editorWarning-foreground"),
    "bad": ("#d9483b", "--jp-error-color1", "--vscode-errorForeground"),
    "busy": ("#3b86d1", "--jp-brand-color1", "--vscode-progressBar-background"),
}
"""For each meaning: a colour for any page, and the themes' variables."""

EDGE = "rgba(128,128,128,.35)"
TRACK = "rgba(128,128,128,.25)"

MONOSPACE = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"

SOFT = "opacity:.72"
"""What is less important, in any theme."""

MOST_ROWS = 40
"""The most named values of one block."""


def coloured(property_name: str, meaning: str) -> str:
    """A property of a style with the colour of a meaning. What knows no variables takes the first one."""
    plain, of_jupyter, of_vscode = COLOURS[meaning]
    return f"{property_name}:{plain};{property_name}:var({of_jupyter},var({of_vscode},{plain}))"


def emphasized(html: str, meaning: str) -> str:
    """HTML in the colour of a meaning."""
    return f'<span style="{coloured("color", meaning)};font-weight:600">{html}</span>'


def soft(html: str) -> str:
    """HTML that is less important."""
    return f'<span style="{SOFT}">{html}</span>'


def row(name: str, html: str) -> str:
    """A named value, whose HTML is given."""
    cell = "padding:1px 0;border:0;background:none;vertical-align:top;text-align:left"
    return (
        f'<tr style="background:none"><td style="{cell};padding-right:16px;white-space:nowrap;{SOFT}">'
        f'{escaped(name)}</td><td style="{cell};max-width:none;white-space:normal;overflow-wrap:anywhere">'
        f"{html}</td></tr>"
    )


def framed(html: str) -> str:
    """HTML in the frame that all blocks have."""
    style = (
        f"display:block;max-width:60em;margin:2px 0 6px;padding:8px 12px;border:1px solid {EDGE};"
        "border-radius:6px;font-size:13px;line-height:1.5;font-variant-numeric:tabular-nums"
    )
    return f'<div style="{style}">{html}</div>'


def block(title: str, facts: str = "", rows: Iterable[str] = (), after: str = "") -> str:
    """A block of a title's HTML, that of facts beside it, rows, and what stands below."""
    shown = list(rows)
    if len(shown) > MOST_ROWS:
        shown = [*shown[:MOST_ROWS], row("…", f"and {len(shown) - MOST_ROWS} more")]
    beside = f' <span style="margin-left:6px">{facts}</span>' if facts else ""
    table = (
        '<table style="margin:4px 0 0;border:0;border-collapse:collapse;font-size:inherit;width:auto">'
        f"<tbody>{''.join(shown)}</tbody></table>"
    )
    return framed(f"<div><b>{title}</b>{beside}</div>{table if shown else ''}{after}")
