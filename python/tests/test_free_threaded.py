"""Eight threads at once, on one client and on all else that they may share: nothing is lost or made twice.

With Python's own lock that is easier to keep than without it: they run on a free-threaded interpreter too.
"""

import asyncio
import copy
import json
import pickle
import sys
import sysconfig
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress

import pytest
from patata import AsyncPatata, Budget, Patata, Request, Response, RunFolder, exceptions
from support import RawServer

THREADS = 8

IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def at_once(work, count=THREADS):
    """Does ``work``, which gets a number, on so many threads that begin together. Gives what it returned."""
    barrier = threading.Barrier(count, timeout=60)
    results, errors = [None] * count, []

    def one(number):
        try:
            barrier.wait()
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return results


@contextmanager
def beside(*works):
    """Does each again and again, on a thread of its own, while the block runs; at least once."""
    is_over, errors = threading.Event(), []

    def one(work):
        try:
            work()
            while not is_over.is_set():
                work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert errors == []


def only(values):
    """The one object that all of them are."""
    first, *others = values
    assert all(value is first for value in others)
    return first


def has_lock():
    """Whether Python's lock is held by who runs."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


# The interpreter


def test_the_module_leaves_a_free_threaded_interpreter_as_it_is():
    # By now this process has imported it, and all that the tests want.
    assert has_lock() is not IS_FREE_THREADED


def test_the_first_use_may_be_that_of_eight_threads(script):
    source = """
        import datetime, decimal, sys, threading, uuid
        from patata.testing import Server

        server = Server()
        barrier, seen = threading.Barrier(8), []

        def work(number):
            barrier.wait()
            from patata import Patata

            body = [datetime.date(2024, 2, 29), uuid.UUID(int=number), decimal.Decimal("1.5")]
            with Patata(num_workers=1, verbose=False) as client:
                response = client.post(server.url + "/echo", json=body)
                seen.append((response.json()["body"], response.headers["content-type"]))
                assert client.get("http://127.0.0.1:1/").error.request_sent is False

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.stop()
        has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
        print(len({body for body, _ in seen}), len(seen), has_lock)
    """
    assert script(source).split() == ["8", "8", str(not IS_FREE_THREADED)]


# One client


def test_eight_threads_make_calls_on_one_client(server, client):
    def calls(number):
        ids = [(number, id_) for id_ in range(300)]
        return Counter(response.id_ for response in client.http("get", ((id_, server.url) for id_ in ids)))

    seen = sum(at_once(calls), Counter())
    assert len(seen) == 300 * THREADS
    assert set(seen.values()) == {1}
    assert client.receipt.ok == 300


def test_eight_threads_send_requests_one_by_one_on_one_client(server, client):
    url = server.url + "/echo"

    def requests(number):
        return [client.post(url, json=[number, each]).json()["body"] for each in range(100)]

    for number, bodies in enumerate(at_once(requests)):
        assert bodies == [json.dumps([number, each], separators=(",", ":")) for each in range(100)]


def test_eight_threads_send_the_same_requests(server, client):
    requests = [
        Request(id_, server.url + "/echo", json={"id": id_}, headers={"x": "1"}) for id_ in range(100)
    ]

    def send(_):
        return {response.id_: response for response in client.http("post", requests)}

    for answered in at_once(send):
        assert all(json.loads(answered[request.id_].data["body"]) == request.json for request in requests)
        assert all(answered[request.id_].request is request for request in requests)


def test_a_dict_that_another_thread_changes_is_sent_as_it_was_or_refused(server, client):
    shared = {str(number): number for number in range(200)}

    def change():
        shared["more"] = 1
        del shared["more"]

    refused = 0
    with beside(change):
        for _ in range(300):
            try:
                sent = json.loads(client.post(server.url + "/echo", json=shared).json()["body"])
            except exceptions.InvalidRequestError:
                refused += 1
            else:
                assert {**sent, "more": 1} == {**shared, "more": 1}
    assert refused < 300


def test_closing_the_client_ends_the_calls_of_all_threads(server):
    client = Patata(num_workers=1, verbose=False)
    begun = threading.Barrier(THREADS + 1, timeout=60)

    def call(number):
        if number == THREADS:
            begun.wait()
            return client.close()
        responses = client.http("get", ((id_, server.url) for id_ in iter(int, 1)))
        next(responses)
        begun.wait()
        with pytest.raises(exceptions.ClientClosedError):
            list(responses)
        return responses.receipt

    *receipts, _ = at_once(call, THREADS + 1)
    for receipt in receipts:
        assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled


# Shared responses

MANY = {"name": "ñ", "rows": [{"number": number, "text": "x" * 20} for number in range(3_000)]}


def answer(body):
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def test_a_shared_response_makes_its_data_once(client):
    body = json.dumps(MANY, ensure_ascii=False).encode()
    with RawServer(answer(body)) as server:
        for id_ in range(10):
            (response,) = client.http("get", [(id_, server.url)])
            assert only(at_once(lambda _, response=response: response.data)) == MANY
            assert only(at_once(lambda _, response=response: response.request)).url == server.url
            assert response.content == body


def test_a_failed_response_makes_its_error_once(client):
    for id_ in range(30):
        (response,) = client.http("get", [(id_, "http://127.0.0.1:1/")])
        # Some ask for the data, others for the error, which one makes of the other.
        parts = at_once(
            lambda number, response=response: (response.data, response.error)[:: 1 - 2 * (number % 2)]
        )
        data = only([pair[number % 2] for number, pair in enumerate(parts)])
        error = only([pair[1 - number % 2] for number, pair in enumerate(parts)])
        assert isinstance(error, exceptions.ConnectError)
        assert data == exceptions.describe(error)


def test_a_shared_response_is_read_in_every_way_at_once(server, client):
    (response,) = client.http("get", [("an id", server.url)])
    ways = [
        lambda: response.data["message"],
        lambda: response.json()["message"],
        lambda: json.loads(response.text)["message"],
        lambda: json.loads(response.content)["message"],
        lambda: dict(response.dict())["data"]["message"],
        lambda: pickle.loads(pickle.dumps(response)).data["message"],
        lambda: copy.copy(response).raise_for_status().data["message"],
        lambda: (
            list(response)[1]["message"],
            repr(response),
            str(response),
            response.headers["Content-Type"],
        )[0],
    ]
    for said in at_once(lambda number: {ways[number]() for _ in range(500)}, len(ways)):
        assert said == {"Hello world!"}


def test_a_response_is_assigned_to_while_others_read_it(server, client):
    (response,) = client.http("get", [(0, server.url)])
    original = response.data
    kept = [{"number": number} for number in range(50)]

    def assign():
        for number, data in enumerate(kept):
            response.data, response.status_code, response.id_ = data, 200 + number, number
            response.error = ValueError(number)
            response.error = None

    def read():
        assert response.data in (original, *kept)
        assert 200 <= response.status_code < 250
        assert 0 <= response.id_ < 50
        assert response.error is None or isinstance(response.error, ValueError)
        assert isinstance(repr(response), str)
        assert isinstance(pickle.loads(pickle.dumps(response)), Response)

    with beside(*[read] * (THREADS - 1)):
        for _ in range(100):
            assign()


# Calls that other threads ask and tell


def watch(responses):
    """What other threads do with a call while it is performed."""

    def ask():
        progress, receipt = responses.progress(), responses.receipt
        assert progress.done <= progress.submitted
        assert receipt is None or receipt.ok + receipt.failed <= receipt.submitted
        assert repr(responses)

    def tell():
        # It may be over, and then takes no limits.
        with suppress(ValueError):
            responses.set(concurrency=20)
            responses.set(rate="100000/s")

    return [ask] * (THREADS - 3) + [tell] * 2


def test_seven_threads_ask_and_tell_a_call_that_one_performs(server, client):
    for _ in range(5):
        responses = client.http("get", ((id_, server.url) for id_ in range(1_000)))
        with beside(*watch(responses)):
            assert sorted(response.id_ for response in responses) == list(range(1_000))
        assert responses.receipt.ok == responses.progress().done == 1_000


def test_seven_threads_ask_and_tell_a_call_with_callbacks_in_a_run_folder(server, client, tmp_path):
    def noted(response):
        response.data = {"id": response.id_}
        return response

    folder = RunFolder(tmp_path / "run")
    responses = client.http("get", [(id_, server.url) for id_ in range(1_000)], [noted], run_folder=folder)
    with beside(*watch(responses)):
        assert sorted(response.data["id"] for response in responses) == list(range(1_000))
    assert folder.receipt.ok == responses.receipt.ok == 1_000


def test_seven_threads_ask_and_tell_a_call_of_an_event_loop(server):
    async def main():
        async with AsyncPatata(num_workers=1, verbose=False) as client:
            responses = client.http("get", ((id_, server.url) for id_ in range(1_000)))
            with beside(*watch(responses)):
                seen = [response.id_ async for response in responses]
            return sorted(seen), responses.receipt

    seen, receipt = asyncio.run(main())
    assert seen == list(range(1_000))
    assert receipt.ok == 1_000


def test_seven_threads_cancel_a_call_that_one_performs(server, client):
    for _ in range(20):
        responses = client.http("get", ((id_, server.url) for id_ in iter(int, 1)))
        next(responses)

        def act(number, responses=responses):
            if number:
                return responses.cancel()
            with pytest.raises(exceptions.CallCancelledError):
                list(responses)
            return None

        at_once(act)
        receipt = responses.receipt
        assert receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled


def test_what_threads_say_before_a_call_begins_all_holds(server, client):
    for _ in range(50):
        responses = client.http("get", [(0, server.url)])
        at_once(
            lambda number, responses=responses: responses.set(
                **({"rate": "1/s"}, {"concurrency": 1})[number % 2]
            )
        )
        assert set(responses._state._limits) == {"rates", "concurrency"}
        responses.close()


def test_seven_threads_submit_to_a_call_that_one_performs(server, client):
    responses = client.http("get", None)
    left = threading.Barrier(THREADS - 1, timeout=60)

    def act(number):
        if number == 0:
            return Counter(response.id_ for response in responses)
        for each in range(100):
            responses.submit(((number, each), server.url))
        if left.wait() == 0:
            responses.close_input()
        return Counter()

    seen = sum(at_once(act), Counter())
    assert len(seen) == 100 * (THREADS - 1)
    assert set(seen.values()) == {1}


# Run folders and budgets


def test_eight_threads_read_one_run_folder_while_a_call_writes_it(server, client, tmp_path):
    folder = RunFolder(tmp_path / "run")
    items = [(id_, server.url + ("/status/404" if id_ % 10 == 0 else "/")) for id_ in range(500)]
    next(responses := client.http("get", items, run_folder=folder))

    def read():
        receipt = folder.receipt
        assert receipt.ok + receipt.failed <= 500
        assert all(request.id_ % 10 == 0 for request in folder.failed())
        assert folder.unknown() is not None
        assert folder.report().read_text(encoding="utf-8").startswith("<!")

    with beside(*[read] * (THREADS - 1)):
        assert len(list(responses)) == 499
    at_once(lambda _: read())
    assert {len(rows) for rows in at_once(lambda _: list(folder.responses()))} == {500}
    assert not list((tmp_path / "run").glob("*.tmp"))


def test_eight_threads_share_a_budget_in_one_process(server):
    with Budget("100000/s", tokens="90000/min", concurrency=20).serve() as handle:

        def call(_):
            with Patata(num_workers=1, verbose=False, budget=handle) as client:
                return sum(
                    response.ok for response in client.http("get", [(id_, server.url) for id_ in range(100)])
                )

        def change():
            handle.set(tokens="90000/min")
            # Each change is told to all: without a pause nobody would get to anything else.
            time.sleep(0.01)

        with beside(handle.status, change):
            assert at_once(call) == [100] * THREADS


def test_what_threads_set_of_a_budget_all_holds():
    with Budget("100/s", tokens="90000/min", concurrency=20).serve() as handle:
        for round_ in range(1, 30):
            said = [{"rate": f"{round_}00/s"}, {"tokens": f"{round_}0000/min"}, {"concurrency": round_}]
            at_once(lambda number, said=said: handle.set(**said[number % 3]), 6)
            terms = handle.status()["terms"]
            assert f"requests {round_}00/s" in terms
            assert f"tokens {round_}0000/min" in terms
        assert handle._held[1] == 29
