"""The Python surface: what a user of the older package finds, and what each parameter means."""

import itertools
import json
import logging
import math
import os
import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator

import patata
import pytest
from patata import Patata, Request, Response, exceptions, models
from patata.testing import Server
from support import RawServer, answer

HELLO = {"message": "Hello world!"}


def gets(server, count):
    return [(i, server.url + "/") for i in range(count)]


def parsed(body, *headers, status="200 OK"):
    """The one response to a GET that is answered with these bytes."""
    with RawServer(answer(body, *headers, status=status)) as server, Patata(1, verbose=False) as client:
        (response,) = client.http("get", [(1, server.url)])
    return response


# Names


@pytest.mark.parametrize(
    "name",
    ["Patata", "Request", "Response", "ClientAlreadyInUseError", "InternalPatataError", "InvalidMethodError"],
)
def test_the_names_of_the_older_package_are_there(name):
    assert name in patata.__all__
    assert hasattr(patata, name)


def test_the_models_and_exceptions_are_where_they_were():
    assert models.Request is Request
    assert models.Response is Response
    assert exceptions.InvalidMethodError is patata.InvalidMethodError
    assert issubclass(exceptions.InvalidVerboseLevelError, exceptions.PatataError)
    assert issubclass(exceptions.InvalidMethodError, exceptions.PatataError)
    assert issubclass(exceptions.PatataError, Exception)


def test_all_exceptions_have_one_base():
    classes = [value for value in vars(exceptions).values() if isinstance(value, type)]
    assert len(classes) > 10
    assert all(issubclass(value, exceptions.PatataError) for value in classes)


# Parameters of the client


def test_the_defaults_are_those_of_the_older_package():
    client = Patata()
    assert client.num_workers == client.workers == len(os.sched_getaffinity(0))
    assert client.queue_max_size == 100_000
    assert client.input_chunk_size == 10_000
    assert client.pool_submit_size == 1_000
    assert client.verbose_level == 1


def test_the_parameters_stand_in_the_order_of_the_older_package():
    client = Patata(3, 50, 40, 30, 2, True)
    sizes = client.num_workers, client.queue_max_size, client.input_chunk_size, client.pool_submit_size
    assert sizes == (3, 50, 40, 30)
    assert client.verbose_level == 2


@pytest.mark.parametrize("nothing", [0, None])
def test_zero_and_none_mean_the_default(nothing):
    client = Patata(nothing, nothing, nothing, nothing)
    default = Patata()
    for name in ("num_workers", "queue_max_size", "input_chunk_size", "pool_submit_size"):
        assert getattr(client, name) == getattr(default, name)


@pytest.mark.parametrize(
    "name", ["num_workers", "workers", "queue_max_size", "input_chunk_size", "pool_submit_size"]
)
@pytest.mark.parametrize("value", [-1, 1.5, "8", True, [], math.nan, 10**30])
def test_a_size_that_is_no_positive_integer_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        Patata(**{name: value})


def test_workers_is_another_name_for_num_workers():
    assert Patata(workers=3).num_workers == 3
    assert Patata(num_workers=3).workers == 3
    with pytest.raises(ValueError, match="workers"):
        Patata(num_workers=3, workers=4)


@pytest.mark.parametrize("level", [-1, 3, "1", None, 1.0])
def test_another_verbose_level_is_an_error(level):
    with pytest.raises(exceptions.InvalidVerboseLevelError, match="verbose_level"):
        Patata(verbose_level=level)


def test_not_verbose_is_level_zero():
    assert Patata(verbose=False).verbose_level == 0
    assert Patata(verbose=False, verbose_level=2).verbose_level == 0
    assert Patata(verbose=True).verbose_level == 1


def test_the_default_number_of_workers_honours_the_affinity():
    source = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    source += "import patata; print(patata.Patata().num_workers)"
    assert subprocess.check_output([sys.executable, "-c", source], timeout=60) == b"1\n"


# Methods


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_a_method_is_sent_in_capitals(server, client, method, case):
    (response,) = client.http(case(method), [(1, server.url + "/echo")])
    assert response.status_code == 200
    assert response.data["method"] == method


@pytest.mark.parametrize("method", ["head", "HEAD"])
def test_head_has_no_body(server, client, method):
    (response,) = client.http(method, [(1, server.url + "/")])
    assert (response.status_code, response.data, response.error) == (200, {}, None)


@pytest.mark.parametrize("method", ["x", "M-SEARCH", "A!#$%&'*+-.^_`|~9"])
def test_any_token_is_a_method(server, client, method):
    (response,) = client.http(method, [(1, server.url + "/echo")])
    assert response.data["method"] == method.upper()


@pytest.mark.parametrize(
    "method", ["", " ", "GET ", "GE T", "GET\r\nX: y", "G\0T", "GÉT", "a/b", "a:b", "(x)", None, 1, b"GET"]
)
def test_a_bad_method_is_an_error_at_the_first_next(server, client, method):
    taken = []
    responses = client.http(method, (taken.append(1) or item for item in gets(server, 1)))
    with pytest.raises(patata.InvalidMethodError, match="method"):
        next(responses)
    assert taken == []
    assert server.connections == 0


# The generator


def test_nothing_happens_before_the_first_next(server, client):
    taken = []
    responses = client.http("get", (taken.append(1) or item for item in gets(server, 5)))
    assert isinstance(responses, Generator)
    time.sleep(0.1)
    assert taken == []
    assert (server.requests, server.connections) == (0, 0)
    next(responses)
    assert taken
    assert server.requests > 0
    responses.close()
    with pytest.raises(StopIteration):
        next(responses)


def test_a_generator_that_is_never_begun_costs_nothing(server, client):
    client.http("get", gets(server, 5)).close()
    with pytest.warns(RuntimeWarning, match="never iterated over"):
        client.http("get", gets(server, 5))
    assert server.connections == 0


def test_no_requests_give_no_responses(client):
    assert list(client.http("get", [])) == []
    assert list(client.http("get", iter(()), callbacks=[lambda response: response])) == []


def test_closing_cancels_what_is_left(server, client):
    responses = client.http("get", gets(server, 10_000), concurrency=5)
    next(responses)
    responses.close()
    there = server.requests
    assert there < 10_000
    time.sleep(0.2)
    assert server.requests - there <= 5


def test_a_response_is_yielded_as_soon_as_it_is_there(server, client):
    urls = [f"{server.url}/delay/{milliseconds}" for milliseconds in (900, 10, 450)]
    assert [response.id_ for response in client.http("get", list(enumerate(urls)))] == [1, 2, 0]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_each_request_is_answered_exactly_once(server, workers):
    with Patata(workers, verbose=False) as client:
        ids = [response.id_ for response in client.http("get", gets(server, 3_000))]
        assert sorted(ids) == list(range(3_000))
    assert server.requests == 3_000


# Items


def as_map(items):
    return map(lambda item: item, items)  # noqa: C417 - the kind of iterable is the point


class OnlyGetItem:
    """An iterable of the old kind."""

    def __init__(self, items):
        self.items = list(items)

    def __getitem__(self, index):
        return self.items[index]


@pytest.mark.parametrize("kind", [list, tuple, iter, deque, as_map, OnlyGetItem, set, dict.fromkeys])
def test_any_iterable_is_an_input(server, client, kind):
    ids = [response.id_ for response in client.http("get", kind(gets(server, 20)))]
    assert sorted(ids) == list(range(20))


def test_tuples_and_requests_may_be_mixed(server, client):
    echo = server.url + "/echo-body"
    items = [(1, echo), Request(2, echo), (3, echo, {"a": 3}), Request(4, echo, {"a": 4}), (5, echo, None)]
    data = {response.id_: response.data for response in client.http("post", items)}
    assert data == {1: {}, 2: {}, 3: {"a": 3}, 4: {"a": 4}, 5: {}}


def test_subclasses_of_requests_and_tuples_are_taken(server, client):
    class Job(Request):
        pass

    class Pair(tuple):
        __slots__ = ()

    items = [Job(1, server.url), Pair((2, server.url)), (3, server.url)]
    assert sorted(response.id_ for response in client.http("get", items)) == [1, 2, 3]


def test_an_endless_input_is_taken_as_responses_are(server, client):
    taken = itertools.count()
    endless = ((next(taken), server.url) for _ in itertools.repeat(None))
    responses = client.http("get", endless)
    assert len(list(itertools.islice(responses, 500))) == 500
    responses.close()


def test_the_input_is_taken_on_the_callers_thread(server, client):
    threads = set()

    def items():
        for item in gets(server, 100):
            threads.add(threading.get_ident())
            yield item

    assert len(list(client.http("get", items()))) == 100
    assert threads == {threading.get_ident()}


def odd_ids():
    return [
        None,
        0,
        "text",
        b"bytes",
        ("a", 1),
        [1, 2],
        {"key": []},
        {1, 2},
        object(),
        math.nan,
        lambda: 1,
        threading.Lock(),
        (i for i in range(3)),
        Request(1, "http://localhost/"),
        ValueError("no failure"),
        Patata,
        10**100,
    ]


def test_any_object_is_an_id_and_comes_back_itself(server, client):
    ids = odd_ids()
    found = [response.id_ for response in client.http("get", [(id_, server.url) for id_ in ids])]
    assert len(found) == len(ids)
    assert all(any(id_ is other for other in found) for id_ in ids)


def test_a_failed_request_has_its_id_too(client):
    ids = odd_ids()
    found = [response.id_ for response in client.http("get", [Request(id_, "no URL") for id_ in ids])]
    assert len(found) == len(ids)
    assert all(any(id_ is other for other in found) for id_ in ids)


def test_equal_ids_are_allowed(server, client):
    assert [r.id_ for r in client.http("get", [("same", server.url)] * 50)] == ["same"] * 50


def test_the_run_lets_go_of_ids(server, client):
    id_ = object()
    before = sys.getrefcount(id_)
    for response in client.http("get", [(id_, server.url)] * 3):
        del response
    responses = client.http("get", [(1, server.url), *[(id_, server.url + "/delay/5000")] * 150])
    next(responses)
    responses.close()
    # The receipt names what was left, until another call ends and nobody has the generator any more.
    assert client.receipt.unknown + client.receipt.unsent == sys.getrefcount(id_) - before
    list(client.http("get", []))
    assert responses.receipt.unknown + responses.receipt.unsent == sys.getrefcount(id_) - before
    del responses
    assert sys.getrefcount(id_) == before


# What is sent

SENT = [
    {},
    [],
    0,
    "",
    False,
    True,
    12.5,
    1e300,
    -0.0,
    2**63,
    -(10**40),
    'ñandú 🥔 \x00 \n " \\ \u2028',
    {"a": {"b": [1, [2, {"c": None}]]}, "ü": "ß"},
    [None, True, (1, 2), ()],
    {"many": list(range(10_000))},
]


@pytest.mark.parametrize("data", SENT, ids=lambda data: repr(data)[:20])
def test_data_is_sent_as_json(server, client, data):
    (response,) = client.http("post", [(1, server.url + "/echo", data)])
    assert response.data["headers"]["content-type"] == "application/json"
    assert json.loads(response.data["body"]) == json.loads(json.dumps(data))
    assert response.data["headers"]["content-length"] == str(response.data["length"])


def test_keys_become_texts_as_in_the_standard_library(server, client):
    data = {1: "int", None: "none", False: "bool", 1.5: "float", "s": "str"}
    (response,) = client.http("post", [(1, server.url + "/echo", data)])
    assert response.data["body"] == json.dumps(data, separators=(",", ":"))


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "QUERY"]
)
def test_data_is_sent_with_every_method(client, method):
    with RawServer(answer()) as server:
        (response,) = client.http(method, [(1, server.url, {"a": [1]})])
        assert (response.status_code, response.error) == (200, None)
        assert server.heads[0].startswith(method.encode() + b" / HTTP/1.1\r\n")
        assert b"content-type: application/json" in server.heads[0].lower()
        assert server.bodies == [b'{"a":[1]}']


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_none_sends_no_body_and_no_type(server, client, method):
    for item in (
        (1, server.url + "/echo"),
        (1, server.url + "/echo", None),
        Request(1, server.url + "/echo"),
    ):
        (response,) = client.http(method, [item])
        assert response.data["length"] == 0
        assert "content-type" not in response.data["headers"]


@pytest.mark.parametrize("data", [None, {"a": 1}])
def test_each_request_says_who_sends_it_and_what_is_accepted(server, client, data):
    (response,) = client.http("post", [(1, server.url + "/echo", data)])
    headers = response.data["headers"]
    assert headers["accept"] == "application/json"
    assert headers["user-agent"] == f"patata/{patata.__version__}"
    assert headers["host"] == server.url.removeprefix("http://")


def test_path_and_query_are_sent_as_they_are(server, client):
    (response,) = client.http("get", [(1, server.url + "/echo?a=1&b=%20x&c=%C3%B1#fragment")])
    assert response.data["path"] == "/echo"
    assert response.data["query"] == "a=1&b=%20x&c=%C3%B1"


def test_a_user_in_the_url_is_basic_authentication(server, client):
    (response,) = client.http("get", [(1, server.url.replace("//", "//me:pa%20ss@") + "/echo")])
    assert response.data["headers"]["authorization"] == "Basic bWU6cGEgc3M="


# The response


def test_the_fields_can_be_assigned(server, client):
    (response,) = client.http("get", gets(server, 1))
    response.id_, response.status_code, response.data = "other", "odd", ["new"]
    assert (response.id_, response.status_code, response.data) == ("other", "odd", ["new"])
    assert repr(response) == "Response(id_='other', status_code='odd', data=['new'])"


def test_data_is_one_object_however_often_it_is_asked_for(server, client):
    (response,) = client.http("get", gets(server, 1))
    response.data["more"] = 1
    assert response.data == HELLO | {"more": 1}
    assert response.data is response.data


def test_a_response_shows_its_three_fields(server, client):
    (response,) = client.http("get", [("x", server.url + "/")])
    assert repr(response) == "Response(id_='x', status_code=200, data={'message': 'Hello world!'})"
    assert str(response) == "id_='x' status_code=200 data={'message': 'Hello world!'}"
    assert response.dict() == {"id_": "x", "status_code": 200, "data": HELLO}


def test_a_request_shows_its_three_fields():
    request = Request(id_=1, url="http://a/", data={"b": 2})
    assert repr(request) == "Request(id_=1, url='http://a/', data={'b': 2})"
    assert str(request) == "id_=1 url='http://a/' data={'b': 2}"
    assert request.dict() == {"id_": 1, "url": "http://a/", "data": {"b": 2}}
    assert request == Request(1, "http://a/", {"b": 2})
    assert request != Request(1, "http://a/")
    assert pickle.loads(pickle.dumps(request)) == request
    request.id_, request.url, request.data = 2, "http://c/", None
    assert request == Request(2, "http://c/")


def test_a_response_that_came_equals_one_that_was_made(server, client):
    (response,) = client.http("get", gets(server, 1))
    assert response == Response(id_=0, status_code=200, data=HELLO)
    assert (response != Response(0, 200, HELLO)) is False
    for other in (Response(1, 200, HELLO), Response(0, 201, HELLO), Response(0, 200, {}), (0, HELLO), None):
        assert response != other
        assert (response == other) is False


def test_requests_and_responses_are_unhashable():
    for value in (Request(1, "http://a/"), Response(1, 200, None)):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


def test_a_response_unpacks_as_id_and_data(server, client):
    (response,) = client.http("get", gets(server, 1))
    id_, data = response
    assert (id_, data) == (0, HELLO)


def test_a_response_matches_by_position(server, client):
    (response,) = client.http("get", gets(server, 1))
    match response:
        case Response(id_, 200, {"message": message}):
            assert (id_, message) == (0, "Hello world!")
        case _:
            pytest.fail("it does not match")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("looked_at", [False, True])
def test_a_response_can_be_pickled(server, client, protocol, looked_at):
    (response,) = client.http("get", [(["id"], server.url + "/")])
    if looked_at:
        assert response.data
    copy = pickle.loads(pickle.dumps(response, protocol))
    assert copy == response == Response(["id"], 200, HELLO)
    assert copy.error is None


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_failed_response_can_be_pickled(client, looked_at):
    (response,) = client.http("get", [(1, "no URL")])
    if looked_at:
        assert response.error is not None
    copy = pickle.loads(pickle.dumps(response))
    assert copy == response
    assert type(copy.error) is type(response.error) is exceptions.InvalidRequestError
    assert str(copy.error) == str(response.error)


def test_a_response_made_by_hand_can_be_pickled():
    response = Response(1, None, ValueError("odd"))
    response.error = KeyError("also")
    copy = pickle.loads(pickle.dumps(response))
    assert (copy.id_, copy.status_code, repr(copy.data)) == (1, None, "ValueError('odd')")
    assert repr(copy.error) == "KeyError('also')"


# What data is made of


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<html>", b"{", b'{"a":1} x', b"\xff\xff", b"undefined", b"{'a': 1}"]
)
@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "500 Internal Server Error"])
def test_a_body_that_is_no_json_is_an_empty_dict_and_keeps_its_status(body, status):
    response = parsed(body, "content-type: application/json", status=status)
    assert response.data == {}
    assert response.status_code == int(status[:3])
    assert response.error is None


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/html", "application/problem+json; charset=utf-8", "nonsense", ""],
)
def test_json_is_json_whatever_it_is_called(content_type):
    assert parsed(b'{"a": [1, null]}', f"content-type: {content_type}").data == {"a": [1, None]}
    assert parsed(b'{"a": [1, null]}').data == {"a": [1, None]}


@pytest.mark.parametrize("status", [201, 203, 400, 401, 403, 404, 418, 422, 429, 500, 502, 503, 599, 799])
def test_a_status_is_kept_with_its_data(server, client, status):
    (response,) = client.http("get", [(1, f"{server.url}/status/{status}")])
    assert (response.status_code, response.data, response.error) == (status, {"status": status}, None)
    (response,) = client.http("get", [(1, f"{server.url}/status/{status}?body=gone")])
    assert (response.status_code, response.data, response.error) == (status, {}, None)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_content_has_an_empty_dict(server, client, status):
    (response,) = client.http("get", [(1, f"{server.url}/status/{status}")])
    assert (response.status_code, response.data, response.error) == (status, {}, None)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b"0", 0),
        (b'""', ""),
        (b"[]", []),
        (b"false", False),
        (b" \r\n\t[1] \n", [1]),
        (b"1e3", 1000.0),
        (b"-0", 0),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'"\\ud83e\\udd54 \\u00f1"', "🥔 ñ"),
        ('"🥔"'.encode(), "🥔"),
        (b'\xef\xbb\xbf{"bom": 1}', {"bom": 1}),
        ('{"ü": "🥔"}'.encode("utf-16"), {"ü": "🥔"}),
        ('{"ü": "🥔"}'.encode("utf-16-le"), {"ü": "🥔"}),
        ('{"ü": "🥔"}'.encode("utf-16-be"), {"ü": "🥔"}),
        ('{"ü": "🥔"}'.encode("utf-32"), {"ü": "🥔"}),
        (b"Infinity", math.inf),
        (b"[-Infinity]", [-math.inf]),
    ],
)
def test_a_body_is_read_as_the_standard_library_reads_it(body, value):
    found = parsed(body).data
    assert found == value == json.loads(body)
    assert type(found) is type(value)


def test_nan_is_read():
    assert math.isnan(parsed(b"NaN").data)
    assert math.isnan(parsed(b'{"a": [NaN]}').data["a"][0])


def test_a_lone_surrogate_is_read_as_the_standard_library_reads_it():
    assert parsed(rb'"a\ud83e"').data == json.loads(rb'"a\ud83e"')


def nesting(value):
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    return depth + 1


def test_deep_json_is_read_and_bottomless_json_does_no_harm():
    assert nesting(parsed(b"[" * 150 + b"]" * 150).data) == 150
    assert nesting(parsed(b"[" * 500 + b"]" * 500).data) == 500
    assert parsed(b"[" * 1_000_000 + b"]" * 1_000_000).data == {}
    assert parsed(b'{"a":' * 200_000 + b"1" + b"}" * 200_000).data == {}


def test_a_number_too_long_for_an_int_is_no_json():
    assert parsed(b"[" + b"9" * 100_000 + b"]").data == {}


# The queue


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("callbacks", [[], [lambda response: response]], ids=["plain", "callbacks"])
def test_no_more_requests_are_taken_than_the_queue_holds(server, workers, size, callbacks):
    taken = returned = most = 0

    def items():
        nonlocal taken, most
        for item in gets(server, 600):
            taken += 1
            most = max(most, taken - returned)
            yield item

    with Patata(workers, queue_max_size=size, verbose=False) as client:
        for _ in client.http("get", items(), callbacks=callbacks):
            returned += 1
    assert returned == taken == 600
    assert 1 <= most <= size


def test_a_queue_is_used_to_its_size(server):
    taken = 0

    def items():
        nonlocal taken
        for taken in range(1, 100_000):
            yield taken, server.url + "/delay/300"

    with Patata(1, queue_max_size=50, verbose=False) as client:
        responses = client.http("get", items())
        next(responses)
        assert taken == 50
        responses.close()


def test_a_consumer_that_rests_stops_the_input(server):
    taken = 0

    def items():
        nonlocal taken
        for i in itertools.count():
            taken += 1
            yield i, server.url

    with Patata(2, queue_max_size=100, verbose=False) as client:
        responses = client.http("get", items())
        next(responses)
        time.sleep(0.2)
        assert taken <= 101
        assert server.requests <= 101
        responses.close()


@pytest.mark.parametrize(("chunk", "submit"), [(1, 1), (3, 2), (10_000, 1), (1, 10_000)])
def test_small_chunks_lose_nothing(server, chunk, submit):
    with Patata(2, input_chunk_size=chunk, pool_submit_size=submit, verbose=False) as client:
        assert sorted(r.id_ for r in client.http("get", gets(server, 500))) == list(range(500))


# Several calls of one client


def test_one_client_makes_one_call_after_another(server):
    with Patata(2, verbose=False) as client:
        for count in (10, 0, 100, 1):
            assert sorted(r.id_ for r in client.http("get", gets(server, count))) == list(range(count))


def test_calls_may_be_nested_and_each_has_its_own_responses(server, client):
    found = []
    for outer in client.http("get", [(i, server.url) for i in range(5)]):
        inner = client.http("get", [((outer.id_, i), server.url) for i in range(5)])
        found += [response.id_ for response in inner]
    assert sorted(found) == [(i, j) for i in range(5) for j in range(5)]


def test_calls_may_be_interleaved(server, client):
    runs = [client.http("get", [((name, i), server.url) for i in range(50)]) for name in "abc"]
    for rows in zip(*runs, strict=True):
        assert [response.id_[0] for response in rows] == ["a", "b", "c"]


@pytest.mark.parametrize("callbacks", [[], [lambda response: response]], ids=["plain", "callbacks"])
def test_four_threads_may_use_one_client(server, callbacks):
    found = {}

    def use(name):
        requests = [((name, i), server.url) for i in range(500)]
        found[name] = [response.id_ for response in client.http("get", requests, callbacks=callbacks)]

    with Patata(2, verbose=False) as client:
        threads = [threading.Thread(target=use, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert {name: sorted(ids) for name, ids in found.items()} == {
        name: [(name, i) for i in range(500)] for name in range(4)
    }


def test_threads_may_share_one_run(server, client):
    """Python's generators refuse to be entered twice; between these, no response is lost."""
    responses = client.http("get", gets(server, 500))
    lock, found = threading.Lock(), []

    def use():
        while True:
            with lock:
                response = next(responses, None)
            if response is None:
                return
            found.append(response.id_)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == list(range(500))


# Closing


def ends_loudly(responses, left):
    """Whether all that was left came, or else it was said that the client is closed."""
    try:
        return len(list(responses)) == left
    except patata.ClientClosedError:
        return True


def test_closing_the_client_ends_its_open_generators(server):
    client = Patata(2, verbose=False)
    responses = client.http("get", [(i, server.url + "/delay/20") for i in range(10_000)])
    next(responses)
    client.close()
    with pytest.raises(patata.ClientClosedError, match="closed"):
        deque(responses, maxlen=0)


def test_leaving_the_block_ends_open_generators(server):
    with Patata(2, verbose=False) as client:
        runs = [client.http("get", gets(server, 10_000)) for _ in range(3)]
        for responses in runs:
            next(responses)
    for responses in runs:
        with pytest.raises(patata.ClientClosedError):
            deque(responses, maxlen=0)


def test_a_close_between_two_responses_is_never_a_silent_end(server):
    """Also when nothing is in flight and the input has more."""
    with Patata(1, queue_max_size=1, verbose=False) as client:
        responses = client.http("get", gets(server, 10))
        next(responses)
    with pytest.raises(patata.ClientClosedError):
        deque(responses, maxlen=0)


def test_a_close_with_answers_waiting_is_never_a_silent_end(server):
    with Patata(1, verbose=False) as client:
        responses = client.http("get", gets(server, 10))
        next(responses)
        while server.requests < 10:
            time.sleep(0.01)
        time.sleep(0.1)
    assert ends_loudly(responses, 9)


def test_closing_with_callbacks_ends_open_generators(server):
    with Patata(2, verbose=False) as client:
        responses = client.http(
            "get",
            [(i, server.url + "/delay/20") for i in range(10_000)],
            callbacks=[lambda response: response],
        )
        next(responses)
    with pytest.raises(patata.ClientClosedError):
        deque(responses, maxlen=0)


def test_closing_from_another_thread_ends_a_wait(server):
    client = Patata(1, verbose=False)
    timer = threading.Timer(0.3, client.close)
    timer.start()
    with pytest.raises(patata.ClientClosedError):
        next(client.http("get", [(1, server.url + "/delay/60000")]))
    timer.join()


def test_a_closed_client_says_so_until_it_is_entered_anew(server):
    with Patata(1, verbose=False) as client:
        begun_later = client.http("get", gets(server, 1))
    for responses in (begun_later, client.http("get", gets(server, 1))):
        with pytest.raises(patata.ClientClosedError, match="closed"):
            next(responses)
    assert server.connections == 0
    with client:
        assert len(list(client.http("get", gets(server, 3)))) == 3


def test_a_finished_generator_stays_finished_when_the_client_is_closed(server):
    with Patata(1, verbose=False) as client:
        responses = client.http("get", gets(server, 3))
        assert len(list(responses)) == 3
    assert list(responses) == []
    client.close()
    client.close()


def test_a_client_needs_no_block(server):
    assert len(list(Patata(1, verbose=False).http("get", gets(server, 3)))) == 3


def test_an_exception_in_the_block_is_the_one_that_is_raised(server):
    def use():
        with Patata(1, verbose=False) as client:
            for _ in client.http("get", gets(server, 1_000)):
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        use()


# The log


def logged(caplog, level, requests, **options):
    with caplog.at_level(logging.DEBUG, logger="patata"), Patata(2, verbose_level=level, **options) as client:
        list(client.http("get", requests))
    assert all(record.name == "patata" for record in caplog.records)
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_level_zero_logs_nothing(server, caplog):
    assert logged(caplog, 0, [*gets(server, 30), (1, "no URL")], input_chunk_size=10) == []


def test_level_one_logs_start_progress_and_end(server, caplog):
    lines = logged(caplog, 1, [*gets(server, 30), (1, "no URL")], input_chunk_size=10)
    assert {level for level, _ in lines} == {"INFO"}
    assert [line.split(":")[0].strip() for _, line in lines] == [
        "Start processing requests with Patata parameters",
        "method",
        "num_workers",
        "multiprocessing",
        "queue_max_size",
        "input_chunk_size",
        "pool_submit_size",
        "Total processed requests",
        "Total processed requests",
        "Total processed requests",
        "All requests processed",
        "Total requests",
        "Total time (s)",
        "Requests/s",
        "Ok",
        "Failed",
        "Cancelled",
        "Attempts",
        "Bytes",
        "Latency (s)",
    ]
    assert [line.split()[-1].rstrip(".") for _, line in lines[7:10]] == ["10", "20", "30"]
    assert lines[11][1].split() == ["Total", "requests:", "31"]
    assert lines[14:16] == [
        ("INFO", "  Ok:                 30"),
        ("INFO", "  Failed:             1 (InvalidRequestError: 1)"),
    ]


def test_level_two_logs_each_failure(server, caplog):
    requests = [*gets(server, 3), ("broken", "no URL"), ("gone", server.url + "/status/404")]
    lines = [line for level, line in logged(caplog, 2, requests) if level != "INFO"]
    assert len(lines) == 2
    assert any("'broken'" in line and "no URL" in line for line in lines)
    assert any("'gone'" in line and "404" in line for line in lines)


def test_the_log_says_how_many_there_were_with_callbacks(server, caplog):
    with caplog.at_level(logging.INFO, logger="patata"), Patata(2) as client:
        list(client.http("get", gets(server, 100), callbacks=[lambda response: response]))
    assert "  Total requests:     100" in [record.getMessage() for record in caplog.records]


# The test server, as users see it


def test_the_test_server_counts():
    with Server(threads=2) as server, Patata(2, verbose=False) as client:
        assert len(list(client.http("get", gets(server, 50)))) == 50
        assert server.requests == 50
        assert 1 <= server.connections <= 50
