//! The client when calls overlap, are given up, or lose their connection.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use gob::{Decode, Encode, Encoder, ErrorKind, Kind, Schema, StructWriter, Width};
use netrpc::header::{Placeholder, Response};
use netrpc::{Client, Error, Payload, Reply, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Room for everything that is sent at once here, so that only what should wait waits.
const PIPE: usize = 1 << 20;

#[tokio::test]
async fn a_thousand_calls_are_answered_in_reverse_and_none_gets_anothers_reply() {
    const CALLS: u64 = 1_000;
    let (turn, turns) = watch::channel(CALLS - 1);
    let turn = Arc::new(turn);
    let answered = Arc::new(Mutex::new(Vec::new()));
    let server = Server::new().method("Numbers.Square", {
        let answered = answered.clone();
        move |Number(number)| {
            let (mut turns, turn, answered) = (turns.clone(), turn.clone(), answered.clone());
            async move {
                turns.wait_for(|turn| *turn == number).await.unwrap();
                answered.lock().unwrap().push(number);
                _ = turn.send(number.wrapping_sub(1));
                Ok(Reply::new(Number(number * number)))
            }
        }
    });
    let client = Arc::new(Client::new(serve(server, 512)));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..CALLS {
        let client = client.clone();
        calls.spawn(async move {
            let Number(square) = client.call("Numbers.Square", &Number(number)).await.unwrap();
            assert_eq!(square, number * number);
        });
    }
    let all = async {
        while let Some(call) = calls.join_next().await {
            call.unwrap()
        }
    };
    within(all).await;
    assert_eq!(*answered.lock().unwrap(), (0..CALLS).rev().collect::<Vec<_>>());
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_call_that_is_given_up_is_answered_in_vain() {
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::new().method("Numbers.Later", {
        let (started, go_on) = (started.clone(), go_on.clone());
        move |Number(number)| {
            let (started, go_on) = (started.clone(), go_on.clone());
            async move {
                if number == 0 {
                    started.notify_one();
                    go_on.notified().await;
                }
                Ok(Reply::new(Number(number + 1)))
            }
        }
    });
    let client = Client::new(serve(server, PIPE));
    tokio::select! {
        biased;
        _ = client.call::<Number>("Numbers.Later", &Number(0)) => panic!("answered too early"),
        () = within(started.notified()) => {}
    }
    go_on.notify_one();
    for number in 1..4 {
        let Number(reply) = within(client.call("Numbers.Later", &Number(number))).await.unwrap();
        assert_eq!(reply, number + 1);
    }
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_call_that_is_given_up_while_its_payload_comes_takes_the_connection_with_it() {
    // However much of it has come, and whether or not that went out already.
    for length in [0, 4, 3 << 20] {
        let (ours, theirs) = tokio::io::duplex(4 << 20);
        let client = Client::new(ours);
        let begun = Arc::new(Notify::new());
        let mut payload =
            Pieces { pieces: vec![Ok(Bytes::from(vec![b'x'; length]))], then: AtTheEnd::Wait(begun.clone()) };
        let given_up = async {
            tokio::select! {
                biased;
                _ = client.call_with::<Number>("Blobs.Length", &Blob(4 << 20), &mut payload) => {
                    panic!("never sent whole")
                }
                () = begun.notified() => {}
            }
        };
        assert_lost_with(&client, given_up).await;
        drop(client);
        assert_sent_one_call(theirs).await;
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_half_written_is_sent_whole_and_costs_no_other() {
    // Whether or not somebody calls after it.
    for followers in [0, 1, 3] {
        let (ran, runs) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let server = doubling().method("Blobs.Length", {
            let (ran, runs) = (ran.clone(), runs.clone());
            move |Received(length)| {
                assert_eq!(length, 1_000);
                ran.fetch_add(1, Ordering::Relaxed);
                runs.notify_one();
                async move { Ok(Reply::new(Number(length))) }
            }
        });
        let (ours, theirs) = tokio::io::duplex(256); // room for a small call and no more
        let client = Client::new(ours);
        let mut calls = Vec::new();
        let mut call = |number| {
            let client = &client;
            let mut call =
                Box::pin(async move { client.call::<Number>("Numbers.Double", &Number(number)).await });
            assert!(once(&mut call).is_none(), "nobody answers");
            calls.push(call);
        };
        call(0);
        let mut payload = Some(Bytes::from(vec![b'x'; 1_000]));
        assert!(
            once(&mut Box::pin(client.call_with::<Number>("Blobs.Length", &Blob(1_000), &mut payload)))
                .is_none()
        );
        (1..=followers).for_each(call);
        // One whose turn did not come is given up too, and not sent at all.
        if followers > 0 {
            let mut payload = Some(Bytes::from(vec![b'x'; 999]));
            let mut late = Box::pin(client.call_with::<Number>("Blobs.Length", &Blob(999), &mut payload));
            assert!(once(&mut late).is_none());
        }
        let serving = tokio::spawn(async move { server.serve_connection(theirs).await });
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(within(call).await.unwrap(), Number(2 * number as u64));
        }
        within(runs.notified()).await;
        // What was sent before it has been read before it.
        assert_eq!(within(client.call::<Number>("Numbers.Double", &Number(7))).await.unwrap(), Number(14));
        assert_eq!(ran.load(Ordering::Relaxed), 1);
        drop(client);
        assert!(within(serving).await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn callers_come_and_go_and_the_connection_stays() {
    come_and_go().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_come_and_go_and_the_connection_stays() {
    for _ in 0..5 {
        come_and_go().await;
    }
}

async fn come_and_go() {
    let (ours, theirs) = tokio::io::duplex(97);
    let serving = tokio::spawn(async move { doubling().serve_connection(theirs).await });
    let client = Arc::new(Client::new(ours));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..600 {
        let client = client.clone();
        calls.spawn(async move {
            let length = number * 37 % 500;
            let (blob, mut payload) = (Blob(length), Some(Bytes::from(vec![b'x'; length as usize])));
            let call = client.call_with::<Number>("Blobs.Length", &blob, &mut payload);
            let turns = async {
                for _ in 0..number % 101 {
                    tokio::task::yield_now().await;
                }
            };
            if number % 3 == 0 {
                assert_eq!(call.await.unwrap(), Number(length));
                return 1;
            }
            tokio::select! {
                biased;
                reply = call => assert_eq!(reply.unwrap(), Number(length)),
                () = turns => {}
            }
            0
        });
    }
    let mut answered = 0;
    while let Some(call) = within(calls.join_next()).await {
        answered += call.unwrap();
    }
    assert_eq!(answered, 200);
    assert!(!client.is_closed());
    // A request that was given up is written to its end before the next one, but not once the client is gone.
    let (blob, mut payload) = (Blob(1), Some(Bytes::from_static(b"x")));
    let last = client.call_with::<Number>("Blobs.Length", &blob, &mut payload).await;
    assert_eq!(last.unwrap(), Number(1));
    drop(client);
    assert!(within(serving).await.unwrap().is_ok());
}

/// The connection does not wait for the peer any more when the client is gone.
#[tokio::test]
async fn a_request_that_nobody_takes_does_not_outlive_its_client() {
    let (ours, mut theirs) = tokio::io::duplex(256);
    let client = Client::new(ours);
    let mut payload = Some(Bytes::from(vec![b'x'; 1_000]));
    assert!(
        once(&mut Box::pin(client.call_with::<Number>("Blobs.Length", &Blob(1_000), &mut payload))).is_none()
    );
    tokio::task::yield_now().await; // somebody else goes on with it
    drop(client);
    tokio::task::yield_now().await;
    let mut sent = Vec::new();
    within(theirs.read_to_end(&mut sent)).await.unwrap();
    assert!(sent.len() < 1_000);
}

/// Polls a future once.
fn once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// A call that waits for its reply while another one is given up hears of it.
async fn assert_lost_with(client: &Client, given_up: impl Future<Output = ()>) {
    let pending = client.call::<Number>("Numbers.Add", &Number(1));
    tokio::pin!(pending);
    tokio::select! {
        biased;
        _ = &mut pending => panic!("nobody answers"),
        () = std::future::ready(()) => {} // it is sent
    }
    within(given_up).await;
    let error = within(pending).await.unwrap_err();
    assert!(matches!(error, Error::UnexpectedEof), "{error:?}");
    assert!(error.may_have_run());
    assert_shut_down(client).await;
}

/// The first call has arrived, and nothing behind it that could be taken for another one.
async fn assert_sent_one_call(mut theirs: DuplexStream) {
    let mut sent = Vec::new();
    within(theirs.read_to_end(&mut sent)).await.unwrap();
    let (mut decoder, mut rest, mut values) = (gob::Decoder::new(), &sent[..], Vec::new());
    while let Some(frame) = gob::frame(rest).unwrap().filter(|frame| frame.total() <= rest.len()) {
        if let Some(value) = decoder.message(frame.message(rest)).unwrap() {
            values.push(value.type_name().to_owned());
            value.skip().unwrap();
        }
        rest = frame.after(rest);
    }
    assert!(values == ["Request", "Number"] || values == ["Request", "Number", "Request"], "{values:?}");
}

/// Waiting for one's turn to send is not sending.
#[tokio::test]
async fn a_call_that_is_given_up_before_it_is_sent_costs_nothing() {
    let client = Client::new(serve(doubling(), PIPE));
    let first_is_half_sent = Arc::new(Notify::new());
    let release = Arc::new(Notify::new());
    let mut payload = Pieces {
        pieces: vec![Ok(Bytes::from_static(b"ha"))],
        then: AtTheEnd::Signal(first_is_half_sent.clone(), release.clone(), Bytes::from_static(b"lf")),
    };
    let first = client.call_with::<Number>("Blobs.Length", &Blob(4), &mut payload);
    let second = async {
        first_is_half_sent.notified().await;
        tokio::select! {
            biased;
            _ = client.call::<Number>("Numbers.Double", &Number(1)) => panic!("sent within another call"),
            () = tokio::task::yield_now() => {}
        }
        release.notify_one();
    };
    let (first, ()) = within(async { tokio::join!(first, second) }).await;
    assert_eq!(first.unwrap(), Number(4));
    assert_eq!(within(client.call::<Number>("Numbers.Double", &Number(4))).await.unwrap(), Number(8));
}

#[tokio::test]
async fn pending_calls_end_with_the_server() {
    let (ours, mut theirs) = tokio::io::duplex(PIPE);
    let client = Client::new(ours);
    let calls = async {
        tokio::join!(
            client.call::<Number>("Numbers.Add", &Number(1)),
            client.call::<Number>("Numbers.Add", &Number(2)),
            client.call::<Number>("Numbers.Add", &Number(3)),
            client.closed(),
        )
    };
    let server = async {
        wait_for_bytes(&mut theirs).await;
        drop(theirs);
    };
    let ((first, second, third, ()), ()) = within(async { tokio::join!(calls, server) }).await;
    for outcome in [first, second, third] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::UnexpectedEof), "{error:?}");
        assert_eq!(error.to_string(), "unexpected EOF");
        assert!(error.may_have_run());
    }
    assert_shut_down(&client).await;
}

#[tokio::test]
async fn a_server_that_sends_no_more_has_ended() {
    let (ours, mut theirs) = tokio::io::duplex(PIPE);
    let client = Client::new(ours);
    let call = client.call::<Number>("Numbers.Add", &Number(1));
    let server = async {
        wait_for_bytes(&mut theirs).await;
        theirs.shutdown().await.unwrap(); // it would still read
    };
    let (outcome, ()) = within(async { tokio::join!(call, server) }).await;
    assert!(matches!(outcome, Err(Error::UnexpectedEof)));
    assert_shut_down(&client).await;
}

#[tokio::test]
async fn a_client_that_sends_no_more_still_gets_its_replies() {
    let (mut ours, theirs) = tokio::io::duplex(PIPE);
    let server = doubling();
    let serving = tokio::spawn(async move { server.serve_connection(theirs).await });
    let mut requests = Vec::new();
    let mut encoder = Encoder::new();
    for number in [5, 6] {
        let request = netrpc::header::Request { service_method: "Numbers.Double".into(), seq: number };
        encoder.encode(&request, &mut requests);
        encoder.encode(&Number(number), &mut requests);
    }
    ours.write_all(&requests).await.unwrap();
    ours.shutdown().await.unwrap();
    let mut replies = Vec::new();
    within(ours.read_to_end(&mut replies)).await.unwrap();
    assert_eq!(numbers(&replies), [(5, 10), (6, 12)]);
    assert!(serving.await.unwrap().is_ok());
}

#[tokio::test]
async fn what_is_no_gob_ends_the_connection() {
    // "H" announces 72 bytes, which have to be there.
    const HTTP: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
    for garbage in [HTTP, &[0xf7; 20], &[0; 20]] {
        let error = answered_with(garbage).await;
        assert!(matches!(error, Error::Gob { reading: "header", .. }), "{error:?}");
        assert!(error.source().is_some());
        assert!(error.may_have_run());
    }
}

#[tokio::test]
async fn a_reply_that_ends_early_is_an_unexpected_end() {
    let reply = reply(0, "", &Number(1));
    let mut ends_of_messages = vec![0];
    while let Some(frame) = gob::frame(&reply[ends_of_messages[ends_of_messages.len() - 1]..]).unwrap() {
        ends_of_messages.push(ends_of_messages[ends_of_messages.len() - 1] + frame.total());
    }
    for end in 0..reply.len() {
        let (ours, mut theirs) = tokio::io::duplex(PIPE);
        let client = Client::new(ours);
        let call = client.call::<Number>("Numbers.Add", &Number(1));
        let server = async {
            wait_for_bytes(&mut theirs).await;
            theirs.write_all(&reply[..end]).await.unwrap();
            drop(theirs);
        };
        let (outcome, ()) = within(async { tokio::join!(call, server) }).await;
        let error = outcome.unwrap_err();
        match error {
            Error::UnexpectedEof => assert!(ends_of_messages.contains(&end), "{end}"),
            Error::Truncated => assert!(!ends_of_messages.contains(&end), "{end}"),
            error => panic!("{end}: {error:?}"),
        }
        assert_eq!(error.to_string(), "unexpected EOF");
        assert!(error.may_have_run());
        assert_shut_down(&client).await;
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_ends_the_connection() {
    let with_body = |message: &[u8]| {
        let mut encoder = Encoder::new();
        let mut bytes = Vec::new();
        encoder.encode(&Response::default(), &mut bytes);
        gob::wire::put_bytes(&mut bytes, message);
        bytes
    };
    for (bytes, kind) in [
        (reply(0, "", &Text), ErrorKind::TypeMismatch),
        (with_body(&[0xff, 0x90, 0]), ErrorKind::UnknownType), // 72 was never defined
        (with_body(&[]), ErrorKind::ShortMessage),
    ] {
        let error = answered_with(&bytes).await;
        let Error::Gob { reading: "body", source } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), kind);
        assert!(error.may_have_run());
    }
    // A header that has none of a header's fields answers nobody, and not the first call either.
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new();
    encoder.encode(&Number(7), &mut bytes);
    encoder.encode(&Number(7), &mut bytes);
    let error = answered_with(&bytes).await;
    let Error::Gob { reading: "header", source } = &error else { panic!("{error:?}") };
    let text = "gob: type mismatch: no fields matched compiling decoder for Response";
    assert_eq!(source.to_string(), text);
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_connection() {
    let (ours, mut theirs) = tokio::io::duplex(PIPE);
    let client = Client::with_limit(ours, 1_000);
    let call = client.call::<Number>("Numbers.Add", &Number(1));
    let server = async {
        wait_for_bytes(&mut theirs).await;
        theirs.write_all(&[0xfe, 0x03, 0xe9]).await.unwrap(); // 1001 bytes are announced
    };
    let (outcome, ()) = within(async { tokio::join!(call, server) }).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::TooLong(_)), "{error:?}");
    assert!(error.may_have_run());
    assert_shut_down(&client).await;
}

#[tokio::test]
async fn replies_to_unknown_calls_are_passed_over() {
    let (ours, mut theirs) = tokio::io::duplex(PIPE);
    let client = Client::new(ours);
    let call = client.call::<Number>("Numbers.Add", &Number(1));
    let server = async {
        wait_for_bytes(&mut theirs).await;
        let mut encoder = Encoder::new();
        let mut replies = Vec::new();
        for (seq, number) in [(u64::MAX, 1), (1, 2), (0, 3), (0, 4)] {
            let response = Response { service_method: String::new(), seq, error: String::new() };
            encoder.encode(&response, &mut replies);
            encoder.encode(&Number(number), &mut replies);
        }
        let failed = Response { service_method: String::new(), seq: 77, error: "nobody asked".into() };
        encoder.encode(&failed, &mut replies);
        encoder.encode(&Placeholder, &mut replies);
        theirs.write_all(&replies).await.unwrap();
        wait_for_bytes(&mut theirs).await; // the second call, whose reply came before it
        let response = Response { service_method: String::new(), seq: 1, error: "this one".into() };
        replies.clear();
        encoder.encode(&response, &mut replies);
        encoder.encode(&Placeholder, &mut replies);
        theirs.write_all(&replies).await.unwrap();
        theirs
    };
    let calls = async {
        let first = call.await;
        (first, client.call::<Number>("Numbers.Add", &Number(2)).await)
    };
    let ((first, second), _theirs) = within(async { tokio::join!(calls, server) }).await;
    assert_eq!(first.unwrap(), Number(3));
    assert!(matches!(second, Err(Error::Server(text)) if text == "this one"));
    assert!(!client.is_closed());
}

#[tokio::test]
async fn a_payload_fills_the_hole_in_as_many_pieces_as_it_has() {
    let client = Client::new(serve(doubling(), 64));
    for pieces in [&[5][..], &[1, 1, 1, 1, 1], &[0, 4, 0, 1], &[100_000, 1, 70_000]] {
        let length = pieces.iter().sum::<usize>();
        let pieces = pieces.iter().map(|length| Ok(Bytes::from(vec![b'x'; *length]))).collect();
        let mut payload = Pieces { pieces, then: AtTheEnd::End };
        let reply =
            within(client.call_with::<Number>("Blobs.Length", &Blob(length as u64), &mut payload)).await;
        assert_eq!(reply.unwrap(), Number(length as u64));
    }
    // Without a hole there is nothing to fill.
    let mut payload = Pieces { pieces: Vec::new(), then: AtTheEnd::End };
    let reply = within(client.call_with::<Number>("Blobs.Length", &Blob(0), &mut payload)).await;
    assert_eq!(reply.unwrap(), Number(0));
}

#[tokio::test]
async fn a_payload_that_does_not_fill_its_hole_takes_the_connection_with_it() {
    let reset = || Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let chunk = |length| Ok(Bytes::from(vec![b'x'; length]));
    for (pieces, kind) in [
        (vec![], io::ErrorKind::InvalidData),
        (vec![chunk(7)], io::ErrorKind::InvalidData),
        (vec![chunk(9)], io::ErrorKind::InvalidData),
        (vec![chunk(4), chunk(5)], io::ErrorKind::InvalidData),
        (vec![chunk(8), chunk(1)], io::ErrorKind::InvalidData),
        (vec![chunk(8), chunk(0), reset()], io::ErrorKind::ConnectionReset),
        (vec![reset()], io::ErrorKind::ConnectionReset),
        (vec![chunk(7), reset()], io::ErrorKind::ConnectionReset),
    ] {
        let ran = Arc::new(AtomicUsize::new(0));
        let server = Server::new().method("Blobs.Length", {
            let ran = ran.clone();
            move |Received(length)| {
                ran.fetch_add(1, Ordering::Relaxed);
                async move { Ok(Reply::new(Number(length))) }
            }
        });
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let serving = tokio::spawn(async move { server.serve_connection(theirs).await });
        let client = Client::new(ours);
        let mut payload = Pieces { pieces, then: AtTheEnd::End };
        let outcome = within(client.call_with::<Number>("Blobs.Length", &Blob(8), &mut payload)).await;
        let error = outcome.unwrap_err();
        let Error::Payload(source) = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), kind);
        assert!(!error.may_have_run());
        assert_shut_down(&client).await;
        drop(client);
        _ = within(serving).await.unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_has_not_run() {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let (silence, _open) = tokio::io::duplex(PIPE);
    // Only sending shows that the peer is gone.
    let client = Client::new(tokio::io::join(silence, ours));
    drop(theirs);
    let error = within(client.call::<Number>("Numbers.Add", &Number(1))).await.unwrap_err();
    assert!(matches!(error, Error::Send(_)), "{error:?}");
    assert!(!error.may_have_run());
    assert_shut_down(&client).await;
}

#[tokio::test]
async fn an_end_while_nobody_calls_is_noticed_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut theirs, _) = listener.accept().await.unwrap();
    let server = async {
        let mut request = [0; 4096];
        assert!(theirs.read(&mut request).await.unwrap() > 0);
        theirs.write_all(&reply(0, "", &Number(2))).await.unwrap();
        theirs.shutdown().await.unwrap();
        theirs
    };
    let call = client.call::<Number>("Numbers.Add", &Number(1));
    let (outcome, mut theirs) = within(async { tokio::join!(call, server) }).await;
    assert_eq!(outcome.unwrap(), Number(2));
    tokio::task::yield_now().await; // as anything does that waits
    let error = within(client.call::<Number>("Numbers.Add", &Number(1))).await.unwrap_err();
    assert!(matches!(error, Error::Shutdown), "{error:?}");
    assert!(client.is_closed());
    let mut sent = Vec::new();
    within(theirs.read_to_end(&mut sent)).await.unwrap();
    assert_eq!(sent, [], "behind the first request");
}

/// Whatever is left of what a task may do at a time.
#[tokio::test]
async fn an_end_is_noticed_by_a_task_that_has_had_its_share() {
    for left in 0..4 {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let client = Client::new(ours);
        drop(theirs);
        tokio::task::yield_now().await;
        let share = std::iter::from_fn(|| tokio::task::coop::has_budget_remaining().then(consume)).count();
        tokio::task::yield_now().await;
        (left..share).for_each(|_| consume());
        let error = within(client.call::<Number>("Numbers.Add", &Number(1))).await.unwrap_err();
        assert!(matches!(error, Error::Shutdown), "{left} left: {error:?}");
    }
}

fn consume() {
    let consumed = pin!(tokio::task::coop::consume_budget()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(consumed.is_ready());
}

#[tokio::test]
async fn the_connection_closes_with_the_client() {
    let (ours, mut theirs) = tokio::io::duplex(PIPE);
    let client = Client::new(ours);
    assert!(!client.is_closed());
    drop(client);
    let mut sent = Vec::new();
    within(theirs.read_to_end(&mut sent)).await.unwrap();
    assert!(sent.is_empty());
}

/// Whether a call may be made again hangs on this alone.
#[test]
fn only_what_was_not_sent_whole_has_surely_not_run() {
    let io = || Arc::new(io::Error::from(io::ErrorKind::Other));
    let source = gob::frame(&[0xf7]).unwrap_err();
    for (error, may_have_run) in [
        (Error::Server("no".into()), true),
        (Error::UnexpectedEof, true),
        (Error::Truncated, true),
        (Error::Receive(io()), true),
        (Error::Gob { reading: "body", source: source.clone() }, true),
        (Error::Closed, true),
        (Error::Shutdown, false),
        (Error::Send(io()), false),
        (Error::Payload(io()), false),
        (Error::Argument(source.clone()), false),
        (Error::Connect(io()), false),
        (Error::Http("unexpected HTTP response: 200 OK".into()), false),
        (Error::ServiceDefined("Arith".into()), false),
    ] {
        assert_eq!(error.may_have_run(), may_have_run, "{error:?}");
    }
}

/// The far end of a connection that `server` serves.
fn serve(server: Server, room: usize) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(room);
    tokio::spawn(async move { server.serve_connection(theirs).await });
    ours
}

fn doubling() -> Server {
    Server::new()
        .method("Numbers.Double", async |Number(number)| Ok(Reply::new(Number(2 * number))))
        .method("Blobs.Length", async |Received(length)| Ok(Reply::new(Number(length))))
}

/// Answers a call with these bytes and a connection that stays open, and gives the call's error.
async fn answered_with(bytes: &[u8]) -> Error {
    let (ours, mut theirs) = tokio::io::duplex(PIPE);
    let client = Client::new(ours);
    let call = client.call::<Number>("Numbers.Add", &Number(1));
    let server = async {
        wait_for_bytes(&mut theirs).await;
        theirs.write_all(bytes).await.unwrap();
    };
    let (outcome, ()) = within(async { tokio::join!(call, server) }).await;
    within(client.closed()).await;
    assert_shut_down(&client).await;
    outcome.unwrap_err()
}

async fn assert_shut_down(client: &Client) {
    within(client.closed()).await;
    assert!(client.is_closed());
    let error = within(client.call::<Number>("Numbers.Add", &Number(1))).await.unwrap_err();
    assert!(matches!(error, Error::Shutdown), "{error:?}");
    assert_eq!(error.to_string(), "connection is shut down");
    assert!(!error.may_have_run());
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

async fn wait_for_bytes(stream: &mut DuplexStream) {
    let mut bytes = Vec::with_capacity(4096);
    assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
}

fn reply(seq: u64, error: &str, body: &impl Encode) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut bytes = Vec::new();
    let response = Response { service_method: "Numbers.Add".into(), seq, error: error.into() };
    encoder.encode(&response, &mut bytes);
    encoder.encode(body, &mut bytes);
    bytes
}

/// The numbers in a stream of replies, under their sequence numbers.
fn numbers(mut stream: &[u8]) -> Vec<(u64, u64)> {
    let mut decoder = gob::Decoder::new();
    let (mut found, mut seq) = (Vec::new(), None);
    while let Some(frame) = gob::frame(stream).unwrap() {
        let message = Bytes::copy_from_slice(frame.message(stream));
        stream = frame.after(stream);
        let Some(value) = decoder.message(&message).unwrap() else { continue };
        match seq.take() {
            None => seq = Some(Response::decode(value, &message).unwrap().seq),
            Some(seq) => found.push((seq, Number::decode(value, &message).unwrap().0)),
        }
    }
    found
}

/// A payload in pieces.
struct Pieces {
    pieces: Vec<io::Result<Bytes>>,
    then: AtTheEnd,
}

enum AtTheEnd {
    End,
    /// Says so and never ends.
    Wait(Arc<Notify>),
    /// Says so, waits to be released, and gives one piece more.
    Signal(Arc<Notify>, Arc<Notify>, Bytes),
}

impl Payload for Pieces {
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        if !self.pieces.is_empty() {
            return Some(self.pieces.remove(0));
        }
        match std::mem::replace(&mut self.then, AtTheEnd::End) {
            AtTheEnd::End => None,
            AtTheEnd::Wait(reached) => {
                reached.notify_one();
                std::future::pending().await
            }
            AtTheEnd::Signal(reached, release, piece) => {
                reached.notify_one();
                release.notified().await;
                Some(Ok(piece))
            }
        }
    }
}

/// `type Number struct { N uint }`.
#[derive(Debug, PartialEq)]
struct Number(u64);

/// `type Blob struct { Bytes []byte }`, sent with a hole for so many bytes.
struct Blob(u64);

/// The same, received: how many there are.
struct Received(u64);

/// `type Text struct { N string }`.
struct Text;

static NUMBER: LazyLock<Schema> = LazyLock::new(|| one_field("Number", "N", Kind::Uint(Width::Word)));
static BLOB: LazyLock<Schema> = LazyLock::new(|| one_field("Blob", "Bytes", Kind::Bytes));
static TEXT: LazyLock<Schema> = LazyLock::new(|| one_field("Text", "N", Kind::String));

fn one_field(name: &'static str, field: &'static str, kind: Kind) -> Schema {
    Schema::build(|types| {
        let kind = types.add(kind);
        types.structure(name, [(field, kind)])
    })
}

impl Encode for Number {
    fn schema(&self) -> &Schema {
        &NUMBER
    }
    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.uint(0, self.0);
    }
}

impl Decode for Number {
    fn decode(value: gob::Received<'_>, _: &Bytes) -> Result<Number, gob::Error> {
        let mut number = 0;
        value.structure(|_, field| field.uint().map(|value| number = value))?;
        Ok(Number(number))
    }
}

impl Encode for Blob {
    fn schema(&self) -> &Schema {
        &BLOB
    }
    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.0);
    }
}

impl Decode for Received {
    fn decode(value: gob::Received<'_>, _: &Bytes) -> Result<Received, gob::Error> {
        let mut length = 0;
        value.structure(|_, field| field.bytes().map(|bytes| length = bytes.len() as u64))?;
        Ok(Received(length))
    }
}

impl Encode for Text {
    fn schema(&self) -> &Schema {
        &TEXT
    }
    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.bytes(0, b"four");
    }
}
