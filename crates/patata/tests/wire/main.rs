//! What is said on the wire: HTTP/1.1 and HTTP/2, TLS, names, sockets, proxies, redirects, and all that goes wrong there.

#![allow(clippy::unwrap_used, reason = "a failure in a helper fails the test, as it should")]

mod checks;
mod exchange;
mod faults;
mod http2;
mod names;
mod proxies;
mod proxy_servers;
mod redirects;
mod security;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod tls_server;
#[cfg(unix)]
mod unix;
mod wire_faults;
