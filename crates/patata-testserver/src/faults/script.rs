//! What a faulty server does on a connection, step by step.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use socket2::SockRef;

/// What is sent, and how it ends.
#[derive(Debug, Default)]
pub(crate) struct Script {
    acts: Vec<Act>,
    end: End,
}

#[derive(Debug)]
enum Act {
    Send(Vec<u8>),
    Pause(Duration),
    /// Waits until the client sends something.
    Await,
    /// Byte by byte, with pauses.
    Drip(Vec<u8>, Duration),
    /// Again and again, until the client goes away, or so many times.
    Flood(Vec<u8>, usize),
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// It waits for the next request.
    #[default]
    Keep,
    Close,
    /// A TCP reset.
    Reset,
    /// Nothing more is sent, and it stays open for reading.
    HalfClose,
    /// It stays open, and nothing happens until the client goes away.
    Silence,
}

impl Script {
    pub(crate) fn send(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.acts.push(Act::Send(bytes.into()));
        self
    }

    pub(crate) fn pause(mut self, milliseconds: u64) -> Self {
        self.acts.push(Act::Pause(Duration::from_millis(milliseconds)));
        self
    }

    pub(crate) fn wait_for_more(mut self) -> Self {
        self.acts.push(Act::Await);
        self
    }

    pub(crate) fn drip(mut self, bytes: impl Into<Vec<u8>>, milliseconds: u64) -> Self {
        self.acts.push(Act::Drip(bytes.into(), Duration::from_millis(milliseconds)));
        self
    }

    pub(crate) fn flood(mut self, bytes: impl Into<Vec<u8>>, times: usize) -> Self {
        self.acts.push(Act::Flood(bytes.into(), times));
        self
    }

    pub(crate) fn then(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// Does it. Returns whether another request may come.
    pub(crate) fn play(&self, stream: &mut Stream) -> bool {
        if self.acts.iter().try_for_each(|act| act.play(stream)).is_err() {
            // The client has gone, as it may.
            return false;
        }
        stream.end(self.end)
    }
}

impl Act {
    fn play(&self, stream: &mut Stream) -> io::Result<()> {
        match self {
            Self::Send(bytes) => stream.write_all(bytes)?,
            Self::Pause(wait) => std::thread::sleep(*wait),
            Self::Await => drop(stream.read(&mut [0; 4096])?),
            Self::Drip(bytes, wait) => {
                for byte in bytes {
                    stream.write_all(&[*byte])?;
                    stream.flush()?;
                    std::thread::sleep(*wait);
                }
            }
            Self::Flood(bytes, times) => {
                for _ in 0..*times {
                    stream.write_all(bytes)?;
                }
            }
        }
        stream.flush()
    }
}

/// A connection, with TLS on it or not.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Whether TLS has settled on HTTP/2.
    pub(crate) fn speaks_http2(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.conn.alpn_protocol() == Some(b"h2"))
    }

    fn end(&mut self, end: End) -> bool {
        match end {
            End::Keep => return true,
            End::Close => {
                if let Self::Tls(stream) = self {
                    stream.conn.send_close_notify();
                    // The client may have gone before.
                    let _ = stream.flush();
                }
                self.part();
            }
            End::Reset => {
                // Without it the socket closes in an orderly way, which is another fault.
                let _ = SockRef::from(self.socket()).set_linger(Some(Duration::ZERO));
            }
            End::HalfClose => self.part(),
            End::Silence => self.read_to_the_end(),
        }
        false
    }

    /// Nothing more is sent. What the client still sends is read: else a reset may overtake what was sent.
    fn part(&mut self) {
        let _ = self.socket().shutdown(Shutdown::Write);
        self.read_to_the_end();
    }

    fn read_to_the_end(&mut self) {
        while matches!(self.read(&mut [0; 4096]), Ok(count) if count > 0) {}
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
