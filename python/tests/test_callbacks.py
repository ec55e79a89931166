"""Callbacks: what they may be, where they run, and what becomes of a response whose callback fails."""

import functools
import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections import Counter

import pytest
from patata import Patata, Response, exceptions
from patata._callbacks.processes import FIRST_BATCH, Processes
from patata._callbacks.worker import packed
from support import children, eventually, refusing_url

HELLO = {"message": "Hello world!"}
BOTH = pytest.mark.parametrize("workers", [1, 2])


def requests(server, count):
    return [(i, server.url + "/") for i in range(count)]


def by_id(responses):
    found = {}
    for response in responses:
        assert response.id_ not in found
        found[response.id_] = response
    return found


def called(server, workers, callbacks, items=20, **options):
    """The responses by id, each exactly once."""
    items = requests(server, items) if isinstance(items, int) else items
    with Patata(workers, verbose=False, **options) as client:
        return by_id(client.http("get", items, callbacks=callbacks))


def shout(response):
    response.data = response.data["message"].upper()
    return response


class Adder:
    def __init__(self, amount):
        self.amount = amount

    def __call__(self, response):
        return self.add(response)

    def add(self, response):
        response.data = self.amount
        return response


# What they may be


@BOTH
def test_a_function_of_a_module(server, workers):
    assert {r.data for r in called(server, workers, [shout]).values()} == {"HELLO WORLD!"}


@BOTH
def test_a_lambda_that_makes_a_new_response(server, workers):
    found = called(server, workers, [lambda response: Response(response.id_, 201, [response.data])])
    assert found == {i: Response(i, 201, [HELLO]) for i in range(20)}


@BOTH
def test_a_closure(server, workers):
    secret = {"of": "the caller"}

    def callback(response):
        response.data = secret
        return response

    assert all(r.data == secret for r in called(server, workers, [callback]).values())


@BOTH
def test_an_object_a_method_and_a_partial(server, workers):
    for callback in (Adder(5), Adder(5).add, functools.partial(Adder.add, Adder(5))):
        assert {r.data for r in called(server, workers, [callback]).values()} == {5}


@BOTH
def test_any_iterable_of_callbacks(server, workers):
    assert {r.data for r in called(server, workers, iter([shout])).values()} == {"HELLO WORLD!"}


@BOTH
def test_callbacks_are_called_in_their_order(server, workers):
    def step(name):
        def callback(response):
            response.data = [*(response.data if isinstance(response.data, list) else []), name]
            return response

        return callback

    assert {str(r.data) for r in called(server, workers, [step("a"), step("b"), step("c")]).values()} == {
        "['a', 'b', 'c']"
    }


@BOTH
def test_a_callback_gets_a_response_with_its_data(server, workers):
    def callback(response):
        assert type(response) is Response
        assert (response.status_code, response.error) == (200, None)
        response.data = {"was": response.data, "id": response.id_}
        return response

    assert all(r.data == {"was": HELLO, "id": i} for i, r in called(server, workers, [callback]).items())


@BOTH
def test_a_response_that_a_callback_leaves_alone_is_whole(server, workers):
    found = called(server, workers, [lambda response: response])
    assert found == {i: Response(i, 200, HELLO) for i in range(20)}


@BOTH
def test_a_callback_gets_failed_responses_too(workers, server):
    def callback(response):
        response.data = [type(response.error).__name__, sorted(response.data), response.status_code]
        return response

    keys = ["exception_class", "exception_detail", "exception_traceback"]
    found = called(server, workers, [callback], [(1, "no URL")])
    assert found[1].data == ["InvalidRequestError", keys, 500]
    assert type(found[1].error) is exceptions.InvalidRequestError


SCRIPT = """
    import sys
    from patata import Patata, Request, Response

    class Id:
        def __init__(self, number):
            self.number = number

    class MineError(Exception):
        def __init__(self, number, text):
            super().__init__(text)
            self.number = number

        def __reduce__(self):
            return MineError, (self.number, str(self))

    BASE = 100

    def helper(number):
        return BASE + number

    def callback(response):
        if response.id_.number == 5:
            raise MineError(5, "five")
        response.data = helper(response.id_.number)
        return response

    ids = [Id(number) for number in range(10)]
    with Patata(int(sys.argv[2]), verbose=False) as client:
        requests = [Request(id_, sys.argv[1]) for id_ in ids]
        for response in client.http("get", requests, callbacks=[callback]):
            assert any(response.id_ is id_ for id_ in ids)
            if response.id_.number == 5:
                assert type(response.data) is MineError, type(response.data)
                print(response.status_code, response.data, response.data.number)
            else:
                assert response.data == 100 + response.id_.number
    print("done")
"""


@BOTH
def test_functions_and_classes_of_an_unguarded_script(script, remote, workers):
    assert script(SCRIPT, remote, workers) == "500 five 5\ndone\n"


# Where they run


def test_one_worker_calls_them_in_this_process(server):
    def callback(response):
        response.data = os.getpid(), threading.get_ident()
        return response

    found = {r.data for r in called(server, 1, [callback]).values()}
    assert found == {(os.getpid(), threading.get_ident())}


def test_more_workers_call_them_in_as_many_other_processes(server):
    def callback(response):
        time.sleep(0.001)
        response.data = os.getpid()
        return response

    found = {r.data for r in called(server, 2, [callback], 500, pool_submit_size=10).values()}
    assert os.getpid() not in found
    assert len(found) == 2


def test_processes_are_started_only_for_callbacks(server):
    with Patata(2, verbose=False) as client:
        responses = client.http("get", requests(server, 50_000))
        next(responses)
        assert children() == []
        responses.close()
        responses = client.http("get", requests(server, 50_000), callbacks=[shout])
        assert children() == []
        next(responses)
        assert len(children()) == 2
        responses.close()
        assert eventually(lambda: children() == [])


def test_one_worker_starts_no_process(server):
    with Patata(1, verbose=False) as client:
        responses = client.http("get", requests(server, 100), callbacks=[shout])
        next(responses)
        assert children() == []
        responses.close()


def test_a_finished_run_leaves_no_process(server):
    called(server, 2, [shout])
    assert eventually(lambda: children() == [])


@pytest.mark.parametrize("end", ["break", "close", "drop", "leave", "raise"])
def test_ending_early_leaves_no_process(server, end):
    def use(client):
        responses = client.http("get", requests(server, 20_000), callbacks=[shout])
        for response in responses:
            assert response.data == "HELLO WORLD!"
            if end == "raise":
                raise KeyError
            break
        if end == "close":
            responses.close()
        return responses if end == "leave" else None

    with Patata(2, verbose=False) as client:
        try:
            kept = use(client)
        except KeyError:
            kept = None
    assert kept is not None or end != "leave"
    assert kept is None or ends_loudly(kept, 20_000 - 1)
    assert eventually(lambda: children() == [])


def ends_loudly(responses, left):
    """Whether all that was left came, or else it was said that the client is closed."""
    try:
        return len(list(responses)) == left
    except exceptions.ClientClosedError:
        return True


# What fails


@BOTH
def test_one_that_raises_costs_its_own_response(server, workers):
    later = []

    def first(response):
        if response.id_ % 5 == 0:
            raise ZeroDivisionError(f"in {response.id_}")
        return response

    def second(response):
        later.append(response.id_)
        response.data = "called"
        return response

    found = called(server, workers, [first, second])
    assert len(found) == 20
    for id_, response in found.items():
        if id_ % 5:
            assert (response.status_code, response.data) == (200, "called")
        else:
            assert response.status_code == 500
            assert type(response.data) is ZeroDivisionError
            assert str(response.data) == f"in {id_}"
            assert type(response.error) is exceptions.CallbackError
            assert str(response.error) == f"a callback raised ZeroDivisionError('in {id_}')"
            assert response.error.__cause__ is response.data
            assert not response.ok
    assert workers > 1 or sorted(later) == [i for i in range(20) if i % 5]


STATUSES = {200: 11, 204: 3, 404: 5, 503: 1}


def told(receipt):
    """What the receipt says of how the requests ended."""
    return receipt.submitted, receipt.ok, receipt.failed, receipt.errors, receipt.failed_statuses


@BOTH
@pytest.mark.parametrize("ok_statuses", [None, {200, 404}])
def test_one_that_raises_counts_as_failed_by_its_error_and_no_longer_by_its_status(
    server, workers, ok_statuses
):
    def disguise(response):
        response.status_code = {200: 404, 404: 200}.get(response.status_code, response.status_code)
        return response

    def fail(response):
        if response.id_ % 2:
            raise ZeroDivisionError
        return response

    statuses = [status for status, count in STATUSES.items() for _ in range(count)]
    items = [(i, f"{server.url}/status/{status}") for i, status in enumerate(statuses)]
    with Patata(workers, verbose=False, ok_statuses=ok_statuses) as client:
        found = by_id(client.http("get", items, callbacks=[disguise, fail]))
        receipt = client.receipt
    raised = [response for response in found.values() if response.error is not None]
    assert [response.error.status_code for response in raised] == [statuses[r.id_] for r in raised]
    left = Counter(status for id_, status in enumerate(statuses) if id_ % 2 == 0)
    succeed = ok_statuses or {200, 204}
    failed = {status: count for status, count in left.items() if status not in succeed}
    ok = left.total() - sum(failed.values())
    assert told(receipt) == (20, ok, 20 - ok, {"CallbackError": len(raised)}, failed)


@BOTH
def test_a_request_that_failed_keeps_its_error_where_a_callback_raises_on_it(workers):
    def fail(response):
        raise KeyError(response.id_)

    with refusing_url() as url, Patata(workers, verbose=False) as client:
        (response,) = client.http("get", [(1, url)], callbacks=[fail])
        assert told(client.receipt) == (1, 0, 1, {"ConnectError": 1}, {})
    assert type(response.error) is exceptions.ConnectError
    assert repr(response.data) == "KeyError(1)"


def test_an_exception_whose_text_raises_too_is_named_by_its_class(server):
    class Unspeakable(Exception):
        def __repr__(self):
            raise ValueError

    def fail(_response):
        raise Unspeakable

    found = called(server, 1, [fail])
    assert {str(response.error) for response in found.values()} == {"a callback raised Unspeakable"}


@BOTH
def test_one_that_raises_is_logged_as_a_callback_that_failed(server, workers, caplog):
    def fail(_response):
        raise KeyError("broken")

    with caplog.at_level("INFO", logger="patata"), Patata(workers, verbose_level=2) as client:
        list(client.http("get", [(7, server.url)], callbacks=[fail]))
    assert "Callback failed for request 7: KeyError('broken')" in caplog.messages
    assert "  Failed:             1 (CallbackError: 1)" in caplog.messages


@BOTH
def test_one_that_raises_does_not_keep_its_response_alive(server, workers):
    class Id:
        pass

    def callback(_response):
        try:
            raise KeyError
        except KeyError:
            raise ZeroDivisionError from None

    def ids():
        id_ = Id()
        freed.append(weakref.ref(id_))
        yield id_, server.url

    freed = []

    def handle(response):
        with pytest.raises(exceptions.CallbackError):
            response.raise_for_status()

    with Patata(workers, verbose=False) as client:
        (response,) = client.http("get", ids(), callbacks=[callback])
    handle(response)
    assert type(response.data) is ZeroDivisionError
    assert sys.version_info < (3, 11) or "raised in callback, " in response.data.__notes__[0]
    del response
    gc.collect()
    assert freed[0]() is None


class OwnError(Exception):
    def __init__(self, text, number):
        super().__init__(text, number)
        self.number = number


@BOTH
def test_an_exception_keeps_its_type_and_fields(server, workers):
    def callback(response):
        raise OwnError("mine", response.id_)

    found = called(server, workers, [callback])
    assert {type(response.data) for response in found.values()} == {OwnError}
    assert all(response.data.number == id_ for id_, response in found.items())


@BOTH
@pytest.mark.parametrize("result", [None, 42, "text", (1, 2), {}])
def test_one_that_returns_no_response_costs_its_own_response(server, workers, result):
    found = called(server, workers, [lambda r: result if r.id_ == 3 else r, lambda r: r])
    assert found[3].status_code == 500
    assert isinstance(found[3].data, TypeError)
    assert repr(result) in str(found[3].data)
    assert all(found[i].status_code == 200 for i in range(20) if i != 3)


def test_a_result_that_cannot_be_pickled_costs_its_own_response(server):
    def callback(response):
        if response.id_ == 3:
            response.data = threading.Lock()
        return response

    found = called(server, 2, [callback])
    assert found.keys() == set(range(20))
    assert found[3].status_code == 500
    assert isinstance(found[3].data, exceptions.CallbackError)
    assert all(found[i] == Response(i, 200, HELLO) for i in range(20) if i != 3)


class Stubborn(Exception):
    """Can be pickled, but not be read again: it is called with one argument."""

    def __init__(self, a, b):
        super().__init__(f"{a} {b}")


class Trap:
    """Can be pickled, but not be read again."""

    def __reduce__(self):
        return int, ("no number",)


def raise_stubborn(response):
    if response.id_ == 3:
        raise Stubborn("a", "b")
    return response


def give_trap(response):
    if response.id_ == 3:
        response.data = Trap()
    return response


@pytest.mark.parametrize("callback", [raise_stubborn, give_trap])
def test_a_result_that_cannot_be_read_again_costs_its_own_response(server, callback):
    found = called(server, 2, [callback])
    assert found.keys() == set(range(20))
    assert found[3].status_code == 500
    assert isinstance(found[3].data, exceptions.CallbackError)
    assert all(found[i] == Response(i, 200, HELLO) for i in range(20) if i != 3)


def test_callbacks_that_cannot_be_sent_raise_before_anything_happens(server):
    lock = threading.Lock()

    def callback(response):
        with lock:
            return response

    with Patata(2, verbose=False) as client, pytest.raises((TypeError, ValueError)):
        next(client.http("get", requests(server, 5), callbacks=[callback]))
    assert server.requests == 0
    assert eventually(lambda: children() == [])


def test_what_one_worker_cannot_send_it_need_not_send(server):
    lock = threading.Lock()

    def callback(response):
        with lock:
            response.data = lock
            return response

    assert all(response.data is lock for response in called(server, 1, [callback]).values())


def test_exits_in_a_callback_process_cost_only_what_it_held(server):
    def callback(response):
        if response.id_ == 100:
            raise SystemExit(3)
        return response

    found = called(server, 2, [callback], 1_000, pool_submit_size=50)
    assert found.keys() == set(range(1_000))
    assert found[100].status_code == 500
    assert sum(response.status_code == 200 for response in found.values()) >= 1_000 - 100


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_is_killed_costs_only_what_it_held(server, number):
    def callback(response):
        if response.id_ == 1_000:
            os.kill(os.getpid(), number)
        return response

    found = called(server, 2, [callback], 2_000, pool_submit_size=50)
    assert found.keys() == set(range(2_000))
    lost = {id_: response for id_, response in found.items() if response.status_code != 200}
    assert 1_000 in lost
    assert len(lost) <= 100
    for response in lost.values():
        assert response.status_code == 500
        assert isinstance(response.data, exceptions.CallbackProcessError)
    assert eventually(lambda: children() == [])


def test_processes_that_are_killed_again_and_again(server):
    def callback(response):
        if response.id_ % 200 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    found = called(server, 2, [callback], 1_000, pool_submit_size=10)
    assert found.keys() == set(range(1_000))
    assert all(found[id_].status_code == 500 for id_ in range(0, 1_000, 200))
    assert sum(response.status_code == 200 for response in found.values()) >= 1_000 - 5 * 20


def test_processes_that_always_die_end_the_run_all_the_same(server):
    def callback(_response):
        os._exit(1)

    found = called(server, 2, [callback], 100, pool_submit_size=20)
    assert found.keys() == set(range(100))
    assert all(isinstance(response.data, exceptions.CallbackProcessError) for response in found.values())


# Ids


@BOTH
def test_ids_come_back_as_the_same_objects(server, workers):
    ids = [object(), [1], {"a": []}, Adder(1), float("nan"), (1, [2]), "text", None]
    with Patata(workers, verbose=False) as client:
        items = [(id_, server.url) for id_ in ids]
        found = [response.id_ for response in client.http("get", items, callbacks=[shout])]
    assert len(found) == len(ids)
    assert all(any(id_ is other for other in found) for id_ in ids)


@BOTH
def test_a_new_response_with_the_same_id_has_the_same_object(server, workers):
    id_ = [1]
    with Patata(workers, verbose=False) as client:
        (response,) = client.http(
            "get", [(id_, server.url)], callbacks=[lambda r: Response(r.id_, 200, "new")]
        )
    assert response.id_ is id_
    assert response.data == "new"


@BOTH
@pytest.mark.parametrize("how", ["in place", "anew", "in a chain"])
def test_a_callback_may_change_the_id(server, workers, how):
    def in_place(response):
        response.id_ = ("new", response.id_)
        return response

    def anew(response):
        return Response(("new", response.id_), response.status_code, response.data)

    callbacks = {"in place": [in_place], "anew": [anew], "in a chain": [shout, in_place, lambda r: r]}[how]
    found = called(server, workers, callbacks)
    assert found.keys() == {("new", i) for i in range(20)}


@BOTH
def test_an_id_that_cannot_be_pickled_costs_at_most_its_own_response(server, workers):
    lock = threading.Lock()
    found = called(server, workers, [shout], [*requests(server, 20), (lock, server.url)])
    assert found.keys() == {*range(20), lock}
    assert all(found[i].data == "HELLO WORLD!" for i in range(20))
    if workers == 1:
        assert found[lock].data == "HELLO WORLD!"
    else:
        assert found[lock].status_code == 500
        assert isinstance(found[lock].data, exceptions.CallbackError)


def test_an_id_that_cannot_be_read_again_costs_at_most_its_own_response(server):
    trap = Trap()
    found = called(server, 2, [shout], [*requests(server, 20), (trap, server.url)])
    assert found.keys() == {*range(20), trap}
    assert all(found[i].data == "HELLO WORLD!" for i in range(20))
    assert found[trap].status_code == 500
    assert isinstance(found[trap].data, exceptions.CallbackError)


@BOTH
def test_the_same_id_many_times(server, workers):
    with Patata(workers, verbose=False) as client:
        found = [r.id_ for r in client.http("get", [("same", server.url)] * 100, callbacks=[shout])]
    assert found == ["same"] * 100


# Many, and few


@BOTH
def test_twenty_thousand_responses_each_exactly_once(server, workers):
    found = called(server, workers, [shout], 20_000)
    assert found.keys() == set(range(20_000))
    assert {response.data for response in found.values()} == {"HELLO WORLD!"}


@BOTH
def test_large_bodies_travel(server, workers):
    def count(response):
        response.data = len(response.data["body"])
        return response

    items = [(i, server.url + "/echo", "x" * 1_000_000) for i in range(10)]
    with Patata(workers, verbose=False) as client:
        found = by_id(client.http("post", items, callbacks=[count]))
    assert {response.data for response in found.values()} == {1_000_002}


@BOTH
def test_a_response_is_yielded_before_the_input_has_ended(server, workers):
    seen = []

    def items():
        for i in range(100_000):
            if seen:
                return
            yield i, server.url
            time.sleep(0.001)

    with Patata(workers, verbose=False) as client:
        for response in client.http("get", items(), callbacks=[shout]):
            seen.append(response.id_)
    assert sorted(seen) == list(range(len(seen)))
    assert len(seen) < 100_000


@BOTH
def test_what_the_input_raises_comes_after_all_responses_before_it(server, workers):
    found = []

    def items():
        yield from requests(server, 700)
        raise LookupError("the end")

    def take(responses):
        for response in responses:
            found.append(response.id_)

    with Patata(workers, verbose=False) as client:
        with pytest.raises(LookupError, match="the end"):
            take(client.http("get", items(), callbacks=[shout]))
        assert sorted(found) == list(range(700))
        assert len(by_id(client.http("get", requests(server, 10), callbacks=[shout]))) == 10
    assert eventually(lambda: children() == [])


def sizes_of_batches(function, count):
    """How many responses there are in each batch that a pool of two processes asks for."""
    news = threading.Event()
    pool = Processes(packed([function]), 2, 1_000, False, news.set)
    sizes, left = [], [Response(id_, 200, {"message": "hi"}) for id_ in range(count)]
    try:
        while left or pool.held:
            news.clear()
            while left and (room := pool.room):
                sizes.append(len(left[:room]))
                pool.give(left[:room])
                left = left[room:]
            if not pool.finished():
                news.wait(1)
    finally:
        pool.stop()
    return sizes


def test_batches_grow_only_while_processes_are_soon_done_with_them():
    def slow(response):
        time.sleep(0.02)
        return response

    # So the last ones are shared by both processes, and none waits for many others.
    assert max(sizes_of_batches(slow, 60)) <= FIRST_BATCH
    assert max(sizes_of_batches(shout, 5_000)) > 10 * FIRST_BATCH


def test_a_slow_callback_holds_nothing_back_for_ever(server):
    def slow(response):
        time.sleep(0.01)
        return response

    assert called(server, 2, [slow], 200).keys() == set(range(200))
