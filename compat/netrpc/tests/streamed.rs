//! Replies that come in parts: which do, what they are, and what becomes of the other calls.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use gob::wire::Cursor;
use gob::{Decode, Encoder, ErrorKind, Gob, Received};
use netrpc::header::{Placeholder, Response};
use netrpc::{Client, Error, LongReply, Streamed};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Less than a long reply, so that its end is not there with its start.
const PIPE: usize = 4096;

const LONG: usize = 300_000;

#[tokio::test]
async fn a_long_reply_comes_as_it_is_taken() {
    let (client, server) = connected(PIPE);
    let server = answer(server, [Answer::new(0).payload(LONG), Answer::new(1).payload(5)]);
    let client = async {
        let mut reply = long(call(&client).await);
        assert_eq!(reply.length(), LONG);
        let first = reply.chunk().await.unwrap().unwrap();
        assert!(first.len() <= 128 * 1024, "{}", first.len());
        assert_eq!([&*first, &*rest(&mut reply).await.unwrap()].concat(), payload(LONG));
        assert!(reply.chunk().await.is_none());
        assert_eq!(whole(call(&client).await), payload(5));
        assert!(!client.is_closed());
    };
    within(async { tokio::join!(client, server) }).await;
}

/// The order of fields is the sender's affair.
#[tokio::test]
async fn the_field_is_found_by_its_name() {
    for (body, comes_in_parts) in [
        (Body::typed(&Behind { number: 0, payload: payload(LONG) }), true),
        (Body::typed(&Behind { number: 1, payload: payload(LONG) }), false),
        (Body::typed(&Before { payload: payload(LONG), number: 0 }), true),
        (Body::typed(&Before { payload: payload(LONG), number: 7 }), false),
        (Body::typed(&Any { payload: payload(LONG), any: Some(Anything::Node(Node { number: 7 })) }), false),
        (Body::typed(&Any { payload: payload(LONG), any: None }), true),
        (Body::typed(&Text { payload: "x".repeat(LONG) }), false),
        (Body::typed(&Elsewhere { content: payload(LONG) }), false),
        (Body::typed(&payload(LONG)), false),
        (Body::typed(&Before { payload: payload(60_000), number: 0 }), false),
    ] {
        let (client, server) = connected(PIPE);
        let body = [Answer { body, ..Answer::new(0) }, Answer::new(1).payload(LONG)];
        let server = answer(server, body);
        let client = async {
            match call(&client).await {
                Ok(Streamed::Whole(_)) => assert!(!comes_in_parts),
                Ok(Streamed::Long(mut reply)) => {
                    assert!(comes_in_parts);
                    assert_eq!(rest(&mut reply).await.unwrap(), payload(LONG));
                }
                // Not what is asked for; but it was looked at whole.
                Err(error) => {
                    assert!(matches!(error, Error::Gob { reading: "body", .. }), "{error:?}");
                    return assert!(!comes_in_parts);
                }
            }
            assert_eq!(rest(&mut long(call(&client).await)).await.unwrap(), payload(LONG));
        };
        within(async { tokio::join!(client, server) }).await;
    }
}

#[tokio::test]
async fn an_error_is_an_error() {
    let (client, server) = connected(PIPE);
    let text = "no ".repeat(50_000);
    let failed = |seq, body| Answer { error: text.clone(), body, ..Answer::new(seq) };
    let long_body = Body::typed(&Before { payload: payload(LONG), number: 0 });
    let server = answer(server, [failed(0, Body::placeholder()), failed(1, long_body)]);
    let client = async {
        for _ in 0..2 {
            assert!(matches!(call(&client).await, Err(Error::Server(said)) if said == text));
        }
        assert!(!client.is_closed());
    };
    within(async { tokio::join!(client, server) }).await;
}

#[tokio::test]
async fn a_reply_beyond_the_limit_is_not_begun() {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let client = Client::with_limit(ours, LONG);
    let server = answer(theirs, [Answer::new(0).payload(LONG)]);
    let client = async {
        let error = call(&client).await.unwrap_err();
        assert!(matches!(error, Error::TooLong(_)), "{error:?}");
        assert_shut_down(&client).await;
    };
    within(async { tokio::join!(client, server) }).await;
}

#[tokio::test]
async fn what_follows_the_bytes_has_to_be_the_end() {
    let (client, server) = connected(PIPE);
    let mut broken = Answer::new(0).payload(LONG);
    broken.last_byte = Some(1);
    let server = answer(server, [broken]);
    let client = async {
        let error = rest(&mut long(call(&client).await)).await.unwrap_err();
        let Error::Gob { reading: "body", source } = error else { panic!("{error:?}") };
        assert_eq!(source.kind(), ErrorKind::ShortMessage);
        assert_shut_down(&client).await;
    };
    within(async { tokio::join!(client, server) }).await;
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_no_reply() {
    let (client, mut server) = connected(PIPE);
    let mut bytes = Vec::new();
    Answer::new(0).payload(LONG).write(&mut Encoder::new(), &mut bytes);
    for cut in [1, 2, 1000] {
        let (client, mut server) = connected(PIPE);
        let bytes = &bytes[..bytes.len() - cut];
        let server = async {
            assert!(wait_for_bytes(&mut server).await);
            server.write_all(bytes).await.unwrap();
            drop(server);
        };
        let client = async {
            let error = rest(&mut long(call(&client).await)).await.unwrap_err();
            assert!(matches!(error, Error::Truncated), "{error:?}");
            assert!(error.may_have_run());
            assert_shut_down(&client).await;
        };
        within(async { tokio::join!(client, server) }).await;
    }
    // Nor is one whose client is gone.
    let server = async {
        assert!(wait_for_bytes(&mut server).await);
        server.write_all(&bytes).await.unwrap_err();
    };
    let reading = async {
        let mut reply = long(call(&client).await);
        reply.chunk().await.unwrap().unwrap();
        drop(client);
        let error = rest(&mut reply).await.unwrap_err();
        assert!(matches!(error, Error::Closed), "{error:?}");
        assert!(reply.chunk().await.is_none());
    };
    within(async { tokio::join!(reading, server) }).await;
}

/// Wherever it is dropped.
#[tokio::test]
async fn a_reply_that_nobody_wants_any_more_is_passed_over() {
    for chunks in [0, 1, 3] {
        let (client, server) = connected(PIPE);
        let server = answer(server, [Answer::new(0).payload(LONG), Answer::new(1).payload(7)]);
        let client = async {
            let mut reply = long(call(&client).await);
            for _ in 0..chunks {
                reply.chunk().await.unwrap().unwrap();
            }
            drop(reply);
            assert_eq!(whole(call(&client).await), payload(7));
        };
        within(async { tokio::join!(client, server) }).await;
    }
}

/// Another call waits behind it, in a task of its own.
#[tokio::test]
async fn a_call_waits_until_the_reply_before_its_own_is_over() {
    for dropped in [false, true] {
        let (client, mut server) = connected(PIPE);
        let client = Arc::new(client);
        let server = async {
            let answers = [Answer::new(0).payload(LONG), Answer::new(1).payload(7)];
            answer_together(&mut server, &mut Encoder::new(), answers).await;
        };
        let first = async {
            let mut reply = long(call(&client).await);
            let other = tokio::spawn({
                let client = client.clone();
                async move { whole(call(&client).await) }
            });
            reply.chunk().await.unwrap().unwrap();
            tokio::task::yield_now().await;
            assert!(!other.is_finished());
            if dropped {
                drop(reply);
            } else {
                rest(&mut reply).await.unwrap();
            }
            assert_eq!(other.await.unwrap(), payload(7));
        };
        within(async { tokio::join!(first, server) }).await;
    }
}

/// It is for somebody who does not look, so that it is kept whole.
#[tokio::test]
async fn a_reply_that_somebody_else_reads_is_whole() {
    for body in [
        Body::typed(&Before { payload: payload(LONG), number: 0 }),
        // Defines a type in its middle, and goes on in another message.
        Body::typed(&Any { payload: payload(LONG), any: Some(Anything::Node(Node { number: 7 })) }),
    ] {
        let (client, mut server) = connected(PIPE);
        let server = async {
            let mut encoder = Encoder::new();
            let first = [Answer { body, ..Answer::new(0) }, Answer::new(1).payload(3)];
            answer_together(&mut server, &mut encoder, first).await;
            answer_together(&mut server, &mut encoder, [Answer::new(2).payload(LONG)]).await;
        };
        let calls = async {
            let mut aside = pin!(call(&client));
            assert!(aside.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(whole(call(&client).await), payload(3));
            let mut next = long(call(&client).await);
            assert_eq!(whole(aside.await), payload(LONG)); // while the next one comes
            assert_eq!(rest(&mut next).await.unwrap(), payload(LONG));
        };
        within(async { tokio::join!(calls, server) }).await;
    }
}

/// Whoever reads for the others may go away at any time.
#[tokio::test]
async fn somebody_else_reads_on() {
    for given_up in 0..3 {
        let (client, mut server) = connected(PIPE);
        let client = Arc::new(client);
        let mut calls: Vec<_> = (0..3)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { whole(call(&client).await) })
            })
            .collect();
        tokio::task::yield_now().await; // they are sent, in their order
        let aborted = calls.remove(given_up);
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        let server = async {
            let answers = [2, 1, 0].map(|seq| Answer::new(seq).payload(seq as usize));
            answer_together(&mut server, &mut Encoder::new(), answers).await;
        };
        let expected = (0..3).filter(|seq| *seq != given_up);
        let waiting = async {
            for (seq, call) in expected.zip(calls) {
                assert_eq!(call.await.unwrap(), payload(seq));
            }
        };
        within(async { tokio::join!(waiting, server) }).await;
    }
}

/// A peer that takes no more in until it has got rid of a reply.
#[tokio::test]
async fn replies_are_read_while_a_request_is_sent() {
    let argument = payload(LONG);
    // By the call itself, or by what goes on with it when it was given up.
    for given_up in [false, true] {
        let (client, mut server) = connected(512);
        let (mut encoder, mut taken) = (Encoder::new(), Vec::new());
        let server = async {
            take(&mut server, &mut taken, 1).await;
            send(&mut server, &mut encoder, [Answer::new(0).payload(50_000)]).await;
            take(&mut server, &mut taken, 2).await;
            send(&mut server, &mut encoder, [Answer::new(1).payload(1)]).await;
            take(&mut server, &mut taken, 3).await;
            send(&mut server, &mut encoder, [Answer::new(2).payload(2)]).await;
        };
        let calls = async {
            let context = &mut Context::from_waker(Waker::noop());
            let (mut first, mut second) =
                (Box::pin(call(&client)), Box::pin(client.call_typed::<Before>("A.B", &argument)));
            assert!(first.as_mut().poll(context).is_pending());
            assert!(second.as_mut().poll(context).is_pending());
            if given_up {
                drop((first, second));
            } else {
                let (first, second) = tokio::join!(first, second);
                assert_eq!(whole(first), payload(50_000));
                assert_eq!(second.unwrap().payload, payload(1));
            }
            assert_eq!(whole(call(&client).await), payload(2));
        };
        within(async { tokio::join!(calls, server) }).await;
    }
}

/// Callers, the server and who reads on for those that gave up are on two threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_each_reply_is_whole_and_nobody_elses() {
    const CALLS: u64 = 60;
    let of = |seq: u64| -> Bytes {
        let length = if seq.is_multiple_of(3) { 500 } else { LONG };
        payload(length).iter().map(|byte| byte.wrapping_add(seq as u8 * 3)).collect()
    };
    for _ in 0..5 {
        let (client, mut server) = connected(PIPE);
        let server = tokio::spawn(async move {
            let (mut encoder, mut taken) = (Encoder::new(), Vec::new());
            for seq in 0..CALLS {
                take(&mut server, &mut taken, seq as usize + 1).await;
                let body = Before { payload: of(seq), number: 0 };
                send(&mut server, &mut encoder, [Answer { body: Body::typed(&body), ..Answer::new(seq) }])
                    .await;
            }
            take(&mut server, &mut taken, CALLS as usize + 1).await;
            let mut bytes = Vec::new();
            Answer::new(CALLS).payload(LONG).write(&mut encoder, &mut bytes);
            server.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
        });
        let client = Arc::new(client);
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..CALLS {
            let client = client.clone();
            callers.spawn(async move {
                // Whole, too, if it is somebody else who reads it.
                let (bytes, is_all) = match call(&client).await.unwrap() {
                    Streamed::Whole(Payload(bytes)) => (bytes, true),
                    Streamed::Long(mut reply) if caller % 2 == 0 => {
                        (reply.chunk().await.unwrap().unwrap(), false) // and no more of it
                    }
                    Streamed::Long(mut reply) => (rest(&mut reply).await.unwrap().into(), true),
                };
                let seq = (0..CALLS).find(|seq| bytes[0] == *seq as u8 * 3).unwrap();
                let reply = of(seq);
                assert!(if is_all { bytes == reply } else { reply.starts_with(&bytes) }, "{seq}");
                seq
            });
        }
        let mut seen = Vec::new();
        while let Some(seq) = within(callers.join_next()).await {
            seen.push(seq.unwrap());
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..CALLS));
        let error = within(rest(&mut long(call(&client).await))).await.unwrap_err();
        assert!(matches!(error, Error::Truncated), "{error:?}");
        within(server).await.unwrap();
    }
}

/// What a server answers.
struct Answer {
    seq: u64,
    error: String,
    body: Body,
    last_byte: Option<u8>,
}

type Write = Box<dyn Fn(&mut Encoder, &mut Vec<u8>) + Send>;

struct Body(Write);

impl Body {
    fn typed<T: Gob + Serialize + Clone + Send + 'static>(value: &T) -> Body {
        let value = value.clone();
        Body(Box::new(move |encoder, bytes| encoder.serialize(&value, bytes).unwrap()))
    }

    fn placeholder() -> Body {
        Body(Box::new(|encoder, bytes| assert!(encoder.encode(&Placeholder, bytes).is_none())))
    }
}

impl Answer {
    fn new(seq: u64) -> Answer {
        Answer { seq, error: String::new(), body: Body::placeholder(), last_byte: None }
    }

    fn payload(self, length: usize) -> Answer {
        Answer { body: Body::typed(&Before { payload: payload(length), number: 0 }), ..self }
    }

    fn write(&self, encoder: &mut Encoder, bytes: &mut Vec<u8>) {
        let response = Response { service_method: String::new(), seq: self.seq, error: self.error.clone() };
        encoder.encode(&response, bytes);
        (self.body.0)(encoder, bytes);
        if let Some(byte) = self.last_byte {
            *bytes.last_mut().unwrap() = byte;
        }
    }
}

/// Answers one request after the other, and leaves the connection open.
async fn answer(mut server: DuplexStream, answers: impl IntoIterator<Item = Answer>) -> DuplexStream {
    let mut encoder = Encoder::new();
    for answer in answers {
        answer_together(&mut server, &mut encoder, [answer]).await;
    }
    server
}

/// Sends these answers as soon as anything has come.
async fn answer_together(
    server: &mut DuplexStream,
    encoder: &mut Encoder,
    answers: impl IntoIterator<Item = Answer>,
) {
    if wait_for_bytes(server).await {
        send(server, encoder, answers).await;
    }
}

async fn send(server: &mut DuplexStream, encoder: &mut Encoder, answers: impl IntoIterator<Item = Answer>) {
    let mut bytes = Vec::new();
    answers.into_iter().for_each(|answer| answer.write(encoder, &mut bytes));
    // The client may have had enough.
    _ = server.write_all(&bytes).await;
}

/// Takes in so many requests in all.
async fn take(server: &mut DuplexStream, taken: &mut Vec<u8>, requests: usize) {
    loop {
        let (mut rest, mut values) = (&taken[..], 0);
        while let Some(frame) = gob::frame(rest).unwrap().filter(|frame| frame.total() <= rest.len()) {
            values += usize::from(Cursor::new(frame.message(rest)).int().unwrap() > 0);
            rest = frame.after(rest);
        }
        if values >= 2 * requests {
            return;
        }
        assert!(server.read_buf(taken).await.unwrap() > 0);
    }
}

/// Whether some have come, or else the connection has ended.
async fn wait_for_bytes(stream: &mut DuplexStream) -> bool {
    stream.read_buf(&mut Vec::with_capacity(4096)).await.unwrap() > 0
}

fn connected(room: usize) -> (Client, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(room);
    (Client::new(ours), theirs)
}

fn payload(length: usize) -> Bytes {
    (0..length).map(|at| (at * 7 + (at >> 8)) as u8).collect()
}

async fn assert_shut_down(client: &Client) {
    within(client.closed()).await;
    assert!(matches!(call(client).await, Err(Error::Shutdown)));
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

async fn call(client: &Client) -> Result<Streamed<Payload>, Error> {
    client.call_streamed("A.B", &Placeholder, &mut None::<Bytes>, "Payload").await
}

#[track_caller]
fn long(reply: Result<Streamed<Payload>, Error>) -> LongReply {
    match reply {
        Ok(Streamed::Long(reply)) => reply,
        Ok(Streamed::Whole(_)) => panic!("whole"),
        Err(error) => panic!("{error:?}"),
    }
}

#[track_caller]
fn whole(reply: Result<Streamed<Payload>, Error>) -> Bytes {
    match reply {
        Ok(Streamed::Whole(Payload(bytes))) => bytes,
        Ok(Streamed::Long(_)) => panic!("in parts"),
        Err(error) => panic!("{error:?}"),
    }
}

async fn rest(reply: &mut LongReply) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reply.chunk().await {
        let chunk = chunk?;
        assert!(!chunk.is_empty());
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[derive(Debug)]
struct Payload(Bytes);

impl Decode for Payload {
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Payload, gob::Error> {
        let mut payload = Bytes::new();
        value.structure(|name, field| match name {
            "Payload" => field.shared_bytes(message).map(|bytes| payload = bytes),
            _ => field.skip(),
        })?;
        Ok(Payload(payload))
    }
}

#[derive(Serialize, Deserialize, Gob, Clone)]
#[serde(rename_all = "PascalCase")]
struct Before {
    payload: Bytes,
    number: i64,
}

#[derive(Serialize, Gob, Clone)]
#[serde(rename_all = "PascalCase")]
struct Behind {
    number: i64,
    payload: Bytes,
}

#[derive(Serialize, Gob, Clone)]
#[serde(rename_all = "PascalCase")]
struct Elsewhere {
    content: Bytes,
}

#[derive(Serialize, Gob, Clone)]
#[serde(rename_all = "PascalCase")]
struct Text {
    payload: String,
}

#[derive(Serialize, Gob, Clone)]
#[serde(rename_all = "PascalCase")]
struct Any {
    payload: Bytes,
    any: Option<Anything>,
}

#[derive(Serialize, Gob, Clone)]
#[gob(interface, name = "")]
enum Anything {
    #[serde(rename = "main.Node")]
    Node(Node),
}

#[derive(Serialize, Gob, Clone)]
#[serde(rename_all = "PascalCase")]
struct Node {
    number: i64,
}
