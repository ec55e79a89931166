"""Scalars that are none of JSON's own, as ids, parameters and data: numpy's, dates, Enums."""

import datetime
import decimal
import enum
import uuid

import numpy
import pytest
from patata import InvalidRequestError, Patata, Request


class Size(enum.IntEnum):
    LARGE = 3


class Colour(enum.Enum):
    RED = "r"


NUMPY = {
    "int64": (numpy.int64(-7), -7, "-7"),
    "uint8": (numpy.uint8(255), 255, "255"),
    "uint64": (numpy.uint64(2**64 - 1), 2**64 - 1, str(2**64 - 1)),
    "float64": (numpy.float64(1.5), 1.5, "1.5"),
    "float32": (numpy.float32(0.1), 0.1, "0.1"),
    "float16": (numpy.float16(0.5), 0.5, "0.5"),
    "longdouble": (numpy.longdouble("0.25"), 0.25, "0.25"),
    "bool": (numpy.bool_(True), True, "true"),
    "str": (numpy.str_("pot"), "pot", "pot"),
    "datetime64": (numpy.datetime64("2024-01-02T03:04:05"), "2024-01-02T03:04:05", "2024-01-02T03:04:05"),
    "day": (numpy.datetime64("2024-01-02"), "2024-01-02", "2024-01-02"),
    "nanoseconds": (numpy.datetime64(1, "ns"), *["1970-01-01T00:00:00.000000001"] * 2),
}
"""Each with its JSON, and with its text as a parameter."""

TEXTS = {
    "date": (datetime.date(2024, 1, 2), "2024-01-02"),
    "datetime": (
        datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "2024-01-02T03:04:05+00:00",
    ),
    "time": (datetime.time(3, 4, 5), "03:04:05"),
    "UUID": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "Decimal": (decimal.Decimal("1.10"), "1.10"),
    "Enum": (Colour.RED, "r"),
    "IntEnum": (Size.LARGE, "3"),
}


def sent_params(client, server, **options):
    (response,) = client.http("get", [Request(1, server.url + "/echo", **options)])
    return response.url


@pytest.mark.parametrize("kind", NUMPY)
def test_a_scalar_of_numpy_is_sent_as_json(client, server, kind):
    value, expected, _ = NUMPY[kind]
    requests = [
        (1, server.url + "/echo-body", {"a": [value]}),
        Request(2, server.url + "/echo-body", json={"a": [value]}),
    ]
    for response in client.http("post", requests):
        assert response.json() == {"a": [expected]}
        assert type(response.json()["a"][0]) is type(expected)


def test_a_scalar_of_numpy_may_be_a_key(client, server):
    data = {numpy.int64(1): 1, numpy.bool_(True): 2, numpy.str_("a"): 3, numpy.float32(0.1): 4}
    (response,) = client.http("post", [(1, server.url + "/echo-body", data)])
    assert response.json() == {"1": 2, "a": 3, "0.1": 4}


@pytest.mark.parametrize(
    "value",
    [
        numpy.float32("nan"),
        numpy.datetime64("NaT"),
        numpy.timedelta64(1, "s"),
        numpy.complex64(1),
        numpy.clongdouble(1),
        numpy.bytes_(b"a"),
    ],
    ids=ascii,
)
def test_what_json_has_no_form_for_is_refused_of_numpy_too(client, server, value):
    (response,) = client.http("post", [(1, server.url, {"a": value})])
    assert isinstance(response.error, InvalidRequestError)
    assert str(response.error).startswith("data['a'] cannot be sent as JSON: ")
    assert server.connections == 0


@pytest.mark.parametrize("kind", NUMPY)
def test_a_scalar_of_numpy_may_be_a_parameter(client, server, kind):
    value, _, text = NUMPY[kind]
    text = text.replace(":", "%3A")
    assert sent_params(client, server, params={"a": value}).endswith(f"/echo?a={text}")
    assert sent_params(client, server, params={"a": [value, 1]}).endswith(f"/echo?a={text}&a=1")


@pytest.mark.parametrize("kind", TEXTS)
def test_a_date_and_its_like_may_be_a_parameter_and_a_field(client, server, kind):
    value, text = TEXTS[kind]
    encoded = text.replace(":", "%3A").replace("+", "%2B")
    assert sent_params(client, server, params={"a": value}).endswith(f"/echo?a={encoded}")
    with Patata(verbose=False, params={"a": value}) as other:
        assert sent_params(other, server).endswith(f"/echo?a={encoded}")
    (response,) = client.http("post", [Request(1, server.url + "/echo", form={"a": value})])
    assert response.json()["body"] == f"a={encoded}"


@pytest.mark.parametrize("value", [datetime.timedelta(1), numpy.timedelta64(1), object(), numpy.complex64(1)])
def test_what_has_no_text_is_refused_and_not_shown(client, server, value):
    (response,) = client.http("get", [Request(1, server.url, params={"a": value})])
    assert isinstance(response.error, InvalidRequestError)
    assert "params: the value of 'a' must be a str, a number, a bool, a date" in str(response.error).replace(
        '"', "'"
    )


def test_scalars_of_numpy_are_ids_and_name_files(client, server, tmp_path):
    ids = [*numpy.arange(3), numpy.str_("a"), numpy.float64(0.5)]
    urls = numpy.array([server.url] * len(ids))
    responses = list(client.http("get", zip(ids, urls, strict=True), stream_to=f"{tmp_path}/{{id}}.json"))
    assert all(any(response.id_ is id_ for id_ in ids) for response in responses)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0.5.json",
        "0.json",
        "1.json",
        "2.json",
        "a.json",
    ]
