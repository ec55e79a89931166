"""What ``http()`` returns: a generator that can be asked how far it is, and told to go slower or to end."""

import asyncio
import collections.abc
import gc
import os
import pickle
import signal
import threading
import time
import weakref
from contextlib import aclosing

import patata
import pytest
import uvloop
from patata import AsyncPatata, Patata, Progress
from patata.exceptions import CallCancelledError, ClientClosedError, EndedEarly
from support import eventually

RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}


@pytest.fixture(params=RUNNERS)
def run(request):
    """Runs a coroutine to its end, on each kind of event loop."""
    return RUNNERS[request.param]


def gets(server, count, path="/"):
    return ((id_, server.url + path) for id_ in range(count))


# A generator to the eye


def test_it_is_a_generator_to_the_eye(server, client):
    responses = client.http("get", gets(server, 4))
    assert isinstance(responses, patata.Responses)
    assert isinstance(responses, collections.abc.Generator)
    assert iter(responses) is responses
    assert weakref.ref(responses)() is responses
    assert next(responses).ok
    assert responses.send(None).ok
    with pytest.raises(KeyError, match="mine") as raised:
        responses.throw(KeyError("mine"))
    assert raised.value.receipt.submitted == 4
    with pytest.raises(StopIteration):
        next(responses)
    responses.close()


def test_it_may_be_delegated_to(server, client):
    def relayed():
        yield from client.http("get", gets(server, 5))

    assert len(list(relayed())) == 5


@pytest.mark.parametrize("arguments", [(KeyError,), (KeyError, KeyError("mine")), (KeyError("mine"),)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_exception_that_is_thrown_in_before_the_first_step_ends_it(server, client, arguments):
    responses = client.http("get", gets(server, 4))
    with pytest.raises(KeyError):
        responses.throw(*arguments)
    assert list(responses) == []
    assert responses.receipt is None
    assert server.requests == 0


def test_a_value_cannot_be_sent_before_the_first_step(server, client):
    responses = client.http("get", gets(server, 4))
    with pytest.raises(TypeError, match="just-started generator"):
        responses.send(1)
    responses.close()


def test_it_is_an_asynchronous_generator_to_the_eye(server, run):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", gets(server, 4))
            assert isinstance(responses, patata.AsyncResponses)
            assert isinstance(responses, collections.abc.AsyncGenerator)
            assert aiter(responses) is responses
            assert weakref.ref(responses)() is responses
            assert (await anext(responses)).ok
            assert (await responses.asend(None)).ok
            with pytest.raises(KeyError, match="mine") as raised:
                await responses.athrow(KeyError("mine"))
            assert raised.value.receipt.submitted == 4
            with pytest.raises(StopAsyncIteration):
                await anext(responses)
            async with aclosing(client.http("get", gets(server, 4))) as others:
                assert (await anext(others)).ok
            assert others.receipt.submitted == 4

    run(main())


def test_only_generators_can_be_passed_on():
    with pytest.raises(TypeError):
        patata.Responses([1], None)
    with pytest.raises(TypeError, match="no asynchronous generator"):
        patata.AsyncResponses([1], None)


def test_one_that_was_cancelled_or_closed_before_its_first_step_does_not_warn(server, client, recwarn):
    client.http("get", gets(server, 1)).close()
    responses = client.http("get", gets(server, 1))
    responses.cancel()
    del responses
    gc.collect()
    assert not recwarn.list


def test_one_that_is_never_iterated_over_warns_of_its_place(server, client):
    with pytest.warns(RuntimeWarning, match="never iterated over") as warned:
        client.http("get", gets(server, 1))
    assert warned[0].filename == __file__


def test_the_garbage_collector_sees_what_it_holds(server, client):
    class Job:
        def __init__(self):
            self.url = server.url
            self.responses = client.http("get", self.items())

        def items(self):
            yield 1, server.url
            yield 2, self.url

    jobs = [Job(), Job()]
    assert next(jobs[1].responses).ok
    seen = [weakref.ref(job) for job in jobs]
    del jobs
    with pytest.warns(RuntimeWarning, match="never iterated over"):
        gc.collect()
    assert [job() for job in seen] == [None, None]


# Accounts


def test_the_receipt_is_none_then_so_far_and_then_final(server, client):
    responses = client.http("get", [*gets(server, 5), (5, server.url + "/status/404")])
    assert responses.receipt is None
    first = next(responses)
    assert first.ok
    assert responses.receipt.ok == 1
    assert responses.receipt.submitted == 6
    assert responses.receipt.cancelled == 0
    list(responses)
    assert responses.receipt.ok == 5
    assert responses.receipt.failed_statuses == {404: 1}
    assert responses.receipt is responses.receipt is client.receipt


def test_each_call_has_its_own_receipt(server, client):
    one, two = client.http("get", gets(server, 3)), client.http("get", gets(server, 2))
    assert (next(one).ok, next(two).ok) == (True, True)
    list(two)
    assert client.receipt is two.receipt
    list(one)
    assert client.receipt is one.receipt
    assert (one.receipt.ok, two.receipt.ok) == (3, 2)


def test_callbacks_that_fail_are_in_the_receipt_so_far(server, client):
    def fails(response):
        raise KeyError(response.id_)

    responses = client.http("get", gets(server, 3), callbacks=[fails])
    next(responses)
    assert (responses.receipt.ok, responses.receipt.errors) == (0, {"CallbackError": 1})
    list(responses)
    assert responses.receipt.errors == {"CallbackError": 3}


def test_the_accounts_may_be_asked_for_while_another_thread_waits(server, client):
    responses = client.http("get", [(1, server.url), (2, server.url + "/delay/1500")])
    assert next(responses).ok
    waiting = threading.Thread(target=lambda: list(responses))
    waiting.start()
    assert eventually(lambda: responses.progress().in_flight == 1)
    while waiting.is_alive():
        receipt, progress = responses.receipt, responses.progress()
        assert receipt.submitted == progress.submitted == 2
        assert receipt.ok in (1, 2)
        time.sleep(0.01)
    assert responses.receipt.ok == 2


def test_the_input_may_ask_how_far_its_own_call_is(server):
    seen = []

    def items():
        for id_ in range(50):
            seen.append((responses[0].receipt, responses[0].progress()))
            yield id_, server.url

    responses = [Patata(1, queue_max_size=5, verbose=False).http("get", items())]
    assert len(list(responses[0])) == 50
    # At its own first item it has begun.
    assert seen[0][0].submitted == 0
    for receipt, progress in seen:
        assert receipt.submitted == progress.submitted
        assert receipt.ok + receipt.failed == progress.done
    assert seen[-1][1].done > 30


def test_the_progress_before_during_and_after(server, client):
    responses = client.http("get", [*gets(server, 3), (3, server.url + "/status/404"), (4, "nonsense")])
    assert responses.progress() == Progress(0, 0, 0, 0, "consumer", ())
    next(responses)
    assert responses.progress().submitted == 5
    assert responses.progress().done == 1
    list(responses)
    assert responses.progress() == Progress(5, 5, 2, 0, "consumer", ())
    assert pickle.loads(pickle.dumps(responses.progress())) == responses.progress()
    with pytest.raises(AttributeError):
        responses.progress().done = 6


def test_the_accounts_of_an_asyncio_call(server, run):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", [(1, server.url), (2, server.url + "/delay/300")])
            assert responses.receipt is None
            assert responses.progress() == Progress()
            assert (await anext(responses)).id_ == 1
            assert (responses.receipt.submitted, responses.receipt.ok) == (2, 1)
            assert responses.progress()[:3] == (2, 1, 0)
            assert (await anext(responses)).id_ == 2
            with pytest.raises(StopAsyncIteration):
                await anext(responses)
            assert responses.receipt is client.receipt
            assert responses.progress() == Progress(2, 2, 0)

    run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_the_child_of_a_fork_can_ask_and_does_not_hang(script):
    printed = script(
        """
        import os, warnings
        from patata import Patata
        from patata.testing import Server
        warnings.simplefilter("ignore", DeprecationWarning)

        with Server() as server, Patata(1, verbose=False) as client:
            responses = client.http("get", [(1, server.url), (2, server.url + "/delay/200")])
            next(responses)
            if (child := os.fork()) == 0:
                print(responses.receipt.ok, flush=True)
                for ask in (responses.progress, lambda: responses.set(rate="1/s")):
                    try:
                        ask()
                    except Exception as error:
                        print(type(error).__name__, flush=True)
                responses.cancel()
                os._exit(0)
            os.waitpid(child, 0)
            print(len(list(responses)), responses.receipt.ok)
        """
    )
    assert printed.split() == ["1", "ForkedError", "ForkedError", "1", "2"]


# Ending


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]])
@pytest.mark.parametrize("workers", [1, 2])
def test_cancelling_from_another_thread_is_told_to_who_takes_responses(server, workers, callbacks):
    with Patata(workers, verbose=False) as client:
        responses = client.http("get", gets(server, 10, "/delay/60000"), callbacks=callbacks)
        threading.Timer(0.2, responses.cancel).start()
        with pytest.raises(CallCancelledError, match="the call was cancelled") as raised:
            list(responses)
        assert isinstance(raised.value, EndedEarly)
        assert not isinstance(raised.value, ClientClosedError)
        assert raised.value.receipt is responses.receipt is client.receipt
        assert responses.receipt.cancelled == 10
        assert list(responses) == []
        responses.cancel()
        # The client and its other calls do not notice.
        assert client.get(server.url).ok


def test_cancelling_before_the_first_step_sends_nothing(server, client):
    responses = client.http("get", gets(server, 3))
    responses.cancel()
    with pytest.raises(CallCancelledError):
        next(responses)
    assert server.requests == 0
    assert responses.receipt is None
    assert responses.progress() == Progress()


def test_cancelling_after_the_end_changes_nothing(server, client):
    responses = client.http("get", gets(server, 3))
    assert len(list(responses)) == 3
    responses.cancel()
    assert next(responses, None) is None
    assert (responses.receipt.ok, responses.receipt.cancelled) == (3, 0)


def test_a_signal_handler_may_cancel(server, client):
    responses = client.http("get", gets(server, 3, "/delay/60000"))
    before = signal.signal(signal.SIGALRM, lambda *_: responses.cancel())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(CallCancelledError):
            next(responses)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_closing_the_client_is_still_told_as_that(server):
    client = Patata(1, verbose=False)
    responses = client.http("get", gets(server, 3, "/delay/60000"))
    threading.Timer(0.2, client.close).start()
    with pytest.raises(ClientClosedError):
        next(responses)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("from_thread", [False, True])
def test_an_asyncio_call_is_cancelled(server, run, from_thread, slow):
    async def later(response):
        await asyncio.sleep(60)
        return response

    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            path, callbacks = ("/", [later]) if slow else ("/delay/60000", [])
            responses = client.http("get", gets(server, 10, path), callbacks=callbacks, concurrency=2)
            if from_thread:
                threading.Timer(0.2, responses.cancel).start()
            else:
                asyncio.get_running_loop().call_later(0.2, responses.cancel)
            with pytest.raises(CallCancelledError) as raised:
                await anext(responses)
            assert raised.value.receipt is responses.receipt is client.receipt
            assert (await client.get(server.url)).ok
            unbegun = client.http("get", gets(server, 10))
            unbegun.cancel()
            with pytest.raises(CallCancelledError):
                await anext(unbegun)

    run(main())


# Other limits


def test_a_rate_that_is_set_holds_at_once(server, client):
    responses = client.http("get", gets(server, 40), rate="10/s")
    next(responses)
    begun = time.monotonic()
    responses.set(rate=None)
    assert len(list(responses)) == 39
    # At ten a second it would take four seconds.
    assert time.monotonic() - begun < 3


def test_what_is_set_before_the_first_step_is_kept_for_it(server, client):
    responses = client.http("get", gets(server, 20))
    responses.set(rate="100/s")
    responses.set(concurrency=1)
    responses.set(rate="20/s")
    begun = time.monotonic()
    assert len(list(responses)) == 20
    assert time.monotonic() - begun > 0.9
    assert server.connections == 1


def test_a_concurrency_that_is_set_holds_at_once(server, client):
    responses = client.http("get", gets(server, 30, "/delay/20"), concurrency=1)
    next(responses)
    assert responses.progress().in_flight <= 1
    responses.set(concurrency=10)
    seen = [responses.progress().in_flight for _ in responses]
    assert 1 < max(seen) <= 10
    other = client.http("get", gets(server, 40, "/delay/20"), concurrency=20)
    next(other)
    other.set(concurrency=None)
    assert len(list(other)) == 39


def test_limits_of_the_client_go_on_holding(server):
    with Patata(1, verbose=False, concurrency=2) as client:
        responses = client.http("get", gets(server, 20, "/delay/10"))
        responses.set(concurrency=50)
        assert max(responses.progress().in_flight for _ in responses) <= 2
        assert server.connections <= 2


def test_an_asyncio_call_is_given_other_limits(server, run):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            responses = client.http("get", gets(server, 40))
            responses.set(rate="10/s")
            await anext(responses)
            await asyncio.to_thread(responses.set, rate=["1000/s", "100000/day"])
            begun = time.monotonic()
            assert len([response async for response in responses]) == 39
            assert time.monotonic() - begun < 3
            with pytest.raises(ValueError, match="the call has ended"):
                responses.set(rate="10/s")

    run(main())


BAD = [
    ({"rate": "fast"}, 'rate.*"fast"'),
    ({"rate": 100}, "rate.*100"),
    ({"rate": ["10/s", "0/s"]}, "rate.*0/s"),
    ({"rate": b"10/s"}, "rate.*b'10/s'"),
    ({"concurrency": 0}, "concurrency.*0"),
    ({"concurrency": -1}, "concurrency.*-1"),
    ({"concurrency": "auto"}, "concurrency.*'auto'"),
    ({"concurrency": 1.5}, "concurrency.*1.5"),
    ({"concurrency": True}, "concurrency.*True"),
    ({"rate": "10/s", "concurrency": "many"}, "concurrency.*'many'"),
    ({"rate": "often", "concurrency": 1}, 'rate.*"often"'),
    ({}, "rate, concurrency or budgets"),
]


@pytest.mark.parametrize(("given", "told"), BAD)
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_bad_value_is_named_at_once_and_changes_nothing(server, client, given, told, moment):
    responses = client.http("get", gets(server, 5))
    if moment != "before":
        next(responses)
    if moment == "after":
        list(responses)
    with pytest.raises(ValueError, match=told):
        responses.set(**given)
    assert len(list(responses)) == {"before": 5, "during": 4, "after": 0}[moment]


def test_only_limits_can_be_set(client):
    responses = client.http("get", [])
    with pytest.raises(TypeError, match="timeout"):
        responses.set(timeout=5)
    with pytest.raises(TypeError):
        responses.set("10/s")
    list(responses)


@pytest.mark.parametrize("how", ["exhausted", "closed", "closed unbegun", "failed", "bad method"])
def test_a_call_that_has_ended_takes_no_limits(server, client, how):
    method = "a method" if how == "bad method" else "get"
    responses = client.http(method, [(1, server.url), *([5] if how == "failed" else [])])
    if how == "exhausted":
        list(responses)
    elif how == "closed unbegun":
        responses.close()
    elif how == "closed":
        next(responses)
        responses.close()
    else:
        with pytest.raises(ValueError, match="not"):
            list(responses)
    for limits in ({"rate": "10/s"}, {"concurrency": 5}):
        with pytest.raises(ValueError, match="the call has ended"):
            responses.set(**limits)
    assert responses.progress().in_flight == 0


# Several threads


def test_threads_may_ask_and_tell_all_the_time(server):
    with Patata(2, verbose=False) as client:
        responses = client.http("get", gets(server, 3_000))
        has_ended = threading.Event()
        errors = []

        def bother(ask):
            while not has_ended.is_set():
                try:
                    ask()
                except ValueError as error:
                    if "has ended" not in str(error):
                        errors.append(error)
                except Exception as error:
                    errors.append(error)

        asks = [
            lambda: responses.receipt,
            responses.progress,
            lambda: responses.set(concurrency=20, rate="100000/s"),
            lambda: client.receipt,
        ]
        threads = [threading.Thread(target=bother, args=(ask,)) for ask in asks]
        for thread in threads:
            thread.start()
        assert {response.id_ for response in responses} == set(range(3_000))
        has_ended.set()
        for thread in threads:
            thread.join()
        assert errors == []
        assert responses.receipt.ok == 3_000
