//! The direct door: a Rust handler called in-process by the Runtime API loop. The same in every build.

use std::convert::Infallible;
use std::time::Duration;

use go1x::{Bytes, Context, Error, FunctionError, handler_fn, invoke_loop};
use runtime_api::Client;
use runtime_api::emulator::{Emulator, Framing, InvokeRequest, Settings};
use tokio::task::JoinHandle;

async fn answer(event: Bytes, context: Context) -> Result<Bytes, FunctionError> {
    match &event[..] {
        b"fail" => Err(FunctionError::new("NoSuchUser", "no such user")),
        b"panic" => panic!("kaboom"),
        b"context" => Ok(Bytes::from(format!("{context:?}"))),
        _ => Ok(event),
    }
}

async fn start(framing: Framing) -> (Emulator, JoinHandle<Result<Infallible, Error>>) {
    let emulator = Emulator::start(Settings { framing, ..Settings::default() }).await.unwrap();
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let runtime = tokio::spawn(async move { invoke_loop::run(&mut client, &handler_fn(answer)).await });
    (emulator, runtime)
}

#[tokio::test]
async fn events_go_in_and_payloads_come_out() {
    for framing in [Framing::ContentLength, Framing::Chunked] {
        let (emulator, runtime) = start(framing).await;
        for length in [0, 1, 5_000, 1 << 20, 6 << 20] {
            let event = Bytes::from(vec![b'e'; length]);
            let outcome = emulator.invoke(event.clone()).await;
            assert_eq!(outcome.function_error, None);
            assert!(outcome.payload == event, "{framing:?} {length}");
        }
        runtime.abort();
    }
}

#[tokio::test]
async fn the_context_and_failures_are_the_handlers() {
    let (emulator, runtime) = start(Framing::ContentLength).await;
    let request = InvokeRequest {
        request_id: Some("id-1".into()),
        tenant_id: "blue".into(),
        ..InvokeRequest::from("context")
    };
    let text = String::from_utf8(emulator.invoke(request).await.payload.to_vec()).unwrap();
    assert!(text.contains("id-1") && text.contains("blue"), "{text}");
    let outcome = emulator.invoke("fail").await;
    assert_eq!(outcome.payload, r#"{"errorMessage":"no such user","errorType":"NoSuchUser"}"#);
    assert_eq!(outcome.error_type_header.as_deref(), Some("NoSuchUser"));
    assert!(!runtime.is_finished());
    runtime.abort();
}

#[tokio::test]
async fn a_panic_is_answered_and_then_ends_the_runtime() {
    let (emulator, runtime) = start(Framing::ContentLength).await;
    let outcome = emulator.invoke("panic").await;
    assert_eq!(outcome.payload, r#"{"errorMessage":"kaboom","errorType":"str"}"#);
    let ended = tokio::time::timeout(Duration::from_secs(30), runtime).await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::ShouldExit(failure)) if failure.message == "kaboom"));
}

#[tokio::test]
async fn a_lost_runtime_api_ends_the_runtime() {
    let (emulator, runtime) = start(Framing::ContentLength).await;
    emulator.wait_ready().await.unwrap();
    drop(emulator);
    let ended = tokio::time::timeout(Duration::from_secs(30), runtime).await.unwrap().unwrap();
    assert!(matches!(ended, Err(Error::RuntimeApi(_))), "{ended:?}");
}

#[tokio::test]
async fn without_a_door_the_variables_are_named() {
    let error = go1x::start(handler_fn(answer)).await.unwrap_err();
    let names = if cfg!(feature = "norpc") {
        "[AWS_LAMBDA_RUNTIME_API]"
    } else {
        "[_LAMBDA_SERVER_PORT AWS_LAMBDA_RUNTIME_API]"
    };
    assert_eq!(
        error.to_string(),
        format!("expected AWS Lambda environment variables {names} are not defined")
    );
}
