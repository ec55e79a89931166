//! What the responses of a run have led to: requests that wait to be taken, and when there can be no more of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests that join a run while it is under way, for who wraps its input: those that responses have led to, and those
/// that other threads have added. Clones are the same queue.
///
/// It does not send anything by itself: the input asks it for the [`next`](Self::next) one, and says of each that it takes
/// from elsewhere that it [has](Self::note_taken). Who looks at a response says what it has led to by [`add`](Self::add),
/// and then that it is [`done`](Self::note_done) with. [`FollowedRun`](crate::FollowedRun) is made of it.
///
/// ```
/// use patata::{FollowUps, Next};
///
/// let follow_ups = FollowUps::new(10, true);
/// assert!(matches!(follow_ups.next(false), Next::Input));
/// follow_ups.note_taken();
/// // The input has ended, and a response is missing that may lead to more.
/// assert!(matches!(follow_ups.next(true), Next::Nothing));
/// follow_ups.add("the second page");
/// follow_ups.note_done();
/// assert!(matches!(follow_ups.next(true), Next::FollowUp("the second page")));
/// follow_ups.note_done();
/// assert!(matches!(follow_ups.next(true), Next::End));
/// assert_eq!((follow_ups.taken(), follow_ups.followed()), (2, 1));
/// ```
#[derive(Debug)]
pub struct FollowUps<R> {
    shared: Arc<Shared<R>>,
}

impl<R> Clone for FollowUps<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

/// What an input gives next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<R> {
    /// A request that waited: it is taken with this.
    FollowUp(R),
    /// What the input has itself, if it has not ended.
    Input,
    /// Nothing just now: there may be more.
    Nothing,
    /// Nothing more, ever.
    End,
}

/// Why a request is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The run takes nothing more.
    Ended,
    /// As many wait as there may.
    Full,
}

#[derive(Debug)]
struct Shared<R> {
    /// Whether the input has to ask at all: read without the lock.
    is_used: AtomicBool,
    state: Mutex<State<R>>,
}

#[derive(Debug)]
struct State<R> {
    waiting: VecDeque<R>,
    /// So many may wait.
    most: usize,
    /// So many may be taken.
    max_requests: u64,
    taken: u64,
    followed: u64,
    left_out: u64,
    /// Whether responses lead to more.
    follows: bool,
    /// Requests that were taken, of which it is not known yet what they lead to.
    open: u64,
    /// Those who may add more, whatever has been done so far.
    holders: u32,
    is_overflown: bool,
    has_ended: bool,
}

impl<R> FollowUps<R> {
    /// A queue in which so many wait at most; `follows` says whether responses may lead to more: else it is only added to
    /// from outside, and nothing need be said of what is done.
    pub fn new(most: usize, follows: bool) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            most,
            max_requests: u64::MAX,
            taken: 0,
            followed: 0,
            left_out: 0,
            follows,
            open: 0,
            holders: 0,
            is_overflown: false,
            has_ended: false,
        };
        Self { shared: Arc::new(Shared { is_used: AtomicBool::new(follows), state: Mutex::new(state) }) }
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the run take so many requests at most, those of its input among them. What is found besides is left out.
    pub fn limit_requests(&self, most: u64) {
        self.state().max_requests = most;
        self.shared.is_used.store(true, Ordering::Release);
    }

    /// Whether the input has to ask for the [`next`](Self::next) one before each of its own. Where it has not, it asks once
    /// it has ended.
    pub fn is_used(&self) -> bool {
        self.shared.is_used.load(Ordering::Acquire)
    }

    /// What the input gives next; `input_has_ended` says whether it has nothing of its own any more. After
    /// [`Next::End`] nothing can be added.
    pub fn next(&self, input_has_ended: bool) -> Next<R> {
        let mut state = self.state();
        if state.has_ended || state.is_overflown || state.is_full() {
            state.end();
            return Next::End;
        }
        if let Some(request) = state.waiting.pop_front() {
            state.take();
            state.followed += 1;
            return Next::FollowUp(request);
        }
        if !input_has_ended {
            return Next::Input;
        }
        if state.open > 0 || state.holders > 0 {
            return Next::Nothing;
        }
        state.end();
        Next::End
    }

    /// States that the input gives one of its own.
    pub fn note_taken(&self) {
        self.state().take();
    }

    /// States that one that [`next`](Self::next) has given is kept elsewhere for now, and comes again from there.
    pub fn note_kept(&self) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(1);
        state.followed = state.followed.saturating_sub(1);
        state.open = state.open.saturating_sub(1);
    }

    /// States that the input has passed one that an earlier run has dealt with: it counts as taken, and leads to nothing.
    pub fn note_passed(&self) {
        self.state().taken += 1;
    }

    /// States that the input gives a follow-up that was kept elsewhere.
    pub fn note_follow_up(&self) {
        let mut state = self.state();
        state.take();
        state.followed += 1;
    }

    /// States that it has been said what a request has led to.
    pub fn note_done(&self) {
        let mut state = self.state();
        state.open = state.open.saturating_sub(1);
    }

    /// Adds what a response has led to. Where more wait then than there may, the run takes nothing more:
    /// [`is_overflown`](Self::is_overflown).
    pub fn add(&self, request: R) {
        let mut state = self.state();
        if state.wanted() > 0 {
            state.waiting.push_back(request);
            state.is_overflown = state.waiting.len() > state.most;
        } else {
            state.left_out += 1;
        }
    }

    /// How many more may be found before as many have been taken, and wait, as may be taken at all.
    pub fn wanted(&self) -> u64 {
        self.state().wanted()
    }

    /// Whether one more may wait.
    pub fn has_room(&self) -> bool {
        let state = self.state();
        state.waiting.len() < state.most
    }

    /// Adds a request from outside, from any thread. The run has to be woken: [`Control::wake`](crate::Control::wake).
    ///
    /// # Errors
    /// Gives it back, with the reason.
    pub fn submit(&self, request: R) -> Result<(), (R, Refused)> {
        let mut state = self.state();
        if state.has_ended || state.wanted() == 0 {
            return Err((request, Refused::Ended));
        }
        if state.waiting.len() >= state.most {
            return Err((request, Refused::Full));
        }
        state.waiting.push_back(request);
        self.shared.is_used.store(true, Ordering::Release);
        Ok(())
    }

    /// Keeps the run from ending before [`release`](Self::release), whatever has been done.
    pub fn hold(&self) {
        self.state().holders += 1;
        self.shared.is_used.store(true, Ordering::Release);
    }

    /// Ends a [`hold`](Self::hold).
    pub fn release(&self) {
        let mut state = self.state();
        state.holders = state.holders.saturating_sub(1);
    }

    /// States that the run has ended, however it has: nothing can be added any more.
    pub fn end(&self) {
        self.state().has_ended = true;
    }

    /// How many requests were taken, those of the input among them.
    pub fn taken(&self) -> u64 {
        self.state().taken
    }

    /// How many of these were follow-ups, or were added from outside.
    pub fn followed(&self) -> u64 {
        self.state().followed
    }

    /// How many were found and left out, as so many requests had been taken as there may be.
    pub fn left_out(&self) -> u64 {
        self.state().left_out
    }

    /// Whether the run takes nothing more as more was found than there is room for: what was not taken is
    /// [left](Self::take_left).
    pub fn is_overflown(&self) -> bool {
        self.state().is_overflown
    }

    /// Takes out all that waits.
    pub fn take_left(&self) -> Vec<R> {
        self.state().waiting.drain(..).collect()
    }

    /// Shows all that waits, unless somebody is at it.
    pub fn try_visit<E>(&self, visit: impl FnMut(&R) -> Result<(), E>) -> Result<(), E> {
        match self.shared.state.try_lock() {
            Ok(state) => state.waiting.iter().try_for_each(visit),
            Err(_) => Ok(()),
        }
    }
}

impl<R> State<R> {
    fn take(&mut self) {
        self.taken += 1;
        self.open += u64::from(self.follows);
    }

    fn is_full(&self) -> bool {
        self.taken >= self.max_requests
    }

    fn wanted(&self) -> u64 {
        self.max_requests.saturating_sub(self.taken).saturating_sub(self.waiting.len() as u64)
    }

    fn end(&mut self) {
        self.has_ended = true;
        if !self.is_overflown {
            // There is no use for them any more.
            self.left_out += self.waiting.len() as u64;
            self.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an input that has ended gives until there is nothing.
    fn rest(follow_ups: &FollowUps<u32>) -> Vec<u32> {
        std::iter::from_fn(|| match follow_ups.next(true) {
            Next::FollowUp(request) => Some(request),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn what_was_found_goes_before_the_input_in_the_order_in_which_it_was_found() {
        let follow_ups = FollowUps::new(10, true);
        follow_ups.add(1);
        follow_ups.add(2);
        assert_eq!(follow_ups.next(false), Next::FollowUp(1));
        assert_eq!(follow_ups.next(false), Next::FollowUp(2));
        assert_eq!(follow_ups.next(false), Next::Input);
    }

    #[test]
    fn nothing_is_over_while_a_response_may_lead_to_more() {
        let follow_ups = FollowUps::new(10, true);
        follow_ups.note_taken();
        assert_eq!(follow_ups.next(true), Next::Nothing);
        assert!(follow_ups.submit(7).is_ok());
        follow_ups.note_done();
        assert_eq!((follow_ups.next(true), follow_ups.next(true)), (Next::FollowUp(7), Next::Nothing));
        follow_ups.note_done();
        assert_eq!(follow_ups.next(true), Next::End);
        assert_eq!(follow_ups.submit(8), Err((8, Refused::Ended)));
    }

    #[test]
    fn who_holds_it_keeps_it_from_ending() {
        let follow_ups = FollowUps::<u32>::new(10, false);
        assert!(!follow_ups.is_used());
        follow_ups.hold();
        assert!(follow_ups.is_used());
        assert_eq!(follow_ups.next(true), Next::Nothing);
        follow_ups.release();
        assert_eq!(follow_ups.next(true), Next::End);
    }

    #[test]
    fn no_more_are_taken_than_there_may_be_and_the_rest_is_counted() {
        let follow_ups = FollowUps::new(10, true);
        follow_ups.limit_requests(3);
        follow_ups.note_taken();
        (1..=4).for_each(|request| follow_ups.add(request));
        assert_eq!(follow_ups.wanted(), 0);
        assert_eq!(rest(&follow_ups), [1, 2]);
        assert_eq!(follow_ups.next(false), Next::End);
        assert_eq!((follow_ups.taken(), follow_ups.followed(), follow_ups.left_out()), (3, 2, 2));
        assert!(!follow_ups.is_overflown());
    }

    #[test]
    fn where_there_is_no_room_nothing_more_is_taken_and_nothing_is_lost() {
        let follow_ups = FollowUps::new(2, true);
        (1..=3).for_each(|request| follow_ups.add(request));
        assert!(follow_ups.is_overflown());
        assert_eq!(follow_ups.next(false), Next::End);
        // What is still under way may lead to more.
        follow_ups.add(4);
        assert_eq!(follow_ups.take_left(), [1, 2, 3, 4]);
    }

    #[test]
    fn who_adds_from_outside_is_told_that_there_is_no_room() {
        let follow_ups = FollowUps::new(1, false);
        assert!(follow_ups.submit(1).is_ok());
        assert_eq!(follow_ups.submit(2), Err((2, Refused::Full)));
        assert_eq!(rest(&follow_ups), [1]);
    }
}
