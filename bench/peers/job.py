"""What a peer is given to do, and how its answers are counted. Knows no HTTP client.

It imports little: what is imported here, every peer's start pays for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

Item = tuple[int, str, Any]
"""An id, a URL, and what to send as JSON."""

PAYLOAD = {"name": "potato", "tags": ["a", "b", "c"], "text": "x" * 960}
"""About a kilobyte as JSON."""


@dataclass
class Job:
    """Requests, and what their answers must be. The same for every peer."""

    method: str
    urls: list[str]
    """Taken in turn; ``{id}`` in one stands for the request's id."""
    count: int
    connections: int
    sends: bool = False
    """Whether each request has a body, which comes back."""
    authority: str | None = None
    """The file of the authority that https servers' certificates are from."""
    http2: bool = False
    retries: int = 1
    """Attempts in total."""
    fails_every: int = 0
    """Each request with such a number is answered with 503 at first."""
    callback_milliseconds: float = 0
    """CPU time that is spent on each answer, on all cores."""
    field_name: str = "message"
    """What a right answer has."""
    name: str = ""
    """Of this round: the server remembers which of its requests have failed already."""
    right: set[int] = field(default_factory=set)
    wrong: int = 0
    opened: float = 0
    """When as many answers had come as there are connections: from then on, all are open."""

    def items(self) -> Iterator[Item]:
        """The requests, made one by one."""
        urls, body = self.urls, PAYLOAD if self.sends else None
        for id_ in range(self.count):
            url = urls[id_ % len(urls)]
            if self.fails_every and id_ % self.fails_every == 0:
                url = f"{url}flaky/{self.name}-{id_}/1"
            yield id_, url, body

    def take(self, id_: int, status: int, data: Any) -> None:
        """Counts an answer, whose body has been parsed."""
        is_right = status == 200 and (data == PAYLOAD if self.sends else self.field_name in data)
        if is_right and id_ not in self.right:
            self.right.add(id_)
            if len(self.right) == self.connections:
                self.opened = time.perf_counter()
        else:
            self.wrong += 1

    def ssl_context(self) -> ssl.SSLContext | None:
        """For peers that are given one."""
        if self.authority is None:
            return None
        import ssl

        return ssl.create_default_context(cafile=self.authority)

    def authority_pem(self) -> bytes | None:
        """For peers that are given the certificate itself."""
        if self.authority is None:
            return None
        with open(self.authority, "rb") as file:
            return file.read()


def worked_on(data: Any, milliseconds: float) -> Any:
    """The callback: the same data, after so much CPU time."""
    end = time.process_time() + milliseconds / 1000
    while time.process_time() < end:
        pass
    return data


def parsed(text: str | bytes) -> Any:
    """JSON by the standard library, for clients that have no parser of their own."""
    return json.loads(text)
