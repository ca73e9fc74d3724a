//! A long answer on its way from the handler to the platform, never whole in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use netrpc::LongReply;
use runtime_api::{FunctionError, Payload, RequestId};

use super::worker::Connection;

/// The payload of an answer that is still coming. That it is one, and no failure, is known: nothing follows it.
///
/// If it breaks off, the process is not used again. If nobody takes it any more, the rest is passed over.
pub(super) fn payload(connection: Arc<Connection>, request_id: RequestId, reply: LongReply) -> Payload {
    Payload::arriving(reply.length() as u64, Passing { connection, request_id, reply, failing: None })
}

struct Passing {
    connection: Arc<Connection>,
    request_id: RequestId,
    reply: LongReply,
    /// What there is to say of an answer that broke off, which takes a moment to find out.
    failing: Option<Pin<Box<dyn Future<Output = FunctionError> + Send>>>,
}

impl Stream for Passing {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Passing { connection, request_id, reply, failing } = self.get_mut();
        let failing = match failing {
            Some(failing) => failing,
            None => match ready!(reply.poll_chunk(context)) {
                Some(Ok(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    let (connection, request_id) = (connection.clone(), request_id.clone());
                    failing.insert(Box::pin(async move {
                        let failure = connection.lost(request_id.as_str(), &error).await;
                        connection.give_up();
                        failure
                    }))
                }
            },
        };
        failing.as_mut().poll(context).map(|failure| Some(Err(failure)))
    }
}
