//! Where a holder listens: an address, or a socket in a folder.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::BudgetError;
use crate::handle::Handle;

/// Where it is to listen.
#[derive(Debug, Clone)]
pub(crate) enum Where {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What listens, before there is a runtime.
pub(crate) enum Listener {
    Tcp(std::net::TcpListener, tokio::sync::OnceCell<tokio::net::TcpListener>),
    #[cfg(unix)]
    Unix(Socket, tokio::sync::OnceCell<tokio::net::UnixListener>),
}

/// A socket that is removed in the end.
#[cfg(unix)]
pub(crate) struct Socket {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
}

#[cfg(unix)]
impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(&self.path);
    }
}

pub(crate) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl Listener {
    /// Begins to listen, and says how it is reached.
    pub(crate) fn bind(place: &Where, secret: &str) -> Result<(Self, Handle), BudgetError> {
        match place {
            Where::Tcp(address) => {
                let failed = |cause: io::Error| BudgetError::CannotServe {
                    address: address.to_string(),
                    why: format!("{cause}; name another port, or 0 for any that is free"),
                };
                let listener = std::net::TcpListener::bind(address).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                let bound = listener.local_addr().map_err(failed)?;
                // An address of all interfaces is none that can be connected to everywhere.
                let host =
                    if bound.ip().is_ipv6() { format!("[{}]", bound.ip()) } else { bound.ip().to_string() };
                let handle = Handle::tcp(host, bound.port(), secret.to_owned());
                Ok((Self::Tcp(listener, tokio::sync::OnceCell::new()), handle))
            }
            #[cfg(unix)]
            Where::Unix(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let listener = socket(&path).map_err(|cause| BudgetError::CannotServe {
                    address: path.display().to_string(),
                    why: match cause.kind() {
                        io::ErrorKind::NotFound => format!("{cause}; make its folder, or name another path"),
                        _ => cause.to_string(),
                    },
                })?;
                let handle = Handle::unix(path.clone(), secret.to_owned());
                Ok((Self::Unix(Socket { listener, path }, tokio::sync::OnceCell::new()), handle))
            }
            #[cfg(not(unix))]
            Where::Unix(path) => Err(BudgetError::CannotServe {
                address: path.display().to_string(),
                why: "there are no such sockets on this system; listen on an address".to_owned(),
            }),
        }
    }

    /// The next one who comes.
    pub(crate) async fn accept(&self) -> io::Result<(Reader, Writer)> {
        match self {
            Self::Tcp(listener, ready) => {
                let ready = ready
                    .get_or_try_init(async || tokio::net::TcpListener::from_std(listener.try_clone()?))
                    .await?;
                let (stream, _) = ready.accept().await?;
                stream.set_nodelay(true)?;
                let (reader, writer) = stream.into_split();
                Ok((Box::new(reader), Box::new(writer)))
            }
            #[cfg(unix)]
            Self::Unix(socket, ready) => {
                let ready = ready
                    .get_or_try_init(async || {
                        tokio::net::UnixListener::from_std(socket.listener.try_clone()?)
                    })
                    .await?;
                let (stream, _) = ready.accept().await?;
                let (reader, writer) = stream.into_split();
                Ok((Box::new(reader), Box::new(writer)))
            }
        }
    }
}

/// A socket that was never open to others: it is made in a folder of our own, and moved to its place.
#[cfg(unix)]
fn socket(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
    use std::os::unix::net::{UnixListener, UnixStream};

    // It could be made, and nobody could ever connect.
    if std::os::unix::net::SocketAddr::from_pathname(path).is_err() {
        return Err(io::Error::other(
            "its path is longer than sockets can have, some 100 bytes; name a shorter one",
        ));
    }
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(io::Error::other(
                "there is a file of that name, which is no socket; name another path",
            ));
        }
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::other("a holder is at work there already; end it, or name another path"));
        }
    }
    let folder = path.parent().unwrap_or(Path::new("/")).join(format!(".b{}", std::process::id()));
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let made = folder.join("s");
    let bound = UnixListener::bind(&made).and_then(|listener| {
        listener.set_nonblocking(true)?;
        fs::set_permissions(&made, fs::Permissions::from_mode(0o600))?;
        // One that a holder left that was killed is replaced.
        fs::rename(&made, path)?;
        Ok(listener)
    });
    let _ = fs::remove_file(&made);
    let _ = fs::remove_dir(&folder);
    bound
}
