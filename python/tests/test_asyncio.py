"""AsyncPatata: every kind of input and callback, on asyncio and uvloop, and an event loop that stays free."""

import asyncio
import itertools
import logging
import os
import re
import threading
import time
from collections import deque
from contextlib import aclosing, asynccontextmanager

import pytest
import uvloop
from patata import AsyncPatata, Patata, Request, Response, exceptions
from support import RawServer, answer, eventually

HELLO = {"message": "Hello world!"}
RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}
WORKERS = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture(params=RUNNERS)
def run(request):
    """Runs a coroutine to its end, on each kind of event loop."""
    return RUNNERS[request.param]


async def collect(responses):
    return [response async for response in responses]


def all_of(run, *arguments, workers=1, method="get", **options):
    """The responses of one call."""

    async def main():
        async with AsyncPatata(workers, verbose=False) as client:
            return await collect(client.http(method, *arguments, **options))

    return run(main())


async def each(items):
    for item in items:
        yield item


class Pages:
    """Asynchronous, without being a generator."""

    def __init__(self, items):
        self._items = iter(items)

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        for item in self._items:
            return item
        raise StopAsyncIteration


class Sequence:
    """Iterable in the old way."""

    def __init__(self, items):
        self._items = items

    def __getitem__(self, index):
        return self._items[index]


INPUTS = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "set": set,
    "generator": lambda items: (item for item in items),
    "map": lambda items: map(tuple, items),
    "sequence": Sequence,
    "async generator": each,
    "async iterator": Pages,
}
KINDS = pytest.mark.parametrize("kind", INPUTS)
IN_ORDER = [kind for kind in INPUTS if kind != "set"]
LAZY = pytest.mark.parametrize("kind", ["generator", "async generator"])


# Input


@KINDS
def test_every_kind_of_input_is_answered_once_each(run, server, kind):
    items = [(i, f"{server.url}/") for i in range(3_000)]
    responses = all_of(run, INPUTS[kind](items))
    assert sorted(response.id_ for response in responses) == list(range(3_000))
    assert all((r.status_code, r.data, r.error) == (200, HELLO, None) for r in responses)
    assert server.requests == 3_000


def test_items_may_be_mixed_and_carry_data(run, server):
    url = server.url + "/echo"
    items = [Request(1, url, {"a": 1}), (2, url), (3, url, [3])]
    found = {r.id_: r.data["body"] for r in all_of(run, iter(items), method="post")}
    assert found == {1: '{"a":1}', 2: "", 3: "[3]"}


@KINDS
def test_an_empty_input_ends(run, kind):
    assert all_of(run, INPUTS[kind]([])) == []


@LAZY
def test_an_endless_input_is_left_with_the_loop(run, server, kind):
    async def main():
        items = INPUTS[kind]((i, server.url) for i in itertools.count())
        async with AsyncPatata(1, verbose=False) as client, aclosing(client.http("get", items)) as responses:
            return [await anext(responses) for _ in range(500)]

    assert len(run(main())) == 500


def raising_at_the_end(run, items, error):
    """The ids of the responses that come before the input's error."""
    found = []

    async def take(responses):
        async for response in responses:
            found.append(response.id_)

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            with pytest.raises(error):
                await take(client.http("get", items))

    run(main())
    return sorted(found)


@LAZY
def test_what_the_input_raises_comes_after_all_responses_before_it(run, server, kind):
    def items():
        yield from ((i, server.url) for i in range(300))
        raise LookupError

    assert raising_at_the_end(run, INPUTS[kind](items()), LookupError) == list(range(300))


@pytest.mark.parametrize("kind", IN_ORDER)
def test_an_item_that_is_no_request_is_raised_after_all_responses_before_it(run, server, kind):
    items = [*((i, server.url) for i in range(300)), "no request", (300, server.url)]
    assert raising_at_the_end(run, INPUTS[kind](items), exceptions.InvalidRequestError) == list(range(300))


def test_what_is_no_exception_is_raised_at_once(run, server):
    def items():
        yield 0, f"{server.url}/delay/60000"
        raise SystemExit(5)

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            with pytest.raises(SystemExit, match="5"):
                await anext(client.http("get", items()))

    run(main())


def test_cancellation_inside_an_asynchronous_input_is_raised_at_once(run, server):
    async def failing():
        yield 0, f"{server.url}/delay/60000"
        raise asyncio.CancelledError

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            with pytest.raises(asyncio.CancelledError):
                await anext(client.http("get", failing()))

    run(main())


@LAZY
@pytest.mark.parametrize("queue", [1, 10])
@pytest.mark.parametrize("callbacks", ["none", "plain", "coroutine"])
def test_no_more_is_taken_than_the_queue_may_hold(run, server, kind, queue, callbacks):
    taken = handed = 0

    def items():
        nonlocal taken
        for i in range(100):
            taken += 1
            assert taken <= handed + queue
            yield i, server.url

    async def main():
        nonlocal handed
        functions = {"none": [], "plain": [same], "coroutine": [same_later]}[callbacks]
        async with AsyncPatata(1, verbose=False, queue_max_size=queue) as client:
            async for _ in client.http("get", INPUTS[kind](items()), callbacks=functions):
                handed += 1
                await asyncio.sleep(0)

    run(main())
    assert handed == 100


def test_a_generator_is_advanced_by_one_thread_of_its_own_to_its_very_end(run, server):
    threads = set()

    def items():
        try:
            for i in itertools.count():
                threads.add(threading.get_ident())
                yield i, server.url
        finally:
            threads.add(threading.get_ident())
            threads.add("closed")

    async def main():
        async with (
            AsyncPatata(1, verbose=False) as client,
            aclosing(client.http("get", items())) as responses,
        ):
            async for response in responses:
                if response.id_ > 1_000:
                    break

    run(main())
    assert eventually(lambda: "closed" in threads)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_context_variables_reach_a_generator(run, server):
    import contextvars

    variable = contextvars.ContextVar("variable")

    def items():
        yield variable.get(), server.url

    async def main():
        variable.set("set")
        async with AsyncPatata(1, verbose=False) as client:
            return [response.id_ async for response in client.http("get", items())]

    assert run(main()) == ["set"]


def test_a_request_that_comes_late_is_answered_before_the_next(run, server):
    async def main():
        queue = asyncio.Queue()

        async def items():
            while (item := await queue.get()) is not None:
                yield item

        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", items())
            for i in range(50):
                queue.put_nowait((i, server.url))
                assert (await anext(responses)).id_ == i
            queue.put_nowait(None)
            with pytest.raises(StopAsyncIteration):
                await anext(responses)

    run(main())


# The event loop stays free

LONGEST_GAP = 0.25
"""Seconds of the loop's own CPU time, which other programs do not take: a hundred times what is aimed at."""


@asynccontextmanager
async def ticking():
    """Yields a list in which the longest time is that the event loop worked without letting others go on."""
    longest = [0.0]

    async def tick():
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            longest[0] = max(longest[0], now - last)
            last = now

    task = asyncio.ensure_future(tick())
    try:
        yield longest
    finally:
        task.cancel()


@pytest.mark.parametrize("kind", ["list", "generator", "async generator"])
def test_other_tasks_go_on_while_a_hundred_thousand_responses_stream(run, remote, kind):
    async def main():
        async with AsyncPatata(1, verbose=False) as client, ticking() as longest:
            items = INPUTS[kind]([(i, remote) for i in range(100_000)])
            count = 0
            async for response in client.http("get", items):
                count += response.status_code == 200
            return count, longest[0]

    count, longest = run(main())
    assert count == 100_000
    assert longest < LONGEST_GAP


def test_an_input_that_takes_its_time_does_not_block(run, server):
    threads = set()

    def items():
        for i in range(10):
            threads.add(threading.get_ident())
            time.sleep(0.05)
            yield i, server.url

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            return len(await collect(client.http("get", items())))

    assert run(main()) == 10
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_plain_callback_that_takes_its_time_does_not_block(run, server):
    def slow(response):
        time.sleep(0.4)
        response.data = threading.get_ident()
        return response

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = await collect(client.http("get", [(i, server.url) for i in range(3)], [slow]))
            return {response.data for response in responses}

    threads = run(main())
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_async_input_that_never_waits_leaves_time_for_others(run, server):
    async def main():
        async with AsyncPatata(1, verbose=False) as client, ticking() as longest:
            endless = ((i, f"{server.url}/delay/60000", "x" * 10_000) async for i in each(itertools.count()))
            task = asyncio.ensure_future(collect(client.http("post", endless)))
            await asyncio.sleep(0.3)
            task.cancel()
            await asyncio.wait([task])
            return longest[0]

    assert run(main()) < LONGEST_GAP


# Options, and what is refused


BAD_CALLS = {
    "method": ("no token", [], {}),
    "method's type": (5, [], {}),
    "option": ("get", [], {"unknown": 1}),
    "value": ("get", [], {"concurrency": 0}),
    "retries": ("get", [], {"retries": -1}),
    "timeout": ("get", [], {"timeout": "long"}),
    "callbacks": ("get", [], {"callbacks": [5]}),
    "ordered": ("get", [], {"ordered": 1}),
    "requests": ("get", 5, {}),
    "an item": ("get", [5], {}),
}


def raised_by(action):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        action()
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize("case", BAD_CALLS)
def test_what_is_wrong_with_a_call_is_told_as_patata_tells_it(run, case):
    method, requests, options = BAD_CALLS[case]

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http(method, requests, **options)
            await anext(responses)

    with Patata(1, verbose=False) as client:
        expected = raised_by(lambda: next(client.http(method, requests, **options)))
    assert raised_by(lambda: run(main())) == expected


def test_the_client_checks_its_options_as_patata_does():
    for options in ({"num_workers": -1}, {"verbose_level": 7}, {"nonsense": 1}, {"queue_max_size": "x"}):
        assert raised_by(lambda o=options: AsyncPatata(**o)) == raised_by(lambda o=options: Patata(**o))
    assert AsyncPatata(workers=3).num_workers == AsyncPatata(3).workers == 3
    assert repr(AsyncPatata(3)) == "AsyncPatata(num_workers=3, verbose_level=1)"


def test_nothing_happens_before_the_first_step(run, server):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("no token", [(1, server.url)])
            client.http("get", iter([(1, server.url)]))
            await asyncio.sleep(0.05)
            await responses.aclose()
        assert server.requests == 0

    with pytest.warns(RuntimeWarning, match="never iterated over"):
        run(main())


def test_a_closed_client_says_so_until_it_is_entered_anew(run, server):
    async def main():
        client = AsyncPatata(1, verbose=False)
        await client.aclose()
        with pytest.raises(exceptions.ClientClosedError):
            await anext(client.http("get", [(1, server.url)]))
        async with client:
            assert len(await collect(client.http("get", [(1, server.url)]))) == 1

    run(main())


def test_failures_are_responses(run, server):
    urls = ["no url", "http://127.0.0.1:1/", f"{server.url}/status/404", server.url]
    found = {r.id_: r for r in all_of(run, list(enumerate(urls)))}
    assert [found[i].status_code for i in range(4)] == [500, 500, 404, 200]
    assert isinstance(found[0].error, exceptions.InvalidRequestError)
    assert isinstance(found[1].error, exceptions.ConnectError)


@WORKERS
@pytest.mark.parametrize("kind", IN_ORDER)
def test_ordered_calls_keep_the_order(run, server, kind, workers):
    items = [(i, f"{server.url}/delay/{i * 7 % 20}") for i in range(200)]
    responses = all_of(run, INPUTS[kind](items), workers=workers, ordered=True)
    assert [response.id_ for response in responses] == list(range(200))


def test_several_calls_at_once_have_their_own_responses(run, server):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:

            async def call(number):
                items = ((f"{number}/{i}", f"{server.url}/status/20{number}") for i in range(500))
                return await collect(client.http("get", items))

            return await asyncio.gather(*map(call, range(5)))

    for number, responses in enumerate(run(main())):
        assert {response.id_ for response in responses} == {f"{number}/{i}" for i in range(500)}
        assert {response.status_code for response in responses} == {200 + number}


# Callbacks


def same(response):
    return response


async def same_later(response):
    await asyncio.sleep(0)
    return response


def note(name):
    """A plain callback that notes its name and where it was called."""

    def callback(response):
        before = response.data if isinstance(response.data, list) else []
        response.data = [*before, (name, os.getpid(), threading.get_ident())]
        return response

    return callback


def note_later(name):
    async def callback(response):
        await asyncio.sleep(0.001)
        return note(name)(response)

    return callback


class Later:
    async def __call__(self, response):
        response.data = "called"
        return response


@pytest.mark.parametrize("ordered", [False, True])
@WORKERS
def test_mixed_callbacks_are_called_in_their_order_and_where_they_belong(run, server, workers, ordered):
    callbacks = [note("a"), note_later("b"), note_later("c"), note("d"), note("e"), note_later("f")]
    items = [(i, server.url) for i in range(200)]
    responses = all_of(run, items, workers=workers, callbacks=callbacks, ordered=ordered)
    assert sorted(response.id_ for response in responses) == list(range(200))
    if ordered:
        assert [response.id_ for response in responses] == list(range(200))
    here = (os.getpid(), threading.get_ident())
    for response in responses:
        assert "".join(name for name, *_ in response.data) == "abcdef"
        for name, process, thread in response.data:
            assert ((process, thread) == here) == (name in "bcf")
            assert (process == here[0]) == (workers == 1 or name in "bcf")


@pytest.mark.parametrize("ordered", [False, True])
@WORKERS
def test_plain_callbacks_alone(run, server, workers, ordered):
    items = ((i, server.url) for i in range(2_000))
    responses = all_of(run, items, workers=workers, callbacks=[note("a"), note("b")], ordered=ordered)
    assert sorted(response.id_ for response in responses) == list(range(2_000))
    assert not ordered or [response.id_ for response in responses] == list(range(2_000))
    assert {"".join(name for name, *_ in response.data) for response in responses} == {"ab"}
    places = {place[1:] for response in responses for place in response.data}
    assert (os.getpid(), threading.get_ident()) not in places
    assert len({process for process, _ in places} - {os.getpid()}) == (0 if workers == 1 else 2)


def test_coroutines_are_awaited_many_at_a_time_and_no_more_than_concurrency_says(run, server):
    running, most = 0, 0

    async def callback(response):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return response

    responses = all_of(run, [(i, server.url) for i in range(100)], callbacks=[callback], concurrency=7)
    assert len(responses) == 100
    assert most == 7


OPTIONS = {
    "abort_on": {401},
    "auth": ("user", "password"),
    "concurrency_per_host": 2,
    "connect_timeout": 5,
    "cookies": True,
    "deadline": 60,
    "headers": {"x-key": "value"},
    "idempotency_key": True,
    "max_failures": 0.5,
    "ok_statuses": {200},
    "params": {"page": 1},
    "progress": True,
    "rate": ["1000/s", "100000/min"],
    "rate_per_host": "1000/s",
    "retries": 3,
    "retry_budget": None,
    "retry_statuses": {503},
    "seed": 1,
    "timeout": None,
    "total_timeout": 60,
}


@pytest.mark.parametrize("option", OPTIONS)
def test_coroutines_may_be_called_with_every_option(run, server, option):
    responses = all_of(
        run, [(i, server.url) for i in range(20)], [note_later("a"), note("b")], **{option: OPTIONS[option]}
    )
    assert ["".join(name for name, *_ in response.data) for response in responses] == ["ab"] * 20


KINDS = {"plain": [same], "coroutine": [same_later], "mixed": [same, same_later, same]}
SIZES = [{}, {"queue_max_size": 1}, {"input_chunk_size": 1, "pool_submit_size": 1}]


def ids_of(workers, sizes, ordered, concurrency, callbacks, url):
    """Of the responses of a call with these options."""
    options = {} if concurrency is None else {"concurrency": concurrency}

    async def main():
        async with AsyncPatata(workers, verbose=False, **sizes, **options) as client:
            items = [(i, url) for i in range(20)]
            return await collect(client.http("get", items, KINDS[callbacks], ordered=ordered))

    return [response.id_ for response in asyncio.run(main())]


@pytest.mark.parametrize("callbacks", KINDS)
@pytest.mark.parametrize("concurrency", [None, 1, 5_000, "auto"])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_callbacks_of_every_kind_go_with_every_size_and_order(server, sizes, ordered, concurrency, callbacks):
    ids = ids_of(1, sizes, ordered, concurrency, callbacks, server.url)
    assert (ids if ordered else sorted(ids)) == list(range(20))


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_callbacks_in_processes_go_with_every_size_and_order(server, sizes, ordered):
    ids = ids_of(2, sizes, ordered, "auto", "mixed", server.url)
    assert (ids if ordered else sorted(ids)) == list(range(20))


def test_where_concurrency_is_auto_a_thousand_coroutines_are_awaited_at_once(run, server):
    # None of them ends before all have begun, so none wakes who hands them out.
    enough = asyncio.Event()
    running = 0

    async def callback(response):
        nonlocal running
        running += 1
        if running == 1_000:
            enough.set()
        await enough.wait()
        return response

    items = [(i, server.url) for i in range(1_000)]
    assert len(all_of(run, items, callbacks=[callback], concurrency="auto")) == 1_000


def test_a_slow_coroutine_holds_back_the_others_only_where_ordered(run, server):
    async def callback(response):
        await asyncio.sleep(0.3 if response.id_ == 0 else 0)
        return response

    items = [(i, server.url) for i in range(50)]
    assert all_of(run, items, callbacks=[callback])[-1].id_ == 0
    in_order = all_of(run, items, callbacks=[callback], ordered=True)
    assert [response.id_ for response in in_order] == list(range(50))


def test_an_object_may_be_called_as_a_coroutine(run, server):
    assert [r.data for r in all_of(run, [(1, server.url)], callbacks=[Later()])] == ["called"]


@WORKERS
@pytest.mark.parametrize("kind", ["plain", "coroutine", "before a coroutine", "after a coroutine"])
def test_a_callback_that_raises_costs_its_own_response_and_the_later_ones(run, server, workers, kind):
    def failing(response):
        if response.id_ == 3:
            raise ZeroDivisionError("three")
        return response

    async def failing_later(response):
        await asyncio.sleep(0)
        return failing(response)

    callbacks = {
        "plain": [failing, note("later")],
        "coroutine": [failing_later, note_later("later")],
        "before a coroutine": [failing, note_later("later")],
        "after a coroutine": [same_later, failing, note("later")],
    }[kind]
    found = {r.id_: r for r in all_of(run, [(i, server.url) for i in range(10)], callbacks, workers=workers)}
    assert found.keys() == set(range(10))
    for id_, response in found.items():
        if id_ == 3:
            assert response.status_code == 500
            assert type(response.data) is ZeroDivisionError
            assert type(response.error) is exceptions.CallbackError
            assert response.error.__cause__ is response.data
        else:
            assert [name for name, *_ in response.data] == ["later"]


@WORKERS
@pytest.mark.parametrize("kind", ["plain", "coroutine", "mixed", "cancelled"])
def test_callbacks_that_fail_count_as_failed_by_their_error_and_no_longer_by_their_status(
    run, server, workers, kind
):
    def failing(response):
        response.status_code = 404 if response.status_code == 200 else 200
        raise ZeroDivisionError

    async def failing_later(response):
        await asyncio.sleep(0)
        return failing(response)

    async def cancelled(response):
        response.status_code = 404 if response.status_code == 200 else 200
        raise asyncio.CancelledError

    callbacks = {
        "plain": [failing],
        "coroutine": [failing_later],
        "mixed": [same_later, failing],
        "cancelled": [cancelled],
    }[kind]

    async def main():
        async with AsyncPatata(workers, verbose=False) as client:
            items = [(i, f"{server.url}/status/{200 + 204 * (i % 2)}") for i in range(10)]
            responses = await collect(client.http("get", items, callbacks))
            return responses, client.receipt

    responses, receipt = run(main())
    assert all(r.error.status_code == 200 + 204 * (r.id_ % 2) for r in responses)
    assert (receipt.submitted, receipt.ok, receipt.failed, receipt.cancelled) == (10, 0, 10, 0)
    assert (receipt.errors, receipt.failed_statuses) == ({"CallbackError": 10}, {})


@pytest.mark.parametrize("result", [None, 42])
def test_a_coroutine_that_returns_no_response_costs_its_own_response(run, server, result):
    async def callback(response):
        return result if response.id_ == 3 else response

    found = {r.id_: r for r in all_of(run, [(i, server.url) for i in range(5)], callbacks=[callback])}
    assert [found[i].status_code for i in range(5)] == [200, 200, 200, 500, 200]
    assert isinstance(found[3].data, TypeError)
    assert repr(result) in str(found[3].data)


@WORKERS
def test_a_plain_function_that_returns_a_coroutine_costs_its_own_response(run, server, workers):
    def callback(response):
        return same_later(response) if response.id_ == 3 else response

    found = {r.id_: r for r in all_of(run, [(i, server.url) for i in range(5)], [callback], workers=workers)}
    assert [found[i].status_code for i in range(5)] == [200, 200, 200, 500, 200]
    assert isinstance(found[3].data, TypeError)


def test_a_coroutine_that_is_cancelled_from_within_costs_its_own_response(run, server):
    async def callback(response):
        if response.id_ == 3:
            raise asyncio.CancelledError
        return response

    found = {r.id_: r for r in all_of(run, [(i, server.url) for i in range(5)], callbacks=[callback])}
    assert [found[i].status_code for i in range(5)] == [200, 200, 200, 500, 200]
    assert isinstance(found[3].data, asyncio.CancelledError)


def test_a_callback_process_that_dies_costs_only_what_it_held(run, server):
    def deadly(response):
        if response.id_ == 100:
            os._exit(1)
        return response

    items = [(i, server.url) for i in range(500)]

    async def main():
        async with AsyncPatata(2, verbose=False, pool_submit_size=10) as client:
            return await collect(client.http("get", items, callbacks=[deadly]))

    found = {r.id_: r for r in run(main())}
    assert found.keys() == set(range(500))
    assert isinstance(found[100].data, exceptions.CallbackProcessError)
    assert sum(response.status_code == 200 for response in found.values()) >= 480


def test_callbacks_that_cannot_be_sent_raise_before_anything_happens(run, server):
    lock = threading.Lock()

    def callback(response):
        with lock:
            return response

    with pytest.raises((TypeError, ValueError)):
        all_of(run, [(1, server.url)], [callback], workers=2)
    assert server.requests == 0
    assert [r.status_code for r in all_of(run, [(1, server.url)], [callback])] == [200]


def test_patata_refuses_coroutine_functions_and_names_who_takes_them(server):
    for function in (same_later, Later()):
        with Patata(1, verbose=False) as client, pytest.raises(TypeError, match="AsyncPatata"):
            next(client.http("get", [(1, server.url)], callbacks=[function]))
    assert server.requests == 0


def test_ids_come_back_as_the_same_objects(run, server):
    ids = [object(), [1], {"a": []}, None]
    for callbacks in ([], [same], [same_later]):
        responses = all_of(run, [(id_, server.url) for id_ in ids], callbacks=callbacks, ordered=True)
        assert all(r.id_ is id_ for r, id_ in zip(responses, ids, strict=True))


def test_a_callback_may_make_a_new_response(run, server):
    async def callback(response):
        return Response(response.id_, 201, "new")

    assert all_of(run, [(1, server.url)], callbacks=[callback]) == [Response(1, 201, "new")]


# The log


def log_of(caplog, action):
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="patata"):
        action()
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "patata"]
    return [
        (level, re.sub(r"\d+\.\d+", "N", line) if "(s)" in line or "/s" in line else line)
        for level, line in lines
    ]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 10, 25])
@pytest.mark.parametrize("callbacks", [[], [same]])
def test_the_log_is_that_of_patata(run, server, caplog, level, count, callbacks):
    options = {"num_workers": 1, "verbose_level": level, "input_chunk_size": 10, "ordered": True}
    items = [(i, f"{server.url}/status/{404 if i == 3 else 200}") for i in range(count)]

    def here():
        with Patata(**options) as client:
            assert len(list(client.http("get", items, callbacks=callbacks))) == count

    async def there():
        async with AsyncPatata(**options) as client:
            assert len(await collect(client.http("get", items, callbacks=callbacks))) == count

    expected = log_of(caplog, here)
    assert log_of(caplog, lambda: run(there())) == expected
    assert bool(expected) == (level > 0)


# Loops that cannot watch a file descriptor


class ProactorLike(asyncio.SelectorEventLoop):
    """What the event loop of Windows says."""

    def add_reader(self, *_arguments):
        raise NotImplementedError

    def remove_reader(self, *_arguments):
        raise NotImplementedError


@pytest.mark.parametrize("callbacks", [[], [same], [same_later]])
def test_a_loop_that_cannot_watch_descriptors_is_woken_by_a_thread(server, callbacks):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            items = ((i, f"{server.url}/delay/1") for i in range(300))
            return await collect(client.http("get", items, callbacks=callbacks))

    loop = ProactorLike()
    try:
        assert len(loop.run_until_complete(main())) == 300
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    assert eventually(lambda: "patata-wakeup" not in {thread.name for thread in threading.enumerate()})


def test_the_first_response_does_not_wait_for_the_second(run):
    release = threading.Event()

    def serve(_connection, head, _body):
        if b"/slow" in head:
            release.wait(30)
        return answer(b"{}")

    async def main(url):
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", [(1, url + "/slow"), (2, url)])
            assert (await anext(responses)).id_ == 2
            release.set()
            assert (await anext(responses)).id_ == 1
            await responses.aclose()

    with RawServer(serve) as server:
        run(main(server.url))
