//! What each fault of a network or a server ends as: its kind, its phase, whether the request had been
//! sent, and how its text begins.

use std::sync::Arc;
use std::time::Duration;

use patata::{Client, Error, ErrorKind, MAX_RESPONSE_HEADERS, Method, Phase, Request};
use patata_testserver::Server;

use crate::checks::{assert_fault, fault, get, leave_unread};
use crate::support::{Peer, Port, RawServer, all, ok, one, wait_until};

const SHORT: Duration = Duration::from_millis(200);

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// The error of a GET whose server answers with these bytes and closes.
fn fault_of(answer: impl Into<Vec<u8>>) -> Error {
    fault(&client(), RawServer::answering_once(answer).url())
}

#[test]
fn a_refused_connection_is_a_connect_error() {
    let nobody = Port::reserve();
    let address = nobody.address();
    let error = fault(&client(), format!("http://{address}/"));
    let beginning = format!("Cannot connect to {address}: ");
    assert_fault(&error, ErrorKind::Connect, Phase::Connect, false, &beginning);
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_name_that_has_no_address_is_a_resolve_error() {
    let error = fault(&client(), "http://does-not-exist.invalid/");
    let beginning = "Cannot connect to does-not-exist.invalid:80: ";
    assert_fault(&error, ErrorKind::Resolve, Phase::Connect, false, beginning);
}

#[test]
fn a_server_that_accepts_and_closes_has_disconnected() {
    let server = RawServer::start(|_| {});
    let error = fault(&client(), server.url());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head), "{error}");
    assert!(error.to_string().starts_with("Server disconnected"), "{error}");
}

#[test]
fn a_server_that_reads_and_closes_has_disconnected() {
    let error = fault_of("");
    assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "Server disconnected");
}

#[test]
fn a_server_that_closes_within_the_head_has_disconnected() {
    let error = fault_of("HTTP/1.1 200 OK\r\ncontent-le");
    assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "Server disconnected");
}

#[test]
fn a_reset_before_the_answer_is_a_disconnection() {
    let server = RawServer::start(leave_unread);
    let error = fault(&client(), server.url());
    assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "Server disconnected");
}

#[test]
fn a_reset_within_the_body_is_a_body_error() {
    let server = RawServer::start(|peer| {
        leave_unread(peer);
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npot");
    });
    let error = fault(&client(), server.url());
    // The reset may overtake the head.
    match error.phase() {
        Phase::Body => assert_fault(&error, ErrorKind::Body, Phase::Body, true, "The response's body broke"),
        _ => assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "Server disconnected"),
    }
}

#[test]
fn a_reset_ends_a_body_that_has_no_length_as_an_error() {
    let server = RawServer::start(|peer| {
        leave_unread(peer);
        peer.send("HTTP/1.1 200 OK\r\n\r\npot");
    });
    let result = one(&client(), Request::get((), server.url())).result;
    assert!(result.is_err(), "what came before a reset may not be all: {result:?}");
}

#[test]
fn what_is_not_http_is_a_protocol_error() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "potato potato potato\r\n\r\n",
        "\0\u{1}\u{2}\u{3}",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
    ] {
        let error = fault_of(garbage);
        assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "The response is not valid HTTP");
    }
}

#[test]
fn two_lengths_that_differ_are_a_protocol_error() {
    for lines in [
        "content-length: 6\r\ncontent-length: 7",
        "content-length: 6, 7",
        "content-length: -1",
        "content-length: +6",
        "content-length: 6x",
        "content-length: 99999999999999999999999",
    ] {
        let error = fault_of(format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\npotato!"));
        assert_fault(&error, ErrorKind::Protocol, Phase::Head, true, "The response is not valid HTTP");
    }
}

#[test]
fn a_body_shorter_than_its_length_is_a_body_error() {
    let error = fault_of("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npotato");
    assert_fault(&error, ErrorKind::Body, Phase::Body, true, "The response's body broke off");
}

#[test]
fn a_chunked_body_without_its_end_is_a_body_error() {
    for body in ["", "6\r\npot", "6\r\npotato\r\n", "6\r\npotato\r\n0\r\n"] {
        let error = fault_of(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
        assert_fault(&error, ErrorKind::Body, Phase::Body, true, "The response's body broke off");
    }
}

#[test]
fn a_chunk_size_that_is_no_number_is_a_body_error() {
    for body in [
        "potato\r\n",
        "-6\r\npotato\r\n0\r\n\r\n",
        "fffffffffffffffff\r\npotato",
        "6\r\npotatoes\r\n0\r\n\r\n",
    ] {
        let error = fault_of(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
        let beginning = "The response's body is not framed as HTTP says";
        assert_fault(&error, ErrorKind::Body, Phase::Body, true, beginning);
    }
}

#[test]
fn more_than_256_headers_are_too_large() {
    let with = |count: usize| {
        let lines: String = (1..count).map(|number| format!("x-{number}: y\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n")
    };
    assert_eq!(get(RawServer::answering_once(with(MAX_RESPONSE_HEADERS)).url()).headers.iter().count(), 256);
    let error = fault_of(with(MAX_RESPONSE_HEADERS + 1));
    assert_fault(&error, ErrorKind::TooLarge, Phase::Head, true, "The response has more than 256 headers");
}

#[test]
fn more_than_64_kib_of_headers_are_too_large() {
    let with = |size: usize| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: \r\n\r\n";
        head.replace("x: ", &format!("x: {}", "y".repeat(size - head.len())))
    };
    assert_eq!(get(RawServer::answering_once(with(60 << 10)).url()).status, 200);
    let server = RawServer::start(move |peer| {
        peer.request();
        peer.send(with((64 << 10) + 100));
        peer.wait_for_the_end();
    });
    let error = fault(&client(), server.url());
    assert_fault(
        &error,
        ErrorKind::TooLarge,
        Phase::Head,
        true,
        "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB",
    );
}

#[test]
fn a_body_beyond_the_limit_is_too_large_declared_or_not() {
    let server = Server::start().unwrap();
    let client = Client::builder().max_response_size(1000).build().unwrap();
    for route in ["bytes", "chunked"] {
        let most = one(&client, Request::get((), format!("{}/{route}/1000", server.url())));
        assert_eq!(most.result.unwrap().body.len(), 1000);
        for size in [1001, 500_000_000] {
            let error = fault(&client, format!("{}/{route}/{size}", server.url()));
            let beginning = "The body is larger than max_response_size (1000 bytes)";
            assert_fault(&error, ErrorKind::TooLarge, Phase::Body, true, beginning);
        }
    }
    let head = Request::new((), Method::HEAD, format!("{}/bytes/1001", server.url()));
    assert_eq!(one(&client, head).result.unwrap().status, 200, "there is no body to be too large");
}

#[test]
fn a_server_that_never_answers_is_a_timeout_in_the_head() {
    let server = RawServer::silent();
    let client = Client::builder().timeout(SHORT).build().unwrap();
    let error = fault(&client, server.url());
    assert_fault(&error, ErrorKind::Timeout, Phase::Head, true, "The attempt timed out while waiting");
    wait_until(|| server.ended() == 1);
}

#[test]
fn a_body_that_only_drips_is_a_timeout_in_the_body() {
    let server = RawServer::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
        while peer.send("x") {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let client = Client::builder().timeout(SHORT).build().unwrap();
    let error = fault(&client, server.url());
    assert_fault(&error, ErrorKind::Timeout, Phase::Body, true, "The attempt timed out while its response");
    wait_until(|| server.ended() == 1);
}

#[test]
fn a_head_that_only_drips_is_a_timeout_in_the_head() {
    let server = RawServer::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nx: ");
        while peer.send("y") {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let client = Client::builder().timeout(SHORT).build().unwrap();
    let error = fault(&client, server.url());
    assert_fault(&error, ErrorKind::Timeout, Phase::Head, true, "The attempt timed out while waiting");
}

#[test]
fn a_requests_own_timeout_goes_before_the_clients() {
    let server = RawServer::silent();
    let error = one(&client(), Request::get((), server.url()).timeout(SHORT)).result.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Head));
    let short = Client::builder().timeout(Duration::from_millis(1)).build().unwrap();
    let server = Server::start().unwrap();
    let patient = Request::get((), format!("{}/delay/300", server.url())).timeout(Duration::MAX);
    assert_eq!(one(&short, patient).result.unwrap().status, 200);
}

#[test]
fn a_timeout_holds_on_a_kept_connection_as_on_a_new_one() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            if request.starts_with("GET /quick") {
                peer.answer("");
            }
        }
    });
    let client = Client::builder().concurrency(1).build().unwrap();
    let long = Duration::from_secs(3600);
    let requests = [
        Request::get(1, format!("{}/quick", server.url())).timeout(long),
        Request::get(2, format!("{}/slow", server.url())).timeout(SHORT),
    ];
    let mut outcomes = all(&client, requests);
    let error = outcomes.pop().unwrap().result.unwrap_err();
    assert_fault(&error, ErrorKind::Timeout, Phase::Head, true, "The attempt timed out");
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_handshake_that_gets_no_answer_is_a_timeout_in_connecting() {
    let server = RawServer::start(Peer::wait_for_the_end);
    let url = server.url().replace("http", "https");
    for builder in [Client::builder().connect_timeout(SHORT), Client::builder().timeout(SHORT)] {
        let error = fault(&builder.build().unwrap(), &url);
        let beginning = format!("Cannot connect to {}: ", server.address());
        assert_fault(&error, ErrorKind::Timeout, Phase::Connect, false, &beginning);
    }
    wait_until(|| server.ended() == 2);
}

#[test]
fn https_to_a_server_without_it_is_a_tls_error() {
    let server = Server::start().unwrap();
    let error = fault(&client(), server.url().replace("http", "https"));
    let beginning = format!("Cannot connect to {}: ", server.address());
    assert_fault(&error, ErrorKind::Tls, Phase::Connect, false, &beginning);
}

#[test]
fn a_server_that_leaves_the_handshake_is_a_connect_error() {
    let server = RawServer::start(leave_unread);
    let error = fault(&client(), server.url().replace("http", "https"));
    assert_fault(&error, ErrorKind::Connect, Phase::Connect, false, "Cannot connect to 127.0.0.1:");
}

#[test]
fn a_certificate_nobody_vouches_for_is_a_tls_error() {
    let server = self_signed();
    for host in ["localhost", "127.0.0.1"] {
        let error = fault(&client(), format!("https://{host}:{}/", server.address().port()));
        let beginning = format!("Cannot connect to {host}:{}: ", server.address().port());
        assert_fault(&error, ErrorKind::Tls, Phase::Connect, false, &beginning);
        assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    }
    assert!(server.requests().is_empty());
}

/// A server with a certificate of its own making.
fn self_signed() -> RawServer {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    RawServer::start(move |peer| {
        let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
        while session.is_handshaking() && session.complete_io(&mut peer.stream).is_ok() {}
        peer.wait_for_the_end();
    })
}

#[test]
fn a_connection_that_broke_framing_is_not_used_again() {
    for broken in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\npotato\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\npotato",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "garbage\r\n\r\n",
    ] {
        let server = RawServer::start(move |peer| {
            while peer.request().is_some() {
                if peer.number == 0 {
                    peer.send(broken)
                } else {
                    peer.answer("whole")
                };
            }
        });
        let client = Client::builder().concurrency(1).max_response_size(1000).build().unwrap();
        let outcomes = all(&client, (0..2).map(|tag| Request::get(tag, server.url())));
        assert!(outcomes[0].result.is_err(), "{broken}");
        assert_eq!(outcomes[1].result.as_ref().unwrap().body, "whole", "{broken}");
        assert_eq!(server.connections(), 2, "{broken}");
    }
}

#[test]
fn bytes_after_an_answer_are_not_taken_for_the_next_one() {
    // Most of a large body is read in another way.
    for (pause, padding) in [(Duration::ZERO, 0), (Duration::from_millis(2), 0), (Duration::ZERO, 400_000)] {
        for extra in
            ["x", "garbage garbage\r\n\r\n", &ok("poison"), "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"]
        {
            let extra = extra.to_owned();
            let server = RawServer::start(move |peer| {
                while let Some(request) = peer.request() {
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    peer.send(format!("{}{extra}", ok(&(path + &"-".repeat(padding)))));
                    std::thread::sleep(pause);
                }
            });
            let client = Client::builder().concurrency(1).build().unwrap();
            let requests = (0..20).map(|tag| Request::get(tag, format!("{}/{tag}", server.url())));
            for outcome in all(&client, requests) {
                let response = outcome.result.unwrap();
                assert!(response.body == format!("/{}{}", outcome.tag, "-".repeat(padding)));
            }
        }
    }
}

#[test]
fn one_fault_among_many_requests_is_its_own() {
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            match request.split(' ').nth(1) {
                Some(path) if path.ends_with("7") => return,
                _ => peer.answer("good"),
            };
        }
    });
    let client = Client::builder().concurrency(8).build().unwrap();
    let outcomes = all(&client, (0..200).map(|tag| Request::get(tag, format!("{}/{tag}", server.url()))));
    assert_eq!(outcomes.len(), 200);
    for outcome in outcomes {
        assert_eq!(outcome.result.is_err(), outcome.tag % 10 == 7, "{}: {:?}", outcome.tag, outcome.result);
    }
}
