"""Budgets of several units: what requests cost, what is settled, and what is told of it."""

import asyncio
import json
import logging
import math
import pickle
import re
import threading
import time

import pytest
from patata import AsyncPatata, InvalidRequestError, Patata, Request
from patata.testing import LlmServer
from support import eventually, refusing_url


def all_of(requests, method="get", **options):
    options = {"num_workers": 1, "verbose": False, **options}
    with Patata(**options) as client:
        responses = list(client.http(method, requests))
        return responses, client.receipt


def echoes(server, tokens):
    """Requests that are answered with what they say that they have used."""
    return [(i, server.url + "/echo", {"used": used}) for i, used in enumerate(tokens)]


def used(response):
    return {"tokens": json.loads(response.data["body"])["used"]}


def seconds(run):
    begin = time.monotonic()
    run()
    return time.monotonic() - begin


def test_a_budget_spreads_requests_by_what_they_cost(server):
    requests = [Request(i, server.url, cost={"tokens": 10}) for i in range(11)]
    assert seconds(lambda: all_of(requests, budgets={"tokens": "500/s"})) > 0.195
    both = {"budgets": {"tokens": "10M/s"}, "budgets_per_host": {"requests": "50/s"}}
    assert seconds(lambda: all_of(requests, **both)) > 0.195


def test_a_call_has_budgets_besides_its_clients(server):
    requests = [(i, server.url) for i in range(11)]
    with Patata(verbose=False, budgets={"requests": "50/s"}) as client:
        for own in (None, {"requests": ["100/s", "1000/day"]}):
            assert seconds(lambda own=own: list(client.http("get", requests, budgets=own))) > 0.175


def test_a_rate_and_a_budget_of_requests_hold_both(server):
    requests = [(i, server.url) for i in range(11)]
    for rate, budget in (("50/s", "1000/s"), ("1000/s", "50/s")):
        assert seconds(lambda r=rate, b=budget: all_of(requests, rate=r, budgets={"requests": b})) > 0.195


@pytest.mark.parametrize("num_workers", [1, 3])
def test_threads_share_a_clients_budget(server, num_workers):
    with Patata(verbose=False, num_workers=num_workers, budgets={"tokens": "1000/s"}) as client:

        def work():
            list(client.http("get", [(i, server.url) for i in range(5)], cost={"tokens": 10}))

        threads = [threading.Thread(target=work) for _ in range(4)]

        def run():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        assert seconds(run) > 0.185


def test_what_a_request_costs_is_said_by_itself_or_else_by_a_function_of_the_request(server):
    asked = []

    def cost(request):
        asked.append((request.id_, threading.current_thread()))
        return {"tokens": request.id_ * 10}

    requests = [(1, server.url), Request(2, server.url), Request(3, server.url, cost={"tokens": 5})]
    responses, receipt = all_of(requests, cost=cost, budgets={"tokens": "1M/s"})
    assert all(response.ok for response in responses)
    assert asked == [(1, threading.current_thread()), (2, threading.current_thread())]
    assert receipt.costs == {"requests": (3, 3), "tokens": (35, 35)}
    _, receipt = all_of(
        requests, cost={"tokens": 1, "requests": 2}, budgets={"tokens": "1M/s", "requests": "1k/s"}
    )
    assert receipt.costs["requests"].estimated == 5
    assert receipt.costs["tokens"].estimated == 7


def test_what_was_settled_is_in_the_receipt_and_in_the_log(server, caplog):
    caplog.set_level(logging.INFO, "patata")
    options = {"cost": {"tokens": 100}, "settle": used, "budgets": {"tokens": "1M/s"}, "verbose": True}
    _, receipt = all_of(echoes(server, [10, 20, 120]), "post", **options)
    assert receipt.costs["tokens"] == (300, 150)
    assert receipt.costs["tokens"].settled == 150
    assert any("150 (estimated 300)" in record.getMessage() for record in caplog.records)


def test_what_was_estimated_too_much_is_given_back_and_what_was_too_little_is_owed():
    def took(estimate, words):
        # A word is a token, asked and answered, after longer than it takes to settle the one before.
        body = {"messages": [{"role": "user", "content": "w " * words}], "max_tokens": words}
        options = {
            "cost": {"tokens": estimate},
            "settle": lambda response: {"tokens": response.data["usage"]["total_tokens"]},
            "budgets": {"tokens": "100/s"},
            "concurrency": 1,
        }
        requests = [(i, f"{llm.url}/v1/chat/completions", body) for i in range(6)]
        return seconds(lambda: all_of(requests, "post", **options))

    with LlmServer(10_000, 1_000_000, latency=0.05) as llm:
        # Five seconds, were nothing given back.
        assert took(100, 1) < 5
        # The second may be on its way before it is known what the first did cost.
        assert took(1, 5) > 0.35


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]])
@pytest.mark.parametrize("num_workers", [1, 2])
def test_settle_is_called_where_responses_are_taken_with_callbacks_and_without(
    server, callbacks, num_workers
):
    threads = set()

    def settle(response):
        threads.add(threading.current_thread())
        return used(response)

    with Patata(num_workers=num_workers, verbose=False, budgets={"tokens": "1M/s"}) as client:
        assert len(list(client.http("post", echoes(server, [1, 2, 3]), callbacks, settle=settle))) == 3
        assert client.receipt.costs["tokens"] == (0, 6)
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]])
def test_settle_is_called_under_asyncio_too(server, callbacks):
    async def main():
        async with AsyncPatata(verbose=False, budgets={"tokens": "1M/s"}, cost={"tokens": 7}) as client:
            responses = client.http("post", echoes(server, [1, 2, 3]), callbacks, settle=used)
            assert len([response async for response in responses]) == 3
            response = await client.post(server.url + "/echo", json={"used": 4}, settle=used)
            assert response.ok
            return responses.receipt.costs["tokens"], client.receipt.costs["tokens"]

    assert asyncio.run(main()) == ((21, 6), (7, 4))


def test_costs_are_summed_and_settled_with_a_run_folder(server, tmp_path):
    with Patata(verbose=False, budgets={"tokens": "1M/s"}, cost={"tokens": 7}) as client:
        for callbacks in ([], [lambda response: response]):
            folder = tmp_path / str(len(callbacks))
            responses = client.http(
                "post", echoes(server, [1, 2, 3]), callbacks, settle=used, run_folder=folder
            )
            assert len(list(responses)) == 3
            assert client.receipt.costs["tokens"] == (21, 6)


def test_a_unit_without_a_budget_is_summed_where_settle_says_it(server):
    _, receipt = all_of(echoes(server, [10, 20]), "post", settle=lambda _: {"dollars": 0.25})
    assert receipt.costs == {"dollars": (0, 0.5)}


@pytest.mark.parametrize(
    "settle",
    [
        lambda response: response.data["nothing"],
        lambda _: {"tokens": -1},
        lambda _: {"tokens": math.nan},
        lambda _: {"tokens": "1"},
        lambda _: {1: 1},
        lambda _: [1],
    ],
)
def test_a_settle_that_fails_costs_that_response_its_settlement_and_is_logged(server, caplog, settle):
    def first_fails(response):
        return settle(response) if response.id_ == 0 else used(response)

    options = {"cost": {"tokens": 100}, "settle": first_fails, "budgets": {"tokens": "1M/s"}, "verbose": True}
    responses, receipt = all_of(echoes(server, [10, 20]), "post", **options)
    assert [response.ok for response in responses] == [True, True]
    assert receipt.costs["tokens"] == (200, 120)
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("settle failed for request 0, whose estimate stands")


def test_a_settle_that_always_fails_is_a_few_lines_of_the_log(server, caplog):
    def settle(response):
        raise (KeyError if response.id_ % 2 else TypeError)(response.id_)

    options = {"settle": settle, "verbose": True}
    responses, receipt = all_of([(i, server.url) for i in range(300)], **options)
    assert all(response.ok for response in responses)
    assert receipt.costs == {}
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(lines) == 2 * 3
    assert sum("(failure 100 of this kind)" in line for line in lines) == 2


def test_what_was_spent_is_summed_over_the_processes_of_a_run_folder(server, tmp_path):
    jobs = echoes(server, [1, 2, 3, 4])

    def spent(jobs):
        with Patata(verbose=False, budgets={"tokens": "1M/s"}, cost={"tokens": 7}, settle=used) as client:
            assert all(response.ok for response in client.http("post", jobs, run_folder=tmp_path / "run"))
            return client.receipt.costs.get("tokens")

    def in_folder():
        return json.loads((tmp_path / "run" / "summary.json").read_text())["costs"]["tokens"]

    assert spent(jobs[:2]) == (14, 3)
    assert in_folder() == {"estimated": 14, "settled": 3}
    # The receipt is that of a call, and the folder knows all of them.
    assert spent(jobs) == (14, 7)
    assert in_folder() == {"estimated": 28, "settled": 10}
    assert "Cost: 10 tokens (estimated 28)." in (tmp_path / "run" / "report.html").read_text()


def test_costs_are_settled_with_a_run_folder_under_asyncio(server, tmp_path):
    async def main():
        async with AsyncPatata(verbose=False, budgets={"tokens": "1M/s"}, cost={"tokens": 7}) as client:
            jobs = echoes(server, [1, 2, 3])
            responses = client.http("post", jobs, settle=used, run_folder=tmp_path / "run")
            assert len([response async for response in responses]) == 3
            return responses.receipt.costs["tokens"]

    assert asyncio.run(main()) == (21, 6)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["costs"]["tokens"] == {"estimated": 21, "settled": 6}


def test_ctrl_c_in_settle_or_cost_ends_the_call(server):
    def interrupted(_):
        raise KeyboardInterrupt

    for function in ("cost", "settle"):
        with Patata(verbose=False, budgets={"tokens": "1M/s"}) as client, pytest.raises(KeyboardInterrupt):
            list(client.http("get", [(i, server.url) for i in range(10)], **{function: interrupted}))


def test_nothing_is_settled_for_what_failed_and_what_was_not_sent_costs_nothing(server):
    with refusing_url() as refusing:
        _, receipt = all_of(
            [(1, refusing), (2, server.url)],
            cost={"tokens": 5},
            settle=lambda _: {"tokens": 3},
            budgets={"tokens": "1M/s"},
        )
    assert receipt.costs == {"requests": (1, 1), "tokens": (5, 3)}


def test_a_request_dearer_than_its_budget_ever_holds_is_its_own_error(server):
    requests = [Request(1, server.url, cost={"tokens": 1001}), Request(2, server.url, cost={"tokens": 1000})]
    for option in ("budgets", "budgets_per_host"):
        responses, _ = all_of(requests, ordered=True, **{option: {"tokens": ["1000/s", "5000/h"]}})
        assert isinstance(responses[0].error, InvalidRequestError)
        assert "costs 1001 tokens, and the budget of tokens never holds more than 1000" in str(
            responses[0].error
        )
        assert responses[0].attempts == 0
        assert responses[1].ok


def test_a_unit_without_a_budget_is_an_error_that_names_it_and_the_item(server):
    for options in ({"cost": {"token": 1}}, {"cost": lambda _: {"token": 1}}, {}):
        requests = [Request("the id", server.url, cost=None if options else {"token": 1})]
        with pytest.raises(ValueError, match="costs token, of which there is no budget") as raised:
            all_of(requests, budgets={"tokens": "1/s", "pages": "1/s"}, **options)
        assert "the id" in str(raised.value)
        assert "budgets of: pages, tokens" in str(raised.value)
        assert "item 0 of the input" in str(raised.value)


@pytest.mark.parametrize("amount", [-1, math.inf, -math.inf, math.nan, "1", None, True])
def test_what_is_no_amount_is_an_error_that_names_the_item(server, amount):
    with pytest.raises(InvalidRequestError, match=r"Request\(id_='the id'\): cost: what is said of tokens"):
        Request("the id", server.url, cost={"tokens": amount})
    with pytest.raises(ValueError, match="cost: what is said of tokens must be a number"):
        all_of([], cost={"tokens": amount})
    responses, _ = all_of(
        [("the id", server.url), (2, server.url)],
        cost=lambda request: {"tokens": 1 if request.id_ == 2 else amount},
        budgets={"tokens": "1k/s"},
        ordered=True,
    )
    assert "what cost returns: what is said of tokens must be a number" in str(responses[0].error)
    assert "the id" in str(responses[0].error)
    assert responses[1].ok


def test_a_cost_function_that_raises_is_that_requests_failure(server):
    responses, _ = all_of(
        [(0, server.url), (1, server.url)],
        cost=lambda request: {"tokens": 1 / request.id_},
        budgets={"tokens": "1k/s"},
        ordered=True,
    )
    told = str(responses[0].error)
    assert re.match(r"cost failed for .*: ZeroDivisionError: division by zero", told)
    assert responses[1].ok


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"budgets": {"tokens": "fast"}}, "budgets must be an amount and a unit of time"),
        ({"budgets": {"tokens": "0/s"}}, '"0/s" for tokens'),
        ({"budgets": {"tokens": ["1/s", 5]}}, r"budgets\['tokens'\] must be a rate"),
        ({"budgets": {"a b": "1/s"}}, "budgets must be a unit's name"),
        ({"budgets": {1: "1/s"}}, "budgets must be a mapping from units to rates"),
        ({"budgets": "1/s"}, "budgets must be a mapping from units to rates"),
        ({"budgets_per_host": {"tokens": "1/s;peak=3"}}, "budgets_per_host must be an amount"),
        ({"cost": 5}, "cost must be a mapping from units to amounts, or a plain function that returns one"),
        ({"cost": [1]}, "cost must be a mapping from units to amounts, or a plain function"),
        ({"settle": {"tokens": 1}}, "settle must be a function"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(server, options, named):
    with pytest.raises(ValueError, match=named):
        Patata(verbose=False, **options)
    with Patata(verbose=False) as client, pytest.raises(ValueError, match=named):
        client.http("get", [(1, server.url)], **options)


def test_the_cost_of_a_request_is_one_of_its_fields():
    request = Request(1, "http://host/", cost={"tokens": 1.5})
    assert request.dict()["cost"] == {"tokens": 1.5}
    assert json.loads(json.dumps(request.dict()))["cost"] == {"tokens": 1.5}
    assert repr(request).endswith("cost={'tokens': 1.5})")
    assert pickle.loads(pickle.dumps(request)) == request
    assert request != Request(1, "http://host/", cost={"tokens": 2})


@pytest.mark.parametrize(
    ("option", "expected"), [("budgets", "tokens"), ("budgets_per_host", "tokens per host")]
)
def test_progress_says_which_budget_binds(server, option, expected):
    with Patata(verbose=False, **{option: {"tokens": "20/s"}}) as client:
        responses = client.http("get", [(i, server.url) for i in range(8)], cost={"tokens": 5})
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(responses))
        thread.start()

        def binds():
            progress = responses.progress()
            return (progress.bottleneck, progress.budget) == ("budget", expected)

        assert eventually(binds)
        thread.join()
        assert len(seen) == 8


def test_budgets_are_set_under_way(server):
    with Patata(verbose=False, budgets={"tokens": "1M/s"}) as client:
        responses = client.http("get", [(i, server.url) for i in range(12)], cost={"tokens": 10})
        responses.set(budgets={"tokens": "10/h"})
        assert next(responses).ok
        responses.set(budgets={"tokens": "500/s;burst=10"})
        assert seconds(lambda: list(responses)) > 0.15
    with Patata(verbose=False) as client:
        responses = client.http("get", [(1, server.url)])
        with pytest.raises(ValueError, match='"soon" for tokens'):
            responses.set(budgets={"tokens": "soon"})
        responses.set(budgets=None)
        assert len(list(responses)) == 1
        with pytest.raises(ValueError, match="the call has ended"):
            responses.set(budgets={})


@pytest.mark.parametrize(
    ("option", "name"), [("budgets", "requests"), ("budgets_per_host", "requests per host")]
)
@pytest.mark.parametrize("settle", [None, lambda _: {"requests": 1}])
def test_responses_and_the_receipt_say_which_budget_was_waited_for(server, caplog, option, name, settle):
    with caplog.at_level(logging.INFO, logger="patata"):
        requests = [(i, server.url) for i in range(3)]
        responses, receipt = all_of(requests, verbose=True, settle=settle, **{option: {"requests": "20/s"}})
    responses.sort(key=lambda response: response.id_)
    assert [response.budget for response in responses] == [None, name, name]
    waits = [response.budget_wait.total_seconds() for response in responses]
    assert waits[0] == 0
    assert min(waits[1:]) > 0.02
    assert list(receipt.budget_waits) == [name]
    assert receipt.budget_waits[name] == pytest.approx(sum(waits), abs=0.002)
    told = next(record.message for record in caplog.records if "Budget waits (s):" in record.message)
    assert told.endswith(f" {name} {receipt.budget_waits[name]:.3f}")
    again = pickle.loads(pickle.dumps(responses[1]))
    assert (again.budget, again.budget_wait) == (name, responses[1].budget_wait)


def test_where_no_budget_binds_nobody_has_waited_for_one(server):
    for options in ({}, {"rate": "50/s"}, {"budgets": {"requests": "100k/s;burst=100"}}):
        responses, receipt = all_of([(i, server.url) for i in range(3)], **options)
        assert {response.budget for response in responses} == {None}
        assert {response.budget_wait.total_seconds() for response in responses} == {0}
        assert receipt.budget_waits == {}


def test_a_request_that_fails_says_which_budget_it_has_waited_for(server):
    options = {"budgets": {"requests": "20/s"}, "retries": 1, "timeout": 0.1}
    responses, _ = all_of([(i, server.url + "/delay/60000") for i in range(2)], **options)
    assert [type(response.error).__name__ for response in responses] == ["RequestTimeoutError"] * 2
    assert sorted(response.budget or "" for response in responses) == ["", "requests"]


def test_a_call_that_ends_early_has_waited_until_then(server):
    with Patata(1, verbose=False, budgets={"tokens": "10/h"}) as client:
        responses = client.http("get", [(i, server.url) for i in range(3)], cost={"tokens": 10})
        assert next(responses).ok
        time.sleep(0.1)
        responses.close()
        assert responses.receipt.budget_waits["tokens"] > 0.05


def test_a_run_folder_has_what_was_used_and_granted_of_budgets_over_time(server, tmp_path):
    folder = tmp_path / "run"
    options = {"budgets": {"tokens": "200/s"}, "cost": {"tokens": 10}, "run_folder": folder}
    with Patata(1, verbose=False) as client:
        assert len(list(client.http("get", [(i, server.url) for i in range(50)], **options))) == 50
    ticks = [json.loads(line) for line in (folder / "timeline.jsonl").read_text().splitlines()]
    uses = [tick["budgets"]["tokens"] for tick in ticks if "budgets" in tick]
    assert sum(use["used"] for use in uses) == pytest.approx(500)
    for tick in ticks[:2]:
        assert tick["budgets"]["tokens"]["granted"] == pytest.approx(200 * tick["seconds"], abs=0.01)
    assert json.loads((folder / "summary.json").read_text())["limiting_budgets"]["tokens"] > 0.5
    page = (folder / "report.html").read_text()
    assert "Budgets, used and granted" in page
    assert "limited by a budget, mostly tokens." in page
