//! Connections that are being opened to one server at once, by all runs of a client: no more than were asked for,
//! and what a burst of our own drops or refuses is no fault of the server.
//!
//! A server takes connections one by one, and its system keeps few that it has not taken. Past those it drops the
//! next ones, or refuses them, though it is as well as can be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock;

/// How often an opening is repeated.
const REPEATS: u32 = 5;
/// The wait before the first repetition, doubled for each further one.
const WAIT: Duration = Duration::from_millis(20);
/// A server that has taken a connection so short a time ago is there.
const RECENT: Duration = Duration::from_secs(1);

/// The openings under way, by server. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bursts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    crowds: Mutex<HashMap<String, Arc<Crowd>>>,
}

/// Those who want a connection to one server.
#[derive(Debug, Default)]
struct Crowd {
    state: Mutex<State>,
    /// Tells one who waits that another has done.
    done: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Openings under way, and those that wait to begin.
    present: usize,
    opening: usize,
    /// When one has succeeded last.
    reached: Option<Instant>,
}

impl State {
    /// Whether an opening that began then and failed now is due to those of ours beside it: the server takes others.
    fn explains(&self, began: Instant) -> bool {
        self.present > 1 && self.reached.is_some_and(|reached| reached + RECENT >= began)
    }
}

impl Bursts {
    /// Joins those who open connections to a server.
    pub(crate) fn join(&self, server: String) -> Opener<'_> {
        let mut crowds = lock(&self.0.crowds);
        let crowd = crowds.entry(server.clone()).or_default().clone();
        lock(&crowd.state).present += 1;
        drop(crowds);
        Opener { bursts: self, server, crowd, began: clock::now(), repeats: 0 }
    }
}

/// One who wants a connection to a server.
pub(crate) struct Opener<'a> {
    bursts: &'a Bursts,
    server: String,
    crowd: Arc<Crowd>,
    began: Instant,
    repeats: u32,
}

impl Opener<'_> {
    /// Waits until fewer than `most` connections are being opened to the server.
    pub(crate) async fn begin(&mut self, most: usize) -> Turn {
        loop {
            let done = self.crowd.done.notified();
            {
                let mut state = lock(&self.crowd.state);
                if state.opening < most {
                    state.opening += 1;
                    break;
                }
            }
            // Whoever is told and may not begin yet loses nothing: those who are opening will tell again.
            done.await;
        }
        self.began = clock::now();
        Turn(self.crowd.clone())
    }

    /// The wait after which to try again, where a failure is due to a burst of our own.
    pub(crate) fn repetition(&mut self, random: f64) -> Option<Duration> {
        let may = self.repeats < REPEATS && lock(&self.crowd.state).explains(self.began);
        may.then(|| {
            self.repeats += 1;
            (WAIT * 2_u32.pow(self.repeats)).mul_f64(random.mul_add(0.5, 0.5))
        })
    }
}

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        let mut crowds = lock(&self.bursts.0.crowds);
        let mut state = lock(&self.crowd.state);
        state.present -= 1;
        if state.present == 0 {
            crowds.remove(&self.server);
        }
    }
}

/// A connection that is being opened.
pub(crate) struct Turn(Arc<Crowd>);

impl Turn {
    /// It is open.
    pub(crate) fn succeed(self) {
        lock(&self.0.state).reached = Some(clock::now());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0.state).opening -= 1;
        self.0.done.notify_one();
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_failure_is_ours_only_beside_others_while_the_server_takes_some() {
        let now = clock::now() + Duration::from_secs(60);
        let state = |present, reached| State { present, opening: 1, reached };
        assert!(!state(1, Some(now)).explains(now), "nobody is beside it");
        assert!(!state(9, None).explains(now), "the server has taken none");
        assert!(!state(9, Some(now - Duration::from_secs(2))).explains(now), "nor of late");
        assert!(state(2, Some(now)).explains(now));
        assert!(state(2, Some(now)).explains(now - Duration::from_secs(10)), "while it waited");
    }

    #[test]
    fn repetitions_wait_longer_each_and_end() {
        let bursts = Bursts::default();
        let [mut one, mut other] = ["a:1", "a:1"].map(|server| bursts.join(server.to_owned()));
        assert_eq!(one.repetition(1.0), None, "nothing was reached");
        let turn = futures_executor(other.begin(9));
        turn.succeed();
        let waits: Vec<_> = std::iter::from_fn(|| one.repetition(1.0)).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [40, 80, 160, 320, 640]);
        drop((one, other));
        assert!(
            lock(&bursts.0.crowds).is_empty(),
            "nothing is kept of a server that nobody opens connections to"
        );
    }

    fn futures_executor<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn no_more_are_opened_at_once_than_were_asked_for_and_all_have_their_turn() {
        let bursts = Bursts::default();
        let (opening, most_seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    futures_executor(async {
                        for most in [3, 1, 3, 2, 3] {
                            let mut opener = bursts.join("a:1".to_owned());
                            let turn = opener.begin(most).await;
                            let now = opening.fetch_add(1, Ordering::SeqCst) + 1;
                            most_seen.fetch_max(now, Ordering::SeqCst);
                            std::thread::yield_now();
                            opening.fetch_sub(1, Ordering::SeqCst);
                            turn.succeed();
                        }
                    });
                });
            }
        });
        assert!((1..=3).contains(&most_seen.into_inner()));
    }
}
