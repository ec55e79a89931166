"""A site of many pages on many hosts, on one port, which counts what it is asked for.

A process of its own. Arguments: pages hosts file (which its port is written to).
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections import Counter
from pathlib import Path

FORBIDDEN_EVERY = 50
"""Of so many pages one has a link to what `robots.txt` forbids."""

ROBOTS = b"User-agent: *\nDisallow: /private/\n"


def address(host: int) -> str:
    """The address of one of the hosts: all of 127.0.0.0/8 is this machine."""
    return f"127.1.{host // 250}.{host % 250 + 1}"


def url(page: int, port: int, hosts: int) -> str:
    """Where a page is."""
    return f"http://{address(page % hosts)}:{port}/pages/{page}"


def links(page: int, pages: int) -> list[int]:
    """The pages that one links to: four below it, so that there is a way to each, and three anywhere."""
    below = [child for child in range(4 * page + 1, 4 * page + 5) if child < pages]
    return [*below, page // 2, page * 7919 % pages, (page * 31 + 7) % pages]


def body(page: int, pages: int, port: int, hosts: int) -> str:
    """What a page says."""
    targets = [url(target, port, hosts) for target in links(page, pages)]
    if page % FORBIDDEN_EVERY == 0:
        targets.append(f"/private/{page}")
    return "<html>" + "".join(f'<a href="{target}">more</a>' for target in targets) + "</html>"


class Site:
    """What all connections share."""

    def __init__(self, pages: int, hosts: int) -> None:
        self.pages, self.hosts, self.port = pages, hosts, 0
        self.counts: Counter[str] = Counter()
        self.asked = 0
        """How many pages it was asked for."""
        self.most: float = math.inf
        """How many it answers."""

    def answer(self, path: str, host: str) -> bytes:
        """The answer to a GET; nothing where there is none for now."""
        if path == "/counts":
            return answer(json.dumps(self.counts).encode())
        if path.startswith("/answer/"):
            self.most = float(path.rpartition("/")[2])
            return answer(b"")
        self.counts[f"{host}{path}"] += 1
        if path == "/robots.txt":
            return answer(ROBOTS)
        self.asked += 1
        if self.asked > self.most:
            return b""
        page = int(path.rpartition("/")[2])
        return answer(body(page, self.pages, self.port, self.hosts).encode())


class Connection(asyncio.Protocol):
    """One connection: requests are short and come whole."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            lines = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
            host = next(value.decode() for name, _, value in lines if name.lower() == b"host")
            self._transport.write(self._site.answer(head.split(b" ", 2)[1].decode(), host))


def answer(content: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%s" % (
        len(content),
        content,
    )


async def serve(pages: int, hosts: int, told: Path) -> None:
    site = Site(pages, hosts)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(site), "0.0.0.0", 0, backlog=1024)
    site.port = server.sockets[0].getsockname()[1]
    told.write_text(str(site.port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
