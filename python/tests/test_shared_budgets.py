"""Budgets that several processes share: what arrives at a server, and what is refused."""

import asyncio
import multiprocessing
import os
import pickle
from contextlib import suppress

import pytest
from arrivals import Arrivals
from patata import AsyncPatata, Budget, BudgetHandle, Patata
from patata.exceptions import BudgetError, InvalidRequestError
from sharing import Holder, once, shared
from support import eventually, free_port


@pytest.mark.parametrize("place", ["tcp", "unix", "redis"])
def test_four_processes_keep_to_one_rate(place, tmp_path, started):
    with Arrivals() as server, shared(place, tmp_path, "200/s") as handle:
        workers = [started(handle, server.url, name, 300) for name in range(4)]
        assert [worker.ended() for worker in workers] == [({"200": 300}, "")] * 4
    assert server.paths() == once(range(4), 300)
    assert server.excess(200) <= 5
    # What a busy machine does not use is lost.
    assert 50 <= server.mean() <= 202


def test_permits_hold_for_all_together(started):
    with Arrivals(delay=0.02) as server, Budget("2000/s", concurrency=6).serve() as handle:
        workers = [started(handle, server.url, name, 100) for name in range(3)]
        assert [worker.ended() for worker in workers] == [({"200": 100}, "")] * 3
    assert 3 <= server.most_in_flight <= 6


def test_a_budget_that_stays_away_ends_what_waits_with_a_typed_error_and_is_tried_anew():
    port = free_port()
    with Arrivals() as server:
        with Holder("200/s", port) as holder:
            handle = holder.handle
        with Patata(1, verbose=False, budget=handle, budget_timeout=0.5) as client:
            for response in client.http("get", [(i, server.url) for i in range(5)]):
                with pytest.raises(
                    BudgetError, match=rf"127.0.0.1:{port} has not answered for 0\.\d s.*serve"
                ):
                    response.raise_for_status()
            assert server.log == []
            with Holder("200/s", port):
                assert client.get(server.url).status_code == 200


def test_a_wrong_secret_is_named_and_not_shown():
    with Arrivals() as server, Budget("100/s").serve() as handle:
        wrong = BudgetHandle(handle.reveal().partition("?")[0] + "?secret=guessed")
        with Patata(1, verbose=False, budget=wrong) as client:
            exception = client.get(server.url).error
    assert isinstance(exception, BudgetError)
    assert "secret" in str(exception)
    assert "guessed" not in f"{exception} {wrong} {wrong!r} {client!r}"
    assert server.log == []


def test_one_process_holds_a_budget_and_uses_it():
    budget = Budget("50/s", tokens="1000/s")
    with Arrivals() as server, budget.serve() as handle, Patata(1, verbose=False, budget=handle) as client:
        responses = client.http("get", [(i, server.url) for i in range(50)], cost={"tokens": 20})
        assert [response.status_code for response in responses] == [200] * 50

        def used():
            return {unit["unit"]: unit["used"] for unit in handle.status()["units"]}

        # A slot that the machine was too busy for is given back after the next one was used.
        assert eventually(lambda: used() == {"requests": 50, "tokens": 1000}), used()
    assert server.times()[-1] - server.times()[0] > 0.9


def test_what_is_settled_is_given_back_and_owed():
    with Arrivals() as server, Budget(tokens="1000/s").serve() as handle:
        options = {"cost": {"tokens": 100}, "settle": lambda _: {"tokens": 25}}
        with Patata(1, verbose=False, budget=handle) as client:
            list(client.http("get", [(i, server.url) for i in range(30)], **options))
            assert eventually(lambda: handle.status()["units"][0]["used"] == 750)


def test_costs_that_can_never_be_paid_are_told_before_anything_is_sent():
    with Arrivals() as server, Budget("100/s", tokens="1000/min").serve() as handle:
        errors = []
        for cost in ({"tokens": 1001}, {"pages": 1}):
            with Patata(1, verbose=False, budget=handle) as client:
                # The units are not known yet.
                errors.append(str(client.get(server.url, cost=cost).error))
        with Patata(1, verbose=False, budget=handle) as client:
            assert client.get(server.url).ok
            assert str(client.get(server.url, cost={"tokens": 1001}).error) == errors[0]
            with pytest.raises(InvalidRequestError, match="requests, tokens"):
                client.get(server.url, cost={"pages": 1})
    assert "costs 1001 tokens" in errors[0]
    assert "more than 1000" in errors[0]
    assert "costs pages, of which there is no budget (there are: requests, tokens)" in errors[1]
    assert len(server.log) == 1


def test_progress_says_that_it_is_the_shared_budget_that_limits_a_call():
    budget = Budget("50/s")
    with Arrivals() as server, budget.serve() as handle, Patata(1, verbose=False, budget=handle) as client:
        responses = client.http("get", [(i, server.url) for i in range(40)])
        seen = {(responses.progress().bottleneck, responses.progress().budget) for _ in responses}
    assert ("budget", "requests of the shared budget") in seen


def test_responses_and_the_receipt_say_that_they_have_waited_for_the_shared_budget():
    budget = Budget("50/s")
    with Arrivals() as server, budget.serve() as handle, Patata(1, verbose=False, budget=handle) as client:
        responses = list(client.http("get", [(i, server.url) for i in range(20)]))
        waits = client.receipt.budget_waits
    # The first one may wait until the holder has answered.
    assert {*waits, "no answer of the shared budget"} == {
        "requests of the shared budget",
        "no answer of the shared budget",
    }
    assert waits["requests of the shared budget"] > 0.1
    assert {response.budget for response in responses} <= {*waits, None}
    waited = sum(response.budget_wait.total_seconds() for response in responses)
    assert waited == pytest.approx(sum(waits.values()), abs=0.01)


def test_a_call_has_its_own_budget_besides_the_shared_one_of_the_same_unit():
    with Arrivals() as server, Budget(tokens="1M/s").serve() as handle:
        with Patata(1, verbose=False, budget=handle) as client:
            responses = client.http("get", [(i, server.url) for i in range(6)], cost={"tokens": 10})
            responses.set(budgets={"tokens": "100/s"})
            assert "tokens" in {response.budget for response in responses}
        assert handle.status()["units"][0]["used"] >= 60


def test_what_a_budget_allows_can_be_set_while_it_is_shared():
    with Arrivals() as server, Budget("5/h", tokens="1000/h").serve() as handle:
        with Patata(1, verbose=False, budget=handle) as client:
            cost = {"tokens": 10}
            responses = client.http("get", [(i, server.url) for i in range(30)], cost=cost)
            assert next(responses).ok
            handle.set("1000/s", tokens="10k/s")
            # An hour would not have been enough.
            assert sum(response.ok for response in responses) == 29
            assert handle.status()["terms"] == "requests 1000/s, tokens 10000/s"
            handle.set(tokens="5/s")
            (failed,) = client.http("get", [(0, server.url)], cost=cost)
            assert isinstance(failed.error, InvalidRequestError)
            assert "never holds more than 5" in str(failed.error)
        with Patata(1, verbose=False, budget=handle) as client:
            assert client.get(server.url, cost={"tokens": 5}).ok


def test_permits_can_be_set_while_they_are_held(started):
    with Arrivals(delay=0.05) as server, Budget(concurrency=1).serve() as handle:
        workers = [started(handle, server.url, str(number), 60) for number in range(2)]
        assert eventually(lambda: len(server.log) >= 4)
        assert server.most_in_flight == 1
        handle.set(concurrency=6)
        assert [worker.ended()[0] for worker in workers] == [{"200": 60}] * 2
        assert 1 < server.most_in_flight <= 6
        assert handle.status()["concurrency"] == 6


def test_what_a_budget_cannot_be_set_to_is_named():
    with Budget("5/s").serve() as handle:
        for given, message in (
            (((), {}), "needs a rate, concurrency or units"),
            ((("soon",), {}), "the rate of requests must be"),
            (((), {"tokens": "9/s"}), "keeps its units, in their order: requests, not requests, tokens"),
            (((), {"concurrency": 5}), "cannot be given one while it is held"),
            (((), {"concurrency": 0}), "concurrency must be an integer of at least 1"),
        ):
            with pytest.raises(ValueError, match=message):
                handle.set(*given[0], **given[1])
        assert handle.status()["terms"] == "requests 5/s"
        with pytest.raises(ValueError, match="set the handle that serve"):
            pickle.loads(pickle.dumps(handle)).set("9/s")
    with pytest.raises(ValueError, match="it is not held here, as its handle was closed"):
        handle.set("9/s")


def use(handle, url, count):
    with Patata(1, verbose=False, budget=handle) as client:
        return sum(
            response.status_code == 200 for response in client.http("get", [(i, url) for i in range(count)])
        )


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_handle_goes_to_the_processes_of_a_pool(method):
    with Arrivals() as server, Budget("100/s").serve() as handle:
        with multiprocessing.get_context(method).Pool(2) as pool:
            done = pool.starmap(use, [(handle, server.url, 60)] * 2)
        assert done == [60, 60]
        assert handle.status()["units"][0]["used"] == 120
    assert server.excess(100) <= 3


def test_the_child_of_a_fork_leases_for_itself():
    with (
        Arrivals() as server,
        Budget("100/s").serve() as handle,
        Patata(1, verbose=False, budget=handle) as client,
    ):
        assert client.get(server.url).status_code == 200
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            with suppress(BaseException):
                os.write(write, str(client.get(server.url).status_code).encode())
                status = 0
            os._exit(status)
        assert os.read(read, 10) == b"200"
        assert os.waitpid(child, 0)[1] == 0
        assert client.get(server.url).status_code == 200
        assert handle.status()["units"][0]["used"] == 3
        os.close(read)
        os.close(write)


def test_a_handle_pickles_whole_and_is_shown_without_its_secret():
    with Budget("100/s").serve() as handle:
        copy = pickle.loads(pickle.dumps(handle))
        assert (copy, hash(copy)) == (handle, hash(handle))
        secret = handle.reveal().partition("secret=")[2]
        assert len(secret) == 32
        assert secret not in f"{handle} {handle!r}"
        # A copy ends nothing.
        copy.close()
        assert copy.status()["units"][0]["rates"] == ["100/s"]
    with pytest.raises(ConnectionError, match="budget serve"):
        copy.status()


def test_a_holder_lives_as_long_as_its_handle_or_who_uses_it():
    with Arrivals() as server:
        with Patata(1, verbose=False, budget=Budget("100/s").serve(), budget_timeout=5) as client:
            assert client.get(server.url).status_code == 200
        del client
        part = Budget("100/s").serve().with_weight(2)
        assert part.status()["units"][0]["rates"] == ["100/s"]
        left = BudgetHandle(part.reveal())
        del part
    with pytest.raises(ConnectionError, match="does not answer"):
        left.status()


def test_an_asyncio_client_shares_it_too():
    async def statuses(handle, url):
        async with AsyncPatata(1, verbose=False, budget=handle) as client:
            requests = [(i, url) for i in range(20)]
            return [response.status_code async for response in client.http("get", requests)]

    with Arrivals() as server, Budget("100/s").serve() as handle:
        assert asyncio.run(statuses(handle, server.url)) == [200] * 20
        assert handle.status()["units"][0]["used"] == 20


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Budget("fast"), "100/s"),
        (lambda: Budget(), "a rate, as '100/s'"),
        (lambda: Budget("1/s", concurrency=0), "at least 1"),
        (lambda: Budget(tokens=5), "like '100/s'"),
        (lambda: Budget("1/s", requests="2/s"), "said twice"),
        (lambda: Budget(request="2/s"), "write requests"),
        (lambda: Patata(budgets={"Request": "2/s"}), 'budgets must be "requests"'),
        (lambda: Budget("1/s").serve(5), "address must be a str"),
        (lambda: Budget("1/s").serve(secret=b"5"), "secret must be a str, got bytes"),
        (lambda: Budget("1/s").serve(state=5), "state must be the path of a file"),
        (lambda: Budget("http://host"), "no http://"),
        (lambda: Budget("budget://host:1/?secret=x", tokens="1/s"), "may say secret and weight"),
        (lambda: Budget("1/s").handle, "serve()"),
        (lambda: Budget("unix:///run/budget.sock").serve(), "held elsewhere"),
        (lambda: Budget("1/s").serve("somewhere"), "10.0.0.5:7077"),
        (lambda: BudgetHandle("budget://host:1/?secret=x").with_weight(0), "weight must be a number above 0"),
        (lambda: BudgetHandle("budget://host:1/?secret=x").with_weight("2"), "above 0, got '2'"),
        (lambda: BudgetHandle("budget://host:1/?secret=x").with_weight(None), "above 0, got None"),
        (lambda: BudgetHandle("budget://host:1/?secret=x&weight=-1"), "above 0"),
        (lambda: BudgetHandle(5), "must be a text like"),
        (lambda: Patata(budget="100/s"), "Budget('100/s').serve()"),
        (lambda: Patata(budget=Budget("1/s")), "serve()"),
        (lambda: Patata(budget=5), "must be a handle"),
        (lambda: Patata(budget="unix:///x", budget_timeout=-1), "budget_timeout"),
    ],
)
def test_what_is_no_budget_is_refused_with_the_fix(make, message):
    with pytest.raises(ValueError, match="(?s)" + message.replace("(", r"\(").replace(")", r"\)")):
        make()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("unix:///nowhere/budget.sock",), "make its folder, or name another path"),
        ((f"unix:///tmp/{'x' * 100}.sock",), "name a shorter one"),
        ((None, None, "/nowhere/state"), "/nowhere/state, cannot be written: .*name another one"),
    ],
)
def test_what_cannot_be_held_is_told_with_the_fix(arguments, message):
    address, secret, state = (*arguments, None, None)[:3]
    with pytest.raises(OSError, match="a budget cannot be held at .*" + message):
        Budget("1/s").serve(address, secret=secret, state=state)


def test_a_socket_may_have_any_path(tmp_path):
    with Budget("100/s").serve(f"unix://{tmp_path}/a b?%41.sock") as handle, Arrivals() as server:
        assert (tmp_path / "a b?%41.sock").exists()
        with Patata(1, verbose=False, budget=BudgetHandle(handle.reveal())) as client:
            assert client.get(server.url).status_code == 200


def test_a_call_cannot_have_one_of_its_own():
    with Patata(1, verbose=False) as client, pytest.raises(TypeError, match=r"give it to Patata\(\)"):
        client.http("get", [], budget="unix:///run/budget.sock")
