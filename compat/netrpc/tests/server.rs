//! The server when methods fail, peers do not read, or are gone; and what it takes in at most.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use gob::{Encoder, Gob};
use netrpc::header::{Request, Response};
use netrpc::{Client, Error, Reply, Server, Service};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Args {
    a: i64,
    b: i64,
}

#[tokio::test]
async fn services_and_methods_share_their_names() {
    let one = || async |_: ()| Ok(1_i64);
    let two = || async |_: ()| Ok(2_i64);
    let server = Server::new()
        .service("A", Service::new().method_typed("One", one()).method_typed("One", two()))
        .unwrap()
        .method_typed("A.Two", one())
        .method_typed("A.Two", two())
        .method_typed("B.One", one());
    for name in ["A", "B"] {
        let again = server.clone().service(name, Service::new()).unwrap_err();
        assert!(matches!(&again, Error::ServiceDefined(defined) if defined == name));
        assert_eq!(again.to_string(), format!("rpc: service already defined: {name}"));
        assert!(!again.may_have_run());
    }
    let client = connected(server);
    for (name, expected) in [("A.One", 2), ("A.Two", 2), ("B.One", 1)] {
        assert_eq!(within(client.call_typed::<i64>(name, &())).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn an_argument_that_gob_refuses_is_never_sent() {
    let client = connected(arith());
    for _ in 0..2 {
        // The first time with definitions that the next call needs.
        let error = within(client.call_typed::<i64>("Arith.Multiply", &vec![None::<i64>])).await.unwrap_err();
        assert!(matches!(error, Error::Argument(_)), "{error:?}");
        assert!(!error.may_have_run());
        let product = within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 6, b: 7 })).await;
        assert_eq!(product.unwrap(), 42);
    }
}

/// The first time with definitions that the next reply needs.
#[tokio::test]
async fn a_reply_that_cannot_be_sent_costs_its_call_alone() {
    let server = arith()
        .method_typed("Replies.Nil", async |_: i64| Ok(vec![None::<i64>]))
        .method("Replies.Short", async |Whole| Ok(Reply::with_payload(Hole(5), Bytes::from_static(b"four"))));
    let client = connected(server);
    for _ in 0..2 {
        for (name, start) in [("Replies.Nil", "gob: "), ("Replies.Short", "the payload does not fit")] {
            let error = within(client.call_typed::<i64>(name, &1_i64)).await.unwrap_err();
            assert!(matches!(&error, Error::Server(text) if text.starts_with(start)), "{error:?}");
            let product = within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 6, b: 7 })).await;
            assert_eq!(product.unwrap(), 42);
        }
    }
}

#[tokio::test]
async fn a_method_that_panics_costs_its_call_alone() {
    let server = arith()
        .method_typed("Panics.Now", |_: i64| -> std::future::Ready<Result<i64, _>> { panic!("at once") })
        .method_typed("Panics.Later", async |zero: i64| {
            tokio::task::yield_now().await;
            Ok(1 / zero)
        })
        .method_typed("Panics.Argument", async |_: Explosive| Ok(1_i64));
    let client = connected(server);
    for name in ["Panics.Now", "Panics.Later", "Panics.Argument"] {
        let error = within(client.call_typed::<i64>(name, &0_i64)).await.unwrap_err();
        assert!(
            matches!(&error, Error::Server(text) if *text == format!("rpc: method {name} panicked")),
            "{error:?}"
        );
        let product = within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 6, b: 7 })).await;
        assert_eq!(product.unwrap(), 42);
    }
}

#[tokio::test]
async fn a_reply_that_panics_ends_the_connection_and_leaves_no_call_unanswered() {
    let client = Arc::new(connected(
        arith()
            .method_typed("Panics.Reply", async |_: i64| Ok(Explosive))
            .method_typed("Hangs.On", async |_: i64| std::future::pending::<Result<i64, _>>().await),
    ));
    let other = tokio::spawn({
        let client = client.clone();
        async move { client.call_typed::<i64>("Hangs.On", &0_i64).await }
    });
    tokio::task::yield_now().await;
    let error = within(client.call_typed::<i64>("Panics.Reply", &0_i64)).await.unwrap_err();
    assert!(matches!(error, Error::UnexpectedEof), "{error:?}");
    assert!(matches!(within(other).await.unwrap(), Err(Error::UnexpectedEof)));
}

#[tokio::test]
async fn a_reply_that_panics_in_the_client_is_its_own_calls_affair() {
    let client = Arc::new(connected(arith()));
    let call = |a| {
        let client = client.clone();
        async move { client.call_typed::<i64>("Arith.Multiply", &Args { a, b: 7 }).await }
    };
    let panicking = tokio::spawn({
        let client = client.clone();
        async move { client.call_typed::<Explosive>("Arith.Multiply", &Args { a: 6, b: 7 }).await.map(drop) }
    });
    let other = tokio::spawn(call(1));
    assert!(within(panicking).await.unwrap_err().is_panic());
    assert_eq!(within(other).await.unwrap().unwrap(), 7);
    assert_eq!(within(call(2)).await.unwrap(), 14);
}

#[tokio::test]
async fn an_error_without_a_text_is_still_an_error() {
    let client = connected(Server::new().method_typed("A.Fail", async |_: ()| Err::<i64, _>("".into())));
    let error = within(client.call_typed::<i64>("A.Fail", &())).await.unwrap_err();
    assert!(matches!(&error, Error::Server(text) if text == "rpc: an error without a text"), "{error:?}");
}

/// A peer that sends requests and takes no replies.
#[tokio::test]
async fn no_more_calls_run_than_may_and_nothing_is_read_meanwhile() {
    const LIMIT: u32 = 7;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let server = Server::new().call_limit(LIMIT).method_typed("Bytes.Many", {
        let (running, most, gate) = (running.clone(), most.clone(), gate.clone());
        move |count: i64| {
            let (running, most, gate) = (running.clone(), most.clone(), gate.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                gate.acquire().await?.forget();
                running.fetch_sub(1, Ordering::Relaxed);
                Ok(Bytes::from(vec![1; count as usize]))
            }
        }
    });
    const CALLS: usize = 100;
    let (mut ours, theirs) = tokio::io::duplex(1024);
    let serving = tokio::spawn(async move { server.serve_connection(theirs).await });
    let requests = requests(CALLS, "Bytes.Many", &5_000_i64);
    // It stops reading, and so we cannot go on writing.
    let (mut sent, mut quiet) = (0, 0);
    while quiet < 100 {
        let some = &requests[sent..(sent + 64).min(requests.len())];
        match once(ours.write(some)) {
            Some(written) => (sent, quiet) = (sent + written.unwrap(), 0),
            None => quiet += 1,
        }
        tokio::task::yield_now().await;
    }
    assert!(sent < requests.len());
    assert_eq!(most.load(Ordering::Relaxed), LIMIT as usize);
    // Now they may end, but we take none of the replies, which count until they are gone.
    gate.add_permits(CALLS);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(once(ours.write(&requests[sent..])).is_none());
    let (mut read, mut write) = tokio::io::split(ours);
    let writing = async {
        write.write_all(&requests[sent..]).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let mut replies = Vec::new();
    let (_, ()) = within(async { tokio::join!(read.read_to_end(&mut replies), writing) }).await;
    assert_eq!(answers(&replies).len(), CALLS);
    assert_eq!(most.load(Ordering::Relaxed), LIMIT as usize);
    assert!(within(serving).await.unwrap().is_ok());
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_passed_over_and_answered() {
    let client = connected(arith().message_limit(10_000).method_typed("Bytes.Length", length));
    for name in ["Bytes.Length", "Nobodys.Method"] {
        let error = within(client.call_typed::<i64>(name, &vec![1_u8; 100_000])).await.unwrap_err();
        let expected = match name {
            "Bytes.Length" => "a message of 100006 bytes, more than 10000 are not accepted",
            _ => "rpc: can't find service Nobodys.Method",
        };
        assert!(matches!(&error, Error::Server(text) if text == expected), "{error:?}");
        assert_eq!(
            within(client.call_typed::<i64>("Bytes.Length", &vec![1_u8; 9_000])).await.unwrap(),
            9_000
        );
    }
    // A header is no body.
    let error = within(client.call_typed::<i64>(&"x".repeat(10_000), &1_i64)).await.unwrap_err();
    assert!(matches!(error, Error::UnexpectedEof | Error::Send(_)), "{error:?}");
}

/// A long body of a type that may hold interfaces is not told to end where its message does.
#[tokio::test]
async fn long_bodies_that_nobody_wants_are_passed_over_whatever_is_in_them() {
    #[derive(Serialize, Deserialize, Gob)]
    #[gob(interface, name = "")]
    enum Any {
        #[serde(rename = "main.Args")]
        Args(Args),
        #[serde(rename = "[]uint8")]
        Bytes(Bytes),
    }
    let args = Any::Args(Args { a: 1, b: 2 });
    let long = Any::Bytes(vec![7; 100_000].into());
    let client = connected(arith().method_typed("Bytes.Length", length));
    for _ in 0..2 {
        let plain = vec![7_u8; 100_000];
        let outcome = within(client.call_typed::<i64>("Nobodys.Method", &plain)).await;
        assert!(matches!(outcome, Err(Error::Server(_))), "{outcome:?}");
        let mixed = vec![Some(&long), Some(&args), Some(&long)];
        let outcome = within(client.call_typed::<i64>("Nobodys.Method", &mixed)).await;
        assert!(matches!(outcome, Err(Error::Server(_))), "{outcome:?}");
        assert_eq!(within(client.call_typed::<i64>("Bytes.Length", &vec![1_u8; 9])).await.unwrap(), 9);
    }
}

/// What a peer has sent that then closes its own direction, within a request, and what Go's server answers.
#[tokio::test]
async fn a_request_that_breaks_off_is_answered_as_by_go() {
    #[derive(Serialize, Deserialize, Gob)]
    #[gob(name = "Request")]
    struct Stranger {
        #[serde(rename = "Foo")]
        foo: i64,
    }
    let whole = requests(1, "Arith.Multiply", &Args { a: 6, b: 7 });
    // The header's definition and value, and the argument's.
    let ends: Vec<usize> = (0..4)
        .scan(&whole[..], |rest, _| {
            *rest = gob::frame(rest).unwrap().unwrap().after(rest);
            Some(whole.len() - rest.len())
        })
        .collect();
    let answer = |text: &str| vec![(0, text.to_owned())];
    for end in 0..=whole.len() {
        let expected = match end {
            end if end < ends[1] => vec![],
            end if end == ends[1] => answer("EOF"),
            end if end < ends[3] => answer("unexpected EOF"),
            _ => answer(""),
        };
        assert_eq!(conversation(&whole[..end]).await, expected, "to byte {end}");
    }
    let unknown = requests(1, "Arith.Nope", &Args { a: 6, b: 7 });
    let lacking = unknown.len() - (whole.len() - ends[1]);
    for end in lacking..=unknown.len() {
        assert_eq!(conversation(&unknown[..end]).await, answer("rpc: can't find method Arith.Nope"));
    }
    // A length that is none. Go reads on behind it, and finds no header there.
    let bad = [&whole[..ends[1]], &[0xf7]].concat();
    assert_eq!(conversation(&bad).await, answer("gob: encoded unsigned integer out of range"));
    // What has none of a header's fields is no header, and nothing follows it.
    let mut stranger = gob::to_vec(&Stranger { foo: 1 }).unwrap();
    stranger.extend_from_slice(&whole);
    assert_eq!(conversation(&stranger).await, vec![]);
    // But what has no field at all is an empty one.
    let mut empty = gob::to_vec(&()).unwrap();
    empty.extend_from_slice(&gob::to_vec(&1_i64).unwrap());
    assert_eq!(conversation(&empty).await, answer("rpc: service/method request ill-formed: "));
}

/// The answers to a peer that sends no more than this.
async fn conversation(sent: &[u8]) -> Vec<(u64, String)> {
    let mut stream = served(arith());
    stream.write_all(sent).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut received = Vec::new();
    within(stream.read_to_end(&mut received)).await.unwrap();
    answers(&received)
}

#[tokio::test]
async fn calls_outlive_their_peer_and_serving_waits_for_them() {
    let (started, go_on, done) =
        (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let server = Server::new().method_typed("Slow.Work", {
        let (started, go_on, done) = (started.clone(), go_on.clone(), done.clone());
        move |_: ()| {
            let (started, go_on, done) = (started.clone(), go_on.clone(), done.clone());
            async move {
                started.notify_one();
                go_on.notified().await;
                done.store(true, Ordering::Relaxed);
                Ok(1_i64)
            }
        }
    });
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let mut serving = tokio::spawn(async move { server.serve_connection(theirs).await });
    let client = Client::new(ours);
    tokio::select! {
        _ = client.call_typed::<i64>("Slow.Work", &()) => panic!("answered too early"),
        () = within(started.notified()) => {}
    }
    drop(client);
    tokio::select! {
        biased;
        _ = &mut serving => panic!("a call is running"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
    }
    go_on.notify_one();
    assert!(within(serving).await.unwrap().is_ok());
    assert!(done.load(Ordering::Relaxed));
}

#[tokio::test]
async fn calls_end_with_the_future_that_serves_them() {
    struct Ends(Arc<Notify>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (started, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::new().method_typed("Slow.Work", {
        let (started, ended) = (started.clone(), ended.clone());
        move |_: ()| {
            let (started, ends) = (started.clone(), Ends(ended.clone()));
            async move {
                started.notify_one();
                std::future::pending::<()>().await;
                drop(ends);
                Ok(1_i64)
            }
        }
    });
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let client = Client::new(ours);
    let mut call = Box::pin(client.call_typed::<i64>("Slow.Work", &()));
    {
        let serving = server.serve_connection(theirs);
        tokio::select! {
            _ = serving => panic!("the client is there"),
            _ = &mut call => panic!("never answered"),
            () = within(started.notified()) => {}
        }
    }
    within(ended.notified()).await;
    assert!(matches!(within(call).await, Err(Error::UnexpectedEof)));
}

/// What is not read when the connection is closed resets it.
#[tokio::test]
async fn a_connection_that_is_reset_ends_its_pending_calls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let serving = async {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap(); // and no more
        stream.set_zero_linger().unwrap();
        drop(stream);
    };
    let (first, second, ()) = within(async {
        tokio::join!(
            client.call_typed::<i64>("Arith.Multiply", &Args { a: 0, b: 0 }),
            client.call_typed::<i64>("Arith.Multiply", &Args { a: 0, b: 0 }),
            serving
        )
    })
    .await;
    for outcome in [first, second] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Receive(_) | Error::Send(_)), "{error:?}");
    }
    within(client.closed()).await;
    let error = within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 0, b: 0 })).await.unwrap_err();
    assert!(matches!(error, Error::Shutdown), "{error:?}");
}

/// The call that waits for room hears of the end, and so does the one whose turn has not come.
#[tokio::test]
async fn a_server_that_neither_reads_nor_answers_but_ends_releases_who_is_sending() {
    let (ours, theirs) = tokio::io::duplex(1 << 10);
    let client = Client::new(ours);
    let (read, mut write) = tokio::io::split(theirs);
    let ending = async {
        tokio::task::yield_now().await;
        write.shutdown().await.unwrap();
    };
    let long = vec![1_u8; 1 << 20];
    let (sending, waiting, ()) = within(async {
        tokio::join!(
            client.call_typed::<i64>("Bytes.Length", &long),
            client.call_typed::<i64>("Bytes.Length", &long),
            ending
        )
    })
    .await;
    assert!(matches!(sending, Err(Error::UnexpectedEof)), "{sending:?}");
    assert!(matches!(waiting, Err(Error::Shutdown)), "{waiting:?}");
    drop(read);
}

/// And replies are taken in while nothing can be sent.
#[tokio::test]
async fn a_server_that_does_not_read_can_still_answer() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    let client = Client::new(ours);
    let mut early = Box::pin(client.call_typed::<i64>("Early.Call", &1_i64));
    assert!(once(&mut early).is_none());
    let long = vec![1_u8; 1 << 20];
    let mut late = Box::pin(client.call_typed::<i64>("Late.Call", &long));
    assert!(once(&mut late).is_none());
    let mut encoder = Encoder::new();
    let mut reply = Vec::new();
    encoder.encode(&Response::default(), &mut reply);
    encoder.serialize(&17_i64, &mut reply).unwrap();
    theirs.write_all(&reply).await.unwrap();
    assert_eq!(within(early).await.unwrap(), 17);
    assert!(once(&mut late).is_none());
}

#[tokio::test]
async fn closing_ends_what_is_pending_and_what_comes() {
    let client = connected(arith());
    let pending = client.call_typed::<i64>("Arith.Hang", &Args { a: 0, b: 0 });
    let closing = async {
        tokio::task::yield_now().await;
        client.close();
        client.close(); // once more changes nothing
    };
    let (pending, ()) = within(async { tokio::join!(pending, closing) }).await;
    let error = pending.unwrap_err();
    assert!(matches!(error, Error::Closed), "{error:?}");
    assert!(error.may_have_run());
    assert_eq!(error.to_string(), "connection is shut down");
    assert!(client.is_closed());
    let error = within(client.call_typed::<i64>("Arith.Hang", &Args { a: 0, b: 0 })).await.unwrap_err();
    assert!(matches!(error, Error::Shutdown), "{error:?}");

    // The peer hears of it, even if somebody was sending.
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    let client = Client::new(ours);
    let long = vec![1_u8; 1 << 20];
    let sending = client.call_typed::<i64>("Bytes.Length", &long);
    let closing = async {
        tokio::task::yield_now().await;
        client.close();
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        assert!(sent.len() < long.len());
    };
    let (sending, ()) = within(async { tokio::join!(sending, closing) }).await;
    assert!(matches!(sending, Err(Error::Closed)), "{sending:?}");
}

#[tokio::test]
async fn a_listener_serves_each_connection_and_its_end_costs_none_of_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = arith();
    let serving = tokio::spawn(async move { server.serve(listener).await });
    let (one, two) = (Client::connect(address).await.unwrap(), Client::connect(address).await.unwrap());
    for client in [&one, &two] {
        let product = within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 6, b: 7 })).await;
        assert_eq!(product.unwrap(), 42);
    }
    serving.abort();
    assert!(within(serving).await.unwrap_err().is_cancelled());
    assert!(TcpStream::connect(address).await.is_err());
    for client in [&one, &two] {
        let product = within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 6, b: 7 })).await;
        assert_eq!(product.unwrap(), 42);
    }
}

/// Two places, and two more who are told that there are none.
#[tokio::test]
async fn connections_beyond_the_limit_are_told_so_and_cost_the_others_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = arith().connection_limit(2);
    let serving = tokio::spawn(async move { server.serve(listener).await });
    let multiply = async |client: &Client| {
        within(client.call_typed::<i64>("Arith.Multiply", &Args { a: 6, b: 7 })).await
    };
    let (one, two) = (Client::connect(address).await.unwrap(), Client::connect(address).await.unwrap());
    for client in [&one, &two] {
        assert_eq!(multiply(client).await.unwrap(), 42);
    }
    for _ in 0..2 {
        let refused = Client::connect(address).await.unwrap();
        let error = multiply(&refused).await.unwrap_err();
        let text = "rpc: 2 connections are open, no more are served";
        assert!(matches!(&error, Error::Server(said) if said == text), "{error:?}");
    }
    assert_eq!(multiply(&one).await.unwrap(), 42);
    // A place that is given back is somebody else's.
    drop(two);
    within(async {
        while multiply(&Client::connect(address).await.unwrap()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(multiply(&one).await.unwrap(), 42);
    serving.abort();
}

/// Nobody who is refused can keep others from being told.
#[tokio::test]
async fn a_refused_peer_that_says_nothing_is_let_go() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = arith().connection_limit(1);
    let serving = tokio::spawn(async move { server.serve(listener).await });
    let _served = TcpStream::connect(address).await.unwrap();
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(within(silent.read(&mut [0])).await.unwrap(), 0);
    serving.abort();
}

#[tokio::test]
async fn what_comes_with_the_request_for_rpc_is_not_lost() {
    let request = requests(1, "Arith.Multiply", &Args { a: 6, b: 7 });
    let connect = b"CONNECT /_goRPC_ HTTP/1.0\n\n";
    let both = [&connect[..], &request].concat();
    let expected = "HTTP/1.0 200 Connected to Go RPC\n\n";
    // In one piece, in two that part at any place, and in single bytes.
    for cut in 0..both.len() {
        let (mut ours, theirs) = tokio::io::duplex(1 << 12);
        let server = arith();
        let serving = tokio::spawn(async move { server.serve_http_connection(theirs).await });
        for piece in
            if cut == 1 { both.chunks(1).collect::<Vec<_>>() } else { vec![&both[..cut], &both[cut..]] }
        {
            ours.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        ours.shutdown().await.unwrap();
        let mut answer = Vec::new();
        within(ours.read_to_end(&mut answer)).await.unwrap();
        let (head, replies) = answer.split_at(expected.len());
        assert_eq!(head, expected.as_bytes());
        assert_eq!(answers(replies), [(0, String::new())], "{cut}");
        assert!(within(serving).await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn what_is_no_http_is_an_error_and_what_never_ends_is_refused() {
    let x = |count: usize| "x".repeat(count);
    for (answer, expected) in [
        ("HTTP/1.0 200 Connected to Go RPC\n\n".to_owned(), None),
        ("HTTP/1.1 200 Connected to Go RPC\r\nServer: one\r\n\r\n".to_owned(), None),
        ("HTTP/1.0 200 OK\r\n\r\n".to_owned(), Some("unexpected HTTP response: 200 OK")),
        ("HTTP/1.0 404 Not Found\n\n".to_owned(), Some("unexpected HTTP response: 404 Not Found")),
        (
            "HTTP/1.0  200 Connected to Go RPC \n\n".to_owned(),
            Some("unexpected HTTP response: 200 Connected to Go RPC "),
        ),
        ("no\n\n".to_owned(), Some("malformed HTTP response \"no\"")),
        ("HTTP/1.0 2000 OK\n\n".to_owned(), Some("malformed HTTP status code \"2000\"")),
        ("HTTQ/1.0 200 OK\n\n".to_owned(), Some("malformed HTTP version \"HTTQ/1.0\"")),
        ("HTTP/1.0 200".to_owned(), Some("unexpected EOF")),
        (String::new(), Some("unexpected EOF")),
        (x(200_000), Some("an HTTP response's head of more than 65536 bytes")),
    ] {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs.write_all(answer.as_bytes()).await.unwrap();
        theirs.shutdown().await.unwrap();
        let outcome = within(Client::over_http(ours, netrpc::RPC_PATH)).await;
        let text = outcome.err().map(|error| error.to_string());
        assert_eq!(text.as_deref(), expected, "{answer:.40}");
    }
    for (request, status) in [
        (x(200_000), "HTTP/1.0 431 Request Header Fields Too Large\r\n"),
        ("x\n\n".to_owned(), "HTTP/1.0 400 Bad Request\r\n"),
        ("GET /_goRPC_ HTTP/1.1\n\n".to_owned(), "HTTP/1.0 405 Method Not Allowed\r\n"),
        ("GET / HTTP/1.1\n\n".to_owned(), "HTTP/1.0 404 Not Found\r\n"),
        ("CONNECT /_goRPC_ HTTP/1.0\n".to_owned(), ""),
        (String::new(), ""),
    ] {
        let (mut ours, theirs) = tokio::io::duplex(1 << 20);
        let server = arith();
        let serving = tokio::spawn(async move { server.serve_http_connection(theirs).await });
        ours.write_all(request.as_bytes()).await.unwrap();
        ours.shutdown().await.unwrap();
        let mut answer = String::new();
        within(ours.read_to_string(&mut answer)).await.unwrap();
        assert!(
            answer.starts_with(status) && answer.is_empty() == status.is_empty(),
            "{request:.40}: {answer}"
        );
        let outcome = within(serving).await.unwrap();
        assert_eq!(outcome.is_ok(), request.is_empty() || !status.is_empty(), "{request:.40}: {outcome:?}");
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(Client::connect(address).await.is_err());
    let error = Client::connect_http(address).await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)) && !error.may_have_run(), "{error:?}");
    assert!(Client::connect_unix("/nowhere/at/all").await.is_err());
}

/// Whatever was sent.
struct Whole;

impl gob::Decode for Whole {
    fn decode(value: gob::Received<'_>, _: &Bytes) -> Result<Whole, gob::Error> {
        value.skip().map(|()| Whole)
    }
}

/// `struct { Bytes []byte }`, with so many of them to come.
struct Hole(u64);

static HOLE: LazyLock<gob::Schema> = LazyLock::new(|| {
    gob::Schema::build(|types| {
        let bytes = types.bytes();
        types.structure("Hole", [("Bytes", bytes)])
    })
});

impl gob::Encode for Hole {
    fn schema(&self) -> &gob::Schema {
        &HOLE
    }

    fn encode(&self, fields: &mut gob::StructWriter<'_>) {
        fields.hole(0, self.0);
    }
}

/// Panics when it is read or written.
struct Explosive;

impl Gob for Explosive {
    fn describe(types: &mut gob::SchemaBuilder) -> gob::TypeRef {
        i64::describe(types)
    }
}

impl Serialize for Explosive {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("written")
    }
}

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Explosive, D::Error> {
        panic!("read")
    }
}

fn arith() -> Server {
    Server::new()
        .method_typed("Arith.Multiply", async |args: Args| Ok(args.a * args.b))
        .method_typed("Arith.Hang", async |_: Args| std::future::pending::<Result<i64, _>>().await)
}

async fn length(bytes: Bytes) -> Result<i64, netrpc::MethodError> {
    Ok(bytes.len() as i64)
}

fn connected(server: Server) -> Client {
    Client::new(served(server))
}

fn served(server: Server) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 12);
    tokio::spawn(async move { server.serve_connection(theirs).await });
    ours
}

fn requests(count: usize, service_method: &str, argument: &(impl Gob + Serialize)) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut bytes = Vec::new();
    for seq in 0..count as u64 {
        encoder.encode(&Request { service_method: service_method.to_owned(), seq }, &mut bytes);
        encoder.serialize(argument, &mut bytes).unwrap();
    }
    bytes
}

/// The sequence numbers and errors of a stream of replies.
fn answers(stream: &[u8]) -> Vec<(u64, String)> {
    let mut reader = gob::Reader::new(stream);
    let mut found = Vec::new();
    while let Some(header) = reader.next_value().unwrap() {
        let Response { seq, error, .. } = <Response as gob::Decode>::decode(header, &Bytes::new()).unwrap();
        found.push((seq, error));
        reader.next_value().unwrap().unwrap().skip().unwrap();
    }
    found
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

/// Polls a future once.
fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
