"""The process around a run: Ctrl-C, forks, the interpreter's end, threads, and that nothing is left."""

import gc
import itertools
import os
import signal
import textwrap
import threading
import time
from contextlib import suppress

import pytest
from patata import Patata
from support import (
    children,
    descriptors,
    engine_threads,
    eventually,
    more_descriptors,
    run_python,
    start_python,
)

# Ctrl-C

HEADER = """
    import os, sys, time, itertools
    from patata import Patata
    url = sys.argv[1]
    workers = int(sys.argv[2])
    def ready():
        print("ready", flush=True)
"""

STATES = {
    "waiting for an answer": """
    with Patata(workers, verbose=False) as client:
        responses = client.http("get", [(0, url), (1, url + "/delay/60000")])
        next(responses)
        ready()
        next(responses)
    """,
    "waiting for a name that is late": """
    with Patata(workers, verbose=False) as client:
        ready()
        list(client.http("get", [(i, url + "/delay/60000") for i in range(1000)]))
    """,
    "in the body of the loop": """
    with Patata(workers, verbose=False) as client:
        for response in client.http("get", ((i, url) for i in itertools.count())):
            ready()
            time.sleep(60)
    """,
    "in a busy loop": """
    with Patata(workers, verbose=False) as client:
        for response in client.http("get", ((i, url) for i in itertools.count())):
            if response.id_ == 1000:
                ready()
    """,
    "in the input": """
    def items():
        yield 0, url
        ready()
        time.sleep(60)
    with Patata(workers, verbose=False) as client:
        list(client.http("get", items()))
    """,
    "in the input, with callbacks": """
    def items():
        yield 0, url
        ready()
        time.sleep(60)
    with Patata(workers, verbose=False) as client:
        list(client.http("get", items(), callbacks=[lambda response: response]))
    """,
    "callbacks are busy": """
    def callback(response):
        os.write(1, b"ready" + b"\\n")
        time.sleep(60)
        return response
    with Patata(workers, verbose=False) as client:
        list(client.http("get", [(i, url) for i in range(1000)], callbacks=[callback]))
    """,
    "callbacks wait for answers": """
    with Patata(workers, verbose=False) as client:
        responses = client.http(
            "get",
            ((i, url + "/delay/60000" if i else url) for i in range(1000)),
            callbacks=[lambda response: response],
        )
        next(responses)
        ready()
        next(responses)
    """,
    "between retries": """
    with Patata(workers, verbose=False) as client:
        responses = client.http("get", [(0, url), (1, url + "/status/503")], retries=9, backoff=60)
        next(responses)
        ready()
        next(responses)
    """,
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whom", ["the process", "its group"])
@pytest.mark.parametrize("state", STATES)
def test_ctrl_c_ends_within_a_second(tmp_path, remote, state, whom, workers):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(HEADER) + textwrap.dedent(STATES[state]))
    process = start_python(path, remote, workers)
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(0.2)
        begun = time.monotonic()
        send = os.kill if whom == "the process" else os.killpg
        send(process.pid, signal.SIGINT)
        process.wait(30)
        taken = time.monotonic() - begun
        out, err = process.communicate(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert "\nKeyboardInterrupt\n" in err, (out, err)
    assert process.returncode == -signal.SIGINT
    assert taken < 1


def test_a_program_goes_on_after_ctrl_c(script, remote):
    source = (
        HEADER
        + """
    import signal, threading
    def press(seconds):
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    with Patata(workers, verbose=False) as client:
        responses = client.http("get", [(1, url + "/delay/60000")])
        press(0.3)
        try:
            next(responses)
        except KeyboardInterrupt:
            print("interrupted")
        print(list(responses))
        print(sorted(r.id_ for r in client.http("get", [(i, url) for i in range(5)])))
    """
    )
    assert script(source, remote, 2) == "interrupted\n[]\n[0, 1, 2, 3, 4]\n"


# Forks


def test_the_child_of_a_fork_is_told_and_can_begin_anew(script, remote):
    source = (
        HEADER
        + """
    from patata.exceptions import ForkedError
    client = Patata(workers, verbose=False)
    responses = client.http("get", [(i, url) for i in range(10_000)])
    next(responses)
    child = os.fork()
    if child == 0:
        try:
            next(responses)
        except ForkedError as error:
            print("forked:", bool(str(error)), flush=True)
        print(len(list(client.http("get", [(i, url) for i in range(100)]))), flush=True)
        with Patata(workers, verbose=False) as mine:
            print(len(list(mine.http("get", [(i, url) for i in range(100)]))), flush=True)
        sys.exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
    print(len(list(responses)))
    """
    )
    assert script(source, remote, 2) == "forked: True\n100\n100\n0\n9999\n"


@pytest.mark.parametrize(
    "end", ["sys.exit(0)", "os._exit(0)", "del responses; sys.exit(0)", "responses.close()"]
)
@pytest.mark.parametrize("callbacks", ["[]", "[lambda response: response]"])
def test_the_end_of_a_forked_child_does_not_hang(script, remote, end, callbacks):
    source = (
        HEADER
        + f"""
    client = Patata(workers, verbose=False)
    responses = client.http("get", [(i, url) for i in range(10_000)], callbacks={callbacks})
    next(responses)
    child = os.fork()
    if child == 0:
        {end}
    else:
        print(os.waitpid(child, 0)[1], len(list(responses)))
    """
    )
    assert script(source, remote, 2) == "0 9999\n"


def test_leaving_the_block_in_a_forked_child_leaves_the_parent_alone(script, remote):
    source = (
        HEADER
        + """
    with Patata(workers, verbose=False) as client:
        responses = client.http("get", [(i, url + "/delay/5") for i in range(2_000)])
        next(responses)
        child = os.fork()
        if child:
            print(os.waitpid(child, 0)[1], len(list(responses)))
    """
    )
    assert script(source, remote, 2) == "0 1999\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_may_use_a_client_each(script, remote, method):
    source = (
        HEADER
        + f"""
    import multiprocessing
    def work(name):
        with Patata(workers, verbose=False) as client:
            return sum(r.status_code == 200 for r in client.http("get", [(i, url) for i in range(200)]))
    if __name__ == "__main__":
        with Patata(workers, verbose=False) as client:
            list(client.http("get", [(i, url) for i in range(200)]))
        with multiprocessing.get_context("{method}").Pool(3) as pool:
            print(pool.map(work, range(6)))
    """
    )
    assert script(source, remote, 2) == "[200, 200, 200, 200, 200, 200]\n"


def test_threads_that_fork_while_others_run_do_not_hang(script, remote):
    source = (
        HEADER
        + """
    import threading
    with Patata(workers, verbose=False) as client:
        done = threading.Event()
        def use():
            while not done.is_set():
                list(client.http("get", [(i, url) for i in range(200)]))
        thread = threading.Thread(target=use)
        thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                with Patata(workers, verbose=False) as mine:
                    os._exit(len(list(mine.http("get", [(i, url) for i in range(20)]))))
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end=" ")
        done.set()
        thread.join()
    """
    )
    assert script(source, remote, 2).split() == ["20"] * 20


# The interpreter's end


@pytest.mark.parametrize("callbacks", ["[]", "[lambda response: response]"])
@pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "client.close()", "del client"])
def test_the_interpreter_may_end_with_requests_in_flight(script, remote, callbacks, end):
    source = (
        HEADER
        + f"""
    client = Patata(workers, verbose=False)
    requests = ((i, url + "/delay/60000" if i else url) for i in range(1_000))
    responses = client.http("get", requests, callbacks={callbacks})
    print(next(responses).status_code, flush=True)
    {end}
    """
    )
    assert script(source, remote, 2, timeout=30) == "200\n"


AT_WORK = {
    "left by the loop": """
    responses = client.http("get", items, callbacks=[callback])
    next(responses)
    at_work.wait()
    """,
    "taken by another thread": """
    def take():
        list(client.http("get", items, callbacks=[callback]))
    threading.Thread(target=take, daemon=True).start()
    at_work.wait()
    """,
    "taken by an event loop of another thread": """
    import asyncio
    from patata import AsyncPatata
    async def main():
        async with AsyncPatata(workers, verbose=False, pool_submit_size=1) as client:
            async for response in client.http("get", items, callbacks=[callback]):
                pass
    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    at_work.wait()
    """,
}


SLOW_THREADS = """
    # The end of the interpreter stops daemon threads for good, wherever they are. So they are longer where it
    # matters: a semaphore is removed, and the process that looks after semaphores has not been told.
    import threading
    from loky.backend import resource_tracker
    unregister = resource_tracker.unregister
    def unregister_late(*args):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.5)
        unregister(*args)
    resource_tracker.unregister = unregister_late
"""


def test_the_interpreter_ends_in_silence_after_a_client_with_callbacks(tmp_path, remote):
    source = """
    with Patata(workers, verbose=False) as client:
        for response in client.http("get", enumerate([url] * 4), callbacks=[lambda response: response]):
            assert response.status_code == 200
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(HEADER + SLOW_THREADS + source))
    done = run_python(path, remote, 2, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("end", ["pass", "sys.exit(0)"])
@pytest.mark.parametrize("state", AT_WORK)
def test_the_interpreter_ends_at_once_and_in_silence_while_callbacks_are_at_work(
    tmp_path, remote, state, end
):
    source = """
    at_work = threading.Event()
    def callback(response):
        if response.id_:
            open(sys.argv[3], "w").close()
            time.sleep(600)
        return response
    def look():
        while not os.path.exists(sys.argv[3]):
            time.sleep(0.01)
        at_work.set()
    threading.Thread(target=look, daemon=True).start()
    # In order, so that the first one, which is soon done, is before those that are not.
    client = Patata(workers, verbose=False, pool_submit_size=1, ordered=True)
    items = [(i, url) for i in range(40)]
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(HEADER + SLOW_THREADS + source + AT_WORK[state] + f"\n    {end}\n"))
    # Waits for the end of all processes that could still write.
    done = run_python(path, remote, 2, tmp_path / "at work", timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_callback_processes_end_with_a_parent_that_dies(tmp_path, remote, end):
    path = tmp_path / "script.py"
    source = f"""
    client = Patata(workers, verbose=False)
    requests = ((i, url + "/delay/60000" if i else url) for i in range(1_000))
    responses = client.http("get", requests, callbacks=[lambda response: response])
    print(next(responses).status_code, flush=True)
    {end}
    """
    path.write_text(textwrap.dedent(HEADER + source))
    process = start_python(path, remote, 2)
    try:
        # Read to its end, which comes when no process is left that could write.
        assert process.communicate(timeout=20)[0] == "200\n"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_the_interpreter_may_end_while_another_thread_waits(script, remote):
    source = (
        HEADER
        + """
    import threading
    client = Patata(workers, verbose=False)
    responses = client.http("get", [(0, url), (1, url + "/delay/60000")])
    next(responses)
    threading.Thread(target=lambda: next(responses), daemon=True).start()
    time.sleep(0.2)
    print("end")
    """
    )
    assert script(source, remote, 2, timeout=30) == "end\n"


def test_the_interpreter_may_end_with_a_test_server_running(script):
    source = """
    from patata import Patata
    from patata.testing import Server
    server = Server()
    responses = Patata(2, verbose=False).http("get", [(0, server.url), (1, server.url + "/delay/60000")])
    print(next(responses).status_code)
    """
    assert script(source, timeout=30) == "200\n"


# Nothing is left


@pytest.fixture
def nothing_left(remote):
    """Asserts that the test leaves neither thread nor descriptor nor process behind."""
    with Patata(2, verbose=False) as client:
        list(client.http("get", [(i, remote) for i in range(100)], callbacks=[lambda response: response]))
    gc.collect()
    before = descriptors()
    assert engine_threads() == []
    yield
    assert engine_threads() == []
    assert more_descriptors(before) == []
    assert children() == []


ENDINGS = ["to the end", "break", "close", "drop", "leave", "raise", "close the client"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("path", ["/", "/delay/100"])
@pytest.mark.usefixtures("nothing_left")
def test_a_run_leaves_nothing_however_it_ends(remote, ending, path):
    responses = None
    try:
        with Patata(2, verbose=False) as client:
            responses = client.http("get", [(i, remote + path) for i in range(400)])
            first = next(responses)
            assert eventually(lambda: len(engine_threads()) == 2)
            if ending == "to the end":
                assert len(list(responses)) == 399
            elif ending == "break":
                for _ in responses:
                    break
                responses.close()
            elif ending == "close":
                responses.close()
            elif ending == "drop":
                del responses
            elif ending == "raise":
                raise KeyError(first.id_)
            elif ending == "close the client":
                client.close()
            assert len(engine_threads()) == (0 if ending == "close the client" else 2)
    except KeyError:
        pass
    # The threads are the client's, though the generator may still be there.
    assert engine_threads() == []


@pytest.mark.usefixtures("nothing_left")
def test_a_loop_that_is_left_early_leaves_nothing(remote):
    def first(client):
        for response in client.http("get", ((i, remote) for i in itertools.count())):
            return response
        return None

    with Patata(2, verbose=False) as client:
        for _ in range(20):
            assert first(client).status_code == 200
        assert eventually(lambda: len(engine_threads()) == 2)


@pytest.mark.usefixtures("nothing_left")
def test_fifty_clients_leave_nothing(remote):
    for _ in range(50):
        with Patata(2, verbose=False) as client:
            assert len(list(client.http("get", [(i, remote) for i in range(20)]))) == 20


@pytest.mark.usefixtures("nothing_left")
def test_clients_that_are_never_closed_leave_nothing(remote):
    for _ in range(10):
        assert len(list(Patata(2, verbose=False).http("get", [(i, remote) for i in range(20)]))) == 20


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("ending", ["to the end", "close"])
def test_runs_with_callbacks_leave_nothing(remote, ending):
    for _ in range(3):
        with Patata(2, verbose=False) as client:
            responses = client.http("get", [(i, remote) for i in range(200)], callbacks=[lambda r: r])
            next(responses)
            if ending == "to the end":
                assert len(list(responses)) == 199
            responses.close()
    assert eventually(lambda: children() == [])
    gc.collect()


@pytest.mark.usefixtures("nothing_left")
def test_faults_leave_nothing(remote):
    bad = ["no URL", "http://does-not-exist.invalid/", "http://127.0.0.1:1/", remote + "/delay/60000"]
    with Patata(2, verbose=False) as client:
        for _ in range(5):
            found = list(client.http("get", [(url, url) for url in bad], timeout=0.1))
            assert len(found) == len(bad)
            assert all(response.error is not None for response in found)


# Threads


@pytest.mark.usefixtures("nothing_left")
def test_many_threads_with_one_client_each_get_their_own(remote):
    found = {}

    def use(name):
        for turn in range(5):
            requests = [((name, turn, i), remote) for i in range(100)]
            found[name, turn] = sorted(response.id_ for response in client.http("get", requests))

    with Patata(2, verbose=False) as client:
        threads = [threading.Thread(target=use, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == {
        (name, turn): [(name, turn, i) for i in range(100)] for name in range(8) for turn in range(5)
    }


@pytest.mark.usefixtures("nothing_left")
def test_a_generator_may_be_finished_by_another_thread(remote):
    with Patata(2, verbose=False) as client:
        responses = client.http("get", [(i, remote) for i in range(1_000)])
        found = [next(responses).id_]
        thread = threading.Thread(target=lambda: found.extend(response.id_ for response in responses))
        thread.start()
        thread.join(60)
    assert sorted(found) == list(range(1_000))


def test_other_threads_run_while_one_waits(remote):
    with Patata(1, verbose=False) as client:
        turns = 0
        responses = client.http("get", [(1, remote + "/delay/500")])
        thread = threading.Thread(target=lambda: list(responses))
        thread.start()
        while thread.is_alive():
            turns += 1
            time.sleep(0.001)
        thread.join()
    assert turns > 20


# The input


@pytest.mark.parametrize(
    ("workers", "callbacks", "allowed"),
    [
        (1, [], 1),
        (2, [], 1),
        (1, [lambda response: response], 1),
        # On its way to the processes, and on its way back.
        (2, [lambda response: response], 2),
    ],
)
def test_a_slow_input_holds_an_answer_back_for_one_item_at_most(remote, workers, callbacks, allowed):
    taken = 0

    def items():
        nonlocal taken
        for i in range(10):
            taken += 1
            yield i, remote
            time.sleep(0.4)

    further = {}
    begun = None
    with Patata(workers, verbose=False) as client:
        for response in client.http("get", items(), callbacks=callbacks):
            # The first ones wait for processes to start.
            begun = begun or taken
            further[response.id_] = taken - 1 - response.id_
    assert sorted(further) == list(range(10))
    # Answer N is there long before item N + 1 is; it may have to wait for that one, but not for N + 2.
    assert {id_: items for id_, items in further.items() if id_ > begun and items > allowed} == {}


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]], ids=["plain", "callbacks"])
@pytest.mark.parametrize("ending", ["close", "close the client and go on", "drop"])
def test_an_endless_input_is_closed_with_the_run(remote, callbacks, ending):
    ended = []

    def items():
        try:
            for i in itertools.count():
                yield i, remote
        finally:
            ended.append(True)

    with Patata(2, verbose=False) as client:
        responses = client.http("get", items(), callbacks=callbacks)
        next(responses)
        if ending == "close":
            responses.close()
        elif ending == "drop":
            del responses
        else:
            client.close()
            responses.close()
    gc.collect()
    assert ended == [True]


def test_an_input_that_is_used_elsewhere_is_not_ended_for_others(remote):
    rest = iter([(i, remote) for i in range(1_000)])
    with Patata(1, queue_max_size=10, verbose=False) as client:
        responses = client.http("get", rest)
        next(responses)
        responses.close()
        left = len(list(rest))
    assert 980 <= left < 1_000
