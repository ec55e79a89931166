//! The store as it is used: real processes, real files, and what may happen to them.

#![allow(clippy::unwrap_used, reason = "a failure in here fails the test, as it should")]

mod child;
mod damage;
mod files;
mod folders;
mod kills;
mod processes;
#[allow(dead_code, reason = "what it is asked is of interest to other tests")]
#[path = "../client/server.rs"]
mod server;
mod size;
mod trouble;

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use patata::{CacheAnswer, CacheRequest, CachedResponse, Came, Times};
use patata_cache::{Cache, CacheMode, StoreOptions};

/// A cache with room for all that is stored here.
fn open(folder: &Path) -> Cache {
    Cache::open(folder, &StoreOptions::default()).unwrap()
}

/// What a URL answers with, that can be told from any other and from any part of it: so many bytes, about.
fn body(url: &str, version: usize, length: usize) -> Bytes {
    let line = format!("{url} {version} {length}\n");
    line.repeat(length / line.len() + 1).into()
}

/// Whether a body is one that was stored for a URL.
fn is_right(url: &str, found: &[u8]) -> bool {
    let line = found.split(|byte| *byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line.unwrap_or_default().split(' ');
    let is_its = words.next() == Some(url);
    let mut number = || words.next().and_then(|word| word.parse().ok());
    match (number(), number()) {
        (Some(version), Some(length)) => is_its && body(url, version, length) == found,
        _ => false,
    }
}

fn asking<'a>(
    method: &'a Method,
    url: &'a str,
    headers: &'a HeaderMap,
    saved_to: Option<&'a Path>,
) -> CacheRequest<'a> {
    CacheRequest { method, url, headers, body: None, saved_to }
}

/// Stores a response, as it comes with a body or has been saved.
fn store(cache: &Cache, url: &str, body: &Bytes, saved_to: Option<&Path>) {
    let (headers, now) = ([("cache-control", "max-age=86400")].into_iter().collect(), SystemTime::now());
    let came = Came::Response {
        status: StatusCode::OK,
        version: Version::HTTP_11,
        headers: &headers,
        body,
        saved_to,
    };
    let times = Times { sent: now, came: now };
    cache.tell(
        CacheMode::Standard,
        asking(&Method::GET, url, &HeaderMap::new(), saved_to),
        None,
        came,
        times,
    );
}

/// Tells of something that has changed what is stored of a URL.
fn invalidate(cache: &Cache, url: &str) {
    let now = SystemTime::now();
    let came = Came::Response {
        status: StatusCode::OK,
        version: Version::HTTP_11,
        headers: &patata::Headers::default(),
        body: &Bytes::new(),
        saved_to: None,
    };
    let asked = &Method::DELETE;
    let times = Times { sent: now, came: now };
    cache.tell(CacheMode::Standard, asking(asked, url, &HeaderMap::new(), None), None, came, times);
}

/// What is stored of a URL, if anything is.
fn find(cache: &Cache, url: &str, saved_to: Option<&Path>) -> Option<CachedResponse> {
    let headers = HeaderMap::new();
    match cache.ask(CacheMode::Standard, asking(&Method::GET, url, &headers, saved_to), SystemTime::now()) {
        CacheAnswer::Hit(response) => Some(response),
        _ => None,
    }
}

/// Whether what is stored of a URL is there; fails where it is there and wrong.
fn has(cache: &Cache, url: &str) -> bool {
    find(cache, url, None).is_some_and(|response| {
        assert!(is_right(url, &response.body), "{url} has the wrong body: {:?}", response.body.get(..80));
        true
    })
}

/// All files below a folder, with their lengths.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push((path.clone(), std::fs::metadata(&path).unwrap().len())),
        }
    }
    all.sort();
    all
}
