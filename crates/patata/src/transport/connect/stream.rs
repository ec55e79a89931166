//! A stream of bytes, and what the system knows of it without reading.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A stream of bytes to an origin, whatever it goes through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whether nothing has come that has not been read: no byte, no end, no fault. The system is asked, as the
    /// event loop may not have heard of it yet. `true` where that cannot be known.
    fn is_quiet(&self) -> bool {
        true
    }
}

impl Stream for TcpStream {
    fn is_quiet(&self) -> bool {
        is_quiet(self)
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {
    fn is_quiet(&self) -> bool {
        is_quiet(self)
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn is_quiet(&self) -> bool {
        self.get_ref().0.is_quiet()
    }
}

impl Stream for Box<dyn Stream> {
    fn is_quiet(&self) -> bool {
        (**self).is_quiet()
    }
}

/// What has been read already, and the rest.
impl<R: AsyncRead + Send + Unpin, W: AsyncWrite + Send + Unpin> Stream for tokio::io::Join<R, W> {}

#[cfg(unix)]
fn is_quiet(socket: &impl std::os::fd::AsFd) -> bool {
    use rustix::net::{RecvFlags, recv};

    let waiting = recv(socket, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    waiting.is_err_and(|error| error == rustix::io::Errno::AGAIN)
}

#[cfg(not(unix))]
fn is_quiet(_: &TcpStream) -> bool {
    true
}

#[cfg(test)]
impl Stream for turmoil::net::TcpStream {}
