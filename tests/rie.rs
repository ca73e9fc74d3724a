//! `bootstrap` behind AWS's own Runtime Interface Emulator, in front of a handler on aws-lambda-go v1.13.3, which
//! knows nothing of the Runtime API.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use bytes::Bytes;
use peers::Peer;
use serde_json::json;
use support::rie::Rie;
use support::{eventually, is_alive};

/// AWS's emulator ends what it started as Lambda does: with SIGTERM first where there is an extension.
#[tokio::test]
async fn sigterm_comes_where_it_is_asked_for() {
    let (Some(handler), Some(emulator)) = (peers::require(Peer::LegacyHandler), peers::require_rie()) else {
        return;
    };
    for (setting, told) in [("on", true), ("off", false)] {
        let variables = [("GO1X_SIGTERM", setting), ("HANDLER_SIGTERM_LOG", "1")];
        let mut rie = Rie::start(&emulator, &handler, &variables).await;
        let pid = u32::try_from(rie.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap()).unwrap();
        rie.terminate().await;
        eventually("the handler is gone", || !is_alive(pid)).await;
        let output = rie.output();
        assert_eq!(output.contains("SIGTERM received"), told, "{setting}: {output}");
        assert!(!output.contains("no extension any more"), "{output}");
    }
}

#[tokio::test]
async fn an_rpc_only_handler_answers_through_aws_own_emulator() {
    let (Some(handler), Some(emulator)) = (peers::require(Peer::HandlerOld), peers::require_rie()) else {
        return;
    };
    let mut rie = Rie::start(&emulator, &handler, &[]).await;
    let before = rie.ask(r#"{"do":"context"}"#).await;
    assert_eq!(before["cwd"], json!(handler.parent().unwrap()));
    assert_eq!(rie.ask(r#"{"hello":"world"}"#).await, json!({"hello": "world"}));

    let error = rie.ask(r#"{"do":"error","message":"no such user"}"#).await;
    assert_eq!(error, json!({"errorMessage": "no such user", "errorType": "customError"}));

    let error = rie.ask(r#"{"do":"panic","message":"kaboom"}"#).await;
    assert_eq!((&error["errorMessage"], &error["errorType"]), (&json!("kaboom"), &json!("string")));
    assert!(error["stackTrace"][0]["line"].is_number(), "{error}");

    // The panic cost the process, and nothing else.
    let after = rie.ask(r#"{"do":"context"}"#).await;
    assert_ne!(after["pid"], before["pid"]);

    // AWS's emulator sends events of this size in chunked transfer coding.
    let mut event = vec![b'x'; 1 << 20];
    event[0] = b'"';
    event[(1 << 20) - 1] = b'"';
    let event = Bytes::from(event);
    assert!(rie.invoke(event.clone()).await == event);

    // The emulator ends bootstrap with SIGKILL, and the handler goes with it.
    rie.kill().await;
    let pid = u32::try_from(after["pid"].as_u64().unwrap()).unwrap();
    eventually("the handler is gone", || !is_alive(pid)).await;
}
