"""A server that notes each request: when it came, for which path, and by which key it is known again."""

import asyncio
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from arrivals import OnALoop

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
KEY = re.compile(rb"(?i)\r\nidempotency-key: *([^\r]+)")


class Counting(OnALoop):
    """Answers any request with JSON that has its path, while its ``with`` block runs.

    ``status`` is a function from path to status line and headers. ``delay`` is how many seconds later each
    answer is sent.
    """

    def __init__(self, status=lambda _: "200 OK", delay=0.0):
        super().__init__()
        self.status = status
        self.delay = delay
        self.log = []
        """When each came, for which path, and its key."""
        self.in_flight = self.most_in_flight = 0

    def __enter__(self):
        super().__enter__()
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def _begin(self):
        return await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)

    def __len__(self):
        return len(self.log)

    def paths(self):
        """How often each path was asked for."""
        return Counter(path for _, path, _ in self.log)

    def effects(self):
        """How often each path had an effect, where each key has one."""
        each = {(path, key or place) for place, (_, path, key) in enumerate(self.log)}
        return Counter(path for path, _ in each)

    def each_second(self):
        """How many came in each second, but for the first and the last one."""
        begin = min(at for at, _, _ in self.log)
        counted = Counter(int(at - begin) for at, _, _ in self.log)
        return [counted[second] for second in range(1, max(counted))]


class _Connection(asyncio.Protocol):
    """One connection, on which requests come one after another."""

    def __init__(self, server):
        self._server = server
        self._received = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._received += data
        while True:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not end or len(rest) < size:
                return
            self._received = rest[size:]
            self._heard(head)

    def _heard(self, head):
        server, path = self._server, head.split(b" ", 2)[1].decode()
        key = KEY.search(head)
        server.log.append((time.monotonic(), path, key and key[1].decode()))
        server.in_flight += 1
        server.most_in_flight = max(server.most_in_flight, server.in_flight)
        body = f'{{"path":"{path}"}}'
        answer = f"HTTP/1.1 {server.status(path)}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        if server.delay:
            asyncio.get_running_loop().call_later(server.delay, self._answer, answer)
        else:
            self._answer(answer)

    def _answer(self, answer):
        self._server.in_flight -= 1
        self._transport.write(answer)
