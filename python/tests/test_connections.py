"""Where connections go: addresses for names, and unix sockets."""

import ipaddress
import sys

import peers
import pytest
from patata import Patata, exceptions
from support import free_port

unix = pytest.mark.skipif(sys.platform == "win32", reason="there are no unix sockets")


def get(client, url, **options):
    (response,) = client.http("get", [(1, url)], **options)
    return response


@pytest.mark.parametrize(
    "addresses", ["127.0.0.1", ["127.0.0.1"], ("127.0.0.2", "127.0.0.1"), ipaddress.ip_address("127.0.0.1")]
)
def test_a_host_has_the_addresses_that_it_is_given(client, addresses):
    # At a port where nothing else listens, on no address.
    with peers.uvicorn("api:app", free_port()) as url:
        port = url.rpartition(":")[2]
        response = get(client, f"http://api.example:{port}/", resolve={"API.example": addresses})
    assert response.status_code == 200, response.error
    assert response.url == f"http://api.example:{port}/"


@pytest.mark.parametrize(
    ("resolve", "told"),
    [
        ("127.0.0.1", "resolve must be a dict of hosts and addresses, got '127.0.0.1'"),
        ({1: "127.0.0.1"}, "resolve must be a dict whose keys are the names of hosts, got 1"),
        ({"a": "b"}, "resolve must give 'a' an IP address or a list of them, got 'b'"),
        ({"a": 1}, "resolve must give 'a' an IP address or a list of them, got 1"),
        ({"a": [1]}, "resolve must give 'a' an IP address or a list of them, got [1]"),
        ({"a": []}, 'resolve must be at least one address, got none for "a"'),
        ({"http://a": "127.0.0.1"}, "resolve must be the name of a host, without scheme and port, got"),
    ],
)
def test_what_is_no_host_or_no_address_is_an_error_before_any_request(client, resolve, told):
    for use in (lambda: Patata(resolve=resolve), lambda: next(client.http("get", [], resolve=resolve))):
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            use()
        assert str(raised.value).startswith(told)


@unix
class TestAUnixSocket:
    @pytest.fixture(scope="class")
    def socket(self, tmp_path_factory):
        path = tmp_path_factory.mktemp("socket") / "api.sock"
        with peers.uvicorn_on_socket("api:app", path):
            yield path

    def test_is_named_by_a_url(self, client, socket):
        url = f"http+unix://{str(socket).replace('/', '%2F')}/"
        response = get(client, url)
        assert response.status_code == 200, response.error
        assert response.url == url

    def test_takes_all_connections_by_option(self, socket):
        with Patata(num_workers=1, verbose=False, unix_socket=socket) as client:
            assert get(client, "http://no-such-host.invalid/").status_code == 200

    def test_that_is_not_there_is_named(self, client, tmp_path):
        response = get(client, "http://localhost/", unix_socket=tmp_path / "missing.sock")
        assert type(response.error) is exceptions.ConnectError
        assert "missing.sock" in response.data["exception_detail"]

    def test_has_a_path(self, client):
        for use in (lambda: Patata(unix_socket=1), lambda: next(client.http("get", [], unix_socket=1))):
            with pytest.raises(ValueError, match="unix_socket must be a path, got 1"):
                use()
