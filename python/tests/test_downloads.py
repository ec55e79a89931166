"""Bodies that go to files: by a template or a function, whole or not at all, with memory that stays flat."""

import asyncio
import os

import pytest
from patata import AsyncPatata, Request
from patata.exceptions import InvalidRequestError, SaveError, TooLargeError
from support import PEAK_MEGABYTES, RawServer, answer, eventually

LETTERS = b"abcdefghijklmnopqrstuvwxyz"


def test_a_template_names_a_file_for_each_id(client, server, tmp_path):
    requests = [(f"id {i}", f"{server.url}/bytes/{i * 1000}") for i in range(20)]
    responses = list(client.http("get", requests, stream_to=f"{tmp_path}/new/{{id}}.bin"))
    assert sorted(response.path.name for response in responses) == sorted(f"id {i}.bin" for i in range(20))
    for response in responses:
        number = int(response.id_.split()[1])
        assert response.path == tmp_path / "new" / f"{response.id_}.bin"
        assert response.path.stat().st_size == number * 1000
        assert (response.content, response.data) == (b"", {})
    assert len(os.listdir(tmp_path / "new")) == 20


def test_a_template_may_count(client, server, tmp_path):
    requests = [(object(), server.url + f"/bytes/{i}") for i in range(5)]
    list(client.http("get", requests, stream_to=tmp_path / "{index}.bin"))
    assert sorted((path.name, path.stat().st_size) for path in tmp_path.iterdir()) == [
        (f"{i}.bin", i) for i in range(5)
    ]


def test_a_function_names_the_file(client, server, tmp_path):
    def place(request):
        if request.id_ == 2:
            raise KeyError("no place")
        return tmp_path / f"{request.url[-1]}-{request.id_}"

    requests = [Request(1, server.url + "/bytes/7"), (2, server.url), (3, server.url + "/bytes/9")]
    responses = {r.id_: r for r in client.http("get", requests, stream_to=place)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7-1", "9-3"]
    assert isinstance(responses[2].error, InvalidRequestError)
    assert "no place" in str(responses[2].error)


def test_an_id_that_leads_out_of_the_folder_is_refused_before_any_io(client, server, tmp_path):
    ids = ["../x", "/etc/passwd", "..", "", "a/../../x", "fine"]
    responses = {
        r.id_: r for r in client.http("get", [(i, server.url) for i in ids], stream_to=f"{tmp_path}/d/{{id}}")
    }
    # An absolute path within a path is only a longer one, as for any program.
    for id_ in ["../x", "..", "", "a/../../x"]:
        assert "leads out of" in str(responses[id_].error), id_
    assert responses["fine"].path == tmp_path / "d" / "fine"
    assert os.listdir(tmp_path) == ["d"]


def test_two_requests_for_one_file_are_an_error_that_names_both_before_any_io(client, server, tmp_path):
    for ids, options in [
        (["a", "b"], {"stream_to": lambda _: tmp_path / "same"}),
        (["a", "b"], {"stream_to": lambda request: f"{tmp_path}/{'./' * (request.id_ == 'b')}same"}),
        ([1, "1"], {"stream_to": f"{tmp_path}/{{id}}"}),
    ]:
        before = server.requests
        requests = [(id_, f"{server.url}/bytes/{number}") for number, id_ in enumerate(ids)]
        first, second = client.http("get", requests, ordered=True, **options)
        assert (first.error, first.path.stat().st_size) == (None, 0)
        assert isinstance(second.error, InvalidRequestError)
        assert f"request {ids[0]!r}" in str(second.error)
        assert f"request {ids[1]!r}" in str(second.error)
        assert server.requests == before + 1


def test_in_an_asyncio_call_too_no_file_has_two_requests(server, tmp_path):
    async def run():
        async with AsyncPatata(verbose=False) as client:
            requests = [("a", server.url), ("a", server.url)]
            return [r.error async for r in client.http("get", requests, stream_to=f"{tmp_path}/{{id}}")]

    errors = asyncio.run(run())
    assert sum(error is None for error in errors) == 1
    assert sum("request 'a'" in str(error) for error in errors) == 1


def test_each_id_has_a_file_of_its_own(client, server, tmp_path):
    strange = [os.fsdecode(b"\xff"), os.fsdecode(b"\xfe"), "\ud800", "\udfff", "ü", "50%", "a%20b"]
    ids = [*strange, "a/b", "a//b", "a/./b", "/a/b", "a/%/b", "%", ".%"]
    requests = [(id_, f"{server.url}/bytes/{number}") for number, id_ in enumerate(ids)]
    responses = list(client.http("get", requests, stream_to=f"{tmp_path}/{{id}}"))
    assert {r.path.stat().st_size: r.id_ for r in responses} == dict(enumerate(ids))
    # What the file system can hold is not changed.
    names = set(os.listdir(os.fsencode(tmp_path)))
    assert {b"\xff", b"\xfe", "ü".encode(), b"50%", b"a%20b", b"a"} <= names


def test_a_link_in_the_folder_leads_no_id_outside(client, server, tmp_path):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "link").symlink_to(elsewhere)
    (response,) = client.http("get", [("link/x", server.url)], stream_to=f"{folder}/{{id}}")
    assert isinstance(response.error, InvalidRequestError)
    assert "leads out of" in str(response.error)
    assert os.listdir(elsewhere) == []


def test_a_failure_stays_in_memory_and_leaves_no_file(client, server, tmp_path):
    requests = [(404, server.url + "/status/404"), (1, "http://localhost:1/")]
    responses = {r.id_: r for r in client.http("get", requests, stream_to=f"{tmp_path}/{{id}}")}
    assert responses[404].data == {"status": 404}
    assert responses[404].path is None
    assert responses[1].error is not None
    # A piece that was just being written is finished, and then goes.
    assert eventually(lambda: os.listdir(tmp_path) == [])


def test_a_body_that_breaks_off_leaves_nothing(client, tmp_path):
    broken = answer(LETTERS * 10_000)[:-1]
    with RawServer(broken) as raw:
        (response,) = client.http("get", [(1, raw.url)], stream_to=f"{tmp_path}/{{id}}")
    assert response.error is not None
    # A piece that was just being written is finished, and then goes.
    assert eventually(lambda: os.listdir(tmp_path) == [])


def test_a_place_that_cannot_be_written_is_a_save_error(client, server, tmp_path):
    (tmp_path / "file").write_text("")
    (response,) = client.http("get", [(1, server.url)], stream_to=f"{tmp_path}/file/{{id}}")
    assert isinstance(response.error, SaveError)
    assert isinstance(response.error, OSError)
    assert "stream_to" in str(response.error)


def test_max_response_size_holds_for_files(client, server, tmp_path):
    for route in ("bytes", "chunked"):
        url = f"{server.url}/{route}/2000000"
        (response,) = client.http(
            "get", [(1, url)], stream_to=f"{tmp_path}/{{id}}", max_response_size=1_000_000
        )
        assert isinstance(response.error, TooLargeError)
    # A piece that was just being written is finished, and then goes.
    assert eventually(lambda: os.listdir(tmp_path) == [])


@pytest.mark.parametrize("route", ["bytes", "chunked"])
def test_memory_stays_flat_on_a_body_of_two_gibibytes(script, remote, tmp_path, route):
    size = 2 << 30
    printed = script(
        f"""
        from patata import Patata
        with Patata(num_workers=1, verbose=False, max_response_size=None) as client:
            list(client.http("get", [(0, "{remote}/bytes/1000000")], stream_to="{tmp_path}/{{id}}"))
            before = {PEAK_MEGABYTES}
            (response,) = client.http("get", [(1, "{remote}/{route}/{size}")], stream_to="{tmp_path}/{{id}}")
        print(response.status_code, response.path.stat().st_size, {PEAK_MEGABYTES} - before)
        """,
        timeout=150,
    )
    status, length, grown = printed.split()
    assert (int(status), int(length)) == (200, size)
    assert float(grown) < 32, "megabytes"
    (tmp_path / "1").unlink()
