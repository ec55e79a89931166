"""One request: ``client.get(url)`` and its kin, on the connections, limits and event loops of the client."""

import asyncio
import gc
import io
import json
import logging
import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from patata import AsyncPatata, Patata, Request, exceptions
from patata.testing import Server
from support import RawServer, answer, refusing_url

HELLO = {"message": "Hello world!"}
RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}


@pytest.fixture(params=RUNNERS)
def run(request):
    """Runs a coroutine to its end, on each kind of event loop."""
    return RUNNERS[request.param]


class Blocking:
    """An :class:`AsyncPatata` that is used like a :class:`Patata`, so that tests are the same for both."""

    def __init__(self, **options):
        self._loop = asyncio.new_event_loop()
        self.client = AsyncPatata(**options)

    def __enter__(self):
        self._loop.run_until_complete(self.client.__aenter__())
        return self

    def __exit__(self, *_):
        self._loop.run_until_complete(self.client.aclose())

    def end(self):
        """Closes its event loop."""
        self._loop.close()

    def __getattr__(self, name):
        attribute = getattr(self.client, name)
        if not callable(attribute) or name == "http":
            return attribute
        return lambda *arguments, **options: self._loop.run_until_complete(attribute(*arguments, **options))


CLIENTS = {"plain": Patata, "asyncio": Blocking}


@pytest.fixture(params=CLIENTS)
def make(request):
    """Makes a client of either kind."""
    made = []

    def make(**options):
        made.append(CLIENTS[request.param](**{"num_workers": 1, "verbose": False, **options}))
        return made[-1]

    yield make
    for client in made:
        if isinstance(client, Blocking):
            client.end()


@pytest.fixture
def client(make):
    with make() as client:
        yield client


def echo(response):
    """What the server was sent."""
    assert response.status_code == 200, response
    return response.json()


# What users of other clients type first


def test_a_get(server, client):
    response = client.get(
        server.url + "/echo",
        params={"a": 1},
        headers={"X-Key": "k"},
        timeout=5,
        auth=("u", "p"),
        cookies={"c": "1"},
    )
    assert (response.status_code, response.ok, response.error) == (200, True, None)
    assert response.raise_for_status() is response
    sent = response.json()
    assert (sent["method"], sent["query"]) == ("GET", "a=1")
    assert sent["headers"]["x-key"] == "k"
    assert sent["headers"]["authorization"] == "Basic dTpw"
    assert sent["headers"]["cookie"] == "c=1"
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.text) == json.loads(response.content) == response.data == sent
    assert response.url == server.url + "/echo?a=1"
    assert isinstance(response.elapsed, timedelta)
    assert response.id_ is None
    assert response.attempts == 1


@pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
def test_each_method_has_a_name(server, client, method):
    response = getattr(client, method)(server.url + "/echo", id_=(method, 1))
    assert response.id_ == (method, 1)
    assert response.status_code == 200
    if method != "head":
        assert response.json()["method"] == method.upper()
    again = client.request(method, server.url + "/echo")
    assert (again.status_code, again.data) == (200, response.data)


def test_any_method(client):
    with RawServer(lambda *_: answer(b"{}")) as raw:
        assert client.request("purge", raw.url).ok
        assert raw.heads[0].startswith(b"PURGE / HTTP/1.1")


def test_bodies(server, client, tmp_path):
    url = server.url + "/echo"
    assert echo(client.post(url, json={"a": [1, None]}))["body"] == '{"a":[1,null]}'
    for falsy in ({}, [], 0, "", False):
        sent = echo(client.post(url, json=falsy))
        assert (json.loads(sent["body"]), sent["headers"]["content-type"]) == (falsy, "application/json")
    assert echo(client.post(url, json=None))["body"] == ""
    assert (
        echo(client.put(url, form={"name": "potato", "tags": ["a", "b"]}))["body"]
        == "name=potato&tags=a&tags=b"
    )
    assert echo(client.patch(url, content=b"bytes"))["body"] == "bytes"
    assert echo(client.post(url, content="text"))["body"] == "text"
    (tmp_path / "file").write_bytes(b"of a file")
    assert echo(client.post(url, content=tmp_path / "file"))["body"] == "of a file"
    sent = echo(client.post(url, files={"file": ("a.txt", b"inside")}, form={"title": "Q1"}))
    assert sent["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert "inside" in sent["body"]
    assert "Q1" in sent["body"]


def test_a_body_may_be_one_that_is_read_once(server, client):
    url = server.url + "/echo"
    assert echo(client.post(url, content=iter([b"a", b"b"])))["body"] == "ab"
    assert echo(client.post(url, content=io.BytesIO(b"abc")))["body"] == "abc"
    reader, writer = os.pipe()
    with open(reader, "rb") as pipe:
        os.write(writer, b"from a pipe")
        os.close(writer)
        assert echo(client.post(url, content=pipe))["body"] == "from a pipe"


def test_options_of_a_call(server, client, tmp_path):
    assert client.get(server.url + "/flaky/one/2", retries=3, backoff=0.01).attempts == 3
    moved = client.get(server.url + "/redirect/1", follow_redirects=False)
    assert moved.status_code == 302
    saved = client.get(server.url + "/bytes/1000", stream_to=tmp_path / "{id}.bin", id_="a")
    assert saved.path == tmp_path / "a.bin"
    assert saved.path.stat().st_size == 1000
    assert client.get(server.url, auth=lambda request: request.url, timeout=None).ok
    asked = []
    client.get(
        server.url, retries=3, backoff=0, retry_if=lambda response: asked.append(response.data) or True
    )
    assert asked == [HELLO] * 2


def test_what_it_answers_is_a_request(server, client):
    response = client.get(server.url, id_="a")
    assert response.request == Request("a", server.url)
    response = client.post(server.url + "/echo", json=[1])
    assert response.request == Request(None, server.url + "/echo", json=[1])


def test_options_of_the_client_hold_and_those_of_the_request_win(server, make):
    with make(headers={"A": "client", "B": "client"}, params={"p": 1}, timeout=5, json=["client"]) as client:
        sent = echo(client.post(server.url + "/echo"))
        assert (sent["headers"]["a"], sent["query"], sent["body"]) == ("client", "p=1", '["client"]')
        sent = echo(client.post(server.url + "/echo", headers={"a": "own"}, params={"q": 2}, form={"x": "y"}))
        assert (sent["headers"]["a"], sent["headers"]["b"]) == ("own", "client")
        assert (sent["query"], sent["body"]) == ("p=1&q=2", "x=y")
        assert "a" not in echo(client.get(server.url + "/echo", headers={"A": None}))["headers"]
        assert echo(client.get(server.url + "/echo"))["headers"]["a"] == "client"


def test_options_of_the_client_that_are_for_many_requests_are_of_no_effect(server, make):
    with make(ordered=True, progress="force", max_failures=0, abort_on={404}, ok_statuses={404}) as client:
        assert client.get(server.url + "/status/404").status_code == 404
        assert client.receipt.ok == 1
        assert client.get(server.url, timeout=5).ok


def test_cookies_of_the_client_are_kept(make):
    def serve(_connection, head, _body):
        return answer(json.dumps({"cookie": b"cookie: " in head.lower()}).encode(), "set-cookie: a=1")

    with RawServer(serve) as server, make(cookies=True) as client:
        assert [client.get(server.url).data["cookie"] for _ in range(3)] == [False, True, True]


def test_tls_and_other_options_of_connections(make):
    with Server(tls=True) as server, make() as client:
        untrusted = client.get(server.url)
        assert isinstance(untrusted.error, exceptions.CertificateError)
        assert client.get(server.url, verify=False).http_version == "2"
        assert client.get(server.url, verify=False, http_version="1.1").http_version == "1.1"


# The same engine


def test_requests_in_turn_share_a_connection(server, client):
    for _ in range(50):
        assert client.get(server.url).data == HELLO
    for _ in range(20):
        assert client.get(server.url, headers={"X-Key": "k"}, timeout=10).data == HELLO
    assert server.connections <= 3
    assert server.requests == 70


def test_limits_of_the_client_hold_for_requests_and_calls_together(server):
    with Patata(1, verbose=False, rate="50/s") as client:

        def each():
            return [client.get(server.url) for _ in range(10)]

        begun = time.monotonic()
        threads = [threading.Thread(target=each) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert len(list(client.http("get", [(1, server.url)] * 10))) == 10
        for thread in threads:
            thread.join()
        assert time.monotonic() - begun > 0.9


def test_a_request_beside_a_call_under_way(server, client):
    if isinstance(client, Patata):
        responses = client.http("get", ((id_, server.url) for id_ in range(1_000)))
        next(responses)
        assert client.get(server.url).data == HELLO
        assert len(list(responses)) == 999


def test_functions_of_a_call_may_send_requests_themselves(server):
    with Patata(1, verbose=False, concurrency=1) as client:

        def auth(_):
            return "Bearer " + client.get(server.url + "/echo?token").json()["query"]

        sent = client.get(server.url + "/echo", auth=auth).json()
        assert sent["headers"]["authorization"] == "Bearer token"
        for response in client.http("get", [(id_, server.url) for id_ in range(10)], auth=auth):
            assert client.get(server.url, id_=response.id_).id_ == response.id_


def test_the_receipt_is_that_of_the_last_request(server, client):
    client.get(server.url)
    assert (client.receipt.submitted, client.receipt.ok) == (1, 1)
    client.get(server.url + "/status/404")
    assert (client.receipt.ok, client.receipt.failed_statuses) == (0, {404: 1})
    with refusing_url() as url:
        client.get(url)
    assert client.receipt.errors == {"ConnectError": 1}


def test_many_at_once_on_an_event_loop(server, run):
    async def main():
        async with AsyncPatata(1, verbose=False, concurrency=20) as client:
            urls = [f"{server.url}/echo?{id_}" for id_ in range(300)]
            responses = await asyncio.gather(*(client.get(url, id_=id_) for id_, url in enumerate(urls)))
            assert [response.id_ for response in responses] == list(range(300))
            assert [response.json()["query"] for response in responses] == list(map(str, range(300)))
            assert server.connections <= 20

    run(main())


def test_event_loops_one_after_another(server):
    client = AsyncPatata(1, verbose=False)

    async def main():
        return [
            (await client.get(server.url)).ok,
            len([r async for r in client.http("get", [(1, server.url)])]),
        ]

    assert [asyncio.run(main()) for _ in range(3)] == [[True, 1]] * 3
    assert uvloop.run(main()) == [True, 1]
    asyncio.run(client.aclose())


def test_many_threads(server):
    with Patata(1, verbose=False) as client:
        seen = []

        def each(number):
            for index in range(50):
                id_ = (number, index)
                seen.append(client.get(f"{server.url}/echo?{number}-{index}", id_=id_))

        threads = [threading.Thread(target=each, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 400
        for response in seen:
            assert response.json()["query"] == "{}-{}".format(*response.id_)


# Failures


def test_a_failure_is_in_the_response(server, client):
    with refusing_url() as url:
        response = client.get(url)
    assert response.status_code == 500
    assert isinstance(response.error, exceptions.ConnectError)
    with pytest.raises(exceptions.ConnectError, match="Cannot connect"):
        response.raise_for_status()
    missing = client.get(server.url + "/status/404")
    assert (missing.status_code, missing.ok, missing.error) == (404, False, None)
    with pytest.raises(exceptions.StatusError, match="404"):
        missing.raise_for_status()
    late = client.get(server.url + "/delay/5000", timeout=0.1)
    assert isinstance(late.error, TimeoutError)
    late = client.get(server.url + "/delay/5000", total_timeout=0.1)
    assert isinstance(late.error, TimeoutError)


def test_the_deadline_of_the_client_holds_for_a_request(server, make):
    with make(deadline=0.2) as client:
        assert isinstance(client.get(server.url + "/delay/5000").error, TimeoutError)


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://localhost/", "http://", "/path"])
def test_what_is_no_url_fails_as_everywhere(client, url):
    response = client.get(url)
    assert isinstance(response.error, exceptions.InvalidRequestError)
    assert response.attempts == 0


def test_a_body_that_cannot_be_sent_fails_as_everywhere(server, client):
    response = client.post(server.url, json={"a": object()})
    assert isinstance(response.error, exceptions.InvalidRequestError)
    assert "json['a']" in str(response.error)
    assert isinstance(client.post(server.url, content=Path("/nowhere")).error, exceptions.InvalidRequestError)


# Bad input

BAD = [
    ({"timeout": -1}, ValueError, "timeout must be .*-1"),
    ({"timeout": "5"}, ValueError, "timeout must be .*'5'"),
    ({"timeout": (3, 27)}, ValueError, "timeout must be .*(3, 27)"),
    ({"retries": 0}, ValueError, "retries must be .*0"),
    ({"headers": 5}, ValueError, "headers must be"),
    ({"params": 5}, ValueError, "params must be"),
    ({"cookies": "a=1"}, ValueError, "cookies must be"),
    ({"auth": 5}, ValueError, "auth must be"),
    ({"verify": "/nowhere.pem"}, ValueError, "nowhere"),
    ({"proxy": "nonsense://x"}, ValueError, "proxy"),
    ({"json": 1, "form": {}}, exceptions.InvalidRequestError, "json.*form|form.*json"),
    ({"data": {}}, TypeError, "data.*json.*form"),
    ({"allow_redirects": False}, TypeError, "allow_redirects.*follow_redirects"),
    ({"stream": True}, TypeError, "'stream'.*stream_to"),
    ({"proxies": {}}, TypeError, "proxies.*proxy"),
    ({"ssl": False}, TypeError, "ssl.*verify"),
    ({"potatoes": 1}, TypeError, "unknown option 'potatoes'; there are auth"),
    ({"method": "GET"}, TypeError, "method"),
    *(
        ({name: value}, TypeError, f"{name} is an option of calls of many requests")
        for name, value in {
            "ordered": True,
            "progress": True,
            "max_failures": 1,
            "abort_on": {401},
            "ok_statuses": {200},
            "deadline": 5,
            "callbacks": [],
            "rate": "1/s",
            "rate_per_host": "1/s",
            "concurrency": 5,
            "concurrency_per_host": 5,
        }.items()
    ),
]


@pytest.mark.parametrize(("options", "error", "told"), BAD)
def test_an_option_that_cannot_be_used_is_named_at_once(server, client, options, error, told):
    with pytest.raises(error, match=told):
        client.get(server.url, **options)
    assert server.requests == 0
    assert client.get(server.url).ok


def test_http_tells_of_names_of_other_clients_too(client):
    with pytest.raises(TypeError, match="follow_redirects"):
        client.http("get", [], allow_redirects=False)


@pytest.mark.parametrize("url", [None, 5, b"http://localhost/", ["http://localhost/"]])
def test_a_url_must_be_a_text(client, url):
    with pytest.raises(exceptions.InvalidRequestError, match="url must be a str"):
        client.get(url)


@pytest.mark.parametrize("method", ["", "a method", "GET\r\n", None, 5])
def test_a_method_must_be_a_token(server, client, method):
    with pytest.raises(exceptions.InvalidMethodError):
        client.request(method, server.url)
    assert client.get(server.url).ok


# Ends


def test_a_closed_client_says_so(server, make):
    client = make()
    with client:
        assert client.get(server.url).ok
    with pytest.raises(exceptions.ClientClosedError, match="closed"):
        client.get(server.url)
    with client:
        assert client.get(server.url).ok


def test_closing_the_client_ends_requests(server):
    client = Patata(1, verbose=False)
    threading.Timer(0.2, client.close).start()
    with pytest.raises(exceptions.ClientClosedError) as raised:
        client.get(server.url + "/delay/60000")
    assert raised.value.receipt.cancelled == 1


def test_closing_an_asyncio_client_ends_requests(server, run):
    async def main():
        client = AsyncPatata(1, verbose=False)
        tasks = [asyncio.ensure_future(client.get(server.url + "/delay/60000")) for _ in range(10)]
        await asyncio.sleep(0.2)
        await client.aclose()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, exceptions.ClientClosedError)
            assert ended.receipt.cancelled == 1

    run(main())


def test_cancelling_a_task_cancels_its_request_and_no_other(run):
    gone = threading.Event()

    def serve(connection, head, _body):
        if b"/hang" not in head:
            time.sleep(0.5)
            return answer(b"{}")
        connection.recv(1)
        gone.set()
        return None

    async def main(url):
        async with AsyncPatata(1, verbose=False) as client:
            other = asyncio.ensure_future(client.get(url))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get(url + "/hang"), 0.2)
            assert await asyncio.to_thread(gone.wait, 5)
            assert (await other).ok
            assert (await client.get(url)).ok

    with RawServer(serve) as server:
        run(main(server.url))


def test_requests_that_are_left_behind_by_their_event_loop_end(server, recwarn):
    client = AsyncPatata(1, verbose=False)
    loop = asyncio.new_event_loop()
    left = [loop.create_task(client.get(server.url + "/delay/60000")) for _ in range(3)]
    loop.run_until_complete(asyncio.sleep(0.2))
    assert [task.done() for task in left] == [False] * 3
    for task in left:
        task._log_destroy_pending = False
    loop.close()
    del task, left
    gc.collect()
    assert asyncio.run(client.get(server.url)).ok
    asyncio.run(client.aclose())
    assert not recwarn.list


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such signals")
def test_ctrl_c_ends_a_request_within_a_second(script):
    printed = script(
        """
        import os, signal, threading, time
        from patata import Patata
        from patata.testing import Server

        with Server() as server, Patata(1, verbose=False) as client:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            begun = time.monotonic()
            try:
                client.get(server.url + "/delay/60000")
            except KeyboardInterrupt as error:
                print(time.monotonic() - begun < 1.3, error.receipt.unknown)
            print(client.get(server.url).ok)
        """
    )
    assert printed.split() == ["True", "1", "True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_after_a_fork_it_works_in_both(script):
    printed = script(
        """
        import os, warnings
        from patata import Patata
        from patata.testing import Server
        warnings.simplefilter("ignore", DeprecationWarning)

        with Server() as server, Patata(1, verbose=False) as client:
            print(client.get(server.url).ok, flush=True)
            if (child := os.fork()) == 0:
                print([client.get(server.url).ok for _ in range(3)], flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print(client.get(server.url).ok)
        """
    )
    assert printed.splitlines() == ["True", "[True, True, True]", "True"]


def test_an_asyncio_request_that_is_never_awaited_is_told_of(server):
    async def main():
        client = AsyncPatata(1, verbose=False)
        with pytest.warns(RuntimeWarning, match="never awaited"):
            client.get(server.url)

    asyncio.run(main())
    assert server.requests == 0


# The log


def test_a_request_logs_nothing_but_a_failure_at_level_two(server, make, caplog):
    caplog.set_level(logging.INFO, "patata")
    for level in (0, 1):
        with make(verbose=True, verbose_level=level) as client:
            client.get(server.url)
            client.get(server.url + "/status/404")
    assert caplog.messages == []
    with make(verbose=True, verbose_level=2) as client:
        client.get(server.url)
        client.get(server.url + "/status/404", id_="a")
    assert caplog.messages == [f"Request 'a' was answered with status 404 at {server.url}/status/404"]
