"""The no-loss ledger, ended by a real Ctrl-C or run to its end: what came out against what the server saw."""

import json
import random
import re
import signal
import socket
import struct
import textwrap
import threading
from collections import Counter, defaultdict
from contextlib import suppress

import pytest
from support import eventually, start_python

ATTEMPTS = 4
METHODS = ["GET", "PUT", "POST"]

SCRIPT = f"""
import itertools, sys, time
from patata import Patata, Request

url, workers, callbacks, count = sys.argv[1], *map(int, sys.argv[2:])

def requests():
    for id_ in range(count) if count else itertools.count():
        data = {{"id": id_, "pad": "x" * (id_ * 7919 % 5000)}}
        yield Request(id_, f"{{url}}/{{id_}}", data, method={METHODS}[id_ % 3])

options = {{"retries": {ATTEMPTS}, "backoff": 0.005, "retry_budget": None}}
options["callbacks"] = [lambda response: response] * callbacks
with Patata(workers, queue_max_size=500, verbose=False) as client:
    for response in client.http("GET", requests(), **options):
        told = response.data if response.error is None else {{"id": response.id_, "arrival": -1}}
        # One write for a line: an interrupt comes before or after it.
        sys.stdout.write(f"{{response.id_}} {{response.status_code}} {{told['id']}} {{told['arrival']}}\\n")
        if response.id_ % 300 == 0:
            time.sleep(0.03)
"""


class Arrival:
    """One request as the server saw it, and what it did about it: dropped it, unless it says otherwise."""

    def __init__(self, on_kept):
        self.on_kept = on_kept
        self.fate = "dropped"

    def __repr__(self):
        return f"{self.fate} on a {'kept' if self.on_kept else 'new'} connection"


class LedgerServer:
    """Logs every arrival; answers, delays, closes and resets by seed."""

    def __init__(self, seed):
        self._seed = seed
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=500)
        self._lock = threading.Lock()
        self._threads = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.arrivals = defaultdict(list)
        self.count = 0
        self.wrong = []

    def __enter__(self):
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(30)

    def wait_for_the_end(self):
        """Waits until all has been read that the client, which has ended, had sent."""
        assert eventually(lambda: not any(thread.is_alive() for thread in self._threads), 30)

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection):
        # The client may end a connection at any moment.
        with suppress(OSError), connection, connection.makefile("rb") as reader:
            on_kept = False
            while (first := reader.readline()) and self._answer(connection, reader, first, on_kept):
                on_kept = True

    def _answer(self, connection, reader, first, on_kept):
        """Whether the connection is kept."""
        method, path, _ = first.decode().split()
        id_, length = int(path[1:]), 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            if found := re.fullmatch(rb"content-length: (\d+)\r\n", line):
                length = int(found[1])
        arrival = Arrival(on_kept)
        with self._lock:
            self.count += 1
            self.arrivals[id_].append(arrival)
            number = len(self.arrivals[id_]) - 1
        chance = random.Random(f"{self._seed} {id_} {number}")
        deed = chance.random()
        if deed < 0.02:
            reset_on_close(connection)
            return False
        body = reader.read(length)
        if len(body) < length:
            return False
        if method != METHODS[id_ % 3] or json.loads(body)["id"] != id_:
            self.wrong.append((first, body))
        if deed < 0.04:
            return False
        status = 200 if deed > 0.1 else chance.choice([429, 500, 503])
        answer = json.dumps({"id": id_, "arrival": number}).encode()
        if 0.1 < deed < 0.15:
            threading.Event().wait(chance.random() / 100)
        # Written down before it goes out: what the client does next is then explained.
        arrival.fate = status
        connection.sendall(b"HTTP/1.1 %d S\r\ncontent-length: %d\r\n\r\n%s" % (status, len(answer), answer))
        # Some connections are closed that seemed to be kept.
        return deed < 0.98


def reset_on_close(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def faults(arrivals, lines):
    """All that contradicts the promises."""
    out = Counter(line[0] for line in lines)
    found = [f"{id_} came out {times} times" for id_, times in out.items() if times > 1]
    for id_, status, told_id, number in lines:
        if told_id != id_:
            found.append(f"{id_} got the answer of {told_id}")
        answered = [arrival.fate for arrival in arrivals.get(id_, ())]
        # Without a number it has failed. The server may not even have seen it, where it had closed before.
        if number >= 0 and answered[number : number + 1] != [status]:
            found.append(f"{id_} got {status} to its arrival {number}, of these: {answered}")
    for id_, seen in arrivals.items():
        if id_ % 3 == 2 and any(arrival.fate != 429 for arrival in seen[:-1]):
            found.append(f"POST {id_} was sent again though the server may have acted on it: {seen}")
        # A kept connection that turned out dead costs no attempt.
        counted = [arrival for arrival in seen if not (arrival.fate == "dropped" and arrival.on_kept)]
        if len(counted) > ATTEMPTS:
            found.append(f"{id_} was tried too often: {seen}")
    return found


def parsed(text):
    return [tuple(map(int, line.split())) for line in text.splitlines()]


@pytest.fixture
def started(tmp_path):
    """Starts the script, and ends it with the test."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    processes = []

    def start(*arguments):
        processes.append(start_python(path, *arguments))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("callbacks", [0, 1], ids=["plain", "callbacks"])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_id_comes_out_once_and_no_post_is_done_twice(started, workers, callbacks):
    with LedgerServer(workers) as server:
        process = started(server.url, workers, callbacks, 3_000)
        out, err = process.communicate(timeout=120)
        server.wait_for_the_end()
    lines = parsed(out)
    assert (process.returncode, err, server.wrong) == (0, "", [])
    assert faults(server.arrivals, lines) == []
    assert Counter(line[0] for line in lines) == Counter(range(3_000))


@pytest.mark.parametrize("callbacks", [0, 1], ids=["plain", "callbacks"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_ctrl_c_in_the_middle_repeats_nothing(started, workers, callbacks, seed):
    with LedgerServer(seed) as server:
        process = started(server.url, workers, callbacks, 0)
        # Read meanwhile, as the script would else wait for room.
        output = []
        reading = threading.Thread(target=lambda: output.extend(process.communicate(timeout=120)))
        reading.start()
        assert eventually(lambda: server.count >= 1_000 * seed, 60)
        process.send_signal(signal.SIGINT)
        reading.join(60)
        server.wait_for_the_end()
    out, err = output
    lines = parsed(out)
    assert "\nKeyboardInterrupt\n" in err, (out, err)
    assert process.returncode == -signal.SIGINT
    assert server.wrong == []
    assert faults(server.arrivals, lines) == []
    assert len(lines) > 100
