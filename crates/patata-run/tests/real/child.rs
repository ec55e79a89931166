//! What runs in a process of its own, which is killed or refused things: a run, as a program would do it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use patata_run::{Compression, Id, Manifest, RecordOptions, Recorded, RecordedRun, RunError, RunFolder};

/// How many requests a run has.
pub(crate) const REQUESTS: i64 = 5000;

/// Whether a request has an effect each time it is sent.
pub(crate) fn is_post(id: i64) -> bool {
    id % 2 == 1
}

/// The run. What is safe is said line by line.
pub(crate) fn run(folder: &str, url: &str) -> Result<(), RunError> {
    let client = patata::Client::builder().concurrency(16).build().unwrap();
    let mut manifest = Manifest::new("test");
    manifest.output.part_rows = 700;
    manifest.output.compression = Compression::Zstd;
    let recording = RunFolder::create_or_resume(folder, manifest, RecordOptions::default())?;
    let url = url.to_owned();
    let requests = (0..REQUESTS).map(move |id| {
        let url = format!("{url}/{id}");
        let request = match is_post(id) {
            true => patata::Request::post((), url).body("a body"),
            false => patata::Request::get((), url),
        };
        (Id::from(id), request)
    });
    let mut run = RecordedRun::start(&client, recording, requests);
    let mut out = std::io::stdout().lock();
    for recorded in &mut run {
        if let Recorded::Outcome { ticket, .. } = recorded? {
            writeln!(out, "safe {}", ticket.id()).unwrap();
        }
    }
    run.finish(None)?;
    Ok(())
}

/// A process with a run in it, and what it says.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Process {
    /// Starts this very program once more, to do nothing but the run.
    pub(crate) fn start(folder: &str, url: &str, fault: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child_process", "--ignored", "--nocapture"]);
        command.env("RUN_FOLDER", folder).env("RUN_URL", url).env("RUN_FAULT", fault);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, out) = (said.clone(), child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || read(out, &lines));
        Self { child, said, reader: Some(reader) }
    }

    /// Waits for its end. Returns what it said.
    pub(crate) fn join(&mut self) -> Vec<String> {
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        std::mem::take(&mut *self.said.lock().unwrap())
    }
}

fn read(out: ChildStdout, lines: &Mutex<Vec<String>>) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        lines.lock().unwrap().push(line);
    }
}
