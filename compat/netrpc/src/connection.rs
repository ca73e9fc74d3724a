//! One served connection: requests one after the other, calls at once, replies in any order.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use gob::wire::Cursor;
use gob::{Decode as _, Decoder, Frame, TypeId, WireType};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tracing::trace;

use crate::answers::Answers;
use crate::framing::MessageReader;
use crate::header::Request;
use crate::race::race;
use crate::replies::limits;
use crate::service::{Call, Reply};
use crate::{Error, Server};

/// Bodies that nobody wants are not even kept until they are whole, if they are longer than this.
const SKIPPED_LENGTH: usize = 16 * 1024;

/// Reads requests, of which the start may have come already, and answers them.
pub(crate) async fn serve(
    server: &Server,
    read: impl AsyncRead + Unpin,
    buffer: BytesMut,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), Error> {
    let (message_limit, call_limit) = server.limits();
    let mut requests = Requests {
        server,
        reader: MessageReader::new(read, buffer, message_limit),
        decoder: Decoder::with_limits(limits(message_limit)),
        end: None,
    };
    let calls = Arc::new(Running {
        answers: Answers::new(write),
        slots: Semaphore::new(call_limit as usize),
        dropped: Semaphore::new(0),
    });
    let _end = EndOfCalls(&calls.dropped);
    let end = loop {
        // What waits for a peer that takes no replies counts too. With all slots taken, nothing is read.
        let Ok(slot) = calls.slots.acquire().await else { break Ok(()) };
        let (request, call) = match requests.next().await {
            Ok(Some(next)) => next,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        trace!(service_method = request.service_method, seq = request.seq, "request");
        if let Some(error) = calls.answers.failed() {
            break Err(Error::Send(error.clone()));
        }
        match call {
            Ok(call) => {
                slot.forget(); // the call gives it back
                tokio::spawn(run(calls.clone(), request, call));
            }
            // Not in a task of its own: such requests are read no faster than their answers go.
            Err(text) => calls.answers.send(&request, Err(text)).await,
        }
    };
    // Until all of them have ended.
    _ = calls.slots.acquire_many(call_limit).await;
    end
}

/// Runs a call to its end and answers it, unless the connection is dropped before.
async fn run<W: AsyncWrite + Unpin>(calls: Arc<Running<W>>, request: Request, call: Call) {
    let _slot = Slot(&calls.slots);
    let answering = pin!(async {
        let outcome = outcome(&request, call).await;
        calls.answers.send(&request, outcome).await;
    });
    race(answering, calls.dropped.acquire()).await;
}

/// What a call ends with. A panic is its own affair: Go would end the whole process, with all other calls.
async fn outcome(request: &Request, mut call: Call) -> Result<Reply, String> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(polled) => polled,
        Err(_) => Poll::Ready(Err(panicked(request))),
    })
    .await
}

fn panicked(request: &Request) -> String {
    format!("rpc: method {} panicked", request.service_method)
}

/// What came for an argument.
enum Argument {
    Message(Bytes),
    /// One that is too long. More is to come.
    Definition,
    /// Nothing to read; and what to answer.
    PassedOver(String),
    /// The stream has ended before it.
    Ended,
}

/// The receiving side.
struct Requests<'s, R> {
    server: &'s Server,
    reader: MessageReader<R>,
    decoder: Decoder,
    /// Why nothing follows the request that was read last.
    end: Option<Error>,
}

impl<R: AsyncRead + Unpin> Requests<'_, R> {
    /// The next request and its call; a text in its place is the error to answer with. `None` at the end.
    async fn next(&mut self) -> Result<Option<(Request, Result<Call, String>)>, Error> {
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        let failed = |source| Error::Gob { reading: "header", source };
        let request = loop {
            let Some(message) = self.reader.next().await? else { return Ok(None) };
            if let Some(value) = self.decoder.message(&message).map_err(failed)? {
                break Request::decode(value, &message).map_err(failed)?;
            }
        };
        let call = match self.call(&request).await {
            // The peer may have closed one direction alone, and is answered as by Go.
            Err(end @ (Error::Truncated | Error::Gob { .. })) => {
                let text = match &end {
                    Error::Gob { source, .. } => source.to_string(),
                    end => end.to_string(),
                };
                self.end = Some(end);
                // What is wrong with the request was found out before.
                Err(self.server.find(&request.service_method).err().unwrap_or(text))
            }
            call => call?,
        };
        Ok(Some((request, call)))
    }

    /// Finds the method and reads the argument, or passes it over.
    async fn call(&mut self, request: &Request) -> Result<Result<Call, String>, Error> {
        let method = self.server.find(&request.service_method);
        let before = self.reader.taken().messages;
        loop {
            let message = match self.reader.at_hand()? {
                Some(message) => message,
                None => match self.argument(method.as_ref().err()).await? {
                    Argument::Message(message) => message,
                    Argument::Definition => continue,
                    Argument::PassedOver(text) => return Ok(Err(text)),
                    // Where the peer half-closes instead of sending a body, Go answers with its reader's error.
                    Argument::Ended if self.reader.taken().messages == before => {
                        return Ok(Err(method.err().unwrap_or_else(|| "EOF".into())));
                    }
                    Argument::Ended => return Err(Error::Truncated),
                },
            };
            return Ok(match (self.decoder.message(&message), &method) {
                (Ok(None), _) => continue, // a definition
                (Ok(Some(value)), Ok(method)) => {
                    match catch_unwind(AssertUnwindSafe(|| method(value, &message))) {
                        Ok(call) => call.map_err(|error| error.to_string()),
                        Err(_) => Err(panicked(request)),
                    }
                }
                (Err(error), Ok(_)) => Err(error.to_string()),
                (_, Err(text)) => Err(text.clone()),
            });
        }
    }

    /// Waits for an argument's next message. It is not kept if it is too long, or if nobody wants it.
    async fn argument(&mut self, unwanted: Option<&String>) -> Result<Argument, Error> {
        let Some(frame) = self.reader.frame().await? else { return Ok(Argument::Ended) };
        let refusal = self.reader.refusal(frame);
        if refusal.is_some() || (unwanted.is_some() && frame.length > SKIPPED_LENGTH) {
            let id = self.peek_type(frame).await?;
            if refusal.is_some() && id < 0 {
                self.reader.skip(frame).await?; // and the value will not be understood
                return Ok(Argument::Definition);
            }
            if refusal.is_some() || self.is_in_one_piece(id) {
                self.reader.skip(frame).await?;
                return Ok(Argument::PassedOver(unwanted.cloned().or(refusal).unwrap_or_default()));
            }
        }
        self.reader.take(frame).await.map(Argument::Message)
    }

    /// The type of a message's value; negative, if it defines one.
    async fn peek_type(&mut self, frame: Frame) -> Result<i32, Error> {
        let id = Cursor::new(self.reader.peek(frame, 9).await?).int();
        Ok(id.unwrap_or_default() as i32)
    }

    /// Whether a value's one message is surely all of it. One that holds interfaces may define types in its middle,
    /// and go on in another message.
    fn is_in_one_piece(&self, id: i32) -> bool {
        let interface = TypeId::INTERFACE;
        let mentions = |wire_type: &WireType| match wire_type {
            WireType::Array { elem, .. } | WireType::Slice { elem, .. } => *elem == interface,
            WireType::Map { key, elem, .. } => *key == interface || *elem == interface,
            WireType::Struct { fields, .. } => fields.iter().any(|field| field.id == interface),
            _ => false,
        };
        let definitions = self.decoder.types().definitions();
        id > 0 && id != interface.0 && !definitions.iter().any(|it| mentions(&it.wire_type))
    }
}

/// The calls that are running.
struct Running<W> {
    answers: Answers<W>,
    /// One for each call that may begin.
    slots: Semaphore,
    /// Never has anything to give, and is closed with the connection.
    dropped: Semaphore,
}

/// A running call's, which it gives back.
struct Slot<'c>(&'c Semaphore);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// Ends the calls with the future that serves them.
struct EndOfCalls<'c>(&'c Semaphore);

impl Drop for EndOfCalls<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
