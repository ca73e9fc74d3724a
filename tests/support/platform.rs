//! A platform by hand, which reads and answers when it is told to.

use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use peers::Peer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, Command};

use super::{PATIENCE, children, eventually};

/// The Runtime API, and `bootstrap` in front of the legacy handler.
pub struct Platform {
    listener: TcpListener,
    pub bootstrap: Child,
    /// On which it asks for an event next; a new one if there is none.
    pub stream: Option<TcpStream>,
}

impl Platform {
    pub async fn start() -> Option<Platform> {
        Platform::start_with(&[]).await
    }

    pub async fn start_with(variables: &[(&str, &str)]) -> Option<Platform> {
        let handler = peers::require(Peer::LegacyHandler)?;
        // A long answer is not to disappear into what the kernel keeps for us, which grows to many megabytes otherwise.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        socket.bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(16).unwrap();
        let bootstrap = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
            .env("LAMBDA_TASK_ROOT", handler.parent().unwrap())
            .env("_HANDLER", handler.file_name().unwrap())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
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

    pub fn pid(&self) -> u32 {
        self.bootstrap.id().unwrap()
    }

    pub async fn connection(&mut self) -> TcpStream {
        within(self.listener.accept()).await.unwrap().0
    }

    /// Waits until an event is asked for on the connection there is.
    pub async fn asks(&mut self) {
        let stream = self.stream.as_ref().unwrap();
        within(stream.peek(&mut [0])).await.unwrap();
    }

    /// Hands out an event to whoever asks for one: the connection for the answer.
    pub async fn event(&mut self, event: &str) -> TcpStream {
        self.event_until(3_600_000, event).await
    }

    /// The same, with a deadline in so many milliseconds.
    pub async fn event_until(&mut self, milliseconds: u128, event: &str) -> TcpStream {
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
                 Lambda-Runtime-Invocation-Id: attempt-1\r\nContent-Length: {length}\r\n\r\n{event}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            return stream;
        }
    }
}

pub async fn accept(stream: &mut TcpStream) {
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await.unwrap();
}

/// A request's head, and nothing of its body.
pub async fn head(stream: &mut TcpStream) -> String {
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
pub async fn request(stream: &mut TcpStream) -> String {
    let head = head(stream).await;
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    within(stream.read_exact(&mut body)).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}
