//! Everything that touches a socket: names, connections, TLS, and one exchange at a time on a connection.

pub(crate) mod blocking;
pub(crate) mod collect;
pub(crate) mod compose;
pub(crate) mod connect;
pub(crate) mod connection;
pub(crate) mod download;
pub(crate) mod http1;
mod http2;
pub(crate) mod outgoing;
pub(crate) mod part_file;
pub(crate) mod pool;
pub(crate) mod prepared;
pub(crate) mod timer;
mod windows;
