"""Fixtures: servers to talk to, scripts to run, a watchdog for each test. And which package is tested."""

import faulthandler
import os
import textwrap
from pathlib import Path

import left_out
import patata
import pytest
from patata import Patata
from patata.testing import Server
from sharing import Worker
from support import forget_engine_threads, free_port, run_python, running

LONGEST_TEST = 180

# A wheel is tested by the folder that it is installed in: the package must not be the checkout's.
if tested := os.environ.get("PATATA_TESTED"):
    assert Path(patata.__file__).is_relative_to(tested), f"not {tested} is tested, but {patata.__file__}"

LEFT_OUT = left_out.files()
collect_ignore = list(LEFT_OUT)

if left_out.IS_FREE_THREADED and left_out.missing_in(left_out.HERE / "peers.py"):
    peers = None
else:
    import peers


def pytest_report_header():
    return [f"patata: {patata.__file__}", *(f"left out: {name}: {why}" for name, why in LEFT_OUT.items())]


def pytest_collection_modifyitems(items):
    for item in items:
        function = getattr(item, "function", None)
        if function is not None and (reason := left_out.reason_for(function)):
            item.add_marker(pytest.mark.skip(reason=reason))


def servers():
    """What starts servers of others, which a free-threaded Python may not have."""
    if peers is None:
        pytest.skip("what servers of others need has no free-threaded packages for this Python")
    return peers


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
    with servers().uvicorn("api:app", free_port(12345)) as url:
        yield url


@pytest.fixture(scope="session")
def paged():
    """The URL of replicas of services that answer in pages."""
    with servers().uvicorn("paged_api:app", free_port()) as url:
        yield url


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A certificate authority, and a certificate for localhost."""
    return servers().Certificates(tmp_path_factory.mktemp("certificates"), "localhost", "127.0.0.1")


@pytest.fixture(scope="session")
def httpbin(certificates):
    """The URLs of httpbin over HTTP and HTTPS."""
    granian = servers().granian
    with granian("httpbin:app") as plain, granian("httpbin:app", certificates) as tls:
        yield plain, tls


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
