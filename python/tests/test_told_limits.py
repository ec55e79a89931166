"""What servers tell of their limits: paced by with ``rate="auto"``, and obeyed."""

import pytest
from patata import Patata, Request
from patata.testing import LlmServer

PATHS = ["/v1/chat/completions", "/v1/messages"]


def prompts(url, count, words):
    """Requests whose prompts and answers have so many words together, on average."""
    for id_ in range(count):
        said = " ".join(["word"] * (1 + id_ * 7 % (2 * words - 1)))
        yield id_, url, {"messages": [{"role": "user", "content": said}], "max_tokens": 1}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("requests", "tokens", "words"),
    [(12_000, 6_000_000, 20), (600_000, 240_000, 20)],
    ids=["requests", "tokens"],
)
@pytest.mark.parametrize("concurrency", [50, "auto"])
def test_rate_auto_alone_keeps_to_what_a_real_server_grants(path, requests, tokens, words, concurrency):
    with (
        LlmServer(requests, tokens, latency=0.02) as server,
        Patata(verbose=False, concurrency=concurrency) as client,
    ):
        responses = list(client.http("post", prompts(server.url + path, 1000, words), rate="auto"))
        assert len(responses) == server.requests == 1000
        statuses = [response.status_code for response in responses]
        assert server.refused == statuses.count(429) <= 5, server.refused
        assert statuses.count(200) == 1000 - server.refused
        usages = [response.data["usage"] for response in responses if response.ok]
        used = [
            usage.get("total_tokens") or usage["input_tokens"] + usage["output_tokens"] for usage in usages
        ]
        assert sum(used) == server.tokens


def test_what_is_refused_is_sent_again_when_the_server_says():
    with (
        LlmServer(requests_per_minute=600) as llm,
        Patata(verbose=False, concurrency=20, retries=10) as client,
    ):
        url = llm.url + PATHS[0]
        # Without a pace the bucket is emptied, and what is refused comes back as it is refilled.
        responses = list(client.http("post", prompts(url, 640, 3)))
        assert all(response.ok for response in responses)
        assert llm.requests == 640 + llm.refused == client.receipt.attempts


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("learn_limits", "yes", "learn_limits must be True or False, got 'yes'"),
        ("learn_limits", None, "learn_limits must be True or False, got None"),
        ("rate", "often", 'rate must be .*, or "auto", got "often"'),
        (
            "rate_per_host",
            "auto",
            'rate_per_host must be a number of requests and a unit of time, .* got "auto"',
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_what_can(option, value, message):
    with pytest.raises(ValueError, match=message):
        Patata(**{option: value})


def test_auto_stands_beside_other_rates_and_may_be_set_under_way(server):
    with Patata(verbose=False, rate=["auto", "100000/s"], learn_limits=False) as client:
        responses = client.http(
            "get", [(id_, server.url) for id_ in range(100)], rate="auto", learn_limits=True
        )
        for count, _ in enumerate(responses):
            if count == 10:
                responses.set(rate=["auto", "5000/s"])
            if count == 50:
                responses.set(rate=None)
        assert responses.receipt.ok == 100


def test_the_limit_that_binds_is_named():
    with LlmServer(requests_per_minute=6000, latency=0.05) as llm, Patata(verbose=False) as client:
        url = llm.url + PATHS[0]
        seen = set()
        responses = client.http("post", prompts(url, 400, 3), rate="auto")
        for _ in responses:
            progress = responses.progress()
            seen.add((progress.bottleneck, progress.server_limit))
        host = llm.url.removeprefix("http://")
        assert ("rate", f"requests (6000) of {host}") in seen, seen


@pytest.mark.parametrize(
    ("limits", "name"), [({"latency": -1.0}, "latency"), ({"latency": float("inf")}, "latency")]
)
def test_a_server_of_no_sense_is_refused(limits, name):
    with pytest.raises(ValueError, match=name):
        LlmServer(**limits)


def test_what_requests_state_that_they_cost_is_taken_of_the_servers_own_limit():
    def job(number):
        words = 2_000 if number % 20 == 0 else 2
        body = {"messages": [{"role": "user", "content": "w " * words}], "max_tokens": 1}
        return Request(number, f"{llm.url}/v1/chat/completions", json=body, cost={"tokens": words + 1})

    with (
        LlmServer(requests_per_minute=60_000, tokens_per_minute=600_000, latency=0.02) as llm,
        Patata(verbose=False, rate="auto") as client,
    ):
        responses = list(client.http("post", map(job, range(300))))
        assert all(response.ok for response in responses)
        assert llm.refused == 0
        assert client.receipt.costs["tokens"].estimated == llm.tokens


def test_prompts_and_answers_have_limits_of_their_own_where_they_are_told():
    with (
        LlmServer(60_000, 6_000_000, latency=0.01, output_tokens_per_minute=6_000) as llm,
        Patata(verbose=False) as client,
    ):
        url = llm.url + "/v1/messages"
        progress = set()
        responses = client.http("post", prompts(url, 400, 3), rate="auto")
        for response in responses:
            assert response.status_code == 200
            assert response.headers["anthropic-ratelimit-output-tokens-limit"] == "6000"
            progress.add(responses.progress().server_limit)
        assert llm.refused == 0
        host = llm.url.removeprefix("http://")
        assert f"output-tokens (6000) of {host}" in progress, progress
