"""httpbin's routes over HTTP/1.1, HTTPS and HTTP/2: the same table of cases, and the same results."""

import base64
import io
import json
import uuid

import pytest
from patata import Patata, Request

PEERS = ["http", "https", "http2"]


@pytest.fixture(params=PEERS)
def peer(request, httpbin, certificates):
    """A client, the URL it talks to, and the version of HTTP that this brings about."""
    plain, tls = httpbin
    url = plain if request.param == "http" else tls
    version = {"http": "1.1", "https": "1.1", "http2": "auto"}[request.param]
    with Patata(num_workers=1, verbose=False, verify=certificates.ca, http_version=version) as client:
        yield client, url, "2" if request.param == "http2" else "1.1"


def one(peer, path, method="get", options=None, **request):
    client, url, version = peer
    (response,) = client.http(method, [Request(1, url + path, **request)], **(options or {}))
    assert response.error is None, response
    assert response.http_version == version
    return response


METHODS = ["get", "post", "put", "patch", "delete"]


@pytest.mark.parametrize("method", METHODS)
def test_methods_headers_and_params(peer, method):
    response = one(
        peer,
        f"/{method}?own=1",
        method,
        headers={"X-Own": "value"},
        params={"q": ["a b", "ü"]},
    )
    assert response.data["args"] == {"own": "1", "q": ["a b", "ü"]}
    assert response.data["headers"]["X-Own"] == "value"
    assert response.data["headers"]["User-Agent"].startswith("patata/")


def test_head(peer):
    response = one(peer, "/get", "head")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"json": {"a": [1, None, "ü"]}}, {"json": {"a": [1, None, "ü"]}}),
        ({"data": 7}, {"json": 7}),
        ({"form": {"a": ["1", "2"], "b": "ü &"}}, {"form": {"a": ["1", "2"], "b": "ü &"}}),
        ({"content": b"raw"}, {"data": "raw"}),
        ({"content": "ü"}, {"data": "ü"}),
        (
            {"form": {"a": "1"}, "files": {"f": ("f.txt", b"file")}},
            {"form": {"a": "1"}, "files": {"f": "file"}},
        ),
    ],
)
def test_bodies(peer, body, expected):
    response = one(peer, "/post", "post", **body)
    assert {name: response.data[name] for name in expected} == expected


def test_a_large_body_comes_back(peer):
    text = "potato " * 300_000
    assert one(peer, "/post", "post", content=text).data["data"] == text


def test_streamed_bodies(peer):
    text = "".join(f"piece {i} " for i in range(100_000))
    echoed = one(peer, "/post", "post", files={"f": ("f.bin", io.BytesIO(text.encode()))})
    assert echoed.data["files"]["f"] == text


@pytest.mark.parametrize("code", [200, 204, 404, 418, 500, 503])
def test_statuses(peer, code):
    response = one(peer, f"/status/{code}")
    assert (response.status_code, response.ok) == (code, code < 400)


@pytest.mark.parametrize(
    ("options", "path", "expected"),
    [
        ({"auth": ("user", "pass")}, "/basic-auth/user/pass", 200),
        ({"auth": ("user", "wrong")}, "/basic-auth/user/pass", 401),
        ({"auth": "token"}, "/bearer", 200),
        ({}, "/bearer", 401),
    ],
)
def test_auth(peer, options, path, expected):
    assert one(peer, path, options=options).status_code == expected


@pytest.mark.parametrize("coding", ["gzip", "deflate", "brotli"])
def test_content_encodings(peer, coding):
    response = one(peer, f"/{coding}")
    assert (response.status_code, response.data["method"]) == (200, "GET")


def test_redirects(peer):
    _, url, _ = peer
    response = one(peer, "/redirect/3")
    assert (response.status_code, response.url) == (200, f"{url}/get")
    assert one(peer, "/redirect/3", options={"follow_redirects": False}).status_code == 302
    posted = one(peer, "/redirect-to?status_code=307&url=/post", "post", json={"a": 1})
    assert posted.data["json"] == {"a": 1}
    posted = one(peer, "/redirect-to?status_code=303&url=/get", "post", json={"a": 1})
    assert "json" not in posted.data


def test_cookies(peer):
    client, url, _ = peer
    assert one(peer, "/cookies", options={"cookies": {"a": "1"}}).data == {"cookies": {"a": "1"}}
    assert one(peer, "/cookies/set?b=2", options={"cookies": True}).data == {"cookies": {"b": "2"}}
    # Without a jar, a cookie that a redirect sets goes along its own chain, and no further.
    assert one(peer, "/cookies/set?b=2").data == {"cookies": {"b": "2"}}
    assert one(peer, "/cookies").data == {"cookies": {}}
    assert one(peer, "/cookies/set?b=2", options={"cookies": False}).data == {"cookies": {}}
    requests = ((i, url + path) for i, path in enumerate(["/cookies/set?c=3", "/cookies"]))
    responses = list(client.http("get", requests, cookies=True, concurrency=1))
    assert responses[-1].data == {"cookies": {"c": "3"}}


def test_bytes_streams_and_texts(peer):
    assert len(one(peer, "/bytes/5000?seed=1").content) == 5000
    assert one(peer, "/bytes/5000?seed=1").content == one(peer, "/stream-bytes/5000?seed=1").content
    lines = one(peer, "/stream/20").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(20))
    assert "∮ E⋅da = Q" in one(peer, "/encoding/utf8").text
    assert one(peer, "/html").text.startswith("<!DOCTYPE html>")
    assert base64.b64encode(one(peer, "/image/png").content).startswith(b"iVBOR")


def test_response_headers_with_repeats(peer):
    response = one(peer, "/response-headers?X-A=1&X-A=2&X-B=3")
    assert response.headers.get_list("x-a") == ["1", "2"]
    assert (response.headers["X-A"], response.headers["x-b"]) == ("1, 2", "3")


def test_a_body_can_be_saved(peer, tmp_path):
    response = one(peer, "/bytes/100000?seed=7", options={"stream_to": tmp_path / "{id}.bin"})
    assert response.path.read_bytes() == one(peer, "/bytes/100000?seed=7").content


def test_many_at_once_each_gets_its_own(peer):
    client, url, version = peer
    ids = [str(uuid.UUID(int=i)) for i in range(300)]
    requests = [Request(id_, f"{url}/anything", params={"id": id_}) for id_ in ids]
    responses = {response.id_: response for response in client.http("get", requests)}
    assert {id_: response.data["args"]["id"] for id_, response in responses.items()} == {
        id_: id_ for id_ in ids
    }
    assert {response.http_version for response in responses.values()} == {version}
