"""Hosts that are not there: how what waits for them ends, and how that is told."""

from __future__ import annotations

import socket

import pytest
from patata import Patata, exceptions


def nobody() -> str:
    """The URL of an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_host_that_never_answered_is_given_up_and_named():
    url = nobody()
    with Patata(verbose=False, num_workers=1, concurrency=4) as client:
        responses = list(client.http("get", ((i, url) for i in range(500))))
        receipt = client.receipt
    given_up = [r for r in responses if isinstance(r.error, exceptions.HostUnavailableError)]
    assert len(responses) == 500
    assert 487 <= len(given_up) <= 490
    assert isinstance(given_up[0].error, exceptions.ConnectError)
    assert given_up[0].status_code == 500
    assert given_up[0].data["exception_detail"].startswith("Cannot connect")
    host = url.removeprefix("http://").rstrip("/")
    assert receipt.unavailable_hosts == {host: len(given_up)}
    assert receipt.errors["HostUnavailableError"] == len(given_up)
    assert host in dict(receipt.lines())["Failed"]


def test_without_a_host_timeout_each_request_tries_for_itself():
    url = nobody()
    with Patata(verbose=False, host_timeout=0) as client:
        responses = list(client.http("get", ((i, url) for i in range(50))))
    assert {type(r.error) for r in responses} == {exceptions.ConnectError}


@pytest.mark.parametrize("value", [-1, "60", True, float("nan")])
def test_a_bad_host_timeout_is_named(value):
    with pytest.raises(ValueError, match="host_timeout must be a number of seconds of at least 0"):
        Patata(verbose=False, host_timeout=value)


def test_none_waits_for_ever(server):
    with Patata(verbose=False, host_timeout=None) as client:
        assert [r.status_code for r in client.http("get", [(1, server.url)])] == [200]
