//! Tunnels to an origin through a proxy: HTTP's CONNECT, and SOCKS5.

use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::error::{Error, Kind, Phase};
use crate::proxy::Proxy;
use crate::target::Origin;
use crate::transport::connect::Stream;

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
    stream: Box<dyn Stream>,
    proxy: &Proxy,
    origin: &Origin,
) -> Result<Box<dyn Stream>, Error> {
    let failed = |cause: hyper::Error| unreachable_through(proxy, origin).with_source(cause);
    let request = connect_request(proxy, &Destination::Origin(origin).authority())
        .map_err(|cause| unreachable_through(proxy, origin).with_source(cause))?;
    // There are proxies that know no `proxy-authorization`.
    let mut speaker = http1::Builder::new();
    speaker.title_case_headers(true);
    let (mut sender, connection) = speaker.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // It ends when the tunnel is there, or is given up.
    tokio::task::spawn_local(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(refused(response.status(), proxy));
    }
    let tunnel = hyper::upgrade::on(response).await.map_err(failed)?;
    Ok(Box::new(TokioIo::new(tunnel)))
}

fn connect_request(proxy: &Proxy, authority: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(authority)
        .header(header::HOST, HeaderValue::try_from(authority)?)
        .body(Empty::new())?;
    if let Some(authorization) = &proxy.authorization {
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, authorization.clone());
    }
    Ok(request)
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
    Ok(Box::new(tunnel.into_inner()))
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

/// A proxy has said no. To whoever has no credentials, or wrong ones, it will say so again.
pub(crate) fn refused(status: StatusCode, proxy: &Proxy) -> Error {
    let error = |why: String| {
        Error::new(Kind::Proxy, Phase::Connect, format!("Cannot connect through the proxy {proxy}: {why}"))
    };
    match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED if proxy.authorization.is_some() => {
            error("it does not accept the credentials in its URL (407)".to_owned()).lasting()
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            error("it wants credentials, which belong in its URL (407)".to_owned()).lasting()
        }
        status => error(format!("it refuses the tunnel ({status})")),
    }
}

fn unreachable_through(proxy: &Proxy, origin: &Origin) -> Error {
    Error::new(Kind::Proxy, Phase::Connect, format!("Cannot connect to {origin} through the proxy {proxy}"))
}
