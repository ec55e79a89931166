"""What a client, a call and a request say together: the nearest wins, headers and parameters merge."""

import pickle

import pytest
from patata import InvalidRequestError, Patata, Request
from support import RawServer, answer


def echo(client, request, **options):
    (response,) = client.http("get", [request], **options)
    assert response.status_code == 200, response
    return response.data


@pytest.fixture
def url(server):
    return server.url + "/echo"


class TestHeaders:
    def test_of_client_call_and_request_merge_and_the_nearest_wins(self, url):
        with Patata(verbose=False, headers={"X-A": "client", "X-B": "client", "X-C": "client"}) as client:
            request = Request(1, url, headers={"x-c": "request"})
            headers = echo(client, request, headers=[("x-b", "call"), ("x-d", "call")])["headers"]
        assert [headers[name] for name in ("x-a", "x-b", "x-c", "x-d")] == [
            "client",
            "call",
            "request",
            "call",
        ]

    def test_are_repeated_by_pairs_and_by_lists(self, client):
        with RawServer(answer(b"{}")) as raw:
            for headers in ([("X-A", "1"), ("x-a", "2")], {"x-a": ["1", "2"]}):
                list(client.http("get", [Request(1, raw.url, headers=headers)]))
                list(client.http("get", [(1, raw.url)], headers=headers))
        assert [head.count(b"\r\nx-a: ") for head in raw.heads] == [2, 2, 2, 2]

    def test_none_takes_a_default_away(self, url):
        with Patata(verbose=False, headers={"X-A": "1", "User-Agent": None}) as client:
            assert "user-agent" not in echo(client, (1, url))["headers"]
            assert "x-a" not in echo(client, (1, url), headers={"x-a": None})["headers"]
            assert (
                "x-a" not in echo(client, Request(1, url, headers={"X-A": None, "accept": None}))["headers"]
            )

    def test_values_may_be_bytes_and_numbers(self, client, url):
        headers = {"x-bytes": b"b", "x-int": 1, "x-float": 1.5, "x-bool": True}
        sent = echo(client, Request(1, url, headers=headers))["headers"]
        assert [sent[name] for name in headers] == ["b", "1", "1.5", "true"]

    def test_replace_the_content_type_of_json(self, client, url):
        (response,) = client.http("post", [Request(1, url, {"a": 1}, headers={"Content-Type": "text/odd"})])
        assert response.data["headers"]["content-type"] == "text/odd"
        (response,) = client.http("post", [(1, url, {"a": 1})], headers={"content-type": "text/odd"})
        assert response.data["headers"]["content-type"] == "text/odd"


class TestParams:
    def test_go_behind_those_of_the_url_and_the_nearest_wins(self, url):
        with Patata(verbose=False, params={"a": "client", "b": "client"}) as client:
            request = Request(1, url + "?own=1", params={"c": ["x y", 2, True, None]})
            query = echo(client, request, params={"b": "call", "c": "call"})["query"]
        assert query == "own=1&a=client&b=call&c=x+y&c=2&c=true"

    def test_are_encoded(self, client, url):
        query = echo(client, Request(1, url, params=[("q", "ü&=#?/"), ("q", "")]))["query"]
        assert query == "q=%C3%BC%26%3D%23%3F%2F&q="


class TestAuth:
    @pytest.mark.parametrize(
        ("auth", "expected"),
        [
            (("us:er"[:2], "pass"), "Basic dXM6cGFzcw=="),
            ("a-token", "Bearer a-token"),
            (lambda request: f"Own {request.id_}", "Own 1"),
            (None, None),
        ],
    )
    def test_of_a_client_or_a_call(self, url, auth, expected):
        with Patata(verbose=False, auth=auth) as client:
            assert echo(client, (1, url))["headers"].get("authorization") == expected
        with Patata(verbose=False, auth="other") as client:
            assert echo(client, (1, url), auth=auth)["headers"].get("authorization") == expected

    def test_a_function_may_name_the_header(self, client, url):
        headers = echo(client, Request("id", url), auth=lambda r: ("X-Api-Key", r.url[:4]))["headers"]
        assert (headers["x-api-key"], headers.get("authorization")) == ("http", None)

    def test_credentials_of_the_url_go_before_the_clients(self, client, url):
        request = (1, url.replace("http://", "http://user:p%40ss@"))
        assert echo(client, request, auth="token")["headers"]["authorization"] == "Basic dXNlcjpwQHNz"

    @pytest.mark.parametrize(
        ("token", "expected"),
        [
            ("secret", "Bearer secret"),
            ("Bearer secret", "Bearer secret"),
            ("Token secret", "Token secret"),
            ("secret\n", "Bearer secret"),
        ],
    )
    def test_a_token_that_names_its_scheme_is_sent_as_it_is(self, client, url, token, expected):
        assert echo(client, (1, url), auth=token)["headers"]["authorization"] == expected
        with Patata(verbose=False, auth=token) as other:
            assert echo(other, (1, url))["headers"]["authorization"] == expected

    def test_a_function_is_asked_once_more_after_a_401(self, client):
        tokens = iter(["old", "new", "newer"])

        def serve(_, head, __):
            good = b"authorization: Bearer new\r\n" in head + b"\r\n"
            return answer(b"{}", status="200 OK" if good else "401 Unauthorized")

        with RawServer(serve) as raw:
            (response,) = client.http(
                "post", [(1, raw.url, {"a": 1})], auth=lambda _: f"Bearer {next(tokens)}"
            )
        assert (response.status_code, next(tokens), len(raw.heads)) == (200, "newer", 2)

    def test_what_a_function_raises_or_returns_wrongly_costs_that_request(self, client, url):
        def auth(request):
            if request.id_ == 1:
                raise KeyError("no token")
            return None if request.id_ == 2 else "fine"

        responses = {r.id_: r for r in client.http("get", [(i, url) for i in range(4)], auth=auth)}
        assert [responses[i].status_code for i in range(4)] == [200, 500, 500, 200]
        assert "no token" in str(responses[1].error)
        assert "auth must return" in str(responses[2].error)

    def test_ctrl_c_in_a_function_ends_the_run(self, client, url):
        def auth(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(client.http("get", [(1, url)], auth=auth))


class TestCookies:
    def test_are_sent_as_given(self, url):
        with Patata(verbose=False, cookies={"a": "1", "b": "x=y"}) as client:
            assert echo(client, (1, url))["headers"]["cookie"] == "a=1; b=x=y"
            assert "cookie" not in echo(client, (1, url), cookies=None)["headers"]

    @pytest.mark.parametrize(("cookies", "expected"), [(True, 1), (False, 0), (None, 0)])
    def test_of_the_server_are_kept_in_a_jar_on_request(self, client, cookies, expected):
        with RawServer(answer(b"{}", "set-cookie: a=1; Path=/")) as raw:
            list(client.http("get", [(i, raw.url) for i in range(2)], concurrency=1, cookies=cookies))
        assert sum(b"cookie: a=1" in head for head in raw.heads) == expected

    @pytest.mark.parametrize(
        ("options", "expected"), [({}, 2), ({"cookies": None}, 2), ({"cookies": False}, 0)]
    )
    def test_of_a_redirect_go_along_its_own_chain(self, client, options, expected):
        redirect = b"HTTP/1.1 302 Found\r\nlocation: /next\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n"

        def serve(_, head, __):
            return redirect if head.startswith(b"GET / ") else answer(b"{}")

        with RawServer(serve) as raw:
            # The plain one in between is of no redirect.
            urls = [raw.url, raw.url + "/plain", raw.url]
            list(client.http("get", enumerate(urls), concurrency=1, **options))
        sent = [head.split()[1] for head in raw.heads if b"cookie: a=1" in head]
        assert sent == [b"/next"] * expected


class TestBodies:
    def test_of_a_request_replace_the_calls_and_these_the_clients(self, url):
        with Patata(verbose=False, form={"client": 1}) as client:
            requests = [Request(1, url), Request(2, url, content=b"own"), Request(3, url, [1])]
            bodies = {r.id_: r.data["body"] for r in client.http("post", requests)}
            assert bodies == {1: "client=1", 2: "own", 3: "[1]"}
            assert echo(client, (1, url), json={"call": 1})["body"] == '{"call":1}'
            assert echo(client, (1, url), form=None)["body"] == ""

    def test_json_is_another_name_for_data(self, client, url):
        sent = echo(client, Request(1, url, json={"a": [1, None]}))
        assert (sent["body"], sent["headers"]["content-type"]) == ('{"a":[1,null]}', "application/json")

    def test_a_form_is_urlencoded(self, client, url):
        sent = echo(client, Request(1, url, form={"a b": ["1", "ü"], "c": None, "d": 2}))
        assert sent["body"] == "a+b=1&a+b=%C3%BC&d=2"
        assert sent["headers"]["content-type"] == "application/x-www-form-urlencoded"


class TestRequest:
    def test_has_a_method_of_its_own(self, client, url):
        requests = [Request(1, url), Request(2, url, method="put"), Request(3, url, method="M-SEARCH")]
        methods = {r.id_: r.data["method"] for r in client.http("get", requests)}
        assert methods == {1: "GET", 2: "PUT", 3: "M-SEARCH"}

    def test_has_a_time_out_of_its_own(self, client, server):
        requests = [
            Request(1, server.url + "/delay/60000", timeout=0.1),
            Request(2, server.url + "/delay/150", timeout=50),
        ]
        responses = {r.id_: r for r in client.http("get", requests, timeout=60)}
        assert isinstance(responses[1].error, TimeoutError)
        assert responses[2].status_code == 200

    def test_fields_can_be_read_changed_compared_and_pickled(self, client, url):
        request = Request(1, url, method="POST", headers={"a": "b"}, form={"c": "d"})
        assert (request.method, request.headers, request.params) == ("POST", {"a": "b"}, None)
        assert pickle.loads(pickle.dumps(request)) == request
        request.form = {"changed": 1}
        assert request != Request(1, url, method="POST", headers={"a": "b"}, form={"c": "d"})
        assert echo(client, request)["body"] == "changed=1"
        assert request.dict() == {
            "id_": 1,
            "url": url,
            "data": None,
            "method": "POST",
            "headers": {"a": "b"},
            "form": {"changed": 1},
        }

    def test_shows_no_credentials(self):
        request = Request(1, "http://user:secret@host/path", headers={"x-key": "secret"})
        assert "secret" not in repr(request) + str(request)
        assert "http://host/path" in repr(request)

    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            ({"data": 1, "json": 1}, ["data and json"]),
            ({"json": 1, "form": {}}, ["json and form", "give one of them"]),
            ({"content": b"", "files": {}}, ["content and files"]),
            ({"method": "a b"}, ["method a b", "token"]),
            ({"method": 1}, ["method 1"]),
            ({"timeout": 0}, ["timeout", "above 0", "got 0"]),
            ({"timeout": "fast"}, ["timeout", "'fast'"]),
        ],
    )
    def test_says_at_once_what_cannot_be_used(self, options, parts):
        with pytest.raises(InvalidRequestError) as caught:
            Request(7, "http://host/", **options)
        assert all(part in str(caught.value) for part in ["Request(id_=7)", *parts])

    def test_an_unknown_option_is_a_type_error(self):
        with pytest.raises(TypeError, match="header"):
            Request(1, "http://host/", header={})

    @pytest.mark.parametrize(
        ("options", "part"),
        [
            ({"headers": {"a b": "c"}}, "header name 'a b'"),
            ({"headers": {"x-key": "secret\r\nx: y"}}, 'the value of header "x-key"'),
            ({"headers": {"x-key": {"secret"}}}, "headers: the value of 'x-key' must be"),
            ({"headers": {"content-length": "7"}}, "follows from the body"),
            ({"headers": "a: b"}, "headers must be a mapping"),
            ({"headers": {1: "a"}}, "headers: a name must be a str"),
            ({"params": 7}, "params must be a mapping"),
            ({"form": [("a",)]}, "form must be a mapping"),
            ({"content": 7}, "content must be bytes"),
            ({"content": {"a": 1}}, "content must be bytes"),
            ({"files": {"a": ("b",)}}, "files: 'a' must be a file"),
            ({"json": {"a": object()}}, "cannot be sent as JSON"),
        ],
    )
    def test_what_is_wrong_with_one_costs_no_other(self, client, url, options, part):
        requests = [Request(1, url), Request(2, url, **options), Request(3, url)]
        responses = {r.id_: r for r in client.http("post", requests)}
        assert [responses[i].status_code for i in (1, 2, 3)] == [200, 500, 200]
        assert isinstance(responses[2].error, InvalidRequestError)
        assert part.replace("'", '"') in str(responses[2].error).replace("'", '"')
        assert "secret" not in str(responses[2].error)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "part"),
        [
            ({"headers": {"a b": "c"}}, "headers"),
            ({"headers": 7}, "headers must be a mapping"),
            ({"params": "a=b"}, "params must be a mapping"),
            ({"auth": 7}, "auth must be (user, password)"),
            ({"auth": "a\nb"}, "auth must be"),
            ({"cookies": {"a;b": "c"}}, "cookies must be"),
            ({"cookies": 7}, "cookies must be a mapping"),
            ({"json": 1, "form": {}}, "json and form cannot be sent together"),
            ({"json": object()}, "cannot be sent as JSON"),
            ({"content": iter([b"x"])}, "sendable more than once"),
            ({"stream_to": "all.bin"}, "stream_to must be a path with {id}"),
            ({"stream_to": "dir/{id}/../../x"}, "stays in the folder"),
            ({"stream_to": "{name}"}, "{id} and {index}"),
            ({"stream_to": 7}, "stream_to must be a path"),
        ],
    )
    def test_one_that_cannot_be_used_is_named_before_the_first_request(self, server, options, part):
        with pytest.raises((ValueError, TypeError)) as of_client:
            Patata(verbose=False, **options)
        with Patata(verbose=False) as client, pytest.raises((ValueError, TypeError)) as of_call:
            next(client.http("get", [(1, server.url)], **options))
        for caught in (of_client, of_call):
            assert part in str(caught.value)
        assert server.requests == 0

    def test_an_unreadable_file_is_named_before_the_first_request(self, tmp_path):
        missing = tmp_path / "missing.bin"
        for options in ({"content": missing}, {"files": {"a": missing}}):
            with pytest.raises(ValueError, match=r"missing\.bin"):
                Patata(verbose=False, **options)

    def test_retries_and_timeout_of_a_client_hold_for_calls_that_do_not_say(self, server):
        with Patata(verbose=False, retries=3, timeout=0.1, backoff=0) as client:
            (response,) = client.http("get", [(1, server.url + "/flaky/client/2")], timeout=60)
            assert (response.status_code, response.attempts) == (200, 3)
            (response,) = client.http("get", [(1, server.url + "/delay/60000")], retries=1)
            assert (response.attempts, isinstance(response.error, TimeoutError)) == (1, True)
            (response,) = client.http("get", [(1, server.url + "/delay/200")], None, None, None)
            assert (response.attempts, response.status_code) == (1, 200)
