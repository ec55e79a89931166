"""What else a process has: little memory, subinterpreters, gevent. None crashes a run or hangs its end."""

import gzip
import sys

import pytest
from support import RawServer

# Little memory

LIMITED = """
    import asyncio, os, resource, sys, tempfile
    from pathlib import Path
    if sys.argv[3:]:
        # The allocator takes what it needs, instead of a gigabyte of addresses ahead.
        os.environ["MIMALLOC_ARENA_RESERVE"] = "0"
    from patata import AsyncPatata, Patata, Request, exceptions

    url, room = sys.argv[1], int(sys.argv[2])

    def limit():
        # The address space may grow by so many KB.
        lines = Path("/proc/self/status").read_text().splitlines()
        used = next(int(line.split()[1]) for line in lines if line.startswith("VmSize"))
        resource.setrlimit(resource.RLIMIT_AS, ((used + room) << 10, resource.RLIM_INFINITY))

    def shown(responses):
        for response in responses:
            print(response.status_code, type(response.error).__name__, response.error)
"""

limited = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says so how much is used")


@limited
@pytest.mark.parametrize("workers", [1, 3])
def test_without_memory_for_an_event_loop_the_call_raises_and_sends_nothing(script, workers):
    with RawServer(lambda *_: b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as server:
        source = (
            LIMITED
            + f"""
    client = Patata({workers}, verbose=False)
    requests = [(i, url) for i in range(5)]
    limit()
    try:
        list(client.http("get", requests))
    except exceptions.CannotStartError as error:
        print(str(error).startswith("no event loop could be started: no thread can be started"))
        print(error.receipt.attempts, isinstance(error, RuntimeError))
    """
        )
        assert script(source, server.url, 0) == "True\n0 True\n"
        assert server.heads == []


@limited
def test_without_memory_for_an_event_loop_an_asyncio_call_raises_too(script, remote):
    source = (
        LIMITED
        + """
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            requests = [(i, url) for i in range(5)]
            limit()
            try:
                async for response in client.http("get", requests):
                    print(response)
            except exceptions.CannotStartError as error:
                print(error.receipt.ok + error.receipt.failed)
    asyncio.run(main())
    """
    )
    assert script(source, remote, 0) == "0\n"


NO_THREAD = "no thread can be started"
THREADS = {
    "names": """
    items, options, method = [(i, url.replace("127.0.0.1", "localhost")) for i in range(3)], {}, "get"
    """,
    "downloads": """
    folder = tempfile.mkdtemp()
    items, options, method = [(i, url) for i in range(3)], {"stream_to": folder + "/{id}"}, "get"
    """,
    "uploads": """
    file = Path(tempfile.mkdtemp()) / "file"
    file.write_bytes(bytes(300_000))
    items = [Request(i, url + "/echo-body", content=file) for i in range(3)]
    options, method = {}, "post"
    """,
}
CLASSES = {"names": "ResolveError", "downloads": "SaveError", "uploads": "InvalidRequestError"}


@limited
@pytest.mark.parametrize("room", [2_200, 4_500, 6_800, 40_000])
@pytest.mark.parametrize("what", THREADS)
def test_without_memory_for_further_threads_requests_fail_by_themselves_or_not_at_all(
    script, remote, what, room
):
    source = (
        LIMITED
        + THREADS[what]
        + """
    client = Patata(1, verbose=False)
    limit()
    shown(client.http(method, items, **options))
    """
    )
    lines = script(source, remote, room).splitlines()
    assert len(lines) == 3
    # Room for one thread is the event loop's; what there is room for beyond that is the allocator's to say.
    for line in lines:
        failed = line.startswith(f"500 {CLASSES[what]} ") and NO_THREAD in line
        assert failed if room == 2_200 else failed or line == "200 NoneType None", lines
    if room == 40_000:
        assert lines == ["200 NoneType None"] * 3


BODIES = {
    "sized": b"content-length: 400000000\r\n\r\n",
    "chunked": b"transfer-encoding: chunked\r\n\r\n",
    "until the end": b"connection: close\r\n\r\n",
    "compressed": b"content-encoding: gzip\r\nconnection: close\r\n\r\n",
}


@pytest.fixture(params=BODIES)
def heavy(request):
    """A server of a body of 400 MB, in one of the ways that there are."""
    piece = bytes(1 << 20)
    framed = {"chunked": b"%x\r\n%s\r\n" % (len(piece), piece)}.get(request.param, piece)

    def serve(connection, *_):
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + BODIES[request.param])
        if request.param == "compressed":
            return gzip.compress(bytes(400_000_000), 1)
        for _ in range(400):
            connection.sendall(framed)
        return b"0\r\n\r\n" if request.param == "chunked" else None

    with RawServer(serve) as server:
        yield server.url


@limited
@pytest.mark.parametrize("room", [200_000, 300_000])
def test_a_body_that_there_is_no_memory_for_is_an_error_and_the_process_goes_on(script, remote, heavy, room):
    source = (
        LIMITED
        + """
    options = {"max_response_size": None, "max_decompression_ratio": None}
    client = Patata(1, verbose=False, **options)
    list(client.http("get", [(1, sys.argv[3])]))
    limit()
    shown(client.http("get", [(1, url)]))
    response = next(client.http("get", [(1, url)]))
    print(isinstance(response.error, MemoryError), response.error.request_sent)
    print([response.status_code for response in client.http("get", [(1, sys.argv[3])])])
    """
    )
    lines = script(source, heavy, room, remote).splitlines()
    assert lines[0].startswith("500 OutOfMemoryError This process has no memory left for the response's body")
    assert lines[1:] == ["True True", "[200]"]


@limited
def test_a_body_that_python_has_no_memory_for_raises_where_it_is_read(script, remote):
    source = (
        LIMITED
        + """
    [response] = Patata(1, verbose=False, max_response_size=None).http("get", [(1, url + "/bytes/100000000")])
    limit()
    try:
        response.content
    except MemoryError:
        print("no memory")
    """
    )
    assert script(source, remote, 4_500) == "no memory\n"


# Subinterpreters

INTERPRETERS = """
    import sys
    from patata import Patata
    if sys.version_info >= (3, 13):
        import _interpreters
        create = lambda: _interpreters.create("legacy")
        def run(interpreter, code):
            failed = _interpreters.run_string(interpreter, code)
            if failed:
                raise RuntimeError(failed.formatted)
    else:
        import _xxsubinterpreters as _interpreters
        create = lambda: _interpreters.create(isolated=False)
        run = _interpreters.run_string
    url = sys.argv[1]
"""

USED = """
from patata import Patata, Request
client = Patata(2, verbose=False)
print([response.status_code for response in client.http("get", [(i, {url!r}) for i in range(3)])])
[response] = client.http("post", [Request(1, {url!r} + "/echo-body", content=iter([b"a", b"b"]))])
print(response.content, flush=True)
responses = client.http("get", [(i, {url!r} + "/delay/60000" if i else {url!r}) for i in range(3)])
next(responses)
"""


@pytest.mark.parametrize("callbacks", ["[]", "[lambda response: response]"])
def test_a_subinterpreter_that_is_left_does_not_hang_the_end(script, remote, callbacks):
    source = (
        INTERPRETERS
        + f"""
    left = create()
    run(left, "import json, threading")
    client = Patata(2, verbose=False)
    print(len(list(client.http("get", [(i, url) for i in range(3)], callbacks={callbacks}))))
    """
    )
    assert script(source, remote, timeout=30) == "3\n"


def test_a_second_interpreter_is_told_that_it_cannot_have_patata(script, remote):
    source = (
        INTERPRETERS
        + """
    other = create()
    try:
        run(other, "import patata")
    except Exception as error:
        print("imported by another interpreter" in str(error))
    print(len(list(Patata(2, verbose=False).http("get", [(i, url) for i in range(3)]))))
    """
    )
    assert script(source, remote, timeout=30) == "True\n3\n"


@pytest.mark.parametrize("end", ["pass", "_interpreters.destroy(other)"])
def test_a_subinterpreter_may_have_patata_alone_and_be_left_in_the_middle_of_a_call(script, remote, end):
    source = (
        INTERPRETERS.replace("from patata import Patata\n", "\n")
        + f"""
    other = create()
    run(other, {USED!r}.format(url=url))
    {end}
    print("end")
    """
    )
    assert script(source, remote, timeout=30) == "[200, 200, 200]\nb'ab'\nend\n"


# gevent

GREENLETS = """
    from gevent import monkey
    monkey.patch_all()
    import os, sys, time
    import gevent
    from patata import Patata
    url = sys.argv[1]
"""


@pytest.mark.parametrize("end", ["pass", "client.close()", "responses.close()", "sys.exit(0)"])
@pytest.mark.parametrize("path", ["/", "/delay/60000"])
def test_gevent_and_callback_processes_do_not_hang_the_end(script, remote, path, end):
    source = (
        GREENLETS
        + f"""
    client = Patata(2, verbose=False)
    callbacks = [lambda response: response]
    print(len(list(client.http("get", [(i, url) for i in range(100)], callbacks=callbacks))))
    responses = client.http("get", [(i, url + "{path}" if i else url) for i in range(3)], callbacks=callbacks)
    next(responses)
    {end}
    """
    )
    assert script(source, remote, timeout=30) == "100\n"


def test_under_gevent_greenlets_use_callback_processes_beside_each_other_and_survive_their_death(
    script, remote
):
    source = (
        GREENLETS
        + """
    def use(number):
        def callback(response):
            if response.id_ == 5 and number == 1:
                os._exit(1)
            response.data = number
            return response
        with Patata(2, verbose=False, pool_submit_size=2) as client:
            requests = [(i, url) for i in range(40)]
            responses = list(client.http("get", requests, callbacks=[callback]))
        return sorted(response.id_ for response in responses), [response.data for response in responses]
    results = [greenlet.get() for greenlet in [gevent.spawn(use, number) for number in range(3)]]
    print([ids == list(range(40)) for ids, _ in results], end=" ")
    print([data.count(i) for i, (_, data) in enumerate(results)])
    """
    )
    whole, counts = script(source, remote, timeout=60).split("] ")
    assert whole == "[True, True, True"
    first, killed, last = map(int, counts.strip(" []\n").split(","))
    assert (first, last) == (40, 40)
    assert 30 < killed < 40
