//! The table over the wire: a server that says nothing but what a case has it say, and a client with the cache.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use patata::{CacheStatus, CachedResponse, Client, ErrorKind, Request, ResponseCache};
use patata_cache::{Cache, CacheMode, StoreOptions, UsedCache};

use crate::judging::{Became, complaint, faults};
use crate::table::{BEGIN, Case, Expect, Headers, Step, body, cases, lines};

/// What the server answers next, and what it was asked.
#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Vec<u8>>,
    asked: Vec<BTreeMap<String, String>>,
    /// Where the clock is put before the answer.
    clock: u64,
}

/// A server for one request at a time.
struct Server {
    port: u16,
    script: Arc<Mutex<Script>>,
}

impl Server {
    fn start(cache: UsedCache) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::<Mutex<Script>>::default();
        let own = script.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, cache) = (own.clone(), cache.clone());
                thread::spawn(move || serve(stream, &script, &cache));
            }
        });
        Self { port, script }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

fn serve(stream: TcpStream, script: &Mutex<Script>, cache: &UsedCache) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(headers) = read(&mut reader) {
        let mut script = script.lock().unwrap();
        script.asked.push(headers);
        cache.stop_clock(script.clock);
        let Some(answer) = script.answers.pop_front() else { return };
        let is_cut = answer.ends_with(CUT);
        let answer = answer.strip_suffix(CUT).unwrap_or(&answer);
        if writer.write_all(answer).is_err() || is_cut {
            return;
        }
    }
}

/// The headers of the next request, none of which has a body.
fn read(reader: &mut BufReader<TcpStream>) -> Option<BTreeMap<String, String>> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { return Some(headers) };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
}

/// What an answer ends with behind which the connection is closed.
const CUT: &[u8] = b"<cut>";

/// An answer as it is sent.
fn answer(status: u16, stated: &Headers, body: &str, method: &str, now: u64, breaks: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} As Said\r\n");
    let lines = lines(stated, now);
    for (name, value) in &lines {
        text += &format!("{name}: {value}\r\n");
    }
    let is_framed = lines.iter().any(|(name, _)| matches!(&**name, "content-length" | "transfer-encoding"));
    if !is_framed && !matches!(status, 204 | 304) && method != "HEAD" {
        text += &format!("content-length: {}\r\n", body.len() + usize::from(breaks) * 10);
    }
    text += "\r\n";
    text += body;
    let mut bytes = text.into_bytes();
    if breaks {
        bytes.extend_from_slice(CUT);
    }
    bytes
}

/// Runs a step at a moment, and says what has become of it.
fn run(
    client: &Client,
    server: &Server,
    origin: &str,
    steps: &[Step],
    number: usize,
    now: &mut u64,
) -> Became {
    let step = &steps[number];
    let later = *now + step.takes;
    {
        let mut script = server.script();
        script.asked.clear();
        let own = answer(step.status, &step.response, &body(steps, number), &step.method, later, step.breaks);
        let again =
            step.again.iter().map(|again| answer(200, &again.response, "again", &step.method, later, false));
        script.answers = std::iter::once(own).chain(again).collect();
        script.clock = later;
    }
    let mut request = Request::new((), step.method.parse().unwrap(), format!("{origin}{}", step.url));
    for (name, lines) in &step.request {
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            request = request.header(name, line);
        }
    }
    let outcome = client.run([request]).next().unwrap();
    *now = later;
    let asked = std::mem::take(&mut server.script().asked);
    let conditions = asked.first().map(|asked| conditions(asked, step)).unwrap_or_default();
    let how = match (asked.len(), &outcome.result) {
        (0, Ok(_)) => Expect::Hit,
        (0, Err(error)) if error.kind() == ErrorKind::NotCached => Expect::Missing,
        (0, Err(error)) => panic!("{error}"),
        _ if conditions.is_empty() => Expect::Sent,
        _ => Expect::Validated,
    };
    let response = outcome.result.ok().map(|response| CachedResponse {
        status: response.status,
        version: response.version,
        headers: response.headers,
        body: response.body,
        file: None,
        cached: CacheStatus::Sent,
    });
    Became { how, conditions, response }
}

/// The conditions that the server was asked with and the user has not set.
fn conditions(asked: &BTreeMap<String, String>, step: &Step) -> BTreeMap<String, String> {
    let is_own = |name: &String| name.starts_with("if-") && !step.request.contains_key(name);
    asked.iter().filter(|(name, _)| is_own(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn faults_of(
    client: &Client,
    server: &Server,
    used: &UsedCache,
    case: &Case,
    number: usize,
) -> Option<String> {
    // Each case has an address of its own: so nothing is known of its server.
    let origin = format!("http://127.0.1.{}:{}", number + 1, server.port);
    let mut now = BEGIN;
    for (number, step) in case.steps.iter().enumerate() {
        now += step.after;
        used.stop_clock(now);
        let came = run(client, server, &origin, &case.steps, number, &mut now);
        let wrong = faults(&case.steps, number, &came);
        if !wrong.is_empty() {
            return Some(complaint(case, number, &wrong));
        }
    }
    None
}

#[test]
fn every_case_of_the_table_holds_over_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(folder.path(), &StoreOptions::default()).unwrap());
    let used = UsedCache::new(cache, CacheMode::Standard);
    let server = Server::start(used.clone());
    let asked: Arc<dyn ResponseCache> = Arc::new(used.clone());
    let client = Client::builder().cache(asked).follow_redirects(false).without_proxy().build().unwrap();
    let cases = cases();
    let wrong = cases
        .iter()
        .enumerate()
        .filter_map(|(number, case)| faults_of(&client, &server, &used, case, number));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "\n{} of {}:\n{}\n", wrong.len(), cases.len(), wrong.join("\n"));
}
