//! The server: its listener, its threads and their end.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::body::Body;
use crate::faults::{AUTHORITY, Certificate};
use crate::llm::{LlmCounts, LlmLimits};
use crate::routes::Routes;

/// How many connections may wait to be accepted. The standard library asks for
/// 128, which a benchmark that opens thousands at once overflows; each one that
/// does not fit costs its client a second or more until it tries again.
const BACKLOG: u32 = 4096;

/// How long to leave the listener alone after it failed. Out of file
/// descriptors, it fails at once until a connection ends; without a pause, the
/// thread would do nothing else.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

/// HTTP/2 by its name in TLS.
const H2: &[u8] = b"h2";

/// A running server. It stops when this is dropped.
///
/// It may be started, stopped and dropped on any thread, inside an async
/// runtime too: it has threads of its own.
///
/// # Examples
///
/// ```
/// use patata_testserver::Server;
///
/// # fn main() -> std::io::Result<()> {
/// let server = Server::start()?;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(server.requests(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    url: String,
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

/// What the threads of a server have in common.
#[derive(Default)]
struct Shared {
    /// Where it speaks TLS.
    tls: Option<TlsAcceptor>,
    routes: Routes,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// One thread of a server.
#[derive(Debug)]
struct Worker {
    /// Stops the thread when it is dropped.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Starts a server with one thread on a free port of 127.0.0.1.
    ///
    /// It is ready when this returns: a client may connect at once.
    ///
    /// # Errors
    ///
    /// The operating system's, if it has no port, thread or file descriptor left.
    ///
    /// # Examples
    ///
    /// Two servers do not get in each other's way:
    ///
    /// ```
    /// use patata_testserver::Server;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (one, other) = (Server::start()?, Server::start()?);
    /// assert_ne!(one.url(), other.url());
    /// # Ok(())
    /// # }
    /// ```
    pub fn start() -> io::Result<Server> {
        Server::builder().start()
    }

    /// A server yet to be started, to choose its address and number of threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use patata_testserver::Server;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::builder().threads(2).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ServerBuilder {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        ServerBuilder { address, threads: 1, is_tls: false, llm: None }
    }

    /// The certificate of the authority that has signed that of a server with
    /// [`tls`](ServerBuilder::tls), as PEM.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(patata_testserver::Server::authority_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    /// ```
    pub fn authority_pem() -> &'static str {
        AUTHORITY
    }

    /// The URL of the server without a slash at its end, such as
    /// `http://127.0.0.1:41291`, to put a path behind.
    ///
    /// Of a server on all interfaces, this is `http://0.0.0.0:PORT`, which not
    /// every operating system lets a client connect to.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let server = patata_testserver::Server::start()?;
    /// let url = format!("{}/delay/100", server.url());
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address the server listens on, with the port that it was given.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let server = patata_testserver::Server::start()?;
    /// std::net::TcpStream::connect(server.address())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests the server has received since it started.
    ///
    /// A request counts once its headers have arrived, before it is answered;
    /// one that is not valid HTTP does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::net::TcpStream;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = patata_testserver::Server::start()?;
    /// let mut connection = TcpStream::connect(server.address())?;
    /// connection.write_all(b"GET /close HTTP/1.1\r\nhost: test\r\n\r\n")?;
    /// connection.read_to_string(&mut String::new())?;
    /// assert_eq!(server.requests(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Relaxed)
    }

    /// How many connections the server has accepted since it started.
    ///
    /// The operating system lets a client connect a moment before the server
    /// accepts; a connection is certain to be counted when a request on it has
    /// been answered.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let server = patata_testserver::Server::start()?;
    /// assert_eq!(server.connections(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Relaxed)
    }

    /// What its language model's API has been asked for, where it is one: see [`ServerBuilder::llm`].
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// assert_eq!(patata_testserver::Server::start()?.llm_counts(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn llm_counts(&self) -> Option<LlmCounts> {
        self.shared.routes.llm_counts()
    }

    /// Stops the server: it accepts no more, closes its connections, whatever
    /// they are in the middle of, and ends its threads.
    ///
    /// This waits for no client and no delay. Dropping the server does the
    /// same; this says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::TcpStream;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = patata_testserver::Server::start()?;
    /// let address = server.address();
    /// server.stop();
    /// assert!(TcpStream::connect(address).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // All are told before the first is waited for, so that they end at the same time.
        let tell = |Worker { stop, thread }| {
            drop(stop);
            thread
        };
        let threads: Vec<JoinHandle<()>> = self.workers.drain(..).map(tell).collect();
        for thread in threads {
            // A thread that panicked has said so on standard error and ended, which is all we want.
            let _ = thread.join();
        }
    }
}

/// A server yet to be started; [`Server::builder`] makes one.
///
/// # Examples
///
/// ```
/// use patata_testserver::Server;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .address("127.0.0.1:0".parse()?)
///     .threads(2)
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is started before start is called"]
pub struct ServerBuilder {
    address: SocketAddr,
    threads: usize,
    is_tls: bool,
    llm: Option<(LlmLimits, Duration)>,
}

impl ServerBuilder {
    /// Listens on this address, IPv4 or IPv6, rather than on a free port of 127.0.0.1.
    ///
    /// Port 0 is any free port; [`Server::address`] says which it became.
    ///
    /// # Examples
    ///
    /// ```
    /// use patata_testserver::Server;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().address("127.0.0.1:0".parse()?).start()?;
    /// assert_ne!(server.address().port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn address(mut self, address: SocketAddr) -> ServerBuilder {
        self.address = address;
        self
    }

    /// Serves with so many threads rather than one.
    ///
    /// Each accepts connections by itself and keeps those it accepted. One is
    /// enough for tests; a benchmark may want one for every core that it does
    /// not need itself. With 0, the start fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use patata_testserver::Server;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::builder().threads(4).start()?;
    /// assert!(Server::builder().threads(0).start().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn threads(mut self, threads: usize) -> ServerBuilder {
        self.threads = threads;
        self
    }

    /// Speaks TLS rather than plain HTTP, and HTTP/2 to who wants that, with a
    /// certificate of [`Server::authority_pem`] for `localhost` and 127.0.0.1.
    ///
    /// # Examples
    ///
    /// ```
    /// use patata_testserver::Server;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::builder().tls().start()?;
    /// assert!(server.url().starts_with("https://127.0.0.1:"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls(mut self) -> ServerBuilder {
        self.is_tls = true;
        self
    }

    /// Answers as a language model's API too, under these limits: `POST /v1/chat/completions` as OpenAI's, and
    /// `POST /v1/messages` as Anthropic's does. What is not refused is answered after `latency`. See
    /// [`Llm`](crate::Llm).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use patata_testserver::{LlmLimits, Server};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let limits = LlmLimits { requests_per_minute: 600, tokens_per_minute: 10_000, ..LlmLimits::default() };
    /// let server = Server::builder().llm(limits, Duration::from_millis(5)).start()?;
    /// assert_eq!(server.llm_counts().map(|counts| counts.requests), Some(0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn llm(mut self, limits: LlmLimits, latency: Duration) -> ServerBuilder {
        self.llm = Some((limits, latency));
        self
    }

    /// Starts the server. It is ready when this returns.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for 0 threads, otherwise the operating
    /// system's: the address is in use, or is not one of this computer's, or
    /// there is no thread or file descriptor left.
    ///
    /// # Examples
    ///
    /// ```
    /// use patata_testserver::Server;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::start()?;
    /// let taken = Server::builder().address(server.address()).start();
    /// assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(self) -> io::Result<Server> {
        if self.threads == 0 {
            let message = "a server needs at least one thread";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = bind(self.address)?;
        let address = listener.local_addr()?;
        let (scheme, tls) = if self.is_tls { ("https", Some(acceptor()?)) } else { ("http", None) };
        let routes = self.llm.map(|(limits, latency)| Routes::with_llm(limits, latency)).unwrap_or_default();
        let mut server = Server {
            address,
            url: format!("{scheme}://{address}"),
            shared: Arc::new(Shared { tls, routes, ..Shared::default() }),
            workers: Vec::with_capacity(self.threads),
        };
        // If one fails to start, the drop of the server stops those before it.
        for _ in 0..self.threads {
            let worker = start_worker(listener.try_clone()?, Arc::clone(&server.shared))?;
            server.workers.push(worker);
        }
        Ok(server)
    }
}

fn acceptor() -> io::Result<TlsAcceptor> {
    Certificate::Good.config_for(&[H2, b"http/1.1"]).map(TlsAcceptor::from)
}

/// A non-blocking listener with a long backlog, which among the standard
/// library and tokio only the latter's sockets can ask for.
fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let listener = {
        // Entered rather than run, as our caller may be inside a runtime,
        // where no other may be run.
        let _context = runtime.enter();
        listen(address).and_then(TcpListener::into_std)
    };
    // For the same reason not just dropped.
    runtime.shutdown_background();
    listener
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // To take over the port of a server that has just ended. On Windows it
    // would take over that of one that still runs.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Starts a thread, and waits for it to have what it needs or to say what it lacks.
fn start_worker(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<Worker> {
    let (stop, stopped) = oneshot::channel();
    let (started, outcome) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("patata-testserver".to_owned()).spawn(move || {
        match prepare(listener) {
            Ok((runtime, listener)) => {
                // The caller waits for this, so it is there to receive it.
                let _ = started.send(Ok(()));
                run(runtime, listener, shared, stopped);
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        }
    })?;
    outcome.recv().unwrap_or_else(|_| Err(io::Error::other("a thread of the server panicked")))?;
    Ok(Worker { stop, thread })
}

fn prepare(listener: std::net::TcpListener) -> io::Result<(Runtime, TcpListener)> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let context = runtime.enter();
    let listener = TcpListener::from_std(listener)?;
    drop(context);
    Ok((runtime, listener))
}

/// What a thread does: serve until it is told to stop.
fn run(runtime: Runtime, listener: TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    runtime.spawn(accept(listener, shared));
    // Nothing is ever sent: this ends when the sender is dropped.
    let _ = runtime.block_on(stopped);
    // The runtime is dropped here, and with it all its tasks: that of the
    // listener and those of the connections, which closes them.
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shared.connections.fetch_add(1, Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
            Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
        }
    }
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it, the connection still works, if slower.
    let _ = stream.set_nodelay(true);
    let Some(tls) = &shared.tls else { return speak(TokioIo::new(stream), false, shared).await };
    // A handshake that fails is the client's doing too.
    if let Ok(stream) = tls.accept(stream).await {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(H2);
        speak(TokioIo::new(stream), is_http2, shared).await;
    }
}

async fn speak(stream: impl Read + Write + Unpin, is_http2: bool, shared: Arc<Shared>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
    // An error is the client's doing, such as leaving early, and of interest to nobody here.
    let _ = if is_http2 {
        http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
    } else {
        // Without pipeline_flush, with which hyper puts no bound on what it buffers
        // of a long body, and holds back an answer while a later request waits.
        http1::Builder::new().keep_alive(true).serve_connection(stream, service).await
    };
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, hyper::Error> {
    shared.requests.fetch_add(1, Relaxed);
    let (parts, body) = request.into_parts();
    let body = receive(body, Routes::uses_body(parts.uri.path())).await?;
    let answer = shared.routes.answer(&parts, body);
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    Ok(answer.response)
}

/// Reads a body to its end, and returns it if it is to be kept.
///
/// One that nobody wants is read too: hyper would close the connection rather
/// than look for the next request behind it.
async fn receive(mut body: Incoming, keep: bool) -> Result<Bytes, hyper::Error> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if keep {
        return Ok(body.collect().await?.to_bytes());
    }
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(Bytes::new())
}
