"""Calls that end by themselves: too many failures, or a status that ends all."""

import asyncio
import itertools
import pickle

import pytest
from patata import AsyncPatata, Patata, TooManyFailures


def same(response):
    return response


def endless(server, every=10):
    """Each tenth is a 404."""
    return (
        (i, f"{server.url}/status/404" if i % every == every - 1 else server.url) for i in itertools.count()
    )


def taken(calls):
    """What was yielded, and what was raised."""
    responses = []
    try:
        for response in calls:
            responses.append(response)
    except TooManyFailures as stop:
        return responses, stop
    return responses, None


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("callbacks", [[], [same]])
def test_what_is_done_is_yielded_before_it_is_raised(server, workers, ordered, callbacks):
    with Patata(workers, verbose=False, max_failures=5, ordered=ordered) as client:
        responses, stop = taken(client.http("get", endless(server), callbacks=callbacks))
        receipt = client.receipt
    assert stop.failures == 6
    assert stop.reasons == {"status 404": 6}
    assert len(stop.examples) == 3
    assert all("/status/404: 404 Not Found" in example for example in stop.examples)
    assert "max_failures=5" in str(stop)
    assert len({response.id_ for response in responses}) == len(responses)
    assert len(responses) == receipt.ok + receipt.failed
    assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled
    if ordered:
        ids = [response.id_ for response in responses]
        assert ids == sorted(ids)


def test_a_share_is_judged_from_the_hundredth_on(server):
    with Patata(1, verbose=False, max_failures=0.05) as client:
        _, stop = taken(client.http("get", endless(server)))
        assert 100 <= stop.requests < 200
        assert stop.failures > 0.05 * stop.requests
        responses, stop = taken(client.http("get", itertools.islice(endless(server), 99)))
        assert (len(responses), stop) == (99, None)
        responses, stop = taken(client.http("get", itertools.islice(endless(server), 1000), max_failures=0.2))
        assert (len(responses), stop) == (1000, None)


def test_what_counts_as_success_is_no_failure(server):
    requests = list(itertools.islice(endless(server), 100))
    with Patata(1, verbose=False, max_failures=0, ok_statuses={200, 404}) as client:
        assert len(list(client.http("get", requests))) == 100
        assert client.receipt.ok == 100
        with pytest.raises(TooManyFailures, match="abort_on has 404"):
            list(client.http("get", requests, abort_on={404}))


def test_failures_without_an_answer_count_too(server):
    requests = [(1, "http://127.0.0.1:1/"), *((i, server.url) for i in range(10))]
    with Patata(1, verbose=False, max_failures=0, concurrency=1) as client:
        _, stop = taken(client.http("get", requests))
    (reason,) = stop.reasons
    assert reason == "connect error"
    assert "127.0.0.1:1" in stop.examples[0]


def test_retries_come_before_the_judgement(server):
    requests = [(i, f"{server.url}/flaky/{i}/2") for i in range(20)]
    with Patata(1, verbose=False, max_failures=0, retries=3, backoff=0) as client:
        assert {response.status_code for response in client.http("get", requests)} == {200}


@pytest.mark.parametrize("callbacks", [[], [same]])
def test_asynchronous_calls_end_likewise(server, callbacks):
    async def main():
        responses = []
        async with AsyncPatata(2, verbose=False, max_failures=5) as client:
            try:
                async for response in client.http("get", endless(server), callbacks=callbacks):
                    responses.append(response)
            except TooManyFailures as stop:
                return responses, stop, client.receipt

    responses, stop, receipt = asyncio.run(main())
    assert stop.failures == 6
    assert len(responses) == receipt.ok + receipt.failed
    assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled


def test_it_can_be_pickled():
    stop = TooManyFailures("message", 2, 3, {"status 404": 2}, ["http://a/: 404"])
    again = pickle.loads(pickle.dumps(stop))
    assert (str(again), again.failures, again.requests, again.reasons, again.examples) == (
        "message",
        2,
        3,
        {"status 404": 2},
        ["http://a/: 404"],
    )
