"""How calls of AsyncPatata end early, at every stage: nothing is left, nothing hangs, nothing complains."""

import asyncio
import gc
import itertools
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from contextlib import aclosing, suppress

import pytest
import uvloop
from patata import AsyncPatata, exceptions
from support import RawServer, children, descriptors, engine_threads, eventually, start_python

RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}


@pytest.fixture(params=RUNNERS)
def run(request):
    """Runs a coroutine to its end, on each kind of event loop."""
    return RUNNERS[request.param]


def own_threads():
    """The threads of Python's that belong to calls."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("patata")]


def same(response):
    return response


async def stuck_later(_response):
    await asyncio.sleep(60)


def stuck(_response):
    time.sleep(60)


async def never():
    await asyncio.sleep(60)
    yield "never"


def calls(client, url):
    """Makers of calls by where they are stuck, none of which gives more than one response."""
    hanging = f"{url}/delay/60000"

    def one_then_wait(seconds):
        yield 0, url
        time.sleep(seconds)

    return {
        "at the first answer": lambda: client.http("get", [(i, hanging) for i in range(100)]),
        "at an answer": lambda: client.http("get", [(0, url), *((i, hanging) for i in range(1, 100))]),
        "in order": lambda: client.http(
            "get", [(0, hanging), *((i, url) for i in range(1, 100))], ordered=True
        ),
        "between retries": lambda: client.http("get", [(0, f"{url}/status/503")], retries=9, backoff=60),
        "at a generator": lambda: client.http("get", one_then_wait(0.5)),
        "at an asynchronous input": lambda: client.http("get", never()),
        "in a coroutine": lambda: client.http("get", [(i, url) for i in range(100)], callbacks=[stuck_later]),
        "in order, in a coroutine": lambda: client.http(
            "get", [(i, url) for i in range(100)], callbacks=[stuck_later], ordered=True
        ),
        "before plain callbacks": lambda: client.http("get", [(0, hanging)], callbacks=[same]),
        "before mixed callbacks": lambda: client.http("get", [(0, hanging)], callbacks=[same, stuck_later]),
        "in mixed callbacks": lambda: client.http(
            "get", [(i, url) for i in range(9)], callbacks=[same, stuck_later]
        ),
        "after a response": lambda: client.http("get", ((i, url) for i in itertools.count())),
    }


STATES = list(calls(AsyncPatata(verbose=False), "http://localhost:1"))
ENDS = ["cancel", "aclose", "drop", "leave", "time-out", "error", "end of the loop"]
EVERYWHERE = pytest.mark.parametrize("state", STATES)


async def take(responses, end):
    """Takes responses for as long as it is let; some ends come from in here."""
    async for _ in responses:
        if end == "error":
            raise KeyError
        if end == "aclose":
            break
    await asyncio.sleep(60)


async def end_early(client, responses, end):
    if end == "time-out":
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(take(responses, end), 0.1)
        return
    task = asyncio.ensure_future(take(responses, end))
    await asyncio.sleep(0.1)
    if end == "end of the loop":
        return
    if end == "leave":
        await client.aclose()
        with suppress(exceptions.ClientClosedError):
            await asyncio.wait_for(asyncio.shield(task), 0.01)
    task.cancel()
    await asyncio.wait([task])
    if end == "drop":
        del responses, task
        gc.collect()
        await asyncio.sleep(0.1)
    elif end == "aclose":
        await responses.aclose()


async def answered(client, url, **options):
    """Whether the client goes on."""
    responses = client.http("get", [(i, url) for i in range(10)], **options)
    assert len([response async for response in responses]) == 10


@pytest.fixture(scope="module")
def warm(remote):
    """What is made once for a process is no leak."""
    for runner in RUNNERS.values():
        runner(answered(AsyncPatata(2, verbose=False), remote, callbacks=[same]))


def eventually_collected(condition):
    """Whether the condition comes true, with garbage collected until it does.

    On Python 3.12 and later, asyncio leaves what its cancelled tasks were at in cycles. A process that is
    still being stopped may hold one for a while, and what a finalizer lets go of is for the next round.
    """
    return eventually(lambda: gc.collect() >= 0 and condition())


@pytest.fixture
def nothing_left(warm, recwarn):  # noqa: ARG001
    """No thread, process or descriptor more than before, and no warning."""
    before = Counter(descriptors())
    yield
    assert eventually_collected(lambda: engine_threads() == [])
    assert eventually_collected(lambda: own_threads() == [])
    assert eventually_collected(lambda: children() == [])
    assert eventually_collected(lambda: not Counter(descriptors()) - before)
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("end", ENDS)
@EVERYWHERE
@pytest.mark.usefixtures("nothing_left")
def test_ending_early_leaves_nothing(run, remote, state, end):
    complaints = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        client = AsyncPatata(2, verbose=False)
        await end_early(client, calls(client, remote)[state](), end)
        if end not in ("leave", "end of the loop"):
            await answered(client, remote)

    begun = time.monotonic()
    run(main())
    assert time.monotonic() - begun < 30
    assert complaints == []


def test_a_plain_callback_that_is_stuck_is_left_behind_or_killed(run, server):
    async def main(workers):
        async with AsyncPatata(workers, verbose=False) as client:
            task = asyncio.ensure_future(anext(client.http("get", [(1, server.url)], callbacks=[stuck])))
            await asyncio.sleep(0.5)
            task.cancel()
            await asyncio.wait([task])

    begun = time.monotonic()
    run(main(2))
    assert eventually(lambda: children() == [])
    assert time.monotonic() - begun < 30


def test_ending_closes_the_sockets_of_what_hangs(run):
    gone = threading.Semaphore(0)

    def serve(connection, _head, _body):
        connection.recv(1)
        gone.release()

    async def main(url):
        async with AsyncPatata(1, verbose=False) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(client.http("get", [(i, url) for i in range(5)])), 0.3)
            # Once the call is over, so are its connections.
            for _ in range(5):
                assert gone.acquire(timeout=5)

    with RawServer(serve) as server:
        run(main(server.url))


def test_leaving_the_block_is_told_to_who_still_takes_responses(run, remote):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", ((i, remote) for i in itertools.count()))
            task = asyncio.ensure_future(anext(client.http("get", [(0, f"{remote}/delay/60000")])))
            await anext(responses)
            await asyncio.sleep(0.05)
        assert engine_threads() == []
        with pytest.raises(exceptions.ClientClosedError):
            async for _ in responses:
                pass
        with pytest.raises(exceptions.ClientClosedError):
            await task

    run(main())


def test_closing_twice_and_after_the_end_is_fine(run, remote):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", [(i, remote) for i in range(10)])
            assert len([response async for response in responses]) == 10
            await responses.aclose()
            await client.aclose()
            await client.aclose()

    run(main())


def test_a_callback_may_close_the_client(run, remote):
    async def main():
        client = AsyncPatata(1, verbose=False)

        async def callback(_response):
            await client.aclose()

        async with client:
            with pytest.raises(exceptions.ClientClosedError):
                await anext(client.http("get", [(1, remote)], callbacks=[callback]))

    run(main())


@pytest.mark.usefixtures("nothing_left")
def test_a_hundred_calls_leave_nothing(run, remote):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            for number in range(100):
                items = ((i, remote) for i in range(20))
                async with aclosing(client.http("get", items, callbacks=[same] * (number % 2))) as responses:
                    async for response in responses:
                        if response.id_ == number % 30:
                            break

    run(main())


# The process

SCRIPT = """
    import asyncio, itertools, os, sys, time
    import uvloop
    from patata import AsyncPatata
    url, run, workers = sys.argv[1], {{"asyncio": asyncio.run, "uvloop": uvloop.run}}[sys.argv[2]], 2
    async def slow(response):
        await asyncio.sleep(60)
    async def main():
        async with AsyncPatata(workers, verbose=False) as client:
            {body}
    run(main())
"""

INTERRUPTED = {
    "waiting": """
            print("ready", flush=True)
            async for _ in client.http("get", [(1, url + "/delay/60000")]):
                pass
    """,
    "streaming": """
            async for response in client.http("get", ((i, url) for i in itertools.count())):
                if response.id_ == 1000:
                    print("ready", flush=True)
    """,
    "in a coroutine": """
            print("ready", flush=True)
            async for _ in client.http("get", [(1, url)], callbacks=[slow]):
                pass
    """,
    "in processes": """
            print("ready", flush=True)
            async for _ in client.http("get", ((i, url) for i in itertools.count()), [lambda r: r]):
                pass
    """,
}


LOSES_ITS_PLACE = sys.version_info < (3, 11)
"""Whether Ctrl-C interrupts the event loop wherever it is, and what it was just about to call may be lost.

Then nothing goes on until a user presses again, or what was to be called is told of as left behind.
"""


def interrupted(process):
    """What a program has to say as Ctrl-C ends it."""
    process.send_signal(signal.SIGINT)
    if LOSES_ITS_PLACE:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=15)[1]
        process.send_signal(signal.SIGINT)
    return process.communicate(timeout=30)[1]


@pytest.mark.parametrize("loop", RUNNERS)
@pytest.mark.parametrize("state", INTERRUPTED)
def test_ctrl_c_ends_the_program_without_noise(tmp_path, remote, loop, state):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT.format(body=INTERRUPTED[state].strip())))
    process = start_python("-X", "dev", path, remote, loop)
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        time.sleep(0.3)
        err = interrupted(process)
    finally:
        process.kill()
        process.communicate()
    assert "\nKeyboardInterrupt\n" in err, err
    if LOSES_ITS_PLACE and state in ("streaming", "in processes"):
        return
    assert err.rstrip().endswith("KeyboardInterrupt"), err
    for noise in (
        "never awaited",
        "never retrieved",
        "was destroyed",
        "ResourceWarning",
        "Exception ignored",
    ):
        assert noise not in err


@pytest.mark.parametrize("loop", RUNNERS)
def test_a_program_that_leaves_calls_open_ends_without_noise(script, remote, loop):
    source = """
        import asyncio, itertools, sys, warnings
        import uvloop
        from patata import AsyncPatata
        url, run = sys.argv[1], {"asyncio": asyncio.run, "uvloop": uvloop.run}[sys.argv[2]]
        warnings.simplefilter("error")
        sys.unraisablehook = lambda noise: print("noise:", noise)
        async def slow(response):
            await asyncio.sleep(60)
        async def main():
            client = AsyncPatata(1, verbose=False)
            items = ((i, url) for i in itertools.count())
            kept = client.http("get", items)
            await anext(kept)
            asyncio.ensure_future(anext(client.http("get", [(1, url)], [slow])))
            await anext(client.http("get", [(1, url), (2, url)]))
            await asyncio.sleep(0.1)
            asyncio.get_running_loop().set_exception_handler(lambda _, context: print("noise:", context))
        run(main())
        print("done")
    """
    assert script(source, remote, loop) == "done\n"


def test_the_child_of_a_fork_is_told(script, remote):
    source = """
        import asyncio, os, sys
        from patata import AsyncPatata
        from patata.exceptions import ForkedError
        url = sys.argv[1]
        async def main():
            async with AsyncPatata(1, verbose=False) as client:
                responses = client.http("get", [(i, url) for i in range(10_000)])
                await anext(responses)
                child = os.fork()
                if child == 0:
                    try:
                        async for _ in responses:
                            pass
                    except ForkedError as error:
                        print("forked:", bool(str(error)), flush=True)
                    os._exit(0)
                print(os.waitpid(child, 0)[1], len([response async for response in responses]))
        asyncio.run(main())
    """
    assert script(source, remote) == "forked: True\n0 9999\n"
