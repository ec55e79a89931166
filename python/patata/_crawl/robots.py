"""What the file ``robots.txt`` of each origin allows, as RFC 9309 says that it is read and kept.

What is in the file is read by Protego, the library that Scrapy uses. The engine fetches the files. What is
left is done here: what each status means, how much of a file is read, and for how long it holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from patata._installed import installed

LONGEST = 500 * 1024
"""How many bytes of a file are read: as many as must be."""

HOLDS = 24 * 60 * 60.0
"""For how many seconds a file holds that is not asked for anew: for as long as may be."""

FAILURE_HOLDS = 10 * 60.0
"""For how many seconds nothing is asked for whose file cannot be read: then it may be there."""

MOST = 20_000
"""How many files are kept: of more origins, those that came first are asked for anew."""


class Rules(NamedTuple):
    """What holds at one origin."""

    parsed: Any
    """What Protego has read; ``None`` where there is nothing to read."""
    failure: str | None
    """Why the file cannot be read, which forbids everything."""
    until: float
    """When it is to be asked for again."""


class Robots:
    """What one robot may ask for. It serves any number of calls and threads.

    Parameters
    ----------
    agent
        What it is called in a ``robots.txt``: ``patata``.
    now
        The clock.

    Raises
    ------
    ImportError
        Where Protego is not installed: says how it is.
    """

    def __init__(self, agent: str, now: Callable[[], float] = time.monotonic) -> None:
        self._agent = agent
        self._now = now
        self._parse = installed("protego", "crawl").Protego.parse
        self._rules: dict[str, Rules] = {}

    # As the engine asks and tells it

    def verdict(self, url: str) -> float | str | None:
        """The seconds between two requests to the origin of a URL, why it must not be asked for, or ``None``
        where its file is to be fetched first.
        """
        origin = origin_of(url)
        rules = self._rules.get(origin)
        if rules is None or rules.until <= self._now():
            return None
        if rules.failure is not None:
            return f"{origin}/robots.txt cannot be read, which forbids all: {rules.failure}"
        if rules.parsed is None:
            return 0.0
        if not rules.parsed.can_fetch(url, self._agent):
            return f"{origin}/robots.txt forbids it for {self._agent}"
        return float(rules.parsed.crawl_delay(self._agent) or 0.0)

    def learn(self, url: str, status: int, content: bytes) -> None:
        """Takes what a server has answered for a ``robots.txt``."""
        if 200 <= status < 300:
            text = content[:LONGEST].decode("utf-8-sig", "replace")
            self._keep(url, self._parse(text), None, HOLDS)
        elif 300 <= status < 500 and status != 429:
            # There is none, which allows everything. "Too many requests" does not say so.
            self._keep(url, None, None, HOLDS)
        else:
            self._keep(url, None, f"status {status}", FAILURE_HOLDS)

    def learn_failure(self, url: str, kind: str, reason: str) -> None:
        """Takes why there is no answer. Redirects without end are as good as none."""
        if kind == "redirect":
            self._keep(url, None, None, HOLDS)
        else:
            self._keep(url, None, reason, FAILURE_HOLDS)

    def _keep(self, url: str, parsed: Any, failure: str | None, holds: float) -> None:
        origin = origin_of(url)
        self._rules.pop(origin, None)
        self._rules[origin] = Rules(parsed, failure, self._now() + holds)
        if len(self._rules) > MOST:
            self._rules.pop(next(iter(self._rules)), None)


def origin_of(url: str) -> str:
    """The scheme and the authority of a URL, without credentials: what a ``robots.txt`` holds for."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}"
