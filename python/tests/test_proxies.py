"""Proxies from PyPI: HTTP, CONNECT and SOCKS5, with credentials and without, by option and by environment."""

import peers
import pytest
from patata import Patata, exceptions
from support import free_port

VARIABLES = [
    spelling
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")
    for spelling in (name, name.lower())
]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def https(certificates):
    """httpbin over HTTPS."""
    with peers.granian("httpbin:app", certificates) as url:
        yield url


@pytest.fixture(scope="module")
def proxy_py():
    """A proxy that wants credentials."""
    with peers.proxy_py("--basic-auth", "user:p@ss") as address:
        yield address


@pytest.fixture(scope="module")
def pproxy():
    """Another one, for SOCKS5 as well."""
    with peers.pproxy("user:secret") as address:
        yield address


@pytest.fixture
def dead():
    """The URL of a proxy that is not there."""
    return f"http://127.0.0.1:{free_port()}"


def get(url, **options):
    with Patata(num_workers=1, verbose=False) as client:
        (response,) = client.http("get", [(1, url)], retries=3, **options)
    return response


def headers(response):
    """What the server has heard, names in lower case."""
    assert response.status_code == 200, response.error
    return {name.lower(): value for name, value in response.data["headers"].items()}


def check(response, address, part, attempts=None):
    assert type(response.error) is exceptions.ProxyError, response.error
    assert isinstance(response.error, exceptions.ConnectError)
    detail = response.data["exception_detail"]
    assert detail.startswith("Cannot connect")
    assert address in detail
    assert part in detail
    assert "p@ss" not in detail
    assert "p%40ss" not in detail
    assert response.error.request_sent is False
    assert attempts is None or response.attempts == attempts


class TestAProxyWithCredentials:
    def test_forwards_http(self, proxy_py, server):
        heard = headers(get(f"{server.url}/echo", proxy=f"http://user:p%40ss@{proxy_py}"))
        assert "proxy-authorization" not in heard
        assert server.requests == 1

    def test_opens_tunnels_for_https(self, proxy_py, https, certificates):
        for version in ("1.1", "2"):
            options = {"verify": certificates.ca, "http_version": version}
            response = get(f"{https}/get", proxy=f"http://user:p%40ss@{proxy_py}", **options)
            assert "proxy-authorization" not in headers(response)
            assert response.http_version == version

    def test_speaks_socks5_too(self, pproxy, server, https, certificates):
        for scheme in ("http", "socks5", "socks5h"):
            proxy = f"{scheme}://user:secret@{pproxy}"
            assert "proxy-authorization" not in headers(
                get(f"{https}/get", proxy=proxy, verify=certificates.ca)
            )
            if scheme != "http":
                assert "proxy-authorization" not in headers(get(f"{server.url}/echo", proxy=proxy))

    def test_takes_many_requests_at_once(self, pproxy, server):
        requests = [(id_, f"{server.url}/echo") for id_ in range(500)]
        with Patata(verbose=False, proxy=f"socks5h://user:secret@{pproxy}", concurrency=20) as client:
            assert {response.id_ for response in client.http("get", requests) if response.ok} == set(
                range(500)
            )

    def test_without_them_or_with_wrong_ones_refuses_once_and_for_all(self, proxy_py, server, https):
        for url in (server.url, https):
            check(get(url, proxy=f"http://{proxy_py}"), proxy_py, "wants credentials", attempts=1)
            wrong = get(url, proxy=f"http://user:p%40ssword@{proxy_py}")
            check(wrong, proxy_py, "does not accept the credentials", attempts=1)
        assert server.requests == 0

    def test_refuses_over_socks_too(self, pproxy, server):
        check(get(server.url, proxy=f"socks5://user:p%40ss@{pproxy}"), pproxy, "SOCKS")
        assert server.requests == 0


def test_a_proxy_that_is_not_there_is_named(server, dead):
    address = dead.removeprefix("http://")
    check(get(server.url, proxy=dead), address, "refused", attempts=3)
    check(get(server.url, proxy=f"socks5://user:p%40ss@{address}"), address, "refused", attempts=3)


def test_what_a_proxy_cannot_reach_is_its_fault(proxy_py, dead):
    url = dead.replace("http:", "https:")
    check(get(url, proxy=f"http://user:p%40ss@{proxy_py}"), proxy_py, "")


class TestTheEnvironment:
    def test_names_the_proxies(self, monkeypatch, pproxy, server, https, certificates, dead):
        monkeypatch.setenv("HTTP_PROXY", dead)
        assert type(get(server.url).error) is exceptions.ProxyError
        monkeypatch.setenv("https_proxy", f"http://user:secret@{pproxy}")
        headers(get(f"{https}/get", verify=certificates.ca))
        monkeypatch.delenv("HTTP_PROXY")
        monkeypatch.setenv("ALL_PROXY", f"socks5h://user:secret@{pproxy}")
        headers(get(f"{server.url}/echo"))

    def test_excepts_hosts_suffixes_and_networks(self, monkeypatch, server, dead):
        monkeypatch.setenv("ALL_PROXY", dead)
        port = server.url.rpartition(":")[2]
        resolve = {"www.here.example": "127.0.0.1", "nothere.example": "127.0.0.1"}
        for excepted in ("127.0.0.1", "127.0.0.0/8", "here.example", ".here.example", "*"):
            monkeypatch.setenv("NO_PROXY", f"other.example, {excepted}")
            hosts = ["127.0.0.1"] if excepted.startswith(("127", "*")) else []
            hosts += [] if excepted.startswith("127") else ["www.here.example"]
            for host in hosts:
                assert get(f"http://{host}:{port}/", resolve=resolve).status_code == 200, excepted
        for excepted in ("127.0.0.2", "10.0.0.0/8", "here.example", ""):
            monkeypatch.setenv("NO_PROXY", excepted)
            for host in ("127.0.0.1", "nothere.example"):
                response = get(f"http://{host}:{port}/", resolve=resolve)
                assert type(response.error) is exceptions.ProxyError, (excepted, host)

    def test_is_read_in_lower_case_first_and_an_empty_variable_says_nothing(self, monkeypatch, server, dead):
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.setenv("http_proxy", dead)
        assert type(get(server.url).error) is exceptions.ProxyError
        monkeypatch.setenv("HTTP_PROXY", dead)
        monkeypatch.setenv("http_proxy", "")
        assert type(get(server.url).error) is exceptions.ProxyError

    def test_is_overruled_by_the_option(self, monkeypatch, pproxy, server, dead):
        monkeypatch.setenv("HTTP_PROXY", dead)
        assert get(server.url, proxy=False).status_code == 200
        assert get(server.url, proxy=f"http://user:secret@{pproxy}").status_code == 200
        with Patata(num_workers=1, verbose=False, proxy=False) as client:
            (direct,) = client.http("get", [(1, server.url)])
            (proxied,) = client.http("get", [(1, server.url)], proxy=None)
        assert direct.status_code == 200
        assert type(proxied.error) is exceptions.ProxyError

    def test_is_told_by_its_variable_where_it_is_wrong(self, monkeypatch):
        monkeypatch.setenv("https_proxy", "ftp://user:secret@proxy")
        with pytest.raises(ValueError, match=r"^https_proxy must be the URL of a proxy") as raised:
            Patata()
        assert "secret" not in str(raised.value)
        Patata(proxy=False)


@pytest.mark.parametrize("proxy", ["", "nonsense proxy", "ftp://proxy", "http://user:secret@proxy:port"])
def test_a_url_that_names_no_proxy_is_an_error_before_any_request(proxy, client):
    for use in (lambda: Patata(proxy=proxy), lambda: next(client.http("get", [], proxy=proxy))):
        with pytest.raises(ValueError, match=r"^proxy must be the URL of a proxy") as raised:
            use()
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "proxy", [True, 1, {"http": "http://user:secret@proxy"}, b"http://user:secret@proxy"]
)
def test_what_is_no_url_is_an_error_of_the_option_and_is_not_shown(proxy):
    with pytest.raises(ValueError, match=r"^proxy must be a proxy's URL, False, or None") as raised:
        Patata(proxy=proxy)
    assert "secret" not in str(raised.value)
