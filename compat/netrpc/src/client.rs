//! The calling end of a connection: takes calls in, and sees each of them through to its reply.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gob::{Decode, Encode, Encoder, Gob, Hole, Received};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, ToSocketAddrs, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard, Notify, oneshot};
use tokio::task::AbortHandle;

use crate::framing::MessageReader;
use crate::pending::{Calls, Outcome};
use crate::race::{First, race};
use crate::requests::{Payload, Progress, Requests};
use crate::{Error, MESSAGE_LIMIT, http, replies};

/// A connection to a server of Go's `net/rpc`. Calls may overlap, also from many tasks: share it by reference or in
/// an `Arc`. The connection closes when the client is dropped.
///
/// A call that is dropped is not waited for any more: its request still goes out whole if it had begun to, and its
/// reply is passed over. No other call notices.
#[derive(Debug)]
pub struct Client {
    calls: Arc<Calls>,
    requests: Arc<Mutex<Requests>>,
    /// Told when nothing more can be sent.
    refused: Arc<Notify>,
    reader: AbortHandle,
    runtime: Handle,
}

impl Client {
    /// Connects over TCP, without Nagle's delay. Go's `rpc.Dial("tcp", address)`.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client::from_tcp(stream))
    }

    /// Connects to a Unix socket. Go's `rpc.Dial("unix", path)`.
    pub async fn connect_unix(path: impl AsRef<Path>) -> io::Result<Client> {
        let (read, write) = UnixStream::connect(path).await?.into_split();
        Ok(Client::from_halves(read, write, BytesMut::new(), MESSAGE_LIMIT))
    }

    /// Connects over TCP to a server that speaks HTTP first, at `/_goRPC_`. Go's `rpc.DialHTTP("tcp", address)`.
    ///
    /// What is no such server is [`Error::Http`], with the status it answered.
    pub async fn connect_http(address: impl ToSocketAddrs) -> Result<Client, Error> {
        Client::connect_http_path(address, http::RPC_PATH).await
    }

    /// As [`Client::connect_http`], at another path. Go's `rpc.DialHTTPPath`.
    pub async fn connect_http_path(address: impl ToSocketAddrs, path: &str) -> Result<Client, Error> {
        let connecting = |error| Error::Connect(Arc::new(error));
        let mut stream = TcpStream::connect(address).await.map_err(connecting)?;
        stream.set_nodelay(true).map_err(connecting)?;
        let read = http::connect(&mut stream, path).await?;
        let (reader, writer) = stream.into_split();
        Ok(Client::from_halves(reader, writer, read, MESSAGE_LIMIT))
    }

    /// As [`Client::new`], for a server that speaks HTTP first, at this path: [`RPC_PATH`](crate::RPC_PATH), mostly.
    pub async fn over_http(
        mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        path: &str,
    ) -> Result<Client, Error> {
        let read = http::connect(&mut stream, path).await?;
        let (reader, writer) = tokio::io::split(stream);
        Ok(Client::from_halves(reader, writer, read, MESSAGE_LIMIT))
    }

    /// As [`Client::new`], for a TCP connection: its two directions need no lock between them.
    pub fn from_tcp(stream: TcpStream) -> Client {
        Client::from_tcp_with_limit(stream, MESSAGE_LIMIT)
    }

    /// As [`Client::from_tcp`], for replies whose messages are at most `limit` bytes long. A longer one ends the
    /// connection: [`Error::TooLong`].
    pub fn from_tcp_with_limit(stream: TcpStream, limit: usize) -> Client {
        let (read, write) = stream.into_split();
        Client::from_halves(read, write, BytesMut::new(), limit)
    }

    /// Takes over a connection. Has to be called within a tokio runtime, which reads replies in a task.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Client {
        Client::with_limit(stream, MESSAGE_LIMIT)
    }

    /// As [`Client::new`], for replies whose messages are at most `limit` bytes long; otherwise it is
    /// [`MESSAGE_LIMIT`]. A longer one ends the connection: [`Error::TooLong`].
    pub fn with_limit(stream: impl AsyncRead + AsyncWrite + Send + 'static, limit: usize) -> Client {
        let (read, write) = tokio::io::split(stream);
        Client::from_halves(read, write, BytesMut::new(), limit)
    }

    fn from_halves(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        read: BytesMut,
        limit: usize,
    ) -> Client {
        let calls = Arc::new(Calls::default());
        let requests = Arc::new(Mutex::new(Requests::new(writer)));
        let (runtime, refused) = (Handle::current(), Arc::new(Notify::new()));
        let reader = runtime.spawn({
            let (calls, requests, refused) = (calls.clone(), requests.clone(), refused.clone());
            async move {
                let calls = EndsWithReader(calls);
                let reading = replies::read(MessageReader::new(reader, read, limit), &calls.0);
                // What has come is read first, so that no reply is lost with a request that could not be sent.
                let error = match race(reading, refused.notified()).await {
                    First::Left(error) => error,
                    First::Right(()) => Error::UnexpectedEof,
                };
                calls.0.end(&error);
                // Whoever is sending hears of the end, and leaves.
                requests.lock().await.close();
            }
        });
        Client { calls, requests, refused, reader: reader.abort_handle(), runtime }
    }

    /// Calls `Service.Method` and waits for its reply. Argument and reply are of any types that gob knows; see
    /// [`gob::Gob`], which is derived.
    pub async fn call_typed<R>(
        &self,
        service_method: &str,
        argument: &(impl Gob + Serialize + Sync + ?Sized),
    ) -> Result<R, Error>
    where
        R: Gob + DeserializeOwned + Send + 'static,
    {
        self.exchange(
            service_method,
            |encoder, buffer| encoder.serialize(argument, buffer).map(|()| None),
            &mut None::<Bytes>,
            |value, _| value.deserialize(),
        )
        .await
    }

    /// As [`Client::call_typed`], for fixed messages: structs that encode and decode themselves.
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
    /// lost: [`Error::Payload`]. It is lost as well if the call is dropped before the payload has ended, since nobody
    /// else can end it.
    pub async fn call_with<R>(
        &self,
        service_method: &str,
        argument: &(impl Encode + Sync),
        payload: &mut (impl Payload + Send),
    ) -> Result<R, Error>
    where
        R: Decode + Send + 'static,
    {
        let encode = |encoder: &mut Encoder, buffer: &mut Vec<u8>| Ok(encoder.encode(argument, buffer));
        self.exchange(service_method, encode, payload, R::decode).await
    }

    /// Sends one request and waits for its reply.
    async fn exchange<R: Send + 'static>(
        &self,
        service_method: &str,
        argument: impl FnOnce(&mut Encoder, &mut Vec<u8>) -> Result<Option<Hole>, gob::Error>,
        payload: &mut (impl Payload + Send),
        decode: impl FnOnce(Received<'_>, &Bytes) -> Result<R, gob::Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (reply_to, mut reply) = oneshot::channel();
        let completion = Box::new(move |outcome: Outcome<'_>| match outcome {
            Outcome::Failed(error) => {
                _ = reply_to.send(Err(error));
                Ok(())
            }
            Outcome::Reply(value, message) => {
                let decoded = decode(value, message).map_err(|source| Error::Gob { reading: "body", source });
                let failed = decoded.as_ref().map(|_| ()).map_err(Error::clone);
                _ = reply_to.send(decoded);
                failed
            }
        });
        let mut waiting = Waiting { calls: &self.calls, seq: None };
        let sent = {
            let sending = pin!(async {
                let mut turn = Turn { client: self, requests: self.requests.lock().await };
                let seq = self.calls.register(completion)?;
                waiting.seq = Some(seq);
                turn.requests.send(service_method, seq, argument, payload).await
            });
            // The connection may end while the peer takes nothing in.
            race(sending, &mut reply).await
        };
        let outcome = match sent {
            First::Left(Ok(())) => reply.await,
            First::Left(Err(error)) => return Err(error),
            First::Right(outcome) => outcome,
        };
        waiting.seq = None;
        outcome.unwrap_or(Err(Error::UnexpectedEof)) // reading the reply has panicked
    }

    /// Closes the connection: calls that are pending end with [`Error::Closed`], those that come with
    /// [`Error::Shutdown`].
    pub fn close(&self) {
        self.calls.end(&Error::Closed);
        self.reader.abort();
        let requests = self.requests.clone();
        // Whoever is sending hears of the end, and leaves.
        self.runtime.spawn(async move { requests.lock().await.close() });
    }

    /// Whether the connection has ended: every call would fail.
    pub fn is_closed(&self) -> bool {
        self.calls.has_ended()
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        self.calls.ended().await;
    }

    /// Has the request written to its end whose call was given up.
    fn finish(&self) {
        let (calls, requests) = (self.calls.clone(), self.requests.clone());
        self.runtime.spawn(async move {
            let finishing = async { requests.lock().await.finish().await };
            if let First::Left(Err(_)) = race(finishing, calls.ended()).await {
                calls.end(&Error::UnexpectedEof);
            }
        });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
        // What still writes a request that was given up stops, and lets go of the connection.
        self.calls.end(&Error::Shutdown);
        if let Ok(mut requests) = self.requests.try_lock() {
            requests.close();
        }
    }
}

/// A call that is waited for; when it is dropped early, nobody is left to take its reply.
struct Waiting<'c> {
    calls: &'c Calls,
    seq: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(seq) = self.seq {
            // The reply will be passed over, as one to an unknown call.
            drop(self.calls.complete(seq));
        }
    }
}

/// One's turn to send. It may end before the request is sent.
struct Turn<'c> {
    client: &'c Client,
    requests: MutexGuard<'c, Requests>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        match self.requests.progress() {
            Progress::Sent => {}
            Progress::Whole => self.client.finish(),
            Progress::Broken => {
                // The peer has to hear of it too: it may wait for the rest.
                self.requests.close();
                self.client.refused.notify_one();
            }
        }
    }
}

/// Nobody waits for a reader that is gone, even if what it read made it panic.
struct EndsWithReader(Arc<Calls>);

impl Drop for EndsWithReader {
    fn drop(&mut self) {
        self.0.end(&Error::UnexpectedEof);
    }
}
