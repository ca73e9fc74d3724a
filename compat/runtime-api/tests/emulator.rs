//! The emulator as its peers see it: bytes over a socket on the runtime's and the caller's side.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::time::Duration;

use runtime_api::contract::{RESPONSE_LIMIT, header};
use runtime_api::emulator::{Framing, InvokeRequest, Settings, StatusCode};
use support::{
    Answer, NEXT, Wire, error_path, invoke, named, outcome, pass, response_path, seen_by, start, unix_ms,
    within,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const INIT_ERROR: &str = "/2018-06-01/runtime/init/error";
const INVOKE: &str = "/2015-03-31/functions/function/invocations";

// ---- what the runtime is given

#[tokio::test]
async fn events_in_every_framing() {
    let large = "x".repeat(3_000_000);
    for (framing, event, chunked) in [
        (Framing::ContentLength, "", false),
        (Framing::ContentLength, "{}", false),
        (Framing::ContentLength, &large, false),
        (Framing::Chunked, "", true),
        (Framing::Chunked, "{}", true),
        (Framing::Chunked, &large, true),
        (Framing::LikeRie, &large[..2048], false),
        (Framing::LikeRie, &large[..2049], true),
    ] {
        let emulator = start(Settings { framing, ..Settings::default() }).await;
        let invocation = invoke(&emulator, named("a", event));
        let mut runtime = Wire::runtime(&emulator).await;
        // The connection must stay usable behind either framing.
        for _ in 0..2 {
            let answer = runtime.get(NEXT).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("transfer-encoding").is_some(), chunked, "{framing:?} {}", event.len());
            assert_eq!(answer.header("content-length").is_some(), !chunked, "{framing:?} {}", event.len());
            assert!(answer.text() == event, "{framing:?} {}", event.len());
        }
        assert_eq!(runtime.post(&response_path("a"), "1").await.status, 202);
        assert_eq!(outcome(invocation).await.payload, "1");
    }
}

#[tokio::test]
async fn headers_of_an_event() {
    let emulator = start(Settings { function_arn: "arn:x".into(), ..Settings::default() }).await;
    let mut runtime = Wire::runtime(&emulator).await;

    let before = unix_ms();
    let bare = invoke(&emulator, InvokeRequest::from("{}"));
    let answer = runtime.get(NEXT).await;
    let id = answer.header(header::REQUEST_ID).unwrap().to_owned();
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id.as_bytes()[14], b'4', "{id}");
    assert_eq!(answer.header(header::INVOKED_FUNCTION_ARN), Some("arn:x"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let deadline: u64 = answer.header(header::DEADLINE_MS).unwrap().parse().unwrap();
    assert!((before + 300_000..=unix_ms() + 300_000).contains(&deadline));
    for absent in [header::TRACE_ID, header::CLIENT_CONTEXT, header::COGNITO_IDENTITY, header::TENANT_ID] {
        assert_eq!(answer.header(absent), None);
    }
    runtime.post(&response_path(&id), "").await;
    assert_eq!(outcome(bare).await.request_id, id);

    let full = invoke(
        &emulator,
        InvokeRequest {
            client_context: "{\"custom\":\n\"größe\"}".into(),
            cognito_identity: r#"{"identityId":"i"}"#.into(),
            trace_id: "Root=1".into(),
            tenant_id: "blue".into(),
            ..named("b", "{}")
        },
    );
    let answer = runtime.get(NEXT).await;
    assert_eq!(answer.header(header::REQUEST_ID), Some("b"));
    assert_eq!(answer.header(header::CLIENT_CONTEXT), Some(r#"{"custom": "größe"}"#));
    assert_eq!(answer.header(header::COGNITO_IDENTITY), Some(r#"{"identityId":"i"}"#));
    assert_eq!(answer.header(header::TRACE_ID), Some("Root=1"));
    assert_eq!(answer.header(header::TENANT_ID), Some("blue"));
    runtime.post(&response_path("b"), "").await;
    outcome(full).await;
}

#[tokio::test]
async fn headers_can_be_spoilt() {
    let emulator = start(Settings::default()).await;
    let invocation = invoke(
        &emulator,
        InvokeRequest {
            header_overrides: vec![
                ("Lambda-Runtime-Aws-Request-Id".into(), None),
                (header::DEADLINE_MS.into(), Some("soon".into())),
                (header::TRACE_ID.into(), Some(String::new())),
                ("not a name".into(), Some("passed over".into())),
            ],
            ..named("../a b", "{}")
        },
    );
    let mut runtime = Wire::runtime(&emulator).await;
    let answer = runtime.get(NEXT).await;
    assert_eq!(answer.header(header::REQUEST_ID), None);
    assert_eq!(answer.header(header::DEADLINE_MS), Some("soon"));
    assert_eq!(answer.header(header::TRACE_ID), Some(""));
    emulator.runtime_exited(None);
    assert_eq!(outcome(invocation).await.request_id, "../a b");
}

#[tokio::test]
async fn an_event_survives_the_connection_that_waited_for_it() {
    let emulator = start(Settings::default()).await;
    let mut lost = Wire::runtime(&emulator).await;
    lost.send(&format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    within(emulator.wait_ready()).await.unwrap();
    drop(lost);
    let invocation = invoke(&emulator, named("a", "{}"));
    let mut runtime = Wire::runtime(&emulator).await;
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("a"));
    runtime.post(&response_path("a"), "1").await;
    assert_eq!(outcome(invocation).await.payload, "1");
}

#[tokio::test]
async fn the_newest_next_gets_the_event() {
    let emulator = start(Settings::default()).await;
    let mut old = Wire::runtime(&emulator).await;
    old.send(&format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    within(emulator.wait_ready()).await.unwrap();
    let mut new = Wire::runtime(&emulator).await;
    // Nothing tells from outside that it waits; behind a ping that is answered, it is as good as there.
    let ping = "GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n";
    new.send(&format!("{ping}GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    assert_eq!(new.answer().await.text(), "pong");
    seen_by(&emulator).await;
    let invocation = invoke(&emulator, named("a", "{}"));
    assert_eq!(new.answer().await.header(header::REQUEST_ID), Some("a"));
    new.post(&response_path("a"), "1").await;
    assert_eq!(outcome(invocation).await.payload, "1");
    let mut nothing = [0];
    let silent = tokio::time::timeout(Duration::from_millis(50), old.stream.read(&mut nothing)).await;
    assert!(silent.is_err(), "the older one is left waiting: {silent:?}");
}

#[tokio::test]
async fn an_event_is_not_lost_with_a_process_that_never_got_it() {
    let emulator = start(Settings::default()).await;
    let mut killed = Wire::runtime(&emulator).await;
    killed.send(&format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    within(emulator.wait_ready()).await.unwrap();
    drop(killed);
    // The emulator sees the connection end, then an event comes, then word of the process.
    seen_by(&emulator).await;
    let invocation = invoke(&emulator, named("a", "{}"));
    tokio::task::yield_now().await;
    emulator.runtime_exited(Some("signal: killed".into()));
    let mut runtime = Wire::runtime(&emulator).await;
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("a"));
    runtime.post(&response_path("a"), "1").await;
    assert_eq!(outcome(invocation).await.payload, "1");
}

// ---- what the runtime answers

#[tokio::test]
async fn answers_in_every_framing() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    let trailers = "Transfer-Encoding: chunked\r\n\
                    Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n";
    let failure = "eyJlcnJvclR5cGUiOiJFIn0="; // {"errorType":"E"}
    let broken_off = format!(
        "2\r\nab\r\n0\r\nLambda-Runtime-Function-Error-Type: E\r\n\
         Lambda-Runtime-Function-Error-Body: {failure}\r\n\r\n"
    );
    for (headers, body, payload, error, error_type) in [
        ("Content-Length: 2\r\n", "ab", "ab", None, None),
        ("Content-Length: 0\r\n", "", "", None, None),
        (chunked, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc", None, None),
        (chunked, "0\r\n\r\n", "", None, None),
        (trailers, "2\r\nab\r\n0\r\n\r\n", "ab", None, None),
        (
            trailers,
            "2\r\nab\r\n0\r\nLambda-Runtime-Function-Error-Type: \r\nLambda-Runtime-Function-Error-Body: \r\n\r\n",
            "ab",
            None,
            None,
        ),
        (trailers, &broken_off, r#"{"errorType":"E"}"#, Some("Unhandled"), Some("E")),
        ("Content-Length: 2\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n", "ab", "ab", None, None),
    ] {
        let emulator = start(Settings::default()).await;
        let invocation = invoke(&emulator, named("a", "{}"));
        let mut runtime = Wire::runtime(&emulator).await;
        runtime.get(NEXT).await;
        runtime
            .send(&format!("POST {} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}", response_path("a")))
            .await;
        let answer = runtime.answer().await;
        assert_eq!((answer.status, answer.text()), (202, r#"{"status":"OK"}"#), "{body:?}");
        let outcome = outcome(invocation).await;
        assert_eq!(outcome.payload, payload, "{body:?}");
        assert_eq!(outcome.function_error.as_deref(), error, "{body:?}");
        assert_eq!(outcome.error_type_header.as_deref(), error_type, "{body:?}");
        assert!(outcome.duration > Duration::ZERO);
        // Keep-alive: the same connection serves what follows.
        assert_eq!(runtime.get("/2018-06-01/ping").await.text(), "pong");
    }
}

#[tokio::test]
async fn failures_carry_their_headers() {
    let emulator = start(Settings::default()).await;
    let invocation = invoke(&emulator, named("a", "{}"));
    let mut runtime = Wire::runtime(&emulator).await;
    runtime.get(NEXT).await;
    let answer = runtime
        .post_with(
            &error_path("a"),
            "Lambda-Runtime-Function-Error-Type: Runtime.Boom\r\n\
             Lambda-Runtime-Function-XRay-Error-Cause: {\"paths\":[]}\r\nContent-Type: application/json\r\n",
            r#"{"errorMessage":"m"}"#,
        )
        .await;
    assert_eq!((answer.status, answer.text()), (202, r#"{"status":"OK"}"#));
    let outcome = outcome(invocation).await;
    assert_eq!(outcome.payload, r#"{"errorMessage":"m"}"#);
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(outcome.error_type_header.as_deref(), Some("Runtime.Boom"));
    assert_eq!(outcome.xray_cause.as_deref(), Some(r#"{"paths":[]}"#));
    assert_eq!(outcome.headers["content-type"], "application/json");
}

#[tokio::test]
async fn invocations_wait_their_turn() {
    let emulator = start(Settings::default()).await;
    let mut invocations = Vec::new();
    for id in ["a", "b", "c"] {
        invocations.push(invoke(&emulator, named(id, id)));
        // Into the queue before the next one is made.
        tokio::task::yield_now().await;
    }
    let mut runtime = Wire::runtime(&emulator).await;
    for (id, invocation) in ["a", "b", "c"].into_iter().zip(invocations) {
        let answer = runtime.get(NEXT).await;
        assert_eq!((answer.header(header::REQUEST_ID), answer.text()), (Some(id), id));
        runtime.post(&response_path(id), &format!("answer {id}")).await;
        assert_eq!(outcome(invocation).await.payload, format!("answer {id}"));
    }
}

// ---- what the runtime must not do

#[tokio::test]
async fn other_routes_and_methods() {
    let emulator = start(Settings::default()).await;
    let mut runtime = Wire::runtime(&emulator).await;
    let response = response_path("a");
    for (method, path, status, allow) in [
        ("GET", "/2018-06-01/ping", 200, None),
        ("POST", "/2018-06-01/ping", 405, Some("GET")),
        ("POST", NEXT, 405, Some("GET")),
        ("GET", INIT_ERROR, 405, Some("POST")),
        ("PUT", &response, 405, Some("POST")),
        ("GET", "/", 404, None),
        ("GET", "/2018-06-01", 404, None),
        ("GET", "/2018-06-02/runtime/invocation/next", 404, None),
        ("GET", "/prefix/2018-06-01/runtime/invocation/next", 404, None),
        ("GET", "/2018-06-01/runtime/invocation/nextt", 404, None),
        ("POST", "/2018-06-01/runtime/restore/error", 404, None),
        ("POST", "/2020-01-01/extension/register", 404, None),
    ] {
        runtime.send(&format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")).await;
        let answer = runtime.answer().await;
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
        if status != 200 {
            let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(json["errorMessage"].is_string() && json["errorType"].is_string(), "{json}");
        }
    }
}

#[tokio::test]
async fn calls_that_the_state_does_not_allow() {
    let emulator = start(Settings::default()).await;
    let mut runtime = Wire::runtime(&emulator).await;
    let unknown = (400, r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#);
    let answer = runtime.post(&response_path("a"), "1").await;
    assert_eq!((answer.status, answer.text()), unknown);

    let invocation = invoke(&emulator, named("a", "{}"));
    runtime.get(NEXT).await;
    let answer = runtime.post(&error_path("b"), "1").await;
    assert_eq!((answer.status, answer.text()), unknown);
    let answer = runtime.post(INIT_ERROR, "{}").await;
    let transition = |from, to| {
        format!(
            r#"{{"errorMessage":"State transition from {from} to {to} failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}}"#
        )
    };
    assert_eq!((answer.status, answer.text()), (403, transition("Running", "InitError").as_str()));
    assert_eq!(runtime.post(&response_path("a"), "1").await.status, 202);
    let answer = runtime.post(&error_path("a"), "2").await;
    let expected = transition("ResponseSent", "InvocationErrorResponse");
    assert_eq!((answer.status, answer.text()), (403, expected.as_str()));
    assert_eq!(outcome(invocation).await.payload, "1");
}

#[tokio::test]
async fn answers_up_to_the_limit_and_beyond() {
    let emulator = start(Settings::default()).await;
    let mut runtime = Wire::runtime(&emulator).await;
    for (size, chunked) in [
        (RESPONSE_LIMIT, false),
        (RESPONSE_LIMIT, true),
        (RESPONSE_LIMIT + 1, false),
        (RESPONSE_LIMIT + 1, true),
        (3 * RESPONSE_LIMIT, false),
        (3 * RESPONSE_LIMIT, true),
    ] {
        let invocation = invoke(&emulator, named("a", "{}"));
        assert_eq!(runtime.get(NEXT).await.status, 200);
        let body = "x".repeat(size);
        let answer = if chunked {
            let path = response_path("a");
            runtime
                .send(&format!(
                    "POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                     {size:x}\r\n{body}\r\n0\r\n\r\n"
                ))
                .await;
            runtime.answer().await
        } else {
            runtime.post(&response_path("a"), &body).await
        };
        let outcome = outcome(invocation).await;
        if size <= RESPONSE_LIMIT {
            assert_eq!(answer.status, 202);
            assert!(outcome.payload == body && outcome.function_error.is_none());
            continue;
        }
        assert_eq!(
            (answer.status, answer.text()),
            (
                413,
                r#"{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#
            )
        );
        assert_eq!(
            outcome.payload,
            r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
        );
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    }
}

#[tokio::test]
async fn answers_that_end_too_early() {
    let path = response_path("a");
    for (body, reset) in [
        ("Content-Length: 10\r\n\r\nabc", false),
        ("Content-Length: 10\r\n\r\nabc", true),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nabc", false),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true),
    ] {
        let emulator = start(Settings::default()).await;
        let invocation = invoke(&emulator, named("a", "{}"));
        let mut runtime = Wire::runtime(&emulator).await;
        runtime.get(NEXT).await;
        runtime.send(&format!("POST {path} HTTP/1.1\r\nHost: x\r\n{body}")).await;
        if reset {
            // Once what was sent has been read, the connection breaks without a word.
            seen_by(&emulator).await;
            runtime.stream.set_zero_linger().unwrap();
        }
        drop(runtime);
        let outcome = outcome(invocation).await;
        assert_eq!(
            outcome.payload,
            r#"{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: a Error: Response was truncated"}"#,
            "{body:?}"
        );
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    }
}

#[tokio::test]
async fn a_truncated_answer_is_told_if_somebody_is_there_to_read_it() {
    let path = response_path("a");
    for (body, half_close) in [
        ("Content-Length: 10\r\n\r\nabc", true),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nabc", true),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nno", false),
    ] {
        let emulator = start(Settings::default()).await;
        let invocation = invoke(&emulator, named("a", "{}"));
        let mut runtime = Wire::runtime(&emulator).await;
        runtime.get(NEXT).await;
        runtime.send(&format!("POST {path} HTTP/1.1\r\nHost: x\r\n{body}")).await;
        if half_close {
            runtime.stream.shutdown().await.unwrap();
        }
        let answer = runtime.answer().await;
        assert_eq!(
            (answer.status, answer.text()),
            (
                400,
                r#"{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}"#
            ),
            "{body:?}"
        );
        let payload = outcome(invocation).await.payload;
        assert!(payload.starts_with(br#"{"errorType":"Runtime.TruncatedResponse""#), "{payload:?}");
    }
}

#[tokio::test]
async fn unknown_response_modes() {
    let emulator = start(Settings::default()).await;
    let invocation = invoke(&emulator, named("a", "{}"));
    let mut runtime = Wire::runtime(&emulator).await;
    runtime.get(NEXT).await;
    let mode = "Lambda-Runtime-Function-Response-Mode: dripping\r\n";
    let answer = runtime.post_with(&response_path("a"), mode, "1").await;
    assert_eq!(
        (answer.status, answer.text()),
        (
            400,
            r#"{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}"#
        )
    );
    let payload = outcome(invocation).await.payload;
    assert!(payload.starts_with(br#"{"errorType":"Runtime.InvalidResponseModeHeader""#), "{payload:?}");
}

// ---- the life of the runtime process

#[tokio::test]
async fn init_errors_reach_everyone() {
    let emulator = start(Settings::default()).await;
    let waiting = invoke(&emulator, named("a", "{}"));
    tokio::task::yield_now().await;
    let mut runtime = Wire::runtime(&emulator).await;
    let json = r#"{"errorMessage":"no handler","errorType":"Runtime.NoSuchHandler"}"#;
    let answer = runtime
        .post_with(INIT_ERROR, "Lambda-Runtime-Function-Error-Type: Runtime.NoSuchHandler\r\n", json)
        .await;
    assert_eq!((answer.status, answer.text()), (202, r#"{"status":"OK"}"#));
    let failure = within(emulator.wait_ready()).await.unwrap_err();
    assert_eq!(failure.payload, json);
    assert_eq!(failure.error_type.as_deref(), Some("Runtime.NoSuchHandler"));
    for outcome in [outcome(waiting).await, within(emulator.invoke("{}")).await] {
        assert_eq!(outcome.payload, json);
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    }
    assert_eq!(runtime.get(NEXT).await.status, 403);

    emulator.runtime_exited(Some("exit status 1".into()));
    assert_eq!(within(emulator.wait_ready()).await.unwrap_err(), failure);
    let again = invoke(&emulator, named("b", "{}"));
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("b"));
    within(emulator.wait_ready()).await.unwrap();
    runtime.post(&response_path("b"), "1").await;
    assert_eq!(outcome(again).await.payload, "1");
}

#[tokio::test]
async fn a_process_that_ends() {
    for (status, message) in [
        (None, "Runtime exited without providing a reason"),
        (Some("exit status 2"), "Runtime exited with error: exit status 2"),
        (Some("signal: killed"), "Runtime exited with error: signal: killed"),
    ] {
        let emulator = start(Settings::default()).await;
        let json = |id| {
            format!(
                r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: {message}"}}"#
            )
        };
        // Before its first `next`.
        let starting = invoke(&emulator, named("a", "{}"));
        tokio::task::yield_now().await;
        emulator.runtime_exited(status.map(str::to_owned));
        assert_eq!(outcome(starting).await.payload, json("a"));
        let failure = within(emulator.wait_ready()).await.unwrap_err();
        assert_eq!(failure.error_type.as_deref(), Some("Runtime.ExitError"));
        assert!(std::str::from_utf8(&failure.payload).unwrap().contains(message));
        // With an event in its hands.
        let in_flight = invoke(&emulator, named("b", "{}"));
        let mut runtime = Wire::runtime(&emulator).await;
        runtime.get(NEXT).await;
        emulator.runtime_exited(status.map(str::to_owned));
        let outcome = outcome(in_flight).await;
        assert_eq!(outcome.payload, json("b"));
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
        assert_eq!(outcome.headers.len(), 0);
        assert_eq!(runtime.post(&response_path("b"), "late").await.status, 400);
    }
}

#[tokio::test]
async fn an_event_is_not_given_to_a_process_that_has_ended() {
    let emulator = start(Settings::default()).await;
    let mut old = Wire::runtime(&emulator).await;
    old.send(&format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    within(emulator.wait_ready()).await.unwrap();
    emulator.runtime_exited(None);
    let invocation = invoke(&emulator, named("a", "{}"));
    tokio::task::yield_now().await;
    let mut nothing = [0];
    let silent = tokio::time::timeout(Duration::from_millis(50), old.stream.read(&mut nothing)).await;
    assert!(silent.is_err(), "what is left of it gets nothing: {silent:?}");
    let mut new = Wire::runtime(&emulator).await;
    assert_eq!(new.get(NEXT).await.header(header::REQUEST_ID), Some("a"));
    new.post(&response_path("a"), "1").await;
    assert_eq!(outcome(invocation).await.payload, "1");
}

#[tokio::test]
async fn time_is_up() {
    let emulator = start(Settings { timeout: Duration::from_millis(50), ..Settings::default() }).await;
    let mut runtime = Wire::runtime(&emulator).await;
    let slow = invoke(&emulator, named("a", "{}"));
    // An event that nobody asks for would end after 10 seconds more: the clock is set to that, and must
    // be set anew.
    tokio::time::sleep(Duration::from_millis(20)).await;
    runtime.get(NEXT).await;
    let soon = tokio::time::timeout(Duration::from_secs(9), slow);
    let outcome_a = soon.await.expect("the deadline is that of the event handed out").unwrap();
    assert_eq!(
        outcome_a.payload,
        r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: a Error: Task timed out after 0.05 seconds"}"#
    );
    assert_eq!(outcome_a.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(runtime.post(&response_path("a"), "late").await.status, 400);
    // The runtime may go on, and time runs for the next one too.
    let slow = invoke(&emulator, named("b", "{}"));
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("b"));
    assert!(outcome(slow).await.payload.starts_with(br#"{"errorType":"Sandbox.Timedout""#));
}

/// A retry has the request's id again, while the runtime is still at the attempt whose time is up.
#[tokio::test]
async fn an_attempts_answer_is_not_taken_for_the_next_ones() {
    let emulator = start(Settings { timeout: Duration::from_secs(60), ..Settings::default() }).await;
    let mut runtime = Wire::runtime(&emulator).await;
    let attempt = |answer: &Answer| {
        format!("{}: {}\r\n", header::INVOCATION_ID, answer.header(header::INVOCATION_ID).unwrap())
    };
    let overdue = invoke(&emulator, named("a", "{}"));
    let first = attempt(&runtime.get(NEXT).await);
    pass(Duration::from_secs(61)).await;
    assert!(outcome(overdue).await.payload.starts_with(br#"{"errorType":"Sandbox.Timedout""#));
    let retried = invoke(&emulator, named("a", "{}"));
    let second = attempt(&runtime.get(NEXT).await);
    assert_ne!(first, second);
    let streamed = format!("{first}{}: streaming\r\n", header::RESPONSE_MODE);
    for headers in [first, streamed] {
        let late = runtime.post_with(&response_path("a"), &headers, "1").await;
        assert_eq!((late.status, late.text().contains("InvokeTimeout")), (410, true));
    }
    assert_eq!(runtime.post_with(&response_path("a"), &second, "2").await.status, 202);
    assert_eq!(outcome(retried).await.payload, "2");
}

#[tokio::test]
async fn the_clock_of_an_answered_invocation_does_not_stop_the_next_one() {
    let emulator = start(Settings { timeout: Duration::from_secs(60), ..Settings::default() }).await;
    let mut runtime = Wire::runtime(&emulator).await;
    // Longer in all than the timeout, each well within it.
    for round in 0..8 {
        let id = format!("r{round}");
        let invocation = invoke(&emulator, named(&id, "{}"));
        runtime.get(NEXT).await;
        pass(Duration::from_secs(20)).await;
        runtime.post(&response_path(&id), "1").await;
        assert_eq!(outcome(invocation).await.payload, "1");
    }
}

#[tokio::test]
async fn connections_end_with_the_emulator() {
    let emulator = start(Settings::default()).await;
    let mut runtime = Wire::runtime(&emulator).await;
    runtime.send(&format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    within(emulator.wait_ready()).await.unwrap();
    drop(emulator.clone());
    tokio::task::yield_now().await;
    let address = emulator.runtime_api().to_owned();
    drop(emulator);
    let mut rest = Vec::new();
    within(runtime.stream.read_to_end(&mut rest)).await.ok();
    assert_eq!(rest, b"");
    assert!(TcpStream::connect(address).await.is_err());
}

// ---- settings and test switches

#[tokio::test]
async fn below_a_path_prefix() {
    for prefix in ["/my/function", "my/function/"] {
        let emulator = start(Settings { path_prefix: prefix.into(), ..Settings::default() }).await;
        assert!(emulator.runtime_api().ends_with("/my/function"), "{}", emulator.runtime_api());
        let mut runtime = Wire::runtime(&emulator).await;
        let invocation = invoke(&emulator, named("a", "{}"));
        assert_eq!(runtime.get(NEXT).await.status, 404);
        assert_eq!(runtime.get(&format!("/my/function{NEXT}")).await.status, 200);
        let path = format!("/my/function{}", response_path("a"));
        assert_eq!(runtime.post(&path, "1").await.status, 202);
        assert_eq!(outcome(invocation).await.payload, "1");
    }
}

#[tokio::test]
async fn chosen_statuses() {
    let emulator = start(Settings::default()).await;
    let mut runtime = Wire::runtime(&emulator).await;
    for status in [403, 410, 413, 500] {
        let invocation = invoke(&emulator, named("a", "{}"));
        runtime.get(NEXT).await;
        emulator.answer_next_response_with(StatusCode::from_u16(status).unwrap());
        assert_eq!(runtime.post(&response_path("a"), "1").await.status, status);
        assert_eq!(outcome(invocation).await.payload, "1");
        let invocation = invoke(&emulator, named("b", "{}"));
        runtime.get(NEXT).await;
        assert_eq!(runtime.post(&response_path("b"), "2").await.status, 202, "one answer only");
        assert_eq!(outcome(invocation).await.payload, "2");
    }
}

// ---- the public path

#[tokio::test]
async fn invocations_over_http() {
    let emulator = start(Settings {
        function_name: "hello".into(),
        function_version: "7".into(),
        function_arn: "arn:aws:lambda:eu-west-1:1:function:hello".into(),
        ..Settings::default()
    })
    .await;
    let mut runtime = Wire::runtime(&emulator).await;
    let mut caller = Wire::caller(&emulator).await;
    for name in ["hello", "function", "arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Ahello"] {
        let headers = "X-Amz-Client-Context: eyJjdXN0b20iOnsiayI6InYifX0=\r\n\
                       X-Amz-Cognito-Identity: {\"identityId\":\"i\"}\r\n\
                       X-Amzn-Trace-Id: Root=1\r\nX-Amz-Tenant-Id: blue\r\n\
                       X-Amz-Invocation-Type: RequestResponse\r\n";
        let path = format!("/2015-03-31/functions/{name}/invocations");
        caller.send_post(&path, headers, "[1]").await;
        let event = runtime.get(NEXT).await;
        assert_eq!(event.text(), "[1]");
        assert_eq!(event.header(header::CLIENT_CONTEXT), Some(r#"{"custom":{"k":"v"}}"#));
        assert_eq!(event.header(header::COGNITO_IDENTITY), Some(r#"{"identityId":"i"}"#));
        assert_eq!(event.header(header::TRACE_ID), Some("Root=1"));
        assert_eq!(event.header(header::TENANT_ID), Some("blue"));
        let id = event.header(header::REQUEST_ID).unwrap();
        runtime.post(&response_path(id), "[2]").await;
        let answer = caller.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "[2]"), "{name}");
        assert_eq!(answer.header("x-amzn-requestid"), Some(id));
        assert_eq!(answer.header("x-amz-executed-version"), Some("7"));
        assert_eq!(answer.header("x-amz-function-error"), None);
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }

    caller.send_post(INVOKE, "", "").await;
    let event = runtime.get(NEXT).await;
    assert_eq!(event.text(), "");
    runtime.post(&error_path(event.header(header::REQUEST_ID).unwrap()), r#"{"errorType":"E"}"#).await;
    let answer = caller.answer().await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"errorType":"E"}"#));
    assert_eq!(answer.header("x-amz-function-error"), Some("Unhandled"));
}

#[tokio::test]
async fn asynchronous_and_dry() {
    let emulator = start(Settings::default()).await;
    let mut runtime = Wire::runtime(&emulator).await;
    let mut caller = Wire::caller(&emulator).await;
    let answer = caller.post_with(INVOKE, "X-Amz-Invocation-Type: DryRun\r\n", "1").await;
    assert_eq!((answer.status, answer.text()), (204, ""));
    let answer = caller.post_with(INVOKE, "X-Amz-Invocation-Type: Event\r\n", "2").await;
    assert_eq!((answer.status, answer.text()), (202, ""));
    // The dry run has not come, the other one has, although nobody waits for its end.
    let event = runtime.get(NEXT).await;
    assert_eq!(event.text(), "2");
    assert_eq!(event.header(header::REQUEST_ID), answer.header("x-amzn-requestid"));
    let id = event.header(header::REQUEST_ID).unwrap();
    assert_eq!(runtime.post(&response_path(id), "").await.status, 202);
}

#[tokio::test]
async fn calls_that_are_no_invocations() {
    let emulator = start(Settings::default()).await;
    let type_of = |kind: &str| format!("X-Amz-Invocation-Type: {kind}\r\n");
    let long_context = format!("X-Amz-Client-Context: {}\r\n", "e".repeat(3584));
    let (six, one) = ("x".repeat(6 * 1024 * 1024 + 1), "x".repeat(1024 * 1024 + 1));
    let bad_content = "InvalidRequestContentException";
    for (method, path, headers, body, status, error_type) in [
        ("POST", INVOKE, "X-Amz-Client-Context: %\r\n", "{}", 400, bad_content),
        ("POST", INVOKE, "X-Amz-Client-Context: e30\r\n", "{}", 400, bad_content),
        ("POST", INVOKE, "X-Amz-Client-Context: W10=\r\n", "{}", 400, bad_content), // []
        ("POST", INVOKE, &long_context, "{}", 400, bad_content),
        ("POST", INVOKE, "X-Amz-Cognito-Identity: i\r\n", "{}", 400, bad_content),
        ("POST", INVOKE, &type_of("Async"), "{}", 400, "InvalidParameterValueException"),
        ("POST", INVOKE, "", &six, 413, "RequestTooLargeException"),
        ("POST", INVOKE, &type_of("Event"), &one, 413, "RequestTooLargeException"),
        ("POST", "/2015-03-31/functions/other/invocations", "", "", 404, "ResourceNotFoundException"),
        ("POST", "/2015-03-31/functions//invocations", "", "", 404, "UnknownOperationException"),
        ("POST", "/2015-03-31/functions/function", "", "", 404, "UnknownOperationException"),
        ("POST", "/", "", "", 404, "UnknownOperationException"),
        ("GET", INVOKE, "", "", 405, "MethodNotAllowedException"),
    ] {
        let mut caller = Wire::caller(&emulator).await;
        let length = body.len();
        caller
            .send(&format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
        let answer = caller.answer().await;
        assert_eq!(
            (answer.status, answer.header("x-amzn-errortype")),
            (status, Some(error_type)),
            "{method} {path} {headers}"
        );
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(json["Message"].is_string(), "{json}");
    }
    // None of them came through.
    let invocation = invoke(&emulator, named("a", "{}"));
    let mut runtime = Wire::runtime(&emulator).await;
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("a"));
    emulator.runtime_exited(None);
    outcome(invocation).await;
}
