//! The receiving side of a client's connection: replies as they come, whomever they are for.

use std::io;

use bytes::{Bytes, BytesMut};
use gob::wire::Cursor;
use gob::{Decoder, Kept, Limits, Received};
use tcp::IfEmpty;
use tracing::trace;

use crate::Error;
use crate::framing::{MessageReader, Taken};
use crate::header::Response;
use crate::pending::{Id, Outcome};
use crate::source::Source;

/// Messages that are not longer than this are worth waiting for.
const WHOLE_LENGTH: usize = 64 * 1024;

/// Receives replies. All of its waiting can be given up and taken up again, by whomever.
pub(crate) struct Replies {
    reader: MessageReader<Source>,
    decoder: Decoder,
    /// Whose body is still to come.
    header: Option<Header>,
    /// The body that is handed out as it comes.
    parts: Option<Parts>,
    /// All that came with the replies before.
    before: Taken,
    /// Who hears of what comes: whoever has looked last, of those who wait.
    pub(crate) listener: Option<Id>,
    pub(crate) whole_length: usize,
}

#[derive(Default)]
struct Header {
    seq: u64,
    error: String,
}

struct Parts {
    /// Whose they are; `None` if nobody wants them any more.
    owner: Option<Id>,
    /// Bytes that are still to come, and not the one behind them.
    left: usize,
}

/// What has come.
pub(crate) enum Reply {
    /// All of the reply to this call.
    Whole(u64, Outcome),
    /// The start of the reply that may come in parts: so many bytes, which are next.
    Long(usize),
}

/// A reply that may come in parts: to this call, if it has this field alone.
#[derive(Clone, Copy)]
pub(crate) struct InParts<'f> {
    pub(crate) id: Id,
    pub(crate) field: &'f str,
}

impl Replies {
    /// `read` has come already. Messages longer than `limit` bytes end the connection.
    pub(crate) fn new(source: Source, read: BytesMut, limit: usize) -> Replies {
        Replies {
            reader: MessageReader::new(source, read, limit),
            decoder: Decoder::with_limits(limits(limit)),
            header: None,
            parts: None,
            before: Taken::default(),
            listener: None,
            whole_length: WHOLE_LENGTH,
        }
    }

    /// Closes this direction, for good. A reply that has begun breaks off with it.
    pub(crate) fn close(&mut self) {
        self.reader = MessageReader::new(Source::none(), BytesMut::new(), 0);
    }

    pub(crate) fn wait_in_read(&mut self) -> io::Result<()> {
        self.reader.source().wait_in_read()
    }

    /// Says what reads do from now on where nothing has come.
    pub(crate) fn if_empty(&mut self, then: IfEmpty) {
        self.reader.source().if_empty(then);
    }

    /// The next reply; `None` where the stream ends instead.
    pub(crate) async fn next(&mut self, in_parts: Option<InParts<'_>>) -> Result<Option<Reply>, Error> {
        while self.parts.is_some() {
            self.part().await?; // that nobody wants any more
        }
        while self.header.is_none() {
            let Some(message) = self.reader.next().await? else { return Ok(None) };
            self.header = self.read_header(&message).map_err(gob_error("header"))?;
        }
        loop {
            if let Some(in_parts) = in_parts
                && let Some(length) = self.begin(in_parts).await?
            {
                return Ok(Some(Reply::Long(length)));
            }
            let message = self.reader.next().await?.ok_or(Error::UnexpectedEof)?;
            let body = match self.decoder.accept(&message) {
                Ok(false) => continue, // a definition
                Ok(true) => Ok(self.decoder.keep(message)),
                Err(source) => Err(gob_error("body")(source)),
            };
            let Header { seq, error } = self.header.take().unwrap_or_default();
            self.trace(seq);
            // An error's body is a placeholder that nobody reads.
            let outcome = if error.is_empty() {
                body.and_then(|kept| kept.ok_or(Error::UnexpectedEof))
            } else {
                Err(Error::Server(error))
            };
            return Ok(Some(Reply::Whole(seq, outcome)));
        }
    }

    /// Reads a value that came in a reply.
    pub(crate) fn value<'r>(&'r self, kept: &'r Kept) -> Received<'r> {
        self.decoder.kept(kept)
    }

    /// The next part of the reply that has begun; `None` once all of it was there.
    pub(crate) async fn part(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(parts) = &mut self.parts else { return Ok(None) };
        if parts.left > 0 {
            let part = self.reader.part(parts.left).await?;
            parts.left -= part.len();
            return Ok(Some(part));
        }
        let end = self.reader.part(1).await?;
        self.parts = None;
        match *end {
            [0] => Ok(None),
            // Another field would follow, but the message ends.
            _ => Cursor::new(&[]).uint().map(|_| None).map_err(gob_error("body")),
        }
    }

    /// Whose parts are being handed out.
    pub(crate) fn owner(&self) -> Option<Id> {
        self.parts.as_ref().and_then(|parts| parts.owner)
    }

    /// Passes over what comes for somebody who does not want it any more.
    pub(crate) fn disown(&mut self, id: Id) {
        if let Some(parts) = self.parts.as_mut().filter(|parts| parts.owner == Some(id)) {
            parts.owner = None;
        }
    }

    /// Begins with a body that is to be handed out in parts, if the next message is one: how long it is.
    async fn begin(&mut self, InParts { id, field }: InParts<'_>) -> Result<Option<usize>, Error> {
        let Some(Header { seq, error }) = &self.header else { return Ok(None) };
        if id.seq != Some(*seq) || !error.is_empty() {
            return Ok(None);
        }
        let seq = *seq;
        let frame = self.reader.frame().await?.ok_or(Error::UnexpectedEof)?;
        if frame.length <= self.whole_length
            || self.reader.has_all(frame)
            || self.reader.refusal(frame).is_some()
        {
            return Ok(None);
        }
        let start = self.reader.peek(frame, Decoder::HEAD).await?;
        let Some(bytes) = self.decoder.only_bytes(start, frame.length, field) else { return Ok(None) };
        self.reader.begin(frame, bytes.start);
        self.header = None;
        self.parts = Some(Parts { owner: Some(id), left: bytes.len() });
        self.trace(seq);
        Ok(Some(bytes.len()))
    }

    /// What a message says that is a header. `None`: it is a definition.
    fn read_header(&mut self, message: &Bytes) -> Result<Option<Header>, gob::Error> {
        let Some(value) = self.decoder.message(message)? else { return Ok(None) };
        let mut header = Header::default();
        value.with_any_of(&Response::FIELDS, "Response")?.structure(|name, field| match name {
            "Seq" => field.uint().map(|value| header.seq = value),
            "Error" => field.string().map(|text| header.error = text),
            _ => field.skip(),
        })?;
        Ok(Some(header))
    }

    fn trace(&mut self, seq: u64) {
        let Taken { messages, bytes } = self.reader.taken();
        let before = std::mem::replace(&mut self.before, self.reader.taken());
        trace!(seq, messages = messages - before.messages, bytes = bytes - before.bytes, "reply");
    }
}

fn gob_error(reading: &'static str) -> impl Fn(gob::Error) -> Error {
    move |source| Error::Gob { reading, source }
}

/// What a stream may ask for whose messages are so long at most.
pub(crate) fn limits(message: usize) -> Limits {
    let mut limits = Limits::default();
    limits.message = message;
    limits
}

impl std::fmt::Debug for Replies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replies").field("listener", &self.listener).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gob::{Encoder, Gob};
    use serde::Serialize;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::MESSAGE_LIMIT;
    use crate::header::ResponseRef;
    use crate::pending::Calls;

    #[derive(Serialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Long {
        payload: Bytes,
    }

    #[tokio::test]
    async fn a_reply_that_has_begun_breaks_off_when_it_is_closed() {
        let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
        encoder.encode(&ResponseRef { service_method: "A.B", seq: 0, error: "" }, &mut bytes);
        encoder.serialize(&Long { payload: vec![7; 2 * WHOLE_LENGTH].into() }, &mut bytes).unwrap();
        let (received, mut peer) = tokio::io::duplex(bytes.len());
        let mut replies = Replies::new(Source::of(received), BytesMut::new(), MESSAGE_LIMIT);
        peer.write_all(&bytes[..WHOLE_LENGTH]).await.unwrap();
        let in_parts = InParts { id: Calls::default().register().unwrap(), field: "Payload" };
        let reply = replies.next(Some(in_parts)).await.unwrap();
        assert!(matches!(reply, Some(Reply::Long(length)) if length == 2 * WHOLE_LENGTH));
        assert!(replies.part().await.unwrap().is_some());
        replies.close();
        let end = replies.part().await;
        assert!(matches!(end, Err(Error::Truncated)), "{end:?}");
    }
}
