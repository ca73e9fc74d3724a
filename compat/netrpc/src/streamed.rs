//! A reply that is handed out as it comes.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::Error;
use crate::link::Waiting;

/// What [`Client::call_streamed`](crate::Client::call_streamed) ends with.
#[derive(Debug)]
pub enum Streamed<R> {
    /// The reply.
    Whole(R),
    /// The start of a reply that has the one field alone.
    Long(LongReply),
}

/// The bytes of a reply's only field, as they come.
///
/// Dropped before its end, the rest is passed over by the calls that follow. If the client is dropped, this ends with
/// [`Error::Closed`].
#[derive(Debug)]
pub struct LongReply {
    length: usize,
    /// Until it has ended.
    waiting: Option<Waiting>,
}

impl LongReply {
    pub(crate) fn new(waiting: Waiting, length: usize) -> LongReply {
        LongReply { length, waiting: Some(waiting) }
    }

    /// How many bytes there are in all.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The next bytes, not empty; `None` once the reply has ended as it should. Dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// As [`LongReply::chunk`], for code that polls.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let Some(waiting) = &self.waiting else { return Poll::Ready(None) };
        let chunk = ready!(waiting.poll_part(context));
        if !matches!(chunk, Some(Ok(_))) {
            self.waiting = None;
        }
        Poll::Ready(chunk)
    }
}
