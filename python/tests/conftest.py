"""Fixtures: servers to talk to, scripts to run, and a watchdog for each test."""

import faulthandler
import subprocess
import textwrap
import urllib.request
from contextlib import contextmanager, suppress

import pytest
from patata import Patata
from patata.testing import Server
from support import HERE, free_port, run_python, start_python

LONGEST_TEST = 180


@pytest.fixture(autouse=True)
def _watchdog():
    """A test that hangs ends the whole session, and tells where it was."""
    faulthandler.dump_traceback_later(LONGEST_TEST, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@contextmanager
def running(*arguments):
    process = start_python(*arguments, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def api():
    """The URL of the FastAPI application on uvicorn: at the README's port, unless that is taken."""
    port = free_port(12345)
    uvicorn = ("-m", "uvicorn", "api:app", "--app-dir", HERE, "--port", port, "--log-level", "critical")
    with running(*uvicorn) as process:
        url = f"http://localhost:{port}"
        while True:
            assert process.poll() is None, process.stderr.read()
            with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
                assert answer.status == 200
                break
        yield url


@pytest.fixture(scope="session")
def remote():
    """The URL of the test server in a process of its own, so that this one has none of its sockets."""
    script = "import sys; from patata.testing import Server; s = Server(); print(s.url); sys.stdin.read()"
    with running("-c", script) as process:
        yield process.stdout.readline().strip()


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def client():
    with Patata(num_workers=1, verbose=False) as client:
        yield client


@pytest.fixture
def script(tmp_path):
    """Runs a text as a script, unguarded as users write them, and gives what it printed."""

    def run(source, *arguments, timeout=60):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(source))
        done = run_python(path, *arguments, timeout=timeout)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run
