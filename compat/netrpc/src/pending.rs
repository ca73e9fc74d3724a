//! Calls in flight, as plain data: register, complete, drain. No sockets here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Error;

/// What waits for one reply.
pub(crate) type Completion = Box<dyn FnOnce(Outcome<'_>) -> Result<(), Error> + Send>;

/// What a pending call ends with.
pub(crate) enum Outcome<'a> {
    /// A reply's value, and the message that it stands in.
    Reply(gob::Received<'a>, &'a bytes::Bytes),
    /// No reply.
    Failed(Error),
}

/// The calls of one connection, until it ends.
#[derive(Default)]
pub(crate) struct Calls {
    pending: Mutex<Pending>,
    /// Told when the connection has ended.
    ended: Notify,
}

/// Calls that were sent, or are being sent, by sequence number.
#[derive(Default)]
struct Pending {
    calls: HashMap<u64, Completion>,
    next_seq: u64,
    /// There will be no more replies.
    ended: bool,
}

impl Calls {
    /// Takes in a call and numbers it; refused once the connection has ended.
    pub(crate) fn register(&self, completion: Completion) -> Result<u64, Error> {
        let mut pending = self.pending();
        if pending.ended {
            return Err(Error::Shutdown);
        }
        let seq = pending.next_seq;
        pending.next_seq += 1;
        pending.calls.insert(seq, completion);
        Ok(seq)
    }

    /// The call that a reply belongs to; none for replies to calls that nobody waits for.
    pub(crate) fn complete(&self, seq: u64) -> Option<Completion> {
        self.pending().calls.remove(&seq)
    }

    /// Ends all calls, now and from now on.
    pub(crate) fn end(&self, error: &Error) {
        let calls = {
            let mut pending = self.pending();
            pending.ended = true;
            std::mem::take(&mut pending.calls)
        };
        for completion in calls.into_values() {
            // The call is over whatever its waiter makes of it.
            _ = completion(Outcome::Failed(error.clone()));
        }
        self.ended.notify_waiters();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.pending().ended
    }

    /// Waits until the connection has ended.
    pub(crate) async fn ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.has_ended() {
                return;
            }
            ended.await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nothing panics while it is held, and its data would be whole if something did.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}
