//! TLS: whose certificates are accepted, what is said of the others, and what is settled in a handshake.

use std::io::Read;
use std::path::Path;

use patata::{
    Builder, CertificateFault, Client, Error, ErrorKind, HttpVersion, Request, TlsVersion, Version,
};
use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use rustls::HandshakeKind;

use crate::checks::fault;
use crate::support::{RawServer, all, one};
use crate::tls_server::{Authority, Identity, Setup, TLS12, TLS13, TlsServer, file, local, names};

fn builder() -> Builder {
    Client::builder().num_workers(1).retries(3)
}

/// A client that trusts this authority.
fn trusting(authority: &Authority) -> Builder {
    builder().ca_file(authority.file().path())
}

fn assert_answered(client: Builder, server: &TlsServer) {
    let outcome = one(&client.build().unwrap(), Request::get((), server.url()));
    assert_eq!(&outcome.result.unwrap().body[..], b"hello");
}

/// The error of a client that makes three attempts where that may help; here it may not.
fn refusal(client: Builder, server: &TlsServer) -> Error {
    let outcome = one(&client.build().unwrap(), Request::get((), server.url()));
    assert_eq!(outcome.attempts, 1, "a TLS fault is not tried again");
    outcome.result.unwrap_err()
}

#[track_caller]
fn assert_certificate_fault(error: &Error, expected: CertificateFault, part: &str) {
    assert_eq!((error.kind(), error.certificate_fault()), (ErrorKind::Tls, Some(expected)), "{error}");
    assert!(error.to_string().starts_with("Cannot connect to 127.0.0.1:"), "{error}");
    assert!(error.to_string().contains(part), "{error}");
    assert!(!error.request_sent());
}

#[test]
fn a_name_whose_labels_begin_or_end_with_a_hyphen_is_reached_as_any_other() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.sign(names(&["*.example.com"])), &Setup::default());
    let address = server.address();
    for host in ["-a.example.com", "a-.example.com", "-.example.com", "_a_.example.com", "a-b.example.com"] {
        let client = Client::builder().ca_file(authority.file().path()).resolve(host, [address.ip()]);
        let client = client.without_proxy().build().unwrap();
        let url = format!("https://{host}:{}/", address.port());
        let response = one(&client, Request::get((), url)).result.unwrap();
        assert_eq!(&response.body[..], b"hello", "{host}");
        let heard = server.requests().pop().unwrap().to_lowercase();
        assert!(heard.contains(&format!("host: {host}:")), "{heard}");
    }
    let client = Client::builder().ca_file(authority.file().path()).resolve("-a.other.com", [address.ip()]);
    let error = fault(&client.build().unwrap(), format!("https://-a.other.com:{}/", address.port()));
    assert_eq!(error.certificate_fault(), Some(CertificateFault::WrongHost), "{error}");
}

#[test]
fn a_server_whose_authority_is_in_the_ca_file_is_accepted() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.sign(local()), &Setup::default());
    assert_answered(trusting(&authority), &server);
}

#[test]
fn an_authority_that_is_not_trusted_is_named_as_the_fault() {
    let server = TlsServer::start(&Authority::new().sign(local()), &Setup::default());
    for client in [builder(), trusting(&Authority::new())] {
        assert_certificate_fault(&refusal(client, &server), CertificateFault::Untrusted, "CA file as verify");
    }
}

#[test]
fn a_self_signed_certificate_is_told_from_an_untrusted_one() {
    let mut openssl = local();
    openssl.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for params in [local(), openssl] {
        let identity = Identity::self_signed(params);
        let server = TlsServer::start(&identity, &Setup::default());
        let error = refusal(builder(), &server);
        assert_certificate_fault(&error, CertificateFault::SelfSigned, "self-signed");
        let pinned = file(&identity.certificate_pem);
        assert_answered(builder().ca_file(pinned.path()), &server);
    }
}

#[test]
fn a_self_signed_certificate_is_accepted_for_its_own_hosts_only() {
    let mut params = names(&["other.example"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let identity = Identity::self_signed(params);
    let server = TlsServer::start(&identity, &Setup::default());
    let pinned = file(&identity.certificate_pem);
    let error = refusal(builder().ca_file(pinned.path()), &server);
    assert_certificate_fault(&error, CertificateFault::WrongHost, "other.example");
}

#[test]
fn a_certificate_out_of_its_time_is_told_as_such() {
    let authority = Authority::new();
    let (mut old, mut new) = (local(), local());
    old.not_after = date_time_ymd(2020, 1, 1);
    new.not_before = date_time_ymd(4000, 1, 1);
    for (params, expected, part) in [
        (old, CertificateFault::Expired, "has expired"),
        (new, CertificateFault::NotYetValid, "is not valid yet"),
    ] {
        let server = TlsServer::start(&authority.sign(params), &Setup::default());
        assert_certificate_fault(&refusal(trusting(&authority), &server), expected, part);
    }
}

#[test]
fn a_certificate_for_another_host_is_told_with_its_hosts() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.sign(names(&["other.example"])), &Setup::default());
    let error = refusal(trusting(&authority), &server);
    assert_certificate_fault(&error, CertificateFault::WrongHost, "other.example");
}

#[test]
fn any_certificate_is_accepted_where_none_is_verified() {
    let mut expired = names(&["other.example"]);
    expired.not_after = date_time_ymd(2020, 1, 1);
    for versions in [TLS12, TLS13] {
        let setup = Setup { versions, ..Setup::default() };
        let server = TlsServer::start(&Identity::self_signed(expired.clone()), &setup);
        assert_answered(builder().verify(false), &server);
        let strict = builder().verify(false).verify(true);
        assert_eq!(refusal(strict, &server).certificate_fault(), Some(CertificateFault::Expired));
    }
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks_for_one() {
    let authority = Authority::new();
    let identity = authority.sign(local());
    for versions in [TLS12, TLS13] {
        let setup = Setup { clients: Some(&authority), versions, ..Setup::default() };
        let server = TlsServer::start(&authority.sign(local()), &setup);
        assert_answered(trusting(&authority).cert(identity.file().path(), None), &server);
        let (certificate, key) = (file(&identity.certificate_pem), file(&identity.key.serialize_pem()));
        assert_answered(trusting(&authority).cert(certificate.path(), Some(key.path())), &server);
    }
}

#[test]
fn a_client_without_the_certificate_that_a_server_wants_fails_in_tls() {
    let authority = Authority::new();
    for (versions, alpn) in [(TLS12, "http/1.1"), (TLS12, "h2"), (TLS13, "http/1.1"), (TLS13, "h2")] {
        let setup = Setup { clients: Some(&authority), versions, alpn: &[alpn], ..Setup::default() };
        let server = TlsServer::start(&authority.sign(local()), &setup);
        let error = refusal(trusting(&authority), &server);
        assert_eq!((error.kind(), error.certificate_fault()), (ErrorKind::Tls, None), "{alpn}: {error}");
        assert!(error.to_string().contains("alert"), "{alpn}: {error}");
    }
}

#[test]
fn an_older_version_than_the_least_is_not_spoken() {
    let authority = Authority::new();
    let setup = Setup { versions: TLS12, ..Setup::default() };
    let server = TlsServer::start(&authority.sign(local()), &setup);
    assert_answered(trusting(&authority).min_tls_version(TlsVersion::Tls12), &server);
    let error = refusal(trusting(&authority).min_tls_version(TlsVersion::Tls13), &server);
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[test]
fn the_version_of_http_is_settled_in_the_handshake() {
    let authority = Authority::new();
    let identity = authority.sign(local());
    let version = |offered: &[&str], wanted| {
        let server = TlsServer::start(&identity, &Setup { alpn: offered, ..Setup::default() });
        let client = trusting(&authority).http_version(wanted).build().unwrap();
        one(&client, Request::get((), server.url())).result.map(|response| response.version)
    };
    let both = &["h2", "http/1.1"][..];
    assert_eq!(version(both, HttpVersion::Auto).unwrap(), Version::HTTP_2);
    assert_eq!(version(both, HttpVersion::Http2).unwrap(), Version::HTTP_2);
    assert_eq!(version(both, HttpVersion::Http1).unwrap(), Version::HTTP_11);
    assert_eq!(version(&["http/1.1"], HttpVersion::Auto).unwrap(), Version::HTTP_11);
    assert_eq!(version(&[], HttpVersion::Auto).unwrap(), Version::HTTP_11);
    assert_eq!(version(&["http/1.1"], HttpVersion::Http2).unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn sessions_are_resumed_across_connections_event_loops_and_runs() {
    let authority = Authority::new();
    for versions in [TLS12, TLS13] {
        let setup = Setup { versions, closes: true, ..Setup::default() };
        let server = TlsServer::start(&authority.sign(local()), &setup);
        let client = trusting(&authority).num_workers(2).build().unwrap();
        one(&client, Request::get((), server.url())).result.unwrap();
        let several = client.to_builder().concurrency(2).build().unwrap();
        let outcomes = all(&several, (0..8).map(|id| Request::get(id, server.url())));
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        let handshakes = server.handshakes();
        let full = handshakes.iter().filter(|kind| **kind != HandshakeKind::Resumed).count();
        assert_eq!((handshakes.len(), full), (9, 1), "{handshakes:?}");
    }
}

#[test]
fn other_settings_resume_no_session() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority.sign(local()), &Setup::default());
    let client = trusting(&authority).build().unwrap();
    one(&client, Request::get((), server.url())).result.unwrap();
    assert_answered(client.to_builder().verify(false), &server);
    assert!(server.handshakes().iter().all(|kind| *kind != HandshakeKind::Resumed));
    let untrusting = client.to_builder().verify(true).build().unwrap();
    assert_eq!(fault(&untrusting, server.url()).certificate_fault(), Some(CertificateFault::Untrusted));
}

#[test]
fn a_file_that_is_of_no_use_is_named_before_any_request() {
    let authority = Authority::new();
    let (one, other) = (authority.sign(local()), authority.sign(local()));
    let certificate = file(&one.certificate_pem);
    let (empty, broken) = (file("nothing"), file("-----BEGIN CERTIFICATE-----\n!!!\n"));
    let error = |builder: Builder| builder.build().unwrap_err().to_string();
    let readable = "a readable PEM file with CA certificates, got ";
    for (path, cause) in [
        (Path::new("no/such.pem"), "No such file"),
        (empty.path(), "no certificate in it"),
        (broken.path(), "not valid PEM"),
    ] {
        let verify = error(builder().ca_file(path));
        assert!(verify.starts_with("verify must be ") && verify.contains(readable), "{verify}");
        assert!(verify.contains(&format!("{path:?} (")) && verify.contains(cause), "{verify}");
        let cert = error(builder().cert(path, None));
        assert!(cert.starts_with("cert must be ") && cert.contains(cause), "{cert}");
    }
    let keyless = error(builder().cert(certificate.path(), None));
    assert!(keyless.contains("no unencrypted private key in it"), "{keyless}");
    let key = file(&other.key.serialize_pem());
    let mixed = error(builder().cert(certificate.path(), Some(key.path())));
    assert!(mixed.contains("keys may not be consistent"), "{mixed}");
    assert!(!mixed.contains("PRIVATE"), "{mixed}");
}

#[test]
fn a_server_that_speaks_no_tls_is_a_fault_of_tls() {
    let server = RawServer::start(|peer| {
        let _ = peer.stream.read(&mut [0; 4096]);
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.wait_for_the_end();
    });
    let client = builder().build().unwrap();
    let error = fault(&client, server.url().replace("http:", "https:"));
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert_eq!(server.connections(), 1);
}
