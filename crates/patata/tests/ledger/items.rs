//! What a ledger test sends, all of it by seed and id: both ends can tell what is right.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use fastrand::Rng;
use patata::{Method, Request};

/// The attempts that each request may take.
pub(crate) const ATTEMPTS: u32 = 4;

/// Random numbers that follow from a seed, an id, and what they are for.
pub(crate) fn random(seed: u64, id: u64, purpose: u64) -> Rng {
    let mut hasher = DefaultHasher::new();
    (seed, id, purpose).hash(&mut hasher);
    Rng::with_seed(hasher.finish())
}

pub(crate) fn method(id: u64) -> Method {
    match id % 3 {
        0 => Method::GET,
        1 => Method::PUT,
        _ => Method::POST,
    }
}

/// Begins with the id. Most are short; some do not fit into a window or a socket's buffer.
pub(crate) fn body(seed: u64, id: u64) -> Vec<u8> {
    let mut random = random(seed, id, 1 << 32);
    let length = match random.u32(..200) {
        0 => random.usize(..300_000),
        1..10 => random.usize(..20_000),
        _ => random.usize(..300),
    };
    let mut body = id.to_be_bytes().to_vec();
    body.resize(8 + length, 0);
    random.fill(&mut body[8..]);
    body
}

pub(crate) fn request(seed: u64, id: u64, origin: &str) -> Request<u64> {
    Request::new(id, method(id), format!("{origin}/{id}")).body(body(seed, id))
}

pub(crate) fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

/// The body of an answer: whose it is, to which of its arrivals, and what had been received.
pub(crate) fn answer(id: u64, arrival: usize, body: &[u8]) -> String {
    format!("{id} {arrival} {}", hash(body))
}
