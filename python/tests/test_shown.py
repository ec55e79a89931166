"""What notebooks show of responses, receipts, run folders and calls: safe, short, and never an error."""

import gc
import json
import shutil
import time
from itertools import count

import pytest
from looked_at import html_of, told_by
from patata import Patata, Progress, Receipt, Response, RunFolder, exceptions
from patata.receipt import NOTHING, Latency
from support import RawServer, answer, refusing_url

SCRIPT = "<script>alert('x')</script>\"'&\u202e\x1b[31m"
"""Text that would do something where it is not escaped."""

INERT = "<script>alert('x')</script>\"'&"
"""What of it is shown as it stands."""


class Bad:
    """An object of the user's of which nothing works."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None


class Printer:
    """IPython's printer, as far as it is used."""

    def __init__(self):
        self.written = ""

    def text(self, text):
        self.written += text


def pretty(shown, is_cycle=False):
    printer = Printer()
    shown._repr_pretty_(printer, is_cycle)
    return printer.written


def answered(client, body, *headers, id_="an id", status="200 OK", path="/", **options):
    """A real response with that body."""
    with RawServer(answer(body, *headers, status=status)) as server:
        return client.get(server.url + path, id_=id_, **options)


def test_a_response_shows_status_url_time_and_indented_json(client, server):
    told = told_by(client.get(server.url + "/", id_=("row", 7)))
    for part in ("200 OK", "26 bytes", "HTTP/1.1", "id ('row', 7)", f"url {server.url}/", "3 headers"):
        assert part in told
    assert '{ "message": "Hello world!" }' in told
    assert "attempts" not in told


def test_hostile_text_is_text_wherever_it_comes_from(client):
    script = SCRIPT.encode("latin-1", "ignore").replace(b"\x1b", b"")
    body = json.dumps({SCRIPT: SCRIPT}).encode()
    headers = ("x-told: " + script.decode("latin-1"), "content-type: application/json")
    path = "/<script>alert(1)</script>?q=<img src=x onerror=alert(1)>"
    response = answered(client, body, *headers, id_=SCRIPT, path=path)
    told = told_by(response)
    assert f"id {SCRIPT.encode('unicode_escape').decode()[:10]}" in told or "script" in told
    assert told.count("<script>alert('x')</script>") >= 3
    response.error = exceptions.RequestError(SCRIPT)
    assert f"RequestError: {INERT}" in told_by(response)
    response.data = {SCRIPT: [SCRIPT]}
    response.status_code = SCRIPT
    response.error = None
    assert told_by(response).count("<script>") >= 5


def test_a_header_may_have_any_name(client):
    told = told_by(answered(client, b"{}", "x`|'!#$%&*+-.^_~: one"))
    assert "x`|'!#$%&*+-.^_~" in told


def test_secrets_are_not_shown(client):
    headers = (
        "set-cookie: session=hush",
        "x-api-key: hush",
        "location: http://me:hush@host/",
        "x-plain: seen",
    )
    response = answered(client, b"{}", *headers, id_="http://me:hush@host/path")
    told = told_by(response)
    assert "hush" not in told
    assert "set-cookie ***" in told
    assert "x-plain seen" in told
    assert "host/path" in told
    with RawServer(answer(b"{}")) as server:
        with_password = server.url.replace("http://", "http://me:hush@")
        assert "hush" not in told_by(client.get(with_password))
    with refusing_url() as url:
        assert "hush" not in told_by(client.get(url.replace("http://", "http://me:hush@")))


def test_a_failure_shows_its_error(client):
    with refusing_url() as url:
        told = told_by(client.get(url))
    assert told.startswith("ConnectError ")
    assert "error ConnectError: Cannot connect to 127.0.0.1" in told


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50, ("content-type: image/png",), "begins 89 50 4e 47"),
        (b"\0" * 5_000, (), "of no declared type; begins 00 00"),
        ("é ß ü".encode("utf-16"), ("content-type: text/plain",), "é ß ü"),
        ("naïve".encode("latin-1"), ("content-type: text/plain; charset=latin-1",), "naïve"),
        (b"[" * 3_000, (), "[[[["),
        (b"[" * 900 + b"]" * 900, (), "the beginning of"),
        (b'{"a": NaN, "b": 1' + b"0" * 5_000 + b"}", (), "the beginning of 5.0 kB"),
        (b"", (), "headers"),
        (b"\xff\xfe\x00\xd8" * 10, ("content-type: text/html; charset=utf-16",), "body"),
        (b"<html><body onload=alert(1)>", ("content-type: text/html",), "<html><body onload=alert(1)>"),
    ],
    ids=["image", "zeros", "utf-16", "latin-1", "no JSON", "deep", "large number", "empty", "broken", "html"],
)
def test_bodies_of_every_kind_can_be_looked_at(client, body, headers, expected):
    response = answered(client, body, *headers)
    assert expected in told_by(response)
    pretty(response)


def test_a_body_that_is_cut_in_the_middle_of_a_letter_ends_well(client):
    told = told_by(answered(client, "ü".encode() * 50_000, "content-type: text/plain; charset=utf-8"))
    assert "the beginning of 100.0 kB" in told
    assert "\ufffd" not in told


def test_a_body_of_a_hundred_megabytes_is_shown_at_once(client):
    body = b'{"text": "' + b"x" * 100_000_000 + b'"}'
    response = answered(
        client, body, "content-type: application/json", timeout=60, max_response_size=200_000_000
    )
    assert len(response.content) == len(body)
    del body
    gc.collect()
    begun = time.perf_counter()
    html, text = html_of(response), pretty(response)
    assert time.perf_counter() - begun < 0.1
    assert "the beginning of 100.0 MB" in html
    assert text == "Response(id_='an id', status_code=200, data=<100.0 MB>)"


def test_what_callbacks_have_made_of_a_body_is_shown_beside_it(client):
    response = answered(client, b'{"a": 1}')
    assert "data" not in told_by(response)
    assert response.data == {"a": 1}
    assert "data" not in told_by(response)
    response.data = {"made": list(range(1_000_000))}
    begun = time.perf_counter()
    told = told_by(response)
    assert time.perf_counter() - begun < 0.1
    assert "data {'made': [0, 1, 2," in told
    assert len(pretty(response)) < 3_000


@pytest.mark.parametrize(
    "bad",
    [Bad(), {"in": Bad()}, [Bad()], "\ud800", 10**5000, b"\xff", float("nan"), None],
    ids=["object", "dict", "list", "surrogate", "number", "bytes", "nan", "none"],
)
def test_nothing_that_a_user_assigns_makes_it_raise(client, bad):
    for response in (Response(bad, bad, bad), answered(client, b'{"a": 1}')):
        response.id_, response.status_code, response.data = bad, bad, bad
        told_by(response)
        assert pretty(response)
        response.error = exceptions.RequestError(bad)
        told_by(response)
        assert pretty(response)


def test_an_exception_whose_text_raises_is_named(client):
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    response = answered(client, b"{}")
    response.error = Silent()
    assert "error Silent: its text raises RuntimeError" in told_by(response)


def test_data_that_hold_themselves_end(client):
    response = answered(client, b"{}")
    data = []
    data.append(data)
    response.data = data
    told_by(response)
    assert pretty(response, is_cycle=True) == "Response(...)"


def test_small_responses_are_text_as_their_repr(client):
    response = answered(client, b'{"a": [1, 2, {"b": null}]}')
    assert pretty(response) == repr(response)
    response = Response("an id", 200, ((1,), {2}, frozenset({3}), {"k": b"v"}, set(), 1.5, None, True))
    assert pretty(response) == repr(response)


def test_a_subclass_has_its_own_name():
    class Mine(Response):
        pass

    assert pretty(Mine(1, 200, "x" * 20_000)).startswith("Mine(id_=1, status_code=200, data='xxx")


def test_a_receipt_shows_its_sum_and_what_there_is_to_be_told(client, server):
    requests = [(i, server.url + ("/status/404" if i % 4 == 0 else "/")) for i in range(1_200)]
    list(client.http("get", requests))
    told = told_by(client.receipt)
    assert told.startswith("Receipt 1,200 submitted = 900 ok + 300 failed + 0 cancelled + 0 skipped")
    assert "Failed status 404: 300" in told
    assert "Attempts 1,200" in told
    assert "Latency p50" in told


def test_a_receipt_of_an_interrupted_call_names_some_ids_and_no_secrets(client, server):
    ids = (f"{SCRIPT} http://me:hush@host/{number}" for number in count())
    responses = client.http("get", ((id_, server.url) for id_ in ids), concurrency=4)
    next(responses)
    told = told_by(responses.receipt)
    assert "under way" in told
    responses.close()
    receipt = client.receipt
    told = told_by(receipt)
    assert "hush" not in told
    assert "Not sent, ids" in told or "Outcome unknown, ids" in told
    assert "more" in told


def test_a_large_receipt_is_short_and_quick():
    ids = [{"row": number, "text": "x" * 10_000} for number in range(1_000)]
    receipt = Receipt(
        *NOTHING[: Receipt._fields.index("errors")],
        errors={f"Error{number}": 1 for number in range(1_000)},
        failed_statuses=dict.fromkeys(range(400, 1_000), 1),
        latency=Latency(0.1, 0.2, 0.3, 70.0),
        unsent=1_000,
        unknown=1_000,
        unsent_ids=ids,
        unknown_ids=[Bad()] * 1_000,
        unavailable_hosts={f"host{number}": 1 for number in range(1_000)},
    )
    begun = time.perf_counter()
    html, text = html_of(receipt), pretty(receipt)
    assert time.perf_counter() - begun < 0.1
    assert len(html) < 8_000
    assert len(text) <= 4_001
    assert "and 995 more" in html
    assert "max 1 min 10 s" in html


def test_a_small_receipt_is_text_as_its_repr(client, server):
    list(client.http("get", [(1, server.url)]))
    assert pretty(client.receipt) == repr(client.receipt)


def test_a_run_folder_shows_its_accounts(client, server, tmp_path):
    path = tmp_path / "<b>run</b>"
    requests = [(number, server.url + ("/status/500" if number == 3 else "/")) for number in range(10)]
    list(client.http("get", requests, run_folder=path))
    told = told_by(RunFolder(path))
    assert f"Run folder {path}" in told
    assert "no process is at work in it" in told
    assert "Requests 10 submitted = 9 ok + 1 failed + 0 unknown" in told
    assert "Failed status 500: 1" in told
    assert f"Rows 1 file, 1.9 kB, in {path}/out" in told or "Rows 1 file" in told
    assert f"Report {path}/report.html" in told


def test_a_run_folder_that_is_being_written_can_be_looked_at(client, server, tmp_path):
    responses = client.http("get", ((id_, server.url) for id_ in count()), run_folder=tmp_path / "run")
    for _ in range(10):
        next(responses)
    assert "a process is at work in it" in told_by(RunFolder(tmp_path / "run"))
    shutil.rmtree(tmp_path / "run")
    assert "is not there" in told_by(RunFolder(tmp_path / "run"))
    with pytest.raises(exceptions.RunFolderError):
        responses.close()


def test_a_folder_that_is_none_says_so(tmp_path):
    assert "is not there" in told_by(RunFolder(tmp_path / "none"))
    assert "NotARunFolderError" in told_by(RunFolder(tmp_path))
    (tmp_path / "file").write_text("no folder")
    assert "Error" in told_by(RunFolder(tmp_path / "file"))
    assert "Run folder" in told_by(RunFolder("a\0b"))


def test_responses_show_how_far_they_are_and_take_nothing(client, server):
    responses = client.http("get", [(number, server.url) for number in range(10)])
    assert "has not begun" in told_by(responses)
    assert next(responses).ok
    assert "limited by consumer" in told_by(responses)
    assert len(list(responses)) == 9
    told = told_by(responses)
    assert told.startswith("10 of 10 100 %")
    assert "ended" in told


def test_the_progress_of_a_call_is_a_picture():
    hosts = tuple(f"<b>host{number}</b>" for number in range(9))
    told = told_by(Progress(2_000, 1_000, 10, 7, "server", hosts))
    for part in (
        "1,000 of 2,000",
        "50 %",
        "10 failed",
        "in flight 7",
        "limited by server",
        "<b>host2</b>, …",
    ):
        assert part in told


def test_it_needs_no_notebook(script, remote):
    source = """
        import sys
        from patata import Patata
        with Patata(1, verbose=False, progress=True) as client:
            (response,) = client.http("get", [(1, sys.argv[1])])
        print(type(response._repr_html_()), type(client.receipt._repr_html_()), "IPython" in sys.modules)
    """
    assert script(source, remote) == "<class 'str'> <class 'str'> False\n"


def test_a_closed_client_has_a_receipt_to_be_shown(server):
    with Patata(1, verbose=False) as client:
        responses = client.http("get", ((id_, server.url) for id_ in count()))
        next(responses)
    told_by(responses)
    responses.close()
    assert "submitted" in told_by(client.receipt)
