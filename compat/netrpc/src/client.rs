//! The calling end of a connection: sends requests, and hands each reply to the call it belongs to.

use std::future::Future;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gob::{Decode, Decoder, Encode, Encoder};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tracing::trace;

use crate::Error;
use crate::framing::{MessageReader, Taken, write_all};
use crate::header::Request;
use crate::pending::{Outcome, Pending};

/// Replies with longer messages than this are refused unless [`Client::with_limit`] says otherwise.
const MESSAGE_LIMIT: usize = 256 * 1024 * 1024;

/// Payloads are sent in parts of about this size: larger ones fall out of the processor's cache before they are sent.
const GATHER_LIMIT: usize = 128 * 1024;

/// A connection to a server of Go's `net/rpc`. Calls may overlap; a call that is dropped is not waited for
/// any more, and its reply is passed over. The connection closes when the client is dropped.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    writer: tokio::sync::Mutex<Writer>,
    reader: AbortHandle,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// Told when the connection has ended.
    ended: Notify,
}

struct Writer {
    stream: Box<dyn AsyncWrite + Send + Unpin>,
    encoder: Encoder,
    /// One call's messages, kept for its memory.
    buffer: Vec<u8>,
    /// A part of one call's payload.
    gathered: Vec<Bytes>,
}

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

impl Client {
    /// Connects over TCP, without Nagle's delay.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client::from_tcp(stream))
    }

    /// As [`Client::new`], for a TCP connection: its two directions need no lock between them.
    pub fn from_tcp(stream: TcpStream) -> Client {
        let (read, write) = stream.into_split();
        Client::from_halves(read, write, MESSAGE_LIMIT)
    }

    /// Takes over a connection. Has to be called within a tokio runtime, which reads replies in a task.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Client {
        Client::with_limit(stream, MESSAGE_LIMIT)
    }

    /// As [`Client::new`], for replies whose messages are at most `limit` bytes long.
    pub fn with_limit(stream: impl AsyncRead + AsyncWrite + Send + 'static, limit: usize) -> Client {
        let (read, write) = tokio::io::split(stream);
        Client::from_halves(read, write, limit)
    }

    fn from_halves(
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
        limit: usize,
    ) -> Client {
        let shared = Arc::new(Shared::default());
        let reader = tokio::spawn({
            let shared = shared.clone();
            async move {
                let error = read_replies(MessageReader::new(read, limit), &shared).await;
                shared.end(&error);
            }
        });
        Client {
            shared,
            writer: tokio::sync::Mutex::new(Writer {
                stream: Box::new(write),
                encoder: Encoder::new(),
                buffer: Vec::new(),
                gathered: Vec::new(),
            }),
            reader: reader.abort_handle(),
        }
    }

    /// Calls `Service.Method` and waits for its reply.
    pub async fn call<R>(&self, service_method: &str, argument: &(impl Encode + Sync)) -> Result<R, Error>
    where
        R: Decode + Send + 'static,
    {
        self.call_with(service_method, argument, &mut None::<Bytes>).await
    }

    /// As [`Client::call`], for an argument whose bytes are not part of it: if it leaves a [`gob::Hole`],
    /// the payload fills it.
    ///
    /// The request, its argument and the payload go out in one write, or if the payload is longer than 128 KiB in
    /// one for each part of about that size. If the payload fails or is not as long as the hole, the connection is
    /// lost: [`Error::Payload`].
    pub async fn call_with<R>(
        &self,
        service_method: &str,
        argument: &(impl Encode + Sync),
        payload: &mut (impl Payload + Send),
    ) -> Result<R, Error>
    where
        R: Decode + Send + 'static,
    {
        let (reply_to, reply) = oneshot::channel();
        let completion = Box::new(move |outcome: Outcome<'_>| match outcome {
            Outcome::Failed(error) => {
                _ = reply_to.send(Err(error));
                Ok(())
            }
            Outcome::Reply(value, message) => {
                let decoded =
                    R::decode(value, message).map_err(|source| Error::Gob { reading: "body", source });
                let failed = decoded.as_ref().map(|_| ()).map_err(Error::clone);
                _ = reply_to.send(decoded);
                failed
            }
        });
        let mut waiting = Waiting { client: self, seq: None };
        {
            let mut writer = self.writer.lock().await;
            let seq = self.shared.pending().register(completion)?;
            waiting.seq = Some(seq);
            let sending = Sending { shared: &self.shared, seq };
            match writer.send(service_method, seq, argument, payload).await {
                Ok(()) => sending.done(),
                Err(error) => sending.failed(error),
            }
        }
        let outcome = reply.await.unwrap_or(Err(Error::Shutdown));
        waiting.seq = None;
        outcome
    }

    /// Whether the connection has ended: every call would fail.
    pub fn is_closed(&self) -> bool {
        self.shared.pending().ended().is_some()
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        loop {
            let ended = self.shared.ended.notified();
            if self.is_closed() {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A call that is waited for; when it is dropped early, nobody is left to take its reply.
struct Waiting<'c> {
    client: &'c Client,
    seq: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(seq) = self.seq {
            // The reply will be passed over, as one to an unknown call.
            drop(self.client.shared.pending().complete(seq));
        }
    }
}

/// A request on its way out. If that ends early, half of it is on the connection, which is of no more use.
struct Sending<'c> {
    shared: &'c Shared,
    seq: u64,
}

impl Sending<'_> {
    fn done(self) {
        std::mem::forget(self);
    }

    fn failed(self, error: Error) {
        if let Some(completion) = self.shared.pending().complete(self.seq) {
            // The call is over whatever its waiter makes of it.
            _ = completion(Outcome::Failed(error));
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.shared.end(&Error::UnexpectedEof);
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Nothing panics while it is held, and its data would be whole if something did.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, error: &Error) {
        self.pending().drain(error);
        self.ended.notify_waiters();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Writer {
    async fn send(
        &mut self,
        service_method: &str,
        seq: u64,
        argument: &(impl Encode + Sync),
        payload: &mut impl Payload,
    ) -> Result<(), Error> {
        self.buffer.clear();
        self.encoder.encode(&Request { service_method: service_method.to_owned(), seq }, &mut self.buffer);
        let hole = self.encoder.encode(argument, &mut self.buffer);
        let total = self.buffer.len() as u64 + hole.map_or(0, |hole| hole.length);
        trace!(service_method, seq, messages = count(&self.buffer), bytes = total, "request");

        let (head, tail) = self.buffer.split_at(hole.map_or(self.buffer.len(), |hole| hole.at));
        let mut left = hole.map_or(0, |hole| hole.length);
        let mut head = head;
        // What goes out in one write wakes the peer once. It can do nothing before the message's end, but for taking
        // bytes in while we wait for more, so a payload that comes in pieces is gathered up to a point.
        loop {
            self.gathered.clear();
            let mut size = 0;
            // The last part is complete when the payload has said that it has ended.
            while size < GATHER_LIMIT || left == 0 {
                match payload.chunk().await {
                    Some(Ok(chunk)) if chunk.is_empty() => {}
                    Some(Ok(chunk)) => {
                        left = left.checked_sub(chunk.len() as u64).ok_or_else(wrong_length)?;
                        size += chunk.len();
                        self.gathered.push(chunk);
                    }
                    Some(Err(error)) => return Err(Error::Payload(Arc::new(error))),
                    None if left == 0 => break,
                    None => return Err(wrong_length()),
                }
            }
            let end = if left == 0 { tail } else { &[] };
            let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(self.gathered.len() + 2);
            slices.push(IoSlice::new(head));
            slices.extend(self.gathered.iter().map(|chunk| IoSlice::new(chunk)));
            slices.push(IoSlice::new(end));
            write_all(&mut self.stream, &mut slices).await.map_err(not_sent)?;
            head = &[];
            if left == 0 {
                break;
            }
        }
        // Its memory is whoever's it came from; the next payload may need it.
        self.gathered.clear();
        self.stream.flush().await.map_err(not_sent)
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

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Reads replies until the connection ends, and says why it did.
async fn read_replies(mut reader: MessageReader<impl AsyncRead + Unpin>, shared: &Shared) -> Error {
    let mut decoder = Decoder::new();
    loop {
        match read_reply(&mut reader, &mut decoder, shared).await {
            Ok(true) => {}
            // The peer closed the connection between replies, but not at our wish.
            Ok(false) => return Error::UnexpectedEof,
            Err(error) => return error,
        }
    }
}

/// Reads one reply; `false` where the stream ends instead.
async fn read_reply(
    reader: &mut MessageReader<impl AsyncRead + Unpin>,
    decoder: &mut Decoder,
    shared: &Shared,
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
        let completion = shared.pending().complete(seq);
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
