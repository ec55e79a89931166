//! Proxies for the tests: an HTTP proxy that opens tunnels, and a SOCKS5 proxy, each with its log.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::{Peer, RawServer};

/// An HTTP proxy that leads every tunnel to `origin`, whatever it is asked for.
pub(crate) fn tunnelling(origin: SocketAddr) -> RawServer {
    tunnelling_with(origin, "HTTP/1.1 200 Connection established\r\n\r\n")
}

/// The same with an answer of one's own.
pub(crate) fn tunnelling_with(origin: SocketAddr, answer: &'static str) -> RawServer {
    RawServer::start(move |peer| {
        if peer.request().is_some() {
            peer.send(answer);
            pipe(&peer.stream, origin);
        }
    })
}

/// A SOCKS5 proxy that leads every tunnel to `origin`, and what it was asked.
pub(crate) fn socks(origin: SocketAddr, user: Option<(&'static str, &'static str)>) -> (RawServer, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let server = RawServer::start(move |peer| {
        let destination = greet(peer, user);
        log.0.lock().unwrap().push(destination.as_ref().map_or_else(ToString::to_string, Clone::clone));
        match destination {
            Ok(_) => {
                peer.send([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
                pipe(&peer.stream, origin);
            }
            Err(_) => peer.wait_for_the_end(),
        }
    });
    (server, asked)
}

/// Where a SOCKS proxy was asked to lead, or what went wrong.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Shakes hands as RFC 1928 and 1929 say. Returns the destination, and in what form it was named.
fn greet(peer: &mut Peer, user: Option<(&str, &str)>) -> io::Result<String> {
    let methods = {
        let [_, count] = take(&peer.stream)?;
        take_many(&peer.stream, count.into())?
    };
    let method = if user.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        peer.send([5, 0xff]);
        return Err(io::Error::other("no common method"));
    }
    peer.send([5, method]);
    if let Some((user, password)) = user {
        let [_, length] = take(&peer.stream)?;
        let given_user = take_many(&peer.stream, length.into())?;
        let [length] = take(&peer.stream)?;
        let given_password = take_many(&peer.stream, length.into())?;
        if (&given_user[..], &given_password[..]) != (user.as_bytes(), password.as_bytes()) {
            peer.send([1, 1]);
            return Err(io::Error::other("wrong credentials"));
        }
        peer.send([1, 0]);
    }
    let [_, _, _, kind] = take(&peer.stream)?;
    let destination = match kind {
        1 => format!("ip {}", IpAddr::from(take::<4>(&peer.stream)?)),
        4 => format!("ip {}", IpAddr::from(take::<16>(&peer.stream)?)),
        _ => {
            let [length] = take(&peer.stream)?;
            format!("name {}", String::from_utf8_lossy(&take_many(&peer.stream, length.into())?))
        }
    };
    Ok(format!("{destination} {}", u16::from_be_bytes(take(&peer.stream)?)))
}

fn take<const N: usize>(mut stream: &TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn take_many(mut stream: &TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

/// Sends on what comes, both ways, until both have ended.
fn pipe(client: &TcpStream, origin: SocketAddr) {
    let server = TcpStream::connect(origin).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| send_on(client, &server));
        send_on(&server, client);
    });
}

fn send_on(mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
