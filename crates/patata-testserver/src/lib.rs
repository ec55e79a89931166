//! A small HTTP/1.1 server to try an HTTP client against.
//!
//! It is meant for tests, demonstrations and benchmarks: it starts in the
//! process that uses it, on a free port, and it goes away when its [`Server`]
//! is dropped. What it answers is decided by the path of the request alone, so
//! a test reads as what it asks for:
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! # fn main() -> std::io::Result<()> {
//! let server = patata_testserver::Server::start()?;
//!
//! let mut connection = TcpStream::connect(server.address())?;
//! connection.write_all(b"GET /status/418 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! connection.read_to_string(&mut answer)?;
//!
//! assert!(answer.starts_with("HTTP/1.1 418 "));
//! assert!(answer.ends_with(r#"{"status":418}"#));
//! # Ok(())
//! # }
//! ```
//!
//! # Routes
//!
//! Every route takes any method, reads the body of the request to its end, and
//! ignores the parts of the query that it does not name.
//!
//! | Path | Answer |
//! | --- | --- |
//! | `/` | 200, JSON: `{"message":"Hello world!"}`. |
//! | `/echo` | 200, JSON: `method`, `path`, `query` (the last two as they were sent, undecoded, without the `?`), `headers` (an object of lower-case names; the values of a repeated one joined by `, `), `body` (as text, bytes that are not UTF-8 replaced) and `length` (of the body, in bytes). |
//! | `/echo-body` | 200, the body of the request, with the content type it came with. |
//! | `/delay/{milliseconds}` | As `/`, after that long; ten minutes at most, a longer time is cut to that. |
//! | `/status/{code}` | That status, 200 to 999, JSON: `{"status":code}`. No body for 204, 205 and 304. |
//! | `/status/{code}?body=text` | That status with that text, as `text/plain`. |
//! | `/bytes/{n}` | 200, `n` bytes of `application/octet-stream`: the letters a to z, over and over. |
//! | `/chunked/{n}` | The same in the chunked transfer coding, without a content length. |
//! | `/redirect/{n}` | 302 to `/redirect/{n-1}`; `/redirect/0` answers as `/`. |
//! | `/redirect-to?url=address&status=307` | That status, 300 to 399, 302 where it is left out, with that location. |
//! | `/tagged/{tag}` | As `/`, with `ETag: "tag"`; 304 where `If-None-Match` is that. |
//! | `/flaky/{key}/{n}` | 503 to the first `n` requests with this key, then as `/`. The count is the server's, and starts at nought with it. |
//! | `/pages?page=2&size=10` | 200, JSON: a page of a list of 50: `items` (objects with `id` and `name`), `total`, and `next` (the path of the next page, or `null`), which is in the header `Link` too. Of 1 to 100 items, 10 where the size is left out. |
//! | `/site/{n}` | 200, HTML: one of 100 pages that link to one another, and to what `/robots.txt` forbids. |
//! | `/robots.txt` | 200, text: forbids `/site/private`. |
//! | `/close` | As `/`, and closes the connection. |
//! | `/v1/chat/completions` | As OpenAI's API answers, where there is [one](ServerBuilder::llm). |
//! | `/v1/messages` | As Anthropic's API does, likewise. |
//! | anything else | 404, JSON: `{"error":"no such route","path":path}`. |
//!
//! Parameters in a query are decoded as a form's are: `%20` and `+` are both a
//! space. A parameter that cannot be used, such as `/status/42` or
//! `/bytes/many`, is answered with 400 and JSON: `{"error":reason}`.
//!
//! Nothing is limited but the delay: the two echoes keep the whole body of the
//! request in memory, whatever its length, and an idle connection stays open.
//! So this is no server to show to anyone but oneself.
//!
//! The program of the same name serves these routes from a command line.

mod body;
mod faults;
mod llm;
mod pages;
mod query;
mod routes;
mod server;

pub use faults::{Fault, FaultServer};
pub use llm::{Llm, LlmAnswer, LlmCounts, LlmLimits};
pub use server::{Server, ServerBuilder};
