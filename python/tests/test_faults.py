"""What goes wrong on the way: each fault is that request's response, with its reason, and never raised."""

import gzip
import pickle
import socket
import ssl
import time
import zlib
from contextlib import suppress

import patata
import pytest
import trustme
from patata import Patata, exceptions
from support import RawServer, answer, refusing_url

KEYS = {"exception_detail", "exception_traceback", "exception_class"}


def head(*headers):
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode()


CHUNKED = head("transfer-encoding: chunked")

BROKEN = {
    "nothing": (b"", "ProtocolError", "Server disconnected"),
    "garbage": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "ProtocolError", ""),
    "binary": (bytes(range(256)), "ProtocolError", ""),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-le", "ProtocolError", ""),
    "a status that is none": (b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n", "ProtocolError", ""),
    "two lengths": (head("content-length: 2", "content-length: 3") + b"{}\n", "ProtocolError", ""),
    "a length that is none": (head("content-length: -1") + b"{}", "ProtocolError", ""),
    "a body cut short": (head("content-length: 100") + b'{"a": 1}', "BodyError", ""),
    "a body that never begins": (head("content-length: 100"), "BodyError", ""),
    "chunks cut short": (CHUNKED + b'8\r\n{"a": 1}\r\n', "BodyError", ""),
    "a chunk cut short": (CHUNKED + b'20\r\n{"a": 1}', "BodyError", ""),
    "chunks of no size": (CHUNKED + b'zz\r\n{"a": 1}\r\n0\r\n\r\n', "BodyError", ""),
    "gzip that is none": (answer(b'{"a": 1}', "content-encoding: gzip"), "DecodeError", ""),
    "gzip cut short": (answer(gzip.compress(b"[1]" * 99)[:-12], "content-encoding: gzip"), "DecodeError", ""),
}


def check(response, name, beginning=""):
    assert response.status_code == 500
    assert set(response.data) == KEYS
    assert all(isinstance(value, str) and value for value in response.data.values())
    assert type(response.error) is getattr(exceptions, name), response
    assert isinstance(response.error, exceptions.RequestError)
    assert response.data["exception_detail"] == str(response.error)
    assert response.data["exception_detail"].startswith(beginning)
    assert response.data["exception_class"] == str(type(response.error))
    assert name in response.data["exception_traceback"]
    assert str(response.error) in response.data["exception_traceback"]
    copy = pickle.loads(pickle.dumps(response))
    assert copy == response
    assert type(copy.error) is type(response.error)
    assert str(copy.error) == str(response.error)
    assert copy.error.request_sent == response.error.request_sent


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_is_a_fault(client, kind):
    sent, name, beginning = BROKEN[kind]
    with RawServer(sent) as server:
        (response,) = client.http("get", [("id", server.url)])
    assert response.id_ == "id"
    check(response, name, beginning)
    assert response.error.request_sent is True


def test_more_headers_than_allowed_are_a_fault_that_names_the_limit(client):
    def headers(count):
        lines = [f"x-{number}: y" for number in range(count - 1)]
        return head("content-length: 0", *lines)

    assert patata.MAX_RESPONSE_HEADERS == 256
    with RawServer(headers(256)) as fine, RawServer(headers(257)) as more:
        (response,) = client.http("get", [(1, fine.url)])
        assert len(response.headers) == 256
        (response,) = client.http("get", [(1, more.url)])
    check(response, "TooLargeError", "The response has more than 256 headers (MAX_RESPONSE_HEADERS)")


def test_a_refused_connection_is_a_fault(client):
    with refusing_url() as url:
        (response,) = client.http("get", [(1, url)])
    check(response, "ConnectError", "Cannot connect")
    assert isinstance(response.error, ConnectionError)
    assert response.error.request_sent is False


def test_a_name_without_an_address_is_a_fault(client):
    (response,) = client.http("get", [(1, "http://does-not-exist.invalid/")])
    check(response, "ResolveError", "Cannot connect")
    assert "does-not-exist.invalid" in str(response.error)
    assert response.error.request_sent is False


def test_a_reset_connection_is_a_fault(client):
    def reset(connection, *_):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with RawServer(reset) as server:
        (response,) = client.http("get", [(1, server.url)])
    check(response, "ProtocolError")


def test_an_answer_that_is_late_is_a_fault(server, client):
    (response,) = client.http("get", [(1, server.url + "/delay/60000")], timeout=0.2)
    check(response, "RequestTimeoutError")
    assert "TimeoutError" in response.data["exception_traceback"]
    assert isinstance(response.error, TimeoutError)


def test_a_body_that_stalls_is_a_fault(client):
    def stall(connection, *_):
        connection.sendall(head("content-length: 100") + b"{")
        connection.recv(1)

    with RawServer(stall) as server:
        (response,) = client.http("get", [(1, server.url)], timeout=0.2)
    check(response, "RequestTimeoutError")
    assert "TimeoutError" in response.data["exception_traceback"]


def test_a_connection_that_is_never_accepted_times_out(client):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        time.sleep(0.1)
        (response,) = client.http("get", [(1, f"http://127.0.0.1:{address[1]}/")], connect_timeout=0.3)
        for filler in fillers:
            filler.close()
    check(response, "ConnectTimeoutError", "Cannot connect")
    assert "TimeoutError" in response.data["exception_traceback"]
    assert response.error.request_sent is False


@pytest.mark.parametrize("path", ["/bytes/1001", "/chunked/1001"])
def test_a_body_over_the_limit_is_a_fault(server, client, path):
    (response,) = client.http("get", [(1, server.url + path)], max_response_size=1000)
    check(response, "TooLargeError")


@pytest.mark.parametrize("path", ["/bytes/1000", "/chunked/1000"])
def test_a_body_within_the_limit_is_an_answer(server, client, path):
    (response,) = client.http("get", [(1, server.url + path)], max_response_size=1000)
    assert (response.status_code, response.error) == (200, None)


def test_a_bomb_is_a_fault(client):
    bomb = gzip.compress(b" " * 50_000_000)
    with RawServer(answer(bomb, "content-encoding: gzip")) as server:
        (response,) = client.http("get", [(1, server.url)])
    check(response, "TooLargeError")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_a_compressed_answer_is_read(client, coding):
    body = b'{"a": [1, 2, 3]}'
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body), "identity": body}[coding]
    with RawServer(answer(packed, f"content-encoding: {coding}")) as server:
        (response,) = client.http("get", [(1, server.url)])
    assert (response.data, response.error) == ({"a": [1, 2, 3]}, None)


def test_a_body_that_ends_with_its_connection_is_an_answer(client):
    with RawServer(b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}') as server:
        (response,) = client.http("get", [(1, server.url)])
    assert (response.status_code, response.data, response.error) == (200, {"a": 1}, None)


def test_an_answer_of_http_1_0_is_an_answer(client):
    with RawServer(b'HTTP/1.0 200 OK\r\ncontent-length: 8\r\n\r\n{"a": 1}') as server:
        (response,) = client.http("get", [(1, server.url)])
    assert (response.status_code, response.data) == (200, {"a": 1})


def test_an_interim_answer_is_passed_over(client):
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    with RawServer(interim + answer(b"[1]")) as server:
        (response,) = client.http("get", [(1, server.url)])
    assert (response.status_code, response.data) == (200, [1])


def test_tls_to_a_server_without_it_is_a_fault(server, client):
    (response,) = client.http("get", [(1, server.url.replace("http:", "https:"))])
    check(response, "TLSError", "Cannot connect")
    assert response.error.request_sent is False


def test_a_certificate_that_nobody_vouches_for_is_a_fault(client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    reached = []

    def shake_hands(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            reached.append(secured.recv(100))

    with TLSServer(shake_hands) as url:
        (response,) = client.http("get", [(1, url)])
    check(response, "UntrustedCertificateError", "Cannot connect")
    assert response.error.request_sent is False
    assert reached in ([], [b""])


class TLSServer(RawServer):
    """A raw server that does not read a request first."""

    def _answer(self, connection):
        with suppress(OSError), connection:
            self._serve(connection)

    def __enter__(self):
        super().__enter__()
        return self.url.replace("http:", "https:")


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_an_error_of_the_server_is_no_fault(server, client, status):
    (response,) = client.http("get", [(1, f"{server.url}/status/{status}")])
    assert (response.status_code, response.error) == (status, None)


def test_redirects_are_followed(server, client):
    (response,) = client.http("get", [(1, server.url + "/redirect/10")])
    assert (response.status_code, response.data) == (200, {"message": "Hello world!"})
    assert server.requests == 11


def test_too_many_redirects_are_a_fault(server, client):
    (response,) = client.http("get", [(1, server.url + "/redirect/11")])
    check(response, "RedirectError")


@pytest.mark.parametrize("lines", [(), ("location:",)])
def test_a_redirect_that_names_no_place_stands(client, lines):
    with RawServer(answer(b"{}", *lines, status="302 Found")) as server:
        (response,) = client.http("get", [(1, server.url)])
    assert (response.status_code, response.error) == (302, None)


@pytest.mark.parametrize("target", ["http://", "ftp://a/", "http://a:99999/"])
def test_a_redirect_to_nowhere_is_a_fault(client, target):
    moved = answer(b"", f"location: {target}", status="302 Found")
    with RawServer(moved) as server:
        (response,) = client.http("get", [(1, server.url + "/here")])
    check(response, "RedirectError")


# Retries


def test_retries_are_attempts_in_total(server, client):
    (response,) = client.http("get", [(1, server.url + "/flaky/a/2")], retries=3, backoff=0)
    assert (response.status_code, response.data) == (200, {"message": "Hello world!"})
    assert server.requests == 3


@pytest.mark.parametrize("retries", [1, 2, 5])
def test_the_last_attempt_is_the_answer(server, client, retries):
    url = server.url + "/flaky/a/100"
    (response,) = client.http("get", [(1, url)], retries=retries, backoff=0)
    assert (response.status_code, response.error) == (503, None)
    assert response.data == {"error": f"failure {retries} of 100"}
    assert server.requests == retries


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_these_statuses_are_tried_again(server, client, status, method):
    (response,) = client.http(method, [(1, f"{server.url}/status/{status}")], retries=3, backoff=0)
    assert response.status_code == status
    assert server.requests == 3


@pytest.mark.parametrize("method", ["post", "patch"])
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_post_is_sent_again_only_where_nothing_was_done(server, client, status, method):
    (response,) = client.http(method, [(1, f"{server.url}/status/{status}")], retries=3, backoff=0)
    assert response.status_code == status
    assert server.requests == (3 if status in (425, 429) else 1)


def test_a_503_that_says_when_to_come_back_has_done_nothing(client):
    answers = iter([answer(b"oops", "retry-after: 0", status="503 Busy"), answer(b"[1]")])
    with RawServer(lambda *_: next(answers)) as server:
        (response,) = client.http("post", [(1, server.url, {"a": 1})], retries=2, backoff=0)
        assert server.bodies == [b'{"a":1}'] * 2
    assert response.data == [1]


@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 403, 404, 409, 422, 501, 505])
def test_these_statuses_are_not_tried_again(server, client, status):
    (response,) = client.http("get", [(1, f"{server.url}/status/{status}")], retries=3, backoff=0)
    assert response.status_code == status
    assert server.requests == 1


@pytest.mark.parametrize("kind", ["nothing", "half a head", "a body cut short", "chunks cut short"])
def test_broken_transfers_are_tried_again(client, kind):
    with RawServer(BROKEN[kind][0]) as server:
        (response,) = client.http("get", [(1, server.url)], retries=3, backoff=0)
        assert len(server.heads) == 3
    check(response, BROKEN[kind][1], BROKEN[kind][2])


def test_a_broken_transfer_is_followed_by_a_good_one(client):
    answers = iter([b"", answer(b"oops", status="503 Busy"), answer(b'{"a": 1}')])
    with RawServer(lambda *_: next(answers)) as server:
        (response,) = client.http("get", [(1, server.url)], retries=3, backoff=0)
    assert (response.status_code, response.data, response.error) == (200, {"a": 1}, None)


def test_time_outs_are_tried_again(server, client):
    (response,) = client.http("get", [(1, server.url + "/delay/60000")], retries=3, timeout=0.1, backoff=0)
    check(response, "RequestTimeoutError")
    assert server.requests == 3


def test_refused_connections_are_tried_again(client):
    with refusing_url() as url:
        begun = time.monotonic()
        (response,) = client.http("post", [(1, url)], retries=4, backoff=0)
    check(response, "ConnectError", "Cannot connect")
    assert time.monotonic() - begun < 30


def test_data_is_sent_with_each_attempt(client):
    answers = iter([answer(status="503 Busy"), answer(b"[1]")])
    with RawServer(lambda *_: next(answers)) as server:
        (response,) = client.http("put", [(1, server.url, {"a": 1})], retries=2, backoff=0)
        assert server.bodies == [b'{"a":1}'] * 2
    assert response.data == [1]


def test_none_and_one_are_one_attempt(server, client):
    for retries in (None, 1):
        (response,) = client.http("get", [(1, server.url + "/status/503")], retries=retries)
        assert response.status_code == 503
    assert server.requests == 2


# One among many


@pytest.mark.parametrize("kind", ["nothing", "garbage", "a body cut short", "gzip that is none"])
def test_a_fault_costs_no_other_request(server, kind):
    requests = [(i, server.url) for i in range(1_000)]
    with RawServer(BROKEN[kind][0]) as broken, Patata(2, verbose=False) as client:
        requests[500] = (500, broken.url)
        responses = {response.id_: response for response in client.http("get", requests)}
    assert sorted(responses) == list(range(1_000))
    check(responses.pop(500), BROKEN[kind][1])
    assert all(response.data == {"message": "Hello world!"} for response in responses.values())


def test_all_kinds_of_faults_in_one_run(server):
    servers = {kind: RawServer(sent) for kind, (sent, _, _) in BROKEN.items()}
    for broken in servers.values():
        broken.__enter__()
    try:
        with refusing_url() as refusing, Patata(2, verbose=False) as client:
            requests = [(kind, broken.url) for kind, broken in servers.items()]
            requests += [("refused", refusing), ("late", server.url + "/delay/60000")]
            requests += [(i, server.url) for i in range(100)]
            responses = {response.id_: response for response in client.http("get", requests, timeout=2)}
    finally:
        for broken in servers.values():
            broken.__exit__()
    assert responses.keys() == {*BROKEN, "refused", "late", *range(100)}
    for kind, (_, name, beginning) in BROKEN.items():
        check(responses[kind], name, beginning)
    check(responses["refused"], "ConnectError", "Cannot connect")
    check(responses["late"], "RequestTimeoutError")
    assert {responses[i].status_code for i in range(100)} == {200}


def test_a_server_that_closes_each_connection_costs_nothing(client):
    with RawServer(answer(b"[1]")) as server:
        responses = list(client.http("get", [(i, server.url) for i in range(200)], concurrency=5))
    assert [response.data for response in responses] == [[1]] * 200


def test_a_server_that_goes_away_faults_the_rest(server, client):
    responses = client.http("get", [(i, server.url) for i in range(100_000)], concurrency=10)
    first = next(responses)
    server.stop()
    rest = list(responses)
    assert first.status_code == 200
    assert sorted(response.id_ for response in [first, *rest]) == list(range(100_000))
    details = [str(response.error) for response in rest if response.error is not None]
    assert details
    assert all(detail.startswith(("Cannot connect", "Server disconnected")) for detail in details)
