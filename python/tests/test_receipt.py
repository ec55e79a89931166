"""The accounts of a call, however it ends."""

import asyncio
import pickle

import pytest
from patata import AsyncPatata, Patata, TooManyFailures
from support import RawServer, refusing_url


def adds_up(receipt):
    failed = sum(receipt.errors.values()) + sum(receipt.failed_statuses.values())
    return receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled and receipt.failed == failed


def test_it_says_what_became_of_each_request(server):
    urls = [
        server.url,
        server.url + "/status/404",
        server.url + "/status/503",
        "no URL",
        "http://127.0.0.1:1/",
    ]
    with Patata(2, verbose=False, retries=2, backoff=0, host_timeout=0) as client:
        assert client.receipt is None
        list(client.http("get", ((i, urls[i % 5]) for i in range(50))))
        receipt = client.receipt
    assert (receipt.submitted, receipt.ok, receipt.failed, receipt.cancelled) == (50, 10, 40, 0)
    assert receipt.errors == {"InvalidRequestError": 10, "ConnectError": 10}
    assert receipt.failed_statuses == {404: 10, 503: 10}
    # What cannot be sent is not tried; what fails for the moment is, twice.
    assert receipt.attempts == 10 + 10 + 20 + 20
    assert receipt.bytes == 10 * len(b'{"message":"Hello world!"}') + 20 * len(b'{"status":404}')
    assert 0 < receipt.latency.p50 <= receipt.latency.p90 <= receipt.latency.p99 <= receipt.latency.max
    assert pickle.loads(pickle.dumps(receipt)) == receipt


def test_time_outs_in_connecting_are_told_from_others(server):
    with RawServer(lambda *_: None) as silent:
        # Who does not speak TLS never answers its first message.
        urls = [server.url + "/delay/5000"] * 2 + [silent.url.replace("http://", "https://")] * 3
        with Patata(1, verbose=False, connect_timeout=0.3, timeout=1) as client:
            responses = list(client.http("get", enumerate(urls)))
            receipt = client.receipt
    assert receipt.errors == {"RequestTimeoutError": 2, "ConnectTimeoutError": 3}
    assert sorted(type(response.error).__name__ for response in responses) == sorted(
        ["RequestTimeoutError"] * 2 + ["ConnectTimeoutError"] * 3
    )
    assert adds_up(receipt)


@pytest.mark.parametrize("level", [1, 2])
def test_the_log_names_the_url_of_each_failure_at_level_2(server, caplog, level):
    caplog.set_level("INFO", "patata")
    failing = f"{server.url}/status/503?a=b"
    with refusing_url() as refused, Patata(1, verbose_level=level) as client:
        list(
            client.http(
                "get", [(1, failing), ("two", refused.replace("://", "://me:hunter2@")), (3, server.url)]
            )
        )
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    expected = [
        f"Request 'two' failed at {refused}: Cannot connect to ",
        f"Request 1 was answered with status 503 at {failing}",
    ]
    assert len(lines) == (2 if level == 2 else 0)
    assert all(
        line.startswith(begin) for line, begin in zip(sorted(lines), expected[: len(lines)], strict=True)
    )
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]])
def test_it_is_there_when_the_call_is_closed_early(server, callbacks):
    with Patata(2, verbose=False) as client:
        # The first one is under way for certain when the call is closed.
        items = ((i, server.url if i else f"{server.url}/delay/60000") for i in range(10_000))
        responses = client.http("get", items, callbacks=callbacks)
        next(responses)
        responses.close()
        assert adds_up(client.receipt)
        assert client.receipt.cancelled > 0


def test_it_is_there_when_the_input_raises(server):
    with Patata(1, verbose=False) as client:
        with pytest.raises(KeyError):
            list(client.http("get", broken(server)))
        assert (client.receipt.submitted, client.receipt.failed) == (10, 10)


def test_asynchronous_calls_have_one(server):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:
            async for _ in client.http("get", [(i, server.url) for i in range(20)]):
                pass
            return client.receipt

    receipt = asyncio.run(main())
    assert (receipt.submitted, receipt.ok) == (20, 20)


def test_a_call_that_is_cancelled_twice_has_one(remote):
    async def main():
        async with AsyncPatata(1, verbose=False) as client:

            async def take():
                async for _ in client.http("get", [(i, remote + "/delay/60000") for i in range(20)]):
                    pass

            task = asyncio.create_task(take())
            await asyncio.sleep(0.3)
            task.cancel()
            # It has begun to end, and is cancelled at that.
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return client.receipt

    receipt = asyncio.run(main())
    assert adds_up(receipt)
    assert receipt.cancelled == 20


def lines_of(caplog):
    return [record.getMessage() for record in caplog.records]


def broken(server, length=10):
    yield from ((i, server.url + "/status/500") for i in range(length))
    raise KeyError("no more")


@pytest.mark.parametrize(
    ("length", "options", "told"),
    [
        (10, {}, "Ended early by KeyError: 'no more'"),
        (100_000, {"max_failures": 2}, "Ended early by TooManyFailures: "),
    ],
)
def test_the_log_has_it_where_a_call_ends_early(server, caplog, length, options, told):
    async def main():
        async with AsyncPatata(1, **options) as client:
            async for _ in client.http("get", broken(server, length)):
                pass

    def run():
        with Patata(1, **options) as client:
            list(client.http("get", broken(server, length)))

    for call in (run, lambda: asyncio.run(main())):
        caplog.clear()
        with caplog.at_level("INFO", logger="patata"), pytest.raises((KeyError, TooManyFailures)):
            call()
        lines = lines_of(caplog)
        assert any(line.startswith(told) for line in lines), lines
        assert lines[-1].startswith("  Latency (s):        p50 0.")


def test_the_log_has_it_at_the_end(server, caplog):
    with caplog.at_level("INFO", logger="patata"), Patata(1) as client:
        list(client.http("get", [(1, server.url), (2, server.url + "/status/404")]))
    lines = lines_of(caplog)
    assert "  Ok:                 1" in lines
    assert "  Failed:             1 (status 404: 1)" in lines
    assert lines[-1].startswith("  Latency (s):        p50 0.")
