//! A tiny HTTP client over a plain socket, which shares no code with the server.

// A failure in here is a failed test, and not every test needs all of it.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use patata_testserver::Server;
use serde_json::Value;

/// A connection to a server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer as it came over the connection, its body taken out of its chunks.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Client {
        let stream = TcpStream::connect(server.address()).unwrap();
        // So that a fault is a failed test rather than one that hangs.
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).unwrap();
        stream.set_write_timeout(limit).unwrap();
        let stream = BufReader::new(stream);
        Client { stream }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, request: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(request.as_ref()).unwrap();
    }

    /// Sends a request with more header lines (each ended by `\r\n`) and a body.
    pub(crate) fn request(&mut self, target: &str, headers: &str, body: &str) -> Answer {
        let length = match body.len() {
            0 => String::new(),
            length => format!("content-length: {length}\r\n"),
        };
        self.send(format!("{target} HTTP/1.1\r\nhost: test\r\n{headers}{length}\r\n{body}"));
        self.receive(target.starts_with("HEAD "))
    }

    /// Sends a request such as `GET /path` without anything more.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.request(target, "", "")
    }

    /// Reads one answer, without a body if it is one to HEAD.
    pub(crate) fn receive(&mut self, to_head: bool) -> Answer {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !to_head && !matches!(status, 204 | 304) {
            answer.body = self.body(&answer);
        }
        answer
    }

    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        if let Some(length) = answer.header("content-length") {
            return self.bytes(length.parse().unwrap());
        }
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            body.extend(self.bytes(length));
            assert_eq!(self.line(), "");
            if length == 0 {
                return body;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.strip_suffix("\r\n").expect("a whole line").to_owned()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whether the server has closed the connection and sent nothing more
    /// before; waits for as long as a read may take.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

impl Answer {
    /// The value of a header, the first if it is repeated.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts that this is the answer of `/`.
    pub(crate) fn is_hello(&self) {
        assert_eq!(self.status, 200);
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.text(), r#"{"message":"Hello world!"}"#);
    }

    /// Asserts that this is a refusal of a parameter, with a reason that mentions this.
    pub(crate) fn is_bad_request(&self, mentioned: &str) {
        assert_eq!(self.status, 400);
        let error = &self.json()["error"];
        assert!(error.as_str().unwrap().contains(mentioned), "{error}");
    }
}
