"""Which page of its chain a request asks for, carried by the request itself.

It stands in the fragment of the request's URL, which is never sent: so whatever keeps requests keeps it, a
run folder too, and a run that is resumed goes on as if it had not ended.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MARK = re.compile(r"patata-page=([1-9][0-9]{0,17})(?:/([1-9][0-9]{0,17}))?")


class Place(NamedTuple):
    """A page's place in its chain.

    >>> Place.of("http://localhost/?page=3#patata-page=3/10")
    Place(page=3, last=10)
    >>> Place.of("http://localhost/")
    Place(page=1, last=None)
    """

    page: int = 1
    """The first is 1."""
    last: int | None = None
    """Where pages up to this one were asked for at once: the others than the last lead nowhere."""

    @classmethod
    def of(cls, url: str) -> Place:
        """That of a request. One that no page has led to begins a chain."""
        mark = _MARK.fullmatch(url.partition("#")[2])
        if mark is None:
            return cls()
        return cls(int(mark[1]), int(mark[2]) if mark[2] else None)

    @property
    def is_end(self) -> bool:
        """Whether it is for this page to lead on."""
        return self.last is None or self.page >= self.last

    def following(self) -> Place:
        """That of the next page."""
        return Place(self.page + 1)

    def marked(self, url: str) -> str:
        """The URL with this place."""
        of = "" if self.last is None else f"/{self.last}"
        return f"{bare(url)}#patata-page={self.page}{of}"

    def __str__(self) -> str:
        return f"page {self.page}" + ("" if self.last is None else f" of {self.last}")


def bare(url: str) -> str:
    """A URL without its fragment."""
    return url.partition("#")[0]
