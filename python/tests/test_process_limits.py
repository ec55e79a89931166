"""What a process is told and allowed: SIGTERM, killed processes, many clients, few file descriptors."""

import gc
import os
import signal
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest
from patata import Patata
from support import children, descriptors, engine_threads, eventually, more_descriptors, start_python
from test_process import HEADER, STATES

ASYNCIO_STATES = {
    "an event loop waits for answers": """
    import asyncio
    from patata import AsyncPatata
    async def main():
        async with AsyncPatata(workers, verbose=False) as client:
            requests = [(i, url + "/delay/60000" if i else url) for i in range(100)]
            async for response in client.http("get", requests):
                ready()
    asyncio.run(main())
    """,
    "an event loop waits for callbacks": """
    import asyncio
    from patata import AsyncPatata
    def callback(response):
        os.write(1, b"ready" + b"\\n")
        time.sleep(60)
        return response
    async def main():
        async with AsyncPatata(workers, verbose=False) as client:
            async for response in client.http("get", [(i, url) for i in range(100)], callbacks=[callback]):
                pass
    asyncio.run(main())
    """,
}


@pytest.fixture
def started(tmp_path, remote):
    """Starts a script, waits until it is ready, and kills in the end what is left of it."""
    groups = []

    def start(source, workers=2, pause=0.2):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(HEADER) + textwrap.dedent(source))
        process = start_python(path, remote, workers)
        groups.append(process)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(pause)
        return process

    yield start
    for process in groups:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def session(leader):
    """The processes of a session that live."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            state, _, _, number = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(number) == leader and state != "Z":
                found.append(int(entry.name))
    return found


def ended_within_a_second(process, whom="the process"):
    """The exit code, and that all processes have gone which served this one."""
    begun = time.monotonic()
    send = os.kill if whom == "the process" else os.killpg
    send(process.pid, signal.SIGTERM)
    process.wait(30)
    assert time.monotonic() - begun < 1
    assert eventually(lambda: session(process.pid) == []), session(process.pid)
    return process.returncode


# SIGTERM


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whom", ["the process", "its group"])
@pytest.mark.parametrize("state", STATES)
def test_sigterm_ends_within_a_second(started, state, whom, workers):
    process = started(STATES[state], workers)
    assert ended_within_a_second(process, whom) == -signal.SIGTERM


@pytest.mark.parametrize("whom", ["the process", "its group"])
@pytest.mark.parametrize("state", ASYNCIO_STATES)
def test_sigterm_ends_an_asyncio_program_within_a_second(started, state, whom):
    process = started(ASYNCIO_STATES[state])
    assert ended_within_a_second(process, whom) == -signal.SIGTERM


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("state", STATES)
def test_a_handler_of_sigterm_runs_and_ends_the_program_within_a_second(started, state, workers):
    """As programs in containers do that want to leave in order: the engine lets Python's handlers run."""
    handler = """
    import signal
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    """
    process = started(textwrap.dedent(handler) + textwrap.dedent(STATES[state]), workers)
    assert ended_within_a_second(process) == 7


CLOSED_AT_EACH_LINE = """
    import signal, sys
    from pathlib import Path
    import patata
    from patata import Patata, exceptions

    url, options = sys.argv[1], {"callbacks": [lambda response: response]} if sys.argv[2:] else {}
    package = str(Path(patata.__file__).parent)

    def call(line):
        # Its client is closed by a signal handler, in the middle of it, at a line of the package.
        lines = 0

        def trace(frame, event, _):
            nonlocal lines
            if not frame.f_code.co_filename.startswith(package):
                return None
            lines += event == "line"
            if lines == line and event == "line":
                signal.raise_signal(signal.SIGUSR1)
            return trace

        client = Patata(1, verbose=False)
        signal.signal(signal.SIGUSR1, lambda *_: client.close())
        sys.settrace(trace)
        try:
            return len(list(client.http("get", [(1, url), (2, url)], **options))), lines
        except exceptions.ClientClosedError:
            return "closed", lines
        finally:
            sys.settrace(None)

    answered, lines = call(0)
    print(answered, {call(line)[0] for line in range(1, lines + 1)} <= {"closed", 2}, lines > 20)
    print(call(10)[0])
"""


@pytest.mark.parametrize("callbacks", [[], ["with callbacks"]])
def test_a_signal_handler_may_close_the_client_wherever_its_call_is(script, remote, callbacks):
    assert script(CLOSED_AT_EACH_LINE, remote, *callbacks) == "2 True True\nclosed\n"


# Processes that are killed


@pytest.mark.parametrize("after", ["go on", "close"])
def test_all_callback_processes_killed_from_outside_cost_only_what_they_held(remote, after):
    ids = range(3_000)
    with Patata(2, pool_submit_size=20, verbose=False) as client:
        requests = ((i, remote) for i in ids)
        responses = client.http("get", requests, callbacks=[lambda response: response])
        found = [next(responses)]
        for pid, _ in children():
            os.kill(pid, signal.SIGKILL)
        if after == "go on":
            found += responses
            assert sorted(response.id_ for response in found) == list(ids)
            assert sum(response.status_code == 200 for response in found) > 2_000
        responses.close()
        # The client is none the worse for it.
        again = client.http("get", [(i, remote) for i in range(100)], callbacks=[lambda response: response])
        assert [response.status_code for response in again] == [200] * 100
    assert eventually(lambda: children() == [])


def test_a_process_that_is_killed_leaves_no_other(started):
    process = started(STATES["callbacks are busy"])
    assert len(session(process.pid)) > 2
    process.kill()
    assert eventually(lambda: session(process.pid) == []), session(process.pid)


def test_a_process_that_is_killed_while_it_starts_others_leaves_none(started):
    starting = """
    with Patata(workers, verbose=False) as client:
        requests = ((i, url + "/delay/60000" if i else url) for i in range(100))
        responses = client.http("get", requests, callbacks=[lambda response: response])
        ready()
        next(responses)
    """
    for delay in range(0, 300, 20):
        process = started(starting, pause=delay / 1000)
        process.kill()
        assert eventually(lambda pid=process.pid: session(pid) == []), (delay, session(process.pid))


# Many clients


def test_a_hundred_clients_leave_no_thread_and_no_descriptor(remote):
    def use(number):
        with Patata(2, verbose=False) as client:
            requests = [((number, i), remote) for i in range(20)]
            assert len(list(client.http("get", requests))) == 20
            abandoned = client.http("get", [(i, remote + "/delay/60000") for i in range(20)] + [(20, remote)])
            assert next(abandoned).id_ == 20

    use(0)
    gc.collect()
    before = descriptors()
    for number in range(100):
        use(number)
    assert engine_threads() == []
    assert more_descriptors(before) == []
    assert children() == []


def test_a_hundred_clients_at_once_have_a_run_each_and_leave_nothing(remote):
    with Patata(1, verbose=False) as client:
        list(client.http("get", [(0, remote)]))
    gc.collect()
    before = descriptors()
    clients = [Patata(1, verbose=False) for _ in range(100)]
    runs = [client.http("get", [(i, remote) for i in range(10)]) for client in clients]
    firsts = [next(run).status_code for run in runs]
    assert eventually(lambda: len(engine_threads()) == 100)
    assert firsts == [200] * 100
    assert [len(list(run)) for run in runs] == [9] * 100
    for client in clients:
        client.close()
    assert engine_threads() == []
    assert more_descriptors(before) == []


# Few file descriptors


@pytest.mark.parametrize("workers", [1, 2])
def test_out_of_file_descriptors_the_run_slows_down_and_ends_whole(script, remote, workers):
    source = (
        HEADER
        + """
    import resource
    from collections import Counter
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with Patata(workers, concurrency=200, verbose=False) as client:
        responses = list(client.http("get", [(i, url + "/delay/5") for i in range(2_000)]))
    print(sorted(r.id_ for r in responses) == list(range(2_000)))
    print(Counter(r.status_code for r in responses))
    """
    )
    assert script(source, remote, workers) == "True\nCounter({200: 2000})\n"
