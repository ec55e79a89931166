"""What a response carries beyond id, status and data: as it came, as text, as an exception, elsewhere."""

import copy
import datetime
import gc
import json
import pickle
import sys
import weakref

import pytest
from patata import Patata, Request, Response, StatusError
from patata.exceptions import CallbackError, ConnectError
from patata.models import Headers
from support import RawServer, answer, refusing_url


def get(client, url, **options):
    (response,) = client.http("get", [("id", url)], **options)
    return response


@pytest.fixture
def failed(client):
    with refusing_url() as url:
        response = get(client, url)
    assert response.url == url
    return response


class TestFields:
    def test_of_an_answer(self, client, server):
        response = get(client, server.url + "/redirect/2")
        assert response.ok is True
        assert response.url == server.url + "/redirect/0"
        assert response.content == b'{"message":"Hello world!"}'
        assert response.text == '{"message":"Hello world!"}'
        assert response.json() == response.data == {"message": "Hello world!"}
        assert response.headers["Content-Type"] == "application/json"
        assert (response.error, response.attempts, response.http_version) == (None, 1, "1.1")
        assert datetime.timedelta(0) < response.elapsed < datetime.timedelta(seconds=30)
        assert response.path is None

    def test_of_a_failure(self, failed):
        assert (failed.ok, failed.content, failed.text) == (False, b"", "")
        assert (dict(failed.headers), failed.attempts, failed.http_version) == ({}, 1, None)

    def test_of_one_that_the_user_made(self):
        response = Response(1, 200, {"a": 1})
        assert (response.ok, response.content, response.text, response.url) == (True, b"", "", "")
        assert (response.headers, response.attempts) == ({}, 0)
        assert response.elapsed == datetime.timedelta(0)
        assert response.json() == {"a": 1}

    def test_count_the_attempts_and_the_time_of_all_of_them(self, client, server):
        response = get(client, server.url + "/flaky/response/2", retries=3, backoff=0)
        assert (response.status_code, response.attempts) == (200, 3)

    def test_show_no_credentials(self, client, server):
        response = get(client, server.url.replace("http://", "http://user:secret@") + "/echo")
        assert response.url == server.url + "/echo"
        with refusing_url() as url:
            assert get(client, url.replace("http://", "http://user:secret@") + "a?b=1").url == url + "a?b=1"
        assert get(client, "ftp://user:secret@host/").url == "ftp://host/"

    def test_name_the_hop_that_failed(self, client):
        with refusing_url() as url, RawServer(answer(b"", f"location: {url}x", status="302 Found")) as raw:
            assert get(client, raw.url).url == url + "x"

    def test_content_outlives_data(self, client, server):
        response = get(client, server.url)
        response.data = "other"
        assert response.content == b'{"message":"Hello world!"}'
        assert response.json() == {"message": "Hello world!"}
        assert response.data == "other"

    @pytest.mark.parametrize(("code", "ok"), [(200, True), (304, True), (400, False), (503, False)])
    def test_ok_is_below_400(self, client, server, code, ok):
        assert get(client, f"{server.url}/status/{code}").ok is ok


class TestText:
    @pytest.mark.parametrize(
        ("content_type", "body", "expected"),
        [
            ("text/plain; charset=latin-1", b"\xe9", "é"),
            ("text/plain; charset=Shift_JIS", b"\x82\xa0", "あ"),
            ("text/plain", "é".encode(), "é"),
            ("text/plain; charset=unknown", "é".encode(), "é"),
            ("text/plain; charset=iso-2022-kr", b"text", "text"),
            ("text/plain; charset=latin-1", "\ufeffé".encode(), "é"),
            ("text/plain; charset=utf-8", b"a\xff", "a\ufffd"),
        ],
    )
    def test_is_of_the_declared_charset(self, client, content_type, body, expected):
        with RawServer(answer(body, f"content-type: {content_type}")) as raw:
            response = get(client, raw.url)
        assert response.text == expected
        assert pickle.loads(pickle.dumps(response)).text == expected


class TestJson:
    @pytest.mark.parametrize(
        ("content_type", "body", "expected"),
        [
            ("application/json; charset=ISO-8859-1", '{"é": "ñ"}'.encode("latin-1"), {"é": "ñ"}),
            ("application/json; charset=ISO-8859-1", '["Ã©"]'.encode("latin-1"), ["Ã©"]),
            ("application/json; charset=windows-1252", '["€"]'.encode("cp1252"), ["€"]),
            ("application/json;charset=GBK", '["你好"]'.encode("gbk"), ["你好"]),
            ("text/html; charset=Shift_JIS", '["あ表"]'.encode("shift_jis"), ["あ表"]),
            ("application/json; charset=ISO-2022-JP", '["あ"]'.encode("iso2022_jp"), ["あ"]),
            ("application/json; charset=utf-16", '["é"]'.encode("utf-16"), ["é"]),
            ("application/json; charset=utf-16be", '["é"]'.encode("utf-16-be"), ["é"]),
            ("application/json; charset=latin1", '["é"]'.encode("utf-8-sig"), ["é"]),
            ("application/json; charset=klingon", '["é"]'.encode(), ["é"]),
            ("application/json", '["é"]'.encode(), ["é"]),
            ("application/json; charset=GBK", b'{"a": 1}', {"a": 1}),
        ],
    )
    def test_is_of_the_declared_charset(self, client, content_type, body, expected):
        with RawServer(answer(body, f"content-type: {content_type}")) as raw:
            response = get(client, raw.url)
        assert response.data == response.json() == json.loads(response.text) == expected
        copy = pickle.loads(pickle.dumps(response))
        assert copy.json() == expected

    @pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
    def test_is_none_where_it_is_not_in_the_charset_it_is_said_to_be(self, client, content_type):
        with RawServer(answer(b'["\xe9"]', f"content-type: {content_type}")) as raw:
            response = get(client, raw.url)
        assert response.data == {}
        with pytest.raises(ValueError, match="is not JSON"):
            response.json()


class TestHeaders:
    def test_are_found_in_any_case_and_keep_repeats(self, client):
        with RawServer(answer(b"", "X-A: 1", "x-a: 2", "Set-Cookie: a=1", "x-latin: \xe9")) as raw:
            headers = get(client, raw.url).headers
        assert headers["x-A"] == "1, 2"
        assert headers.get_list("X-a") == ["1", "2"]
        assert headers.get_list("absent") == []
        assert ("X-LATIN" in headers, headers["x-latin"], headers.get("absent")) == (True, "Ã©", None)
        assert [pair for pair in headers.multi_items() if pair[0] == "x-a"] == [("x-a", "1"), ("x-a", "2")]
        assert len(headers) == len(set(headers)) == len(dict(headers))
        with pytest.raises(KeyError):
            headers["absent"]

    def test_compare_as_mappings_and_cannot_be_hashed(self):
        headers = Headers([("A", "1"), ("b", "2")])
        assert headers == {"a": "1", "B": "2"}
        assert headers == Headers([("b", "2"), ("a", "1")])
        assert headers != Headers([("a", "1")])
        assert headers != 7
        with pytest.raises(TypeError):
            hash(headers)


class TestRequest:
    def test_is_the_object_from_the_input_or_made_of_a_tuple(self, client, server):
        own = Request(1, server.url, method="PUT", json=[1])
        items = [own, (2, server.url + "/a"), (3, server.url, {"b": 1}), (4, "no URL"), Request(5, "no URL")]
        found = {response.id_: response for response in client.http("post", items)}
        assert found[1].request is own
        assert found[2].request == Request(2, server.url + "/a")
        assert found[3].request == Request(3, server.url, {"b": 1})
        assert found[4].request == Request(4, "no URL")
        assert found[5].request is items[4]
        assert found[2].request is found[2].request

    @pytest.mark.parametrize("workers", [1, 2])
    def test_is_there_after_callbacks_too(self, server, workers):
        own = Request(1, server.url)
        with Patata(workers, verbose=False) as client:
            responses = client.http("get", [own, (2, server.url)], callbacks=[lambda response: response])
            found = {response.id_: response.request for response in responses}
        assert found[1] is own
        assert found[2] == Request(2, server.url)

    def test_is_not_copied_and_let_go_of_with_the_response(self, client, server):
        item = (1, server.url, {"a": 1})
        before = sys.getrefcount(item)
        (response,) = client.http("post", [item])
        assert sys.getrefcount(item) == before + 1
        del response
        assert sys.getrefcount(item) == before

    def test_is_none_where_there_is_none(self, client, server):
        assert Response(1, 200, {}).request is None
        assert pickle.loads(pickle.dumps(get(client, server.url))).request is None


class TestRepr:
    def test_of_a_failure_shows_its_error(self, client):
        with refusing_url() as url:
            response = get(client, url)
        for _ in range(2):
            shown = f"Response(id_={response.id_!r}, status_code=500, error={response.error!r})"
            assert repr(response) == shown
            assert str(response) == f"id_={response.id_!r} status_code=500 error={response.error!r}"
        assert "Cannot connect" in shown
        response.data = "other"
        assert repr(response) == shown.replace(", error", ", data='other', error")

    def test_of_a_request_shows_its_method_and_what_body_it_has_and_no_secret(self):
        secret = "hunter2"
        options = {
            "method": "PUT",
            "headers": {"Authorization": secret, "X-A": [secret, secret]},
            "params": [("token", secret)],
            "timeout": 5,
        }
        shown = ", method='PUT', headers=[Authorization, X-A, X-A], params=[token]{}, timeout=5)"
        for body, expected in [
            ({"json": {"password": secret}}, "json=<dict of 1>"),
            ({"form": {"password": secret}}, "form=<dict of 1>"),
            ({"content": secret}, "content=<str of 7>"),
            ({"content": secret.encode()}, "content=<bytes of 7>"),
            ({"content": iter([secret.encode()])}, "content=<list_iterator>"),
            ({"files": {"a": secret.encode()}}, "files=<dict of 1>"),
        ]:
            request = Request(1, f"http://me:{secret}@host/", **options, **body)
            told = shown.format(f", {expected}")
            assert repr(request) == "Request(id_=1, url='http://host/', data=None" + told
            assert secret not in str(request)
        assert repr(Request(1, "http://host/", headers=7)).endswith("headers=<int>)")


class TestErrors:
    def test_json_names_the_response_and_shows_a_beginning(self, client):
        with RawServer(answer(b"<html>no json" + b"x" * 1000)) as raw:
            response = get(client, raw.url)
        assert response.data == {}
        with pytest.raises(ValueError, match="response 'id' is not JSON; it begins \"<html>no json"):
            response.json()

    def test_raise_for_status_gives_a_good_response_back(self, client, server):
        response = get(client, server.url)
        assert response.raise_for_status() is response

    def test_raise_for_status_raises_a_status_error(self, client, server):
        url = server.url + "/status/404"
        response = get(client, url)
        with pytest.raises(StatusError) as caught:
            response.raise_for_status()
        assert str(caught.value) == f"404 Not Found for {url}"
        assert caught.value.response is response
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    def test_raise_for_status_raises_what_failed(self, failed):
        with pytest.raises(ConnectError) as caught:
            failed.raise_for_status()
        assert (type(caught.value), str(caught.value)) == (type(failed.error), str(failed.error))
        assert caught.value.request_sent is False
        assert failed.error.__traceback__ is None

    def test_json_raises_whether_data_was_read_or_not(self, client, server, failed):
        empty = get(client, server.url + "/status/204")
        for response, error in ((failed, ConnectError), (empty, ValueError)):
            for _ in range(2):
                with pytest.raises(error):
                    response.json()
                assert isinstance(response.data, dict)

    def test_what_was_raised_does_not_keep_the_response_alive(self, client):
        class Id:
            pass

        def handle(response):
            with pytest.raises(ConnectError):
                response.raise_for_status()
            with pytest.raises(ConnectError):
                response.json()

        id_ = Id()
        alive = weakref.ref(id_)
        with refusing_url() as url:
            for response in client.http("get", [(id_, url)]):
                handle(response)
        del id_, response
        gc.collect()
        assert alive() is None

    def test_raise_for_status_raises_from_what_a_callback_raised(self, client, server):
        def fail(_response):
            raise KeyError("broken")

        (response,) = client.http("get", [(1, server.url)], callbacks=[fail])
        with pytest.raises(CallbackError, match="a callback raised KeyError\\('broken'\\)") as caught:
            response.raise_for_status()
        assert caught.value.__cause__ is response.data
        assert response.error.__traceback__ is None

    def test_what_the_user_assigned_is_raised_as_it_is(self):
        response = Response(1, 200, None)
        response.error = error = KeyError("own")
        for call in (response.raise_for_status, response.json):
            with pytest.raises(KeyError) as caught:
                call()
            assert caught.value is error

    def test_a_status_that_http_does_not_know_has_no_phrase(self):
        with pytest.raises(StatusError, match=r"^599 for response 1$"):
            Response(1, 599, {}).raise_for_status()


def fields(response):
    return (
        response.id_,
        response.status_code,
        response.data,
        response.ok,
        response.headers,
        response.content,
        response.text,
        response.url,
        str(response.error),
        response.attempts,
        response.elapsed,
        response.http_version,
        response.path,
    )


class TestElsewhere:
    @pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
    def test_everything_comes_along(self, client, server, failed, tmp_path, travel):
        saved = get(client, server.url, stream_to=tmp_path / "{id}")
        for response in (get(client, server.url + "/redirect/1"), failed, saved, Response(1, 200, [])):
            assert fields(travel(response)) == fields(response)
            assert fields(travel(travel(response))) == fields(response)

    def test_callback_processes_see_and_return_it(self, server):
        def look(response):
            response.data = [response.url, response.text, response.headers["content-type"], response.attempts]
            return response

        with Patata(num_workers=2, verbose=False) as client:
            (response,) = client.http("get", [(1, server.url)], callbacks=[look])
        assert response.data == [server.url + "/", '{"message":"Hello world!"}', "application/json", 1]
        assert (response.url, response.http_version) == (server.url + "/", "1.1")
        assert response.content == b'{"message":"Hello world!"}'
