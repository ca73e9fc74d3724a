//! A payload that is filled from elsewhere: its two ends.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use crate::{FunctionError, Payload};

/// A payload and the end to fill it from, by another task. The handler itself can send one piece: nothing is taken
/// before it has returned the payload.
///
/// One piece waits at a time: who sends faster than the platform takes has to wait.
pub fn channel() -> (Sender, Payload) {
    let (chunks, receiver) = mpsc::channel(1);
    let (failure, failed) = oneshot::channel();
    let sender = Sender { chunks, failure: Some(failure) };
    (sender, Payload::stream(Receiver { chunks: receiver, failed }))
}

/// Where the pieces of a payload go in. Dropping it ends the payload, as complete; if it is a panic that drops it, as
/// failed, and the process is asked to end.
#[derive(Debug)]
pub struct Sender {
    chunks: mpsc::Sender<Bytes>,
    failure: Option<oneshot::Sender<FunctionError>>,
}

impl Sender {
    /// Sends a piece, once there is room for it.
    ///
    /// # Errors
    /// If nobody takes the payload any more: the platform has refused it, or its connection broke.
    pub async fn send(&self, chunk: Bytes) -> Result<(), Closed> {
        self.chunks.send(chunk).await.map_err(|_| Closed)
    }

    /// Ends the payload with a failure, behind the pieces that were sent.
    pub fn fail(mut self, failure: FunctionError) {
        self.end_with(failure);
    }

    fn end_with(&mut self, failure: FunctionError) {
        if let Some(end) = self.failure.take() {
            // Nobody may be left to be told.
            let _ = end.send(failure);
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failure = FunctionError::new("Any", "the handler panicked before its response was complete");
            self.end_with(FunctionError { should_exit: true, ..failure });
        }
    }
}

/// Nobody takes the payload any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody takes the payload any more")
    }
}

impl std::error::Error for Closed {}

struct Receiver {
    chunks: mpsc::Receiver<Bytes>,
    failed: oneshot::Receiver<FunctionError>,
}

impl Stream for Receiver {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match ready!(self.chunks.poll_recv(context)) {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            // The sender tells its failure before it is gone.
            None => Poll::Ready(self.failed.try_recv().ok().map(Err)),
        }
    }
}
