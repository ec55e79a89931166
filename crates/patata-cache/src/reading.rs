//! A stored response as a request is answered with it.

use std::path::PathBuf;

use bytes::Bytes;
use http::Method;
use patata::{CacheRequest, CacheStatus, CachedResponse, Headers};
use xxhash_rust::xxh3::xxh3_128;

use crate::store::{BodyFile, Found, FoundBody, Head, Store, digest_of};

/// What was found as the answer to a request, with these headers; `None` where its body is not what it was.
pub(crate) fn cached_response(
    store: &Store,
    found: &Found,
    asked: CacheRequest<'_>,
    headers: Headers,
    cached: CacheStatus,
) -> Option<CachedResponse> {
    let Head { status, version, .. } = &found.head;
    let (body, file) = match &found.body {
        _ if *asked.method == Method::HEAD => (Bytes::new(), None),
        FoundBody::Bytes(bytes) => (bytes.clone(), None),
        FoundBody::File(file) if asked.saved_to.is_some() => (Bytes::new(), Some(checked(store, file)?)),
        FoundBody::File(file) => (read(store, file)?, None),
    };
    Some(CachedResponse { status: *status, version: *version, headers, body, file, cached })
}

/// A file with a body, where it is what it was.
fn checked(store: &Store, file: &BodyFile) -> Option<PathBuf> {
    let path = store.body(file)?;
    (digest_of(&path).ok()? == (file.length, file.digest)).then_some(path)
}

/// A body in a file, where it is what it was: files may have been changed, as users have other names of them.
fn read(store: &Store, file: &BodyFile) -> Option<Bytes> {
    let bytes = std::fs::read(store.body(file)?).ok()?;
    (bytes.len() as u64 == file.length && xxh3_128(&bytes) == file.digest).then(|| bytes.into())
}
