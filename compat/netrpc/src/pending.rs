//! Calls in flight, as plain data: register, answer, end. No sockets here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use gob::Kept;

use crate::Error;

/// Somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    place: usize,
    /// Of the call whose reply it waits for; `None`: for the connection's end.
    pub(crate) seq: Option<u64>,
}

/// What a call ends with: its reply's value, which is not read yet, or why there is none.
pub(crate) type Outcome = Result<Kept, Error>;

/// Who waits for something on one connection, until it ends.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pending: Mutex<Pending>,
}

/// Calls that were sent, or are being sent, and who waits for the end.
#[derive(Debug, Default)]
struct Pending {
    /// Searched for replies: there are seldom more than a few.
    places: Vec<Option<Place>>,
    vacant: Vec<usize>,
    next_seq: u64,
    /// There will be no more replies.
    ended: bool,
}

/// Of somebody who waits.
#[derive(Debug)]
struct Place {
    seq: Option<u64>,
    /// Of the task that has looked last.
    waker: Option<Waker>,
    /// What somebody else has read.
    outcome: Option<Outcome>,
}

impl Calls {
    /// Takes in a call and numbers it; refused once the connection has ended.
    pub(crate) fn register(&self) -> Result<Id, Error> {
        let mut pending = self.pending();
        let seq = pending.next_seq;
        pending.next_seq += 1;
        pending.enter(Some(seq)).ok_or(Error::Shutdown)
    }

    /// Takes in somebody who waits for the end; `None` if it is over already.
    pub(crate) fn register_end(&self) -> Option<Id> {
        self.pending().enter(None)
    }

    /// What one of them ends with, if that is known; else the waker is kept.
    pub(crate) fn poll(&self, id: Id, waker: &Waker) -> Option<Outcome> {
        let mut pending = self.pending();
        let waiting = pending.places.get_mut(id.place)?.as_mut()?;
        if waiting.outcome.is_some() {
            return waiting.outcome.take();
        }
        match &mut waiting.waker {
            Some(known) => known.clone_from(waker),
            None => waiting.waker = Some(waker.clone()),
        }
        None
    }

    /// Whether somebody waits for this call's reply.
    pub(crate) fn awaits(&self, seq: u64) -> bool {
        self.pending().find(seq).is_some()
    }

    /// Leaves a call what it ends with. Replies to calls that nobody waits for are dropped.
    pub(crate) fn answer(&self, seq: u64, outcome: Outcome) {
        let mut pending = self.pending();
        let Some(waiting) = pending.find(seq) else { return };
        // There is one reply to each call; what follows it is to none.
        waiting.outcome.get_or_insert(outcome);
        let waker = waiting.waker.take();
        drop(pending);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Forgets who does not wait any more.
    pub(crate) fn leave(&self, id: Id) {
        let mut pending = self.pending();
        pending.places[id.place] = None;
        pending.vacant.push(id.place);
    }

    /// One of those who still wait, and have looked.
    pub(crate) fn next(&self) -> Option<(Id, Waker)> {
        self.pending().places.iter().enumerate().find_map(|(place, waiting)| match waiting {
            Some(Place { seq, waker: Some(waker), outcome: None }) => {
                Some((Id { place, seq: *seq }, waker.clone()))
            }
            _ => None,
        })
    }

    /// Ends all calls, now and from now on.
    pub(crate) fn end(&self, error: &Error) {
        let mut pending = self.pending();
        pending.ended = true;
        let mut wakers = Vec::new();
        for waiting in pending.places.iter_mut().flatten() {
            waiting.outcome.get_or_insert_with(|| Err(error.clone()));
            wakers.extend(waiting.waker.take());
        }
        drop(pending);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.pending().ended
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nothing panics while it is held, and its data would be whole if something did.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn enter(&mut self, seq: Option<u64>) -> Option<Id> {
        if self.ended {
            return None;
        }
        let waiting = Some(Place { seq, waker: None, outcome: None });
        let place = self.vacant.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(vacant) => *vacant = waiting,
            None => self.places.push(waiting),
        }
        Some(Id { place, seq })
    }

    fn find(&mut self, seq: u64) -> Option<&mut Place> {
        self.places.iter_mut().flatten().find(|waiting| waiting.seq == Some(seq))
    }
}
