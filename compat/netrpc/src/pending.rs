//! Calls in flight, as plain data: register, answer, end. No sockets here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use gob::Kept;

use crate::Error;

/// Somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id {
    /// For the reply to the call of this number.
    Call(u64),
    /// For the connection's end.
    End(u64),
}

/// What a call ends with: its reply's value, which is not read yet, or why there is none.
pub(crate) type Outcome = Result<Kept, Error>;

/// Who waits for something on one connection, until it ends.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pending: Mutex<Pending>,
}

/// Calls that were sent, or are being sent, by sequence number; and who waits for the end.
#[derive(Debug, Default)]
struct Pending {
    waiting: BTreeMap<Id, Waiting>,
    next_call: u64,
    next_end: u64,
    /// There will be no more replies.
    ended: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Of the task that has looked last.
    waker: Option<Waker>,
    /// What somebody else has read.
    outcome: Option<Outcome>,
}

impl Calls {
    /// Takes in a call and numbers it; refused once the connection has ended.
    pub(crate) fn register(&self) -> Result<Id, Error> {
        let mut pending = self.pending();
        let id = Id::Call(pending.next_call);
        pending.next_call += 1;
        pending.enter(id).ok_or(Error::Shutdown)
    }

    /// Takes in somebody who waits for the end; `None` if it is over already.
    pub(crate) fn register_end(&self) -> Option<Id> {
        let mut pending = self.pending();
        let id = Id::End(pending.next_end);
        pending.next_end += 1;
        pending.enter(id)
    }

    /// What one of them ends with, if that is known; else the waker is kept.
    pub(crate) fn poll(&self, id: Id, waker: &Waker) -> Option<Outcome> {
        let mut pending = self.pending();
        let waiting = pending.waiting.get_mut(&id)?;
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
        self.pending().waiting.contains_key(&Id::Call(seq))
    }

    /// Leaves a call what it ends with. Replies to calls that nobody waits for are dropped.
    pub(crate) fn answer(&self, seq: u64, outcome: Outcome) {
        let mut pending = self.pending();
        let Some(waiting) = pending.waiting.get_mut(&Id::Call(seq)) else { return };
        // There is one reply to each call; what follows it is to none.
        waiting.outcome.get_or_insert(outcome);
        let waker = waiting.waker.take();
        drop(pending);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Forgets who does not wait any more.
    pub(crate) fn leave(&self, id: Id) {
        self.pending().waiting.remove(&id);
    }

    /// One of those who still wait, and have looked.
    pub(crate) fn next(&self) -> Option<(Id, Waker)> {
        self.pending()
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.outcome.is_none())
            .find_map(|(id, waiting)| Some((*id, waiting.waker.clone()?)))
    }

    /// Ends all calls, now and from now on.
    pub(crate) fn end(&self, error: &Error) {
        let mut pending = self.pending();
        pending.ended = true;
        let mut wakers = Vec::new();
        for waiting in pending.waiting.values_mut() {
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
    fn enter(&mut self, id: Id) -> Option<Id> {
        if self.ended {
            return None;
        }
        self.waiting.insert(id, Waiting::default());
        Some(id)
    }
}
