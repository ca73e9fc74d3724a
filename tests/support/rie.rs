//! AWS's Runtime Interface Emulator with the real `bootstrap` in it.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{PATIENCE, free_port, gather};

/// The emulator, and what it, bootstrap, the handler and extensions write.
pub struct Rie {
    process: Child,
    /// The Runtime API's.
    api: u16,
    /// Where it is invoked.
    port: u16,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Rie {
    pub async fn start(emulator: &Path, handler: &Path, variables: &[(&str, &str)]) -> Rie {
        Rie::start_by(|| Command::new(emulator), handler, variables).await
    }

    /// The command starts the emulator, or becomes it, with the arguments that are added here.
    pub async fn start_by(command: impl Fn() -> Command, handler: &Path, variables: &[(&str, &str)]) -> Rie {
        // Others may take a port before the emulator has it: then it ends.
        for _ in 0..3 {
            let mut rie = Rie::spawn(command(), handler, variables);
            if rie.listens().await {
                return rie;
            }
        }
        panic!("the emulator ends before it listens")
    }

    fn spawn(mut command: Command, handler: &Path, variables: &[(&str, &str)]) -> Rie {
        let (api, port) = (free_port(), free_port());
        let mut process = command
            .args(["--runtime-api-address", &format!("127.0.0.1:{api}")])
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .arg(env!("CARGO_BIN_EXE_bootstrap"))
            .arg(handler.file_name().unwrap())
            .env("LAMBDA_TASK_ROOT", handler.parent().unwrap())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            tokio::spawn(gather(process.stdout.take().unwrap(), output.clone())),
            tokio::spawn(gather(process.stderr.take().unwrap(), output.clone())),
        ];
        Rie { process, api, port, output, readers }
    }

    /// Waits until it can be used: it takes invocations a moment before its Runtime API is there.
    async fn listens(&mut self) -> bool {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for port in [self.port, self.api] {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                if self.process.try_wait().unwrap().is_some() {
                    return false;
                }
                assert!(tokio::time::Instant::now() < deadline, "never on port {port}: {}", self.output());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        true
    }

    pub async fn invoke(&self, event: Bytes) -> Bytes {
        let response = self.try_invoke(event).await;
        // The emulator answers the function's failures with 200 too.
        assert_eq!(response.status(), 200, "{:?}\n{}", response.body(), self.output());
        response.into_body()
    }

    pub async fn try_invoke(&self, event: Bytes) -> Response<Bytes> {
        let request = Request::post("/2015-03-31/functions/function/invocations")
            .header("host", "localhost")
            .body(Full::new(event))
            .unwrap();
        exchange(self.port, request).await
    }

    pub async fn ask(&self, event: &str) -> Value {
        let answer = self.invoke(Bytes::copy_from_slice(event.as_bytes())).await;
        serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// All that was written so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Has it shut the sandbox down as Lambda does, and waits for its end and for all that it has to say.
    pub async fn terminate(&mut self) {
        super::signal(self.process.id().unwrap(), "-TERM");
        tokio::time::timeout(PATIENCE, self.process.wait()).await.expect("the emulator ends").unwrap();
        for reader in self.readers.drain(..) {
            let ended = tokio::time::timeout(PATIENCE, reader).await;
            ended.expect("nobody is left who could write").unwrap();
        }
    }

    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }
}

/// A request to a port of this machine, on a connection of its own.
pub async fn exchange(port: u16, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let exchange = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("an answer")
}
