//! The direct door: a Rust handler called in-process by the Runtime API loop. The same in every build.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use go1x::{
    Bytes, Context, FunctionError, Handler, Invocation, Payload, Plan, RuntimeError, handler_fn, runtime,
};
use runtime_api::Client;
use runtime_api::emulator::{Emulator, Framing, InvokeRequest, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

async fn answer(event: Bytes, context: Context) -> Result<Bytes, FunctionError> {
    match &event[..] {
        b"fail" => Err(FunctionError::new("NoSuchUser", "no such user")),
        b"panic" => panic!("kaboom"),
        b"context" => Ok(Bytes::from(format!("{context:?}"))),
        _ => Ok(event),
    }
}

async fn start(framing: Framing) -> (Emulator, JoinHandle<Result<Infallible, RuntimeError>>) {
    let emulator = Emulator::start(Settings { framing, ..Settings::default() }).await.unwrap();
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let runtime = tokio::spawn(async move {
        runtime::run(&mut client, Plan::default(), Arc::new(handler_fn(answer))).await
    });
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
    let failure: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!((&failure["errorMessage"], &failure["errorType"]), (&"kaboom".into(), &"string".into()));
    // From the place of the panic outwards, and nothing of what called the handler.
    let frames = failure["stackTrace"].as_array().unwrap();
    assert!(frames[0]["path"].as_str().unwrap().ends_with("tests/direct.rs"), "{failure}");
    assert!(frames[0]["line"].as_u64().unwrap() > 1, "{failure}");
    assert!(frames[0]["label"].as_str().unwrap().starts_with("direct::answer"), "{failure}");
    assert_eq!(frames.len(), 1, "{failure}");
    let ended = tokio::time::timeout(Duration::from_secs(30), runtime).await.unwrap().unwrap();
    assert!(matches!(ended, Err(RuntimeError::ShouldExit(failure)) if failure.message == "kaboom"));
}

#[tokio::test]
async fn a_lost_runtime_api_ends_the_runtime() {
    let (emulator, runtime) = start(Framing::ContentLength).await;
    emulator.wait_ready().await.unwrap();
    drop(emulator);
    let ended = tokio::time::timeout(Duration::from_secs(30), runtime).await.unwrap().unwrap();
    assert!(matches!(ended, Err(RuntimeError::RuntimeApi(_))), "{ended:?}");
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

/// Fails without looking at its event.
struct Deaf;

impl Handler for Deaf {
    async fn call(&self, _: Invocation) -> Result<Payload, FunctionError> {
        Err(FunctionError::new("Deaf", "what?"))
    }
}

#[tokio::test]
async fn an_event_that_is_not_read_does_no_harm_to_the_next() {
    let emulator = Emulator::start(Settings::default()).await.unwrap();
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let runtime =
        tokio::spawn(async move { runtime::run(&mut client, Plan::default(), Arc::new(Deaf)).await });
    for length in [6 << 20, 0, 1, 1 << 20] {
        let outcome = emulator.invoke(vec![b'e'; length]).await;
        assert_eq!(outcome.payload, r#"{"errorMessage":"what?","errorType":"Deaf"}"#, "{length}");
    }
    assert!(!runtime.is_finished());
    runtime.abort();
}

/// A Runtime API whose connection breaks within an event: the invocation fails, and the answer comes over a new one.
#[tokio::test]
async fn an_event_that_breaks_off_fails_its_invocation() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let api = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let head = "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: r1\r\nlambda-runtime-deadline-ms: 1\r\n\
                    content-length: 1000\r\n\r\nhalf of it";
        first.write_all(head.as_bytes()).await.unwrap();
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(second.read_buf(&mut request).await.unwrap(), 0);
        }
        String::from_utf8(request).unwrap()
    });
    let mut client = Client::new(&address).unwrap();
    let runtime = tokio::spawn(async move {
        runtime::run(&mut client, Plan::default(), Arc::new(handler_fn(answer))).await
    });
    let request = tokio::time::timeout(Duration::from_secs(30), api).await.unwrap().unwrap();
    assert!(request.starts_with("POST /2018-06-01/runtime/invocation/r1/error "), "{request}");
    assert!(request.contains(r#""errorType":"Runtime.Go1xEventLost""#), "{request}");
    // The API is gone for good then.
    let ended = tokio::time::timeout(Duration::from_secs(30), runtime).await.unwrap().unwrap();
    assert!(matches!(ended, Err(RuntimeError::RuntimeApi(_))), "{ended:?}");
}
