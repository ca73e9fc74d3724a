//! Answers that are too long to be kept in memory: they go to the platform as they come from the handler, and what breaks
//! off on the way is a failure. The platform is one by hand, which reads when it is told to.

#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use peers::Peer;
use support::{PATIENCE, children, eventually, peak_memory, signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// Above what the sockets in between hold.
const LENGTH: usize = 15_000_000;

#[tokio::test]
async fn an_answer_that_breaks_off_is_truncated_and_then_told() {
    // AWS's emulator knows no failure behind the start of a response, and hands out no other event then; it starts anew.
    // (`InvocationResponse` in its `core/states.go`.) Others have given up the invocation, and go on.
    for (status, goes_on) in [("400 Bad Request", true), ("403 Forbidden", false), ("202 Accepted", true)] {
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
        assert!(
            failure.starts_with("POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\n"),
            "{failure}"
        );
        assert!(failure.contains(r#""errorType":"Runtime.ExitError""#), "{failure}");
        assert!(failure.contains("signal: killed"), "{failure}");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        second.write_all(answer.as_bytes()).await.unwrap();
        if goes_on {
            platform.stream = Some(second);
            let mut answered = platform.event(r#"{"do":"raw","text":"\"well\""}"#).await;
            assert!(request(&mut answered).await.ends_with("\r\n\r\n\"well\""));
        } else {
            assert_eq!(within(platform.bootstrap.wait()).await.unwrap().code(), Some(1));
            let mut said = String::new();
            platform.bootstrap.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
            let last = said.lines().last().unwrap_or_default();
            assert!(last.starts_with("go1x: error: the response broke off on its way: "), "{said}");
            assert!(last.ends_with("signal: killed (Runtime.ExitError)"), "{said}");
        }
    }
}

/// Until the answer has ended, the invocation's time runs, and its handler gets no other.
#[tokio::test]
async fn an_answer_that_does_not_go_on_is_overdue() {
    let Some(mut platform) = Platform::start().await else { return };
    let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
    let mut first = platform.event_until(2_000, &format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
    head(&mut first).await;
    signal(handler, "-STOP");
    let mut rest = Vec::new();
    _ = within(first.read_to_end(&mut rest)).await;
    let mut second = platform.connection().await;
    let failure = request(&mut second).await;
    assert!(failure.contains("/error HTTP/1.1") && failure.contains("Runtime.Go1xTimedOut"), "{failure}");
    accept(&mut second).await;
    platform.stream = Some(second);
    let mut answered = platform.event(r#"{"do":"raw","text":"well"}"#).await;
    assert!(request(&mut answered).await.ends_with("well"));
    assert_ne!(children(platform.pid()), [handler]);
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
            .stderr(Stdio::piped())
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
        self.event_until(3_600_000, event).await
    }

    /// The same, with a deadline in so many milliseconds.
    async fn event_until(&mut self, milliseconds: u128, event: &str) -> TcpStream {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let deadline = now + milliseconds;
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
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
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
