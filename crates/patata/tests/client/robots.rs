//! What `robots.txt` forbids is not sent, and what asks for the file is seen by nobody.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex};

use patata::{Client, Error, ErrorKind, Request, Response, RobotsRules, RobotsVerdict};

use crate::support::{RawServer, Watchdog, all, ok};

/// Rules whose file has a path in each line that is forbidden.
#[derive(Debug, Default)]
struct Lines {
    /// The lines by the URLs of the files; `None` for one that did not come.
    files: Mutex<HashMap<String, Option<Vec<String>>>>,
    /// Whether files are thrown away.
    learns_nothing: bool,
}

impl RobotsRules for Lines {
    fn verdict(&self, url: &str) -> Result<RobotsVerdict, Box<dyn StdError + Send + Sync>> {
        let path = url.match_indices('/').nth(2).map_or(url.len(), |(begin, _)| begin);
        let files = self.files.lock().unwrap();
        Ok(match files.get(&format!("{}/robots.txt", &url[..path])) {
            None => RobotsVerdict::Unknown,
            Some(None) => RobotsVerdict::Forbidden("there is no file".to_owned()),
            Some(Some(lines)) if lines.iter().any(|line| url[path..].starts_with(line.as_str())) => {
                RobotsVerdict::Forbidden("the file forbids it".to_owned())
            }
            Some(Some(_)) => RobotsVerdict::Allowed { delay: None },
        })
    }

    fn learn(&self, url: &str, came: Result<&Response, &Error>) {
        if !self.learns_nothing {
            let lines =
                |response: &Response| response.text().lines().map(str::to_owned).collect::<Vec<String>>();
            self.files.lock().unwrap().insert(url.to_owned(), came.ok().map(lines));
        }
    }
}

fn client(rules: Lines) -> Client {
    Client::builder().robots(Arc::new(rules) as Arc<dyn RobotsRules>).build().unwrap()
}

/// A server with this file, which redirects `/moved` to what it forbids.
fn server(file: &'static str) -> RawServer {
    RawServer::start(move |peer| {
        while let Some(request) = peer.request() {
            let is_there = match request.split(' ').nth(1) {
                Some("/robots.txt") => peer.answer(file),
                Some("/moved") => {
                    peer.send("HTTP/1.1 302 Found\r\nlocation: /hidden/a\r\ncontent-length: 0\r\n\r\n")
                }
                _ => peer.answer("{}"),
            };
            if !is_there {
                return;
            }
        }
    })
}

/// The paths that a server was asked for.
fn paths(server: &RawServer) -> Vec<String> {
    let path = |request: String| request.split(' ').nth(1).unwrap().to_owned();
    server.requests().into_iter().map(path).collect()
}

#[test]
fn the_file_of_each_origin_is_fetched_once_and_before_all_else() {
    let _watchdog = Watchdog::new();
    let servers = [server("/hidden"), server("")];
    let client = client(Lines::default());
    let requests = (0..100).map(|number| {
        let (server, path) = (&servers[number % 2], ["hidden", "open"][number / 2 % 2]);
        Request::get(number, format!("{}/{path}/{number}", server.url()))
    });
    let mut run = client.run(requests);
    let mut refused = Vec::new();
    for outcome in run.by_ref() {
        if let Err(error) = outcome.result {
            assert_eq!((error.kind(), error.request_sent(), outcome.attempts), (ErrorKind::Robots, false, 0));
            refused.push(outcome.tag);
        }
    }
    refused.sort_unstable();
    assert!(refused.iter().copied().eq((0..100).step_by(4)));
    let receipt = run.receipt();
    assert_eq!((receipt.submitted, receipt.ok, receipt.failed, receipt.attempts), (100, 75, 25, 75));
    for (server, count) in servers.iter().zip([26, 51]) {
        let paths = paths(server);
        assert_eq!((paths[0].as_str(), paths.len()), ("/robots.txt", count));
        assert_eq!(paths.iter().filter(|path| *path == "/robots.txt").count(), 1);
    }
}

#[test]
fn a_redirect_leads_to_nothing_that_is_forbidden() {
    let server = server("/hidden");
    let client = client(Lines::default());
    let outcomes = all(&client, [Request::get((), format!("{}/moved", server.url()))]);
    assert_eq!(outcomes[0].result.as_ref().unwrap_err().kind(), ErrorKind::Robots);
    assert_eq!(paths(&server), ["/robots.txt", "/moved"]);
}

#[test]
fn the_file_itself_may_be_asked_for() {
    let server = server("/");
    let client = client(Lines::default());
    let outcomes = all(&client, [Request::get((), format!("{}/robots.txt", server.url()))]);
    assert_eq!(outcomes[0].result.as_ref().unwrap().body, "/");
    assert_eq!(paths(&server), ["/robots.txt"]);
}

#[test]
fn a_file_that_teaches_nothing_is_not_fetched_for_ever() {
    let server = server("");
    let client = client(Lines { learns_nothing: true, ..Lines::default() });
    let outcomes = all(&client, (0..3).map(|number| Request::get(number, server.url())));
    assert!(outcomes.iter().all(|outcome| {
        let error = outcome.result.as_ref().unwrap_err();
        error.kind() == ErrorKind::Robots && error.to_string().contains("could not be found out")
    }));
}

#[test]
fn what_waits_for_a_file_is_left_when_the_run_is_cancelled() {
    let _watchdog = Watchdog::new();
    let silent = RawServer::silent();
    let client = client(Lines::default());
    let mut run = client.run((0..10).map(|number| Request::get(number, silent.url())));
    run.feed();
    run.control().cancel();
    assert!(run.next().is_none());
    assert_eq!((run.receipt().submitted, run.receipt().cancelled), (10, 10));
}

#[test]
fn files_count_in_no_failure_budget_and_are_tried_again_as_all_is() {
    let _watchdog = Watchdog::new();
    let server = RawServer::start(|peer| {
        while let Some(request) = peer.request() {
            let is_file = request.starts_with("GET /robots.txt");
            let text = "HTTP/1.1 503 Not now\r\ncontent-length: 0\r\n\r\n".to_owned();
            if !peer.send(if is_file && peer.number == 0 { text } else { ok("") }) {
                return;
            }
            if is_file && peer.number == 0 {
                return;
            }
        }
    });
    let rules = Arc::new(Lines::default()) as Arc<dyn RobotsRules>;
    let client =
        Client::builder().robots(rules).retries(2).max_failures(patata::MaxFailures::Count(1)).build();
    let client = client.unwrap();
    let mut run = client.run([Request::get((), format!("{}/open", server.url()))]);
    assert_eq!(run.next().unwrap().result.unwrap().status, 200);
    assert_eq!((run.receipt().ok, run.receipt().attempts), (1, 1));
    assert_eq!(paths(&server), ["/robots.txt", "/robots.txt", "/open"]);
}
