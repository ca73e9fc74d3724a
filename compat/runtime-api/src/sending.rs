//! A payload that goes out piece by piece: as many bytes as were announced, or as they are made.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::client::{Client, broke};
use crate::contract::{STREAMING_MODE, header};
use crate::error::Operation;
use crate::payload::Streamed;
use crate::trailers::trailers;
use crate::{Error, FunctionError};

impl Client {
    /// Sends bytes as they come, as many as announced. A failure breaks the connection off.
    pub(crate) async fn pass_on(&mut self, length: u64, mut payload: Streamed) -> Result<(), Unanswered> {
        self.head.content_length(length);
        let mut last = None;
        // The last bytes go out once it is known that they are: then the payload is whole, and cannot fail any more.
        let pieces = |context: &mut Context<'_>| loop {
            return Poll::Ready(match ready!(payload.poll_chunk(context)) {
                Some(Ok(chunk)) if payload.is_whole() => {
                    last = Some(chunk);
                    continue;
                }
                None => last.take().map(Ok),
                polled => polled,
            });
        };
        self.pieces(pieces, |piece| {
            let chunk = piece.transpose()?;
            let is_last = chunk.is_none();
            Ok(Part { before: String::new(), chunk: chunk.unwrap_or_default(), after: "", is_last })
        })
        .await
    }

    /// Sends pieces as they are made. It is not known before how many they are, so a failure can follow.
    pub(crate) async fn stream(
        &mut self,
        mut payload: Streamed,
        failure: &mut Option<FunctionError>,
    ) -> Result<(), Unanswered> {
        self.head.header(header::RESPONSE_MODE, STREAMING_MODE);
        for trailer in [header::FUNCTION_ERROR_TYPE, header::FUNCTION_ERROR_BODY] {
            self.head.header("trailer", trailer);
        }
        self.head.header("transfer-encoding", "chunked");
        let pieces = |context: &mut Context<'_>| payload.poll_chunk(context);
        self.pieces(pieces, |piece| {
            let (before, chunk, is_last) = match piece {
                Some(Ok(chunk)) => (format!("{:x}\r\n", chunk.len()), chunk, false),
                Some(Err(failed)) => {
                    let lines = trailers(&failed).map(|(name, value)| format!("{name}: {value}\r\n"));
                    *failure = Some(failed);
                    (format!("0\r\n{}", lines.concat()), Bytes::new(), true)
                }
                None => ("0\r\n".to_owned(), Bytes::new(), true),
            };
            Ok(Part { before, chunk, after: "\r\n", is_last })
        })
        .await
    }

    /// Sends a payload piece by piece, each as it is framed, until the last one was sent or nobody wants more.
    async fn pieces(
        &mut self,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, FunctionError>>>,
        mut frame: impl FnMut(Option<Result<Bytes, FunctionError>>) -> Result<Part, FunctionError>,
    ) -> Result<(), Unanswered> {
        let operation = Operation::Response;
        // The first piece goes out with the head.
        let first = poll_fn(&mut next).await;
        let mut part = frame(first).map_err(Unanswered::Failed)?;
        let (mut connection, mut is_wanted) = self.send(operation, &part.bytes()).await?;
        while is_wanted && !part.is_last {
            let piece = connection.unless_refused(poll_fn(&mut next)).await;
            let Some(piece) = piece.map_err(broke(operation))? else { break };
            part = frame(piece).map_err(Unanswered::BrokenOff)?;
            is_wanted = connection.write(&part.bytes()).await.map_err(broke(operation))?;
        }
        Ok(self.taken(operation, connection).await?)
    }
}

/// A piece of a payload, as it goes out.
struct Part {
    before: String,
    chunk: Bytes,
    after: &'static str,
    is_last: bool,
}

impl Part {
    fn bytes(&self) -> [&[u8]; 3] {
        [self.before.as_bytes(), &self.chunk, self.after.as_bytes()]
    }
}

/// Why a payload that was passed on is no answer.
pub(crate) enum Unanswered {
    /// The platform did not take it.
    Told(Error),
    /// It failed before anything was sent.
    Failed(FunctionError),
    /// It failed on its way.
    BrokenOff(FunctionError),
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Unanswered {
        Unanswered::Told(error)
    }
}
