//! Answers that are too long to be kept in memory: they go to the platform as they come from the handler, and what breaks
//! off on the way is a failure. The platform is one by hand, which reads when it is told to.

#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::process::Stdio;
use std::time::Duration;

use peers::Peer;
use support::{PATIENCE, children, eventually, peak_memory, signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// Above what the sockets in between hold.
const LENGTH: usize = 15_000_000;

#[tokio::test]
async fn an_answer_that_breaks_off_is_truncated_and_then_told() {
    let Some(mut platform) = Platform::start().await else { return };
    let mut first = platform.event(&format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
    let head = head(&mut first).await;
    assert!(head.starts_with("POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\ncontent-length: {LENGTH}\r\n")), "{head}");
    // Some of it has come, and the rest has not left the handler.
    let mut some = vec![0; 100_000];
    first.read_exact(&mut some).await.unwrap();
    let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
    signal(handler, "-KILL");
    let mut rest = Vec::new();
    _ = first.read_to_end(&mut rest).await;
    assert!(some.len() + rest.len() < LENGTH, "all of it came");

    let mut second = platform.connection().await;
    let failure = request(&mut second).await;
    assert!(failure.starts_with("POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\n"), "{failure}");
    assert!(
        failure.contains(r#""errorType":"Runtime.ExitError""#) && failure.contains("signal: killed"),
        "{failure}"
    );
    // What AWS says of one that it has given up already. The next invocation has a handler.
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    second.write_all(refused.as_bytes()).await.unwrap();
    platform.stream = Some(second);
    let mut answered = platform.event(r#"{"do":"raw","text":"\"well\""}"#).await;
    assert!(request(&mut answered).await.ends_with("\r\n\r\n\"well\""));
}

#[tokio::test]
async fn an_answer_takes_no_more_memory_than_a_part_of_it() {
    let Some(mut platform) = Platform::start().await else { return };
    let mut stream = platform.event(r#"{"do":"raw","text":"small"}"#).await;
    assert!(request(&mut stream).await.ends_with("small"));
    accept(&mut stream).await;
    platform.stream = Some(stream);
    let before = peak_memory(platform.pid());
    for _ in 0..3 {
        let mut stream = platform.event(&format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
        let head = head(&mut stream).await;
        assert!(head.contains("/response HTTP/1.1"), "{head}");
        // As slowly as may be, at first.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut body = vec![0; LENGTH];
        stream.read_exact(&mut body).await.unwrap();
        accept(&mut stream).await;
        platform.stream = Some(stream);
    }
    let more = peak_memory(platform.pid()) - before;
    assert!(more < 2 << 20, "{more} bytes more");
}

#[tokio::test]
async fn an_answer_that_is_refused_leaves_its_handler_in_use() {
    let Some(mut platform) = Platform::start().await else { return };
    let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
    let mut stream = platform.event(&format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
    head(&mut stream).await;
    let refusal = "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(refusal.as_bytes()).await.unwrap();
    let mut answered = platform.event(r#"{"do":"raw","text":"small"}"#).await;
    assert!(request(&mut answered).await.ends_with("small"));
    assert_eq!(children(platform.pid()), [handler]);
}

// ---- a platform by hand

struct Platform {
    listener: TcpListener,
    bootstrap: Child,
    stream: Option<TcpStream>,
}

impl Platform {
    async fn start() -> Option<Platform> {
        let handler = peers::require(Peer::LegacyHandler)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bootstrap = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
            .env("LAMBDA_TASK_ROOT", handler.parent().unwrap())
            .env("_HANDLER", handler.file_name().unwrap())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut platform = Platform { listener, bootstrap, stream: None };
        let pid = platform.pid();
        platform.stream = Some(platform.connection().await);
        eventually("there is a handler", || children(pid).len() == 1).await;
        Some(platform)
    }

    fn pid(&self) -> u32 {
        self.bootstrap.id().unwrap()
    }

    async fn connection(&mut self) -> TcpStream {
        within(self.listener.accept()).await.unwrap().0
    }

    /// Hands out an event to whoever asks for one: the connection for the answer.
    async fn event(&mut self, event: &str) -> TcpStream {
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => self.connection().await,
            };
            let asked = request(&mut stream).await;
            if asked.is_empty() {
                continue; // it was closed
            }
            assert!(asked.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"), "{asked}");
            let length = event.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                 Content-Length: {length}\r\n\r\n{event}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            return stream;
        }
    }
}

async fn accept(stream: &mut TcpStream) {
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.unwrap();
}

/// A request's head, and nothing of its body.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if within(stream.read(&mut byte)).await.unwrap_or_default() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A whole request; empty if the connection ends instead.
async fn request(stream: &mut TcpStream) -> String {
    let head = head(stream).await;
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    within(stream.read_exact(&mut body)).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}
