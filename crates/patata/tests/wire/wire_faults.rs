//! All that a server can do wrong: what the user gets, and what becomes of the connection.

use std::collections::BTreeSet;
use std::time::Duration;

use patata::ErrorKind::{self, Body, Connect, Decode, Protocol, Redirect, Timeout, TooLarge};
use patata::Phase::{self, Schedule};
use patata::{Builder, Client, HttpVersion, Outcome, Request};
use patata_testserver::{Fault, FaultServer};
use tempfile::NamedTempFile;

use crate::checks::assert_fault;
use crate::support::Watchdog;

const SENT: bool = true;
const UNSENT: bool = false;

/// What the user gets.
enum Expected {
    Response { status: u16, beginning: &'static str },
    Error { kind: ErrorKind, phase: Phase, sent: bool, beginning: &'static str },
}

fn gets(status: u16, beginning: &'static str) -> Expected {
    Expected::Response { status, beginning }
}

fn fails(kind: ErrorKind, phase: Phase, sent: bool, beginning: &'static str) -> Expected {
    Expected::Error { kind, phase, sent, beginning }
}

impl Expected {
    fn check(&self, outcome: &Outcome<usize>) {
        match (self, &outcome.result) {
            (Self::Response { status, beginning }, Ok(response)) => {
                assert_eq!(response.status, *status);
                assert!(response.text().starts_with(beginning), "{:?}", response.text());
            }
            (Self::Error { kind, phase, sent, beginning }, Err(error)) => {
                assert_fault(error, *kind, *phase, *sent, beginning);
            }
            (_, result) => panic!("{result:?}"),
        }
    }
}

/// What becomes of the connection: the next request tells.
enum Connection {
    Kept,
    Closed,
    /// There was none.
    Absent,
}
use Connection::{Absent, Closed, Kept};

/// A client of one connection, and the file of the authority that it trusts.
fn client(server: &FaultServer) -> (Builder, NamedTempFile) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), server.authority_pem()).unwrap();
    let builder = Client::builder().num_workers(1).concurrency(1).timeout(Duration::from_millis(700));
    (builder.ca_file(file.path()).without_proxy(), file)
}

/// Meets a fault, and asks for what is right after it: where the fault has a port of its own, the same again.
fn meet(name: &str, expected: &Expected, connection: &Connection) {
    let fault = FaultServer::faults().find(|fault| fault.name() == name).unwrap();
    let server = FaultServer::start().unwrap();
    let (mut builder, _file) = client(&server);
    if name.starts_with("bomb/") {
        // Decoding counts against the attempt's time, and is slow in a build for tests.
        builder = builder.timeout(Duration::from_secs(60));
    }
    let version = if fault.is_http2() { HttpVersion::Http2 } else { HttpVersion::Http1 };
    let client = builder.http_version(version).ordered(true).build().unwrap();
    let url = server.url_of(name).unwrap();
    let is_route = url.starts_with(server.url());
    let next = if is_route { server.url() } else { &url };
    let _watchdog = Watchdog::new();
    let mut run = client.run([Request::get(1, &url), Request::get(2, next)]);
    expected.check(&run.next().unwrap());
    let second = run.next().unwrap();
    if is_route {
        gets(200, "{\"message\":\"Hello world!\"}").check(&second);
    } else {
        expected.check(&second);
    }
    assert!(run.next().is_none());
    match (connection, server.connections()) {
        (Kept, 1) | (Absent, 0) | (Closed, 2..) => {}
        (_, connections) => panic!("{connections} connections"),
    }
}

macro_rules! wire_faults {
    ($($name:ident: $fault:literal, $expected:expr, $connection:expr;)*) => {
        $(#[test]
        fn $name() {
            meet($fault, &$expected, &$connection);
        })*

        const TABLE: &[&str] = &[$($fault),*];
    };
}

wire_faults! {
    a_port_where_nobody_listens: "connect/refused", fails(Connect, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Absent;
    a_server_that_closes_each_connection_at_once: "connect/closed", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_resets_each_connection_that_is_opened: "connect/reset", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_answers_before_it_is_asked: "connect/talks-first", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_closes_instead_of_an_answer: "close/after-request", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_closes_in_the_first_line: "close/in-status-line", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_closes_between_two_headers: "close/in-head", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_closes_before_a_body_that_it_has_announced: "close/after-head", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_closes_in_the_body: "close/in-body", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_resets_the_connection_instead_of_an_answer: "reset/after-request", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_resets_it_between_two_headers: "reset/in-head", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_resets_it_in_the_body: "reset/in-body", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_resets_it_in_a_chunk: "reset/in-chunk", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_says_that_nothing_will_come_and_stays_open: "half-close/after-request", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_answers_and_says_that_nothing_more_will_come: "half-close/after-answer", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_never_answers: "silence/after-request", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_stops_in_the_head: "silence/in-head", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_stops_in_the_body: "silence/in-body", fails(Timeout, Phase::Body, SENT, "The attempt timed out while its response's body was coming"), Closed;
    a_server_that_stops_in_a_chunk: "silence/in-chunk", fails(Timeout, Phase::Body, SENT, "The attempt timed out while its response's body was coming"), Closed;
    a_server_that_answers_byte_by_byte_and_comes_to_an_end: "drip/answer", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_server_that_sends_a_header_every_20_ms_for_ever: "drip/endless-head", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_sends_a_byte_every_20_ms_for_ever: "drip/endless-body", fails(Timeout, Phase::Body, SENT, "The attempt timed out while its response's body was coming"), Closed;
    a_server_that_speaks_another_protocol: "status-line/not-http", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid HTTP version"), Closed;
    a_server_that_sends_a_body_without_a_head: "status-line/http-0.9", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid HTTP version"), Closed;
    a_server_that_writes_http: "status-line/lower-case", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid HTTP version"), Closed;
    a_server_that_claims_to_speak_http_3_0_in_text: "status-line/version-3", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid HTTP version"), Closed;
    a_server_that_speaks_http_1_0: "status-line/version-1.0", gets(200, "{}"), Closed;
    a_server_that_has_no_status_code: "status-line/no-code", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid response status"), Closed;
    a_server_that_has_letters_for_a_status_code: "status-line/code-of-letters", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid response status"), Closed;
    a_server_that_has_a_status_code_of_two_digits: "status-line/two-digits", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid response status"), Closed;
    a_server_that_has_a_status_code_of_four_digits: "status-line/four-digits", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid response status"), Closed;
    a_server_that_has_a_negative_status_code: "status-line/negative", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid response status"), Closed;
    a_server_that_has_a_status_code_that_means_nothing: "status-line/code-999", gets(999, "{}"), Kept;
    a_server_that_has_no_reason_phrase_which_is_allowed: "status-line/no-reason", gets(200, "{}"), Kept;
    a_server_that_has_a_nul_in_the_reason_phrase: "status-line/reason-with-nul", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid response status"), Closed;
    a_server_that_never_ends_its_first_line: "status-line/endless", fails(TooLarge, Phase::Head, SENT, "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"), Closed;
    a_server_that_sends_empty_lines_before_the_first: "status-line/empty-lines-before", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_server_that_ends_lines_with_a_line_feed_alone: "header/line-feeds-only", gets(200, "{}"), Kept;
    a_server_that_has_a_line_that_is_no_header: "header/no-colon", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid header name"), Closed;
    a_server_that_has_a_header_without_a_name: "header/no-name", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid header name"), Closed;
    a_server_that_has_a_space_behind_a_header_s_name: "header/space-before-colon", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid header name"), Closed;
    a_server_that_continues_a_header_on_the_next_line: "header/folded", gets(200, "{}"), Kept;
    a_server_that_has_a_control_character_in_a_value_which_does_no_harm: "header/control-in-value", gets(200, "{}"), Kept;
    a_server_that_has_a_nul_in_a_value: "header/nul-in-value", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid header value"), Closed;
    a_server_that_has_a_carriage_return_in_a_value: "header/carriage-return-in-value", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid header value"), Closed;
    a_server_that_has_a_header_s_name_that_is_not_ascii: "header/not-ascii-name", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: invalid header name"), Closed;
    a_server_that_has_a_value_that_is_not_utf_8: "header/latin-1-value", gets(200, "{}"), Kept;
    a_server_that_sends_a_thousand_headers: "header/a-thousand", fails(TooLarge, Phase::Head, SENT, "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"), Closed;
    a_server_that_never_stops_sending_headers: "header/flood", fails(TooLarge, Phase::Head, SENT, "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"), Closed;
    a_server_that_sends_a_header_of_a_megabyte: "header/of-a-megabyte", fails(TooLarge, Phase::Head, SENT, "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"), Closed;
    a_server_that_never_ends_a_header: "header/endless-value", fails(TooLarge, Phase::Head, SENT, "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"), Closed;
    a_server_that_sends_100_and_103_before_the_answer_which_is_allowed: "interim/some", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_server_that_never_stops_sending_100: "interim/flood", fails(Protocol, Phase::Head, SENT, "The server sends informational responses (1xx) without end"), Closed;
    a_server_that_switches_to_a_protocol_that_nobody_asked_for: "interim/switching-protocols", fails(Protocol, Phase::Head, SENT, "The server switches to another protocol (101)"), Closed;
    a_server_that_sends_more_than_it_has_announced: "length/longer-than-said", gets(200, "{}"), Closed;
    a_server_that_announces_two_lengths: "length/two-that-differ", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: its Content-Length is not one number"), Closed;
    a_server_that_announces_the_same_length_twice: "length/same-twice", gets(200, "{}"), Kept;
    a_server_that_announces_a_negative_length: "length/negative", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: its Content-Length is not one number"), Closed;
    a_server_that_announces_a_length_with_a_plus: "length/with-plus", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: its Content-Length is not one number"), Closed;
    a_server_that_announces_a_length_that_is_no_number: "length/of-letters", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: its Content-Length is not one number"), Closed;
    a_server_that_announces_a_length_without_saying_it: "length/empty", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: its Content-Length is not one number"), Closed;
    a_server_that_announces_more_than_64_bits_can_count: "length/overflowing", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: its Content-Length is not one number"), Closed;
    a_server_that_announces_a_terabyte: "length/a-terabyte", fails(TooLarge, Phase::Body, SENT, "The body is larger than max_response_size (67108864 bytes)"), Closed;
    a_server_that_sends_a_body_without_an_end: "length/none-and-endless", fails(TooLarge, Phase::Body, SENT, "The body is larger than max_response_size (67108864 bytes)"), Closed;
    a_server_that_ends_the_body_by_closing_which_is_allowed: "length/none", gets(200, "{}"), Closed;
    a_server_that_sends_a_body_with_204: "length/no-content-with-body", gets(204, ""), Closed;
    a_server_that_sends_a_body_with_304: "length/not-modified-with-body", gets(304, ""), Closed;
    a_server_that_announces_chunks_and_a_length: "chunked/and-length", gets(200, "{}"), Closed;
    a_server_that_has_a_chunk_size_that_is_no_number: "chunked/bad-size", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: a chunk does not begin with"), Closed;
    a_server_that_has_a_negative_chunk_size: "chunked/negative-size", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: a chunk does not begin with"), Closed;
    a_server_that_has_a_chunk_without_a_size: "chunked/empty-size", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: a chunk does not begin with"), Closed;
    a_server_that_has_rubbish_behind_a_chunk_s_size: "chunked/rubbish-behind-size", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: something stands between a"), Closed;
    a_server_that_never_ends_the_zeros_of_a_chunk_s_size: "chunked/endless-zeros", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: its chunk extensions and"), Closed;
    a_server_that_pads_a_chunk_s_size_which_is_allowed: "chunked/padded-size", gets(200, "{}"), Kept;
    a_server_that_writes_a_chunk_size_as_0x2: "chunked/prefixed-size", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: a chunk does not begin with"), Closed;
    a_server_that_has_a_chunk_size_of_more_than_64_bits: "chunked/overflowing-size", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: a chunk does not begin with"), Closed;
    a_server_that_has_a_chunk_that_is_longer_than_it_says: "chunked/longer-than-said", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: a chunk is longer than its"), Closed;
    a_server_that_closes_in_a_chunk_s_size: "chunked/close-in-size", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_closes_in_a_chunk: "chunked/close-in-chunk", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_closes_before_the_last_chunk: "chunked/close-before-last", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_closes_in_the_trailers: "chunked/close-in-trailers", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_has_chunk_extensions_which_are_allowed: "chunked/extensions", gets(200, "{}"), Kept;
    a_server_that_never_ends_a_chunk_extension: "chunked/endless-extension", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: its chunk extensions and"), Closed;
    a_server_that_sends_trailers_which_is_allowed: "chunked/trailers", gets(200, "{}"), Kept;
    a_server_that_never_stops_sending_trailers: "chunked/endless-trailers", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: its chunk extensions and"), Closed;
    a_server_that_never_stops_sending_chunks: "chunked/endless", fails(TooLarge, Phase::Body, SENT, "The body is larger than max_response_size (67108864 bytes)"), Closed;
    a_server_that_sends_more_behind_the_last_chunk: "chunked/bytes-after-end", gets(200, "{}"), Closed;
    a_server_that_has_a_transfer_coding_that_is_unknown: "coding/unknown-transfer-coding", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: it has a Transfer-Encoding that is unknown"), Closed;
    a_server_that_has_an_unknown_transfer_coding_in_chunks: "coding/unknown-transfer-coding-in-chunks", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: it has a Transfer-Encoding that is unknown"), Closed;
    a_server_that_compresses_the_whole_message_which_is_allowed: "coding/gzip-transfer-coding", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_server_that_compresses_it_until_it_closes: "coding/gzip-transfer-coding-until-close", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_claims_to_be_gzip_in_transfer: "coding/not-gzip-transfer-coding", fails(Decode, Phase::Answer, SENT, "The body is not valid Gzip"), Kept;
    a_server_that_names_no_coding_and_ends_by_closing: "coding/identity-transfer-coding", gets(200, "{}"), Closed;
    a_server_that_has_a_transfer_coding_behind_chunked: "coding/chunked-not-last", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP: it has a Transfer-Encoding with"), Closed;
    a_server_that_redirects_to_itself: "redirect/loop", fails(Redirect, Phase::Answer, SENT, "More than 10 redirects"), Kept;
    a_server_that_redirects_to_nowhere: "redirect/no-location", gets(302, ""), Kept;
    a_server_that_redirects_to_another_protocol: "redirect/ftp", fails(Redirect, Phase::Answer, SENT, "http://127.0.0.1:"), Kept;
    a_server_that_redirects_to_what_is_no_url: "redirect/no-url", fails(Redirect, Phase::Answer, SENT, "http://127.0.0.1:"), Kept;
    a_server_that_redirects_to_where_nobody_listens: "redirect/refused", fails(Connect, Phase::Connect, SENT, "Cannot connect to 127.0.0.1:"), Kept;
    a_server_that_redirects_to_two_places_at_once: "redirect/two-places", fails(Redirect, Phase::Answer, SENT, "http://127.0.0.1:"), Kept;
    a_server_that_names_where_it_redirects_to_twice: "redirect/one-place-twice", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_server_that_redirects_to_nothing: "redirect/empty-location", gets(302, ""), Kept;
    a_server_that_redirects_to_a_path_that_is_no_utf_8: "redirect/latin-1-location", gets(404, ""), Kept;
    a_server_that_redirects_with_a_body: "redirect/short-body", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_server_that_redirects_and_stops_in_the_body: "redirect/unfinished-body", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_redirects_and_stops_in_a_chunk: "redirect/unfinished-chunk", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_redirects_with_a_body_until_it_closes_and_does_not: "redirect/body-until-close", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_redirects_and_closes_in_the_body: "redirect/truncated-body", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_redirects_with_a_chunk_that_has_no_size: "redirect/broken-chunk", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_redirects_with_a_body_of_a_terabyte: "redirect/a-terabyte", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_redirects_and_never_stops_sending_chunks: "redirect/endless-chunks", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_answers_429_and_asks_for_a_second: "status/429", gets(429, "{}"), Kept;
    a_server_that_answers_503_and_asks_for_a_second: "status/503", gets(503, "{}"), Kept;
    a_server_that_asks_for_a_time_that_has_passed: "status/503-date-in-the-past", gets(503, "{}"), Kept;
    a_server_that_asks_for_a_negative_time: "status/503-negative", gets(503, "{}"), Kept;
    a_server_that_asks_for_what_is_no_time: "status/503-nonsense", gets(503, "{}"), Kept;
    a_server_that_answers_500: "status/500", gets(500, "{}"), Kept;
    a_server_that_says_nothing_of_closing_and_closes_behind_its_answer: "keep-alive/close-after-answer", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_closes_when_the_next_request_comes: "keep-alive/close-under-request", gets(200, "{\"message\":\"Hello world!\"}"), Closed;
    a_server_that_says_that_it_closes_and_does_not: "keep-alive/close-announced", gets(200, "{}"), Closed;
    a_body_of_zeros_in_gzip_that_are_a_bomb: "bomb/gzip", fails(TooLarge, Phase::Answer, SENT, "The body grows by more than 200 times in decoding Gzip"), Kept;
    a_body_of_zeros_in_deflate_that_are_a_bomb: "bomb/deflate", fails(TooLarge, Phase::Answer, SENT, "The body grows by more than 200 times in decoding Deflate"), Kept;
    a_body_of_zeros_in_zstd_that_are_a_bomb: "bomb/zstd", fails(TooLarge, Phase::Answer, SENT, "The body grows by more than 200 times in decoding Zstd"), Kept;
    a_body_of_zeros_in_br_that_are_a_bomb: "bomb/br", fails(TooLarge, Phase::Answer, SENT, "The body grows by more than 200 times in decoding Brotli"), Kept;
    a_body_of_zeros_in_gzip_in_gzip_that_are_a_bomb: "bomb/nested", fails(TooLarge, Phase::Answer, SENT, "The body grows by more than 200 times in decoding Gzip"), Kept;
    a_body_of_a_body_in_six_codings: "coding/too-many", fails(Decode, Phase::Answer, SENT, "The body has more than 5 content-encodings"), Kept;
    a_body_of_gzip_with_damage_in_it: "coding/broken-gzip", fails(Decode, Phase::Answer, SENT, "The body is not valid Gzip"), Kept;
    a_body_of_deflate_with_damage_in_it: "coding/broken-deflate", fails(Decode, Phase::Answer, SENT, "The body is not valid Deflate"), Kept;
    a_body_of_zstd_with_damage_in_it: "coding/broken-zstd", fails(Decode, Phase::Answer, SENT, "The body is not valid Zstd"), Kept;
    a_body_of_bytes_that_are_no_br: "coding/broken-br", fails(Decode, Phase::Answer, SENT, "The body is not valid Brotli"), Kept;
    a_body_of_gzip_without_its_end: "coding/cut-gzip", fails(Decode, Phase::Answer, SENT, "The body is not valid Gzip"), Kept;
    a_body_of_zstd_without_its_end: "coding/cut-zstd", fails(Decode, Phase::Answer, SENT, "The body is not valid Zstd"), Kept;
    a_body_of_br_without_its_end: "coding/cut-br", fails(Decode, Phase::Answer, SENT, "The body is not valid Brotli"), Kept;
    a_body_of_text_that_claims_to_be_gzip: "coding/not-gzip", fails(Decode, Phase::Answer, SENT, "The body is not valid Gzip"), Kept;
    a_body_of_a_coding_that_is_unknown: "coding/unknown", gets(200, "{\"message\":\"Hello world!\"}"), Kept;
    a_body_of_no_bytes_that_claim_to_be_gzip: "coding/empty-gzip", gets(200, ""), Kept;
    a_body_of_json_without_its_end: "json/broken", gets(200, "{\"message\":"), Kept;
    a_body_of_json_that_is_nested_100_000_deep: "json/deep", gets(200, "[[[[[[[[[[[[[[[[[[[["), Kept;
    a_body_of_json_with_bytes_that_are_not_utf_8: "json/not-utf-8", gets(200, "{\"a\":\"\u{fffd}\"}"), Kept;
    a_body_of_html_where_json_was_wanted: "json/html", gets(200, "<html>hello</html>"), Kept;
    a_server_that_shows_a_certificate_that_has_expired: "tls/expired", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_shows_a_certificate_for_another_host: "tls/wrong-host", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_shows_a_certificate_that_it_has_signed_itself: "tls/self-signed", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_shows_one_of_an_authority_that_nobody_trusts: "tls/untrusted", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_never_answers_the_handshake: "tls/silence", fails(Timeout, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_closes_instead_of_a_handshake: "tls/close", fails(Connect, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_resets_the_connection_instead_of_a_handshake: "tls/reset", fails(Connect, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_speaks_http_where_tls_was_wanted: "tls/plain-http", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_sends_what_is_no_tls: "tls/garbage", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_refuses_the_handshake: "tls/alert", fails(ErrorKind::Tls, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_sends_a_byte_of_the_handshake_every_50_ms: "tls/drip", fails(Timeout, Phase::Connect, UNSENT, "Cannot connect to 127.0.0.1:"), Closed;
    a_server_that_answers_as_it_should: "h2/good", gets(200, "{}"), Kept;
    a_server_that_closes_instead_of_an_answer_h2: "h2/close", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_resets_the_connection_instead_of_an_answer_h2: "h2/reset-connection", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_never_answers_h2: "h2/silence", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_stops_in_the_body_h2: "h2/silence-in-body", fails(Timeout, Phase::Body, SENT, "The attempt timed out while its response's body was coming"), Closed;
    a_server_that_closes_in_the_body_h2: "h2/close-in-body", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_goes_away_and_says_that_it_has_not_looked_at_the_request: "h2/goaway-unprocessed", fails(Protocol, Phase::Head, UNSENT, "Server disconnected"), Closed;
    a_server_that_goes_away_after_this_request_and_answers_it: "h2/goaway-and-answer", gets(200, "{}"), Closed;
    a_server_that_goes_away_after_this_request_and_does_not_answer_it: "h2/goaway-and-close", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_goes_away_because_it_is_asked_too_much: "h2/goaway-calm", fails(Protocol, Phase::Head, SENT, "Server disconnected"), Closed;
    a_server_that_refuses_each_stream: "h2/rst-refused", fails(Protocol, Phase::Head, UNSENT, "The server reset the stream"), Closed;
    a_server_that_resets_the_stream_with_an_internal_error: "h2/rst-internal", fails(Protocol, Phase::Head, SENT, "The server reset the stream"), Closed;
    a_server_that_resets_the_stream_in_the_body: "h2/rst-cancel-in-body", fails(Body, Phase::Body, SENT, "The response's body broke off"), Closed;
    a_server_that_never_stops_sending_settings: "h2/settings-flood", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_never_stops_sending_pings: "h2/ping-flood", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_never_stops_sending_empty_data: "h2/empty-data-flood", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: connection error detected"), Closed;
    a_server_that_never_ends_a_head: "h2/continuation-flood", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_never_stops_resetting_the_stream: "h2/rst-flood", fails(Protocol, Phase::Head, SENT, "The server reset the stream"), Closed;
    a_server_that_allows_no_byte_of_a_body: "h2/zero-window", fails(Timeout, Phase::Head, SENT, "The attempt timed out while waiting for a response"), Closed;
    a_server_that_widens_the_window_beyond_its_bound: "h2/window-overflow", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_widens_a_stream_s_window_beyond_its_bound: "h2/stream-window-overflow", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_widens_the_window_by_nothing: "h2/zero-window-update", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_more_than_the_window_allows: "h2/body-beyond-window", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: stream error detected"), Closed;
    a_server_that_sends_a_frame_beyond_the_size_that_was_agreed_on: "h2/frame-too-large", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: connection error detected"), Closed;
    a_server_that_sends_data_on_the_connection_s_own_stream: "h2/data-on-stream-0", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_body_without_a_head_h2: "h2/data-before-head", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_answers_a_request_that_was_never_made: "h2/unknown-stream", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_head_that_cannot_be_read: "h2/bad-hpack", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_head_without_a_status: "h2/no-status", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_header_s_name_in_upper_case: "h2/upper-case-name", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_header_that_http_2_forbids: "h2/connection-header", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_thousand_headers_h2: "h2/a-thousand-headers", fails(TooLarge, Phase::Head, SENT, "The response has more than 256 headers (MAX_RESPONSE_HEADERS) or 64 KiB of them"), Closed;
    a_server_that_ends_the_body_before_the_length_that_it_has_announced: "h2/shorter-than-said", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: stream error detected"), Closed;
    a_server_that_sends_more_than_it_has_announced_h2: "h2/longer-than-said", fails(Body, Phase::Body, SENT, "The response's body is not framed as HTTP says: stream error detected"), Closed;
    a_server_that_promises_what_nobody_asked_for: "h2/push", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
    a_server_that_sends_a_frame_of_a_kind_that_is_unknown_and_answers: "h2/unknown-frame", gets(200, "{}"), Kept;
    a_server_that_sends_trailers_which_is_allowed_h2: "h2/trailers", gets(200, "{}"), Kept;
    a_server_that_redirects_and_stops_in_the_body_h2: "h2/redirect-unfinished", gets(200, "{}"), Kept;
    a_server_that_sends_100_and_103_before_the_answer_h2: "h2/interim-some", gets(200, "{}"), Kept;
    a_server_that_never_stops_sending_103_h2: "h2/interim-flood", fails(Protocol, Phase::Head, SENT, "The server sends informational responses (1xx) without end"), Closed;
    a_server_that_switches_to_a_protocol_h2: "h2/switching-protocols", fails(Protocol, Phase::Head, SENT, "The server switches to another protocol (101)"), Closed;
    a_server_that_answers_in_the_text_of_http_1_1: "h2/http-1.1-text", fails(Protocol, Phase::Head, SENT, "The response is not valid HTTP/2"), Closed;
}

#[test]
fn a_server_that_asks_for_a_thousand_years_is_not_asked_again() {
    let server = FaultServer::start().unwrap();
    let client = Client::builder().num_workers(1).concurrency(1).ordered(true);
    let client = client.deadline(Duration::from_millis(500)).build().unwrap();
    let url = server.url_of("status/503-absurd").unwrap();
    let mut run = client.run([Request::get(1, &url), Request::get(2, server.url())]);
    gets(503, "{}").check(&run.next().unwrap());
    fails(Timeout, Schedule, UNSENT, "The request waited too long to be sent").check(&run.next().unwrap());
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_body_that_a_server_allows_no_byte_of_ends_with_the_attempts_time() {
    let server = FaultServer::start().unwrap();
    let (builder, _file) = client(&server);
    let client = builder.http_version(HttpVersion::Http2).build().unwrap();
    // More than fits into the window that a connection begins with.
    let request = Request::post(1, server.url_of("h2/zero-window").unwrap()).body(vec![b'x'; 1 << 20]);
    let _watchdog = Watchdog::new();
    let mut run = client.run([request]);
    fails(Timeout, Phase::Head, SENT, "The attempt timed out").check(&run.next().unwrap());
    assert!(run.next().is_none());
    assert_eq!(server.requests(), 1);
}

#[test]
fn what_a_server_asks_for_in_retry_after_is_in_its_response() {
    let server = FaultServer::start().unwrap();
    for (fault, value) in [
        ("status/429", "1"),
        ("status/503", "1"),
        ("status/503-date-in-the-past", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("status/503-negative", "-5"),
        ("status/503-absurd", "31536000000"),
        ("status/503-nonsense", "later"),
    ] {
        // A client for each: a host that asked for patience is left alone by the one that it told.
        let (builder, _file) = client(&server);
        let url = server.url_of(fault).unwrap();
        let outcome = builder.build().unwrap().run([Request::get(1, url)]).next().unwrap();
        assert_eq!(outcome.result.unwrap().headers.get("retry-after"), Some(value.as_bytes()), "{fault}");
    }
}

#[test]
fn every_fault_is_in_the_table() {
    let table: BTreeSet<_> = TABLE.iter().copied().chain(["status/503-absurd"]).collect();
    assert_eq!(table, FaultServer::faults().map(Fault::name).collect());
    assert!(table.len() >= 90);
}

#[test]
fn all_of_them_at_once_among_a_thousand_good_requests_leave_the_good_ones_right() {
    let server = FaultServer::start().unwrap();
    let (builder, _file) = client(&server);
    let client = builder.num_workers(2).concurrency(100).timeout(Duration::from_secs(5)).build().unwrap();
    // Those that ask for patience would hold back the good ones of their host, as they should.
    let faults = FaultServer::faults().map(Fault::name).filter(|name| !name.starts_with("status/"));
    let faults: Vec<_> = faults.map(|name| server.tls_url_of(name).unwrap()).collect();
    let good = [server.url().to_owned(), server.tls_url_of("h2/good").unwrap()];
    let mut requests: Vec<_> = (0..1000).map(|tag| Request::get(tag, &good[tag % 2])).collect();
    for (number, url) in faults.iter().enumerate() {
        requests.insert(number * 6, Request::get(1000 + number, url));
    }
    let _watchdog = Watchdog::new();
    let outcomes: Vec<_> = client.run(requests).collect();
    let tags: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.tag).collect();
    assert!(tags.into_iter().eq(0..1000 + faults.len()) && outcomes.len() == 1000 + faults.len());
    for outcome in outcomes.iter().filter(|outcome| outcome.tag < 1000) {
        let response = outcome.result.as_ref().unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.text(), ["{\"message\":\"Hello world!\"}", "{}"][outcome.tag % 2]);
    }
}
