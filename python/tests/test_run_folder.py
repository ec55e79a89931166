"""Calls that are written down: nothing is lost and nothing is done twice, whatever ends their processes."""

import asyncio
import errno
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from patata import AsyncPatata, Patata, Request, Response, RunFolder, exceptions
from patata.testing import Server
from support import HERE, eventually, run_python, start_python

SEED = int(os.environ.get("PATATA_TEST_SEED", "0")) or random.randrange(1 << 32)


class Counting(ThreadingHTTPServer):
    """A server that counts what it was asked, by method and path, and takes a moment for each answer."""

    daemon_threads = True
    request_queue_size = 500

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked = Counter()
        self.keys = {}
        self.delay = 0.003
        self.lock = threading.Lock()
        self.gate = threading.Event()

    def handle_error(self, *_):
        """Clients are killed."""


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.lock:
            self.server.asked[self.command, self.path] += 1
            self.server.keys.setdefault(self.path, []).append(self.headers.get("idempotency-key"))
        time.sleep(self.server.delay)
        if self.path == "/gate":
            self.server.gate.wait(60)
        status = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200
        said = json.dumps({"path": self.path, "body": body.decode()}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_):
        pass


@contextmanager
def counting():
    server = Counting()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture(params=["pull", "asyncio"])
def get(request):
    """Performs a call to its end, with either client: the responses, the receipt, and what was raised."""
    return {"pull": pulled, "asyncio": awaited}[request.param]


def pulled(method, requests, callbacks=(), workers=2, client_options=None, **options):
    with Patata(workers, verbose=False, **(client_options or {})) as client:
        responses, raised = [], None
        try:
            for response in client.http(method, requests, callbacks, **options):
                responses.append(response)
        except Exception as error:
            raised = error
        return responses, client.receipt, raised


def awaited(method, requests, callbacks=(), workers=2, client_options=None, **options):
    async def main():
        async with AsyncPatata(workers, verbose=False, **(client_options or {})) as client:
            responses, raised = [], None
            try:
                async for response in client.http(method, requests, callbacks, **options):
                    responses.append(response)
            except Exception as error:
                raised = error
            return responses, client.receipt, raised

    return asyncio.run(main())


def rows(folder):
    """What the sealed parts say."""
    parts = sorted((folder / "out").glob("*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text().splitlines()]


def adds_up(receipt):
    return receipt.submitted == receipt.ok + receipt.failed + receipt.cancelled + receipt.skipped


# A call, and the one after it


@pytest.mark.parametrize("of", [list, iter], ids=["a list", "an iterator"])
def test_the_same_call_goes_on_where_an_earlier_one_has_stopped(get, server, folder, of):
    requests = [(f"id {number}", server.url + "/") for number in range(1_000)]
    first, receipt, raised = get("get", of(requests[:600]), run_folder=folder)
    assert (len(first), receipt.ok, receipt.skipped, raised) == (600, 600, 0, None)
    second, receipt, raised = get("get", of(requests), run_folder=folder)
    assert (len(second), receipt.ok, receipt.skipped, raised) == (400, 400, 600, None)
    assert adds_up(receipt)
    third, receipt, raised = get("get", of(requests), run_folder=folder)
    assert (third, receipt.ok, receipt.skipped, receipt.submitted, raised) == ([], 0, 1_000, 1_000, None)
    assert server.requests == 1_000
    ids = [response.id_ for response in first + second]
    assert sorted(ids) == sorted(id_ for id_, _ in requests)
    assert sorted(row["id"] for row in rows(folder)) == sorted(ids)


def test_an_asynchronous_input_goes_on_too(server, folder):
    async def requests():
        for number in range(500):
            yield number, server.url

    for expected in (500, 0):
        responses, receipt, _ = awaited("get", requests(), run_folder=folder)
        assert (len(responses), receipt.skipped) == (expected, 500 - expected)


def test_a_call_without_requests_leaves_a_folder_that_can_be_gone_on_with(get, server, folder):
    assert get("get", [], run_folder=folder)[::2] == ([], None)
    assert len(get("get", [(1, server.url)], run_folder=folder)[0]) == 1
    assert RunFolder(folder).receipt.ok == 1


def test_what_is_yielded_is_on_the_disk_already(server, folder):
    with Patata(1, verbose=False) as client:
        for response in client.http("get", ((n, server.url) for n in range(300)), run_folder=folder):
            live = [*(folder / "live").iterdir(), *(folder / "out").iterdir()]
            assert any(f'"id":{response.id_},' in path.read_text() for path in live)


def test_a_response_does_not_wait_for_those_that_are_slow(tmp_path):
    with counting() as server:
        for number in range(20):
            server.gate.clear()
            requests = [(n, f"{server.url}/{'gate' if n else ''}") for n in range(5)]
            folder = tmp_path / str(number)
            with Patata(verbose=False) as client:
                responses = client.http("get", requests, run_folder=folder)
                assert next(responses).id_ == 0
                server.gate.set()
                assert len(list(responses)) == 4

            async def call(requests=requests, folder=tmp_path / f"{number} of asyncio"):
                async with AsyncPatata(verbose=False) as client:
                    async for response in client.http("get", requests, run_folder=folder):
                        assert response.id_ == 0 or server.gate.is_set()
                        server.gate.set()

            server.gate.clear()
            asyncio.run(call())


def test_the_order_of_the_input_holds(get, server, folder):
    requests = [(n, f"{server.url}/delay/{(n * 7) % 20}") for n in range(200)]
    responses, _, _ = get("get", requests, run_folder=folder, ordered=True)
    assert [response.id_ for response in responses] == list(range(200))


def test_breaking_off_loses_nothing(server, folder):
    requests = [(n, server.url) for n in range(2_000)]
    seen = []
    with Patata(verbose=False) as client:
        while True:
            responses = client.http("get", requests, run_folder=folder)
            taken = [response.id_ for response, _ in zip(responses, range(300), strict=False)]
            responses.close()
            seen += taken
            assert adds_up(client.receipt)
            if not taken:
                break
    assert len(seen) == len(set(seen)) <= 2_000
    assert sorted(response.id_ for response in RunFolder(folder).responses()) == list(range(2_000))


def test_an_input_that_raises_is_gone_on_with(get, server, folder):
    def requests(stop):
        for number in range(400):
            if number == stop:
                raise RuntimeError("the input broke")
            yield number, server.url

    responses, receipt, raised = get("get", requests(150), run_folder=folder)
    assert (len(responses), str(raised)) == (150, "the input broke")
    responses, receipt, raised = get("get", requests(None), run_folder=folder)
    assert (len(responses), receipt.skipped, raised) == (250, 150, None)


def test_inputs_that_have_moved_are_known_again(get, server, folder):
    requests = [(f"id {number}", server.url) for number in range(300)]
    get("get", requests[50:250], run_folder=folder)
    moved = [*requests[:50], *reversed(requests[50:250]), *requests[250:]]
    responses, receipt, _ = get("get", moved, run_folder=folder)
    assert receipt.skipped == 200
    assert {response.id_ for response in responses} == {id_ for id_, _ in requests[:50] + requests[250:]}


def test_requests_with_one_id_are_told_apart_by_their_places(get, server, folder):
    requests = [("same", server.url)] * 100 + [(None, server.url + "/a"), (None, server.url + "/b")]
    assert len(get("get", requests[:60], run_folder=folder)[0]) == 60
    responses, receipt, _ = get("get", requests, run_folder=folder)
    assert (len(responses), receipt.skipped) == (42, 60)
    assert get("get", requests, run_folder=folder)[1].skipped == 102


IDS = [0, -1, -(1 << 63), (1 << 64) - 1, "", "a text", "ünï", "7", 7, None]


def test_ids_come_back_as_they_are(get, server, folder):
    get("get", [(id_, server.url) for id_ in IDS], run_folder=folder)
    assert {repr(response.id_) for response in RunFolder(folder).responses()} == set(map(repr, IDS))
    assert get("get", [(id_, server.url) for id_ in IDS], run_folder=folder)[1].skipped == len(IDS)


@pytest.mark.parametrize("id_", [1.5, True, (1, 2), b"bytes", object(), 1 << 64, "\ud800"], ids=repr)
def test_an_id_that_cannot_be_kept_is_an_item_that_is_no_request(get, server, folder, id_):
    requests = [(0, server.url), (id_, server.url), (2, server.url)]
    responses, _, raised = get("get", requests, run_folder=folder)
    assert [response.id_ for response in responses] == [0]
    assert isinstance(raised, exceptions.InvalidRequestError)
    assert type(id_).__name__ in str(raised)
    assert "item 1 of the input" in str(raised)
    assert server.requests == 1
    assert get("get", [(0, server.url)], run_folder=folder)[1].skipped == 1


# What ends a call


def test_too_many_failures_end_a_call_that_can_be_gone_on_with(get, server, folder):
    requests = [(n, server.url + ("/status/500" if n < 30 else "/")) for n in range(200)]
    responses, receipt, raised = get("get", requests, run_folder=folder, max_failures=10, concurrency=5)
    assert isinstance(raised, exceptions.TooManyFailures)
    assert len(responses) == receipt.ok + receipt.failed
    assert adds_up(receipt)
    again, receipt, raised = get("get", requests, run_folder=folder)
    assert raised is None
    assert len(responses) + len(again) == 200
    assert receipt.skipped == len(responses)
    assert len(RunFolder(folder).failed()) == 30


def test_what_the_deadline_has_ended_is_left_to_the_next_call(get, server, folder):
    requests = [(n, server.url + ("/delay/5000" if n > 20 else "/")) for n in range(40)]
    responses, receipt, _ = get("get", requests, run_folder=folder, deadline=0.6)
    assert len(responses) == 40
    assert receipt.failed == 19
    assert len(list(RunFolder(folder).responses())) == 21
    requests = [(n, server.url) for n in range(40)]
    responses, receipt, _ = get("get", requests, run_folder=folder)
    assert ({response.id_ for response in responses}, receipt.skipped) == (set(range(21, 40)), 21)


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]], ids=["plain", "called back"])
def test_a_post_that_the_deadline_has_ended_is_unknown_and_no_failure(get, server, folder, callbacks):
    urls = [server.url + ("/delay/60000" if n > 9 else "/") for n in range(20)]
    requests = [Request(n, url, method="GET" if n % 2 else "POST") for n, url in enumerate(urls)]
    responses, _, _ = get("get", requests, callbacks, run_folder=folder, deadline=1)
    assert len(responses) == 20
    run = RunFolder(folder)
    assert (run.receipt.ok, run.receipt.failed, run.receipt.unknown) == (10, 0, 5)
    assert len(list(run.responses())) == 10
    summary = json.loads((folder / "summary.json").read_text())
    figures = [summary[name] for name in ("ok", "failed", "cancelled", "unknown", "submitted")]
    assert figures == [10, 0, 10, 5, 20]
    assert "deadline" in summary["stopped"]
    again, _, _ = get("get", requests, callbacks, run_folder=folder, deadline=1)
    assert sorted(response.id_ for response in again) == [11, 13, 15, 17, 19]


@pytest.mark.parametrize("limit", [{"max_failures": 0}, {"abort_on": {404}}], ids=["failures", "abort"])
def test_what_is_under_way_when_a_call_stops_has_not_failed(get, server, folder, limit):
    paths = ["/delay/60000", "/delay/60000", "/delay/500", "/status/404", *["/"] * 46]
    methods = ["POST", "GET", "GET", "GET", *["POST"] * 46]
    requests = [Request(n, server.url + paths[n], method=methods[n]) for n in range(50)]
    _, _, raised = get("get", requests, run_folder=folder, concurrency=3, **limit)
    assert isinstance(raised, exceptions.TooManyFailures)
    receipt = RunFolder(folder).receipt
    assert (receipt.ok, receipt.failed, receipt.unknown) == (1, 1, 1)


def test_cancel_and_close_end_it_in_order(server, folder):
    requests = [(n, server.url + ("/delay/60000" if n < 50 else "/")) for n in range(1_000)]
    with Patata(verbose=False) as client:
        responses = client.http("get", requests[:500], run_folder=folder)
        next(responses)
        responses.cancel()
        with pytest.raises(exceptions.CallCancelledError):
            list(responses)
        assert adds_up(responses.receipt)
        responses = client.http("get", requests, run_folder=folder)
        next(responses)
        client.close()
        with pytest.raises(exceptions.ClientClosedError):
            list(responses)
    assert not RunFolder(folder).is_running
    pulled("get", [(n, server.url) for n in range(1_000)], run_folder=folder)
    assert sorted(response.id_ for response in RunFolder(folder).responses()) == list(range(1_000))


def test_a_cancelled_task_frees_the_folder(server, folder):
    async def main():
        async with AsyncPatata(verbose=False) as client:

            async def call():
                async for _ in client.http("get", [(1, server.url + "/delay/60000")], run_folder=folder):
                    pass

            task = asyncio.create_task(call())
            while not (folder / "ledger").exists() or not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not RunFolder(folder).is_running
            return [r async for r in client.http("get", [(1, server.url)], run_folder=folder)]

    assert [response.id_ for response in asyncio.run(main())] == [1]


@pytest.mark.parametrize("kind", ["plain", "thread", "processes", "asyncio"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_whatever_kills_processes_nothing_is_lost_and_no_post_done_twice(folder, kind, method):
    count, random_ = 4_000, random.Random(f"{SEED} {kind} {method}")
    given = []
    with counting() as server:
        for kills_left in reversed(range(9)):
            process = start_python(HERE / "run_folder_worker.py", kind, method, count, server.url, folder)
            if kills_left:
                enough = sum(server.asked.values()) + random_.randrange(1, 100)
                assert eventually(lambda: sum(server.asked.values()) >= enough, 60)  # noqa: B023
                time.sleep(random_.uniform(0, 0.15))
                os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate(timeout=120)
            given += [line for line in out.splitlines() if line.isdecimal()]
            assert process.returncode == (-signal.SIGKILL if kills_left else 0), err
        # What was given was given once; what is in the folder is all that was done.
        assert Counter(given).most_common(1)[0][1] == 1, SEED
        run = RunFolder(folder)
        recorded = Counter(response.url.rpartition("/")[2] for response in run.responses())
        assert set(recorded.values()) == {1}, SEED
        assert set(given) <= recorded.keys()
        unknown = {request.url.rpartition("/")[2] for request in run.unknown()}
        if method == "get":
            assert recorded.keys() == set(map(str, range(count))), SEED
            assert not unknown
        else:
            assert recorded.keys() | unknown == set(map(str, range(count))), SEED
            assert not recorded.keys() & unknown
            assert set(server.asked.values()) == {1}, SEED
            asked = {path.strip("/") for _, path in server.asked}
            assert recorded.keys() <= asked <= recorded.keys() | unknown, SEED
        for response in run.responses():
            data = response.data if kind in ("plain", "asyncio") else response.data["was"]
            assert data["path"] == response.url.removeprefix(server.url)
        assert run.receipt.ok == len(recorded)
        assert run.receipt.unknown == len(unknown)


def killed_in_the_middle(server, folder, *options):
    """A process that is killed while its ten POSTs are at the server."""
    server.delay = 60
    source = """
        import sys
        from patata import Patata
        url, folder = sys.argv[1:3]
        options = {name: True for name in sys.argv[3:]}
        with Patata(1, verbose=False, **options) as client:
            for _ in client.http("post", [(n, f"{url}/{n}", [n]) for n in range(10)], run_folder=folder):
                pass
    """
    process = start_python(
        "-c", "\n".join(line[8:] for line in source.splitlines()), server.url, folder, *options
    )
    assert eventually(lambda: len(server.asked) == 10, 30)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    server.delay = 0


def test_unknown_requests_are_kept_and_counted_until_leave_is_given(get, folder):
    with counting() as server:
        requests = [(n, f"{server.url}/{n}", [n]) for n in range(12)]
        killed_in_the_middle(server, folder)
        for _ in range(2):
            responses, receipt, _ = get("post", requests, run_folder=folder)
            assert adds_up(receipt)
            assert (receipt.unknown, receipt.cancelled) == (10, 10)
            assert sorted(receipt.unknown_ids) == list(range(10))
        assert receipt.skipped == 2
        run = RunFolder(folder)
        unknown = run.unknown()
        assert sorted((request.id_, request.url, request.json) for request in unknown) == [
            (n, f"{server.url}/{n}", [n]) for n in range(10)
        ]
        assert {request.method for request in unknown} == {"POST"}
        assert run.receipt.unknown_ids == list(range(10))
        assert max(server.asked.values()) == 1
        responses, receipt, _ = get("post", requests, run_folder=RunFolder(folder, unknown="resend"))
        assert (len(responses), receipt.skipped, receipt.unknown) == (10, 2, 0)
        assert run.unknown() == []
        assert sorted(row["id"] for row in rows(folder)) == list(range(12))


def test_keys_are_the_same_in_each_process(get, folder):
    with counting() as server:
        killed_in_the_middle(server, folder, "idempotency_key")
        requests = [(n, f"{server.url}/{n}", [n]) for n in range(10)]
        responses, receipt, _ = get("post", requests, run_folder=folder, idempotency_key=True)
        assert (len(responses), receipt.ok, receipt.unknown) == (10, 10, 0)
        keys = list(server.keys.values())
        assert all(len(of_one) == 2 and of_one[0] == of_one[1] for of_one in keys)
        assert len({of_one[0] for of_one in keys}) == 10


def test_ctrl_c_ends_it_in_order(server, folder):
    source = f"""
import sys
from patata import Patata
with Patata(verbose=False) as client:
    try:
        requests = ((n, {server.url!r}) for n in range(10**7))
        for n, _ in enumerate(client.http("get", requests, run_folder=sys.argv[1])):
            if n == 100:
                print("go", flush=True)
    except KeyboardInterrupt:
        print(client.receipt.ok + client.receipt.failed > 100)
"""
    process = start_python("-c", source, folder)
    assert process.stdout.readline() == "go\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("True\n", 0), err
    run = RunFolder(folder)
    assert not list((folder / "live").iterdir())
    assert run.receipt.ok == len(list(run.responses())) > 100
    assert (folder / "summary.json").exists()


def test_ctrl_c_is_heard_while_nothing_is_left_to_do(server, folder):
    pulled("get", [(n, server.url) for n in range(20_000)], run_folder=folder)
    source = f"""
import itertools, sys, threading, signal, os
from patata import Patata
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
done = itertools.cycle([(n, {server.url!r}) for n in range(20_000)])
with Patata(1, verbose=False) as client:
    try:
        list(client.http("get", done, run_folder=sys.argv[1], rate="1/h"))
    except KeyboardInterrupt:
        print("heard")
"""
    assert run_python("-c", source, folder).stdout == "heard\n"


# Callbacks


def shout(response):
    response.data = {"said": response.data["message"].upper(), "number": response.id_}
    return response


def another(response):
    return Response(response.id_, 201, [response.data["message"]])


async def later(response):
    await asyncio.sleep(0)
    return shout(response)


def breaks(response):
    if response.id_ % 3 == 0:
        raise KeyError(response.id_)
    return response


@pytest.mark.parametrize("workers", [1, 2])
def test_what_callbacks_return_is_what_is_written(get, server, folder, workers):
    requests = [(n, server.url) for n in range(300)]
    responses, _, _ = get("get", requests, [shout], workers, run_folder=folder)
    assert sorted(map(repr, RunFolder(folder).responses())) == sorted(map(repr, responses))
    assert rows(folder)[0]["body"]["said"] == "HELLO WORLD!"
    assert rows(folder)[0]["url"] == server.url + "/"
    assert get("get", requests, [shout], workers, run_folder=folder)[1].skipped == 300


@pytest.mark.parametrize("workers", [1, 2])
def test_a_callback_may_return_another_response(get, server, folder, workers):
    requests = [(n, server.url) for n in range(300)]
    responses, receipt, _ = get(
        "get", requests, [another, lambda response: response], workers, run_folder=folder
    )
    assert (len(responses), receipt.ok) == (300, 300)
    found = {row["index"]: (row["status"], row["body"], row["ok"]) for row in rows(folder)}
    assert found == dict.fromkeys(range(300), (201, ["Hello world!"], True))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_callback_may_return_the_same_response_each_time(get, server, folder, workers):
    one = Response("one", 200, {"always": "this"})
    requests = [(n, server.url) for n in range(100)]
    responses, _, _ = get("get", requests, [lambda _: one], workers, run_folder=folder)
    assert len(responses) == 100
    assert sorted(row["id"] for row in rows(folder)) == list(range(100))
    assert get("get", requests, run_folder=folder)[1].skipped == 100


def test_coroutine_functions_are_recorded(server, folder):
    one = Response("one", 200, None)

    async def the_same(_):
        await asyncio.sleep(0.001)
        return one

    requests = [(n, server.url) for n in range(200)]
    responses, _, raised = awaited("get", requests, [later, shout_again, the_same], run_folder=folder)
    assert (len(responses), raised) == (200, None)
    assert sorted(row["id"] for row in rows(folder)) == list(range(200))


def shout_again(response):
    response.data["said"] += "!"
    return response


@pytest.mark.parametrize("workers", [1, 2])
def test_where_a_callback_fails_the_answer_is_kept(get, server, folder, workers):
    requests = [(n, server.url) for n in range(30)]
    responses, receipt, _ = get("get", requests, [breaks], workers, run_folder=folder)
    assert (len(responses), receipt.ok, receipt.failed) == (30, 20, 10)
    failed = [row for row in rows(folder) if not row["ok"]]
    assert len(failed) == 10
    assert {row["error"]["kind"] for row in failed} == {"callback"}
    assert failed[0]["body"] == {"message": "Hello world!"}
    assert failed[0]["status"] == 200
    run = RunFolder(folder)
    assert run.receipt.errors == {"CallbackError": 10}
    (*_, last) = [response for response in run.responses() if response.error is not None]
    assert isinstance(last.error, exceptions.CallbackError)
    assert (last.status_code, last.error.status_code, last.content) == (
        500,
        200,
        b'{"message":"Hello world!"}',
    )


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_cannot_be_written_ends_the_call_in_order(get, folder, workers, method):
    def unwritable(response):
        if response.id_ == 20:
            response.data = {"bad": {1, 2}}
        return response

    with counting() as server:
        requests = [(n, f"{server.url}/{n}", [n] if method == "post" else None) for n in range(2_000)]
        responses, receipt, raised = get(
            method,
            iter(requests),
            [unwritable],
            workers,
            run_folder=folder,
            client_options={"concurrency": 10},
        )
        assert isinstance(raised, exceptions.UnwritableResponseError)
        assert isinstance(raised, TypeError)
        assert "response 20" in str(raised)
        assert "dict" in str(raised)
        assert len(responses) == receipt.ok == receipt.submitted < 2_000
        assert set(server.asked.values()) == {1}
        (bad,) = [row for row in rows(folder) if not row["ok"]]
        assert (bad["id"], bad["status"], bad["error"]["kind"]) == (20, 200, "unwritable")
        assert bad["body"]["path"] == "/20"
        assert len(rows(folder)) == len(responses)
        again, receipt, raised = get(method, iter(requests), [unwritable], workers, run_folder=folder)
        assert (raised, receipt.unknown, receipt.skipped) == (None, 0, len(responses))
        assert len(again) == 2_000 - len(responses)
        assert set(server.asked.values()) == {1}


def test_who_only_looks_at_data_changes_nothing(server, folder):
    def look(response):
        assert response.data == {}
        return response

    paths = ["/bytes/100", "/html", "/"]
    requests = [(path, server.url + path) for path in paths]
    pulled("get", requests, [look], 1, run_folder=folder)
    plain = folder.with_name("plain")
    pulled("get", requests, run_folder=plain)
    bodies = [{row["id"]: row["body"] for row in rows(each)} for each in (folder, plain)]
    assert {id_: bodies[0][id_] for id_ in paths[:2]} == {id_: bodies[1][id_] for id_ in paths[:2]}


def test_data_of_many_kinds_can_be_written(server, folder):
    def decimal(response):
        response.data = {"price": Decimal("1.10"), "at": None}
        return response

    pulled("get", [(1, server.url)], [decimal], 1, run_folder=folder)
    assert '"body":{"price":1.10,"at":null}' in next((folder / "out").iterdir()).read_text()
    (response,) = RunFolder(folder).responses()
    assert response.data == {"price": 1.1, "at": None}


# The folder itself


def test_a_folder_is_used_by_one_call_at_a_time(get, server, folder):
    with Patata(verbose=False) as client:
        responses = client.http("get", ((n, server.url) for n in range(10_000)), run_folder=folder)
        next(responses)
        assert RunFolder(folder).is_running
        taken, _, raised = get("get", [(1, server.url)], run_folder=folder)
        assert isinstance(raised, exceptions.RunFolderLockedError)
        assert (taken, str(os.getpid()) in str(raised)) == ([], True)
        responses.close()
    assert not RunFolder(folder).is_running
    assert get("get", [(0, server.url)], run_folder=folder)[2] is None


def test_a_folder_is_free_after_a_call_though_a_child_was_forked_meanwhile(server, folder):
    with Patata(verbose=False) as client:
        responses = client.http("get", ((n, server.url) for n in range(1_000)), run_folder=folder)
        next(responses)
        child = os.fork()
        if not child:
            time.sleep(20)
            os._exit(0)
        try:
            with pytest.raises(exceptions.RunFolderLockedError):
                next(client.http("get", [(1, server.url)], run_folder=folder))
            assert len(list(responses)) == 999
            assert list(client.http("get", [(1, server.url)], run_folder=folder)) == []
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


@pytest.mark.parametrize("wait", ["", "list(responses)", "responses.close()", "del responses"])
def test_the_child_of_a_fork_leaves_the_folder_alone(folder, server, wait):
    source = f"""
import os, sys
from patata import Patata
from patata.exceptions import ForkedError
client = Patata(verbose=False)
responses = client.http("get", ((n, {server.url!r}) for n in range(2_000)), run_folder=sys.argv[1])
next(responses)
if not os.fork():
    try:
        {wait or "pass"}
    except ForkedError:
        pass
    sys.exit(0)
_, status = os.wait()
print(status, len(list(responses)))
"""
    assert run_python("-c", source, folder).stdout == "0 1999\n"
    assert RunFolder(folder).receipt.ok == 2_000


@pytest.mark.parametrize("with_callbacks", [False, True])
def test_the_end_of_the_interpreter_leaves_a_folder_that_can_be_gone_on_with(folder, server, with_callbacks):
    source = f"""
import sys
from patata import Patata
client = Patata(verbose=False)
callbacks = [lambda response: response] if {with_callbacks} else []
responses = client.http("get", ((n, {server.url!r}) for n in range(10**6)), callbacks, run_folder=sys.argv[1])
next(responses)
"""
    result = run_python("-c", source, folder)
    assert (result.returncode, result.stderr) == (0, "")
    _, receipt, raised = pulled("get", [(n, server.url) for n in range(100)], run_folder=folder)
    assert raised is None
    assert receipt.skipped > 0


def test_a_folder_of_a_later_format_is_left_alone(get, server, folder):
    get("get", [(1, server.url)], run_folder=folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    before = sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    _, _, raised = get("get", [(2, server.url)], run_folder=folder)
    assert isinstance(raised, exceptions.RunFolderFormatError)
    assert "format 99" in str(raised)
    with pytest.raises(exceptions.RunFolderFormatError):
        RunFolder(folder).responses()
    assert sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file()) == before


def test_what_is_no_run_folder_is_left_alone(get, server, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    _, _, raised = get("get", [(1, server.url)], run_folder=tmp_path)
    assert isinstance(raised, exceptions.NotARunFolderError)
    assert "mine.txt" in str(raised)
    _, _, raised = get("get", [(1, server.url)], run_folder=tmp_path / "mine.txt")
    assert isinstance(raised, exceptions.NotARunFolderError)
    assert os.listdir(tmp_path) == ["mine.txt"]
    for look in (lambda run: run.receipt, lambda run: list(run.responses()), lambda run: run.report()):
        with pytest.raises(exceptions.NotARunFolderError):
            look(RunFolder(tmp_path))
    assert server.requests == 0


def full(path):
    """Has everything that is written there fail, as on a disk that is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/full")


def test_a_disk_that_is_full_is_told_before_anything_is_sent(get, folder, server):
    ledgers = [folder / "ledger" / f"w0-00000{number}.csv" for number in range(2)]
    for ledger in ledgers:
        full(ledger)
    requests = [(n, server.url, [n]) for n in range(100)]
    responses, _, raised = get("post", requests, run_folder=folder)
    assert isinstance(raised, exceptions.RunFolderIOError)
    assert isinstance(raised, OSError)
    assert (raised.errno, responses, server.requests) == (errno.ENOSPC, [], 0)
    assert "ledger" in str(raised)
    for ledger in ledgers:
        ledger.unlink()
    responses, _, raised = get("post", requests, run_folder=folder)
    assert (len(responses), raised) == (100, None)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("callbacks", [[], [lambda response: response]], ids=["", "callbacks"])
def test_what_cannot_be_made_safe_is_not_yielded(get, folder, server, callbacks, workers):
    full(folder / "live" / "w0-000001.jsonl")
    requests = [(n, server.url) for n in range(100)]
    responses, receipt, raised = get("get", requests, callbacks, workers, run_folder=folder)
    assert isinstance(raised, exceptions.RunFolderIOError)
    assert (responses, raised.errno) == ([], errno.ENOSPC)
    assert raised.receipt == receipt
    assert not RunFolder(folder).is_running
    (folder / "live" / "w0-000001.jsonl").unlink()
    responses, receipt, raised = get("get", requests, callbacks, workers, run_folder=folder)
    assert (len(responses), receipt.skipped, raised) == (100, 0, None)


@pytest.mark.parametrize("kind", ["plain", "thread", "asyncio"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_disk_that_fills_up_in_the_middle_loses_nothing(folder, kind, method):
    source = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    given = []
    with counting() as server:
        server.delay = 0.02
        arguments = (HERE / "run_folder_worker.py", kind, method, 600, server.url, folder)
        result = run_python("-c", source, 15_000, *arguments)
        assert result.returncode == 1
        assert "RunFolderIOError" in result.stderr
        given += [line for line in result.stdout.splitlines() if line.isdecimal()]
        assert given
        result = run_python(*arguments)
        assert result.returncode == 0, result.stderr
        given += [line for line in result.stdout.splitlines() if line.isdecimal()]
        run = RunFolder(folder)
        recorded = [response.url.rpartition("/")[2] for response in run.responses()]
        unknown = [request.url.rpartition("/")[2] for request in run.unknown()]
        assert sorted(map(int, recorded + unknown)) == list(range(600))
        assert len(given) == len(set(given))
        assert set(given) <= set(recorded)
        if method == "post":
            assert set(server.asked.values()) == {1}


def test_a_place_where_nobody_may_write_cannot_be_used(get, server):
    _, _, raised = get("get", [(1, server.url)], run_folder="/proc/patata/run")
    assert isinstance(raised, exceptions.RunFolderIOError)
    assert raised.errno in (errno.ENOENT, errno.EACCES, errno.EPERM)
    assert "/proc/patata" in str(raised)
    assert server.requests == 0


def test_files_and_headers_are_told_of(get, server, folder, tmp_path):
    stream_to = str(tmp_path / "{id}.json")
    run = RunFolder(folder, headers=True)
    get("get", [(1, server.url)], run_folder=run, stream_to=stream_to)
    (row,) = rows(folder)
    assert (row["path"], row["body"]) == (str(tmp_path / "1.json"), None)
    assert row["headers"]["content-type"] == "application/json"
    (response,) = run.responses()
    assert response.path == tmp_path / "1.json"
    assert response.headers["Content-Type"] == "application/json"


def test_callbacks_do_not_take_files_and_headers_away(get, server, folder, tmp_path):
    stream_to = str(tmp_path / "{id}.json")
    run = RunFolder(folder, headers=True)
    get("get", [(1, server.url)], [lambda response: response], run_folder=run, stream_to=stream_to)
    (response,) = run.responses()
    assert (response.path, response.headers["content-type"]) == (tmp_path / "1.json", "application/json")


def test_parts_can_be_compressed_csv(get, server, folder):
    run = RunFolder(folder, format="csv", compression="gzip", part_rows=10, columns=["id", "body.message"])
    get("get", [(n, server.url) for n in range(25)], run_folder=run)
    import gzip

    parts = sorted((folder / "out").iterdir())
    texts = [gzip.decompress(part.read_bytes()).decode() for part in parts]
    assert [part.suffixes for part in parts] == [[".csv", ".gz"]] * 3
    assert all(text.startswith("id,body.message\n") for text in texts)
    assert sum(text.count("Hello world!") for text in texts) == 25
    with pytest.raises(exceptions.NotARunFolderError, match="csv"):
        run.responses()
    assert run.receipt.ok == 25


def test_parts_can_be_parquet(get, server, folder):
    urls = [(n, server.url) for n in range(24)] + [("a", f"{server.url}/status/404")]
    schema = {"message": "string", "a b": "list<int64>"}
    run = RunFolder(folder, format="parquet", part_rows=10, schema=schema)
    get("get", urls, run_folder=run)
    assert sorted(part.suffix for part in (folder / "out").iterdir()) == [".parquet"] * 3
    assert all(part.read_bytes()[:4] == b"PAR1" for part in (folder / "out").iterdir())
    responses = {response.id_: response for response in RunFolder(folder).responses()}
    assert set(responses) == {*range(24), "a"}
    assert responses[7].data == {"message": "Hello world!"}
    assert (responses["a"].status_code, run.receipt.ok, run.receipt.failed) == (404, 24, 1)
    assert run.retry() == 1
    get("get", urls, run_folder=run)
    assert len(list(run.responses())) == 25


def test_parquet_of_chosen_columns_says_so_where_responses_are_asked_for(get, server, folder):
    run = RunFolder(folder, format="parquet", columns=["id", "body.message"])
    get("get", [(1, server.url)], run_folder=run)
    with pytest.raises(
        exceptions.NotARunFolderError, match=r"columns id, body\.message alone; read the files"
    ):
        run.responses()
    assert run.receipt.ok == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"unknown": "maybe"},
        {"format": "xml"},
        {"compression": "rar"},
        {"part_rows": 0},
        {"part_rows": True},
        {"columns": "id"},
        {"columns": ["id"]},
        {"columns": [1], "format": "csv"},
        {"columns": ["size"], "format": "parquet"},
        {"columns": ["headers"], "format": "parquet"},
        {"schema": {"name": "string"}},
        {"schema": {"name": "strin"}, "format": "parquet"},
        {"schema": {"name": 1}, "format": "parquet"},
        {"schema": {'"': "string"}, "format": "parquet"},
        {"schema": ["name"], "format": "parquet"},
        {"schema": {"name": "string"}, "columns": ["id"], "format": "parquet"},
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_at_once(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        RunFolder("run", **bad)


@pytest.mark.parametrize("bad", [1, b"run", ["run"], object()], ids=repr)
def test_a_folder_is_named_by_a_path(bad):
    with Patata(verbose=False) as client, pytest.raises(ValueError, match="run_folder must be a path"):
        client.http("get", [], run_folder=bad)


def test_it_is_an_option_of_calls_only(tmp_path):
    with pytest.raises(TypeError, match=r"give it to http\(\)"):
        Patata(run_folder=tmp_path)
    with Patata(verbose=False) as client, pytest.raises(TypeError, match="run_folder"):
        client.get("http://localhost/", run_folder=tmp_path)
    with Patata(verbose=False) as client:
        assert list(client.http("get", [], run_folder=None)) == []


def test_nothing_is_made_before_the_first_response_is_asked_for(server, folder):
    with Patata(verbose=False) as client:
        responses = client.http("get", [(1, server.url)], run_folder=folder)
        assert not folder.exists()
        assert len(list(responses)) == 1
        assert (folder / "report.html").exists()


def test_it_is_a_path(folder):
    run = RunFolder(str(folder))
    assert (os.fspath(run), Path(run), run.path) == (str(folder), folder, folder)
    assert repr(run) == f"RunFolder({str(folder)!r})"


def test_secrets_are_not_written_down(get, server, folder):
    secret = "5ecret"
    request = Request(1, server.url + "/status/500", headers={"Authorization": secret})
    get("get", [request], run_folder=folder, auth=("me", secret), cookies={"session": secret})
    assert all(secret not in path.read_text() for path in folder.rglob("*") if path.is_file())
    (request,) = RunFolder(folder).failed()
    assert request.headers is None


def test_failed_requests_can_be_sent_again(get, server, folder):
    requests = [
        Request(1, server.url + "/status/500", {"a": [1, 2.5, "ü"]}, method="POST", headers={"X-A": "b"}),
        Request(2, server.url + "/status/404"),
        Request(3, server.url + "/status/404", content=b"\xff\x00", method="PUT"),
        Request(4, server.url),
    ]
    responses, _, _ = get("get", requests, run_folder=folder)
    run = RunFolder(folder)
    failed = {request.id_: request for request in run.failed()}
    assert failed.keys() == {1, 2, 3}
    assert (failed[1].method, failed[1].json, failed[1].headers) == (
        "POST",
        {"a": [1, 2.5, "ü"]},
        {"x-a": "b"},
    )
    assert failed[3].content == b"\xff\x00"
    receipt = run.receipt
    assert (receipt.ok, receipt.failed, receipt.failed_statuses) == (1, 3, {500: 1, 404: 2})
    assert len(get("get", run.failed(), run_folder=folder.with_name("again"))[0]) == 3
    assert run.retry(statuses=[404]) == 2
    responses, receipt, _ = get("get", requests, run_folder=folder)
    assert ({response.id_ for response in responses}, receipt.skipped) == ({2, 3}, 2)
    assert run.retry() == 3


def test_a_body_that_is_gone_is_named(server, folder):
    pulled("post", [Request("x", server.url + "/status/500", content=iter([b"a"]))], run_folder=folder)
    with pytest.raises(exceptions.RunFolderError, match="'x'"):
        RunFolder(folder).failed()


def test_faults_come_back_as_they_were(get, folder, server):
    with Server() as gone:
        url = gone.url
    requests = [(1, url), (2, server.url + "/delay/60000"), (3, "not a URL")]
    live, _, _ = get("get", requests, run_folder=folder, timeout=0.2)
    by_id = {response.id_: response for response in RunFolder(folder).responses()}
    for response in live:
        restored = by_id[response.id_]
        assert (restored.status_code, str(restored.error)) == (500, str(response.error))
        assert isinstance(response.error, type(restored.error))
        assert restored.data["exception_detail"] == response.data["exception_detail"]
        assert restored.attempts == response.attempts


class Bodies(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    BODIES = (
        b"",
        b"{}",
        b"[1, 2.50]",
        b'{\n "a": "b\\n"\n}',
        b"<p>text\n</p>",
        b"\xff\xfe\x00",
        b'{"base64":"aGk="}',
        b"17",
        b'"17"',
        b"1e400",
    )

    def do_GET(self):
        body = self.BODIES[int(self.path.strip("/"))]
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_bodies_come_back_as_they_were(get, folder):
    with ThreadingHTTPServer(("127.0.0.1", 0), Bodies) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        requests = [(n, f"http://127.0.0.1:{server.server_port}/{n}") for n in range(len(Bodies.BODIES))]
        live, _, _ = get("get", requests, run_folder=folder)
        look, _, raised = get("get", requests, [look_at], run_folder=folder.with_name("look"))
        server.shutdown()
    by_id = {response.id_: response for response in RunFolder(folder).responses()}
    assert raised is None
    assert len(by_id) == len(look) == len(Bodies.BODIES)
    for response in live:
        assert by_id[response.id_] == response
        if b"\n" not in response.content[:2]:
            assert by_id[response.id_].content == response.content


def look_at(response):
    assert response.data is not None
    return response


def test_the_report_is_written_anew(server, folder):
    pulled("get", [(n, server.url) for n in range(10)], run_folder=folder)
    run = RunFolder(folder)
    (folder / "report.html").unlink()
    path = run.report()
    assert path == folder / "report.html"
    assert path.read_text().startswith("<!")
    assert sorted(path.name for path in folder.iterdir() if "tmp" in path.name) == []


def test_progress_tells_of_what_is_skipped(server, folder):
    requests = [(n, server.url) for n in range(100)]
    pulled("get", requests, run_folder=folder)
    with Patata(verbose=False) as client:
        responses = client.http("get", [*requests, (100, server.url)], run_folder=folder)
        assert next(responses).id_ == 100
        assert responses.progress()[:2] == (101, 101)
        assert list(responses) == []
        assert responses.progress()[:3] == (101, 101, 0)


def test_the_queue_bounds_what_waits_for_the_disk(server, folder):
    taken = 0

    def requests():
        nonlocal taken
        for number in range(500):
            taken += 1
            yield number, server.url

    yielded = 0
    with Patata(verbose=False, queue_max_size=10) as client:
        for _ in client.http("get", requests(), run_folder=folder):
            yielded += 1
            assert taken - yielded <= 10
    assert yielded == 500
