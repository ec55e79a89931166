"""Hostile servers and careless output: what no other test file holds of the promises of SECURITY.md."""

import logging
import pickle
import stat

import pytest
from patata import Patata, Request, exceptions
from support import RawServer, answer, refusing_url

SECRET = "hunter2"


def get(url, client=None, **options):
    with Patata(num_workers=1, verbose=False, **(client or {})) as patata:
        (response,) = patata.http("get", [Request(1, url)], **options)
    return response


# Redirects


def test_a_redirect_from_https_to_http_takes_no_secret_along(httpbin, certificates):
    plain, tls = httpbin
    options = {
        "verify": certificates.ca,
        "headers": {"X-Api-Key": SECRET},
        "auth": ("me", SECRET),
        "cookies": {"session": SECRET},
    }
    straight = get(f"{tls}/headers", options)
    assert straight.text.count(SECRET) == 2, straight.text
    assert {"Authorization", "X-Api-Key", "Cookie"} <= straight.data["headers"].keys()
    led = get(f"{tls}/redirect-to?url={plain}/headers", options)
    assert led.url == f"{plain}/headers"
    assert SECRET not in led.text
    assert not {"Authorization", "X-Api-Key", "Cookie"} & led.data["headers"].keys()


def test_a_redirect_leads_to_no_server_whose_certificate_is_not_trusted(httpbin):
    plain, tls = httpbin
    response = get(f"{plain}/redirect-to?url={tls}/headers")
    assert isinstance(response.error, exceptions.UntrustedCertificateError)


# Secrets


def test_no_log_and_no_error_tells_a_secret(caplog):
    client = {
        "headers": {"X-Api-Key": SECRET},
        "auth": ("me", SECRET),
        "cookies": {"session": SECRET},
        "params": {"token": SECRET},
    }
    caplog.set_level(logging.DEBUG, "patata")
    with RawServer(b"nonsense") as broken, refusing_url() as refused:
        urls = [broken.url, refused, "http://127.0.0.1:99999/", "ftp://127.0.0.1/", "http://a b/"]
        items = [Request(i, url.replace("://", f"://me:{SECRET}@")) for i, url in enumerate(urls)]
        with Patata(1, verbose_level=2, **client) as patata:
            shown = [repr(patata), repr(items), str(items)]
            responses = list(patata.http("get", items))
        with Patata(1, verbose_level=2, proxy=f"{refused}".replace("://", f"://me:{SECRET}@")) as patata:
            shown.append(repr(patata))
            responses += patata.http("get", [(9, broken.url)])
    assert all(response.error is not None for response in responses)
    for response in responses:
        shown += [str(response.error), repr(response.error), str(response.data), repr(response)]
    # A parameter is a part of the URL that is asked for, as which it is shown.
    told = "\n".join([*shown, caplog.text]).replace(f"token={SECRET}", "")
    assert "patata" in caplog.text
    assert SECRET not in told


# A password that should have been percent-encoded, and what is no request at all.
UNENCODED = [f"http://me:{before}{SECRET}@127.0.0.1/" for before in ("a/", "a?", "a#", "a\\", "a b/")]
NOT_UNICODE = [f"http://me:a/{SECRET}@127.0.0.1/\ud800", f"\ud800://me:{SECRET}@127.0.0.1/"]
NO_URLS = [f"http://me:{SECRET}@127.0.0.1/".encode(), [f"http://me:{SECRET}@127.0.0.1/"], {SECRET}]
HEADERS = {"Authorization": SECRET}
NO_ITEMS = [
    *UNENCODED,
    *NOT_UNICODE,
    *NO_URLS,
    {"id": 1, "url": UNENCODED[0], "headers": HEADERS, "auth": SECRET, "data": [SECRET]},
    (1, UNENCODED[0], {}, HEADERS),
    (1, UNENCODED[1], SECRET, SECRET),
    (1, UNENCODED[2].encode(), HEADERS),
    [1, UNENCODED[0], HEADERS],
    (1, [SECRET]),
    SECRET.encode().join([b"http://me:", b"@127.0.0.1/"]),
]


@pytest.mark.parametrize("url", [*UNENCODED, *NOT_UNICODE], ids=ascii)
def test_a_password_that_is_not_encoded_is_shown_nowhere(url, caplog):
    caplog.set_level(logging.DEBUG, "patata")
    item = Request(1, url)
    with Patata(1, verbose_level=2) as client:
        responses = list(client.http("get", [item, (2, url)], timeout=5))
    shown = [ascii(item), str(item), *map(ascii, responses), *(str(response.error) for response in responses)]
    shown += [ascii(response.data) for response in responses] + [response.url for response in responses]
    assert not any(response.attempts for response in responses)
    assert SECRET not in "\n".join([*shown, caplog.text])


def test_a_url_whose_password_may_hold_an_at_sign_is_shown_without_all_before_the_last_one():
    assert (
        repr(Request(1, f"http://me:a@b/{SECRET}@host/x"))
        == "Request(id_=1, url='http://***@host/x', data=None)"
    )
    assert repr(Request(1, "http://host/@me")) == "Request(id_=1, url='http://host/@me', data=None)"


@pytest.mark.parametrize("item", NO_ITEMS, ids=range(len(NO_ITEMS)))
def test_what_is_no_request_is_not_shown_whole(item):
    with Patata(1, verbose=False) as client, pytest.raises(exceptions.InvalidRequestError) as raised:
        list(client.http("get", [item]))
    assert SECRET not in str(raised.value)
    assert f"of type {type(item).__name__}" in str(raised.value)


@pytest.mark.parametrize("url", NO_URLS, ids=["bytes", "list", "set"])
def test_a_url_that_is_no_str_is_not_shown_whole(url):
    with pytest.raises(exceptions.InvalidRequestError) as raised:
        Request(1, url)
    assert SECRET not in str(raised.value)
    request = Request(1, "http://127.0.0.1/")
    request.url = url
    assert SECRET not in repr(request) + str(request)


# What is taken from around the program


def test_no_credentials_are_taken_from_a_netrc(script, server, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"default login me password {SECRET}\n")
    netrc.chmod(stat.S_IRUSR)
    source = """
    import os, sys
    os.environ["HOME"] = os.environ["NETRC"] = sys.argv[2]
    from patata import Patata
    with Patata(1, verbose=False) as client:
        (response,) = client.http("get", [(1, sys.argv[1] + "/echo")])
    print("authorization" in response.data["headers"], response.status_code)
    """
    assert script(source, server.url, tmp_path) == "False 200\n"


def test_a_cgi_program_takes_no_proxy_from_its_caller(script, server):
    source = """
    import os, sys
    os.environ.update(REQUEST_METHOD="GET", HTTP_PROXY="http://127.0.0.1:1")
    from patata import Patata
    with Patata(1, verbose=False) as client:
        (response,) = client.http("get", [(1, sys.argv[1])])
    print(response.status_code)
    """
    assert script(source, server.url) == "200\n"


# What servers send


class Exploit:
    """Writes a file, were it ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_body_is_never_unpickled_not_even_on_its_way_to_callbacks(tmp_path, workers):
    body = pickle.dumps(Exploit(str(tmp_path / "written")))
    with RawServer(answer(body, "content-type: application/x-python-pickle")) as server:
        with Patata(workers, verbose=False) as client:
            (response,) = client.http("get", [(1, server.url)], callbacks=[lambda response: response])
        assert response.data == {}
        assert response.content == body
        assert pickle.loads(pickle.dumps(response)).content == body
    assert list(tmp_path.iterdir()) == []


def test_a_server_does_not_say_where_a_file_goes(tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    headers = ["content-disposition: attachment; filename=../evil", "location: ../evil"]
    with RawServer(answer(b"potato", *headers)) as server:
        response = get(server.url, stream_to=f"{folder}/{{id}}")
    assert response.path == folder / "1"
    assert [path.name for path in tmp_path.rglob("*")] == ["downloads", "1"]
