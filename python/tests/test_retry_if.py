"""A function of the user's says whether a response is worth another attempt."""

import asyncio
import threading

import pytest
from patata import AsyncPatata, Patata
from patata.exceptions import RequestError, RetryIfError
from support import RawServer, answer


def pending(*_):
    return b'{"state": "pending"}'


def in_turn(*bodies):
    answers = iter([answer(body) for body in bodies])
    return lambda *_: next(answers)


def is_pending(response):
    return response.data == {"state": "pending"}


def test_a_response_is_tried_again_until_the_function_is_content():
    with (
        RawServer(in_turn(pending(), pending(), b'{"state": "done"}')) as server,
        Patata(verbose=False) as client,
    ):
        (response,) = client.http("get", [(1, server.url)], retries=5, backoff=0, retry_if=is_pending)
        assert len(server.heads) == 3
    assert (response.data, response.attempts) == ({"state": "done"}, 3)


def test_the_last_attempt_stands():
    with (
        RawServer(lambda *_: answer(pending())) as server,
        Patata(verbose=False, retry_if=is_pending) as client,
    ):
        (response,) = client.http("get", [(1, server.url)], retries=3, backoff=0)
    assert (response.status_code, response.attempts, response.error) == (200, 3, None)
    assert client.receipt.ok == 1


def test_the_function_sees_the_response_on_the_thread_that_takes_them(server):
    seen = []

    def look(response):
        seen.append((response.id_, response.status_code, response.attempts, threading.get_ident()))
        return False

    with Patata(verbose=False, retries=2, retry_if=look) as client:
        list(client.http("get", [("an id", server.url + "/status/404")]))
    assert seen == [("an id", 404, 1, threading.get_ident())]


def test_what_it_raises_costs_one_response(server):
    def pick(response):
        if response.id_ == 7:
            raise LookupError("no idea")
        return False

    with Patata(verbose=False, retries=2, retry_if=pick) as client:
        responses = {r.id_: r for r in client.http("get", ((i, server.url) for i in range(50)))}
    error = responses.pop(7).error
    assert isinstance(error, RetryIfError)
    assert isinstance(error, RequestError)
    assert "LookupError: no idea" in str(error)
    assert len(responses) == 49
    assert all(response.ok for response in responses.values())
    assert client.receipt.errors == {"RetryIfError": 1}


def test_ctrl_c_in_it_ends_the_call(server):
    def interrupt(_):
        raise KeyboardInterrupt

    with Patata(verbose=False, retries=2, retry_if=interrupt) as client, pytest.raises(KeyboardInterrupt):
        list(client.http("get", [(1, server.url)]))


def test_asyncio_calls_have_it_too():
    async def main(url):
        async with AsyncPatata(verbose=False) as client:
            calls = client.http("get", [(1, url)], retries=5, backoff=0, retry_if=is_pending)
            return [response.attempts async for response in calls]

    with RawServer(in_turn(pending(), b"{}")) as server:
        assert asyncio.run(main(server.url)) == [2]


async def coroutine_function(_):
    return True


@pytest.mark.parametrize("value", [1, "x", coroutine_function])
def test_what_is_no_plain_function_is_refused(value):
    with pytest.raises(ValueError, match="retry_if must be a function"):
        Patata(verbose=False, retry_if=value)


def test_none_takes_the_clients_away(server):
    with Patata(verbose=False, retries=3, backoff=0, retry_if=lambda _: True) as client:
        (response,) = client.http("get", [(1, server.url)], retry_if=None)
    assert response.attempts == 1
