//! A server that does all that servers should not, to see what becomes of a job that meets it.

mod bodies;
mod connection;
mod http1;
mod http2;
mod script;
mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Socket, Type};

use connection::{Seen, Speaks};
use script::Script;
pub(crate) use tls::{AUTHORITY, Certificate};

/// Something that a server does wrong, or might.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    name: &'static str,
    what: &'static str,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// In answer to a request for the path that is its name.
    Http1(fn() -> Script),
    /// The same for the stream of a request.
    Http2(fn(u32) -> Script),
    /// As soon as a connection has been accepted.
    Accepted(fn() -> Script),
    /// Instead of TLS.
    Handshake(fn() -> Script),
    Certificate(Certificate),
    /// No connection is accepted.
    Refusing,
}

impl Fault {
    const fn http1(name: &'static str, what: &'static str, script: fn() -> Script) -> Self {
        Self { name, what, how: How::Http1(script) }
    }

    const fn http2(name: &'static str, what: &'static str, script: fn(u32) -> Script) -> Self {
        Self { name, what, how: How::Http2(script) }
    }

    const fn accepted(name: &'static str, what: &'static str, script: fn() -> Script) -> Self {
        Self { name, what, how: How::Accepted(script) }
    }

    const fn handshake(name: &'static str, what: &'static str, script: fn() -> Script) -> Self {
        Self { name, what, how: How::Handshake(script) }
    }

    const fn certificate(name: &'static str, what: &'static str, certificate: Certificate) -> Self {
        Self { name, what, how: How::Certificate(certificate) }
    }

    const fn refusing(name: &'static str, what: &'static str) -> Self {
        Self { name, what, how: How::Refusing }
    }

    /// Its name, by which [`FaultServer::url_of`] knows it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What the server does.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Whether its server speaks HTTP/2, and so is asked with prior knowledge.
    pub fn is_http2(&self) -> bool {
        matches!(self.how, How::Http2(_))
    }
}

/// A server on this machine's loopback address with a URL for each of its [`faults`](Self::faults).
///
/// Faults of HTTP/1.1 are routes of one server: `/` answers as it should, `/close/in-body` and the like do not.
/// Those that come before any request, and those of TLS and HTTP/2, have ports of their own, which are opened
/// when they are asked for. Two more routes make faults come and go:
///
/// | Path | Answer |
/// | --- | --- |
/// | `/first/{n}/{fault}` | The first `n` requests for this very path and query meet the fault, the others none. |
/// | `/sometimes/{percent}/{fault}` | So many of a hundred meet it: which, is decided by the seed, and by path and query. |
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let server = patata_testserver::FaultServer::start()?;
/// let url = server.url_of("close/in-body")?;
/// assert_eq!(url, format!("{}/close/in-body", server.url()));
/// assert!(server.url_of("h2/goaway-unprocessed")?.starts_with("http://127.0.0.1:"));
/// assert!(patata_testserver::FaultServer::faults().count() > 100);
/// # Ok(())
/// # }
/// ```
///
/// All of it ends when it is dropped.
#[derive(Debug)]
pub struct FaultServer {
    url: String,
    seen: Arc<Seen>,
    /// By the fault's name and whether it is under TLS.
    ports: Mutex<BTreeMap<(&'static str, bool), SocketAddr>>,
    refusing: Mutex<Option<Socket>>,
}

impl FaultServer {
    /// Starts one whose seed is 0.
    ///
    /// # Errors
    /// Where no port or no thread is to be had.
    pub fn start() -> io::Result<Self> {
        Self::with_seed(0)
    }

    /// Starts one.
    ///
    /// # Errors
    /// Where no port or no thread is to be had.
    pub fn with_seed(seed: u64) -> io::Result<Self> {
        let seen = Arc::new(Seen::new(seed));
        let address = connection::listen(&seen, Speaks::Http1)?;
        let ports = Mutex::new(BTreeMap::from([(("", false), address)]));
        Ok(Self { url: format!("http://{address}"), seen, ports, refusing: Mutex::default() })
    }

    /// All that it can do.
    pub fn faults() -> impl Iterator<Item = &'static Fault> {
        [tls::CONNECTION_FAULTS, http1::FAULTS, bodies::FAULTS, tls::FAULTS, http2::FAULTS]
            .into_iter()
            .flatten()
    }

    /// Where it listens for HTTP/1.1, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL at which a fault is met. Servers of HTTP/2 want to be asked with prior knowledge.
    ///
    /// # Errors
    /// Where there is no such fault, or no port is to be had.
    pub fn url_of(&self, fault: &str) -> io::Result<String> {
        let fault = find(fault)?;
        match fault.how {
            How::Http1(_) => Ok(format!("{}/{}", self.url, fault.name)),
            How::Http2(script) => self.own_port("http", fault.name, false, || Speaks::Http2(script)),
            How::Accepted(script) => self.own_port("http", fault.name, false, || Speaks::First(script)),
            How::Handshake(script) => self.own_port("https", fault.name, false, || Speaks::First(script)),
            How::Certificate(certificate) => self.own_tls_port(fault.name, certificate, None),
            How::Refusing => self.refused_port(),
        }
    }

    /// The URL at which a fault of HTTP/1.1 or HTTP/2 is met under TLS, with a certificate of
    /// [`authority_pem`](Self::authority_pem) for `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// Where there is no such fault, or no port is to be had.
    pub fn tls_url_of(&self, fault: &str) -> io::Result<String> {
        let fault = find(fault)?;
        match fault.how {
            How::Http1(_) => Ok(format!("{}{}", self.own_tls_port("", Certificate::Good, None)?, fault.name)),
            How::Http2(script) => self.own_tls_port(fault.name, Certificate::Good, Some(script)),
            _ => self.url_of(fault.name),
        }
    }

    /// The certificate, as PEM, of the authority that has signed what is good here.
    pub fn authority_pem(&self) -> &'static str {
        AUTHORITY
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many requests have been received.
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::SeqCst)
    }

    fn own_port(
        &self,
        scheme: &str,
        name: &'static str,
        is_tls: bool,
        speaks: impl FnOnce() -> Speaks,
    ) -> io::Result<String> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let address = match ports.get(&(name, is_tls)) {
            Some(address) => *address,
            None => {
                let address = connection::listen(&self.seen, speaks())?;
                ports.insert((name, is_tls), address);
                address
            }
        };
        Ok(format!("{scheme}://{address}/"))
    }

    fn own_tls_port(
        &self,
        name: &'static str,
        certificate: Certificate,
        http2: Option<fn(u32) -> Script>,
    ) -> io::Result<String> {
        let config = certificate.config(http2.is_some())?;
        self.own_port("https", name, true, || Speaks::Tls(config, http2))
    }

    /// A port that is taken, and at which nobody listens.
    fn refused_port(&self) -> io::Result<String> {
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        if refusing.is_none() {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
            *refusing = Some(socket);
        }
        let address = refusing.as_ref().map(Socket::local_addr).transpose()?;
        match address.and_then(|address| address.as_socket()) {
            Some(address) => Ok(format!("http://{address}/")),
            None => Err(io::Error::other("the socket has no address")),
        }
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.seen.stop();
        for address in self.ports.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
            // Whoever waits for a connection there sees that all is over.
            drop(TcpStream::connect(address));
        }
    }
}

fn find(name: &str) -> io::Result<&'static Fault> {
    FaultServer::faults().find(|fault| fault.name == name).ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("there is no fault named {name:?}; see faults()"))
    })
}
