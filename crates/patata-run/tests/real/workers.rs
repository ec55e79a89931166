//! Workers in processes of their own: two at one part, one that is killed, and a job that is run again with its input cut
//! otherwise.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use patata::{Client, Request};
use patata_run::{
    Id, Manifest, Part, RecordOptions, Recorded, RecordedRun, Recording, RunError, RunFolder, Selection,
    Unknown, Why,
};

use crate::child::{Process, is_post};
use crate::kills::{ids, listed, rows};
use crate::server;

/// What a worker is told: name of its part, session, first row and the one behind its last, and seconds to wait.
pub(crate) fn work(folder: &str, url: &str, told: &str) -> Result<(), RunError> {
    let told: Vec<&str> = told.split(' ').collect();
    let [name, session, from, to, wait] = told[..] else { panic!("a worker is told five things") };
    let mut part = Part::new(name, session.parse().unwrap());
    part.wait = Duration::from_secs_f64(wait.parse().unwrap());
    let rows = from.parse().unwrap()..to.parse().unwrap();
    let recording = open(Path::new(folder), url, &part, rows.clone(), RecordOptions::default())?;
    println!("\nopened");
    let client = Client::builder().concurrency(16).build().unwrap();
    let mut run = RecordedRun::start(&client, recording, requests(url, rows));
    for recorded in &mut run {
        if let Recorded::Outcome { ticket, .. } = recorded? {
            println!("safe {}", ticket.id());
        }
    }
    run.finish(None)?;
    Ok(())
}

fn requests(url: &str, rows: std::ops::Range<i64>) -> impl Iterator<Item = (Id, Request<i64>)> {
    let url = url.to_owned();
    rows.map(move |row| {
        let url = format!("{url}/{row}");
        let request = match is_post(row) {
            true => Request::post(row, url).body("a body"),
            false => Request::get(row, url),
        };
        (Id::from(row), request)
    })
}

fn open(
    path: &Path,
    url: &str,
    part: &Part,
    rows: std::ops::Range<i64>,
    options: RecordOptions,
) -> Result<Recording, RunError> {
    RunFolder::open_part(path, part, options, || requests(url, rows))
}

/// Has a part done here. Returns what came of each row: its status, or `None` for one that nobody knows about.
fn go(path: &Path, url: &str, part: &Part, rows: std::ops::Range<i64>) -> HashMap<i64, Option<u16>> {
    let recording = open(path, url, part, rows.clone(), RecordOptions::default()).unwrap();
    let mut earlier = recording.earlier();
    let client = Client::builder().ordered(true).build().unwrap();
    let mut run = RecordedRun::start(&client, recording, requests(url, rows));
    let mut came = HashMap::new();
    for recorded in &mut run {
        let (row, status) = match recorded.unwrap() {
            Recorded::Outcome { outcome, .. } => (outcome.tag, Some(outcome.result.unwrap().status.as_u16())),
            Recorded::Passed(passed) => match passed.why {
                Why::Skipped => {
                    let restored = earlier.row(passed.position).unwrap().unwrap();
                    assert_eq!((&restored.id, restored.index), (&Id::from(passed.tag), passed.position));
                    (passed.tag, restored.status)
                }
                Why::Unknown => (passed.tag, None),
            },
        };
        came.insert(row, status);
    }
    run.finish(None).unwrap();
    came
}

fn begin(path: &Path) -> u64 {
    RunFolder::begin_session(path, Manifest::new("test")).unwrap()
}

fn told(name: &str, session: u64, rows: std::ops::Range<i64>, wait: u32) -> String {
    format!("part {name} {session} {} {} {wait}", rows.start, rows.end)
}

/// Waits until a worker has said so many lines.
fn wait_for(process: &mut Process, lines: usize) {
    while process.said.lock().unwrap().len() < lines && process.child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_second_worker_at_a_part_waits_for_the_first_and_finds_all_done() {
    let (url, arrivals) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let session = begin(&path);
    let text = path.to_str().unwrap();
    let mut first = Process::start(text, &url, &told("a", session, 0..1000, 30));
    wait_for(&mut first, 20);
    let mut second = Process::start(text, &url, &told("a", session, 0..1000, 30));
    let (first, second) = (first.join(), second.join());
    assert_eq!((ids(&first).count(), ids(&second).count()), (1000, 0));
    assert!(second.iter().any(|line| line == "done"), "{second:?}");
    assert!(arrivals.lock().unwrap().values().all(|count| *count == 1));
}

#[test]
fn a_worker_that_is_waited_for_in_vain_is_named() {
    let (url, _) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let session = begin(&path);
    let mut first = Process::start(path.to_str().unwrap(), &url, &told("a", session, 0..5000, 30));
    wait_for(&mut first, 20);
    let mut part = Part::new("a", session);
    part.wait = Duration::from_millis(50);
    let error = open(&path, &url, &part, 0..5000, RecordOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains(&format!("process {}", first.child.id())) && error.contains("wait longer"),
        "{error}"
    );
    // Nor is it passed over by a later session whose parts are others.
    let mut part = Part::new("b", begin(&path));
    part.wait = Duration::from_millis(50);
    let error = open(&path, &url, &part, 0..10, RecordOptions::default()).unwrap_err();
    assert!(matches!(error, RunError::PartLocked { .. }), "{error}");
    first.child.kill().unwrap();
    first.join();
    open(&path, &url, &part, 0..10, RecordOptions::default()).unwrap();
}

#[test]
fn a_part_goes_on_where_its_worker_was_killed() {
    let (url, arrivals) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let session = begin(&path);
    let mut safe = HashSet::new();
    for lines in [30, 300, usize::MAX] {
        let mut worker = Process::start(path.to_str().unwrap(), &url, &told("a", session, 0..2000, 30));
        wait_for(&mut worker, lines);
        let _ = worker.child.kill();
        assert!(ids(&worker.join()).all(|id| safe.insert(id)), "an id is given twice");
    }
    check(&path, &arrivals.lock().unwrap(), 2000);
}

#[test]
fn a_job_that_was_killed_goes_on_however_its_input_is_cut() {
    let (url, arrivals) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let session = begin(&path);
    let text = path.to_str().unwrap();
    let mut workers = [
        Process::start(text, &url, &told("a", session, 0..1000, 30)),
        Process::start(text, &url, &told("b", session, 1000..2000, 30)),
    ];
    workers.iter_mut().for_each(|worker| wait_for(worker, 150));
    let mut safe = HashSet::new();
    for worker in &mut workers {
        worker.child.kill().unwrap();
        safe.extend(ids(&worker.join()));
    }
    for cuts in
        [[("c", 0..300), ("d", 300..1700), ("e", 1700..2000)], [("f", 0..1), ("g", 1..900), ("h", 900..2000)]]
    {
        let session = begin(&path);
        let mut came = HashMap::new();
        for (name, rows) in cuts {
            came.extend(go(&path, &url, &Part::new(name, session), rows));
        }
        assert_eq!(came.len(), 2000);
        assert!(safe.iter().all(|row| came[row] == Some(if row % 10 == 3 { 500 } else { 200 })));
        assert!(came.iter().all(|(row, status)| status.is_some() || is_post(*row)));
        check(&path, &arrivals.lock().unwrap(), 2000);
    }
    // The first cuts again.
    let session = begin(&path);
    go(&path, &url, &Part::new("a", session), 0..1000);
    go(&path, &url, &Part::new("b", session), 1000..2000);
    check(&path, &arrivals.lock().unwrap(), 2000);
}

/// What the parts say together.
fn check(path: &Path, arrivals: &HashMap<String, u32>, count: i64) {
    let folder = RunFolder::open(path).unwrap();
    let (rows, unknown) = (rows(&folder), listed(folder.unknown().unwrap()));
    assert!(rows.values().all(|count| *count == 1), "a request has two rows");
    for row in 0..count {
        let arrived = arrivals.get(&format!("/{row}")).copied().unwrap_or_default();
        assert!(
            rows.contains_key(&row) != unknown.contains(&row),
            "{row} has neither ended nor is it unknown"
        );
        assert!(arrived <= 1 || !is_post(row), "{row} has an effect, and was sent {arrived} times");
    }
    let failed = listed(folder.failed().unwrap());
    assert!(rows.keys().all(|id| failed.contains(id) == (id % 10 == 3)));
    let counts = (rows.len() as u64, failed.len() as u64, unknown.len() as u64);
    assert_eq!(folder.counts().unwrap(), counts);
    let summary = folder.summary().unwrap().unwrap();
    assert_eq!((summary.done(), summary.failed, summary.unknown), counts);
    assert_eq!(summary.statuses.values().sum::<u64>(), rows.len() as u64);
    assert_eq!(folder.failures().unwrap().values().sum::<u64>(), failed.len() as u64);
    assert!(folder.report().unwrap().contains("</html>") && !folder.is_running());
}

#[test]
fn the_workers_of_an_older_job_can_begin_nothing_more() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let older = begin(&path);
    let later = begin(&path);
    let open = |session| open(&path, "http://host", &Part::new("a", session), 0..1, RecordOptions::default());
    let error = open(older).unwrap_err().to_string();
    assert!(error.contains("session 1") && error.contains("session 2 has begun since"), "{error}");
    assert!(matches!(open(later + 1), Err(RunError::NotARunFolder { .. })));
    open(later).unwrap();
}

#[test]
fn equal_requests_in_two_parts_of_a_session_are_two() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let client = Client::builder().build().unwrap();
    for (expected, names) in [(4, ["a", "b"]), (4, ["a", "b"]), (4, ["c", "d"])] {
        let session = begin(&path);
        for name in names {
            let requests = || (0..2).map(|_| (Id::None, Request::post((), server.url())));
            let part = Part::new(name, session);
            let recording = RunFolder::open_part(&path, &part, RecordOptions::default(), requests).unwrap();
            let mut run = RecordedRun::start(&client, recording, requests());
            run.by_ref().for_each(|recorded| drop(recorded.unwrap()));
            run.finish(None).unwrap();
        }
        assert_eq!(server.requests(), expected);
    }
}

#[test]
fn a_request_that_nobody_knows_about_is_sent_again_with_the_key_of_the_first_time() {
    let server = patata_testserver::Server::start().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let mut options = RecordOptions::default();
    options.idempotency_keys = true;
    let request =
        || [(Id::from("x"), Request::post((), format!("{}/delay/60000", server.url())))].into_iter();
    let mut keys = Vec::new();
    for name in ["a", "b", "b", "a", "c"] {
        let part = Part::new(name, begin(&path));
        let Recording { mut gate, recorder, .. } =
            RunFolder::open_part(&path, &part, options.clone(), request).unwrap();
        let (id, request) = request().next().unwrap();
        let patata_run::Admission::Send { request, .. } = gate.admit(id, request).unwrap() else {
            panic!("it is sent again")
        };
        keys.push(request.headers().unwrap().get("idempotency-key").unwrap().clone());
        // It is sent, and its process is gone before there is an answer.
        let hurried = Client::builder().deadline(Duration::from_millis(50)).build().unwrap();
        hurried.run([request]).for_each(drop);
        drop(recorder);
    }
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn what_has_failed_is_sent_again_by_whichever_part_has_it_then() {
    let (url, arrivals) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    go(&path, &url, &Part::new("a", begin(&path)), 0..100);
    let selection = Selection { failed: true, ..Selection::default() };
    assert_eq!(RunFolder::retry(&path, &selection).unwrap(), 10);
    assert_eq!(go(&path, &url, &Part::new("b", begin(&path)), 0..100).len(), 100);
    check(&path, &HashMap::new(), 100);
    assert!(
        arrivals
            .lock()
            .unwrap()
            .iter()
            .all(|(path, count)| *count == if path.ends_with('3') { 2 } else { 1 })
    );
}

#[test]
fn the_folder_of_many_writers_is_none_of_one_and_the_other_way_round() {
    let home = tempfile::tempdir().unwrap();
    let (many, one) = (home.path().join("many"), home.path().join("one"));
    begin(&many);
    let create =
        |path: &Path| RunFolder::create_or_resume(path, Manifest::new("test"), RecordOptions::default());
    let error = create(&many).unwrap_err().to_string();
    assert!(error.contains("the job that began it goes on with it"), "{error}");
    let error = RunFolder::open(&many).unwrap().earlier().row(0).unwrap_err().to_string();
    assert!(error.contains("open one of them"), "{error}");
    drop(create(&one).unwrap());
    let error = RunFolder::begin_session(&one, Manifest::new("test")).unwrap_err().to_string();
    assert!(error.contains("name another folder"), "{error}");
    let mut options = RecordOptions::default();
    options.unknown = Unknown::Resend;
    for name in ["", "../a", "a/b", "ä"] {
        let error = open(&many, "http://host", &Part::new(name, 1), 0..1, options.clone()).unwrap_err();
        assert!(error.to_string().contains("cannot be the name of a part"), "{error}");
    }
}
