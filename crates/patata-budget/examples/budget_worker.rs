//! A worker that sends nothing: it takes leave of a budget again and again, and says when it got it. For tests and benches.
//!
//! `budget_worker HANDLE SECONDS THREADS [PAUSE_AFTER]`: prints the microseconds since 1970 of each leave, one a line, at the
//! end; with PAUSE_AFTER, it says once, after so many leaves, that all servers want to be left alone for half a second, and
//! prints `paused MICROSECONDS`.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use patata_budget::{ClientOptions, Purse};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, handle, seconds, threads, rest @ ..] = &arguments[..] else {
        return Err("usage: budget_worker HANDLE SECONDS THREADS [PAUSE_AFTER]".into());
    };
    let pause_after: Option<usize> = rest.first().map(|text| text.parse()).transpose()?;
    let end = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
    let purse = Arc::new(Purse::open(handle.parse()?, ClientOptions::default())?);
    let (taken, count, failed) =
        (Mutex::new(Vec::new()), AtomicUsize::new(0), Mutex::new(Vec::<String>::new()));
    std::thread::scope(|scope| -> Result<(), AnyError> {
        for _ in 0..threads.parse::<usize>()? {
            scope.spawn(|| {
                while Instant::now() < end {
                    match purse.take(&[("requests", 1)]) {
                        Ok(permit) => drop(permit),
                        Err(error) => {
                            note(&failed, error.to_string());
                            return;
                        }
                    }
                    note(&taken, micros());
                    if Some(count.fetch_add(1, Ordering::Relaxed) + 1) == pause_after {
                        println!("paused {}", micros());
                        purse.leave_alone(None, Duration::from_millis(500));
                    }
                }
            });
        }
        Ok(())
    })?;
    let mut out = std::io::stdout().lock();
    for at in taken.into_inner().unwrap_or_default() {
        writeln!(out, "{at}")?;
    }
    match failed.into_inner().unwrap_or_default().pop() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

fn note<T, C: Extend<T>>(to: &Mutex<C>, what: T) {
    to.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend([what]);
}

fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}
