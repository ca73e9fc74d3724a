//! The Runtime API's two ends against AWS's own, or what those are built on: the emulator with aws-lambda-go polling it,
//! the client with Go's HTTP server. No `bootstrap` in between, so the same in every build.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::process::Stdio;
use std::time::Duration;

use peers::Peer;
use runtime_api::emulator::{Emulator, InvokeRequest, Outcome, Settings};
use runtime_api::{Client, FunctionError, RequestId, payload};
use serde_json::{Value, json};
use support::PATIENCE;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A handler that polls the emulator by itself.
async fn start(peer: Peer, settings: Settings, variables: &[(&str, &str)]) -> Option<(Emulator, Child)> {
    let handler = peers::require(peer)?;
    let emulator = Emulator::start(settings).await.unwrap();
    let child = Command::new(handler)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", emulator.runtime_api())
        .envs(variables.iter().copied())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Some((emulator, child))
}

fn event(event: Value) -> InvokeRequest {
    event.to_string().into()
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.payload).unwrap()
}

#[tokio::test]
async fn readers_of_aws_lambda_go_arrive_whole_and_their_failures_too() {
    let Some((emulator, _child)) = start(Peer::StreamCurrentNorpc, Settings::default(), &[]).await else {
        return;
    };
    let long = "x".repeat(100_000);
    for pieces in [json!([]), json!(["one"]), json!(["one", "", "two", long])] {
        let whole: String = pieces.as_array().unwrap().iter().map(|piece| piece.as_str().unwrap()).collect();
        let outcome = within(emulator.invoke(event(json!({ "pieces": pieces })))).await;
        assert!(outcome.payload == whole, "{outcome:?}");
        assert_eq!(outcome.function_error, None);
        assert_eq!(outcome.headers["content-type"], "application/octet-stream");
    }
    let outcome = within(emulator.invoke(event(json!({ "pieces": ["one"], "fail": "no more" })))).await;
    assert_eq!(json(&outcome), json!({ "errorMessage": "no more", "errorType": "errorString" }));
    assert_eq!(outcome.error_type_header.as_deref(), Some("errorString"));
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
}

#[tokio::test]
async fn aws_lambda_go_holds_several_invocations_at_once() {
    let settings = Settings { max_concurrency: 3, ..Settings::default() };
    let variables = [("AWS_LAMBDA_MAX_CONCURRENCY", "3")];
    let Some((emulator, mut child)) = start(Peer::HandlerCurrentNorpc, settings, &variables).await else {
        return;
    };
    // Two that would not end today, and behind them some that do.
    let endless: Vec<_> = (0..2)
        .map(|_| {
            let emulator = emulator.clone();
            tokio::spawn(
                async move { emulator.invoke(event(json!({ "do": "sleep", "ms": 86_400_000 }))).await },
            )
        })
        .collect();
    tokio::task::yield_now().await;
    for n in 0..10 {
        let outcome = within(emulator.invoke(event(json!({ "n": n })))).await;
        assert_eq!(json(&outcome), json!({ "n": n }));
    }
    assert!(endless.iter().all(|invocation| !invocation.is_finished()));
    child.kill().await.unwrap();
    emulator.runtime_exited(Some("signal: killed".into()));
    for invocation in endless {
        assert_eq!(json(&within(invocation).await.unwrap())["errorType"], "Runtime.ExitError");
    }
}

/// That is how it is; who drives such a program has to know it.
#[tokio::test]
async fn aws_lambda_go_ends_when_its_answer_comes_too_late() {
    let settings =
        Settings { max_concurrency: 2, timeout: Duration::from_millis(100), ..Settings::default() };
    let variables = [("AWS_LAMBDA_MAX_CONCURRENCY", "2")];
    let Some((emulator, child)) = start(Peer::HandlerCurrentNorpc, settings, &variables).await else {
        return;
    };
    within(emulator.wait_ready()).await.unwrap();
    let outcome = within(emulator.invoke(event(json!({ "do": "sleep", "ms": 1_000 })))).await;
    assert_eq!(json(&outcome)["errorType"], "Sandbox.Timedout");
    let output = within(child.wait_with_output()).await.unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(log.contains("unexpected status code: 410"), "{log}");
}

#[tokio::test]
async fn gos_server_reads_streamed_responses_and_failures_of_any_length() {
    let Some(reader) = peers::require(Peer::PostReader) else { return };
    let mut child = Command::new(reader).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = within(lines.next_line()).await.unwrap().unwrap();
    let mut client = Client::new(&address).unwrap();
    let id = RequestId::parse("id-1").unwrap();
    for failure in [
        None,
        Some(FunctionError::new("E", "größer geht's nicht")),
        Some(FunctionError::new("E".repeat(1024), "ü".repeat(100_000))),
        Some(FunctionError::new("E".repeat(100_000), "m".repeat(100_000))),
    ] {
        let (sender, payload) = payload::channel();
        let sent = failure.clone();
        tokio::spawn(async move {
            for piece in ["one", "two"] {
                sender.send(piece.into()).await.unwrap();
            }
            if let Some(failure) = sent {
                sender.fail(failure);
            }
        });
        let answered = within(client.respond(&id, payload)).await;
        answered.told.unwrap();
        assert_eq!(answered.failure, failure);
        let line = within(lines.next_line()).await.unwrap().unwrap();
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["path"], "/2018-06-01/runtime/invocation/id-1/response");
        assert_eq!((&read["body"], &read["error"]), (&json!("onetwo"), &json!("")), "{line}");
        assert_eq!(read["encoding"], json!(["chunked"]));
        let trailer = |name: &str| read["trailer"][name][0].as_str().map(str::to_owned);
        let error_type = trailer("Lambda-Runtime-Function-Error-Type");
        assert_eq!(error_type.is_some(), failure.is_some(), "{line}");
        assert_eq!(trailer("Lambda-Runtime-Function-Error-Body").is_some(), failure.is_some(), "{line}");
        if failure.is_some_and(|failure| failure.error_type == "E") {
            assert_eq!(error_type.as_deref(), Some("E"));
        }
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}
