"""Bodies that are JSON, nearly JSON or no JSON: read as the standard library reads them, or as nothing."""

import json
import random

import pytest
from patata import Request
from test_json import plain

PARTS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b'"',
    b"\\",
    b"\\u00e9",
    b"\\ud83d\\ude00",
    b"\\ud800",
    b"\xc3\xa9",
    b"\xff",
    b"\x00",
    b"\xef\xbb\xbf",
    b" \t\r\n",
    b"null",
    b"true",
    b"fals",
    b"NaN",
    b"-Infinity",
    b"0",
    b"-",
    b"01",
    b"1.5e3",
    b"1e999",
    b"9" * 30,
    b"[" * 150,
    b'{"a":' * 60,
]


def damaged(chance):
    """The JSON of some value, with a few bytes cut out, put in, changed or swapped."""
    body = json.dumps(plain(chance), ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    for _ in range(chance.randrange(4)):
        begin = chance.randrange(len(body) + 1)
        end = min(len(body), begin + chance.randrange(4))
        body = body[:begin] + chance.choice([b"", chance.choice(PARTS), chance.randbytes(2)]) + body[end:]
    if chance.random() < 0.05:
        body = body.decode("utf-8", "replace").encode(
            chance.choice(["utf-16", "utf-32", "utf-16-be", "utf-8-sig"])
        )
    return body


def expected(body):
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {}


@pytest.mark.parametrize("seed", range(10))
def test_any_body_is_read_as_the_standard_library_reads_it(server, client, seed):
    bodies = [damaged(random.Random(f"{seed} {i}")) for i in range(1_000)]
    requests = [Request(i, f"{server.url}/echo-body", content=body) for i, body in enumerate(bodies)]
    found = {response.id_: response for response in client.http("POST", requests)}
    read = 0
    for i, body in enumerate(bodies):
        assert found[i].content == body
        # As texts, in which 1 and 1.0 differ, and NaN is NaN.
        assert repr(found[i].data) == repr(expected(body)), body
        read += found[i].data != {}
    assert 200 < read < 1_000
