//! Calls of one connection on several threads, which read for each other.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use gob::Encoder;
use netrpc::Client;
use netrpc::header::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const CALLS: u64 = 8;

/// One call reads the replies to all. The end of the connection is next, and found by the others, who have looked for
/// their replies before these were there.
#[tokio::test]
async fn replies_that_another_thread_has_read_before_the_end_are_had() {
    let looked: Vec<_> = (1..CALLS).map(|_| Arc::new(Looked)).collect();
    let reads = Arc::new(Barrier::new(CALLS as usize));
    let has_answered = Arc::new(AtomicBool::new(false));
    let client = Client::new(Peer {
        has_answered: has_answered.clone(),
        replies: replies(),
        reads: reads.clone(),
        looked: looked.clone(),
    });
    let numbers: Vec<_> = (0..CALLS).collect();
    let mut calls: Vec<_> =
        numbers.iter().map(|number| Box::pin(client.call_typed::<u64>("Numbers.Double", number))).collect();
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    has_answered.store(true, Ordering::SeqCst);
    let mut reader = calls.remove(0);
    thread::scope(|scope| {
        for ((number, mut call), looked) in (1..).zip(calls).zip(looked) {
            let reads = &reads;
            scope.spawn(move || {
                reads.wait();
                let waker = Waker::from(looked);
                let outcome = call.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(matches!(outcome, Poll::Ready(Ok(double)) if double == 2 * number), "{outcome:?}");
            });
        }
        let outcome = reader.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(outcome, Poll::Ready(Ok(0))), "{outcome:?}");
    });
    assert!(client.is_closed());
}

/// Takes all requests, and answers them with one write behind which it closes the connection.
struct Peer {
    has_answered: Arc<AtomicBool>,
    replies: Vec<u8>,
    /// Passed by the one call that reads, and by the others after it.
    reads: Arc<Barrier>,
    /// The wakers of the others, of which each leaves a copy when it has looked.
    looked: Vec<Arc<Looked>>,
}

struct Looked;

impl Wake for Looked {
    fn wake(self: Arc<Self>) {}
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_answered.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        if !self.replies.is_empty() {
            self.reads.wait();
            // One is here, one is the call's own, and one is left with the connection.
            while self.looked.iter().any(|waker| Arc::strong_count(waker) < 3) {
                thread::yield_now();
            }
            buffer.put_slice(&std::mem::take(&mut self.replies));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// To the last call first.
fn replies() -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    for seq in (0..CALLS).rev() {
        encoder.encode(&Response { seq, ..Response::default() }, &mut bytes);
        encoder.serialize(&(2 * seq), &mut bytes).unwrap();
    }
    bytes
}
