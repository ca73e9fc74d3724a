//! One Rust function, the example `orders`, through each door: called by the Runtime API loop, served to a go1.x
//! runtime, and as a child behind `bootstrap`.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::process::Stdio;

use peers::Peer;
use serde_json::{Value, json};
use support::{Sandbox, example, free_port};
use tokio::process::Command;

/// What is answered: a payload's cents, or a failure's type and message.
type Answer = Result<u64, (&'static str, &'static str)>;

const CASES: [(&str, Answer); 5] = [
    (r#"{"tea":"oolong","cups":"3"}"#, Ok(750)),
    (r#"{"tea":"oolong","cups":"many"}"#, Err(("ParseIntError", "invalid digit found in string"))),
    (r#"{"tea":"oolong","cups":"4000000000"}"#, Err(("errorString", "that is more tea than there is"))),
    (
        r#"{"tea":"oolong","cups":3}"#,
        Err(("UnmarshalTypeError", "invalid type: integer …, expected a string")),
    ),
    (r#"{"tea":"#, Err(("SyntaxError", "EOF while parsing a value"))),
];

/// In front of the Runtime API, by itself or behind the bridge.
async fn check_polled(sandbox: &Sandbox, fresh_process: bool) {
    for (event, wanted) in CASES {
        match wanted {
            Ok(cents) => assert_eq!(sandbox.ask(event).await["cents"], cents),
            Err((error_type, message)) => {
                let (error, outcome) = sandbox.fail(event).await;
                assert_eq!(error["errorType"], error_type, "{error}");
                assert!(error["errorMessage"].as_str().unwrap().starts_with(message), "{error}");
                assert_eq!(outcome.error_type_header.as_deref(), Some(error_type));
            }
        }
    }
    let (error, _) = sandbox.fail(r#"{"tea":"oolong","cups":"0"}"#).await;
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("string"), &json!("nobody orders no oolong"))
    );
    let frame = &error["stackTrace"][0];
    assert!(frame["path"].as_str().unwrap().ends_with("examples/orders.rs"), "{error}");
    assert!(frame["label"].as_str().unwrap().starts_with("orders::sell"), "{error}");
    if fresh_process {
        assert_eq!(sandbox.ask(CASES[0].0).await["cents"], 750);
    } else {
        assert_eq!(sandbox.exit().await.code(), Some(1));
    }
}

#[tokio::test]
async fn directly() {
    let sandbox = Sandbox::alone(&example("orders"), &[]).await;
    check_polled(&sandbox, false).await;
}

#[tokio::test]
async fn behind_bootstrap() {
    let sandbox = Sandbox::start(&example("orders"), &[]).await;
    check_polled(&sandbox, true).await;
}

#[tokio::test]
async fn to_a_go1x_runtime() {
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let port = free_port();
    let mut function = Command::new(example("orders"))
        .env_clear()
        .env("_LAMBDA_SERVER_PORT", port.to_string())
        // Not looked at, since the port is.
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let call = async |event: &str| -> Value {
        let address = format!("127.0.0.1:{port}");
        let output =
            Command::new(&client).args(["-addr", &address, "-payload", event]).output().await.unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap()
    };
    for (event, wanted) in CASES {
        let seen = call(event).await;
        match wanted {
            Ok(cents) => {
                let bill: Value = serde_json::from_str(seen["payload"].as_str().unwrap()).unwrap();
                assert_eq!(bill["cents"], cents);
            }
            Err((error_type, message)) => {
                assert_eq!(seen["error"]["Type"], error_type, "{seen}");
                assert!(seen["error"]["Message"].as_str().unwrap().starts_with(message), "{seen}");
                assert_eq!(seen["error"]["ShouldExit"], false);
            }
        }
    }
    let seen = call(r#"{"tea":"oolong","cups":"0"}"#).await;
    assert_eq!(seen["error"]["ShouldExit"], true);
    assert!(
        seen["error"]["StackTrace"][0]["Path"].as_str().unwrap().ends_with("examples/orders.rs"),
        "{seen}"
    );
    // It is for the runtime to end it, as with a Go handler.
    assert_eq!(function.try_wait().unwrap(), None);
}
