//! What the calls of one connection share: each waits for its own reply, and who waits reads for all of them.
//!
//! There is no task that reads. A call that is polled reads what has come, also what is for others: it leaves that to
//! them and wakes them. Of those who wait, the stream knows the one that has looked last, the listener; when that one
//! leaves, it wakes another, which looks.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use gob::{Kept, Received};
use tcp::IfEmpty;
use tokio::runtime::Handle;
use tokio::sync;
use tokio::task::unconstrained;

use crate::Error;
use crate::pending::{Calls, Id};
use crate::race::race;
use crate::replies::{InParts, Replies, Reply};
use crate::requests::{Progress, Requests};

/// One connection, until it ends.
#[derive(Debug)]
pub(crate) struct Link {
    calls: Calls,
    requests: sync::Mutex<Requests>,
    /// Locked before the calls, if both are.
    replies: Mutex<Replies>,
    /// Where requests are written to their end that were given up.
    runtime: Handle,
}

/// A call's reply.
pub(crate) enum Answer {
    /// All of it.
    Whole(Kept),
    /// Its start, and how many bytes follow.
    Long(usize),
}

impl Link {
    pub(crate) fn new(requests: Requests, replies: Replies) -> Link {
        Link {
            calls: Calls::default(),
            requests: sync::Mutex::new(requests),
            replies: Mutex::new(replies),
            runtime: Handle::current(),
        }
    }

    /// Reads a value that came in a reply. The connection ends with what does not fit.
    pub(crate) fn value<R>(
        &self,
        kept: &Kept,
        decode: impl FnOnce(Received<'_>, &Bytes) -> Result<R, gob::Error>,
    ) -> Result<R, Error> {
        let decoded = decode(self.replies().value(kept), kept.message());
        decoded.map_err(|source| self.fail(Error::Gob { reading: "body", source }))
    }

    /// Ends all calls, now and from now on.
    pub(crate) fn end(&self, error: &Error) {
        self.calls.end(error);
        self.replies().close();
        self.close_requests();
    }

    pub(crate) fn wait_in_read(&self) -> io::Result<()> {
        self.replies().wait_in_read()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.calls.has_ended()
    }

    /// Waits until the connection has ended.
    pub(crate) async fn ended(self: &Arc<Link>) {
        if let Some(id) = self.calls.register_end() {
            let waiting = Waiting { link: self.clone(), id };
            _ = poll_fn(|context| self.poll(context, waiting.id, None, IfEmpty::Wake)).await;
        }
    }

    /// Takes in a call, and before it what has come while nobody was waiting, such as the end. Then the call listens.
    fn begin(&self, context: &mut Context<'_>) -> Result<Id, Error> {
        let mut replies = self.replies();
        if replies.listener.is_some() {
            return self.calls.register();
        }
        match self.read(&mut replies, context, None, None, IfEmpty::Leave) {
            Poll::Ready(Err(error)) => {
                drop(replies);
                self.end(&error);
                Err(Error::Shutdown)
            }
            _ => {
                let id = self.calls.register()?;
                replies.listener = Some(id);
                Ok(id)
            }
        }
    }

    /// Waits for what somebody waits for.
    fn poll(
        &self,
        context: &mut Context<'_>,
        id: Id,
        field: Option<&str>,
        if_empty: IfEmpty,
    ) -> Poll<Result<Answer, Error>> {
        if let Some(outcome) = self.calls.poll(id, context.waker()) {
            return Poll::Ready(outcome.map(Answer::Whole));
        }
        let read = ready!(self.read(&mut self.replies(), context, Some(id), field, if_empty));
        Poll::Ready(read.unwrap_or_else(|error| {
            let error = self.fail(error);
            // Its reply may have been left to it since it was looked for.
            self.calls.poll(id, context.waker()).unwrap_or(Err(error)).map(Answer::Whole)
        }))
    }

    /// Reads what has come. If the reply that is waited for is not in it, whoever reads is the listener. An error ends
    /// the connection.
    fn read(
        &self,
        replies: &mut Replies,
        context: &mut Context<'_>,
        id: Option<Id>,
        field: Option<&str>,
        if_empty: IfEmpty,
    ) -> Poll<Result<Result<Answer, Error>, Error>> {
        if replies.owner().is_some() {
            return Poll::Pending; // and its owner will wake somebody
        }
        replies.listener = id;
        replies.if_empty(if_empty);
        let in_parts = id.zip(field).map(|(id, field)| InParts { id, field });
        loop {
            match ready!(pin!(replies.next(in_parts)).poll(context))? {
                Some(Reply::Long(length)) => return Poll::Ready(Ok(Ok(Answer::Long(length)))),
                // What cannot be read ends the connection, if somebody waits for it.
                Some(Reply::Whole(seq, Err(error @ Error::Gob { .. }))) if self.calls.awaits(seq) => {
                    return Poll::Ready(Err(error));
                }
                Some(Reply::Whole(seq, outcome)) if id.is_some_and(|id| id.seq == Some(seq)) => {
                    return Poll::Ready(Ok(outcome.map(Answer::Whole)));
                }
                Some(Reply::Whole(seq, outcome)) => self.calls.answer(seq, outcome),
                // The peer closed the connection between replies, but not at our wish.
                None => return Poll::Ready(Err(Error::UnexpectedEof)),
            }
        }
    }

    /// The next part of the reply that has begun; `None` once all of it was there.
    fn poll_part(&self, context: &mut Context<'_>, id: Id) -> Poll<Option<Result<Bytes, Error>>> {
        if let Some(Err(error)) = self.calls.poll(id, context.waker()) {
            return Poll::Ready(Some(Err(error)));
        }
        let mut replies = self.replies();
        replies.if_empty(IfEmpty::Wait);
        let part = ready!(pin!(replies.part()).poll(context));
        drop(replies);
        let lost = |error| {
            let error = self.fail(error);
            // It may have ended since it was looked for, and for another reason.
            self.calls.poll(id, context.waker()).and_then(Result::err).unwrap_or(error)
        };
        Poll::Ready(part.map_err(lost).transpose())
    }

    /// Nothing more can be sent. What has come is read first, so that no reply is lost with it.
    fn break_off(&self) {
        // That the task has had its share is no answer.
        let reading = unconstrained(poll_fn(|context| {
            self.read(&mut self.replies(), context, None, None, IfEmpty::Leave)
        }));
        self.end(&match pin!(reading).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => error,
            _ => Error::UnexpectedEof,
        });
    }

    /// Has the request written to its end whose call was given up.
    fn finish(self: &Arc<Link>) {
        let link = self.clone();
        self.runtime.spawn(async move {
            let mut turn = Turn::take(&link).await;
            _ = race(turn.requests.finish(), link.ended()).await;
        });
    }

    fn fail(&self, error: Error) -> Error {
        self.end(&error);
        error
    }

    /// Closes the sending side of a connection that has ended. Whoever is sending hears of the end, and does it then.
    fn close_requests(&self) {
        if self.has_ended()
            && let Ok(mut requests) = self.requests.try_lock()
        {
            requests.close();
        }
    }

    fn replies(&self) -> MutexGuard<'_, Replies> {
        // A reply's own code may panic while it is held, but it changes nothing.
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits, for as long as this lives: a call, of which a reply that comes later is passed over.
#[derive(Debug)]
pub(crate) struct Waiting {
    link: Arc<Link>,
    id: Id,
}

impl Waiting {
    /// A call, which is numbered. Refused once the connection has ended, even if that was not known before.
    pub(crate) async fn call(link: &Arc<Link>) -> Result<Waiting, Error> {
        // That the task has had its share does not mean that nothing has come.
        let id = unconstrained(poll_fn(|context| Poll::Ready(link.begin(context)))).await?;
        Ok(Waiting { link: link.clone(), id })
    }

    pub(crate) fn seq(&self) -> u64 {
        self.id.seq.unwrap_or_default()
    }

    /// Waits for the reply, which may come in parts if it has this field alone.
    pub(crate) async fn answer(&self, field: Option<&str>, if_empty: IfEmpty) -> Result<Answer, Error> {
        poll_fn(|context| self.link.poll(context, self.id, field, if_empty)).await
    }

    /// The next part of the reply; `None` once all of it was there.
    pub(crate) fn poll_part(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        self.link.poll_part(context, self.id)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut replies = self.link.replies();
        self.link.calls.leave(self.id);
        replies.disown(self.id);
        if replies.listener == Some(self.id) {
            let next = self.link.calls.next();
            replies.listener = next.as_ref().map(|(id, _)| *id);
            drop(replies);
            next.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }
}

/// One's turn to send. It may end before the request is sent.
pub(crate) struct Turn<'l> {
    pub(crate) requests: sync::MutexGuard<'l, Requests>,
    /// Dropped behind the lock.
    link: TurnEnds<'l>,
}

struct TurnEnds<'l>(&'l Arc<Link>);

impl Turn<'_> {
    pub(crate) async fn take(link: &Arc<Link>) -> Turn<'_> {
        Turn { requests: link.requests.lock().await, link: TurnEnds(link) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let TurnEnds(link) = self.link;
        match self.requests.progress() {
            Progress::Sent => {}
            Progress::Whole if link.has_ended() => {}
            Progress::Whole => link.finish(),
            Progress::Broken => {
                // The peer has to hear of it too: it may wait for the rest.
                self.requests.close();
                link.break_off();
            }
        }
    }
}

impl Drop for TurnEnds<'_> {
    fn drop(&mut self) {
        self.0.close_requests();
    }
}
