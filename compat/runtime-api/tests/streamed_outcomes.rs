//! Streamed responses from end to end: what the runtime's client sends is what the emulator's caller sees.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use runtime_api::contract::{RESPONSE_LIMIT, STREAMED_RESPONSE_LIMIT, error_type, header};
use runtime_api::emulator::{Emulator, InvocationStream, Outcome, Settings};
use runtime_api::payload::{self, Closed, Sender};
use runtime_api::{Answered, Client, Error, FunctionError, Payload, Prelude, RequestId};
use support::{NEXT, Wire, named, response_path, start, within};
use tokio::task::JoinHandle;

/// One invocation under way, seen from all sides.
struct Scene {
    emulator: Emulator,
    invocation: InvocationStream,
    sender: Sender,
    answered: JoinHandle<(Client, Answered)>,
}

impl Scene {
    async fn start() -> Scene {
        let emulator = start(Settings::default()).await;
        let invocation = emulator.invoke_stream(named("a", "{}"));
        let mut client = Client::new(emulator.runtime_api()).unwrap();
        let id = within(client.next()).await.unwrap().context.request_id;
        let (sender, payload) = payload::channel();
        let answered = respond(client, id, payload);
        Scene { emulator, invocation, sender, answered }
    }

    async fn send(&self, piece: &'static str) {
        within(self.sender.send(piece.into())).await.unwrap();
    }

    async fn sees(&mut self, piece: &str) {
        assert_eq!(within(self.invocation.chunk()).await.unwrap(), piece);
    }
}

fn respond(mut client: Client, id: RequestId, payload: Payload) -> JoinHandle<(Client, Answered)> {
    tokio::spawn(async move {
        let answered = client.respond(&id, payload).await;
        (client, answered)
    })
}

async fn end(mut invocation: InvocationStream) -> Outcome {
    assert_eq!(within(invocation.chunk()).await, None);
    within(invocation.outcome()).await
}

#[tokio::test]
async fn each_piece_is_seen_before_the_next_one_is_made() {
    let mut scene = Scene::start().await;
    for piece in ["one", "two", "three"] {
        scene.send(piece).await;
        scene.sees(piece).await;
    }
    drop(scene.sender);
    let outcome = end(scene.invocation).await;
    assert_eq!((outcome.payload.as_ref(), outcome.function_error), (&b"onetwothree"[..], None));
    assert_eq!(outcome.headers[header::RESPONSE_MODE], "streaming");
    within(scene.answered).await.unwrap().1.told.unwrap();
}

#[tokio::test]
async fn a_failure_on_the_way_leaves_what_has_come() {
    let mut scene = Scene::start().await;
    scene.send("one").await;
    scene.sees("one").await;
    let failure = FunctionError::new("NoMorePages", "größer geht's nicht");
    scene.sender.fail(failure.clone());
    let outcome = end(scene.invocation).await;
    assert_eq!(outcome.payload, "one");
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(outcome.error_type_header.as_deref(), Some("NoMorePages"));
    let json = BASE64.decode(&outcome.headers[header::FUNCTION_ERROR_BODY]).unwrap();
    assert_eq!(String::from_utf8(json).unwrap(), failure.to_json());
    let (_, answered) = within(scene.answered).await.unwrap();
    answered.told.unwrap();
    assert_eq!(answered.failure, Some(failure));
}

#[tokio::test]
async fn a_failure_before_the_first_piece_is_told_in_full() {
    let scene = Scene::start().await;
    let failure = FunctionError::new("E", "m".repeat(10_000));
    scene.sender.fail(failure.clone());
    let outcome = end(scene.invocation).await;
    assert_eq!(outcome.payload, failure.to_json());
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    assert!(outcome.xray_cause.is_some());
    assert_eq!(within(scene.answered).await.unwrap().1.failure, Some(failure));
}

#[tokio::test]
async fn a_caller_who_goes_away_does_no_harm() {
    let mut scene = Scene::start().await;
    scene.send("one").await;
    scene.sees("one").await;
    drop(scene.invocation);
    within(scene.sender.send("two".into())).await.unwrap();
    drop(scene.sender);
    let (mut client, answered) = within(scene.answered).await.unwrap();
    answered.told.unwrap();
    let next = scene.emulator.invoke_stream(named("b", "{}"));
    let id = within(client.next()).await.unwrap().context.request_id;
    within(client.respond(&id, "whole")).await.told.unwrap();
    // What is not streamed has no pieces.
    assert_eq!(end(next).await.payload, "whole");
}

#[tokio::test]
async fn a_streamed_response_has_a_limit_of_its_own() {
    let mebibyte = Bytes::from(vec![b'x'; 1 << 20]);
    let scene = Scene::start().await;
    for _ in 0..RESPONSE_LIMIT / mebibyte.len() + 1 {
        within(scene.sender.send(mebibyte.clone())).await.unwrap();
    }
    drop(scene.sender);
    let outcome = within(scene.invocation.outcome()).await;
    assert_eq!((outcome.payload.len(), outcome.function_error), (7 << 20, None));

    let scene = Scene::start().await;
    let producer = tokio::spawn(async move { while scene.sender.send(mebibyte.clone()).await == Ok(()) {} });
    let outcome = within(scene.invocation.outcome()).await;
    let payload = String::from_utf8(outcome.payload.to_vec()).unwrap();
    assert!(payload.contains(error_type::RESPONSE_TOO_LARGE), "{payload}");
    assert!(payload.contains(&STREAMED_RESPONSE_LIMIT.to_string()), "{payload}");
    let (mut client, answered) = within(scene.answered).await.unwrap();
    let error = answered.told.unwrap_err();
    assert!(matches!(&error, Error::Status { status, .. } if *status == 413), "{error:?}");
    within(producer).await.unwrap();
    // And on it goes.
    let next = scene.emulator.invoke_stream(named("b", "{}"));
    let id = within(client.next()).await.unwrap().context.request_id;
    within(client.respond(&id, "whole")).await.told.unwrap();
    assert_eq!(end(next).await.payload, "whole");
}

#[tokio::test]
async fn an_invocation_that_is_over_takes_no_more() {
    let mut scene = Scene::start().await;
    scene.send("one").await;
    scene.sees("one").await;
    scene.emulator.runtime_exited(Some("exit status 2".into()));
    let outcome = end(scene.invocation).await;
    assert!(String::from_utf8_lossy(&outcome.payload).contains("Runtime.ExitError"));
    // Its client does not know yet; the next piece tells it.
    within(async { while scene.sender.send("more".into()).await == Ok(()) {} }).await;
    assert_eq!(scene.sender.send("more".into()).await, Err(Closed));
    let (mut client, answered) = within(scene.answered).await.unwrap();
    assert!(answered.told.unwrap_err().concerns_one_answer());

    // The same for one that never was.
    let (sender, payload) = payload::channel();
    let endless = tokio::spawn(async move { while sender.send("more".into()).await == Ok(()) {} });
    let told = within(client.respond(&RequestId::parse("unknown").unwrap(), payload)).await.told;
    assert!(matches!(&told, Err(Error::Status { status, .. }) if *status == 400), "{told:?}");
    within(endless).await.unwrap();
}

#[tokio::test]
async fn a_response_that_breaks_off_is_a_failure() {
    let emulator = start(Settings::default()).await;
    let mut invocation = emulator.invoke_stream(named("a", "{}"));
    let mut runtime = Wire::runtime(&emulator).await;
    runtime.get(NEXT).await;
    let mode = "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n";
    runtime.send(&format!("POST {} HTTP/1.1\r\nHost: x\r\n{mode}\r\n3\r\none\r\n", response_path("a"))).await;
    assert_eq!(within(invocation.chunk()).await.unwrap(), "one");
    drop(runtime);
    let outcome = end(invocation).await;
    assert!(
        String::from_utf8_lossy(&outcome.payload).contains(error_type::TRUNCATED_RESPONSE),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn without_the_mode_a_response_is_gathered() {
    let emulator = start(Settings::default()).await;
    let invocation = emulator.invoke_stream(named("a", "{}"));
    let mut runtime = Wire::runtime(&emulator).await;
    runtime.get(NEXT).await;
    // As aws-lambda-go does it, when a reader of its function fails.
    let failure = BASE64.encode(r#"{"errorType":"E"}"#);
    runtime
        .send(&format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
             Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n\
             3\r\none\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\
             Lambda-Runtime-Function-Error-Body: {failure}\r\n\r\n",
            response_path("a")
        ))
        .await;
    assert_eq!(runtime.answer().await.status, 202);
    assert_eq!(end(invocation).await.payload, r#"{"errorType":"E"}"#);
}

#[tokio::test]
async fn callers_of_the_public_path_get_it_whole() {
    let emulator = start(Settings::default()).await;
    let mut caller = Wire::caller(&emulator).await;
    caller.send_post("/2015-03-31/functions/function/invocations", "", "{}").await;
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let id = within(client.next()).await.unwrap().context.request_id;
    let payload = Payload::from("<p>").prelude(Prelude::default());
    within(client.respond(&id, payload)).await.told.unwrap();
    let answer = caller.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "{\"statusCode\":200,\"headers\":{},\"cookies\":[]}\0\0\0\0\0\0\0\0<p>");
}
