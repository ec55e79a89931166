"""The example of a service under FastAPI runs on uvicorn, and uses one client for all that it is asked."""

from pathlib import Path

import peers
import pytest
from patata import Patata
from patata.testing import Server
from support import free_port, refusing_url

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def upstream():
    with Server() as server:
        yield server


@pytest.fixture
def service(upstream, monkeypatch):
    """The URL of the service."""
    with served(upstream.url, monkeypatch) as url:
        yield url


def served(upstream, monkeypatch):
    monkeypatch.setenv("UPSTREAM", upstream)
    return peers.uvicorn("service:app", free_port(), folder=EXAMPLES)


def test_it_fans_out(service, upstream, client):
    for _ in range(3):
        answered = client.get(f"{service}/items", params={"count": 50}).raise_for_status().json()
        assert answered["failed"] == {}
        assert answered["found"] == {str(number): f"item={number}" for number in range(50)}
    assert upstream.requests == 150
    # All that it was asked went over the connections of one client.
    assert upstream.connections <= 100


def test_requests_that_depend_on_one_another(service, upstream, client):
    for _ in range(10):
        answered = client.get(f"{service}/pair").raise_for_status().json()
        assert answered["second"] == '{"message":"Hello world!"}'
    assert upstream.connections <= 2


def test_it_passes_requests_on(service, client):
    sent = client.post(
        f"{service}/proxy/echo", params={"a": ["1", "2 3"]}, headers={"X-Key": "k"}, content=b"bytes"
    ).json()
    assert (sent["method"], sent["query"], sent["body"]) == ("POST", "a=1&a=2+3", "bytes")
    assert sent["headers"]["x-key"] == "k"
    assert client.get(f"{service}/proxy/status/418").status_code == 418
    moved = client.get(f"{service}/proxy/redirect/1", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (302, "/redirect/0")
    assert len(client.get(f"{service}/proxy/bytes/100000").content) == 100_000


def test_many_clients_at_once(service):
    with Patata(2, verbose=False, concurrency=50) as client:
        jobs = [(id_, f"{service}/proxy/echo?{id_}") for id_ in range(500)]
        answered = {response.id_: response.data["query"] for response in client.http("get", jobs)}
    assert answered == {id_: f"{id_}=" for id_ in range(500)}


def test_an_upstream_that_is_not_there_is_a_bad_gateway(monkeypatch, client):
    with refusing_url() as upstream, served(upstream.rstrip("/"), monkeypatch) as service:
        answered = client.get(f"{service}/proxy/")
        assert answered.status_code == 502
        assert "Cannot connect" in answered.data["detail"]
        assert client.get(f"{service}/items?count=3").data["failed"].keys() == {"0", "1", "2"}
