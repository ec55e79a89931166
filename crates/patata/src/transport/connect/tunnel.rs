//! Tunnels to an origin through a proxy: HTTP's CONNECT, and SOCKS5.

use std::future::{Ready, ready};
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use http::{StatusCode, Uri};
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_service::Service;

use crate::address::target::Origin;
use crate::config::proxies::Proxy;
use crate::error::{Error, Kind, Phase};
use crate::transport::connect::stream::Stream;
use crate::transport::connection::{MAX_INFORMATIONAL, refused};
use crate::transport::http1;

/// How much of an answer is read at once.
const READ: usize = 4096;

/// Where a tunnel leads.
pub(crate) enum Destination<'a> {
    /// By its name, which the proxy looks up.
    Origin(&'a Origin),
    /// By an address that has been looked up here.
    Address(SocketAddr),
}

impl Destination<'_> {
    /// `host:port`, an IPv6 address in brackets.
    fn authority(&self) -> String {
        match self {
            Self::Origin(origin) => format!("{}:{}", origin.host, origin.port),
            Self::Address(address) => address.to_string(),
        }
    }
}

/// Asks an HTTP proxy for a tunnel.
pub(crate) async fn connect(
    mut stream: Box<dyn Stream>,
    proxy: &Proxy,
    origin: &Origin,
) -> Result<Box<dyn Stream>, Error> {
    let failed = |cause: io::Error| unreachable_through(proxy, origin).with_source(cause);
    let request = connect_request(proxy, &Destination::Origin(origin).authority());
    stream.write_all(&request).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let (status, behind) = answer(&mut stream).await.map_err(failed)?;
    if !status.is_success() {
        return Err(refused(status, proxy));
    }
    if behind.is_empty() {
        return Ok(stream);
    }
    // The server has spoken first.
    let (reading, writing) = tokio::io::split(stream);
    Ok(Box::new(tokio::io::join(Cursor::new(behind).chain(reading), writing)))
}

/// The request, whose names have capitals: there are proxies that know no `proxy-authorization`.
fn connect_request(proxy: &Proxy, authority: &str) -> Vec<u8> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// The status of a proxy's answer, and what has come behind its head: a tunnel has no body.
async fn answer(stream: &mut Box<dyn Stream>) -> io::Result<(StatusCode, Vec<u8>)> {
    let (mut received, mut informational) = (Vec::new(), 0);
    loop {
        while let Some((head, length)) = http1::head::parse(&received, &mut Vec::new())? {
            received.drain(..length);
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok((head.status, received));
            }
            informational += 1;
            if informational > MAX_INFORMATIONAL {
                return Err(io::Error::other("it sends informational responses (1xx) without end"));
            }
        }
        received.reserve(READ);
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"));
        }
    }
}

/// Asks a SOCKS5 proxy for a tunnel.
pub(crate) async fn socks(
    stream: Box<dyn Stream>,
    proxy: &Proxy,
    origin: &Origin,
    destination: Destination<'_>,
) -> Result<Box<dyn Stream>, Error> {
    let failed = || unreachable_through(proxy, origin);
    let uri = Uri::builder()
        .scheme("socks5")
        .authority(destination.authority())
        .path_and_query("/")
        .build()
        .map_err(|cause| failed().with_source(cause))?;
    let mut service = SocksV5::new(Uri::default(), Once(Some(TokioIo::new(stream))));
    if let Some((user, password)) = proxy.user.clone() {
        service = service.with_auth(user, password);
    }
    let tunnel = service.call(uri).await.map_err(|cause| failed().with_source(cause))?;
    Ok(tunnel.into_inner())
}

/// A connection that is there, as the library wants it: one that is made.
struct Once(Option<TokioIo<Box<dyn Stream>>>);

impl Service<Uri> for Once {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or("one connection is good for one tunnel"))
    }
}

fn unreachable_through(proxy: &Proxy, origin: &Origin) -> Error {
    Error::new(Kind::Proxy, Phase::Connect, format!("Cannot connect to {origin} through the proxy {proxy}"))
}
