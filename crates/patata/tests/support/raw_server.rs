//! A server for broken peers: a script says what it does to each connection, byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A server that does to each connection what a script says, HTTP or not.
pub(crate) struct RawServer {
    address: SocketAddr,
    log: Arc<Log>,
}

/// What a raw server has seen.
#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    ended: AtomicUsize,
    requests: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl RawServer {
    /// The script runs on a thread of its own for each connection, which is closed at the script's end.
    pub(crate) fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let (script, shared) = (Arc::new(script), log.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                let mut peer = Peer { stream, number, received: Vec::new(), log: shared.clone() };
                let script = script.clone();
                std::thread::spawn(move || script(&mut peer));
            }
        });
        Self { address, log }
    }

    /// Answers every request with the same bytes, and keeps the connection.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |peer| {
            while peer.request().is_some() {
                peer.send(&answer);
            }
        })
    }

    /// Answers one request on each connection with these bytes, and closes it.
    pub(crate) fn answering_once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |peer| {
            peer.request();
            peer.send(&answer);
        })
    }

    /// Takes requests and says nothing, until the client goes away.
    pub(crate) fn silent() -> Self {
        Self::start(|peer| while peer.request().is_some() {})
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections accepted.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// Connections that have ended, by whichever side.
    pub(crate) fn ended(&self) -> usize {
        self.log.ended.load(Ordering::SeqCst)
    }

    /// The requests received: head and body, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.requests.lock().unwrap().clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.log.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it has been stopped.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection of a [`RawServer`].
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// Counts the server's connections from 0.
    pub(crate) number: usize,
    received: Vec<u8>,
    log: Arc<Log>,
}

impl Peer {
    /// The next request, its body included; `None` once the client has gone.
    pub(crate) fn request(&mut self) -> Option<String> {
        let length = loop {
            if let Some(length) = whole_request(&self.received) {
                break length;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            }
        };
        let request: Vec<u8> = self.received.drain(..length).collect();
        let request = String::from_utf8_lossy(&request).into_owned();
        self.log.requests.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// `false` where the client has gone.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Answers 200 with this body, and means to keep the connection.
    pub(crate) fn answer(&mut self, body: &str) -> bool {
        self.send(ok(body))
    }

    /// Waits until the client has closed the connection.
    pub(crate) fn wait_for_the_end(&mut self) {
        while matches!(self.stream.read(&mut [0; 4096]), Ok(count) if count > 0) {}
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.log.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// A whole response.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The length of the request that `bytes` begin with, once all of it is there.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let whole = head + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
    (bytes.len() >= whole).then_some(whole)
}
