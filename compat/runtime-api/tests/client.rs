//! The client against platforms that answer in all the ways that HTTP allows, and in some that it does not. Each is a
//! script: for each connection, what it answers to each request.

#![allow(clippy::unwrap_used, reason = "the platform at the end of this file is test code too")]

mod support;

use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream as _;
use runtime_api::contract::{FAILURE_LIMIT, error_type};
use runtime_api::{Client, Error, FunctionError, Operation, Payload, Prelude, RequestId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use support::{pass, within};

const TRUNCATED: Option<&str> = Some(error_type::TRUNCATED_RESPONSE);
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

#[tokio::test]
async fn an_event_is_the_same_however_its_answer_is_framed_and_cut() {
    for (framing, length, keeps) in [
        ("Content-Length: 14\r\n\r\n{\"name\":\"Ada\"}", Some(14), true),
        (
            "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"na\r\nA;x=y\r\nme\":\"Ada\"}\r\n0\r\nX: y\r\n\r\n",
            None,
            true,
        ),
        ("Content-Length: 14\r\nConnection: close\r\n\r\n{\"name\":\"Ada\"}", Some(14), false),
        ("Connection: close\r\n\r\n{\"name\":\"Ada\"}", None, false),
    ] {
        let answer = next("id-1", framing);
        // As it is, after an answer that only says that one is to come, and a byte at a time.
        let interim = format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{answer}");
        for (answer, step) in [(&answer, usize::MAX), (&interim, usize::MAX), (&answer, 1), (&answer, 7)] {
            let steps = || answer.as_bytes().chunks(step.min(answer.len())).map(<[u8]>::to_vec).collect();
            let script = match keeps {
                true => vec![vec![steps(), vec![ACCEPTED.into()]]],
                false => vec![vec![steps()], vec![vec![ACCEPTED.into()]]],
            };
            let (mut client, mut seen) = platform(script).await;
            let invocation = within(client.next()).await.unwrap();
            assert_eq!(invocation.context.request_id, id());
            assert_eq!(invocation.event.length(), length);
            assert_eq!(within(invocation.event.bytes()).await.unwrap(), r#"{"name":"Ada"}"#);
            within(client.respond(&id(), "\"hello\"")).await.told.unwrap();
            assert!(
                seen.recv()
                    .await
                    .unwrap()
                    .starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n")
            );
            let answer = seen.recv().await.unwrap();
            assert!(
                answer.starts_with("POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n"),
                "{answer}"
            );
            assert!(
                answer.contains("\r\ncontent-length: 7\r\n") && answer.ends_with("\r\n\r\n\"hello\""),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_at_every_byte() {
    let answer = next("id-1", "Content-Length: 14\r\n\r\n{\"name\":\"Ada\"}");
    let head = answer.len() - 14;
    for cut in 0..answer.len() {
        let (mut client, _) = platform(vec![vec![vec![answer.as_bytes()[..cut].to_vec()]]]).await;
        match within(client.next()).await {
            Err(Error::Transport { operation: Operation::Next, .. }) => assert!(cut < head, "{cut}"),
            Ok(invocation) => {
                assert!(cut >= head, "{cut}");
                within(invocation.event.bytes()).await.unwrap_err();
            }
            other => panic!("{cut}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_http_is_an_error() {
    let endless_head = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(300_000));
    for answer in [
        "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        &endless_head,
    ] {
        let (mut client, _) = platform(vec![vec![vec![answer.into()]]]).await;
        let error = within(client.next()).await.unwrap_err();
        assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    }
    let chunks = next("id-1", "Transfer-Encoding: chunked\r\n\r\nnone\r\n");
    let (mut client, _) = platform(vec![vec![vec![chunks.into()]]]).await;
    within(within(client.next()).await.unwrap().event.bytes()).await.unwrap_err();
}

/// A connection that ended while nobody used it costs nothing: the request goes out on a new one. A new one that ends once
/// a request was sent is an error.
#[tokio::test]
async fn a_request_is_sent_once() {
    let answer = next("id-1", "Content-Length: 2\r\n\r\n{}");
    let script = vec![vec![vec![answer.clone().into()]], vec![vec![ACCEPTED.into()]], vec![vec![]]];
    let (mut client, mut seen) = platform(script).await;
    within(client.next()).await.unwrap();
    assert!(seen.recv().await.unwrap().starts_with("GET "));
    ended().await;
    within(client.respond(&id(), "1")).await.told.unwrap();
    assert!(seen.recv().await.unwrap().starts_with("POST "));
    ended().await;
    let error = within(client.next()).await.unwrap_err();
    assert!(matches!(error, Error::Transport { operation: Operation::Next, .. }), "{error:?}");
    assert!(seen.recv().await.unwrap().starts_with("GET "));
    assert_eq!(seen.recv().await, None, "it was sent again");
}

/// Returns once the platform, which had a few turns to go before the connection's end, and tokio, which had to see it, have
/// had them.
async fn ended() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// As Go's net/http does with what it asked for on a connection that the server closed for want of use. With a byte of an
/// answer, an event may have been handed out.
#[tokio::test]
async fn an_event_is_asked_for_again_if_the_kept_connection_ends_without_a_byte() {
    let event = next("id-1", "Content-Length: 2\r\n\r\n{}").into_bytes();
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
    for (breaks_off, again) in [(vec![], true), (vec![b"H".to_vec()], false), (vec![interim], false)] {
        let script = vec![vec![vec![ACCEPTED.into()], breaks_off], vec![vec![event.clone()], vec![]]];
        let (mut client, mut seen) = platform(script).await;
        within(client.respond(&id(), "1")).await.told.unwrap();
        let asked = within(client.next()).await;
        assert!(seen.recv().await.unwrap().starts_with("POST"));
        assert!(seen.recv().await.unwrap().starts_with("GET"));
        if !again {
            assert!(matches!(asked, Err(Error::Transport { operation: Operation::Next, .. })), "{asked:?}");
            continue;
        }
        assert_eq!(asked.unwrap().context.request_id, id());
        assert!(seen.recv().await.unwrap().starts_with("GET"));
        // An answer is not given again: it may have been taken.
        let told = within(client.respond(&id(), "1")).await.told;
        assert!(matches!(told, Err(Error::Transport { operation: Operation::Response, .. })), "{told:?}");
    }
}

/// As HAProxy says it, of a connection on which no request has come for a while. Where nothing is looked for before
/// `next`, it is read as the answer to that.
#[tokio::test]
async fn an_event_is_asked_for_again_if_the_kept_connection_has_timed_out() {
    const TIMED_OUT: &str = "HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const REFUSED: &str = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    let event = next("id-1", "Content-Length: 2\r\n\r\n{}");
    for (first, second, again) in
        [(TIMED_OUT, &*event, true), (TIMED_OUT, TIMED_OUT, false), (REFUSED, &event, false)]
    {
        let script = vec![vec![vec![ACCEPTED.into()], vec![first.into()]], vec![vec![second.into()], vec![]]];
        let (mut client, _seen) = platform(script).await;
        client.wait_in_read();
        within(client.respond(&id(), "1")).await.told.unwrap();
        match within(client.next()).await {
            Ok(invocation) => assert!(again && invocation.context.request_id == id()),
            Err(error) => {
                assert!(!again && matches!(error, Error::Status { status: 408, .. }), "{error:?}");
            }
        }
    }
}

/// Callers choose a request's id, and retries keep it: by the attempt's own the platform knows which of two was answered.
#[tokio::test]
async fn an_attempts_id_goes_back_with_its_answer_and_with_no_other() {
    let event =
        |header: &[u8]| [next("id-1", "").as_bytes(), header, b"Content-Length: 2\r\n\r\n{}"].concat();
    let attempt = |id: &[u8]| event(&[b"Lambda-Runtime-Invocation-Id: ", id, b"\r\n"].concat());
    let events =
        [attempt(b"a-1"), attempt(b"a-2"), attempt(b"a-3"), attempt(b"a-4"), attempt(b"\xff"), event(b"")];
    let script = events.into_iter().flat_map(|event| [vec![event], vec![ACCEPTED.into()]]).collect();
    let (mut client, mut seen) = platform(vec![script]).await;
    let other = RequestId::parse("id-2").unwrap();
    for (number, sent_back) in
        [Some("a-1"), Some("a-2"), Some("a-3"), None, None, None].into_iter().enumerate()
    {
        let id = within(client.next()).await.unwrap().context.request_id;
        match number {
            1 => within(client.fail(&id, &FunctionError::new("E", "m"))).await.unwrap(),
            2 => within(client.respond(&id, Payload::arriving(1, Pieces(vec![Ok("1".into())]))))
                .await
                .told
                .unwrap(),
            3 => within(client.respond(&other, "1")).await.told.unwrap(),
            _ => within(client.respond(&id, "1")).await.told.unwrap(),
        }
        let asked = seen.recv().await.unwrap();
        assert!(!asked.contains("invocation-id:"), "{asked}");
        let answer = seen.recv().await.unwrap();
        let found = answer.split("\r\nlambda-runtime-invocation-id: ").nth(1);
        assert_eq!(found.and_then(|rest| rest.split("\r\n").next()), sent_back, "{number}: {answer}");
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_end_the_connection() {
    let answer = format!("{}HTTP/1.1 200 OK\r\n\r\n", next("id-1", "Content-Length: 2\r\n\r\n{}"));
    let (mut client, mut seen) = platform(vec![vec![vec![answer.into()]], vec![vec![ACCEPTED.into()]]]).await;
    within(client.next()).await.unwrap();
    within(client.respond(&id(), "1")).await.told.unwrap();
    assert!(seen.recv().await.unwrap().starts_with("GET "));
    assert!(seen.recv().await.unwrap().starts_with("POST "));
}

/// Whatever it is made of, an event that is not read leaves its connection to nobody else.
#[tokio::test]
async fn an_event_that_is_not_read_costs_a_connection_and_no_more() {
    let answer = next("id-1", &format!("Content-Length: 1000000\r\n\r\n{}", "x".repeat(5_000)));
    let (mut client, _) = platform(vec![vec![vec![answer.into()]], vec![vec![ACCEPTED.into()]]]).await;
    let invocation = within(client.next()).await.unwrap();
    drop(invocation);
    within(client.respond(&id(), "1")).await.told.unwrap();
}

#[tokio::test]
async fn a_payload_that_arrives_is_sent_as_a_whole_one() {
    for size in [0, 1, 3, 100_000, 1_000_000] {
        for step in [1_000, 70_000, 1_000_000] {
            let (mut client, mut seen) = platform(vec![vec![vec![ACCEPTED.into()]]]).await;
            let payload = vec![b'x'; size];
            let pieces = payload.chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let payload = Payload::arriving(size as u64, Pieces(pieces));
            assert!(!payload.is_streamed());
            let answered = within(client.respond(&id(), payload)).await;
            assert!(answered.told.is_ok() && answered.failure.is_none(), "{answered:?}");
            let request = seen.recv().await.unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("\r\ncontent-length: {size}\r\n")), "{head}");
            assert!(
                !head.contains("lambda-runtime-function-response-mode")
                    && !head.contains("transfer-encoding")
            );
            assert_eq!(body.len(), size);
        }
    }
}

/// At every byte of a small exchange: what was begun is broken off, and the failure told on a connection of its own.
#[tokio::test]
async fn a_payload_that_fails_on_its_way_is_one_failure() {
    let text = b"\"0123456789\"";
    for cut in 0..=text.len() {
        for (piece, last) in [
            (1, Some(Err(FunctionError::new("Lost", "on its way")))),
            (100, Some(Err(FunctionError::new("Lost", "on its way")))),
            // Shorter, or longer, than announced.
            (5, (cut == text.len()).then(|| Ok(Bytes::from("x")))),
        ] {
            let script = vec![vec![vec![ACCEPTED.into()]], vec![vec![ACCEPTED.into()]]];
            let (mut client, mut seen) = platform(script).await;
            let expected = match &last {
                Some(Err(failure)) => failure.error_type.clone(),
                _ => "Runtime.TruncatedResponse".to_owned(),
            };
            let pieces = text[..cut].chunks(piece).map(|it| Ok(Bytes::copy_from_slice(it))).chain(last);
            let payload = Payload::arriving(text.len() as u64, Pieces(pieces.collect()));
            let answered = within(client.respond(&id(), payload)).await;
            answered.told.unwrap();
            assert_eq!(answered.failure.unwrap().error_type, expected, "{cut}");
            let begun = answered.broken_off;
            // The first of two requests, if it was begun, has not all of its body.
            let mut requests = vec![within(seen.recv()).await.unwrap()];
            if !requests[0].contains("/error HTTP/1.1") {
                requests.push(within(seen.recv()).await.unwrap());
                let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
                assert!(head.contains("\r\ncontent-length: 12\r\n"), "{head}");
                assert!(body.len() < text.len(), "{cut}: {body}");
                assert!(text.starts_with(body.as_bytes()), "{body}");
            }
            let failure = requests.last().unwrap();
            assert!(
                failure.starts_with("POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\n"),
                "{failure}"
            );
            assert!(failure.contains(&expected), "{failure}");
            assert_eq!(requests.len(), if begun { 2 } else { 1 }, "{cut}: {requests:?}");
            assert!(begun || cut == 0 || (piece == 100 && cut == text.len()), "{cut}: {requests:?}");
        }
    }
}

/// Whoever reads it, and whatever it is made the body of.
#[tokio::test]
async fn a_payload_that_is_not_as_long_as_promised_fails_everywhere() {
    for (length, is_kept) in [(4, false), (5, true), (6, false)] {
        let payload = || Payload::arriving(length, Pieces(vec![Ok("abc".into()), Ok("de".into())]));
        for payload in [payload(), payload().prelude(Prelude::default())] {
            let gathered = payload.bytes().await;
            assert_eq!(gathered.as_ref().err().map(|it| &*it.error_type), TRUNCATED.filter(|_| !is_kept));
        }
        let mut payload = payload();
        let mut pieces = Vec::new();
        while let Some(piece) =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut payload).poll_next(context)).await
        {
            pieces.push(piece);
        }
        assert_eq!(pieces.last().unwrap().is_ok(), is_kept, "{length}: {pieces:?}");
    }
}

/// Those of an event that came with its head share its memory; nobody wants it held while a long one passes.
#[tokio::test]
async fn a_contexts_texts_hold_no_memory_of_a_long_event() {
    for (length, are_shared) in [(100, true), (1_000_000, false)] {
        let answer = next("id-1", &format!("Content-Length: {length}\r\n\r\n{}", "x".repeat(length)));
        let (mut client, _) = platform(vec![vec![vec![answer.into()]]]).await;
        let mut invocation = within(client.next()).await.unwrap();
        let piece = within(invocation.event.chunk()).await.unwrap().unwrap();
        drop((client, invocation.event));
        assert_eq!(piece.is_unique(), !are_shared, "{length}");
        assert_eq!(invocation.context.request_id, id());
    }
}

/// Its head says all that counts.
#[tokio::test]
async fn a_body_that_does_not_end_is_not_waited_for_forever() {
    for framing in
        ["Transfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n", "Content-Length: 9\r\n\r\nbad", "\r\nbad"]
    {
        let refusal = format!("HTTP/1.1 403 Forbidden\r\n{framing}");
        let taken = format!("HTTP/1.1 202 Accepted\r\n{framing}");
        // Each of these connections stays until it is given up: there is no other request on it.
        let endless = |answer: String| vec![vec![answer.into()], vec![]];
        let script = vec![endless(refusal), endless(taken), vec![vec![ACCEPTED.into()]]];
        let (mut client, _) = platform(script).await;
        match hurried(client.respond(&id(), "1")).await.told.unwrap_err() {
            Error::Status { status: 403, body, .. } => assert_eq!(body, "bad", "{framing}"),
            other => panic!("{framing}: {other}"),
        }
        hurried(client.respond(&id(), "2")).await.told.unwrap();
        within(client.respond(&id(), "3")).await.told.unwrap();
    }
}

/// Does it with every timer soon at its end. Stopped time alone would pass where the network is slow, too.
async fn hurried<T>(work: impl Future<Output = T>) -> T {
    let (began, is_done) = (Instant::now(), Cell::new(false));
    let work = async {
        let done = work.await;
        is_done.set(true);
        done
    };
    let passing = async {
        while !is_done.get() {
            assert!(began.elapsed() < Duration::from_secs(30), "this takes too long");
            pass(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(work, passing).0
}

#[tokio::test]
async fn a_payload_that_is_refused_on_its_way_is_not_waited_for() {
    let refusal = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig";
    let (mut client, _) = platform(vec![vec![vec![refusal.into()]]]).await;
    let pieces = vec![Ok(Bytes::from("first"))];
    let payload = Payload::arriving(1_000_000, Pieces(pieces).then_nothing());
    let answered = within(client.respond(&id(), payload)).await;
    let Err(Error::Status { status: 413, body, .. }) = answered.told else { panic!("{answered:?}") };
    assert_eq!(body, "big");
}

/// What follows the head of a success says nothing.
#[tokio::test]
async fn an_answer_that_is_taken_may_break_off() {
    let broken = "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"sta";
    let (mut client, _) = platform(vec![vec![vec![broken.into()]], vec![vec![ACCEPTED.into()]]]).await;
    within(client.respond(&id(), "1")).await.told.unwrap();
    within(client.respond(&id(), "2")).await.told.unwrap();
}

#[tokio::test]
async fn a_failure_without_end_is_cut() {
    let (mut client, mut seen) = platform(vec![vec![vec![ACCEPTED.into()]]]).await;
    let failure = FunctionError::new("E", "m".repeat(2 << 20));
    within(client.fail(&id(), &failure)).await.unwrap();
    let request = within(seen.recv()).await.unwrap();
    let (_, json) = request.split_once("\r\n\r\n").unwrap();
    assert!(json.len() <= FAILURE_LIMIT && json.len() > FAILURE_LIMIT / 2, "{}", json.len());
    serde_json::from_str::<serde_json::Value>(json).unwrap();
}

fn id() -> RequestId {
    RequestId::parse("id-1").unwrap()
}

fn next(id: &str, rest: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n{rest}"
    )
}

// ---- streams

struct Pieces(Vec<Result<Bytes, FunctionError>>);

struct ThenNothing(Pieces);

impl Pieces {
    fn then_nothing(self) -> ThenNothing {
        ThenNothing(self)
    }
}

impl futures_core::Stream for Pieces {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let next = if self.0.is_empty() { None } else { Some(self.0.remove(0)) };
        std::task::Poll::Ready(next)
    }
}

impl futures_core::Stream for ThenNothing {
    type Item = Result<Bytes, FunctionError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if self.0.0.is_empty() {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(Some(self.0.0.remove(0)))
        }
    }
}

// ---- a platform by hand

/// For each connection, for each request on it, the pieces of the answer. With none left, a connection is closed.
type Script = Vec<Vec<Vec<Vec<u8>>>>;

/// Plays the script, and tells of each request, head and body, also of those that end too early.
async fn platform(script: Script) -> (Client, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&listener.local_addr().unwrap().to_string()).unwrap();
    let (tell, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for connection in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            for answer in connection {
                let request = request(&mut stream).await;
                _ = tell.send(request);
                for piece in answer {
                    // It may have closed the connection.
                    if stream.write_all(&piece).await.is_err() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    (client, seen)
}

/// A request, as far as it comes: with all of its body, or the start of one if it is broken off or long.
async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length = length.map_or(0, |length| length.parse().unwrap());
            if body.len() >= length || (body == "first" && length == 1_000_000) {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}
