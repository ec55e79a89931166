//! A server whose answers a function gives, and that knows what it was asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request: its target as `/items?page=2`, its head in lower case, its body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// A parameter of the query, as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let pairs = self.target.split_once('?')?.1.split('&');
        pairs.filter_map(|pair| pair.split_once('=')).find(|(other, _)| *other == name)?.1.parse().ok()
    }
}

/// Status, header lines and body.
pub(crate) type Answer = (u16, String, String);

/// A page of JSON.
pub(crate) fn json(body: impl Into<String>) -> Answer {
    (200, String::new(), body.into())
}

/// The server. It goes on until the test process ends.
pub(crate) struct Api {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Api {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, answer) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(answer));
        let log = asked.clone();
        thread::spawn(move || {
            for connection in listener.incoming().map(Result::unwrap) {
                let (answer, log) = (answer.clone(), log.clone());
                thread::spawn(move || serve(connection, &*answer, &log));
            }
        });
        Self { url, asked }
    }

    /// What it was asked for so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The targets alone, in their order.
    pub(crate) fn targets(&self) -> Vec<String> {
        let mut targets: Vec<_> = self.asked().into_iter().map(|asked| asked.target).collect();
        targets.sort();
        targets
    }
}

/// Answers the requests of a connection until it is closed.
fn serve(mut connection: TcpStream, answer: &dyn Fn(&Asked) -> Answer, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while let Some(asked) = read(&mut reader) {
        log.lock().unwrap().push(asked.clone());
        let (status, headers, body) = answer(&asked);
        let length = body.len();
        let whole = format!("HTTP/1.1 {status} Any\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        if connection.write_all(whole.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let target = head.split(' ').nth(1)?.to_owned();
    let head = head.to_lowercase();
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { target, head, body: String::from_utf8(body).unwrap() })
}
