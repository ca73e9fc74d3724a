//! Streamed responses as the platform gets them: a platform by hand reads what the client writes, byte by byte.

#![allow(clippy::unwrap_used, reason = "the platform at the end of this file is test code too")]

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_core::Stream;
use runtime_api::contract::{STREAMED_RESPONSE_LIMIT, error_type};
use runtime_api::emulator::{Emulator, Settings};
use runtime_api::payload::{self, Closed};
use runtime_api::{Answered, Client, Error, FunctionError, Invocation, Payload, Prelude, RequestId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const TOO_LARGE: &str = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig";
const GONE: &str = "HTTP/1.1 410 Gone\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn each_piece_is_sent_as_soon_as_it_is_made() {
    let (mut platform, client) = Platform::start().await;
    let (sender, payload) = payload::channel();
    let (seen, first_was_seen) = oneshot::channel();
    let producer = tokio::spawn(async move {
        sender.send("first".into()).await.unwrap();
        // There is no second piece before the platform has the first one.
        first_was_seen.await.unwrap();
        sender.send(Bytes::new()).await.unwrap();
        sender.send("second".into()).await.unwrap();
    });
    let answered = respond(client, payload);
    let head = platform.head().await;
    assert!(head.starts_with("post /2018-06-01/runtime/invocation/id-1/response http/1.1\r\n"), "{head}");
    for line in [
        "transfer-encoding: chunked",
        "lambda-runtime-function-response-mode: streaming",
        "trailer: lambda-runtime-function-error-type",
        "trailer: lambda-runtime-function-error-body",
        "content-type: application/octet-stream",
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!(platform.until("first\r\n").await, "5\r\nfirst\r\n");
    seen.send(()).unwrap();
    assert_eq!(platform.until("0\r\n\r\n").await, "6\r\nsecond\r\n0\r\n\r\n");
    platform.send(ACCEPTED).await;
    let (mut client, answered) = within(answered).await.unwrap();
    assert!(matches!(answered, Answered { told: Ok(()), failure: None, .. }), "{answered:?}");
    within(producer).await.unwrap();

    // The connection is kept, and whole bytes have a length on it.
    let whole = tokio::spawn(async move { client.respond(&id(), vec![b'x'; 3]).await.told });
    let head = platform.head().await;
    assert!(head.contains("\r\ncontent-length: 3\r\n") && !head.contains("trailer"), "{head}");
    assert_eq!(platform.until("xxx").await, "xxx");
    platform.send(ACCEPTED).await;
    within(whole).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failure_on_the_way_follows_in_trailers() {
    let failure = FunctionError::new("NoMorePages", "größer geht's nicht");
    let (sender, by_channel) = payload::channel();
    tokio::spawn({
        let failure = failure.clone();
        async move {
            sender.send("first".into()).await.unwrap();
            sender.fail(failure);
        }
    });
    let by_stream =
        Payload::stream(Pieces(vec![Ok("first".into()), Err(failure.clone()), Ok("never".into())]));
    for payload in [by_channel, by_stream] {
        let (mut platform, client) = Platform::start().await;
        let answered = respond(client, payload);
        platform.head().await;
        let body = platform.until("\r\n\r\n").await;
        let json = BASE64.encode(failure.to_json());
        let trailers = format!(
            "lambda-runtime-function-error-type: NoMorePages\r\nlambda-runtime-function-error-body: {json}\r\n"
        );
        assert_eq!(body, format!("5\r\nfirst\r\n0\r\n{trailers}\r\n"));
        assert_eq!(platform.accepts(answered).await, Some(failure.clone()));
    }
}

#[tokio::test]
async fn a_failure_before_the_first_piece_is_a_plain_one() {
    let failure = FunctionError { should_exit: true, ..FunctionError::new("E", "none at all") };
    let (sender, by_channel) = payload::channel();
    sender.fail(failure.clone());
    let by_stream = Payload::stream(Pieces(vec![Ok(Bytes::new()), Err(failure.clone())]));
    for payload in [by_channel, by_stream.prelude(Prelude::default())] {
        let (mut platform, client) = Platform::start().await;
        let answered = respond(client, payload);
        let head = platform.head().await;
        assert!(head.starts_with("post /2018-06-01/runtime/invocation/id-1/error http/1.1\r\n"), "{head}");
        assert_eq!(platform.until("}").await, failure.to_json());
        assert_eq!(platform.accepts(answered).await, Some(failure.clone()));
    }
}

#[tokio::test]
async fn a_panic_of_who_makes_the_pieces_is_a_failure_that_ends_the_process() {
    let (sender, by_channel) = payload::channel();
    tokio::spawn(async move {
        sender.send("first".into()).await.unwrap();
        panic!("this one is meant");
    });
    for (payload, message) in [
        (by_channel, "the handler panicked before its response was complete"),
        (Payload::stream(PanicsBehindFirst(false)), "this one is meant too"),
    ] {
        let (mut platform, client) = Platform::start().await;
        let answered = respond(client, payload);
        platform.head().await;
        let body = platform.until("\r\n\r\n").await;
        assert!(body.starts_with("5\r\nfirst\r\n0\r\nlambda-runtime-function-error-type: "), "{body}");
        let failure = platform.accepts(answered).await.unwrap();
        assert_eq!((failure.message.as_str(), failure.should_exit), (message, true));
    }
}

#[tokio::test]
async fn a_refusal_while_it_is_sent_ends_it() {
    for (answer, status) in [(TOO_LARGE, 413), (GONE, 410)] {
        let (mut platform, client) = Platform::start().await;
        let (sender, payload) = payload::channel();
        let producer = tokio::spawn(async move {
            // More than any buffer on the way holds, until there is nobody who would take it.
            while sender.send(vec![b'x'; 1 << 20].into()).await == Ok(()) {}
            sender.send("more".into()).await
        });
        let answered = respond(client, payload);
        platform.head().await;
        // And not a byte more is read from here on.
        platform.send(answer).await;
        let (client, answered) = within(answered).await.unwrap();
        let error = answered.told.unwrap_err();
        assert!(matches!(&error, Error::Status { status: found, .. } if *found == status), "{error:?}");
        assert!(error.concerns_one_answer());
        assert_eq!(answered.failure, None);
        assert_eq!(within(producer).await.unwrap(), Err(Closed));
        // The next request is not written behind half a response.
        platform.leave();
        platform.is_kept_by(client).await;
    }
}

#[tokio::test]
async fn a_refusal_of_whole_bytes_does_not_wait_for_them() {
    for (answer, status) in [(TOO_LARGE, 413), (GONE, 410)] {
        let (mut platform, client) = Platform::start().await;
        let answered = respond(client, vec![b'x'; 64 << 20].into());
        platform.head().await;
        platform.send(answer).await;
        let (client, answered) = within(answered).await.unwrap();
        let error = answered.told.unwrap_err();
        assert!(matches!(&error, Error::Status { status: found, .. } if *found == status), "{error:?}");
        platform.leave();
        platform.is_kept_by(client).await;
    }
}

#[tokio::test]
async fn a_failure_that_the_platform_refuses_is_still_the_callers() {
    let (mut platform, client) = Platform::start().await;
    let failure = FunctionError { should_exit: true, ..FunctionError::new("E", "m") };
    let payload = Payload::stream(Pieces(vec![Ok("first".into()), Err(failure.clone())]));
    let answered = respond(client, payload);
    platform.head().await;
    platform.until("\r\n\r\n").await;
    platform.send(GONE).await;
    let (_, answered) = within(answered).await.unwrap();
    assert!(answered.told.unwrap_err().concerns_one_answer());
    assert_eq!(answered.failure, Some(failure));
}

#[tokio::test]
async fn a_response_that_is_taken_early_is_sent_to_its_end() {
    let (mut platform, client) = Platform::start().await;
    let (sender, payload) = payload::channel();
    let answered = respond(client, payload);
    sender.send("first".into()).await.unwrap();
    platform.head().await;
    platform.send(ACCEPTED).await;
    platform.until("first\r\n").await;
    sender.send("second".into()).await.unwrap();
    assert_eq!(platform.until("second\r\n").await, "6\r\nsecond\r\n");
    sender.fail(FunctionError::new("E", "late"));
    platform.until("\r\n\r\n").await;
    let (client, answered) = within(answered).await.unwrap();
    answered.told.unwrap();
    assert_eq!(answered.failure.unwrap().message, "late");
    platform.is_kept_by(client).await;
}

#[tokio::test]
async fn a_response_that_was_taken_before_the_connection_ended_is_taken() {
    let (mut platform, client) = Platform::start().await;
    let (sender, payload) = payload::channel();
    let answered = respond(client, payload);
    sender.send("first".into()).await.unwrap();
    platform.until("first\r\n").await;
    platform.send(ACCEPTED).await;
    // It has come once this is sent.
    sender.send("second".into()).await.unwrap();
    platform.until("second\r\n").await;
    platform.stream = None;
    within(async { while sender.send("more".into()).await == Ok(()) {} }).await;
    let (_, answered) = within(answered).await.unwrap();
    answered.told.unwrap();
}

#[tokio::test]
async fn a_platform_that_goes_away_closes_the_payload() {
    let (mut platform, client) = Platform::start().await;
    let (sender, payload) = payload::channel();
    let answered = respond(client, payload);
    sender.send("first".into()).await.unwrap();
    platform.until("first\r\n").await;
    platform.stream = None;
    let (_, answered) = within(answered).await.unwrap();
    assert!(matches!(answered.told, Err(Error::Transport { .. })), "{answered:?}");
    within(async { while sender.send("more".into()).await == Ok(()) {} }).await;
}

#[tokio::test]
async fn who_gives_up_waiting_closes_the_payload_and_can_go_on() {
    let (mut platform, mut client) = Platform::start().await;
    let (sender, payload) = payload::channel();
    sender.send("first".into()).await.unwrap();
    let id = id();
    tokio::select! {
        answered = client.respond(&id, payload) => panic!("nobody answered: {answered:?}"),
        _ = platform.until("first\r\n") => {}
    }
    within(async { while sender.send("more".into()).await == Ok(()) {} }).await;
    platform.leave();
    platform.is_kept_by(client).await;
}

#[tokio::test]
async fn content_types_and_preludes() {
    let prelude = || Prelude { status_code: 201, cookies: vec!["a=b".into()], ..Prelude::default() };
    let first = || Payload::stream(Pieces(vec![Ok("first".into())]));
    let json = r#"{"statusCode":201,"headers":{},"cookies":["a=b"]}"#;
    let prelude_chunk = format!("{:X}\r\n{json}\0\0\0\0\0\0\0\0\r\n", json.len() + 8);
    let http = "application/vnd.awslambda.http-integration-response";
    for (payload, content_type, body) in [
        (first().content_type("text/plain"), "text/plain", "5\r\nfirst\r\n0\r\n\r\n".to_owned()),
        (Payload::from("x").content_type("text/plain"), "text/plain", "x".to_owned()),
        (first().prelude(prelude()), http, format!("{prelude_chunk}5\r\nfirst\r\n0\r\n\r\n")),
        (
            Payload::from("x").prelude(prelude()).content_type("lost"),
            http,
            format!("{prelude_chunk}1\r\nx\r\n0\r\n\r\n"),
        ),
        (Payload::from("").prelude(prelude()), http, format!("{prelude_chunk}0\r\n\r\n")),
        (Payload::stream(Pieces(vec![])), "application/octet-stream", "0\r\n\r\n".to_owned()),
    ] {
        let (mut platform, client) = Platform::start().await;
        let answered = respond(client, payload);
        let head = platform.head().await;
        assert!(head.contains(&format!("\r\ncontent-type: {content_type}\r\n")), "{content_type} in {head}");
        assert_eq!(platform.until(&body).await, body);
        assert_eq!(platform.accepts(answered).await, None);
    }

    let (mut platform, client) = Platform::start().await;
    let answered = respond(client, first().content_type("two\nlines"));
    assert!(platform.head().await.contains("/error "));
    assert!(platform.until("}").await.contains("two\\\\nlines"));
    assert_eq!(platform.accepts(answered).await.unwrap().error_type, "Runtime.InvalidContentType");
}

#[tokio::test]
async fn gathered() {
    let pieces = |pieces: &[&'static str]| {
        Payload::stream(Pieces(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect()))
    };
    for (payload, streamed, bytes) in [
        (Payload::from("abc"), false, "abc"),
        (Payload::from("abc".to_owned()), false, "abc"),
        (Payload::from(Bytes::from("abc")), false, "abc"),
        (pieces(&[]), true, ""),
        (pieces(&["abc"]), true, "abc"),
        (pieces(&["a", "", "b", "c"]), true, "abc"),
    ] {
        assert_eq!(payload.is_streamed(), streamed, "{payload:?}");
        assert_eq!(payload.bytes().await.unwrap(), bytes);
    }
    let failing = Payload::stream(Pieces(vec![Ok("a".into()), Err(FunctionError::new("E", "m"))]));
    assert_eq!(failing.bytes().await.unwrap_err().message, "m");
    let mebibyte = Bytes::from(vec![b'x'; 1 << 20]);
    let full = vec![Ok(mebibyte.clone()); STREAMED_RESPONSE_LIMIT >> 20];
    assert_eq!(Payload::stream(Pieces(full.clone())).bytes().await.unwrap().len(), STREAMED_RESPONSE_LIMIT);
    let over = Payload::stream(Pieces([full, vec![Ok("x".into())]].concat()));
    assert_eq!(over.bytes().await.unwrap_err().error_type, error_type::RESPONSE_TOO_LARGE);
}

#[tokio::test]
async fn who_sends_faster_than_is_taken_waits() {
    let (sender, payload) = payload::channel();
    sender.send("first".into()).await.unwrap();
    tokio::select! {
        biased;
        sent = sender.send("second".into()) => panic!("there was room: {sent:?}"),
        () = tokio::task::yield_now() => {}
    }
    drop(sender);
    assert_eq!(payload.bytes().await.unwrap(), "first");
}

// ---- streams by hand

struct Pieces(Vec<Result<Bytes, FunctionError>>);

impl Stream for Pieces {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(if self.0.is_empty() { None } else { Some(self.0.remove(0)) })
    }
}

struct PanicsBehindFirst(bool);

impl Stream for PanicsBehindFirst {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(!self.0, "this one is meant too");
        self.0 = true;
        Poll::Ready(Some(Ok("first".into())))
    }
}

// ---- a platform that speaks HTTP by hand

struct Platform {
    listener: TcpListener,
    stream: Option<TcpStream>,
    left: Vec<TcpStream>,
    unread: Vec<u8>,
}

impl Platform {
    async fn start() -> (Platform, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&listener.local_addr().unwrap().to_string()).unwrap();
        (Platform { listener, stream: None, left: Vec::new(), unread: Vec::new() }, client)
    }

    /// Reads no more of the connection there is, which stays open, and waits for a new one.
    fn leave(&mut self) {
        self.left.extend(self.stream.take());
        self.unread.clear();
    }

    async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await.to_lowercase()
    }

    /// What comes up to the text, and with it.
    async fn until(&mut self, text: &str) -> String {
        loop {
            let found = self.unread.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(start) = found {
                return String::from_utf8(self.unread.drain(..start + text.len()).collect()).unwrap();
            }
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => self.stream.insert(within(self.listener.accept()).await.unwrap().0),
            };
            let read = within(stream.read_buf(&mut self.unread)).await.unwrap();
            let unread = String::from_utf8_lossy(&self.unread);
            assert_ne!(read, 0, "the connection ended before {text:?}, behind {unread:?}");
        }
    }

    async fn send(&mut self, answer: &str) {
        within(self.stream.as_mut().unwrap().write_all(answer.as_bytes())).await.unwrap();
    }

    /// Takes the answer, and gives back the failure in it.
    async fn accepts(&mut self, answered: JoinHandle<(Client, Answered)>) -> Option<FunctionError> {
        self.send(ACCEPTED).await;
        let (client, answered) = within(answered).await.unwrap();
        answered.told.unwrap();
        self.is_kept_by(client).await;
        answered.failure
    }

    /// Whether the client's next request comes whole on the connection there is.
    async fn is_kept_by(&mut self, mut client: Client) {
        let failing =
            tokio::spawn(async move { client.fail(&id(), &FunctionError::new("E", "again")).await });
        let head = self.head().await;
        assert!(head.starts_with("post /2018-06-01/runtime/invocation/id-1/error http/1.1\r\n"), "{head}");
        self.until("}").await;
        self.send(ACCEPTED).await;
        within(failing).await.unwrap().unwrap();
    }
}

fn respond(mut client: Client, payload: Payload) -> JoinHandle<(Client, Answered)> {
    tokio::spawn(async move {
        let answered = client.respond(&id(), payload).await;
        (client, answered)
    })
}

fn id() -> RequestId {
    RequestId::parse("id-1").unwrap()
}

/// So that a test which fails does not hang.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("this takes too long")
}

/// A response that is made of an event which still arrives, on the only connection there is.
#[tokio::test]
async fn an_event_of_any_size_can_be_streamed_back_as_it_comes() {
    for size in [2, 10_000, 200_000, 1_000_000, 5_000_000] {
        let emulator = Emulator::start(Settings::default()).await.unwrap();
        let event = vec![b'x'; size];
        let caller = tokio::spawn({
            let (emulator, event) = (emulator.clone(), event.clone());
            async move { emulator.invoke(event).await }
        });
        let mut client = Client::new(emulator.runtime_api()).unwrap();
        let Invocation { context, mut event } = client.next().await.unwrap();
        let (sender, payload) = payload::channel();
        tokio::spawn(async move {
            while let Some(chunk) = event.chunk().await {
                sender.send(chunk.unwrap()).await.unwrap();
            }
        });
        let answered = client.respond(&context.request_id, payload);
        let answered = tokio::time::timeout(Duration::from_secs(60), answered).await.expect("it ends");
        assert!(answered.told.is_ok() && answered.failure.is_none(), "{size}: {answered:?}");
        assert_eq!(caller.await.unwrap().payload.len(), size);
        // And the next one finds a connection.
        let next = tokio::spawn(async move { emulator.invoke("next").await });
        let invocation = client.next().await.unwrap();
        client.respond(&invocation.context.request_id, "answer").await.told.unwrap();
        assert_eq!(next.await.unwrap().payload, "answer");
    }
}
