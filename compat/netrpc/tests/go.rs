//! Go's own net/rpc at the other end: what Go's client hears from our server, and our client from Go's server, is what
//! Go's two say to each other.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use netrpc::{Client, Error, RPC_PATH};
use peers::Peer;
use support::arith;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

mod support {
    pub(crate) mod arith;
}

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Texts of Go that name the sender's type: what it calls it, and not what it is, hangs on all the types that its own
/// process has met.
const REMOTE_TYPE: &str = ", received remote type ";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_hears_the_same_words() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    for transport in Transport::ALL {
        within(async {
            let (gos, ours) = (GoServer::start(&go, transport).await, OurServer::start(transport));
            let words = without_remote_types(&call(&go, transport, &gos.address, &["words"]).await);
            assert!(words.lines().count() > 60 && words.contains("\nArith.Multiply: 56\n"), "{words}");
            let same = |heard: String, who: &str| {
                let heard = without_remote_types(&heard);
                for (heard, expected) in heard.lines().zip(words.lines()) {
                    assert_eq!(heard, expected, "{who}, {transport:?}");
                }
                assert_eq!(heard, words, "{who}, {transport:?}");
            };
            same(call(&go, transport, &ours.address, &["words"]).await, "Go's client from our server");
            same(arith::words(&gos.client().await).await, "our client from Go's server");
            same(arith::words(&ours.client().await).await, "our client from our server");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_at_once_are_answered_as_they_come() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    let expected = "many: 1000 in order false\n";
    for transport in [Transport::TCP, Transport::UNIX] {
        within(async {
            let (gos, ours) = (GoServer::start(&go, transport).await, OurServer::start(transport));
            let heard = call(&go, transport, &ours.address, &["-count", "1000", "many"]).await;
            assert_eq!(heard, expected, "Go's client from our server");
            assert_eq!(arith::many(Arc::new(gos.client().await), 1000).await, expected);
            assert_eq!(arith::many(Arc::new(ours.client().await), 1000).await, expected);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_ten_megabytes_pass_both_ways() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    const SIZE: usize = 10 << 20;
    let expected = format!("Kinds.Length: {SIZE}\nKinds.Bytes: true\n");
    for transport in Transport::ALL {
        within(async {
            let (gos, ours) = (GoServer::start(&go, transport).await, OurServer::start(transport));
            let heard = call(&go, transport, &ours.address, &["-count", &SIZE.to_string(), "large"]).await;
            assert_eq!(heard, expected, "Go's client from our server, {transport:?}");
            assert_eq!(arith::large(&gos.client().await, SIZE).await, expected, "{transport:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pending_call_ends_with_the_server() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    let expected = format!(
        "Arith.Hanging: 100\n{}Arith.Multiply: error connection is shut down\n",
        "Arith.Hang: error unexpected EOF\n".repeat(100)
    );
    for transport in [Transport::TCP, Transport::UNIX] {
        within(async {
            let mut gos = GoServer::start(&go, transport).await;
            let client = Arc::new(gos.client().await);
            let heard = arith::pending(client, 100, || gos.child.start_kill().unwrap()).await;
            assert_eq!(heard, expected, "our client from Go's server, {transport:?}");

            // Its calls are dropped with the connection.
            let (listening, address) = transport.bind();
            let server = arith::server();
            let serving = tokio::spawn(async move {
                let stream = listening.accept().await;
                server.serve_connection(stream).await
            });
            let mut client = command(&go, "call", transport)
                .args(["-addr", &address, "-count", "100", "pending"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(client.stdout.take().unwrap());
            let mut heard = String::new();
            lines.read_line(&mut heard).await.unwrap();
            serving.abort();
            lines.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, expected, "Go's client from our server, {transport:?}");
            assert!(client.wait().await.unwrap().success());
        })
        .await;
    }
}

/// Where we do better: Go sends a header, finds that it cannot send the reply, and closes the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_gob_refuses_costs_our_connection_nothing() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    within(async {
        let transport = Transport::TCP;
        let (gos, ours) = (GoServer::start(&go, transport).await, OurServer::start(transport));
        let closed = "Arith.Refused: error reading body unexpected EOF\n\
                      Arith.Multiply: error connection is shut down\n";
        assert_eq!(call(&go, transport, &gos.address, &["refused"]).await, closed);
        let heard = arith::refused(&gos.client().await).await;
        assert_eq!(
            heard,
            closed.replace("reading body ", ""),
            "our client says the same of a body and a header"
        );
        let heard = call(&go, transport, &ours.address, &["refused"]).await;
        let (refused, after) = heard.split_once('\n').unwrap();
        assert!(refused.starts_with("Arith.Refused: server error gob: "), "{refused}");
        assert_eq!(after, "Arith.Multiply: 56\n");
        assert_eq!(arith::refused(&ours.client().await).await, heard);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_rpc_over_http_is_told_so() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    within(async {
        let transport = Transport::HTTP;
        let (gos, ours) = (GoServer::start(&go, transport).await, OurServer::start(transport));
        let dial = async |address: &str| call(&go, transport, address, &["-path", "/nowhere", "words"]).await;
        let expected = "dial: error dial-http tcp ADDR: unexpected HTTP response: 404 Not Found\n";
        assert_eq!(dial(&gos.address).await, expected);
        assert_eq!(dial(&ours.address).await, expected);
        for address in [&gos.address, &ours.address] {
            match Client::connect_http_path(address, "/nowhere").await {
                Err(Error::Http(text)) => assert_eq!(text, "unexpected HTTP response: 404 Not Found"),
                other => panic!("{other:?}"),
            }
        }
        for request in [
            "GET /_goRPC_ HTTP/1.0\r\n\r\n",
            "POST /_goRPC_ HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody",
            "GET /nowhere HTTP/1.0\r\n\r\n",
            "CONNECT /nowhere HTTP/1.0\r\n\r\n",
            "no HTTP\r\n\r\n",
        ] {
            let (go, our) = (http(&gos.address, request).await, http(&ours.address, request).await);
            assert_eq!(our, go, "{request:?}");
        }
    })
    .await;
}

/// Status and body of the answer to a request.
async fn http(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap().split_once(' ').unwrap().1;
    (status.to_owned(), body.trim_end().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_of_a_name_is_refused_in_gos_words() {
    let Some(go) = peers::require(Peer::Arith) else { return };
    within(async {
        let gos = GoServer::start(&go, Transport::TCP).await;
        let error = arith::server().service("Arith", netrpc::Service::new()).unwrap_err();
        assert_eq!(error.to_string(), gos.second_service);
    })
    .await;
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

fn without_remote_types(lines: &str) -> String {
    let cut = |line: &str| match line.split_once(REMOTE_TYPE) {
        Some((start, _)) => format!("{start}{REMOTE_TYPE}…\n"),
        None => format!("{line}\n"),
    };
    lines.lines().map(cut).collect()
}

#[derive(Clone, Copy, Debug)]
struct Transport {
    network: &'static str,
    http: bool,
}

impl Transport {
    const TCP: Transport = Transport { network: "tcp", http: false };
    const UNIX: Transport = Transport { network: "unix", http: false };
    const HTTP: Transport = Transport { network: "tcp", http: true };
    const ALL: [Transport; 4] =
        [Transport::TCP, Transport::UNIX, Transport::HTTP, Transport { network: "unix", http: true }];

    /// A new address; on TCP, the system's choice.
    fn address(self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match self.network {
            "tcp" => "127.0.0.1:0".to_owned(),
            _ => {
                let name = format!("netrpc-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                std::env::temp_dir().join(name).into_os_string().into_string().unwrap()
            }
        }
    }

    /// Listens somewhere.
    fn bind(self) -> (Listening, String) {
        let address = self.address();
        if self.network == "unix" {
            return (
                Listening::Unix(UnixListener::bind(&address).unwrap(), Socket(address.clone().into())),
                address,
            );
        }
        let listener = std::net::TcpListener::bind(&address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (Listening::Tcp(TcpListener::from_std(listener).unwrap()), address)
    }

    async fn client(self, address: &str) -> Client {
        match (self.network, self.http) {
            ("tcp", false) => Client::connect(address).await.unwrap(),
            ("tcp", true) => Client::connect_http(address).await.unwrap(),
            (_, false) => Client::connect_unix(address).await.unwrap(),
            (_, true) => {
                Client::over_http(UnixStream::connect(address).await.unwrap(), RPC_PATH).await.unwrap()
            }
        }
    }
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener, Socket),
}

trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for S {}

impl Listening {
    async fn accept(&self) -> Box<dyn Stream> {
        match self {
            Listening::Tcp(listener) => Box::new(listener.accept().await.unwrap().0),
            Listening::Unix(listener, _) => Box::new(listener.accept().await.unwrap().0),
        }
    }
}

/// A socket's file, which is gone after the test.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct GoServer {
    child: Child,
    transport: Transport,
    address: String,
    second_service: String,
    _socket: Socket,
}

impl GoServer {
    async fn start(go: &Path, transport: Transport) -> GoServer {
        let address = transport.address();
        let socket = Socket(address.clone().into());
        let mut child = command(go, "serve", transport)
            .args(["-addr", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let second_service = lines.next_line().await.unwrap().unwrap();
        let address = lines.next_line().await.unwrap().unwrap();
        GoServer { child, transport, address, second_service, _socket: socket }
    }

    async fn client(&self) -> Client {
        self.transport.client(&self.address).await
    }
}

struct OurServer {
    transport: Transport,
    address: String,
    serving: JoinHandle<()>,
    _socket: Option<Socket>,
}

impl OurServer {
    fn start(transport: Transport) -> OurServer {
        let (listening, address) = transport.bind();
        let server = arith::server();
        let mut socket = None;
        let serving = match (listening, transport.http) {
            (Listening::Tcp(listener), false) => {
                tokio::spawn(async move { _ = server.serve(listener).await })
            }
            (Listening::Tcp(listener), true) => {
                tokio::spawn(async move { _ = server.serve_http(listener).await })
            }
            (Listening::Unix(listener, file), http) => {
                socket = Some(file);
                tokio::spawn(async move {
                    match http {
                        false => _ = server.serve(listener).await,
                        true => _ = server.serve_http(listener).await,
                    }
                })
            }
        };
        OurServer { transport, address, serving, _socket: socket }
    }

    async fn client(&self) -> Client {
        self.transport.client(&self.address).await
    }
}

impl Drop for OurServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn command(go: &Path, what: &str, transport: Transport) -> Command {
    let mut command = Command::new(go);
    command.args([what, "-network", transport.network]).kill_on_drop(true);
    if transport.http {
        command.arg("-http");
    }
    command
}

/// What a script of Go's client says.
async fn call(go: &Path, transport: Transport, address: &str, arguments: &[&str]) -> String {
    let mut command = command(go, "call", transport);
    let output = command.args(["-addr", address]).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
