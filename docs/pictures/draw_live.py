"""Draws the live view of a run, as a terminal shows it, into ``live.svg``.

``draw_live.py PROGRAM ARGUMENT ...``

The program runs in a pseudo-terminal; what is drawn is how the terminal looked when it was half done.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from html import escape
from pathlib import Path

COLUMNS, ROWS = 96, 24
WIDTH, LINE, CHARACTER = 820, 22, 8.2
COLOURS = {"31": "#f47067", "32": "#57ab5a", "33": "#c69026", "36": "#39c5cf"}
TEXT, FAINT, BACKGROUND = "#e6edf3", "#8d96a0", "#0d1117"


def recorded(command: list[str]) -> str:
    """All that a program writes to its terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.waitpid(child, 0)
    return b"".join(pieces).decode()


def frames(written: str) -> list[list[str]]:
    """The five lines, as often as they were drawn."""
    drawn = re.split(r"\x1b\[\d*A", written)
    return [frame.split("\x1b[J")[0].replace("\x1b[K", "").split("\r\n")[:5] for frame in drawn]


def spans(line: str) -> str:
    """A line with its colours."""
    parts, style = [], {"fill": TEXT}
    for piece in re.split(r"(\x1b\[\d*m)", line):
        code = re.fullmatch(r"\x1b\[(\d*)m", piece)
        if code is None:
            said = " ".join(f'{name}="{value}"' for name, value in style.items())
            parts.append(f"<tspan {said}>{escape(piece)}</tspan>" if piece else "")
        elif code[1] in ("", "0"):
            style = {"fill": TEXT}
        elif code[1] == "1":
            style["font-weight"] = "600"
        elif code[1] == "2":
            style["fill"] = FAINT
        else:
            style["fill"] = COLOURS.get(code[1], TEXT)
    return "".join(parts)


def picture(lines: list[str]) -> str:
    height = (len(lines) + 2) * LINE
    texts = [
        f'<text x="20" y="{(number + 1.7) * LINE:.0f}" xml:space="preserve">{spans(line)}</text>'
        for number, line in enumerate(lines)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="ui-monospace, Menlo, Consolas, monospace" '
        f'font-size="13.5" role="img">\n<title>patata at work</title>\n'
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>\n' + "\n".join(texts) + "\n</svg>\n"
    )


def main() -> None:
    drawn = [frame for frame in frames(recorded(sys.argv[1:])) if len(frame) == 5]
    Path(__file__).with_name("live.svg").write_text(picture(drawn[len(drawn) * 2 // 3]))


if __name__ == "__main__":
    main()
