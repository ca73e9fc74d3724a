//! Signals end a wait in the read, and are heard. They go to a process's first thread if it takes them: so this is where
//! the reader is, without the usual harness.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tcp::{IfEmpty, split};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// So many that some are sent while a read waits.
const SIGNALS: usize = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut asked = signal(SignalKind::user_defined1()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for _ in 0..SIGNALS {
            // The reader is back in its read by then.
            thread::sleep(Duration::from_micros(300));
            kill_process(getpid(), Signal::USR1).unwrap();
            stream.write_all(b"x").unwrap();
        }
    });
    let (mut receiver, _sender) = split(listener.accept().await.unwrap().0);
    receiver.wait_in_read().unwrap();
    receiver.if_empty(IfEmpty::Wait);
    let (mut bytes, mut heard) = (Vec::new(), 0);
    loop {
        tokio::select! {
            biased;
            read = receiver.read_buf(&mut bytes) => {
                if read.unwrap() == 0 {
                    break;
                }
            }
            _ = asked.recv() => heard += 1,
        }
    }
    peer.join().unwrap();
    assert_eq!(bytes.len(), SIGNALS);
    assert!(heard > 0, "no signal was heard");
}
