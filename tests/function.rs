//! The legacy door: a Rust handler served as `Function`, called by a real Go net/rpc client that plays the go1.x
//! runtime.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::process::Stdio;
use std::sync::Arc;

use go1x::{Bytes, Context, FunctionError, Handler, StackFrame, handler_fn, rpc};
use peers::Peer;
use serde_json::{Value, json};
use support::{PATIENCE, free_port};
use tokio::process::Command;
use tokio::sync::Barrier;

async fn answer(event: Bytes, context: Context) -> Result<Bytes, FunctionError> {
    match &event[..] {
        b"fail" => Err(FunctionError {
            stack_trace: vec![StackFrame { path: "main.rs".into(), line: 7, label: "answer".into() }],
            should_exit: true,
            ..FunctionError::new("NoSuchUser", "no such user")
        }),
        b"panic" => panic!("kaboom"),
        b"context" => Ok(Bytes::from(
            json!({
                "id": context.request_id.as_str(), "arn": context.invoked_function_arn, "trace": context.trace_id,
                "deadline": context.deadline_ms, "client": context.client_context,
                "identity": [context.identity.id, context.identity.pool_id],
            })
            .to_string(),
        )),
        _ => Ok(event),
    }
}

/// Serves the handler on a port of its own.
async fn serve() -> u16 {
    serve_handler(handler_fn(answer)).await
}

async fn serve_handler(handler: impl Handler) -> u16 {
    let port = free_port();
    tokio::spawn(async move { rpc::serve(&port.to_string(), handler).await });
    port
}

/// Runs Go's client, which waits for the port, and returns what it saw of each call.
async fn call(port: u16, arguments: &[&str]) -> Option<Vec<Value>> {
    let client = peers::require(Peer::RpcClient)?;
    let output = Command::new(client)
        .args(["-addr", &format!("127.0.0.1:{port}")])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test]
async fn go_pings_and_invokes_a_rust_handler() {
    let port = serve().await;
    let Some(lines) = call(port, &["-payload", r#"{"n":%d}"#, "-count", "3"]).await else { return };
    assert_eq!(lines[0]["method"], "Function.Ping");
    for (number, line) in lines[1..].iter().enumerate() {
        assert_eq!(line["payload"], json!(format!(r#"{{"n":{number}}}"#)), "{line}");
    }
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn failures_and_panics_reach_go_as_invoke_response_errors() {
    let port = serve().await;
    let Some(lines) = call(port, &["-payload", "fail"]).await else { return };
    let frames = json!([{"Path": "main.rs", "Line": 7, "Label": "answer"}]);
    let error =
        json!({"Message": "no such user", "Type": "NoSuchUser", "StackTrace": frames, "ShouldExit": true});
    assert_eq!(lines[1]["error"], error);
    let lines = call(port, &["-payload", "panic"]).await.unwrap();
    assert_eq!(
        (&lines[1]["error"]["Message"], &lines[1]["error"]["ShouldExit"]),
        (&json!("kaboom"), &json!(true))
    );
}

#[tokio::test]
async fn all_of_the_request_arrives() {
    let port = serve().await;
    let arguments = [
        ["-payload", "context"],
        ["-request-id", "r-1"],
        ["-trace-id", "Root=1-2-3"],
        ["-arn", "arn:x"],
        ["-deadline-seconds", "1700000003"],
        ["-deadline-nanos", "250000000"],
        ["-cognito-id", "i"],
        ["-cognito-pool", "p"],
        ["-client-context", r#"{"custom":{}}"#],
    ];
    let Some(lines) = call(port, arguments.as_flattened()).await else { return };
    let seen: Value = serde_json::from_str(lines[1]["payload"].as_str().unwrap()).unwrap();
    let wanted = json!({"id": "r-1", "arn": "arn:x", "trace": "Root=1-2-3", "deadline": 1_700_000_003_250_u64,
        "client": r#"{"custom":{}}"#, "identity": ["i", "p"]});
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn calls_overlap_and_unknown_methods_are_told_in_gos_words() {
    let port = serve().await;
    let Some(lines) = call(port, &["-payload", "%d", "-count", "200", "-concurrency", "50"]).await else {
        return;
    };
    assert_eq!(lines.len(), 201);
    for line in &lines[1..] {
        assert_eq!(line["payload"], json!(line["n"].to_string()));
    }
    let lines = call(port, &["-method", "Function.Stop"]).await.unwrap();
    assert_eq!(lines[1]["rpcError"], "rpc: can't find method Function.Stop");
    let lines = call(port, &["-method", "Other.Invoke"]).await.unwrap();
    assert_eq!(lines[1]["rpcError"], "rpc: can't find service Other.Invoke");
}

/// How many run at once is the caller's affair: `bootstrap` has as many slots as the platform says.
#[tokio::test]
async fn a_handler_is_called_as_often_at_once_as_its_caller_does() {
    let all_there = Arc::new(Barrier::new(100));
    let port = serve_handler(handler_fn(move |event: Bytes, _: Context| {
        let all_there = all_there.clone();
        async move {
            all_there.wait().await;
            Ok::<_, FunctionError>(event)
        }
    }))
    .await;
    let calls = call(port, &["-payload", "%d", "-count", "100", "-concurrency", "100"]);
    let Some(lines) = tokio::time::timeout(PATIENCE, calls).await.expect("some are not called") else {
        return;
    };
    assert!(lines[1..].iter().all(|line| line["payload"] == json!(line["n"].to_string())), "{lines:?}");
}
