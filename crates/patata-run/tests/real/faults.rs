//! Files that refuse things, in ways that hold for any user: the run ends with an error that says so, and goes on later.

use std::path::Path;

use patata::Request;
use patata_run::{Admission, Id, Manifest, RecordOptions, Recording, RunError, RunFolder};

use crate::child::{Process, REQUESTS};
use crate::kills::{ids, listed, rows};
use crate::server;

/// Prepares a process for what is to happen to it.
pub(crate) fn arm(fault: &str, folder: &str) {
    match fault.split_once(' ') {
        Some(("removed-after", milliseconds)) => {
            let (folder, milliseconds) = (folder.to_owned(), milliseconds.parse().unwrap());
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(milliseconds));
                let _ = std::fs::remove_dir_all(folder);
            });
        }
        _ => assert_eq!(fault, ""),
    }
}

/// Runs a process to its end. Returns what it said.
fn said(path: &str, url: &str, fault: &str) -> Vec<String> {
    Process::start(path, url, fault).join()
}

fn is_io(said: &[String], about: &str) -> bool {
    said.iter().any(|line| line.starts_with("io ") && line.contains(about))
}

/// Goes on where nothing is in the way any more, and checks that all are there.
fn go_on(path: &str, url: &str, before: &[String]) {
    let after = said(path, url, "");
    assert!(after.iter().any(|line| line == "done"), "{:?}", after.last());
    let folder = RunFolder::open(path).unwrap();
    let (rows, unknown) = (rows(&folder), listed(folder.unknown().unwrap()));
    assert_eq!(rows.len() + unknown.len(), usize::try_from(REQUESTS).unwrap());
    assert!(ids(before).all(|id| rows[&id] == 1));
}

/// A shell limits how long a file may be, then becomes the program: where the limit is passed, writes fail.
#[test]
fn a_limit_of_the_length_of_files_ends_the_run_and_it_goes_on_without() {
    let (url, _) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let path = path.to_str().unwrap();
    let mut command = std::process::Command::new("sh");
    let program = std::env::current_exe().unwrap();
    // In blocks of 512 bytes; a write beyond it is to be an error and no signal.
    let script = r#"trap "" XFSZ; ulimit -f 400; exec "$0" --exact child_process --ignored --nocapture"#;
    command.args(["-c", script]).arg(program);
    command.env("RUN_FOLDER", path).env("RUN_URL", &url).env("RUN_FAULT", "");
    let output = command.output().unwrap();
    let said: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(is_io(&said, "File too large"), "{:?}", said.last());
    assert!(ids(&said).count() > 0);
    go_on(path, &url, &said);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_ends_the_run_and_it_goes_on_once_there_is_room() {
    // One is written to as the run goes on or ends, the others are there before it begins.
    for name in ["summary.json.tmp", "failed.jsonl", "ledger/w0-000003.csv"] {
        let (url, _) = server::start();
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run");
        drop(RunFolder::create(&path, Manifest::new("test"), RecordOptions::default()).unwrap());
        let link = path.join(name);
        std::os::unix::fs::symlink("/dev/full", &link).unwrap();
        let path = path.to_str().unwrap();
        let before = said(path, &url, "");
        assert!(is_io(&before, name.trim_end_matches(".tmp")), "{:?}", before.last());
        std::fs::remove_file(&link).unwrap();
        go_on(path, &url, &before);
    }
}

#[test]
fn a_folder_that_is_removed_ends_the_run() {
    let (url, _) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    let path = path.to_str().unwrap();
    let before = said(path, &url, "removed-after 150");
    assert!(is_io(&before, "No such file"), "{:?}", before.last());
    assert!(ids(&before).count() < usize::try_from(REQUESTS).unwrap());
}

#[test]
fn what_cannot_hold_a_folder_is_refused() {
    let create = |path: &Path| RunFolder::create(path, Manifest::new("test"), RecordOptions::default());
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(create(&file), Err(RunError::NotARunFolder { .. })));
    assert!(matches!(create(&file.join("run")), Err(RunError::NotARunFolder { .. })));
    assert!(matches!(RunFolder::open(&file), Err(RunError::NotARunFolder { .. })));
    if cfg!(target_os = "linux") {
        // Nobody may make folders there, whoever it is.
        let error = create(Path::new("/proc/self/run")).unwrap_err();
        assert!(matches!(error, RunError::Io { .. }), "{error}");
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_ends_the_run_and_it_goes_on_without() {
    let (url, _) = server::start();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    drop(RunFolder::create(&path, Manifest::new("test"), RecordOptions::default()).unwrap());
    // A part cannot be written there.
    let live = path.join("live");
    std::fs::remove_dir(&live).unwrap();
    std::fs::write(&live, "").unwrap();
    let text = path.to_str().unwrap();
    let before = said(text, &url, "");
    assert!(is_io(&before, "live"), "{before:?}");
    std::fs::remove_file(&live).unwrap();
    go_on(text, &url, &before);
}

/// The first rows of a run, whose process was killed before the ledger had them, are known wherever they stand later.
#[test]
#[cfg(target_os = "linux")]
fn what_only_a_part_has_is_known_by_its_id() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    drop(RunFolder::create(&path, Manifest::new("test"), RecordOptions::default()).unwrap());
    let row = "{\"id\":\"a\",\"index\":0,\"status\":200,\"ok\":true,\"url\":\"http://host/\",\"method\":\"GET\",\
               \"attempts\":1,\"ms\":1.0,\"body\":null,\"error\":null}\n";
    std::fs::write(path.join("live/w0-000001.jsonl"), row).unwrap();
    let Recording { mut gate, .. } = RunFolder::resume(&path, RecordOptions::default()).unwrap();
    let mut admit = |id: &str| gate.admit(Id::from(id), Request::get((), "http://host/")).unwrap();
    assert!(matches!(admit("b"), Admission::Send { .. }));
    assert!(matches!(admit("a"), Admission::Passed(_)));
}
