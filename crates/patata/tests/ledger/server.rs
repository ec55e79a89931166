//! A server of the ledger tests: a thread with an event loop, which serves each connection as a protocol says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::book::Book;
use crate::watchdog::wait_until;
use crate::{http1, http2};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What each connection of a server knows.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) seed: u64,
    pub(crate) book: Arc<Book>,
    open: Arc<AtomicUsize>,
}

/// Serves until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn start(protocol: Protocol, seed: u64, book: Arc<Book>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::<AtomicUsize>::default();
        let context = Context { seed, book, open: open.clone() };
        let (stop, stopped) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::spawn(accept(TcpListener::from_std(listener).unwrap(), protocol, context));
                let _ = stopped.await;
            });
        });
        Self { address, open, _stop: stop }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until all that the client sent has been read: it has closed its connections before.
    pub(crate) fn wait_for_the_end(&self) {
        wait_until(|| self.open.load(Ordering::SeqCst) == 0);
    }
}

async fn accept(listener: TcpListener, protocol: Protocol, context: Context) {
    while let Ok((stream, _)) = listener.accept().await {
        let context = context.clone();
        context.open.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            // However the client ends a connection, the book has all that came on it.
            let _ = match protocol {
                Protocol::Http1 => http1::serve(stream, &context).await,
                Protocol::Http2 => http2::serve(stream, &context).await,
            };
            context.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Makes closing the connection a reset.
pub(crate) fn reset_on_close(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_zero_linger()
}
