//! The sending side of a client's connection: one request after the other, each of them whole.

use std::future::Future;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gob::{Encoder, Hole};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tracing::trace;

use crate::Error;
use crate::header::RequestRef;
use crate::outgoing::Outgoing;

/// Payloads are sent in parts of about this size: larger ones fall out of the processor's cache before they are sent.
const GATHER_LIMIT: usize = 128 * 1024;

/// Bytes for an argument's [`gob::Hole`], sent by reference as they come.
pub trait Payload {
    /// The next bytes; `None` at the end. Dropping the future in between loses nothing but the call.
    fn chunk(&mut self) -> impl Future<Output = Option<io::Result<Bytes>>> + Send;
}

impl Payload for Option<Bytes> {
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        self.take().map(Ok)
    }
}

/// Sends requests.
pub(crate) struct Requests {
    stream: Box<dyn AsyncWrite + Send + Unpin>,
    encoder: Encoder,
    outgoing: Outgoing,
    progress: Progress,
}

/// How far the request has come that was begun last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is on the stream, and the next one can follow.
    Sent,
    /// All of its bytes are here, so that anybody can write the rest of them.
    Whole,
    /// It is in parts, or was refused by the stream, and nothing can follow it.
    Broken,
}

impl Requests {
    pub(crate) fn new(stream: impl AsyncWrite + Send + Unpin + 'static) -> Requests {
        Requests {
            stream: Box::new(stream),
            encoder: Encoder::new(),
            outgoing: Outgoing::default(),
            progress: Progress::Sent,
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// Closes this direction, for good.
    pub(crate) fn close(&mut self) {
        self.stream = Box::new(tokio::io::sink());
        self.outgoing = Outgoing::default();
        self.progress = Progress::Broken;
    }

    /// Sends one request. It goes out in one write, or if the payload is long in one for each part of it.
    ///
    /// This may be given up at any time; [`Requests::progress`] then tells what that means.
    pub(crate) async fn send(
        &mut self,
        service_method: &str,
        seq: u64,
        argument: impl FnOnce(&mut Encoder, &mut Vec<u8>) -> Result<Option<Hole>, gob::Error>,
        payload: &mut impl Payload,
    ) -> Result<(), Error> {
        self.finish().await?; // one that was given up
        let hole = self.encode(service_method, seq, argument)?;
        let end = self.outgoing.buffer.len();
        let at = hole.map_or(end, |hole| hole.at);
        let mut left = hole.map_or(0, |hole| hole.length);
        trace!(
            service_method,
            seq,
            messages = count(&self.outgoing.buffer),
            bytes = left.saturating_add(end as u64),
            "request"
        );
        // What goes out in one write wakes the peer once. It can do nothing before the message's end, but for taking
        // bytes in while we wait for more, so a payload that comes in pieces is gathered up to a point.
        let mut before = 0..at;
        while left > 0 {
            left = self.gather(left, payload).await?;
            if left > 0 {
                self.outgoing.set(before, at..at);
                self.outgoing.write(&mut self.stream).await.map_err(not_sent)?;
                before = at..at;
            }
        }
        if hole.is_none() {
            self.gather(0, payload).await?; // which has to be empty
        }
        self.outgoing.set(before, at..end);
        self.progress = Progress::Whole;
        self.finish().await
    }

    /// Writes the rest of the request that was begun last, whoever began it.
    pub(crate) async fn finish(&mut self) -> Result<(), Error> {
        if self.progress == Progress::Sent {
            return Ok(());
        }
        let written = match self.progress {
            Progress::Broken => Err(io::ErrorKind::BrokenPipe.into()),
            _ => self.outgoing.write(&mut self.stream).await,
        };
        let sent = match written {
            Ok(()) => self.stream.flush().await,
            failed => failed,
        };
        if let Err(error) = sent {
            self.progress = Progress::Broken;
            return Err(not_sent(error));
        }
        self.outgoing.clear();
        self.progress = Progress::Sent;
        Ok(())
    }

    /// Puts both of the request's values into the buffer. If there is an error, nothing of them is sent.
    fn encode(
        &mut self,
        service_method: &str,
        seq: u64,
        argument: impl FnOnce(&mut Encoder, &mut Vec<u8>) -> Result<Option<Hole>, gob::Error>,
    ) -> Result<Option<Hole>, Error> {
        // Until it is whole; and if the argument panics.
        self.progress = Progress::Broken;
        let buffer = &mut self.outgoing.buffer;
        self.encoder.encode(&RequestRef { service_method, seq }, buffer);
        argument(&mut self.encoder, buffer).map_err(|error| {
            self.outgoing.keep_definitions();
            self.progress = Progress::Sent;
            Error::Argument(error)
        })
    }

    /// Takes in the next part of the payload, of which so many bytes are left: how many are left then.
    async fn gather(&mut self, mut left: u64, payload: &mut impl Payload) -> Result<u64, Error> {
        let mut size = 0;
        // The last part is complete when the payload has said that it has ended.
        while size < GATHER_LIMIT || left == 0 {
            match payload.chunk().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    left = left.checked_sub(chunk.len() as u64).ok_or_else(wrong_length)?;
                    size += chunk.len();
                    self.outgoing.payload.push(chunk);
                }
                Some(Err(error)) => return Err(Error::Payload(Arc::new(error))),
                None if left == 0 => break,
                None => return Err(wrong_length()),
            }
        }
        Ok(left)
    }
}

/// The messages in a buffer; the last one may go on beyond it.
fn count(mut buffer: &[u8]) -> u64 {
    let mut messages = 0;
    while let Ok(Some(frame)) = gob::frame(buffer) {
        messages += 1;
        buffer = frame.after(buffer);
    }
    messages
}

fn not_sent(error: io::Error) -> Error {
    Error::Send(Arc::new(error))
}

fn wrong_length() -> Error {
    Error::Payload(Arc::new(io::Error::new(
        io::ErrorKind::InvalidData,
        "the payload is not as long as announced",
    )))
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("progress", &self.progress).finish_non_exhaustive()
    }
}
