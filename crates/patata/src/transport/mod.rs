//! Everything that touches a socket: names, connections, TLS, and one exchange at a time on a lane.

pub(crate) mod burst;
pub(crate) mod collect;
pub(crate) mod connect;
mod dial;
pub(crate) mod dns;
pub(crate) mod establish;
pub(crate) mod http1;
mod http2;
pub(crate) mod lane;
pub(crate) mod part;
pub(crate) mod pool;
pub(crate) mod save;
pub(crate) mod stream;
pub(crate) mod timer;
pub(crate) mod tls;
mod tunnel;
mod verify;
mod windows;
