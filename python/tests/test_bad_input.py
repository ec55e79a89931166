"""Input that cannot be used: wrong types are raised, a request's wrong content is that request's response."""

import decimal
import itertools
import math
import re

import pytest
from patata import Patata, Request, exceptions

NO_REQUESTS = [
    (42, "42"),
    (None, "None"),
    ("http://localhost/", "'http://localhost/'"),
    (b"x", "b'x'"),
    (1.5, "1.5"),
    (object(), "<object>"),
    ({"id_": 1, "url": "http://localhost/"}, "{'id_': 1, 'url': 'http://localhost/'}"),
    ([1, "http://localhost/"], "[1, 'http://localhost/']"),
    ((), "()"),
    ((1,), "(1,)"),
    ((1, "http://localhost/", None, None), "(1, 'http://localhost/', None, None)"),
    ((1, None), "(1, None)"),
    ((1, b"http://localhost/"), "(1, b'http://localhost/')"),
    ((1, 42, {"a": 1}), "(1, 42, <dict>)"),
    ((1, 42, "data"), "(1, 42, <str>)"),
    (list(range(10)), "[0, 1, 2, 3, 4, 5, …]"),
    ("x" * 1000, f"'{'x' * 120}…'"),
]
"""With what is shown of each."""

BAD_URLS = [
    "",
    " ",
    "no scheme",
    "localhost:80/",
    "/path",
    "//host/path",
    "http://",
    "http:///path",
    "http://:80/",
    "http:",
    "ftp://localhost/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://localhost:99999/",
    "http://localhost:-1/",
    "http://localhost:a/",
    "http://local host/",
    "http://localhost/\r\nx: y",
    "http://localhost/\0",
    "http://localhost/\x7f",
    "http://localhost/?a=\x01",
    "http://[::1/",
    "http://[not-v6]/",
    "http://local<host/",
]


class Odd:
    def __repr__(self):
        return "<odd>"


def itself():
    value = [1]
    value.append(value)
    return value


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


NO_JSON = {
    "an object": (Odd(), "<odd>"),
    "an object within": ({"a": [0, Odd()]}, '["a"][1]'.replace('"', "'")),
    "nan": (math.nan, "NaN"),
    "inf": ([math.inf], "[0]"),
    "-inf": ({"a": -math.inf}, "['a']"),
    "a set": ({1}, "set"),
    "bytes": ({"b": b"x"}, "['b']"),
    "a complex": (1j, "complex"),
    "a decimal that is no number": ({"a": [decimal.Decimal("NaN")]}, "['a'][0]"),
    "a generator": ((i for i in ()), "generator"),
    "itself": (itself(), "nested"),
    "bottomless": (deep(), "nested"),
    "a surrogate": ("\ud800", "surrogate"),
    "a surrogate as key": ({"\ud800": 1}, "surrogate"),
    "a tuple as key": ({(1, 2): 3}, "(1, 2)"),
    "bytes as key": ({b"k": 3}, "b'k'"),
    "nan as key": ({math.nan: 3}, "NaN"),
    "an endless int": (10**5_000, "data"),
}


def refused(response, *shown):
    """That the response says it was not sent, and why."""
    assert response.status_code == 500
    assert type(response.error) is exceptions.InvalidRequestError
    assert response.data["exception_detail"] == str(response.error)
    assert response.error.request_sent is False
    for text in shown:
        assert text in str(response.error)


# Items that are no requests


@pytest.mark.parametrize(("item", "shown"), NO_REQUESTS, ids=[shown for _, shown in NO_REQUESTS])
def test_an_item_that_is_no_request_is_raised_after_the_responses_before_it(server, client, item, shown):
    requests = [*((i, server.url + "/delay/50") for i in range(5)), item, (6, server.url)]
    responses = client.http("get", requests)
    found = []
    with pytest.raises(ValueError, match="is not a request") as raised:
        found.extend(response.id_ for response in responses)
    assert found == [] or sorted(found) == [0, 1, 2, 3, 4]
    assert str(raised.value).startswith(f"{shown} is not a request")
    assert f"item 5 of the input, counted from 0, and of type {type(item).__name__}" in str(raised.value)
    assert isinstance(raised.value, exceptions.InvalidRequestError)
    assert server.requests == 5


@pytest.mark.parametrize("item", [item for item, _ in NO_REQUESTS[:3]], ids=repr)
@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_with_callbacks(server, item, workers):
    found = []

    def take(responses):
        for response in responses:
            found.append(response.id_)

    with Patata(workers, verbose=False) as client:
        requests = [*((i, server.url) for i in range(50)), item]
        responses = client.http("get", requests, callbacks=[lambda response: response])
        with pytest.raises(ValueError, match="is not a request"):
            take(responses)
    assert sorted(found) == list(range(50))


def test_a_single_item_that_is_no_request_is_raised(client):
    with pytest.raises(ValueError, match=r"42 is not a request"):
        next(client.http("get", [42]))


def test_an_item_that_cannot_be_shown_is_raised_all_the_same(client):
    class Shy:
        def __repr__(self):
            raise RuntimeError("no")

    with pytest.raises(ValueError, match="Shy"):
        next(client.http("get", [Shy()]))


@pytest.mark.parametrize("url", [None, 42, b"http://localhost/", ["http://localhost/"]])
def test_a_request_whose_url_is_no_str_cannot_be_made(url):
    with pytest.raises(ValueError, match="url") as raised:
        Request(id_="mine", url=url)
    assert "'mine'" in str(raised.value)
    assert repr(url) in str(raised.value)
    assert isinstance(raised.value, TypeError)


@pytest.mark.parametrize("arguments", [(), (1,), (1, "http://a/", None, None)])
def test_a_request_needs_its_fields(arguments):
    with pytest.raises(TypeError):
        Request(*arguments)


def test_a_url_that_is_assigned_later_is_checked_too(server, client):
    request = Request(1, server.url)
    request.url = None
    with pytest.raises(ValueError, match="is not a request"):
        next(client.http("get", [request]))


@pytest.mark.parametrize("requests", [42, Request(1, "http://localhost/"), Odd()], ids=repr)
def test_an_input_that_is_no_iterable_is_raised(client, requests):
    with pytest.raises(TypeError, match=r"not iterable|object is not"):
        next(client.http("get", requests))


# URLs


@pytest.mark.parametrize("url", BAD_URLS, ids=repr)
def test_a_bad_url_is_its_own_response_before_any_io(server, client, url):
    (response,) = client.http("get", [("bad", url)])
    assert response.id_ == "bad"
    refused(response, "URL")
    # Control characters are shown as escapes, so what stands before the first one is looked for.
    assert re.match(r"[^\x00-\x1f\x7f]*", url)[0] in str(response.error)
    assert not any(character in str(response.error) for character in "\r\n\0")
    assert server.connections == 0


def test_a_url_with_a_lone_surrogate_is_its_own_response(client):
    (response,) = client.http("get", [(1, "http://localhost/\ud800")])
    refused(response, "URL", "\\ud800")


@pytest.mark.parametrize(
    ("given", "target"),
    [
        (" {} ", "/"),
        ("{}/a\n", "/a"),
        ("\r\n\t{}/a\t", "/a"),
        ("{}/a b/c?d=e f#g h", "/a%20b/c?d=e%20f"),
        ("{}/?a=b ", "/?a=b"),
    ],
)
def test_spaces_around_a_url_are_left_out_and_those_within_are_encoded(server, client, given, target):
    url = given.format(server.url)
    for response in client.http("get", [(1, url), Request(2, url)]):
        assert response.error is None
        assert response.url == server.url + target
    (response,) = client.http("get", [Request(3, url.split("#")[0], params={"x": 1})])
    assert response.url == f"{server.url}{target}{'&' if '?' in target else '?'}x=1"


def test_bad_urls_cost_no_other_request(server, client):
    good = [(i, server.url) for i in range(len(BAD_URLS))]
    bad = [(url, url) for url in BAD_URLS]
    mixed = list(itertools.chain.from_iterable(zip(good, bad, strict=True)))
    responses = {response.id_: response for response in client.http("get", mixed)}
    assert len(responses) == 2 * len(BAD_URLS)
    for id_, response in responses.items():
        if isinstance(id_, int):
            assert response.status_code == 200
        else:
            refused(response, "URL")
    assert server.requests == len(BAD_URLS)


def test_a_password_is_not_shown(client):
    (response,) = client.http("get", [(1, "http://me:secret@localhost:99999/")])
    refused(response)
    assert "secret" not in str(response.data)


def test_a_bad_url_is_not_tried_again(client):
    (response,) = client.http("get", [(1, "http://")], retries=5, backoff=10)
    refused(response)


# Data


@pytest.mark.parametrize("kind", NO_JSON)
def test_data_that_is_no_json_is_its_own_response_before_any_io(server, client, kind):
    data, shown = NO_JSON[kind]
    responses = client.http("post", [("bad", server.url, data)])
    (response,) = responses
    assert response.id_ == "bad"
    refused(response, "data", shown)
    assert server.connections == 0


def test_bad_data_costs_no_other_request(server, client):
    requests = [(i, server.url + "/echo-body", {"i": i}) for i in range(100)]
    requests[50:50] = [(kind, server.url, data) for kind, (data, _) in NO_JSON.items()]
    responses = {response.id_: response for response in client.http("post", requests)}
    for kind in NO_JSON:
        refused(responses.pop(kind), "data")
    assert {id_: response.data for id_, response in responses.items()} == {i: {"i": i} for i in range(100)}
    assert server.requests == 100


def test_data_whose_repr_fails_is_its_own_response(server, client):
    class Shy:
        def __repr__(self):
            raise RuntimeError("no")

    requests = [(1, server.url, Shy()), (2, server.url)]
    responses = {response.id_: response for response in client.http("post", requests)}
    refused(responses[1])
    assert responses[2].status_code == 200


# Options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("retries", value) for value in (0, -1, 1.5, "3", True, [])),
        *(("timeout", value) for value in (0, -1, "1", math.nan, True, [])),
        *(("concurrency", value) for value in (0, -1, 1.5, "3", None)),
        *(("backoff", value) for value in (-1, math.nan, math.inf, "1", None)),
        *(("max_backoff", value) for value in (-0.1, "1")),
        *(("connect_timeout", value) for value in (0, -1, "1")),
        *(("follow_redirects", value) for value in (1, "yes", None)),
        *(("max_redirects", value) for value in (-1, 1.5, "3", 2**32)),
        *(("max_response_size", value) for value in (0, -1, "3")),
    ],
)
def test_a_bad_option_is_named_with_its_value(server, client, name, value):
    taken = []
    items = (taken.append(1) or item for item in [(1, server.url)])
    with pytest.raises(ValueError, match=name) as raised:
        client.http("get", items, **{name: value})
    assert repr(value) in str(raised.value)
    assert taken == []


@pytest.mark.parametrize("name", ["concurrency", "backoff", "connect_timeout", "max_response_size"])
def test_a_bad_option_of_the_client_is_named(name):
    with pytest.raises(ValueError, match=name):
        Patata(**{name: "many"})


def answered_or_named(client, url, **option):
    """Whether the option is taken, or refused by name."""
    ((name, _),) = option.items()
    try:
        return [response.status_code for response in client.http("get", [(1, url)], **option)] == [200]
    except ValueError as error:
        return name in str(error)


@pytest.mark.parametrize("name", ["retries", "timeout", "concurrency", "max_response_size", "backoff"])
@pytest.mark.parametrize("value", [2**31, 2**64, 10**400], ids=["2**31", "2**64", "10**400"])
def test_a_huge_number_is_either_taken_or_named(server, client, name, value):
    assert answered_or_named(client, server.url, **{name: value})


@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
@pytest.mark.parametrize("value", [None, math.inf, 1e300, 10])
def test_no_time_limit_is_allowed(server, client, name, value):
    (response,) = client.http("get", [(1, server.url)], **{name: value})
    assert response.status_code == 200


def test_an_unknown_option_is_named(client):
    with pytest.raises(TypeError, match="potatoes"):
        next(client.http("get", [], potatoes=1))
    with pytest.raises(TypeError, match="potatoes"):
        Patata(potatoes=1)


@pytest.mark.parametrize("callbacks", [[42], [None], [print, "x"], "ab"])
def test_a_callback_that_cannot_be_called_is_raised(server, client, callbacks):
    with pytest.raises(TypeError, match="callback"):
        next(client.http("get", [(1, server.url)], callbacks=callbacks))
    assert server.connections == 0


@pytest.mark.parametrize("callbacks", [42, print])
def test_callbacks_that_are_no_iterable_are_raised(client, callbacks):
    with pytest.raises(TypeError):
        next(client.http("get", [], callbacks=callbacks))


@pytest.mark.parametrize("callbacks", [None, (), [], iter(())])
def test_no_callbacks_are_allowed(server, client, callbacks):
    assert len(list(client.http("get", [(1, server.url)], callbacks=callbacks))) == 1


# Inputs that raise


class MineError(Exception):
    """Raised by inputs."""


@pytest.mark.parametrize("after", [0, 1, 100, 3_000])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("error", [MineError("mine"), OSError(5, "disk"), ZeroDivisionError()], ids=repr)
def test_what_the_input_raises_comes_after_the_responses_before_it(server, workers, after, error):
    found = []

    def items():
        for i in range(after):
            yield i, server.url
        raise error

    def take(responses):
        for response in responses:
            found.append(response.id_)

    with Patata(workers, verbose=False) as client:
        with pytest.raises(type(error)) as raised:
            take(client.http("get", items()))
        assert raised.value is error
        assert sorted(found) == list(range(after))
        assert len(list(client.http("get", [(i, server.url) for i in range(10)]))) == 10


def test_the_traceback_leads_into_the_input(server, client):
    def items():
        yield 1, server.url
        raise MineError

    responses = client.http("get", items())
    next(responses)
    with pytest.raises(MineError) as raised:
        next(responses)
    assert "items" in [entry.name for entry in raised.traceback]


def test_an_exit_of_the_input_is_not_kept_for_later(server, client):
    def items():
        yield 1, server.url + "/delay/60000"
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        next(client.http("get", items()))


def test_a_stop_iteration_within_the_input_does_not_end_it_silently(server, client):
    def items():
        yield 1, server.url
        next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(client.http("get", items()))


def test_an_input_that_uses_the_run_itself_does_no_harm(server, client):
    runs = []

    def items():
        yield 1, server.url
        yield next(runs[0])

    runs.append(client.http("get", items()))
    with pytest.raises(ValueError, match="already executing"):
        list(runs[0])
    assert len(list(client.http("get", [(1, server.url)]))) == 1
