"""Fixtures: servers to talk to, scripts to run, and a watchdog for each test."""

import faulthandler
import textwrap

import peers
import pytest
from patata import Patata
from patata.testing import Server
from sharing import Worker
from support import forget_engine_threads, free_port, run_python

LONGEST_TEST = 180


@pytest.fixture(autouse=True)
def _watchdog():
    """A test that hangs ends the whole session, and tells where it was."""
    faulthandler.dump_traceback_later(LONGEST_TEST, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _threads_of_this_test():
    forget_engine_threads()


@pytest.fixture(scope="session")
def api():
    """The URL of the FastAPI application on uvicorn: at the README's port, unless that is taken."""
    with peers.uvicorn("api:app", free_port(12345)) as url:
        yield url


@pytest.fixture(scope="session")
def paged():
    """The URL of replicas of services that answer in pages."""
    with peers.uvicorn("paged_api:app", free_port()) as url:
        yield url


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A certificate authority, and a certificate for localhost."""
    return peers.Certificates(tmp_path_factory.mktemp("certificates"), "localhost", "127.0.0.1")


@pytest.fixture(scope="session")
def httpbin(certificates):
    """The URLs of httpbin over HTTP and HTTPS."""
    with peers.granian("httpbin:app") as plain, peers.granian("httpbin:app", certificates) as tls:
        yield plain, tls


@pytest.fixture(scope="session")
def remote():
    """The URL of the test server in a process of its own, so that this one has none of its sockets."""
    script = "import sys; from patata.testing import Server; s = Server(); print(s.url); sys.stdin.read()"
    with peers.running("-c", script) as process:
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


@pytest.fixture
def started():
    """Starts workers that share a budget, and kills in the end what is left of them."""
    workers = []

    def start(*arguments, **options):
        workers.append(Worker(*arguments, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
