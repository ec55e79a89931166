"""What holds on every engine: the tests, which each engine's file runs with frames and workers of its own."""

import doctest
import json
import os
import signal
import socket
import statistics
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import patata
import pytest
from counting import Counting
from patata import Budget, RunFolder

ROWS = 20_000
RATE = 1_000
UNSURE = ROWS // 10
"""The most that a worker may have sent when it dies, and not have safe on the disk yet."""


class Facts:
    """The facts. An engine's class says how it is asked.

    ``patata`` is its module; ``frame(columns, parts)`` makes a frame of lists; ``rows(frame)`` gives its rows
    as dicts; ``workers()`` the process ids of those who send; ``actions(frame)`` asks a frame for all kinds
    of things; ``piped(frame, **options)`` is a pipeline with ``mapper``.
    """

    def urls(self, server, rows=ROWS, parts=16, **columns):
        return self.frame(
            {"url": [f"{server.url}/{i}" for i in range(rows)], "n": list(range(rows)), **columns}, parts
        )

    def test_one_rate_holds_for_all_workers_and_every_row_is_back(self, server):
        fetched = self.patata.fetch(self.urls(server), rate=f"{RATE}/s", schema={"path": "string"})
        seconds = server.each_second()
        # Of most seconds, as a machine that is busy with something else can be too slow in some.
        assert statistics.median(seconds) == pytest.approx(RATE, rel=0.02)
        assert statistics.mean(seconds) <= RATE * 1.02
        assert server.paths() == {f"/{i}": 1 for i in range(ROWS)}
        # A result that is asked again is not fetched again.
        self.actions(fetched)
        rows = self.rows(fetched)
        assert len(server) == ROWS
        assert sorted((row["n"], row["status"], row["body"]["path"]) for row in rows) == [
            (i, 200, f"/{i}") for i in range(ROWS)
        ]

    def test_concurrency_is_that_of_all_workers_together(self):
        with Counting(delay=0.01) as server:
            rows = self.rows(self.patata.fetch(self.urls(server, 1_000), concurrency=7))
            assert len(rows) == 1_000
            assert 1 < server.most_in_flight <= 7

    def test_a_429_that_one_worker_sees_stops_all(self):
        told = []

        def status(path):
            if path == "/2000" and not told:
                told.append(time.monotonic())
                return "429 Too Many Requests\r\nretry-after: 1"
            return "200 OK"

        with Counting(status) as server:
            rows = self.rows(self.patata.fetch(self.urls(server, 4_000), rate=f"{RATE}/s", retries=3))
        (at,) = told
        assert Counter(row["status"] for row in rows) == {200: 4_000}
        assert [path for when, path, _ in server.log if at + 0.2 < when < at + 0.9] == []

    @pytest.mark.parametrize("one_of", [1, 2], ids=["all", "half"])
    def test_equal_rows_are_requests_of_their_own_though_each_has_a_key(self, server, one_of):
        paths = ["/same" if i % one_of == 0 else f"/{i}" for i in range(4_000)]
        frame = self.frame({"url": [server.url + path for path in paths]}, 8)
        rows = self.rows(self.patata.fetch(frame, method="POST", idempotency_key=True))
        assert (len(rows), server.effects()) == (4_000, Counter(paths))

    def test_a_key_of_the_users_own_is_kept(self, server):
        headers = [json.dumps({"idempotency-key": f"own-{i}"}) for i in range(10)]
        frame = self.urls(server, 10, 2, headers=headers)
        self.patata.fetch(frame, method="POST", idempotency_key=True, keep=["n"])
        assert sorted(key for _, _, key in server.log) == [f"own-{i}" for i in range(10)]

    def test_a_second_fetch_with_a_run_folder_sends_nothing_however_the_rows_are_parted(
        self, server, tmp_path
    ):
        options = {"method": "POST", "run_folder": tmp_path}
        first = self.rows(self.patata.fetch(self.urls(server, 1_000), **options))
        second = self.rows(self.patata.fetch(self.urls(server, 1_000, 3), **options))
        assert len(server) == 1_000
        assert [
            sorted((row["n"], row["status"], row["body"]) for row in rows) for rows in (first, second)
        ] == [sorted((i, 200, f'{{"path":"/{i}"}}') for i in range(1_000))] * 2
        run = RunFolder(tmp_path)
        assert (run.receipt.ok, run.unknown()) == (1_000, [])

    def test_a_pipeline_with_a_run_folder_sends_once_though_it_is_run_twice(self, server, tmp_path):
        pipeline = self.piped(self.urls(server, 1_000, 4), method="POST", run_folder=tmp_path)
        for _ in range(2):
            assert {row["status"] for row in self.rows(pipeline)} == {200}
        assert len(server) == 1_000

    def test_a_budget_that_is_held_elsewhere_is_the_one_that_is_used(self, server):
        with Budget("100000/s").serve() as handle:
            self.patata.fetch(self.urls(server, 1_000), budget=handle)
            (unit,) = handle.status()["units"]
        assert unit["used"] == len(server) == 1_000

    def test_the_budget_listens_where_it_is_told_to_and_ends_with_the_fetch(self, server):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = free.getsockname()
        self.patata.fetch(self.urls(server, 10), rate="1000/s", budget_address=f"127.0.0.1:{address[1]}")
        assert len(server) == 10
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    def test_a_pipeline_of_ones_own_sends_as_well(self, server):
        rows = self.rows(self.piped(self.urls(server, 1_000, 4), keep=["n"], rate="10000/s"))
        assert sorted((row["n"], row["status"]) for row in rows) == [(i, 200) for i in range(1_000)]
        assert set(rows[0]) == {"n", "status", "body", "error", "error_kind", "attempts", "elapsed_ms"}

    def test_a_url_may_be_a_template(self, server):
        frame = self.frame({"n": list(range(10))}, 2)
        self.patata.fetch(frame, server.url + "/users/{n}")
        assert server.paths() == {f"/users/{i}": 1 for i in range(10)}

    def test_a_row_that_fails_is_no_exception(self, server):
        rows = self.rows(self.patata.fetch(self.frame({"url": [server.url, "nonsense"]}, 2)))
        assert sorted((row["status"] or 0, bool(row["error"])) for row in rows) == [(0, True), (200, False)]

    @pytest.mark.parametrize(
        ("url", "options", "message"),
        [
            ("link", {}, "link"),
            ("http://x/{missing}", {}, "missing"),
            ("url", {"schema": {"a": "no type"}}, "no type"),
            ("url", {"schema": 7}, "schema must"),
            ("url", {"keep": ["missing"]}, "missing"),
            ("url", {"body": "json"}, "needs schema="),
            ("url", {"method": "POST"}, "run_folder="),
            ("url", {"columns": {"method": "url"}}, "'url' says the method"),
            ("url", {"rate_per_host": "1/s"}, "rate holds for all"),
            ("url", {"deadline": 3}, "cancel the job"),
            ("url", {"rate": "auto"}, "rate="),
            ("url", {"rate": "many"}, "many"),
            ("url", {"rate": "1/s", "budget": "budget://127.0.0.1:1/?secret=s"}, "let the budget"),
            ("url", {"timeout": -1}, "timeout"),
            ("url", {"run_folder": 7}, "run_folder"),
        ],
    )
    def test_what_cannot_be_is_an_error_before_the_first_request(self, server, url, options, message):
        with pytest.raises(ValueError, match=message):
            self.patata.fetch(self.urls(server, 10, 2), url, **options)
        assert len(server) == 0

    def test_the_examples_hold(self):
        done = doctest.testmod(self.patata)
        assert (done.attempted > 0, done.failed) == (True, 0)

    def test_a_frame_of_another_kind_is_an_error(self):
        with pytest.raises(TypeError, match=r"patata\.fetch takes tables"):
            self.patata.fetch({"url": []})

    @contextmanager
    def killing(self, server):
        """Kills a worker at a quarter of the rows."""
        killed = []

        def kill():
            while len(server) < ROWS / 4:
                time.sleep(0.002)
            with suppress(ProcessLookupError):
                killed.append(self.workers()[0])
                os.kill(killed[0], signal.SIGKILL)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        yield
        thread.join(60)
        assert killed, "no worker was killed"


class Killed:
    """What holds where workers are on many machines, and the tasks of one that was killed are run again."""

    def test_the_frame_does_not_land_on_one_machine(self, server):
        with pytest.raises(patata.FrameError, match=rf"{self.patata.__name__}\.fetch\(\)"):
            patata.fetch(self.urls(server, 10, 2))
        assert len(server) == 0

    def test_a_worker_that_is_killed_takes_no_row_with_it(self, server):
        with self.killing(server):
            rows = self.rows(self.patata.fetch(self.urls(server)))
        assert sorted((row["n"], row["status"]) for row in rows) == [(i, 200) for i in range(ROWS)]

    def test_with_a_key_each_effect_is_had_once_though_a_worker_is_killed(self, server):
        with self.killing(server):
            rows = self.rows(self.patata.fetch(self.urls(server), method="POST", idempotency_key=True))
        assert sorted((row["n"], row["status"]) for row in rows) == [(i, 200) for i in range(ROWS)]
        assert server.effects() == {f"/{i}": 1 for i in range(ROWS)}

    def test_with_a_run_folder_nothing_is_sent_twice_though_a_worker_is_killed(self, server, tmp_path):
        with self.killing(server):
            fetched = self.patata.fetch(self.urls(server), method="POST", run_folder=tmp_path)
            rows = self.rows(fetched)
        assert sorted(row["n"] for row in rows) == list(range(ROWS))
        assert set(server.paths().values()) == {1}
        # What was under way when the worker died is unknown: nobody knows whether it was done.
        known = [row["n"] for row in rows if row["status"] == 200]
        unknown = [row for row in rows if row["status"] is None]
        assert len(known) + len(unknown) == ROWS
        assert len(unknown) <= UNSURE
        assert {f"/{n}" for n in known} <= set(server.paths())
        assert {row["error_kind"] for row in unknown} <= {"unknown"}
        assert len(list(Path(tmp_path, "parts").iterdir())) >= 8
