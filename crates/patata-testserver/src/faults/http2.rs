//! Faults of HTTP/2 servers, frame by frame. Each has a port of its own.

use crate::faults::Fault;
use crate::faults::script::{End, Script};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// `:status: 200`, from HPACK's static table.
const STATUS_200: &[u8] = &[0x88];

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len().to_be_bytes();
    [&length[length.len() - 3..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What a server begins with: its settings, which are all at their defaults.
pub(crate) fn greeting() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// Whether a frame that the client has sent begins a request.
pub(crate) fn begins_request(kind: u8) -> bool {
    kind == HEADERS
}

fn say(bytes: Vec<u8>) -> Script {
    Script::default().send(bytes)
}

fn head(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, STATUS_200)
}

/// The head of an informational response.
fn interim(stream: u32, status: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &literal(":status", status))
}

fn body(stream: u32, text: &str) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, text.as_bytes())
}

fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

fn go_away(last: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
}

/// A header that is not in the table: name and value as they are.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| (text.len() & 0x7f) as u8;
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

fn setting(identifier: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// A head of one's own, and a good body.
fn with_head(stream: u32, block: &[u8]) -> Script {
    say([frame(HEADERS, END_HEADERS, stream, block), body(stream, "{}")].concat())
}

pub(crate) const FAULTS: &[Fault] = &[
    Fault::http2(
        "h2/good",
        "answers as it should",
        |stream| say([head(stream), body(stream, "{}")].concat()),
    ),
    Fault::http2("h2/close", "closes instead of an answer", |_| Script::default().then(End::Close)),
    Fault::http2("h2/reset-connection", "resets the connection instead of an answer", |_| {
        Script::default().then(End::Reset)
    }),
    Fault::http2("h2/silence", "never answers", |_| Script::default().then(End::Silence)),
    Fault::http2("h2/silence-in-body", "stops in the body", |stream| {
        say([head(stream), frame(DATA, 0, stream, b"{")].concat()).then(End::Silence)
    }),
    Fault::http2("h2/close-in-body", "closes in the body", |stream| {
        say([head(stream), frame(DATA, 0, stream, b"{")].concat()).then(End::Close)
    }),
    Fault::http2(
        "h2/goaway-unprocessed",
        "goes away, and says that it has not looked at the request",
        |_| say(go_away(0, NO_ERROR)).then(End::Close),
    ),
    Fault::http2("h2/goaway-and-answer", "goes away after this request, and answers it", |stream| {
        say([go_away(stream, NO_ERROR), head(stream), body(stream, "{}")].concat()).then(End::Close)
    }),
    Fault::http2("h2/goaway-and-close", "goes away after this request, and does not answer it", |stream| {
        say(go_away(stream, NO_ERROR)).then(End::Close)
    }),
    Fault::http2("h2/goaway-calm", "goes away because it is asked too much", |stream| {
        say(go_away(stream, ENHANCE_YOUR_CALM)).then(End::Close)
    }),
    Fault::http2("h2/rst-refused", "refuses each stream", |stream| say(reset(stream, REFUSED_STREAM))),
    Fault::http2("h2/rst-internal", "resets the stream with an internal error", |stream| {
        say(reset(stream, INTERNAL_ERROR))
    }),
    Fault::http2("h2/rst-cancel-in-body", "resets the stream in the body", |stream| {
        say([head(stream), frame(DATA, 0, stream, b"{"), reset(stream, CANCEL)].concat())
    }),
    Fault::http2("h2/settings-flood", "never stops sending settings", |_| {
        Script::default().flood(setting(3, 100).repeat(100), 100_000)
    }),
    Fault::http2("h2/ping-flood", "never stops sending pings", |_| {
        Script::default().flood(frame(PING, 0, 0, &[0; 8]).repeat(100), 100_000)
    }),
    Fault::http2("h2/empty-data-flood", "never stops sending empty data", |stream| {
        say(head(stream)).flood(frame(DATA, 0, stream, b"").repeat(100), 100_000)
    }),
    Fault::http2("h2/continuation-flood", "never ends a head", |stream| {
        say(frame(HEADERS, 0, stream, STATUS_200))
            .flood(frame(CONTINUATION, 0, stream, &literal("a", "b").repeat(1000)), 100_000)
    }),
    Fault::http2("h2/rst-flood", "never stops resetting the stream", |stream| {
        Script::default().flood(reset(stream, CANCEL).repeat(100), 100_000)
    }),
    Fault::http2("h2/zero-window", "allows no byte of a body", |_| say(setting(4, 0)).then(End::Silence)),
    Fault::http2("h2/window-overflow", "widens the window beyond its bound", |_| {
        let widen = frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes());
        say(widen.repeat(2)).then(End::Silence)
    }),
    Fault::http2("h2/stream-window-overflow", "widens a stream's window beyond its bound", |stream| {
        let widen = frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        say(widen.repeat(2)).then(End::Silence)
    }),
    Fault::http2("h2/zero-window-update", "widens the window by nothing", |_| {
        say(frame(WINDOW_UPDATE, 0, 0, &[0; 4])).then(End::Silence)
    }),
    Fault::http2("h2/body-beyond-window", "sends more than the window allows", |stream| {
        say(head(stream)).flood(frame(DATA, 0, stream, &[b'x'; 16_384]), 1 << 16).then(End::Silence)
    }),
    Fault::http2("h2/frame-too-large", "sends a frame beyond the size that was agreed on", |stream| {
        say([head(stream), frame(DATA, END_STREAM, stream, &[b'x'; 20_000])].concat()).then(End::Silence)
    }),
    Fault::http2("h2/data-on-stream-0", "sends data on the connection's own stream", |_| {
        say(frame(DATA, 0, 0, b"{}")).then(End::Silence)
    }),
    Fault::http2("h2/data-before-head", "sends a body without a head", |stream| {
        say(body(stream, "{}")).then(End::Silence)
    }),
    Fault::http2("h2/unknown-stream", "answers a request that was never made", |stream| {
        say(head(stream + 100)).then(End::Silence)
    }),
    Fault::http2("h2/bad-hpack", "sends a head that cannot be read", |stream| {
        say(frame(HEADERS, END_HEADERS, stream, &[0xff; 20])).then(End::Silence)
    }),
    Fault::http2("h2/no-status", "sends a head without a status", |stream| {
        with_head(stream, &literal("a", "b"))
    }),
    Fault::http2("h2/upper-case-name", "sends a header's name in upper case", |stream| {
        with_head(stream, &[STATUS_200, &literal("Name", "b")[..]].concat())
    }),
    Fault::http2("h2/connection-header", "sends a header that HTTP/2 forbids", |stream| {
        with_head(stream, &[STATUS_200, &literal("connection", "close")[..]].concat())
    }),
    Fault::http2("h2/a-thousand-headers", "sends a thousand headers", |stream| {
        with_head(stream, &[STATUS_200, &literal("a", "b").repeat(1000)[..]].concat())
    }),
    Fault::http2("h2/shorter-than-said", "ends the body before the length that it has announced", |stream| {
        with_head(stream, &[STATUS_200, &literal("content-length", "10")[..]].concat())
    }),
    Fault::http2("h2/longer-than-said", "sends more than it has announced", |stream| {
        with_head(stream, &[STATUS_200, &literal("content-length", "1")[..]].concat())
    }),
    Fault::http2("h2/push", "promises what nobody asked for", |stream| {
        let promise = [&2_u32.to_be_bytes()[..], &[0x82, 0x84, 0x86]].concat();
        say(frame(PUSH_PROMISE, END_HEADERS, stream, &promise)).then(End::Silence)
    }),
    Fault::http2("h2/unknown-frame", "sends a frame of a kind that is unknown, and answers", |stream| {
        say([frame(0xee, 0, 0, b"?"), head(stream), body(stream, "{}")].concat())
    }),
    Fault::http2("h2/trailers", "sends trailers, which is allowed", |stream| {
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &literal("a", "b"));
        say([head(stream), frame(DATA, 0, stream, b"{}"), trailers].concat())
    }),
    Fault::http2("h2/redirect-unfinished", "redirects, and stops in the body", |stream| match stream {
        1 => {
            let block = [&literal(":status", "302")[..], &literal("location", "/other")].concat();
            say([frame(HEADERS, END_HEADERS, 1, &block), frame(DATA, 0, 1, b"{")].concat())
        }
        stream => say([head(stream), body(stream, "{}")].concat()),
    }),
    Fault::http2("h2/interim-some", "sends 100 and 103 before the answer, which is allowed", |stream| {
        say([interim(stream, "100"), interim(stream, "103"), head(stream), body(stream, "{}")].concat())
    }),
    Fault::http2("h2/interim-flood", "never stops sending 103", |stream| {
        Script::default().flood(interim(stream, "103").repeat(100), 100_000)
    }),
    Fault::http2(
        "h2/switching-protocols",
        "switches to a protocol, which HTTP/2 knows nothing of",
        |stream| say([interim(stream, "101"), head(stream), body(stream, "{}")].concat()),
    ),
    Fault::http2("h2/http-1.1-text", "answers in the text of HTTP/1.1", |_| {
        say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec()).then(End::Close)
    }),
];
