"""What is asked of patata and its peers: a server, a job, and how much of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import rivals
import servers

Place = dict[str, Any]
"""What a server adds to a job: its URLs, and the authority of its certificate."""

CONNECTIONS = 100
HOSTS = 2_000


@contextlib.contextmanager
def plain(core: int) -> Iterator[Place]:
    with servers.nginx(core) as url:
        yield {"urls": [url]}


@contextlib.contextmanager
def secure(core: int) -> Iterator[Place]:
    with servers.secure_nginx(core) as server:
        yield {"urls": [server.url], "authority": str(server.authority)}


@contextlib.contextmanager
def echo(core: int) -> Iterator[Place]:
    with servers.embedded_server(core=core) as url:
        yield {"urls": [f"{url}/echo-body"]}


@contextlib.contextmanager
def slow(core: int) -> Iterator[Place]:
    with servers.embedded_server(core=core) as url:
        yield {"urls": [f"{url}/delay/100"]}


@contextlib.contextmanager
def many_hosts(core: int) -> Iterator[Place]:
    with servers.nginx(core) as url:
        port = url.rsplit(":", 1)[1]
        yield {"urls": [f"http://127.0.{1 + host // 200}.{1 + host % 200}:{port}" for host in range(HOSTS)]}


@contextlib.contextmanager
def large(core: int) -> Iterator[Place]:
    with servers.nginx(core) as url:
        yield {"urls": [f"{url}big"]}


@contextlib.contextmanager
def failing(core: int) -> Iterator[Place]:
    with servers.embedded_server(core=core) as url:
        yield {"urls": [f"{url}/"]}


def wrk(place: Place, core: int, seconds: int) -> float:
    """CPU microseconds of a request by wrk."""
    return rivals.run_wrk(place["urls"][0], CONNECTIONS, seconds, core).cpu_microseconds


def h2load(place: Place, core: int, seconds: int) -> float:
    """The same by h2load over HTTP/2."""
    return rivals.run_h2load(place["urls"][0], CONNECTIONS, seconds * 50_000, core).cpu_microseconds


@dataclass(frozen=True)
class Scenario:
    """One line of the contest."""

    name: str
    title: str
    server: Callable[[int], contextlib.AbstractContextManager[Place]]
    job: dict[str, Any] = field(default_factory=dict)
    limit: Callable[[Place, int, int], float] | None = None
    limit_name: str = ""
    count: int | None = None
    """How many requests each is given; by default as many as take `seconds`."""
    seconds: float = 1.5
    pilot: int = 200
    """Requests by which it is found out how many those are."""
    most: int = 200_000
    rounds: int = 1
    """How many make one of the contest's: more where one is over at once."""
    limit_times: float | None = None
    """At most so many times the limit's CPU time is what patata is to take."""
    ideal: Callable[[Place], float] | None = None
    """Requests per second of a client that itself takes no time, at the place."""
    ideal_share: float = 0.97
    """At least this share of the ideal."""
    peer_share: float = 1.0
    """At most this share of the best peer's."""
    by: str = "cpu"
    """What is compared, a name in `contest.COMPARED`."""
    answers: bool = False
    """Whether it is about who gets all answers, more than about what they cost."""


SCENARIOS = [
    Scenario("get", "small GET", plain, limit=wrk, limit_name="wrk", limit_times=1.25, peer_share=1 / 3),
    Scenario("post", "POST of 1 KB, echoed", echo, {"method": "POST", "sends": True}, peer_share=1 / 3),
    Scenario("tls", "GET over TLS 1.3", secure, limit=wrk, limit_name="wrk", limit_times=1.5),
    Scenario("http2", "GET over HTTP/2 and TLS", secure, {"http2": True}, h2load, "h2load", limit_times=1.5),
    Scenario(
        "latency_2000",
        "100 ms, 2,000 in flight",
        slow,
        {"connections": 2_000},
        seconds=5,
        pilot=6_000,
        by="wall",
        # What the server says are 100 ms are a little more, whoever asks.
        ideal=lambda place: 2_000 / servers.seconds_of_an_answer(place["urls"][0]),
    ),
    Scenario(
        "latency_8000",
        "100 ms, 8,000 in flight",
        slow,
        {"connections": 8_000},
        count=16_000,
        by="memory",
    ),
    Scenario("hosts", "2,000 hosts, 5 requests each", many_hosts, count=5 * HOSTS),
    Scenario("large", "bodies of 1 MB", large, {"connections": 20}, most=2_000),
    Scenario(
        "callback", "a callback of 1 ms CPU", plain, {"callback_milliseconds": 1.0}, count=4_000, by="wall"
    ),
    Scenario(
        "startup",
        "start, import and first response",
        plain,
        {"connections": 1},
        count=1,
        rounds=7,
        by="start",
    ),
    Scenario(
        "failing",
        "5 % of answers are 503, retried",
        failing,
        {"retries": 5, "fails_every": 20},
        count=4_000,
        answers=True,
    ),
]
