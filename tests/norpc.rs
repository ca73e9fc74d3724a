//! The build without RPC: `bootstrap` makes way for a handler that polls for itself, and refuses anything else in
//! aws-lambda-go's words.
#![cfg(feature = "norpc")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use peers::Peer;
use serde_json::json;
use support::Sandbox;

#[tokio::test]
async fn the_handler_takes_bootstraps_place() {
    let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) else { return };
    for mode in ["", "auto", "direct"] {
        let sandbox = Sandbox::start(&handler, &[("GO1X_MODE", mode), ("_LAMBDA_SERVER_PORT", "1")]).await;
        let seen = sandbox.ask(r#"{"do":"context","env":["_LAMBDA_SERVER_PORT"]}"#).await;
        assert_eq!(seen["pid"], sandbox.pid(), "it is the same process");
        assert_eq!(seen["env"]["_LAMBDA_SERVER_PORT"], json!(null));
        assert_eq!(seen["cwd"], json!(handler.parent().unwrap()));
    }
}

#[tokio::test]
async fn rpc_is_refused() {
    let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) else { return };
    let (error, _, status) = Sandbox::start(&handler, &[("GO1X_MODE", "rpc")]).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xNoRpc");
    let text = "_LAMBDA_SERVER_PORT was present but the function was compiled without RPC support";
    assert_eq!(error["errorMessage"], text);
    assert_eq!(status.code(), Some(1));
}

/// A copy of bootstrap would take its own place for ever.
#[tokio::test]
async fn bootstrap_by_another_name_is_refused() {
    let folder = support::Folder::new("norpc-itself");
    let handler = folder.write("main", 0o755, &std::fs::read(env!("CARGO_BIN_EXE_bootstrap")).unwrap());
    let (error, ..) = Sandbox::start(&handler, &[]).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xHandlerPath");
}

#[tokio::test]
async fn a_handler_that_is_not_there_is_an_init_error_all_the_same() {
    let folder = support::Folder::new("norpc-missing");
    let (error, ..) = Sandbox::start(&folder.path().join("main"), &[]).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xCannotStart");
}

#[tokio::test]
async fn a_legacy_socket_beside_is_refused_in_the_same_words() {
    let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) else { return };
    let variables = [("GO1X_RPC_LISTEN", "127.0.0.1:5000")];
    let (error, ..) = Sandbox::start(&handler, &variables).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xSetting");
    let text = "GO1X_RPC_LISTEN was present but the function was compiled without RPC support";
    assert_eq!(error["errorMessage"], text);
}
