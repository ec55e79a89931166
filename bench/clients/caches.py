"""Runs the table of RFC 9111 against a cache for Python, by a raw server.

Arguments: hishel|requests_cache, the table (`crates/patata-cache/tests/rfc9111/cases.json`). Prints JSON: how
many cases hold of each need, and what is wrong with the others. The clock goes as each case says.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from time import gmtime, strftime
from typing import Any

import time_machine

BEGIN = 1_800_000_000
NONE = (204, 304)
"""Statuses without a body."""

Answer = tuple[int, list[tuple[str, str]], bytes]
"""The status, the headers, the body."""
Ask = Callable[[str, str, list[tuple[str, str]]], Answer | None]
"""Sends a request with a cache, and gives the answer; ``None`` where there is none."""


@dataclass
class Server:
    """A server for one request at a time, which says nothing but what it is given to say."""

    answers: deque[tuple[bytes, bool]] = field(default_factory=deque)
    """With whether the connection is closed behind it."""
    asked: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    """What is done before an answer."""

    def __post_init__(self) -> None:
        listener = socket.create_server(("0.0.0.0", 0))
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                del line
                headers = {}
                while (line := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.strip().lower()] = value.strip()
                reader.read(int(headers.get("content-length", 0)))
                self.asked.append(headers)
                self.before()
                if not self.answers:
                    return
                answer, is_last = self.answers.popleft()
                connection.sendall(answer)
                if is_last:
                    return


def dated(line: str, now: float) -> str:
    """A line, with ``{now}``, ``{now-10}`` or ``{now+10|asctime}`` as the date that it stands for."""
    if not line.startswith("{now"):
        return line
    shift, _, form = line[4:-1].partition("|")
    moment = now + int(shift or 0)
    if form == "asctime":
        return strftime("%a %b %e %H:%M:%S %Y", gmtime(moment))
    return strftime("%A, %d-%b-%y %H:%M:%S GMT", gmtime(moment)) if form else formatdate(moment, usegmt=True)


def pairs(stated: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """Headers as they are sent, each with one line, several, or none."""
    lines = []
    for name, values in stated.items():
        given = values if isinstance(values, list) else [] if values is None else [values]
        lines += [(name, dated(value, now)) for value in given]
    return lines


def body_of(steps: list[dict[str, Any]], number: int) -> str:
    step = steps[number]
    has_none = step.get("method") == "HEAD" or step.get("status", 200) in NONE
    return "" if has_none else f"body-{number + 1}"


def answer(status: int, stated: dict[str, Any], body: str, step: dict[str, Any], now: float) -> bytes:
    headers = pairs(stated, now)
    if "date" not in stated:
        headers.insert(0, ("date", formatdate(now, usegmt=True)))
    is_framed = any(name in ("content-length", "transfer-encoding") for name, _ in headers)
    if not is_framed and status not in NONE and step.get("method") != "HEAD":
        headers.append(("content-length", str(len(body) + 10 * bool(step.get("breaks")))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} As Said\r\n{head}\r\n{body}".encode()


def faults(
    step: dict[str, Any], steps: list[dict[str, Any]], asked: list[dict[str, str]], came: Answer | None
) -> list[str]:
    """What is wrong with what has become of a step."""
    own = {name.lower() for name in step.get("request", {})}
    conditions = {
        n: v for n, v in (asked[0] if asked else {}).items() if n.startswith("if-") and n not in own
    }
    how = "validated" if conditions else "sent"
    if not asked:
        # A gateway's time-out is what RFC 9111 has a cache say that has nothing (5.2.1.7).
        is_told = came is not None and came[0] == 504 and not came[2]
        how = "missing" if came is None or is_told else "hit"
    expected = step.get("expect", "sent")
    wrong = []
    if how != expected and not (expected == "asked" and asked) and expected != "any":
        wrong.append(f"{how} where {expected} was expected")
    for name, value in step.get("conditions", {}).items():
        if conditions.get(name) != value:
            wrong.append(f"{name} was {conditions.get(name)!r} and not {value!r}")
    if came is None:
        return [*wrong, *(["there was no response"] if step.get("body") or step.get("gives") else [])]
    status, headers, body = came
    said = step.get("body")
    wanted = said if said in (None, "again") else body_of(steps, said - 1)
    if wanted is not None and body.decode() != wanted:
        wrong.append(f"the body was {body!r} and not {wanted!r}")
    if status != step.get("gives", status):
        wrong.append(f"the status was {status} and not {step['gives']}")
    for name, value in step.get("headers", {}).items():
        found = [line for other, line in headers if other.lower() == name]
        lines = value if isinstance(value, list) else [value]
        # Some clients put several lines together.
        if found not in (lines, [", ".join(lines)]):
            wrong.append(f"{name} was {found} and not {lines}")
    wrong += [
        f"{name} was there" for name in step.get("absent", []) if name in {n.lower() for n, _ in headers}
    ]
    return wrong


def run(case: dict[str, Any], number: int, server: Server, ask: Ask, clock: Any) -> str | None:
    """What is wrong with a case, if anything is."""
    now = float(BEGIN)
    clock.move_to(now, tick=False)
    for place, step in enumerate(case["steps"]):
        now += step.get("after", 0)
        clock.move_to(now, tick=False)
        later = now + step.get("takes", 0)
        status, stated = step.get("status", 200), step.get("response", {})
        first = answer(status, stated, body_of(case["steps"], place), step, later)
        server.answers = deque([(first, bool(step.get("breaks")))])
        if "again" in step:
            server.answers.append((answer(200, step["again"]["response"], "again", step, later), False))
        server.asked = []
        server.before = lambda later=later: clock.move_to(later, tick=False)
        url = f"http://127.0.1.{number + 1}:{server.port}{step.get('url', '/')}"
        try:
            came = ask(step.get("method", "GET"), url, pairs(step.get("request", {}), now))
        except Exception as error:
            came = None
            if not step.get("breaks") and step.get("expect") != "missing":
                return f"in step {place + 1}, {type(error).__name__}: {error}"
        now = later
        if wrong := faults(step, case["steps"], server.asked, came):
            return f"in step {place + 1}, {'; '.join(wrong)}"
    return None


def hishel(folder: Path) -> Ask:
    """A private cache of hishel's, for httpx."""
    import httpx
    from hishel import CacheOptions, SqliteStorage
    from hishel.httpx import CacheTransport

    storage = SqliteStorage(database_path=folder / "cache.db")
    rules = CacheOptions(shared=False, allow_stale=False)
    client = httpx.Client(transport=CacheTransport(httpx.HTTPTransport(), storage, rfc=rules))

    def ask(method: str, url: str, headers: list[tuple[str, str]]) -> Answer:
        came = client.request(method, url, headers=headers)
        return came.status_code, came.headers.multi_items(), came.content

    return ask


def requests_cache(folder: Path) -> Ask:
    """A cache of requests-cache's that goes by what servers say."""
    from requests_cache import CachedSession

    session = CachedSession(
        folder / "cache",
        backend="sqlite",
        cache_control=True,
        expire_after=0,
        allowable_codes=range(100, 600),
        stale_if_error=False,
    )

    def ask(method: str, url: str, headers: list[tuple[str, str]]) -> Answer:
        # It takes one line of a header.
        together: dict[str, str] = {}
        for name, value in headers:
            value = value.strip()
            together[name] = f"{together[name]}, {value}" if name in together else value
        came = session.request(method, url, headers=together, allow_redirects=False)
        return came.status_code, list(came.headers.items()), came.content

    return ask


def main() -> None:
    name, table = sys.argv[1:]
    cases = json.loads(Path(table).read_text())
    held: dict[str, list[int]] = {}
    wrong = []
    with tempfile.TemporaryDirectory() as folder, time_machine.travel(BEGIN, tick=False) as clock:
        server, ask = Server(), {"hishel": hishel, "requests_cache": requests_cache}[name](Path(folder))
        for number, case in enumerate(cases):
            fault = run(case, number, server, ask, clock)
            counts = held.setdefault(case["need"], [0, 0])
            counts[0] += fault is None
            counts[1] += 1
            if fault is not None:
                wrong.append(f"{case['rule']} ({case['need']}) {case['says']}: {fault}")
    print(json.dumps({"held": held, "wrong": wrong}))


if __name__ == "__main__":
    main()
