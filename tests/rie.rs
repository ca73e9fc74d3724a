//! `bootstrap` behind AWS's own Runtime Interface Emulator, in front of a handler on aws-lambda-go v1.13.3, which
//! knows nothing of the Runtime API.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use peers::Peer;
use serde_json::{Value, json};
use support::{PATIENCE, eventually, free_port, gather, is_alive};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

async fn invoke(port: u16, event: Bytes) -> Bytes {
    let exchange = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post("/2015-03-31/functions/function/invocations")
            .header("host", "localhost")
            .body(Full::new(event))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        // The emulator answers failures with 200 too.
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap().to_bytes()
    };
    tokio::time::timeout(PATIENCE, exchange).await.expect("the emulator answers")
}

async fn ask(port: u16, event: &str) -> Value {
    let answer = invoke(port, Bytes::copy_from_slice(event.as_bytes())).await;
    serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// AWS's emulator with `bootstrap` in it, and what both and the handler write.
struct Rie {
    process: Child,
    port: u16,
    output: Arc<Mutex<String>>,
}

async fn start(emulator: &Path, handler: &Path, variables: &[(&str, &str)]) -> Rie {
    let (api, port) = (free_port(), free_port());
    let mut process = Command::new(emulator)
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
    tokio::spawn(gather(process.stdout.take().unwrap(), output.clone()));
    tokio::spawn(gather(process.stderr.take().unwrap(), output.clone()));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the emulator never listens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Rie { process, port, output }
}

/// AWS's emulator ends what it started as Lambda does: with SIGTERM first where there is an extension.
#[tokio::test]
async fn sigterm_comes_where_it_is_asked_for() {
    let (Some(handler), Some(emulator)) = (peers::require(Peer::LegacyHandler), peers::require_rie()) else {
        return;
    };
    for (setting, told) in [("on", true), ("off", false)] {
        let variables = [("GO1X_SIGTERM", setting), ("HANDLER_SIGTERM_LOG", "1")];
        let mut rie = start(&emulator, &handler, &variables).await;
        let pid = u32::try_from(ask(rie.port, r#"{"do":"count"}"#).await["pid"].as_u64().unwrap()).unwrap();
        support::signal(rie.process.id().unwrap(), "-TERM");
        tokio::time::timeout(PATIENCE, rie.process.wait()).await.expect("the emulator ends").unwrap();
        eventually("the handler is gone", || !is_alive(pid)).await;
        let output = rie.output.lock().unwrap().clone();
        assert_eq!(output.contains("SIGTERM received"), told, "{setting}: {output}");
        assert!(!output.contains("no extension any more"), "{output}");
    }
}

#[tokio::test]
async fn an_rpc_only_handler_answers_through_aws_own_emulator() {
    let (Some(handler), Some(emulator)) = (peers::require(Peer::HandlerOld), peers::require_rie()) else {
        return;
    };
    let mut rie = start(&emulator, &handler, &[]).await;
    let port = rie.port;
    let before = ask(port, r#"{"do":"context"}"#).await;
    assert_eq!(before["cwd"], json!(handler.parent().unwrap()));
    assert_eq!(ask(port, r#"{"hello":"world"}"#).await, json!({"hello": "world"}));

    let error = ask(port, r#"{"do":"error","message":"no such user"}"#).await;
    assert_eq!(error, json!({"errorMessage": "no such user", "errorType": "customError"}));

    let error = ask(port, r#"{"do":"panic","message":"kaboom"}"#).await;
    assert_eq!((&error["errorMessage"], &error["errorType"]), (&json!("kaboom"), &json!("string")));
    assert!(error["stackTrace"][0]["line"].is_number(), "{error}");

    // The panic cost the process, and nothing else.
    let after = ask(port, r#"{"do":"context"}"#).await;
    assert_ne!(after["pid"], before["pid"]);

    // AWS's emulator sends events of this size in chunked transfer coding.
    let mut event = vec![b'x'; 1 << 20];
    event[0] = b'"';
    event[(1 << 20) - 1] = b'"';
    let event = Bytes::from(event);
    assert!(invoke(port, event.clone()).await == event);

    // The emulator ends bootstrap with SIGKILL, and the handler goes with it.
    rie.process.kill().await.unwrap();
    let pid = u32::try_from(after["pid"].as_u64().unwrap()).unwrap();
    eventually("the handler is gone", || !is_alive(pid)).await;
}
