//! Everything that touches a socket: names, connections, TLS, and one exchange at a time on a lane.

pub(crate) mod collect;
pub(crate) mod connect;
mod dns;
pub(crate) mod establish;
pub(crate) mod lane;
pub(crate) mod pool;
pub(crate) mod tls;
