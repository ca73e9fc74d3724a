//! One served connection: requests one after the other, calls at once, replies in any order.

use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use bytes::BytesMut;
use gob::wire::Cursor;
use gob::{Decode as _, Decoder, Encoder, Frame, TypeId, WireType};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, trace};

use crate::framing::MessageReader;
use crate::header::{Placeholder, Request, ResponseRef};
use crate::outgoing::Outgoing;
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
    };
    let replies = Arc::new(Replies::new(write));
    // They end with the set. What is left of those that have ended is cleared away when the next request comes, which
    // takes no waking up; it is no more than the limit.
    let mut calls = JoinSet::new();
    let end = loop {
        // What waits for a peer that takes no replies counts too.
        while calls.len() >= call_limit {
            cleared(calls.join_next().await);
        }
        let (request, call) = match requests.next().await {
            Ok(Some(next)) => next,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        trace!(service_method = request.service_method, seq = request.seq, "request");
        while cleared(calls.try_join_next()) {}
        if let Some(error) = replies.failed.get() {
            break Err(Error::Send(error.clone()));
        }
        match call {
            Ok(call) => {
                let replies = replies.clone();
                calls.spawn(async move {
                    let outcome = run(&request, call).await;
                    replies.send(&request, outcome).await;
                });
            }
            // Not in a task of its own: such requests are read no faster than their answers go.
            Err(text) => replies.send(&request, Err(text)).await,
        }
    };
    while cleared(calls.join_next().await) {}
    end
}

/// Whether there was a call that has ended.
fn cleared(call: Option<Result<(), JoinError>>) -> bool {
    if let Some(Err(error)) = &call {
        debug!(%error, "a call was not answered"); // dropping what was left of it has panicked
    }
    call.is_some()
}

/// Runs a call to its end. A panic is its own affair: Go would end the whole process, with all other calls.
async fn run(request: &Request, mut call: Call) -> Result<Reply, String> {
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(polled) => polled,
        Err(_) => Poll::Ready(Err(panicked(request))),
    })
    .await
}

fn panicked(request: &Request) -> String {
    format!("rpc: method {} panicked", request.service_method)
}

/// The receiving side.
struct Requests<'s, R> {
    server: &'s Server,
    reader: MessageReader<R>,
    decoder: Decoder,
}

impl<R: AsyncRead + Unpin> Requests<'_, R> {
    /// The next request and its call; a text in its place is the error to answer with. `None` at the end.
    async fn next(&mut self) -> Result<Option<(Request, Result<Call, String>)>, Error> {
        let failed = |source| Error::Gob { reading: "header", source };
        let request = loop {
            let Some(message) = self.reader.next().await? else { return Ok(None) };
            if let Some(value) = self.decoder.message(&message).map_err(failed)? {
                break Request::decode(value, &message).map_err(failed)?;
            }
        };
        let call = self.call(&request).await?;
        Ok(Some((request, call)))
    }

    /// Finds the method and reads the argument, or passes it over.
    async fn call(&mut self, request: &Request) -> Result<Result<Call, String>, Error> {
        let method = self.server.find(&request.service_method);
        loop {
            // Where the peer half-closes instead of sending a body, Go answers with its reader's error.
            let Some(frame) = self.reader.frame().await? else { return Ok(Err("EOF".into())) };
            let refusal = self.reader.refusal(frame);
            if refusal.is_some() || (method.is_err() && frame.length > SKIPPED_LENGTH) {
                let id = self.peek_type(frame).await?;
                if refusal.is_some() || self.is_in_one_piece(id) {
                    self.reader.skip(frame).await?;
                    match (&method, refusal) {
                        _ if id < 0 => continue, // a definition, whose value will not be understood
                        (Ok(_), Some(text)) => return Ok(Err(text)),
                        (Err(text), _) => return Ok(Err(text.clone())),
                        (Ok(_), None) => continue, // it is skipped for one of both reasons
                    }
                }
            }
            let message = self.reader.take(frame).await?;
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

    /// The type of a message's value; negative, if it defines one.
    async fn peek_type(&mut self, frame: Frame) -> Result<i32, Error> {
        let id = Cursor::new(self.reader.peek(frame).await?).int();
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

/// The sending side.
struct Replies<W> {
    writer: Mutex<Writer<W>>,
    /// Why no more replies are sent.
    failed: OnceLock<Arc<io::Error>>,
}

struct Writer<W> {
    stream: W,
    encoder: Encoder,
    outgoing: Outgoing,
}

impl<W: AsyncWrite + Unpin> Replies<W> {
    fn new(stream: W) -> Self {
        let writer = Writer { stream, encoder: Encoder::new(), outgoing: Outgoing::default() };
        Replies { writer: Mutex::new(writer), failed: OnceLock::new() }
    }

    async fn send(&self, request: &Request, outcome: Result<Reply, String>) {
        let mut writer = self.writer.lock().await;
        if self.failed.get().is_some() {
            return;
        }
        if let Err(error) = writer.send(request, outcome).await {
            debug!(%error, "a reply was not sent");
            _ = self.failed.set(Arc::new(error));
            // So that the peer does not wait for what will never come.
            _ = writer.stream.shutdown().await;
        }
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn send(&mut self, request: &Request, outcome: Result<Reply, String>) -> io::Result<()> {
        self.outgoing.clear();
        let encoded = catch_unwind(AssertUnwindSafe(|| match outcome {
            Ok(reply) => self.encode(request, reply),
            Err(text) => Err(text),
        }));
        let at = match encoded {
            Ok(Ok(at)) => at,
            Ok(Err(text)) => self.encode_error(request, &text),
            Err(_) => return Err(io::Error::other("encoding the reply panicked")), // which may be half there
        };
        self.outgoing.set(0..at, at..self.outgoing.buffer.len());
        self.outgoing.write(&mut self.stream).await?;
        self.stream.flush().await
    }

    /// Puts a response and its reply into the buffer: where the payload belongs.
    fn encode(&mut self, request: &Request, reply: Reply) -> Result<usize, String> {
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
