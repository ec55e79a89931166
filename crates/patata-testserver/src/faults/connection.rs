//! The connections of a faulty server, each on a thread of its own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::faults::script::{Script, Stream};
use crate::faults::{FaultServer, How, http1, http2};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The longest head of a request; these are no servers to be attacked.
const LONGEST_HEAD: usize = 1 << 16;

/// What is done on the connections of a port.
#[derive(Debug, Clone)]
pub(crate) enum Speaks {
    Http1,
    Http2(fn(u32) -> Script),
    /// This, before anything is read.
    First(fn() -> Script),
    /// TLS, and HTTP/2 with this script, or HTTP/1.1.
    Tls(Arc<ServerConfig>, Option<fn(u32) -> Script>),
}

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct Seen {
    seed: u64,
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// How often each path of `/first` has been asked for.
    counts: Mutex<HashMap<String, u64>>,
    open: Mutex<HashMap<u64, TcpStream>>,
    is_stopped: AtomicBool,
}

impl Seen {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            counts: Mutex::default(),
            open: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Ends all connections.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        for socket in self.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            // It may be over already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// The script for a request by its path and query, where it names a fault.
    fn script(&self, target: &str) -> Option<Script> {
        let path = target.split('?').next().unwrap_or_default().trim_start_matches('/');
        if path.is_empty() {
            return Some(Script::default().send(http1::GOOD));
        }
        if let Some((count, fault)) = parameter(path, "first/") {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = counts.entry(target.to_owned()).or_default();
            *asked += 1;
            return if *asked <= count { script_of(fault) } else { self.script("/") };
        }
        if let Some((percent, fault)) = parameter(path, "sometimes/") {
            let mut hasher = DefaultHasher::new();
            (self.seed, target).hash(&mut hasher);
            return if hasher.finish() % 100 < percent { script_of(fault) } else { self.script("/") };
        }
        script_of(path)
    }
}

/// The number and the fault behind a prefix.
fn parameter<'p>(path: &'p str, prefix: &str) -> Option<(u64, &'p str)> {
    let (number, fault) = path.strip_prefix(prefix)?.split_once('/')?;
    Some((number.parse().ok()?, fault))
}

fn script_of(name: &str) -> Option<Script> {
    FaultServer::faults().find(|fault| fault.name() == name).and_then(|fault| match fault.how {
        How::Http1(script) => Some(script()),
        _ => None,
    })
}

/// Accepts connections on a port of its own, until all is stopped.
pub(crate) fn listen(seen: &Arc<Seen>, speaks: Speaks) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let seen = seen.clone();
    std::thread::Builder::new().name("faults".to_owned()).spawn(move || {
        for socket in listener.incoming() {
            if seen.is_stopped.load(Ordering::SeqCst) {
                return;
            }
            // Out of descriptors: the client is kept waiting, which is a fault as well.
            let Ok(socket) = socket else { continue };
            accept(&seen, &speaks, socket);
        }
    })?;
    Ok(address)
}

fn accept(seen: &Arc<Seen>, speaks: &Speaks, socket: TcpStream) {
    let number = seen.connections.fetch_add(1, Ordering::SeqCst);
    let Ok(remembered) = socket.try_clone() else { return };
    seen.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, remembered);
    let (seen, speaks) = (seen.clone(), speaks.clone());
    let thread = std::thread::Builder::new().name("fault".to_owned());
    // Without a thread the connection closes.
    let _ = thread.spawn(move || {
        serve(&seen, speaks, socket);
        seen.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    });
}

fn serve(seen: &Seen, speaks: Speaks, socket: TcpStream) {
    let socket = &mut Stream::Plain(socket);
    match speaks {
        Speaks::Http1 => serve_http1(seen, socket),
        Speaks::Http2(script) => serve_http2(seen, socket, script),
        Speaks::First(script) => drop(script().play(socket)),
        Speaks::Tls(config, http2) => {
            let Stream::Plain(socket) = socket else { return };
            let (Ok(tls), Ok(socket)) = (ServerConnection::new(config), socket.try_clone()) else { return };
            let mut stream = StreamOwned::new(tls, socket);
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    return;
                }
            }
            let stream = &mut Stream::Tls(Box::new(stream));
            match http2 {
                Some(script) if stream.speaks_http2() => serve_http2(seen, stream, script),
                _ => serve_http1(seen, stream),
            }
        }
    }
}

fn serve_http1(seen: &Seen, stream: &mut Stream) {
    let mut received = Vec::new();
    while let Some(target) = read_request(stream, &mut received) {
        seen.requests.fetch_add(1, Ordering::SeqCst);
        let not_found = || Script::default().send("HTTP/1.1 404 No Such Fault\r\ncontent-length: 0\r\n\r\n");
        if !seen.script(&target).unwrap_or_else(not_found).play(stream) {
            return;
        }
    }
}

/// Reads a request with its body. Returns its path and query; `None` once the client has gone.
fn read_request(stream: &mut Stream, received: &mut Vec<u8>) -> Option<String> {
    let head = loop {
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let rest = received.split_off(end + 4);
            let head = String::from_utf8_lossy(received).into_owned();
            *received = rest;
            break head;
        }
        if received.len() > LONGEST_HEAD {
            return None;
        }
        read_more(stream, received)?;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.unwrap_or_default();
    while received.len() < length {
        read_more(stream, received)?;
    }
    received.drain(..length);
    head.split(' ').nth(1).map(str::to_owned)
}

fn read_more(stream: &mut Stream, received: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
        _ => return None,
    }
    Some(())
}

fn serve_http2(seen: &Seen, stream: &mut Stream, script: fn(u32) -> Script) {
    let mut preface = [0; PREFACE.len()];
    let has_begun = stream.read_exact(&mut preface).is_ok() && preface == PREFACE;
    if !has_begun || stream.write_all(&http2::greeting()).is_err() {
        return;
    }
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let [a, b, c, kind, _, id @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if stream.read_exact(&mut vec![0; length]).is_err() {
            return;
        }
        if http2::begins_request(kind) {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            if !script(u32::from_be_bytes(id)).play(stream) {
                return;
            }
        }
    }
}
