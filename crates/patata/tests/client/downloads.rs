//! Bodies that go to files: there whole or not at all, within the limits, with nothing left behind.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use patata::{Client, ErrorKind, Request};
use patata_testserver::Server;

use crate::support::{RawServer, all, one, wait_until};

fn client() -> Client {
    Client::builder().num_workers(1).build().unwrap()
}

fn letters(count: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(count).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn answer(lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{lines}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn bodies_of_all_sizes_are_saved() {
    let (server, folder) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    let sizes = [0, 1, 1000, 300_000, 5_000_000];
    let requests = sizes.iter().flat_map(|size| {
        ["bytes", "chunked"].map(|route| {
            let path = folder.path().join(format!("new/{route}-{size}"));
            Request::get((*size, path.clone()), format!("{}/{route}/{size}", server.url())).stream_to(path)
        })
    });
    for outcome in all(&client(), requests) {
        let (size, path) = outcome.tag;
        let response = outcome.result.unwrap();
        assert_eq!((response.body.len(), response.saved_to.as_deref()), (0, Some(&*path)));
        assert!(std::fs::read(path).unwrap() == letters(size), "{size}");
    }
    assert_eq!(entries(&folder.path().join("new")), 2 * sizes.len());
}

#[cfg(unix)]
#[test]
fn a_saved_file_may_be_read_by_whom_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let (server, folder) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    let (path, plain) = (folder.path().join("saved"), folder.path().join("plain"));
    one(&client(), Request::get((), server.url()).stream_to(&path)).result.unwrap();
    std::fs::write(&plain, "").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(path), mode(plain));
}

#[test]
fn a_coded_body_is_saved_decoded() {
    let folder = tempfile::tempdir().unwrap();
    // Which can be compressed, and not by much.
    let mut state = 1_u32;
    let digits = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'0' + (state >> 24) as u8 % 10
    });
    let plain: Vec<u8> = digits.take(3_000_000).collect();
    let server = RawServer::answering(answer("content-encoding: gzip, gzip\r\n", &gzip(&gzip(&plain))));
    let path = folder.path().join("file");
    one(&client(), Request::get((), server.url()).stream_to(&path)).result.unwrap();
    assert!(std::fs::read(&path).unwrap() == plain);
    assert_eq!(entries(folder.path()), 1);
}

#[test]
fn what_is_no_success_stays_in_memory() {
    let (server, folder) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("file");
    let request = Request::get((), format!("{}/status/404", server.url())).stream_to(&path);
    let response = one(&client(), request).result.unwrap();
    assert_eq!((&response.body[..], response.saved_to), (&b"{\"status\":404}"[..], None));
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn a_fault_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "old").unwrap();
    let bomb = gzip(&vec![0; 8 << 20]);
    for (answer, kind) in [
        (answer("", &letters(500_000))[..400_000].to_vec(), ErrorKind::Body),
        (answer("content-encoding: gzip\r\n", &letters(500_000)), ErrorKind::Decode),
        (answer("content-encoding: gzip\r\n", &gzip(&letters(500_000))[..900]), ErrorKind::Decode),
        (answer("content-encoding: gzip\r\n", &bomb), ErrorKind::TooLarge),
        (answer("", &letters(3 << 20)), ErrorKind::TooLarge),
        (b"HTTP/1.1 200 OK\r\n\r\n".iter().copied().chain(letters(3 << 20)).collect(), ErrorKind::TooLarge),
    ] {
        let server = RawServer::answering_once(answer);
        let client = Client::builder().max_response_size(2 << 20).build().unwrap();
        let error = one(&client, Request::get((), server.url()).stream_to(&path)).result.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        wait_until(|| entries(folder.path()) == 1);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_a_fault_of_its_own() {
    let (server, folder) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("file"), "").unwrap();
    for path in [folder.path().join("file/below"), folder.path().to_owned()] {
        let error = one(&client(), Request::get((), server.url()).stream_to(&path)).result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Save, "{error}");
        assert!(error.to_string().contains(&format!("{path:?} (stream_to)")), "{error}");
    }
}

#[test]
fn a_retry_saves_what_the_last_attempt_brought() {
    let (server, folder) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    let client = Client::builder().retries(3).backoff(Duration::ZERO).build().unwrap();
    let path = folder.path().join("file");
    let request = Request::get((), format!("{}/flaky/download/2", server.url())).stream_to(&path);
    assert_eq!(one(&client, request).attempts, 3);
    assert_eq!(std::fs::read(&path).unwrap(), b"{\"message\":\"Hello world!\"}");
}
