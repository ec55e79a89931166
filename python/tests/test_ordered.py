"""Responses in the order of the input, with and without callbacks, and what that may cost in memory."""

import itertools
import random
import time

import pytest
from patata import Patata, Request

BOTH = pytest.mark.parametrize("workers", [1, 2])


def late(server, count, seed=1):
    """Requests that are answered after delays of all lengths."""
    delays = random.Random(seed)
    return [Request(i, f"{server.url}/delay/{delays.choice([0, 0, 0, 5, 30])}") for i in range(count)]


def ids(responses):
    return [response.id_ for response in responses]


def same(response):
    return response


@BOTH
def test_responses_come_in_the_order_of_the_input(server, workers):
    with Patata(workers, verbose=False, ordered=True) as client:
        assert ids(client.http("get", late(server, 1_000))) == list(range(1_000))


def test_a_call_may_say_otherwise_than_its_client(server):
    items = [Request(0, f"{server.url}/delay/300"), *(Request(i, server.url) for i in range(1, 50))]
    with Patata(1, verbose=False) as client:
        assert ids(client.http("get", items))[-1] == 0
        assert ids(client.http("get", items, ordered=True)) == list(range(50))
    with Patata(1, verbose=False, ordered=True) as client:
        assert ids(client.http("get", items, ordered=False))[-1] == 0


@BOTH
@pytest.mark.parametrize("callbacks", [[], [same]])
def test_failures_keep_their_place(server, workers, callbacks):
    urls = [f"{server.url}/delay/20", "no url", server.url, "http://127.0.0.1:1/", f"{server.url}/status/404"]
    items = [Request(i, urls[i % 5]) for i in range(200)]
    with Patata(workers, verbose=False, ordered=True) as client:
        responses = list(client.http("get", items, callbacks=callbacks))
    assert ids(responses) == list(range(200))
    assert [response.status_code for response in responses] == [200, 500, 200, 500, 404] * 40


@BOTH
def test_callbacks_keep_the_order_whatever_they_take(server, workers):
    def uneven(response):
        time.sleep((response.id_ * 7 % 5) / 1000)
        response.data = response.id_ * 2
        return response

    with Patata(workers, verbose=False, ordered=True, pool_submit_size=7) as client:
        responses = list(client.http("get", late(server, 300), callbacks=[uneven]))
    assert [(r.id_, r.data) for r in responses] == [(i, 2 * i) for i in range(300)]


def test_what_callback_processes_lose_or_cannot_take_keeps_its_place(server):
    import os
    import threading

    def deadly(response):
        if response.id_ == 150:
            os._exit(1)
        return response

    lock = threading.Lock()
    items = [(lock if i == 60 else i, server.url) for i in range(300)]
    with Patata(2, verbose=False, ordered=True, pool_submit_size=10) as client:
        responses = list(client.http("get", items, callbacks=[deadly]))
    assert ids(responses) == [lock if i == 60 else i for i in range(300)]
    assert {responses[60].status_code, responses[150].status_code} == {500}


@BOTH
@pytest.mark.parametrize("callbacks", [[], [same]])
@pytest.mark.parametrize("queue", [1, 10])
def test_what_waits_for_its_turn_counts_against_the_queue(server, workers, callbacks, queue):
    taken, handed = 0, 0

    def items():
        nonlocal taken
        for i in range(60):
            taken += 1
            assert taken <= handed + queue
            yield i, f"{server.url}/delay/{50 if i % 20 == 0 else 0}"

    with Patata(workers, verbose=False, ordered=True, queue_max_size=queue) as client:
        for response in client.http("get", items(), callbacks=callbacks):
            assert response.id_ == handed
            handed += 1
    assert handed == 60


def test_a_slow_callback_at_the_front_holds_the_others_within_the_queue(server):
    taken = itertools.count()
    last = 0

    def slow(response):
        time.sleep(0.5 if response.id_ == 0 else 0)
        return response

    def items():
        nonlocal last
        for last in itertools.islice(taken, 500):
            yield last, server.url

    with Patata(2, verbose=False, ordered=True, queue_max_size=50, pool_submit_size=5) as client:
        responses = client.http("get", items(), callbacks=[slow])
        assert next(responses).id_ == 0
        assert last <= 50 + 5
        assert ids(responses) == list(range(1, 500))


@BOTH
def test_what_the_input_raises_comes_after_all_responses_before_it(server, workers):
    def items():
        yield from late(server, 100)
        raise LookupError("the end")

    with Patata(workers, verbose=False, ordered=True) as client:
        responses = client.http("get", items())
        assert ids(itertools.islice(responses, 100)) == list(range(100))
        with pytest.raises(LookupError, match="the end"):
            next(responses)


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_a_value_that_is_no_bool_is_named(value):
    with pytest.raises(ValueError, match="ordered must be True or False, got"):
        Patata(ordered=value)
