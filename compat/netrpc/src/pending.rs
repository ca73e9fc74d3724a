//! Calls in flight, as plain data: register, complete, drain. No sockets here.

use std::collections::HashMap;

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

/// Calls that were sent, or are being sent, by sequence number.
#[derive(Default)]
pub(crate) struct Pending {
    calls: HashMap<u64, Completion>,
    next_seq: u64,
    /// Why there will be no more replies.
    ended: Option<Error>,
}

impl Pending {
    /// Takes in a call and numbers it; refused once the connection has ended.
    pub(crate) fn register(&mut self, completion: Completion) -> Result<u64, Error> {
        if self.ended.is_some() {
            return Err(Error::Shutdown);
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        self.calls.insert(seq, completion);
        Ok(seq)
    }

    /// The call that a reply belongs to; none for replies to calls that nobody waits for.
    pub(crate) fn complete(&mut self, seq: u64) -> Option<Completion> {
        self.calls.remove(&seq)
    }

    /// Ends all calls, now and from now on.
    pub(crate) fn drain(&mut self, error: &Error) {
        self.ended.get_or_insert_with(|| error.clone());
        for (_, completion) in self.calls.drain() {
            // The call is over whatever its waiter makes of it.
            _ = completion(Outcome::Failed(error.clone()));
        }
    }

    pub(crate) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }
}
