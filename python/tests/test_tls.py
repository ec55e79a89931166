"""TLS: certificates good and bad, client certificates, versions, and what is checked of these options."""

import datetime
import pickle
import ssl

import peers
import pytest
from patata import Patata, Request, exceptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def https(certificates):
    """httpbin over HTTPS."""
    with peers.granian("httpbin:app", certificates) as url:
        yield url


def get(url, **options):
    with Patata(num_workers=1, verbose=False, **options) as client:
        (response,) = client.http("get", [Request(1, url)], retries=3)
    return response


def check(response, name, part):
    assert type(response.error) is getattr(exceptions, name), response.error
    assert isinstance(response.error, exceptions.TLSError)
    assert isinstance(response.error, exceptions.ConnectError)
    assert response.data["exception_detail"].startswith("Cannot connect to localhost:")
    assert part in str(response.error)
    assert (response.status_code, response.attempts) == (500, 1)
    again = pickle.loads(pickle.dumps(response.error))
    assert (type(again), str(again)) == (type(response.error), str(response.error))


def other_server(certificates, name, *hosts, **options):
    """A server with another certificate of the same authority."""
    return peers.granian("httpbin:app", certificates.issue(name, *hosts, **options))


def test_a_server_whose_authority_is_given_is_trusted(https, certificates):
    for verify in (certificates.ca, str(certificates.ca)):
        assert get(f"{https}/get", verify=verify).status_code == 200


def test_http2_is_spoken_where_the_server_offers_it_and_only_what_is_asked_for(https, certificates):
    versions = {
        version: get(f"{https}/get", verify=certificates.ca, http_version=version).http_version
        for version in (None, "auto", "2", "1.1")
    }
    assert versions == {None: "2", "auto": "2", "2": "2", "1.1": "1.1"}


def test_an_authority_that_is_not_trusted_has_an_error_of_its_own(https):
    check(get(https), "UntrustedCertificateError", "CA file as verify")


def test_any_certificate_is_accepted_with_verify_false(https):
    assert get(f"{https}/get", verify=False).status_code == 200


def test_a_call_may_verify_otherwise_than_its_client(https, certificates):
    with Patata(num_workers=1, verbose=False, verify=certificates.ca) as client:
        (trusted,) = client.http("get", [(1, f"{https}/get")])
        (untrusted,) = client.http("get", [(1, f"{https}/get")], verify=True)
        (again,) = client.http("get", [(1, f"{https}/get")])
    assert (trusted.status_code, untrusted.status_code, again.status_code) == (200, 500, 200)


def test_an_expired_certificate_has_an_error_of_its_own(certificates):
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    with other_server(certificates, "expired", "localhost", not_after=yesterday) as url:
        check(get(url, verify=certificates.ca), "CertificateExpiredError", "has expired")


def test_a_certificate_for_another_host_has_an_error_of_its_own(certificates):
    with other_server(certificates, "elsewhere", "other.example") as url:
        check(get(url, verify=certificates.ca), "CertificateHostnameError", "other.example")


def test_a_self_signed_certificate_has_an_error_of_its_own_and_may_be_trusted(folder):
    pair = peers.self_signed(folder, "localhost")
    with peers.granian("httpbin:app", pair) as url:
        check(get(url), "SelfSignedCertificateError", "self-signed")
        assert get(f"{url}/get", verify=pair.certificate).status_code == 200


@pytest.fixture(scope="module")
def choosy(certificates):
    """A server that wants to see a certificate of its authority."""
    with peers.tls_only(certificates, ssl.CERT_REQUIRED) as url:
        yield url


def test_a_client_certificate_is_shown_to_a_server_that_asks(choosy, certificates, folder):
    certificate, key = certificates.issue("client", "client.example")
    both = folder / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    for cert in ((certificate, key), (str(certificate), str(key)), both, str(both)):
        response = get(choosy, verify=certificates.ca, cert=cert)
        assert response.status_code == 200, response.error


def test_a_missing_client_certificate_is_a_fault_of_tls(choosy, certificates):
    response = get(choosy, verify=certificates.ca)
    assert type(response.error) is exceptions.TLSError, response.error
    assert response.attempts == 1


def test_an_older_version_of_tls_is_not_spoken(certificates):
    with peers.tls_only(certificates, maximum=ssl.TLSVersion.TLSv1_2) as url:
        assert get(url, verify=certificates.ca).status_code == 200
        response = get(url, verify=certificates.ca, min_tls_version="1.3")
    assert type(response.error) is exceptions.TLSError


def test_sessions_are_resumed_over_the_calls_of_a_client(certificates):
    with (
        peers.tls_only(certificates) as url,
        Patata(num_workers=1, verbose=False, verify=certificates.ca) as client,
    ):
        resumed = [next(client.http("get", [(id_, url)])).data["session_reused"] for id_ in range(3)]
    assert resumed == [False, True, True]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"verify": "no/such.pem"},
            'verify must be a readable PEM file with CA certificates, got "no/such.pem"',
        ),
        ({"verify": None}, "verify must be True, False or the path of a CA file, got None"),
        ({"verify": 1}, "verify must be True, False or the path of a CA file, got 1"),
        ({"cert": "no/such.pem"}, "cert must be readable PEM files with a certificate and its key, got"),
        (
            {"cert": ("a", "b", "c")},
            "cert must be the path of a PEM file, or two: (certificate, key), got ('a'",
        ),
        ({"cert": 1}, "cert must be the path of a PEM file"),
        ({"min_tls_version": "1.1"}, "min_tls_version must be '1.2' or '1.3', got '1.1'"),
        ({"min_tls_version": 1.3}, "min_tls_version must be '1.2' or '1.3', got 1.3"),
        ({"http_version": "3"}, "http_version must be '1.1', '2', or None"),
        ({"http_version": 2}, "http_version must be '1.1', '2', or None"),
    ],
)
def test_a_bad_option_is_named_before_any_request(options, told, client):
    for use in (lambda: Patata(**options), lambda: next(client.http("get", [], **options))):
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            use()
        assert str(raised.value).startswith(told)


def test_a_file_without_a_key_is_no_client_certificate(certificates):
    with pytest.raises(ValueError, match="no unencrypted private key in it"):
        Patata(cert=certificates.certificate)
