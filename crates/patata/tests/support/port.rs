//! A port that a test holds, whether it listens there or not.

use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

/// A port of this machine at which nobody listens: it refuses connections, and no other test is given it.
pub(crate) struct Port(TcpSocket);

impl Port {
    /// One that is free.
    pub(crate) fn reserve() -> Self {
        Self::reserve_at(([127, 0, 0, 1], 0).into())
    }

    pub(crate) fn reserve_at(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Connections that a server has had there do not keep it from being taken again.
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Listens. No more than about `backlog` connections wait to be accepted.
    pub(crate) fn listen(self, backlog: u32) -> TcpListener {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _inside = runtime.enter();
        let listener = self.0.listen(backlog).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}
