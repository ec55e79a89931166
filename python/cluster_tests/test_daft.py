"""Daft, with processes of its own for functions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import daft
import patata.daft
import pytest
from facts import ROWS, UNSURE, Facts


class TestDaft(Facts):
    patata = patata.daft

    def frame(self, columns, _=None):
        return daft.from_pydict(columns)

    def rows(self, frame):
        return frame.to_pylist()

    def workers(self):
        """Those who wait for batches: processes that this one has started, but for multiprocessing's own."""
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        found = [
            int(child)
            for task in children.parents[1].iterdir()
            for child in (task / "children").read_text().split()
        ]
        return [child for child in found if b"udf" in Path(f"/proc/{child}/cmdline").read_bytes()]

    def actions(self, frame):
        assert frame.column_names[2:4] == ["status", "body"]
        assert frame.sort("n").count_rows() == frame.join(frame, on="n").count_rows()
        assert frame.schema() == frame.select(*frame.column_names).schema()

    def piped(self, frame, **options):
        return frame.pipe(patata.daft.mapper(**options))

    def test_a_worker_that_is_killed_fails_the_fetch(self, server):
        # Daft runs nothing again on one machine: it says so, and gives no rows that are not whole.
        with self.killing(server), pytest.raises(Exception, match="UDF process"):
            self.patata.fetch(self.urls(server, ROWS))

    def test_with_a_run_folder_nothing_is_sent_twice_though_the_process_is_killed(self, server, tmp_path):
        script = Path(__file__).with_name("daft_run.py")
        command = [sys.executable, script, server.url, str(ROWS), tmp_path / "run"]
        with subprocess.Popen(command) as process:
            while len(server) < ROWS / 4:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        known, rows = map(int, done.stdout.split())
        assert rows == ROWS
        assert set(server.paths().values()) == {1}
        assert ROWS - UNSURE <= known <= ROWS
