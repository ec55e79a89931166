"""When a call says what is wrong with it, and what becomes of one that is thrown away."""

import asyncio
import gc
import logging
import queue
import threading
import warnings
import weakref

import pytest
from patata import AsyncPatata, Patata, Request, Response, _base, exceptions
from support import RawServer, descriptors, engine_threads, eventually, more_descriptors

CLIENTS = [Patata, AsyncPatata]

BAD_OPTIONS = {
    "a value": ({"concurrency": 0}, ValueError),
    "a name": ({"concurency": 1}, TypeError),
    "an argument": ({"timeout": -1}, ValueError),
    "a rate": ({"rate": "100/fortnight"}, ValueError),
    "headers": ({"headers": {"a b": "c"}}, ValueError),
    "auth": ({"auth": 7}, ValueError),
    "a certificate": ({"verify": "/there/is/none.pem"}, ValueError),
    "a template": ({"stream_to": "/tmp/{name}"}, ValueError),
    "a callback": ({"callbacks": [7]}, TypeError),
    "a body that can be read once": ({"content": iter([b""])}, ValueError),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_a_bad_option_raises_where_the_call_is_made(client, case):
    options, error = BAD_OPTIONS[case]
    with pytest.raises(error):
        client(1, verbose=False).http("get", [(1, "http://localhost:1")], **options)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_cannot_be_iterated_over_raises_there_too(client):
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        client(1, verbose=False).http("get", 7)


def test_a_bad_method_raises_at_the_first_next():
    responses = Patata(1, verbose=False).http("b a d", [])
    with pytest.raises(exceptions.InvalidMethodError):
        next(responses)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_that_is_never_iterated_over_warns(client):
    taken = []

    def items():
        taken.append(1)
        yield 1, "http://localhost:1"

    patata = client(1, verbose=False)
    with pytest.warns(RuntimeWarning, match="never iterated over") as warned:
        patata.http("get", items())
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert taken == []


def test_a_call_that_is_iterated_over_or_closed_does_not_warn(server):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            async for _ in client.http("get", [(1, server.url)]):
                break
            assert [response async for response in client.http("get", [])] == []
            await client.http("get", [(1, server.url)]).aclose()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Patata(1, verbose=False) as client:
            next(client.http("get", [(1, server.url)]))
            assert list(client.http("get", [])) == []
            client.http("get", [(1, server.url)]).close()
        asyncio.run(main())
        gc.collect()


class Crawl:
    """Holds the responses to its own requests: a cycle through the input, and through ids and functions."""

    def __init__(self, client, url, callbacks):
        self.url = url
        self.seen = []
        functions = [self.callback] if callbacks else []
        self.responses = client.http("get", self.inputs(), callbacks=functions, auth=self.auth)

    def inputs(self):
        for id_ in range(1000):
            yield id_, self.url

    def auth(self, request):
        return "Bearer token" if self.seen is not None else request

    def callback(self, response):
        self.seen.append(response.id_)
        return response


class SlowCrawl(Crawl):
    """The same with an asynchronous input."""

    async def inputs(self):
        for id_ in range(1000):
            await asyncio.sleep(0)
            yield id_, self.url


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("patata")]


@pytest.mark.parametrize("callbacks", [False, True])
def test_abandoned_calls_that_hold_themselves_leave_nothing(server, callbacks):
    client = Patata(1, verbose=False)
    gc.collect()
    before = descriptors()
    crawls = []
    for _ in range(20):
        crawl = Crawl(client, server.url, callbacks)
        next(crawl.responses)
        crawls.append(weakref.ref(crawl))
    assert engine_threads()
    del crawl
    gc.collect()
    assert [crawl() for crawl in crawls] == [None] * 20
    client.close()
    assert engine_threads() == []
    assert eventually(lambda: more_descriptors(before) == []), more_descriptors(before)


def test_an_abandoned_call_whose_input_has_ended_leaves_nothing(server):
    """Its requests are under way, and carry the function that holds it."""
    with Patata(1, verbose=False) as client:
        crawl = Crawl(client, server.url, False)
        crawl.responses.close()
        requests = [(id_, f"{server.url}/delay/{0 if id_ == 0 else 60_000}") for id_ in range(10)]
        crawl.responses = client.http("get", requests, auth=crawl.auth)
        next(crawl.responses)
        gone = weakref.ref(crawl)
        del crawl
        gc.collect()
        assert gone() is None


@pytest.mark.parametrize("kind", [Crawl, SlowCrawl])
def test_abandoned_asyncio_calls_that_hold_themselves_leave_nothing(server, kind):
    async def main():
        client = AsyncPatata(1, verbose=False)
        # An event loop has one pair of sockets for all of its calls, from the first one on.
        assert (await client.get(server.url)).ok
        await client.aclose()
        client = AsyncPatata(1, verbose=False)
        gc.collect()
        before = descriptors()
        crawls = []
        for _ in range(20):
            crawl = kind(client, server.url, False)
            await anext(crawl.responses)
            crawls.append(weakref.ref(crawl))
        del crawl
        for _ in range(100):
            # The event loop closes what the collector finds, which may hold the rest until then.
            gc.collect()
            await asyncio.sleep(0.05)
            await client.aclose()
            if not any(crawl() for crawl in crawls) and not more_descriptors(before) and not threads():
                break
        assert [crawl() for crawl in crawls] == [None] * 20
        assert not engine_threads()
        assert not threads()
        assert more_descriptors(before) == []

    asyncio.run(main())


class Task:
    """An id that knows its request and its response."""


@pytest.mark.parametrize("make", [Request, Response])
def test_requests_and_responses_in_cycles_are_collected(make):
    task = Task()
    task.own = make(task, "http://localhost") if make is Request else make(task, 200, {"task": task})
    gone = weakref.ref(task)
    del task
    gc.collect()
    assert gone() is None


def test_a_response_that_was_received_is_collected_with_what_it_holds(server):
    task = Task()
    (task.own,) = Patata(1, verbose=False).http("get", [(task, server.url)])
    task.own.data["task"] = task
    gone = weakref.ref(task)
    del task
    gc.collect()
    assert gone() is None


@pytest.fixture
def short_stall(monkeypatch):
    monkeypatch.setattr(_base, "INPUT_STALL", 0.2)


def waiting_lines(caplog):
    return [
        record.getMessage() for record in caplog.records if "Waiting for the input" in record.getMessage()
    ]


def feeding_on(answered, url):
    """Waits for the response to its first request before it gives the second."""
    yield 0, url
    yield 1, answered.get()


@pytest.mark.usefixtures("short_stall")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("callbacks", [False, True])
def test_an_input_that_waits_for_responses_inside_next_is_told_of(server, caplog, workers, callbacks):
    caplog.set_level(logging.WARNING, "patata")
    answered = queue.Queue()

    def rescue():
        assert eventually(lambda: waiting_lines(caplog))
        answered.put(server.url)

    rescuer = threading.Thread(target=rescue)
    rescuer.start()
    functions = [lambda response: response] if callbacks else []
    responses = Patata(workers).http("get", feeding_on(answered, server.url), callbacks=functions)
    assert [response.status_code for response in responses] == [200, 200]
    rescuer.join()
    (line,) = waiting_lines(caplog)
    assert "generator feeding_on" in line
    assert "test_calls.py, line" in line


@pytest.mark.usefixtures("short_stall")
@pytest.mark.parametrize("kind", ["generator", "asynchronous"])
def test_an_input_of_an_asyncio_call_is_told_of_too(server, caplog, kind):
    caplog.set_level(logging.WARNING, "patata")

    async def waits():
        yield 0, server.url
        while not waiting_lines(caplog):
            await asyncio.sleep(0.01)
        yield 1, server.url

    def blocks():
        yield 0, server.url
        assert eventually(lambda: waiting_lines(caplog))
        yield 1, server.url

    async def main():
        items = waits() if kind == "asynchronous" else blocks()
        async with AsyncPatata(1) as client:
            return [response.status_code async for response in client.http("get", items)]

    assert asyncio.run(asyncio.wait_for(main(), 30)) == [200, 200]
    assert len(waiting_lines(caplog)) == 1


@pytest.mark.usefixtures("short_stall")
def test_a_call_that_waits_for_its_server_or_its_caller_is_not_told_of(server, caplog):
    caplog.set_level(logging.WARNING, "patata")
    slow = [(1, f"{server.url}/delay/700"), (2, server.url)]
    for _ in Patata(1, concurrency=1).http("get", iter(slow)):
        eventually(lambda: False, seconds=0.7)
    with RawServer(lambda *_: eventually(lambda: False, seconds=0.7)) as silent:
        list(Patata(1).http("get", [(1, silent.url)]))

    async def main():
        async with AsyncPatata(1) as client:
            async for _ in client.http("get", iter(slow)):
                await asyncio.sleep(0.7)

    asyncio.run(main())
    assert waiting_lines(caplog) == []


@pytest.mark.usefixtures("short_stall")
def test_a_call_that_logs_nothing_does_not_log_this(server, caplog):
    def blocks():
        yield 0, server.url
        eventually(lambda: False, seconds=0.6)

    assert len(list(Patata(1, verbose=False).http("get", blocks()))) == 1
    assert waiting_lines(caplog) == []
