//! Faults of HTTP/1.1 servers, each under the path that is its name.

use crate::faults::Fault;
use crate::faults::script::{End, Script};

/// A response without a fault.
pub(crate) const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n{\"message\":\"Hello world!\"}";
const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn say(text: impl Into<Vec<u8>>) -> Script {
    Script::default().send(text)
}

fn close(text: impl Into<Vec<u8>>) -> Script {
    say(text).then(End::Close)
}

fn reset(text: impl Into<Vec<u8>>) -> Script {
    // What was sent has time to arrive before the reset, which would take it away.
    say(text).pause(50).then(End::Reset)
}

fn silence(text: impl Into<Vec<u8>>) -> Script {
    say(text).then(End::Silence)
}

/// A good body under a head of one's own.
fn head(lines: &str) -> Script {
    say(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\n{{}}"))
}

/// A chunked body of one's own.
fn chunks(body: &str) -> Script {
    say(format!("{CHUNKED}{body}"))
}

fn status(line: &str) -> Script {
    say(format!("{line}\r\ncontent-length: 2\r\n\r\n{{}}"))
}

fn retry_after(code: &str, value: &str) -> Script {
    say(format!("HTTP/1.1 {code}\r\nretry-after: {value}\r\ncontent-length: 2\r\n\r\n{{}}"))
}

fn redirect(location: &str) -> Script {
    say(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
}

/// A redirect to what is good, with a body that begins like this.
fn detour(lines: &str, body: &str) -> Script {
    say(format!("HTTP/1.1 302 Found\r\nlocation: /\r\n{lines}\r\n{body}"))
}

pub(crate) const FAULTS: &[Fault] = &[
    // Connections that end.
    Fault::http1("close/after-request", "closes instead of an answer", || close("")),
    Fault::http1("close/in-status-line", "closes in the first line", || close("HTTP/1.1 2")),
    Fault::http1("close/in-head", "closes between two headers", || close("HTTP/1.1 200 OK\r\nserver: x\r\n")),
    Fault::http1("close/after-head", "closes before a body that it has announced", || {
        close("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
    }),
    Fault::http1("close/in-body", "closes in the body", || close(HALF)),
    Fault::http1("reset/after-request", "resets the connection instead of an answer", || reset("")),
    Fault::http1("reset/in-head", "resets it between two headers", || {
        reset("HTTP/1.1 200 OK\r\nserver: x\r\n")
    }),
    Fault::http1("reset/in-body", "resets it in the body", || reset(HALF)),
    Fault::http1("reset/in-chunk", "resets it in a chunk", || reset(format!("{CHUNKED}a\r\n01234"))),
    Fault::http1("half-close/after-request", "says that nothing will come, and stays open", || {
        Script::default().then(End::HalfClose)
    }),
    Fault::http1("half-close/after-answer", "answers, and says that nothing more will come", || {
        say(GOOD).then(End::HalfClose)
    }),
    // Waiting.
    Fault::http1("silence/after-request", "never answers", || silence("")),
    Fault::http1("silence/in-head", "stops in the head", || silence("HTTP/1.1 200 OK\r\nserver:")),
    Fault::http1("silence/in-body", "stops in the body", || silence(HALF)),
    Fault::http1("silence/in-chunk", "stops in a chunk", || silence(format!("{CHUNKED}a\r\n01234"))),
    Fault::http1("drip/answer", "answers byte by byte, and comes to an end", || {
        Script::default().drip(GOOD, 2)
    }),
    Fault::http1("drip/endless-head", "sends a header every 20 ms, for ever", || {
        say("HTTP/1.1 200 OK\r\n").drip("a: b\r\n".repeat(10_000), 20).then(End::Silence)
    }),
    Fault::http1("drip/endless-body", "sends a byte every 20 ms, for ever", || {
        say("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").drip("x".repeat(1_000_000), 20)
    }),
    // First lines.
    Fault::http1("status-line/not-http", "speaks another protocol", || close("SSH-2.0-OpenSSH_9.2\r\n")),
    Fault::http1("status-line/http-0.9", "sends a body without a head", || close("<html>hello</html>")),
    Fault::http1("status-line/lower-case", "writes http", || status("http/1.1 200 OK")),
    Fault::http1("status-line/version-3", "claims to speak HTTP/3.0 in text", || status("HTTP/3.0 200 OK")),
    Fault::http1("status-line/version-1.0", "speaks HTTP/1.0", || status("HTTP/1.0 200 OK")),
    Fault::http1("status-line/no-code", "has no status code", || status("HTTP/1.1 OK")),
    Fault::http1("status-line/code-of-letters", "has letters for a status code", || {
        status("HTTP/1.1 abc OK")
    }),
    Fault::http1("status-line/two-digits", "has a status code of two digits", || status("HTTP/1.1 20 OK")),
    Fault::http1("status-line/four-digits", "has a status code of four digits", || {
        status("HTTP/1.1 2000 OK")
    }),
    Fault::http1("status-line/negative", "has a negative status code", || status("HTTP/1.1 -20 OK")),
    Fault::http1("status-line/code-999", "has a status code that means nothing", || {
        status("HTTP/1.1 999 Odd")
    }),
    Fault::http1("status-line/no-reason", "has no reason phrase, which is allowed", || {
        status("HTTP/1.1 200")
    }),
    Fault::http1("status-line/reason-with-nul", "has a NUL in the reason phrase", || {
        status("HTTP/1.1 200 O\0K")
    }),
    Fault::http1("status-line/endless", "never ends its first line", || {
        say("HTTP/1.1 200 ").flood("x".repeat(4096), 10_000)
    }),
    Fault::http1("status-line/empty-lines-before", "sends empty lines before the first", || {
        say(format!("\r\n\r\n{GOOD}"))
    }),
    // Headers.
    Fault::http1("header/line-feeds-only", "ends lines with a line feed alone", || {
        say("HTTP/1.1 200 OK\ncontent-length: 2\n\n{}")
    }),
    Fault::http1("header/no-colon", "has a line that is no header", || head("what is this\r\n")),
    Fault::http1("header/no-name", "has a header without a name", || head(": value\r\n")),
    Fault::http1("header/space-before-colon", "has a space behind a header's name", || head("a : b\r\n")),
    Fault::http1("header/folded", "continues a header on the next line", || head("a: b\r\n c\r\n")),
    Fault::http1("header/control-in-value", "has a control character in a value, which does no harm", || {
        head("a: b\x01c\x7f\r\n")
    }),
    Fault::http1("header/nul-in-value", "has a NUL in a value", || head("a: b\0c\r\n")),
    Fault::http1("header/carriage-return-in-value", "has a carriage return in a value", || {
        head("a: b\rc\r\n")
    }),
    Fault::http1("header/not-ascii-name", "has a header's name that is not ASCII", || head("ä: b\r\n")),
    Fault::http1("header/latin-1-value", "has a value that is not UTF-8", || {
        let lines = b"HTTP/1.1 200 OK\r\na: \xe4\r\ncontent-length: 2\r\n\r\n{}";
        say(&lines[..])
    }),
    Fault::http1("header/a-thousand", "sends a thousand headers", || head(&"a: b\r\n".repeat(1_000))),
    Fault::http1("header/flood", "never stops sending headers", || {
        say("HTTP/1.1 200 OK\r\n").flood("a: b\r\n".repeat(1_000), 10_000)
    }),
    Fault::http1("header/of-a-megabyte", "sends a header of a megabyte", || {
        head(&format!("a: {}\r\n", "b".repeat(1 << 20)))
    }),
    Fault::http1("header/endless-value", "never ends a header", || {
        say("HTTP/1.1 200 OK\r\na: ").flood("b".repeat(4096), 10_000)
    }),
    // Interim responses.
    Fault::http1("interim/some", "sends 100 and 103 before the answer, which is allowed", || {
        say(format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n{GOOD}"))
    }),
    Fault::http1("interim/flood", "never stops sending 100", || {
        Script::default().flood("HTTP/1.1 100 Continue\r\n\r\n".repeat(100), 100_000)
    }),
    Fault::http1("interim/switching-protocols", "switches to a protocol that nobody asked for", || {
        say("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
            .then(End::Silence)
    }),
    // The length of bodies.
    Fault::http1("length/longer-than-said", "sends more than it has announced", || {
        say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}and more")
    }),
    Fault::http1("length/two-that-differ", "announces two lengths", || head("content-length: 3\r\n")),
    Fault::http1("length/same-twice", "announces the same length twice", || head("content-length: 2\r\n")),
    Fault::http1("length/negative", "announces a negative length", || {
        close("HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}")
    }),
    Fault::http1("length/with-plus", "announces a length with a plus", || {
        close("HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}")
    }),
    Fault::http1("length/of-letters", "announces a length that is no number", || {
        close("HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n{}")
    }),
    Fault::http1("length/empty", "announces a length without saying it", || {
        close("HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n{}")
    }),
    Fault::http1("length/overflowing", "announces more than 64 bits can count", || {
        close("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{}")
    }),
    Fault::http1("length/a-terabyte", "announces a terabyte", || {
        say("HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n").flood("x".repeat(65_536), 1 << 24)
    }),
    Fault::http1("length/none-and-endless", "sends a body without an end", || {
        say("HTTP/1.1 200 OK\r\n\r\n").flood("x".repeat(65_536), 1 << 24)
    }),
    Fault::http1("length/none", "ends the body by closing, which is allowed", || {
        close("HTTP/1.1 200 OK\r\n\r\n{}")
    }),
    Fault::http1("length/no-content-with-body", "sends a body with 204", || {
        say("HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n{}")
    }),
    Fault::http1("length/not-modified-with-body", "sends a body with 304", || {
        say("HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n{}")
    }),
    // Chunks.
    Fault::http1("chunked/and-length", "announces chunks and a length", || {
        say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    }),
    Fault::http1("chunked/bad-size", "has a chunk size that is no number", || {
        chunks("zz\r\n{}\r\n0\r\n\r\n")
    }),
    Fault::http1("chunked/negative-size", "has a negative chunk size", || chunks("-2\r\n{}\r\n0\r\n\r\n")),
    Fault::http1("chunked/empty-size", "has a chunk without a size", || chunks("\r\n{}\r\n0\r\n\r\n")),
    Fault::http1("chunked/rubbish-behind-size", "has rubbish behind a chunk's size", || {
        chunks("2 erfrferferf\r\n{}\r\n0\r\n\r\n")
    }),
    Fault::http1("chunked/endless-zeros", "never ends the zeros of a chunk's size", || {
        say(CHUNKED).flood("0".repeat(4096), 10_000)
    }),
    Fault::http1("chunked/padded-size", "pads a chunk's size, which is allowed", || {
        chunks("02  \r\n{}\r\n0 \r\n\r\n")
    }),
    Fault::http1("chunked/prefixed-size", "writes a chunk size as 0x2", || chunks("0x2\r\n{}\r\n0\r\n\r\n")),
    Fault::http1("chunked/overflowing-size", "has a chunk size of more than 64 bits", || {
        chunks("fffffffffffffffff\r\n{}\r\n0\r\n\r\n")
    }),
    Fault::http1("chunked/longer-than-said", "has a chunk that is longer than it says", || {
        chunks("2\r\n{}and more\r\n0\r\n\r\n")
    }),
    Fault::http1("chunked/close-in-size", "closes in a chunk's size", || close(format!("{CHUNKED}2"))),
    Fault::http1("chunked/close-in-chunk", "closes in a chunk", || close(format!("{CHUNKED}a\r\n01234"))),
    Fault::http1("chunked/close-before-last", "closes before the last chunk", || {
        close(format!("{CHUNKED}2\r\n{{}}\r\n"))
    }),
    Fault::http1("chunked/close-in-trailers", "closes in the trailers", || {
        close(format!("{CHUNKED}2\r\n{{}}\r\n0\r\na: b"))
    }),
    Fault::http1("chunked/extensions", "has chunk extensions, which are allowed", || {
        chunks("2;a=b;c\r\n{}\r\n0;d\r\n\r\n")
    }),
    Fault::http1("chunked/endless-extension", "never ends a chunk extension", || {
        say(format!("{CHUNKED}2;")).flood("x".repeat(4096), 10_000)
    }),
    Fault::http1("chunked/trailers", "sends trailers, which is allowed", || {
        chunks("2\r\n{}\r\n0\r\na: b\r\n\r\n")
    }),
    Fault::http1("chunked/endless-trailers", "never stops sending trailers", || {
        say(format!("{CHUNKED}2\r\n{{}}\r\n0\r\n")).flood("a: b\r\n".repeat(1_000), 10_000)
    }),
    Fault::http1("chunked/endless", "never stops sending chunks", || {
        say(CHUNKED).flood(format!("10000\r\n{}\r\n", "x".repeat(65_536)), 1 << 24)
    }),
    Fault::http1("chunked/bytes-after-end", "sends more behind the last chunk", || {
        chunks("2\r\n{}\r\n0\r\n\r\nand more")
    }),
    Fault::http1("coding/unknown-transfer-coding", "has a transfer coding that is unknown", || {
        close("HTTP/1.1 200 OK\r\ntransfer-encoding: rot13\r\n\r\n{}")
    }),
    Fault::http1(
        "coding/unknown-transfer-coding-in-chunks",
        "has an unknown transfer coding in chunks",
        || say("HTTP/1.1 200 OK\r\ntransfer-encoding: foo, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ),
    Fault::http1("coding/identity-transfer-coding", "names no coding, and ends by closing", || {
        close("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n{}")
    }),
    Fault::http1("coding/chunked-not-last", "has a transfer coding behind chunked", || {
        close("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    }),
    // Redirects.
    Fault::http1("redirect/loop", "redirects to itself", || redirect("/redirect/loop")),
    Fault::http1("redirect/no-location", "redirects to nowhere", || {
        say("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n")
    }),
    Fault::http1("redirect/ftp", "redirects to another protocol", || redirect("ftp://localhost/")),
    Fault::http1("redirect/no-url", "redirects to what is no URL", || redirect("http://[/")),
    Fault::http1("redirect/refused", "redirects to where nobody listens", || redirect("http://127.0.0.1:1/")),
    Fault::http1("redirect/two-places", "redirects to two places at once", || {
        redirect("/\r\nlocation: /json/html")
    }),
    Fault::http1("redirect/one-place-twice", "names where it redirects to twice", || {
        redirect("/\r\nlocation: /")
    }),
    Fault::http1("redirect/empty-location", "redirects to nothing", || redirect("")),
    Fault::http1("redirect/latin-1-location", "redirects to a path that is no UTF-8", || {
        say(&b"HTTP/1.1 302 Found\r\nlocation: /caf\xe9\r\ncontent-length: 0\r\n\r\n"[..])
    }),
    Fault::http1("redirect/short-body", "redirects with a body", || {
        detour("content-length: 6\r\n", "potato")
    }),
    Fault::http1("redirect/unfinished-body", "redirects, and stops in the body", || {
        detour("content-length: 100\r\n", "potato").then(End::Silence)
    }),
    Fault::http1("redirect/unfinished-chunk", "redirects, and stops in a chunk", || {
        detour("transfer-encoding: chunked\r\n", "a\r\npotato").then(End::Silence)
    }),
    Fault::http1("redirect/body-until-close", "redirects with a body until it closes, and does not", || {
        detour("", "potato").then(End::Silence)
    }),
    Fault::http1("redirect/truncated-body", "redirects, and closes in the body", || {
        detour("content-length: 100\r\n", "potato").then(End::Close)
    }),
    Fault::http1("redirect/broken-chunk", "redirects with a chunk that has no size", || {
        detour("transfer-encoding: chunked\r\n", "zz\r\n").then(End::Silence)
    }),
    Fault::http1("redirect/a-terabyte", "redirects with a body of a terabyte", || {
        detour("content-length: 1099511627776\r\n", "").flood("x".repeat(65_536), 1 << 24)
    }),
    Fault::http1("redirect/endless-chunks", "redirects, and never stops sending chunks", || {
        detour("transfer-encoding: chunked\r\n", "").flood("1\r\nx\r\n".repeat(1_000), 1 << 24)
    }),
    // Statuses that ask for patience.
    Fault::http1("status/429", "answers 429 and asks for a second", || retry_after("429 Too Many", "1")),
    Fault::http1("status/503", "answers 503 and asks for a second", || retry_after("503 Busy", "1")),
    Fault::http1("status/503-date-in-the-past", "asks for a time that has passed", || {
        retry_after("503 Busy", "Sun, 06 Nov 1994 08:49:37 GMT")
    }),
    Fault::http1("status/503-negative", "asks for a negative time", || retry_after("503 Busy", "-5")),
    Fault::http1("status/503-absurd", "asks for a thousand years", || retry_after("503 Busy", "31536000000")),
    Fault::http1("status/503-nonsense", "asks for what is no time", || retry_after("503 Busy", "later")),
    Fault::http1("status/500", "answers 500", || say("HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\n{}")),
    // Connections that are kept, or not.
    Fault::http1(
        "keep-alive/close-after-answer",
        "says nothing of closing, and closes behind its answer",
        || close(GOOD),
    ),
    Fault::http1("keep-alive/close-under-request", "closes when the next request comes", || {
        say(GOOD).wait_for_more().then(End::Close)
    }),
    Fault::http1("keep-alive/close-announced", "says that it closes, and does not", || {
        say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
    }),
];
