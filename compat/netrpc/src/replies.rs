//! The receiving side of a client's connection: hands each reply to the call it belongs to.

use gob::{Decoder, Limits};
use tokio::io::AsyncRead;
use tracing::trace;

use crate::Error;
use crate::framing::{MessageReader, Taken};
use crate::pending::{Calls, Outcome};

/// Reads replies until the connection ends, and says why it did.
pub(crate) async fn read(mut reader: MessageReader<impl AsyncRead + Unpin>, calls: &Calls) -> Error {
    let mut decoder = Decoder::with_limits(limits(reader.limit()));
    loop {
        match read_one(&mut reader, &mut decoder, calls).await {
            Ok(true) => {}
            // The peer closed the connection between replies, but not at our wish.
            Ok(false) => return Error::UnexpectedEof,
            Err(error) => return error,
        }
    }
}

/// What a stream may ask for whose messages are so long at most.
pub(crate) fn limits(message: usize) -> Limits {
    let mut limits = Limits::default();
    limits.message = message;
    limits
}

/// Reads one reply; `false` where the stream ends instead.
async fn read_one(
    reader: &mut MessageReader<impl AsyncRead + Unpin>,
    decoder: &mut Decoder,
    calls: &Calls,
) -> Result<bool, Error> {
    let gob_error = |reading| move |source| Error::Gob { reading, source };
    let (mut seq, mut error) = (0, String::new());
    let before = reader.taken();
    loop {
        let Some(message) = reader.next().await? else { return Ok(false) };
        let Some(header) = decoder.message(&message).map_err(gob_error("header"))? else { continue };
        header
            .structure(|name, field| match name {
                "Seq" => field.uint().map(|value| seq = value),
                "Error" => field.string().map(|text| error = text),
                _ => field.skip(),
            })
            .map_err(gob_error("header"))?;
        break;
    }
    loop {
        let message = reader.next().await?.ok_or(Error::UnexpectedEof)?;
        let body = match decoder.message(&message) {
            Ok(None) => continue, // a definition
            body => body,
        };
        let Taken { messages, bytes } = reader.taken();
        trace!(seq, messages = messages - before.messages, bytes = bytes - before.bytes, "reply");
        let completion = calls.complete(seq);
        match (completion, body) {
            // An error's body is a placeholder that nobody reads.
            (Some(completion), _) if !error.is_empty() => completion(Outcome::Failed(Error::Server(error)))?,
            (Some(completion), Ok(Some(value))) => completion(Outcome::Reply(value, &message))?,
            (Some(completion), Err(source)) => {
                let error = gob_error("body")(source);
                completion(Outcome::Failed(error.clone()))?;
                return Err(error);
            }
            // A reply that nobody waits for any more.
            _ => {}
        }
        return Ok(true);
    }
}
