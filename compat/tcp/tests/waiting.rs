//! A connection that waits in the read, on a runtime of one thread, against a peer on a thread of its own.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::cell::Cell;
use std::fs::{read_link, read_to_string};
use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tcp::{IfEmpty, MOMENT, Receiver, Sender, split};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, yield_now};
use tokio::time::{sleep, timeout};

type Peer = std::net::TcpStream;

/// Long enough for a wait in the read to be over.
const LONG: Duration = Duration::from_millis(50);
const FOR_EVER: Duration = Duration::from_secs(30);

/// A connection that waits in the read, and what the peer does at its other end.
async fn connected(peer: impl FnOnce(Peer) + Send + 'static) -> (Receiver, Sender, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let stream = Peer::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        peer(stream);
    });
    let (mut receiver, sender) = split(listener.accept().await.unwrap().0);
    receiver.wait_in_read().unwrap();
    (receiver, sender, peer)
}

fn echo(mut stream: Peer) {
    let mut bytes = [0; 64 * 1024];
    loop {
        match stream.read(&mut bytes).unwrap() {
            0 => return,
            size => stream.write_all(&bytes[..size]).unwrap(),
        }
    }
}

/// What one read finds without being polled again.
async fn once(receiver: &mut Receiver) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reading = pin!(receiver.read_buf(&mut bytes));
    let read = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
    match read {
        Poll::Ready(size) => {
            size.unwrap();
            Some(bytes)
        }
        Poll::Pending => None,
    }
}

/// The peer answers once this thread sleeps, which before the end of `once` it does in the read alone.
#[tokio::test]
async fn an_answer_is_there_when_the_read_returns() {
    let reader = Path::new("/proc").join(read_link("/proc/thread-self").unwrap()).join("stat");
    let (mut receiver, mut sender, peer) = connected(move |mut stream| {
        let mut bytes = [0; 4];
        while stream.read_exact(&mut bytes).is_ok() {
            // proc(5): a thread's state stands behind its name.
            while !read_to_string(&reader).unwrap().contains(") S ") {}
            stream.write_all(&bytes).unwrap();
        }
    })
    .await;
    receiver.if_empty(IfEmpty::Wait);
    let in_time = async {
        loop {
            sender.write_all(b"ping").await.unwrap();
            if once(&mut receiver).await.is_some_and(|bytes| bytes == b"ping") {
                return;
            }
            // Tokio had its turn before, or the machine kept the peer from its work: not each time.
            receiver.read_exact(&mut [0; 4]).await.unwrap();
        }
    };
    timeout(FOR_EVER, in_time).await.expect("a read waits for its answer");
    drop((receiver, sender));
    peer.join().unwrap();
}

#[tokio::test]
async fn what_comes_late_is_waited_for_in_the_reactor() {
    let (go, asked) = mpsc::channel();
    let (mut receiver, _sender, _peer) = connected(move |mut stream| {
        asked.recv().unwrap();
        thread::sleep(LONG);
        stream.write_all(b"late").unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    })
    .await;
    receiver.if_empty(IfEmpty::Wait);
    let mut bytes = Vec::new();
    // A timer that ends in the meantime is told.
    let early = timeout(MOMENT, receiver.read_buf(&mut bytes)).await;
    assert!(early.is_err() && bytes.is_empty());
    go.send(()).unwrap();
    timeout(FOR_EVER, receiver.read_to_end(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(bytes, b"late");
}

#[tokio::test]
async fn a_look_finds_what_is_there_and_waits_for_nothing() {
    let (mut receiver, mut sender, _peer) = connected(echo).await;
    receiver.if_empty(IfEmpty::Leave);
    assert_eq!(once(&mut receiver).await, None);
    // More than one look takes in.
    let sent = [7; 5000];
    sender.write_all(&sent).await.unwrap();
    let mut found = Vec::new();
    while found.len() < sent.len() {
        // To see it come, without a read.
        found.extend(once(&mut receiver).await.unwrap_or_default());
        sleep(MOMENT).await;
    }
    assert_eq!(found, sent);
    // And the next read waits as ever.
    receiver.if_empty(IfEmpty::Wait);
    sender.write_all(b"ping").await.unwrap();
    let mut bytes = [0; 4];
    timeout(FOR_EVER, receiver.read_exact(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(&bytes, b"ping");
    // The end is found as well.
    sender.shutdown().await.unwrap();
    receiver.if_empty(IfEmpty::Leave);
    let end = async {
        loop {
            if let Some(found) = once(&mut receiver).await {
                return found;
            }
            sleep(MOMENT).await;
        }
    };
    assert_eq!(timeout(FOR_EVER, end).await.unwrap(), b"");
}

#[tokio::test]
async fn who_is_to_be_woken_is_and_all_three_ways_follow_each_other() {
    let (mut receiver, mut sender, _peer) = connected(echo).await;
    let ways = [IfEmpty::Leave, IfEmpty::Wake, IfEmpty::Wait];
    for (before, after) in ways.into_iter().flat_map(|way| ways.map(|other| (way, other))) {
        receiver.if_empty(before);
        assert_eq!(once(&mut receiver).await, None, "{before:?}");
        sender.write_all(b"ping").await.unwrap();
        sleep(Duration::from_millis(2)).await;
        receiver.if_empty(after);
        let mut bytes = [0; 4];
        let read = async {
            match after {
                IfEmpty::Leave => loop {
                    if let Some(found) = once(&mut receiver).await {
                        return bytes.copy_from_slice(&found);
                    }
                    sleep(MOMENT).await;
                },
                _ => {
                    receiver.read_exact(&mut bytes).await.unwrap();
                }
            }
        };
        timeout(FOR_EVER, read).await.unwrap_or_else(|_| panic!("{after:?} after {before:?}"));
        assert_eq!(&bytes, b"ping", "{after:?} after {before:?}");
    }
}

#[tokio::test]
async fn who_reads_all_the_time_leaves_others_their_turn() {
    let turns = Rc::new(Cell::new(0));
    let work = async {
        let (mut receiver, mut sender, _peer) = connected(echo).await;
        receiver.if_empty(IfEmpty::Wait);
        let others = turns.clone();
        tokio::task::spawn_local(async move {
            loop {
                others.set(others.get() + 1);
                yield_now().await;
            }
        });
        let mut bytes = [0; 1];
        for _ in 0..1000 {
            sender.write_all(b"x").await.unwrap();
            receiver.read_exact(&mut bytes).await.unwrap();
        }
        turns.get()
    };
    let turns = LocalSet::new().run_until(work).await;
    assert!(turns >= 1000 / 16, "{turns} turns");
}

#[tokio::test]
async fn large_streams_pass_whole_both_ways() {
    let (mut receiver, mut sender, _peer) = connected(echo).await;
    let sent: Vec<u8> = (0..8 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut received = Vec::new();
    let sending = async {
        for part in sent.chunks(300_000) {
            sender.write_all(part).await.unwrap();
        }
    };
    let receiving = async {
        let ways = [IfEmpty::Wake, IfEmpty::Wait, IfEmpty::Leave].into_iter().cycle();
        for way in ways {
            receiver.if_empty(way);
            match way {
                IfEmpty::Leave => received.extend(once(&mut receiver).await.unwrap_or_default()),
                _ => {
                    receiver.read_buf(&mut received).await.unwrap();
                }
            }
            if received.len() == sent.len() {
                return;
            }
        }
    };
    timeout(FOR_EVER, async { tokio::join!(sending, receiving) }).await.unwrap();
    assert!(received == sent);
}
