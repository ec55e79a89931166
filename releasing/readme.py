"""Has the links of README.md lead to the repository, where relative ones lead nowhere, as on PyPI.

For a checkout that is thrown away: it writes README.md anew, with links to the tag of its version.
"""

from __future__ import annotations

import re

import versions

REPOSITORY = "https://github.com/oalfonso-o/patata"

LINK = re.compile(r'(!?\[[^\]]*\]\(|\b(?:src|srcset|href)=")([^)"\s]+)')
"""What is before a target, of Markdown or of HTML, and the target."""


def absolute(text: str, tag: str) -> str:
    """A README in which no link is relative."""

    def written(link: re.Match[str]) -> str:
        before, target = link.groups()
        if re.match(r"[a-z+]+:|#", target):
            return link[0]
        kind = "raw" if before.startswith(("!", "src")) else "blob"
        return f"{before}{REPOSITORY}/{kind}/{tag}/{target}"

    return LINK.sub(written, text)


def main() -> None:
    path = versions.REPOSITORY / "README.md"
    text = absolute(versions.text("README.md"), f"v{versions.version()}")
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
