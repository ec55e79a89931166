//! A timer for deadline after deadline, of which hardly any is ever reached.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use crate::clock;

/// The shortest and the longest time for which sockets are looked at once more, after a deadline.
const SHORTEST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Wakes at a deadline. It may be armed for an earlier one, of a past exchange: then it wakes
/// once in vain and is wound on. So most exchanges leave it alone.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// The deadline that has passed, while the sockets are looked at once more.
    passed: Option<Instant>,
}

impl Timer {
    /// Ready once `deadline` has passed.
    pub(crate) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        match &self.sleep {
            Some(sleep) if sleep.deadline().into_std() <= deadline && !sleep.is_elapsed() => Poll::Pending,
            Some(sleep) if sleep.deadline().into_std() >= deadline && sleep.is_elapsed() => Poll::Ready(()),
            _ => self.arm(deadline, context),
        }
    }

    /// Ready once what is awaited from a socket is too late: `deadline` has passed, and the socket has been looked at
    /// since. For as long as this process was kept from looking (it was stopped, its machine was asleep, others had
    /// the processor), the other side may have been waiting for it: so long it goes on, within bounds.
    pub(crate) fn poll_verdict(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        if self.passed == Some(deadline) {
            let is_over = self.sleep.as_ref().is_none_or(|sleep| sleep.is_elapsed());
            return if is_over { Poll::Ready(()) } else { Poll::Pending };
        }
        if self.poll(deadline, context).is_pending() {
            return Poll::Pending;
        }
        self.passed = Some(deadline);
        let now = clock::now();
        let late = now.saturating_duration_since(deadline);
        self.arm(now + late.clamp(SHORTEST_LOOK, LONGEST_LOOK), context)
    }

    fn arm(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        sleep.as_mut().reset(deadline);
        // Whoever has just read as much as a task may in one go has to be woken all the same.
        pin!(unconstrained(sleep.as_mut())).poll(context)
    }
}

/// What comes of `future`, which awaits something from a socket; `None` where that is too late, as
/// [`poll_verdict`](Timer::poll_verdict) has it.
pub(crate) async fn within<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let (mut future, mut timer) = (pin!(future), Timer::default());
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timer.poll_verdict(deadline, context).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn soon() -> Instant {
        clock::now() + Duration::from_millis(20)
    }

    /// As a process is that was stopped: the deadline passes while nobody looks.
    fn be_stopped() {
        std::thread::sleep(Duration::from_millis(200));
    }

    #[test]
    fn what_came_while_nobody_could_look_is_found_after_the_deadline() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let peer = std::thread::spawn(move || {
                use std::io::Write as _;
                let mut peer = std::net::TcpStream::connect(address).unwrap();
                std::thread::sleep(Duration::from_millis(100));
                // In parts, of which one look finds only the first.
                for byte in b"abc" {
                    peer.write_all(&[*byte]).unwrap();
                    std::thread::sleep(Duration::from_millis(40));
                }
            });
            let (mut stream, _) = listener.accept().await.unwrap();
            let deadline = soon();
            tokio::task::yield_now().await;
            be_stopped();
            let mut read = [0; 3];
            assert_eq!(within(deadline, stream.read_exact(&mut read)).await.unwrap().unwrap(), 3);
            peer.join().unwrap();
        });
    }

    #[test]
    fn what_does_not_come_is_given_up_once_and_for_all() {
        run(async {
            let (deadline, polls) = (soon(), Cell::new(0));
            let never = poll_fn(|_| -> Poll<()> {
                polls.set(polls.get() + 1);
                Poll::Pending
            });
            assert!(within(deadline, never).await.is_none());
            assert!(clock::now() > deadline);
            // At the beginning, at the deadline, and once more.
            assert_eq!(polls.get(), 3);
        });
    }

    #[test]
    fn a_stop_of_hours_prolongs_the_wait_by_a_second_at_most() {
        run(async {
            let Some(long_ago) = clock::now().checked_sub(Duration::from_secs(60)) else { return };
            tokio::time::pause();
            let began = clock::now();
            assert!(within(long_ago, std::future::pending::<()>()).await.is_none());
            let waited = clock::now() - began;
            assert!((LONGEST_LOOK..LONGEST_LOOK + Duration::from_millis(10)).contains(&waited), "{waited:?}");
        });
    }

    #[test]
    fn a_timer_serves_one_deadline_after_the_other() {
        run(async {
            let mut timer = Timer::default();
            for _ in 0..3 {
                let deadline = soon();
                poll_fn(|context| timer.poll_verdict(deadline, context)).await;
                assert!(clock::now() > deadline);
            }
            // What is behind a deadline that was met in time is not looked at for longer.
            let (met, later) = (soon(), soon() + Duration::from_secs(60));
            let first = poll_fn(|context| Poll::Ready(timer.poll_verdict(met, context))).await;
            assert!(first.is_pending());
            let patient = poll_fn(|context| timer.poll_verdict(later, context));
            assert!(timeout(Duration::from_millis(100), patient).await.is_err());
        });
    }

    /// A connection that floods its reader uses up what a task may do in one go.
    #[test]
    fn a_timer_rings_for_who_was_armed_when_busy() {
        run(async {
            let mut timer = Timer::default();
            let deadline = soon();
            let ring = poll_fn(|context| {
                while tokio::task::coop::has_budget_remaining() {
                    let _ = pin!(tokio::task::coop::consume_budget()).poll(context);
                }
                timer.poll(deadline, context)
            });
            timeout(Duration::from_secs(10), ring).await.unwrap();
        });
    }
}
