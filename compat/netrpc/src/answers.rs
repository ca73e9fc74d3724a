//! The sending side of a served connection: one reply after the other, each of them whole.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use gob::Encoder;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tracing::debug;

use crate::header::{Placeholder, Request, ResponseRef};
use crate::outgoing::Outgoing;
use crate::service::Reply;

/// Sends replies, for calls that end as they like.
pub(crate) struct Answers<W> {
    writer: Mutex<Writer<W>>,
    /// Why no more of them are sent.
    failed: OnceLock<Arc<io::Error>>,
}

struct Writer<W> {
    stream: W,
    encoder: Encoder,
    outgoing: Outgoing,
    /// A reply was begun. If its call was dropped with it, nothing can follow.
    halfway: bool,
}

impl<W: AsyncWrite + Unpin> Answers<W> {
    pub(crate) fn new(stream: W) -> Self {
        let (encoder, outgoing) = (Encoder::new(), Outgoing::default());
        let writer = Mutex::new(Writer { stream, encoder, outgoing, halfway: false });
        Answers { writer, failed: OnceLock::new() }
    }

    /// Why replies are not sent any more.
    pub(crate) fn failed(&self) -> Option<&Arc<io::Error>> {
        self.failed.get()
    }

    /// Sends the reply to a request, or the error in its place, if the connection takes it.
    pub(crate) async fn send(&self, request: &Request, outcome: Result<Reply, String>) {
        let mut writer = self.writer.lock().await;
        if writer.halfway {
            return;
        }
        writer.halfway = true;
        match writer.send(request, outcome).await {
            Ok(()) => writer.halfway = false,
            Err(error) => {
                debug!(%error, "a reply was not sent");
                _ = self.failed.set(Arc::new(error));
                // So that the peer does not wait for what will never come.
                _ = writer.stream.shutdown().await;
            }
        }
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn send(&mut self, request: &Request, outcome: Result<Reply, String>) -> io::Result<()> {
        let encoded = catch_unwind(AssertUnwindSafe(|| match &outcome {
            Ok(reply) => self.encode(request, reply),
            Err(text) => Err(text.clone()),
        }));
        let at = match encoded {
            Ok(Ok(at)) => at,
            Ok(Err(text)) => self.encode_error(request, &text),
            Err(_) => return Err(io::Error::other("encoding the reply panicked")), // which may be half there
        };
        self.outgoing.set(0..at, at..self.outgoing.buffer.len());
        self.outgoing.write(&mut self.stream).await?;
        self.outgoing.clear();
        self.stream.flush().await
    }

    /// Puts a response and its reply into the buffer: where the payload belongs.
    fn encode(&mut self, request: &Request, reply: &Reply) -> Result<usize, String> {
        let Request { service_method, seq } = request;
        let buffer = &mut self.outgoing.buffer;
        self.encoder.encode(&ResponseRef { service_method, seq: *seq, error: "" }, buffer);
        match reply.write(&mut self.encoder, buffer) {
            Ok((hole, payload)) => {
                self.outgoing.payload.extend((!payload.is_empty()).then_some(payload));
                Ok(hole.map_or(self.outgoing.buffer.len(), |hole| hole.at))
            }
            Err(text) => {
                self.outgoing.keep_definitions();
                Err(text)
            }
        }
    }

    fn encode_error(&mut self, request: &Request, text: &str) -> usize {
        let Request { service_method, seq } = request;
        let buffer = &mut self.outgoing.buffer;
        // Without a text it would be a success.
        let error = if text.is_empty() { "rpc: an error without a text" } else { text };
        self.encoder.encode(&ResponseRef { service_method, seq: *seq, error }, buffer);
        self.encoder.encode(&Placeholder, buffer);
        buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn nothing_follows_a_reply_that_was_dropped_half_sent() {
        let (near, mut far) = tokio::io::duplex(64);
        let answers = Answers::new(near);
        let request = Request { service_method: "A.B".into(), seq: 1 };
        let text = "x".repeat(1_000);
        tokio::select! {
            biased;
            () = answers.send(&request, Err(text.clone())) => panic!("there is no room"),
            () = std::future::ready(()) => {}
        }
        let mut arrived = vec![0; 64];
        far.read_exact(&mut arrived).await.unwrap();
        answers.send(&request, Err("short".into())).await;
        drop(answers);
        assert_eq!(far.read_to_end(&mut arrived).await.unwrap(), 0);
    }
}
