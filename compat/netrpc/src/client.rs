//! The calling end of a connection: takes calls in, and sees each of them through to its reply.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use gob::{Decode, Encode, Encoder, Gob, Hole, Received};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tcp::{IfEmpty, split};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, ToSocketAddrs, UnixStream};

use crate::link::{Answer, Link, Turn, Waiting};
use crate::race::{First, race};
use crate::replies::Replies;
use crate::requests::{Payload, Requests};
use crate::source::Source;
use crate::streamed::{LongReply, Streamed};
use crate::{Error, MESSAGE_LIMIT, http};

/// A connection to a server of Go's `net/rpc`. Calls may overlap, also from many tasks: share it by reference or in
/// an `Arc`. The connection closes when the client is dropped.
///
/// A call that is dropped is not waited for any more: its request still goes out whole if it had begun to, and its
/// reply is passed over. No other call notices.
///
/// Replies are read by those who wait for them, each in its own task, one for all of them. So a call that was begun
/// should be polled or dropped, and not be put aside: others may wait for what it would read.
#[derive(Debug)]
pub struct Client {
    link: Arc<Link>,
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
        Ok(Client::from_halves(Source::of(read), write, BytesMut::new(), MESSAGE_LIMIT))
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
        let (reader, writer) = split(stream);
        Ok(Client::from_halves(Source::Tcp(reader), writer, read, MESSAGE_LIMIT))
    }

    /// As [`Client::new`], for a server that speaks HTTP first, at this path: [`RPC_PATH`](crate::RPC_PATH), mostly.
    pub async fn over_http(
        mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        path: &str,
    ) -> Result<Client, Error> {
        let read = http::connect(&mut stream, path).await?;
        let (reader, writer) = tokio::io::split(stream);
        Ok(Client::from_halves(Source::of(reader), writer, read, MESSAGE_LIMIT))
    }

    /// As [`Client::new`], for a TCP connection: its two directions need no lock between them.
    pub fn from_tcp(stream: TcpStream) -> Client {
        Client::from_tcp_with_limit(stream, MESSAGE_LIMIT)
    }

    /// As [`Client::from_tcp`], for replies whose messages are at most `limit` bytes long. A longer one ends the
    /// connection: [`Error::TooLong`].
    pub fn from_tcp_with_limit(stream: TcpStream, limit: usize) -> Client {
        let (read, write) = split(stream);
        Client::from_halves(Source::Tcp(read), write, BytesMut::new(), limit)
    }

    /// Takes over a connection. Has to be called within a tokio runtime, in which requests are written to
    /// their end that were given up.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Client {
        Client::with_limit(stream, MESSAGE_LIMIT)
    }

    /// As [`Client::new`], for replies whose messages are at most `limit` bytes long; otherwise it is
    /// [`MESSAGE_LIMIT`]. A longer one ends the connection: [`Error::TooLong`].
    pub fn with_limit(stream: impl AsyncRead + AsyncWrite + Send + 'static, limit: usize) -> Client {
        let (read, write) = tokio::io::split(stream);
        Client::from_halves(Source::of(read), write, BytesMut::new(), limit)
    }

    fn from_halves(
        source: Source,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        read: BytesMut,
        limit: usize,
    ) -> Client {
        Client { link: Arc::new(Link::new(Requests::new(writer), Replies::new(source, read, limit))) }
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
        let encode =
            |encoder: &mut Encoder, buffer: &mut Vec<u8>| encoder.serialize(argument, buffer).map(|()| None);
        let (_waiting, answer) = self.exchange(service_method, encode, &mut None::<Bytes>, None).await?;
        self.whole(answer, |value, _| value.deserialize())
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
        let (_waiting, answer) = self.exchange(service_method, encoded(argument), payload, None).await?;
        self.whole(answer, R::decode)
    }

    /// As [`Client::call_with`], for a reply that may be long because of this field, which is of bytes. If it is sent
    /// alone and does not come at once, its bytes can be had as they come, with no more than about 128 KiB of them in
    /// memory. All other replies are the same as ever.
    ///
    /// While such a reply comes, no other one can; and it comes as it is taken. Where others wait on this client, be it
    /// with calls or in [`Client::closed`], one of them may be who reads, and a reply that it reads for another call is
    /// whole, however long: for the sake of memory, give such calls a client of their own.
    pub async fn call_streamed<R>(
        &self,
        service_method: &str,
        argument: &(impl Encode + Sync),
        payload: &mut (impl Payload + Send),
        field: &str,
    ) -> Result<Streamed<R>, Error>
    where
        R: Decode + Send + 'static,
    {
        match self.exchange(service_method, encoded(argument), payload, Some(field)).await? {
            (waiting, Answer::Long(length)) => Ok(Streamed::Long(LongReply::new(waiting, length))),
            (_waiting, answer) => self.whole(answer, R::decode).map(Streamed::Whole),
        }
    }

    /// Sends one request and waits for its reply.
    async fn exchange(
        &self,
        service_method: &str,
        argument: impl FnOnce(&mut Encoder, &mut Vec<u8>) -> Result<Option<Hole>, gob::Error>,
        payload: &mut (impl Payload + Send),
        field: Option<&str>,
    ) -> Result<(Waiting, Answer), Error> {
        let turn = Turn::take(&self.link).await;
        let waiting = Waiting::call(&self.link).await?;
        let answer = {
            let answer = waiting.answer(field, IfEmpty::Wake);
            let sending = pin!(async {
                let mut turn = turn;
                turn.requests.send(service_method, waiting.seq(), argument, payload).await
            });
            // The connection may end while the peer takes nothing in, or it takes nothing in until its replies are read.
            match race(sending, answer).await {
                First::Left(Ok(())) => waiting.answer(field, IfEmpty::Wait).await?,
                First::Left(Err(error)) => return Err(error),
                First::Right(answer) => answer?,
            }
        };
        Ok((waiting, answer))
    }

    fn whole<R>(
        &self,
        answer: Answer,
        decode: impl FnOnce(Received<'_>, &Bytes) -> Result<R, gob::Error>,
    ) -> Result<R, Error> {
        match answer {
            Answer::Whole(kept) => self.link.value(&kept, decode),
            Answer::Long(_) => Err(Error::UnexpectedEof), // nobody has asked for that
        }
    }

    /// From now on, a call whose request was sent waits for its reply in the read itself, for [`tcp::MOMENT`]: a
    /// program whose thread has nothing else to do saves the reactor's part of a wait that is short. Nothing changes
    /// on a connection that is not TCP's.
    ///
    /// # Errors
    /// If the socket does not take it. Then all is as before.
    pub fn wait_in_read(&self) -> io::Result<()> {
        self.link.wait_in_read()
    }

    /// Closes the connection: calls that are pending end with [`Error::Closed`], those that come with
    /// [`Error::Shutdown`].
    pub fn close(&self) {
        self.link.end(&Error::Closed);
    }

    /// Whether the connection is known to have ended: every call would fail. It becomes known to those who wait, and to
    /// a call that begins.
    pub fn is_closed(&self) -> bool {
        self.link.has_ended()
    }

    /// Waits until the connection has ended, and meanwhile reads for calls that wait as well: whole replies, also to
    /// [`Client::call_streamed`].
    pub async fn closed(&self) {
        self.link.ended().await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // What still writes a request that was given up stops, and so does a reply that still comes.
        self.link.end(&Error::Closed);
    }
}

fn encoded(
    argument: &impl Encode,
) -> impl FnOnce(&mut Encoder, &mut Vec<u8>) -> Result<Option<Hole>, gob::Error> {
    |encoder, buffer| Ok(encoder.encode(argument, buffer))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gob::{Decoder, Received};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::header::Placeholder;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gob/tests/golden");

    /// What Go's handlers have answered, all of it and cut at every byte of the last reply: the same comes out whether
    /// it is waited for or taken as it comes.
    #[tokio::test]
    async fn a_reply_in_parts_is_the_same_reply() {
        let (mut captures, mut long) = (0, 0);
        for entry in fs::read_dir(FOLDER).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if !name.contains("lambda_") || !name.ends_with(".s2c.gob") || name.contains("out_of_order") {
                continue;
            }
            captures += 1;
            let stream = fs::read(&path).unwrap();
            let ends = ends_of_replies(&stream);
            let last = ends.len().checked_sub(2).map_or(0, |last| ends[last]);
            for end in last..=stream.len() {
                let replies: Vec<&[u8]> = ends
                    .iter()
                    .scan(0, |start, reply| Some(&stream[std::mem::replace(start, *reply)..end.min(*reply)]))
                    .collect();
                let (whole, _) = play(&replies, usize::MAX).await;
                let (in_parts, count) = play(&replies, 0).await;
                assert_eq!(in_parts, whole, "{name} to byte {end}");
                long += count;
            }
        }
        assert_eq!(captures, 23);
        assert!(long > 300, "{long} replies came in parts");
    }

    /// What calls end with that are answered so, one after the other; and how many answers came in parts.
    async fn play(replies: &[&[u8]], whole_length: usize) -> (Vec<Result<Vec<u8>, String>>, usize) {
        let (received, mut reply) = tokio::io::duplex(7);
        let (sent, mut request) = tokio::io::duplex(4096);
        let mut receiving = Replies::new(Source::of(received), BytesMut::new(), MESSAGE_LIMIT);
        receiving.whole_length = whole_length;
        let client = Client { link: Arc::new(Link::new(Requests::new(sent), receiving)) };
        let (mut outcomes, mut long) = (Vec::new(), 0);
        for (number, bytes) in replies.iter().enumerate() {
            let server = async {
                assert!(request.read(&mut [0; 4096]).await.unwrap() > 0);
                _ = reply.write_all(bytes).await;
                if number + 1 == replies.len() {
                    reply.shutdown().await.unwrap();
                }
            };
            let (outcome, ()) = tokio::join!(call(&client, &mut long), server);
            outcomes.push(outcome);
        }
        (outcomes, long)
    }

    async fn call(client: &Client, long: &mut usize) -> Result<Vec<u8>, String> {
        let text = |error: Error| format!("{error:?}");
        let payload = &mut None::<Bytes>;
        let mut reply = match client.call_streamed("Function.Invoke", &Placeholder, payload, "Payload").await
        {
            Ok(Streamed::Whole(Payload(bytes))) => return Ok(bytes),
            Ok(Streamed::Long(reply)) => reply,
            Err(error) => return Err(text(error)),
        };
        *long += 1;
        let mut bytes = Vec::new();
        while let Some(chunk) = reply.chunk().await {
            bytes.extend_from_slice(&chunk.map_err(text)?);
            assert!(bytes.len() <= reply.length());
        }
        assert_eq!(bytes.len(), reply.length());
        assert!(reply.chunk().await.is_none());
        Ok(bytes)
    }

    /// Each is two values, and the definitions before them.
    fn ends_of_replies(stream: &[u8]) -> Vec<usize> {
        let (mut decoder, mut end, mut values, mut ends) = (Decoder::new(), 0, 0, Vec::new());
        while let Some(frame) = gob::frame(&stream[end..]).unwrap() {
            values += usize::from(decoder.accept(frame.message(&stream[end..])).unwrap());
            end += frame.total();
            if values == 2 {
                values = 0;
                ends.push(end);
            }
        }
        ends
    }

    struct Payload(Vec<u8>);

    impl Decode for Payload {
        fn decode(value: Received<'_>, _: &Bytes) -> Result<Payload, gob::Error> {
            let mut payload = Vec::new();
            value.structure(|name, field| match name {
                "Payload" => field.bytes().map(|bytes| payload = bytes.to_vec()),
                _ => field.skip(),
            })?;
            Ok(Payload(payload))
        }
    }
}
