//! Both doors at once: the Runtime API is polled while the same handler is served as `Function` on a legacy socket.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use go1x::{Bytes, Context, Error, Handler, Plan, handler_fn, runtime};
use peers::Peer;
use runtime_api::Client;
use runtime_api::emulator::{self, Emulator};
use serde_json::{Value, json};
use support::{Folder, PATIENCE, Sandbox, eventually, example, free_port};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

/// Calls by AWS Amplify's own client, on aws-lambda-go v1.15.0; its answer, or its error.
async fn amplify(client: &Path, port: u16, event: &Value) -> Result<Value, String> {
    let mut child =
        Command::new(client).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let line = json!({"Port": port, "TimeoutMilliseconds": 5_000, "Payload": event.to_string()});
    child.stdin.take().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.success(), result["Error"] == "", "{result}");
    match result["Error"].as_str().unwrap() {
        "" => Ok(serde_json::from_str(result["Response"].as_str().unwrap()).unwrap()),
        error => Err(error.to_owned()),
    }
}

/// A call by Go's net/rpc client that plays the go1.x runtime.
async fn go(client: &Path, port: u16, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(client)
        .args(["-addr", &format!("127.0.0.1:{port}")])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn an_old_client_reaches_an_old_handler_behind_the_bridge() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let Some(client) = peers::require_invoker() else { return };
    let port = free_port();
    let sandbox = Sandbox::start(&handler, &[("GO1X_RPC_LISTEN", &format!("127.0.0.1:{port}"))]).await;
    sandbox.emulator.wait_ready().await.unwrap();

    assert_eq!(amplify(&client, port, &json!({"order": 1017})).await, Ok(json!({"order": 1017})));
    let seen = amplify(&client, port, &json!({"do": "context", "env": []})).await.unwrap();
    assert_eq!(seen["requestId"], "0", "as that client says it");
    let polled = sandbox.ask(r#"{"do":"context","env":[]}"#).await;
    assert_eq!(polled["pid"], seen["pid"], "one process serves both");
    assert_ne!(polled["requestId"], "0");

    let error = amplify(&client, port, &json!({"do": "error", "message": "no such user"})).await;
    assert_eq!(error, Err(":no such user".to_owned()));
    // After a panic, whoever saw it, both meet a fresh process.
    let error = amplify(&client, port, &json!({"do": "panic", "message": "out of tea"})).await;
    assert_eq!(error, Err(":out of tea".to_owned()));
    let fresh = sandbox.ask(r#"{"do":"context","env":[]}"#).await;
    assert_ne!(fresh["pid"], seen["pid"]);
    assert_eq!(amplify(&client, port, &json!({"do": "context"})).await.unwrap()["pid"], fresh["pid"]);
}

#[tokio::test]
async fn invocations_of_both_ways_are_neither_mixed_nor_at_the_same_time() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let port = free_port();
    let sandbox = Sandbox::start(&handler, &[("GO1X_RPC_LISTEN", &format!("127.0.0.1:{port}"))]).await;
    sandbox.emulator.wait_ready().await.unwrap();
    let each = 50;
    let called = async {
        let count = each.to_string();
        let arguments = ["-payload", r#"{"do":"count","ms":1}"#, "-count", &count, "-concurrency", "8"];
        let lines = go(&client, port, &arguments).await;
        assert_eq!(lines.len(), each + 1);
        let counted =
            |line: &Value| serde_json::from_str::<Value>(line["payload"].as_str().unwrap()).unwrap();
        lines[1..].iter().map(counted).collect::<Vec<_>>()
    };
    let polled = async {
        let mut counted = Vec::new();
        for _ in 0..each {
            counted.push(sandbox.ask(r#"{"do":"count","ms":1}"#).await);
        }
        counted
    };
    let (called, polled) = tokio::join!(called, polled);
    let mut totals: Vec<_> =
        called.iter().chain(&polled).map(|seen| seen["total"].as_u64().unwrap()).collect();
    totals.sort_unstable();
    assert_eq!(totals, (1..=2 * each as u64).collect::<Vec<_>>(), "each is run once");
    assert!(called.iter().chain(&polled).all(|seen| seen["max"] == 1), "go1x handlers run one at a time");
}

#[tokio::test]
async fn a_rust_function_is_served_both_ways() {
    let Some(client) = peers::require_invoker() else { return };
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let sandbox = Sandbox::alone(&example("orders"), &[("GO1X_RPC_LISTEN", &listen)]).await;
    sandbox.emulator.wait_ready().await.unwrap();
    let bill = amplify(&client, port, &json!({"tea": "oolong", "cups": "2"})).await.unwrap();
    assert_eq!(bill, json!({"order": "0", "cents": 500}));
    let bill = sandbox.ask(r#"{"tea":"oolong","cups":"3"}"#).await;
    assert_eq!(bill["cents"], 750);
    // A panic is answered first. Then the process ends, as it would have after an event.
    let error = amplify(&client, port, &json!({"tea": "oolong", "cups": "0"})).await;
    assert_eq!(error, Err(":nobody orders no oolong".to_owned()));
    assert_eq!(sandbox.exit().await.code(), Some(1));
    assert!(
        sandbox.output().contains("Error: the handler asked to exit: nobody orders no oolong\n"),
        "{}",
        sandbox.output()
    );
}

#[tokio::test]
async fn no_handler_is_started_for_a_call_once_bootstrap_ends() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let folder = Folder::new("ending");
    // The first is slow to end, which is the time to start another in the second's place.
    let script = b"#!/bin/sh\necho start >>\"${0%/*}/starts\"\n\
        if mkdir \"${0%/*}/first\" 2>/dev/null; then export HANDLER_IGNORE_SIGTERM=1; fi\nexec \"$@\"\n";
    let wrapper = folder.write("wrapper", 0o755, script);
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let variables = [
        ("GO1X_RPC_LISTEN", &*listen),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "2"),
        ("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap()),
    ];
    let sandbox = Sandbox::start(&handler, &variables).await;
    sandbox.emulator.wait_ready().await.unwrap();
    let starts = || std::fs::read_to_string(folder.path().join("starts")).unwrap_or_default().lines().count();
    let arguments = ["-payload", r#"{"do":"sleep","ms":60000}"#, "-count", "4", "-concurrency", "4"];
    let ((), _) = tokio::join!(
        async {
            eventually("two are at work", || starts() == 2).await;
            sandbox.signal("-TERM");
        },
        go(&client, port, &arguments)
    );
    assert_eq!(sandbox.exit().await.code(), Some(0));
    assert_eq!(starts(), 2, "{}", sandbox.output());
}

#[tokio::test]
async fn a_socket_that_cannot_be_had_fails_the_start() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let sandbox = Sandbox::start(&handler, &[("GO1X_RPC_LISTEN", &listen)]).await;
    let (error, _, status) = sandbox.init_failure().await;
    assert_eq!((&error["errorType"], status.code()), (&json!("Runtime.Go1xSetting"), Some(1)));
    let text = error["errorMessage"].as_str().unwrap();
    assert!(text.starts_with(&format!("GO1X_RPC_LISTEN is {listen}: Address already in use")), "{text}");

    let folder = Folder::new("rpc-listen");
    for (value, mode, wanted) in [
        ("0.0.0.0:5000", "auto", "an address of this machine alone"),
        ("127.0.0.1:0", "auto", "with a port"),
        ("127.0.0.1:5000", "direct", "nobody is left to listen"),
    ] {
        let variables = [("GO1X_RPC_LISTEN", value), ("GO1X_MODE", mode)];
        let (error, ..) = Sandbox::start(&folder.path().join("main"), &variables).await.init_failure().await;
        let text = error["errorMessage"].as_str().unwrap();
        assert!(text.starts_with("GO1X_RPC_LISTEN ") && text.contains(wanted), "{text}");
    }
}

#[tokio::test]
async fn a_socket_for_a_handler_that_polls_for_itself_is_said_to_be_none() {
    let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) else { return };
    let listen = format!("127.0.0.1:{}", free_port());
    let sandbox = Sandbox::start(&handler, &[("GO1X_RPC_LISTEN", &listen)]).await;
    sandbox.ask("1").await;
    let refused = std::net::TcpStream::connect(&listen).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    sandbox.fail(r#"{"do":"exit","code":7}"#).await;
    assert_eq!(sandbox.exit().await.code(), Some(7));
    let text = "GO1X_RPC_LISTEN had no effect: the handler polled the Runtime API itself";
    assert!(sandbox.output().contains(text), "{}", sandbox.output());
}

#[tokio::test]
async fn a_socket_that_cannot_be_had_is_told_before_the_handler_runs() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let folder = Folder::new("rpc-listen-first");
    let handler = folder.write("main", 0o755, b"#!/bin/sh\necho the handler ran\nexit 1\n");
    let sandbox = Sandbox::start(&handler, &[("GO1X_RPC_LISTEN", &listen)]).await;
    let (error, ..) = sandbox.init_failure().await;
    assert_eq!(error["errorType"], json!("Runtime.Go1xSetting"), "{error}");
    assert!(!sandbox.output().contains("the handler ran"), "{}", sandbox.output());
}

/// Serves the handler on a port of its own, beside a Runtime API that has no events.
async fn beside_events(handler: impl Handler) -> u16 {
    let emulator = Emulator::start(emulator::Settings::default()).await.unwrap();
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let port = free_port();
    let plan = Plan { rpc_listen: Some(([127, 0, 0, 1], port).into()), ..Plan::default() };
    tokio::spawn(async move {
        let _emulator = emulator;
        runtime::run(&mut client, plan, Arc::new(handler)).await
    });
    port
}

async fn echo(event: Bytes, _: Context) -> Result<Bytes, Error> {
    Ok(event)
}

#[tokio::test]
async fn a_request_that_no_event_can_be_is_refused_with_its_length() {
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let port = beside_events(handler_fn(echo)).await;
    let folder = Folder::new("long-request");
    let payload =
        |name, length: usize| format!("@{}", folder.write(name, 0o644, &vec![b'x'; length]).display());
    let lines = go(&client, port, &["-payload", &payload("lambdas", 6 * 1024 * 1024)]).await;
    assert_eq!(lines[1]["payloadLen"], 6 * 1024 * 1024, "as long as Lambda's events get");
    let lines = go(&client, port, &["-payload", &payload("too-long", 8 * 1024 * 1024 + 1)]).await;
    let error = lines[1]["rpcError"].as_str().unwrap();
    assert!(
        error.starts_with("a message of 83") && error.ends_with(" bytes, more than 8388608 are not accepted"),
        "{error}"
    );
    assert_eq!(go(&client, port, &["-payload", "7"]).await[1]["payload"], "7");
}

#[tokio::test]
async fn calls_beyond_eight_of_a_connection_wait_and_are_answered() {
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (running, most.clone());
    let port = beside_events(handler_fn(move |event: Bytes, _: Context| {
        let (running, most) = counted.clone();
        async move {
            most.fetch_max(running.fetch_add(1, Relaxed) + 1, Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            running.fetch_sub(1, Relaxed);
            Ok::<_, Error>(event)
        }
    }))
    .await;
    let lines = go(&client, port, &["-payload", "%d", "-count", "64", "-concurrency", "64"]).await;
    assert_eq!(lines.len(), 65);
    assert!(lines[1..].iter().all(|line| line["payload"] == json!(line["n"].to_string())), "{lines:?}");
    assert_eq!(most.load(Relaxed), 8);
}

#[tokio::test]
async fn a_seventeenth_connection_is_told_so_until_one_is_closed() {
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let port = beside_events(handler_fn(echo)).await;
    go(&client, port, &["-ping-only"]).await; // it waits for the port
    let mut open = Vec::new();
    let refused = loop {
        // The client's own connection may not have been seen to be closed yet: then there is a place less.
        let lines = go(&client, port, &["-ping=false"]).await;
        if !lines[0]["rpcError"].is_null() {
            break lines;
        }
        open.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    };
    assert_eq!(refused[0]["rpcError"], "rpc: 16 connections are open, no more are served");
    assert!(open.len() >= 15, "{}", open.len());
    drop(open);
    let end = Instant::now() + PATIENCE;
    while !go(&client, port, &["-ping=false"]).await[0]["rpcError"].is_null() {
        assert!(Instant::now() < end, "no place is given back");
    }
}
