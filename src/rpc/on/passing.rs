//! A long answer on its way from the handler to the platform, never whole in memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use runtime_api::{FunctionError, Payload};

use super::overdue::{self, Watch};
use super::worker::Long;
use super::workers::Turn;

/// The payload of an answer that is still coming. That it is one, and no failure, is known: nothing follows it.
///
/// Until its end it is the worker's turn, and the invocation's time runs. If it breaks off, the process is not used
/// again. If nobody takes it any more, the rest is passed over.
pub(super) fn payload(answer: Long, turn: Turn, watch: Watch) -> Payload {
    let length = answer.reply.length() as u64;
    let over = Box::pin(async move { watch.over().await });
    Payload::arriving(length, Passing { answer, over, failing: None, _turn: turn })
}

struct Passing {
    answer: Long,
    /// Ends when nobody waits for it any more.
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What there is to say of an answer that broke off, which takes a moment to find out.
    failing: Option<Pin<Box<dyn Future<Output = FunctionError> + Send>>>,
    _turn: Turn,
}

impl Stream for Passing {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Passing { answer, over, failing, .. } = self.get_mut();
        let failing = match failing {
            Some(failing) => failing,
            None => match answer.reply.poll_chunk(context) {
                Poll::Ready(Some(Ok(chunk))) => return Poll::Ready(Some(Ok(chunk))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    let connection = answer.connection.clone();
                    let request_id = answer.context.request_id.clone();
                    failing.insert(Box::pin(async move {
                        let failure = connection.lost(request_id.as_str(), &error).await;
                        connection.give_up();
                        failure
                    }))
                }
                Poll::Pending => {
                    return over.as_mut().poll(context).map(|()| {
                        answer.connection.give_up();
                        Some(Err(overdue::still_at_it(&answer.context)))
                    });
                }
            },
        };
        failing.as_mut().poll(context).map(|failure| Some(Err(failure)))
    }
}
