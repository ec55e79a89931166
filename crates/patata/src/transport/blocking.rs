//! Work that may wait, on threads beside the event loop's. Where none can be started, that is an error of who wanted it:
//! tokio would panic, and take the event loop along.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::runtime::Builder;
use tokio::task::JoinHandle;

thread_local! {
    /// Those of this thread's event loop.
    static THREADS: Arc<Threads> = Arc::default();
}

/// How many threads there are.
#[derive(Default)]
struct Threads {
    count: AtomicUsize,
    /// Whether the next one to begin has been counted already.
    is_expected: AtomicBool,
}

impl Threads {
    fn begin(&self) {
        if !self.is_expected.swap(false, Ordering::Relaxed) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn end(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one that is about to be started.
    fn expect(&self) {
        self.is_expected.store(true, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn are_none(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }
}

/// Has the threads counted that a runtime will start. It is to be used on this thread.
pub(crate) fn count_threads(builder: &mut Builder) {
    let (begun, ended) = THREADS.with(|threads| (threads.clone(), threads.clone()));
    builder.on_thread_start(move || begun.begin()).on_thread_stop(move || ended.end());
}

/// Does `work` on such a thread.
///
/// # Errors
/// There is no such thread, and none can be started.
pub(crate) fn spawn<R, F>(work: F) -> io::Result<JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    // Where there is one, it does the work of those that cannot be started.
    let threads = THREADS.with(Arc::clone);
    if threads.are_none() {
        let probe = std::thread::Builder::new().spawn(|| ()).map_err(no_thread)?;
        // Its stack is free again then, for the one that comes.
        drop(probe.join());
        threads.expect();
    }
    Ok(tokio::task::spawn_blocking(work))
}

/// Does `work` on such a thread, and waits for what comes of it.
///
/// # Errors
/// As [`spawn`]'s, or the work broke down.
pub(crate) async fn run<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> io::Result<R> {
    spawn(work)?.await.map_err(io::Error::other)
}

/// Says what could not be done. The system's own text, "Resource temporarily unavailable", says nothing of it.
pub(crate) fn no_thread(cause: io::Error) -> io::Error {
    io::Error::new(
        cause.kind(),
        format!("no thread can be started ({cause}): memory or threads have run out"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted_as_they_come_and_go() {
        let mut builder = Builder::new_current_thread();
        count_threads(&mut builder);
        let runtime = builder.build().unwrap();
        let count = || THREADS.with(|threads| threads.count.load(Ordering::Relaxed));
        assert_eq!(count(), 0);
        assert_eq!(runtime.block_on(run(|| 7)).unwrap(), 7);
        assert_eq!(count(), 1);
        drop(runtime);
        assert_eq!(count(), 0);
    }
}
