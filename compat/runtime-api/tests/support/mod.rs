//! A peer that speaks HTTP by hand, as the runtime or as the caller, and what tests of the emulator begin with.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::time::Duration;

use bytes::Bytes;
use runtime_api::emulator::{Emulator, InvokeRequest, Outcome, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub const NEXT: &str = "/2018-06-01/runtime/invocation/next";

pub struct Wire {
    pub stream: TcpStream,
    pub unread: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn runtime(emulator: &Emulator) -> Wire {
        let address = emulator.runtime_api().split('/').next().unwrap();
        Wire { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    pub async fn caller(emulator: &Emulator) -> Wire {
        let address = emulator.listen_invoke(([127, 0, 0, 1], 0).into()).await.unwrap();
        Wire { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        self.answer().await
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Answer {
        self.post_with(path, "", body).await
    }

    pub async fn post_with(&mut self, path: &str, headers: &str, body: &str) -> Answer {
        self.send_post(path, headers, body).await;
        self.answer().await
    }

    pub async fn send_post(&mut self, path: &str, headers: &str, body: &str) {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    pub async fn send(&mut self, text: &str) {
        within(self.stream.write_all(text.as_bytes())).await.unwrap();
    }

    pub async fn answer(&mut self) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push_str(&self.line().await);
        }
        let mut lines = head.trim_end().split("\r\n");
        let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if let Some(length) = answer.header("content-length") {
            answer.body = self.bytes(length.parse().unwrap()).await;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let length = usize::from_str_radix(self.line().await.trim_end(), 16).unwrap();
                answer.body.extend(self.bytes(length).await);
                assert_eq!(self.line().await, "\r\n");
                if length == 0 {
                    break;
                }
            }
        }
        answer
    }

    pub async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(2).position(|window| window == b"\r\n") {
                return String::from_utf8(self.unread.drain(..end + 2).collect()).unwrap();
            }
            self.fill().await;
        }
    }

    pub async fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            self.fill().await;
        }
        self.unread.drain(..length).collect()
    }

    pub async fn fill(&mut self) {
        let read = within(self.stream.read_buf(&mut self.unread)).await.unwrap();
        assert_ne!(read, 0, "the connection ended in the middle of an answer");
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub async fn start(settings: Settings) -> Emulator {
    Emulator::start(settings).await.unwrap()
}

pub fn named(id: &str, event: &str) -> InvokeRequest {
    InvokeRequest { request_id: Some(id.to_owned()), ..Bytes::from(event.to_owned()).into() }
}

pub fn invoke(emulator: &Emulator, request: InvokeRequest) -> JoinHandle<Outcome> {
    let emulator = emulator.clone();
    tokio::spawn(async move { emulator.invoke(request).await })
}

pub async fn outcome(invocation: JoinHandle<Outcome>) -> Outcome {
    within(invocation).await.unwrap()
}

pub fn response_path(id: &str) -> String {
    format!("/2018-06-01/runtime/invocation/{id}/response")
}

pub fn error_path(id: &str) -> String {
    format!("/2018-06-01/runtime/invocation/{id}/error")
}

pub fn unix_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// Returns once the emulator has seen all that was done to its connections before, their ends included: of its tasks, the
/// one that answers this was woken last, and has its turn last.
pub async fn seen_by(emulator: &Emulator) {
    assert_eq!(Wire::runtime(emulator).await.get("/2018-06-01/ping").await.text(), "pong");
}

/// Lets time pass for the emulator in no time. It goes on afterwards, so that a machine as slow as it likes is no reason
/// for a timer to end.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// So that a test which fails does not hang.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("this takes too long")
}
