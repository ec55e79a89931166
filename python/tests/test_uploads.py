"""Bodies from files, iterators and forms, as FastAPI receives them."""

import hashlib
import io
import os
import subprocess
import sys
import textwrap
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
from patata import InvalidRequestError, Request
from support import RawServer, answer

CONTENT = bytes(range(256)) * 4_000


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "some file.png"
    path.write_bytes(CONTENT)
    return path


def post(client, url, **options):
    (response,) = client.http("post", [Request(1, url, **options)], timeout=60)
    assert response.status_code == 200, response
    return response.data


class TestContent:
    @pytest.mark.parametrize(
        "content",
        [
            bytes,
            bytearray,
            memoryview,
            io.BytesIO,
            lambda data: (data[at : at + 10_000] for at in range(0, len(data), 10_000)),
            lambda data: [data[:100], b"", data[100:]],
        ],
        ids=["bytes", "bytearray", "memoryview", "BytesIO", "generator", "list"],
    )
    def test_of_every_kind_arrives_whole(self, client, api, content):
        digest = post(client, api + "/digest", content=content(CONTENT))
        assert (digest["length"], digest["digest"]) == (len(CONTENT), sha256(CONTENT))

    def test_of_a_path_and_a_file_has_a_length(self, client, api, path):
        with path.open("rb") as file:
            file.seek(1000)
            sent = post(client, api + "/digest", content=file)
        assert (sent["content_length"], sent["digest"]) == (str(len(CONTENT) - 1000), sha256(CONTENT[1000:]))
        sent = post(client, api + "/digest", content=path)
        assert (sent["content_length"], sent["digest"]) == (str(len(CONTENT)), sha256(CONTENT))
        (response,) = client.http("post", [(1, api + "/digest")], content=path)
        assert response.data["digest"] == sha256(CONTENT)

    def test_of_a_pipe_is_chunked(self, client, api):
        reader, writer = os.pipe()

        def write():
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(CONTENT)

        thread = threading.Thread(target=write)
        thread.start()
        with os.fdopen(reader, "rb") as pipe:
            sent = post(client, api + "/digest", content=pipe)
        thread.join()
        assert (sent["transfer_encoding"], sent["digest"]) == ("chunked", sha256(CONTENT))

    @pytest.mark.parametrize("how", ["content", "files"])
    def test_of_a_fifo_arrives_whole(self, client, api, tmp_path, how):
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        thread = threading.Thread(target=lambda: fifo.write_bytes(CONTENT))
        thread.start()
        if how == "content":
            sent = post(client, api + "/digest", content=fifo)
            assert (sent["transfer_encoding"], sent["digest"]) == ("chunked", sha256(CONTENT))
        else:
            assert post(client, api + "/files", files={"f": fifo})[0][3:] == [len(CONTENT), sha256(CONTENT)]
        thread.join()

    @pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="there is no /proc")
    def test_of_a_file_that_says_it_is_empty_arrives_whole(self, client, api):
        version = Path("/proc/version")
        content = version.read_bytes()
        for opened in (nullcontext, lambda path: path.open("rb")):
            with opened(version) as given:
                sent = post(client, api + "/digest", content=given)
            assert (sent["length"], sent["digest"]) == (len(content), sha256(content))
            with opened(version) as given:
                (field,) = post(client, api + "/files", files={"f": given})
            assert field[3:] == [len(content), sha256(content)]

    def test_of_an_empty_file_is_empty(self, client, api, tmp_path):
        empty = tmp_path / "empty"
        empty.write_bytes(b"")
        for content in (empty, io.BytesIO()):
            assert post(client, api + "/digest", content=content)["length"] == 0

    def test_of_standard_input_arrives_whole(self, api):
        source = f"""
        from pathlib import Path
        from patata import Patata, Request
        with Patata(verbose=False) as client:
            content = Path("/dev/stdin")
            (response,) = client.http("post", [Request(1, "{api}/digest", content=content)])
        print(response.data["length"], response.data["digest"])
        """
        command = [sys.executable, "-c", textwrap.dedent(source)]
        ended = subprocess.run(command, input=CONTENT, capture_output=True, timeout=60, check=True)
        assert ended.stdout.decode() == f"{len(CONTENT)} {sha256(CONTENT)}\n"

    def test_of_a_str_is_utf_8(self, client, api):
        assert post(client, api + "/digest", content="ü")["digest"] == sha256("ü".encode())

    def test_that_is_a_generator_is_taken_while_others_are_answered(self, client, api, server):
        go_on = threading.Event()

        def slow():
            yield b"begin"
            assert go_on.wait(30)
            yield b"end"

        requests = [Request("slow", api + "/digest", content=slow()), Request("fast", server.url + "/echo")]
        responses = client.http("post", requests)
        assert next(responses).id_ == "fast"
        go_on.set()
        assert next(responses).data["digest"] == sha256(b"beginend")

    def test_that_raises_costs_its_own_request(self, client, api):
        def broken():
            yield b"begin"
            raise RuntimeError("no more potatoes")

        requests = [Request(i, api + "/digest", content=broken() if i == 3 else b"x") for i in range(10)]
        responses = {r.id_: r for r in client.http("post", requests)}
        assert [i for i, r in responses.items() if r.status_code != 200] == [3]
        assert isinstance(responses[3].error, InvalidRequestError)
        assert "no more potatoes" in str(responses[3].error)

    def test_that_yields_no_bytes_is_named(self, client, api):
        (response,) = client.http("post", [Request(1, api + "/digest", content=iter([7]))])
        assert "a piece must be bytes, got <class 'int'>" in str(response.error)

    def test_of_a_text_file_is_refused_with_the_fix(self, client, api, path):
        with path.open() as file:
            (response,) = client.http("post", [Request(1, api + "/digest", content=file)])
        assert 'must be opened in binary mode ("rb")' in str(response.error)

    def test_that_can_be_read_once_is_not_sent_again_and_a_file_is(self, client, path):
        with RawServer(answer(b"", status="503 Service Unavailable")) as raw:
            for content in (iter([b"x"]), path):
                (response,) = client.http("put", [Request(1, raw.url, content=content)], retries=2, backoff=0)
                assert response.status_code == 503
        assert len(raw.heads) == 3

    @pytest.mark.parametrize(
        "content",
        [
            lambda path: path,
            lambda path: path.open("rb"),
            lambda _: io.BytesIO(CONTENT),
            lambda _: [CONTENT[:5000], CONTENT[5000:]],
            lambda _: (CONTENT[:5000], CONTENT[5000:]),
        ],
        ids=["path", "file", "BytesIO", "list", "tuple"],
    )
    @pytest.mark.parametrize("how", ["content", "files"])
    def test_that_can_be_read_again_is_sent_again_and_follows_redirects(
        self, client, api, path, content, how
    ):
        def serve(*_):
            if len(raw.heads) < 3:
                return answer(status="503 Service Unavailable")
            return answer(b"", f"Location: {api}/{target}", status="307 Temporary Redirect")

        target = "digest" if how == "content" else "files"
        given = content(path)
        with RawServer(serve) as raw:
            request = Request(1, raw.url, **{how: given if how == "content" else {"f": ("f", given)}})
            options = {"retries": 3, "backoff": 0, "retry_non_idempotent": True, "retry_budget": None}
            (response,) = client.http("post", [request], **options)
        if hasattr(given, "close"):
            given.close()
        assert response.status_code == 200, response
        digest = response.data["digest"] if how == "content" else response.data[0][4]
        assert (digest, response.attempts) == (sha256(CONTENT), 3)
        assert client.receipt.not_resent == 0

    def test_that_can_be_read_once_says_so_where_it_would_be_sent_again(self, client):
        with RawServer(answer(b"", status="503 Service Unavailable")) as raw:
            requests = [Request(i, raw.url, content=iter([b"x"])) for i in range(3)]
            list(client.http("put", requests, retries=2, backoff=0))
        assert client.receipt.not_resent == 3
        assert "can be read only once" in dict(client.receipt.lines())["Not sent again"]

    def test_of_a_missing_file_is_found_before_any_io(self, client, server, tmp_path):
        request = Request(1, server.url, content=tmp_path / "missing.bin")
        (response,) = client.http("post", [request])
        assert isinstance(response.error, InvalidRequestError)
        assert "missing.bin" in str(response.error)
        assert server.requests == 0


class TestForms:
    def test_are_understood_by_fastapi(self, client, api):
        pairs = [["a b", "1"], ["ü", "&=+ %"], ["a b", "2"], ["empty", ""]]
        assert post(client, api + "/form", form=pairs) == pairs

    def test_with_files_are_understood_by_fastapi(self, client, api, path):
        with path.open("rb") as file:
            fields = post(
                client,
                api + "/files",
                form={"title": 'A "title"\r\n', "tags": ["x", "y"]},
                files=[
                    ("upload", path),
                    ("upload", file),
                    ("raw", b"raw"),
                    ("named", ("n.csv", "a,b")),
                    ("typed", ("ü.bin", io.BytesIO(b"typed"), "text/x-odd")),
                    ("stream", ("s", iter([b"pie", b"ces"]))),
                    ("plain", (None, "a text")),
                ],
            )
        png = ["some file.png", "image/png", len(CONTENT), sha256(CONTENT)]
        assert fields == [
            ["title", 'A "title"\r\n'],
            ["tags", "x"],
            ["tags", "y"],
            ["upload", *png],
            ["upload", *png],
            ["raw", "raw", "application/octet-stream", 3, sha256(b"raw")],
            ["named", "n.csv", "text/csv", 3, sha256(b"a,b")],
            ["typed", "ü.bin", "text/x-odd", 5, sha256(b"typed")],
            ["stream", "s", "application/octet-stream", 6, sha256(b"pieces")],
            ["plain", "a text"],
        ]

    def test_with_files_have_a_length_where_all_is_known(self, client, api, path):
        known = post(client, api + "/digest", form={"a": "1"}, files={"f": path})
        assert int(known["content_length"]) > len(CONTENT)
        assert known["content_type"].startswith("multipart/form-data; boundary=")
        unknown = post(client, api + "/digest", files={"f": iter([b"x"])})
        assert unknown["transfer_encoding"] == "chunked"

    def test_many_uploads_at_once_arrive_whole(self, client, api, path):
        requests = [Request(i, api + "/files", files={"f": path}) for i in range(60)]
        digests = [r.data[0][4] for r in client.http("post", requests, timeout=120)]
        assert digests == [sha256(CONTENT)] * 60

    def test_a_missing_file_is_found_before_any_io(self, client, server):
        request = Request(1, server.url, files={"f": Path("/no/such/file")})
        (response,) = client.http("post", [request])
        assert "/no/such/file" in str(response.error)
        assert server.requests == 0


@pytest.mark.parametrize("milliseconds", range(0, 60, 5))
def test_an_interpreter_that_ends_while_an_iterator_is_at_work_ends_well(script, remote, milliseconds):
    """A thread that comes back to an ending interpreter would take the process along."""
    printed = script(
        f"""
        import time
        from patata import Patata, Request
        def slow():
            yield b"x"
            time.sleep(0.1)
            yield b"y"
        with Patata(verbose=False) as client:
            for response in client.http(
                "post", [Request(1, "{remote}/echo-body", content=slow()), Request(2, "{remote}")]
            ):
                if response.id_ == 2:
                    break
        time.sleep({0.06 + milliseconds / 1000})
        print("end")
        """
    )
    assert printed == "end\n"
