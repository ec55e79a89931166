//! The ways by which an engine opens connections: one for the client, and others for calls whose options differ.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::transport::connect::Connector;

/// What the options say that make connections differ, as text or bytes to compare.
pub(crate) type RouteKey = BTreeMap<&'static str, Vec<u8>>;

/// A way to open connections. Those that were opened by one are used by no other.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) connector: Connector,
    /// Whether all connections lead to one server, which may count them.
    pub(crate) is_one_server: bool,
    key: RouteKey,
}

/// All of an engine's, by number; the client's own is number 0.
#[derive(Debug)]
pub(crate) struct Routes(Mutex<Vec<Arc<Route>>>);

impl Route {
    pub(crate) fn new(connector: Connector, is_one_server: bool, key: RouteKey) -> Self {
        Self { connector, is_one_server, key }
    }
}

impl Routes {
    pub(crate) fn new(own: Route) -> Self {
        Self(Mutex::new(vec![Arc::new(own)]))
    }

    /// The number of the route with these options, which `make` makes where there is none.
    pub(crate) fn number(&self, key: &RouteKey, make: impl FnOnce() -> Route) -> usize {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.iter().position(|route| route.key == *key).unwrap_or_else(|| {
            routes.push(Arc::new(make()));
            routes.len() - 1
        })
    }

    pub(crate) fn get(&self, number: usize) -> Arc<Route> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[number].clone()
    }
}
