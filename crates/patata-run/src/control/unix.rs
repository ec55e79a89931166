//! The socket, where there are sockets in folders.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use patata::Control;

use crate::accounts::LimitsNow;
use crate::control::{Answer, Order};
use crate::error::RunError;

/// The folder that keeps others away from the socket, in the run's folder.
const FOLDER: &str = "control";
const SOCKET: &str = "socket";
/// The longest path that a socket may have on all systems.
const LONGEST_PATH: usize = 100;
/// How long somebody who has connected may take to say something.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest order.
const ORDER_BYTES: u64 = 1 << 16;

/// Listens to orders for a run, until it is dropped.
#[derive(Debug)]
pub struct ControlServer {
    shared: Arc<Shared>,
    folder: PathBuf,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    control: Control,
    limits: Mutex<LimitsNow>,
    is_ending: AtomicBool,
}

impl Shared {
    fn limits(&self) -> MutexGuard<'_, LimitsNow> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ControlServer {
    /// Begins to listen, for a run whose folder this process has locked and whose limits are these.
    ///
    /// # Errors
    /// What the system refuses. A run can do without.
    pub fn start(folder: &Path, control: Control, limits: LimitsNow) -> Result<Self, RunError> {
        let path = folder.join(FOLDER);
        let listener = listen(&path).map_err(RunError::io("listening in", &path))?;
        let shared =
            Arc::new(Shared { control, limits: Mutex::new(limits), is_ending: AtomicBool::new(false) });
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new().name("patata-control".to_owned());
        let thread = thread.spawn(move || serve(&listener, &of_thread));
        let thread = Some(thread.map_err(RunError::io("listening in", &path))?);
        Ok(Self { shared, folder: path, thread })
    }

    /// The limits that hold now.
    pub fn limits(&self) -> LimitsNow {
        self.shared.limits().clone()
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        // Whoever connects wakes it.
        let is_woken = with_address(&self.folder, |address| UnixStream::connect(address)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| is_woken) {
            let _ = thread.join();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A folder that only its owner can enter, and a socket in it.
fn listen(folder: &Path) -> io::Result<UnixListener> {
    // One that is there was left by a process that is gone: the run's folder is locked.
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => DirBuilder::new().mode(0o700).create(folder)?,
    }
    with_address(folder, |address| UnixListener::bind(address))
}

/// Does something with the socket's address, which must be short. A long one is reached through the open folder.
fn with_address<R>(folder: &Path, act: impl FnOnce(&Path) -> io::Result<R>) -> io::Result<R> {
    let path = folder.join(SOCKET);
    if path.as_os_str().len() <= LONGEST_PATH {
        return act(&path);
    }
    let open = File::open(folder)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", open.as_raw_fd())))
}

fn serve(listener: &UnixListener, shared: &Shared) {
    for stream in listener.incoming() {
        if shared.is_ending.load(Ordering::Relaxed) {
            return;
        }
        // One who connects and goes away again, or says nothing, does no harm.
        if let Ok(stream) = stream {
            let _ = converse(&stream, shared);
        }
    }
}

fn converse(stream: &UnixStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(ORDER_BYTES)).read_line(&mut line)?;
    let answer = match serde_json::from_str(&line) {
        Ok(order) => obey(&order, shared),
        Err(error) => Answer::Refused(format!("this is no order: {error}")),
    };
    write_line(stream, &answer)
}

fn obey(order: &Order, shared: &Shared) -> Answer {
    let mut limits = shared.limits();
    let before = limits.clone();
    let done = (|| {
        if let Some(budgets) = &order.budget {
            shared.control.set_budgets(budgets.iter().map(|budget| unit_and_rate(budget)))?;
            limits.budget.clone_from(budgets);
        }
        if let Some(rates) = &order.rate {
            shared.control.set_rates(rates)?;
            limits.rate.clone_from(rates);
        }
        if let Some(count) = order.concurrency {
            let count = Some(count).filter(|count| *count > 0);
            shared.control.set_concurrency(count)?;
            limits.concurrency = count;
        }
        if let Some(is_paused) = order.paused {
            shared.control.set_paused(is_paused)?;
            limits.paused = is_paused;
        }
        Ok::<(), patata::ConfigError>(())
    })();
    match done {
        Ok(()) => Answer::Done { before: Box::new(before), now: Box::new(limits.clone()) },
        Err(error) => Answer::Refused(error.to_string()),
    }
}

/// A budget as it is written; without a rate, where there is none, which is refused as any other that is none.
fn unit_and_rate(budget: &str) -> (&str, &str) {
    budget.split_once('=').unwrap_or((budget, ""))
}

fn write_line(mut stream: &UnixStream, value: &impl serde::Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Tells the run that is under way in a folder something.
///
/// # Errors
/// [`RunError::Io`] where there is none, or it is another user's.
pub fn tell(folder: &Path, order: &Order) -> Result<Answer, RunError> {
    let path = folder.join(FOLDER);
    let told = with_address(&path, |address| UnixStream::connect(address)).and_then(|stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        write_line(&stream, order)?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        serde_json::from_str(&line).map_err(io::Error::from)
    });
    told.map_err(RunError::io("speaking to the run in", &path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A run that is under way, and a folder whose path is long.
    fn with_server(test: impl FnOnce(&Path, &ControlServer)) {
        let server = patata_testserver::Server::start().unwrap();
        let client = patata::Client::builder().build().unwrap();
        let url = format!("{}/delay/60000", server.url());
        let run = client.run([patata::Request::get((), url)]);
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("long".repeat(40));
        fs::create_dir(&folder).unwrap();
        let limits = LimitsNow { concurrency: Some(7), ..LimitsNow::default() };
        let control = ControlServer::start(&folder, run.control(), limits).unwrap();
        test(&folder, &control);
        drop(control);
        assert!(!folder.join(FOLDER).exists());
    }

    #[test]
    fn a_run_does_what_it_is_told_and_says_what_held_before() {
        with_server(|folder, server| {
            let order =
                Order { rate: Some(vec!["50/s".to_owned()]), concurrency: Some(3), ..Order::default() };
            let Answer::Done { before, now } = tell(folder, &order).unwrap() else { panic!("it refuses") };
            assert_eq!((before.concurrency, now.concurrency), (Some(7), Some(3)));
            assert_eq!(now.rate, ["50/s"]);
            tell(folder, &Order { paused: Some(true), ..Order::default() }).unwrap();
            assert!(server.limits().paused);
            let budget = vec!["tokens=90000/min".to_owned(), "tokens=1M/day".to_owned()];
            tell(folder, &Order { budget: Some(budget.clone()), ..Order::default() }).unwrap();
            assert_eq!(server.limits().budget, budget);
        });
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        with_server(|folder, server| {
            let order = Order { rate: Some(vec!["often".to_owned()]), ..Order::default() };
            let Answer::Refused(why) = tell(folder, &order).unwrap() else { panic!("it obeys") };
            assert!(why.contains("rate") && why.contains("often"), "{why}");
            assert!(server.limits().rate.is_empty());
            for budget in ["tokens", "tokens=often", "=1/s"] {
                let order = Order { budget: Some(vec![budget.to_owned()]), ..Order::default() };
                let Answer::Refused(why) = tell(folder, &order).unwrap() else { panic!("it obeys") };
                assert!(why.contains("budgets must be"), "{why}");
            }
            assert!(server.limits().budget.is_empty());
        });
    }

    #[test]
    fn nobody_else_can_enter_and_who_says_nothing_holds_nobody_up_for_ever() {
        with_server(|folder, _| {
            let path = folder.join(FOLDER);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
            drop(with_address(&path, |address| UnixStream::connect(address)).unwrap());
            assert!(matches!(tell(folder, &Order::default()).unwrap(), Answer::Done { .. }));
        });
    }

    #[test]
    fn where_no_run_is_under_way_the_error_names_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let error = tell(folder.path(), &Order::default()).unwrap_err().to_string();
        assert!(error.contains("speaking to the run in") && error.contains("control"), "{error}");
    }
}
