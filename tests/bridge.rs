//! The bridge in one piece: emulator, the built `bootstrap`, and a Go handler that misbehaves on demand.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::time::Duration;

use peers::Peer;
use runtime_api::emulator::{Emulator, Framing, InvokeRequest, Settings, StatusCode};
use serde_json::json;
use support::platform::{Platform, accept, request};
use support::{Sandbox, children, eventually, is_alive, signal, state};
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn payloads_pass_untouched_whatever_their_size_and_framing() {
    let Some(handler) = peers::require(Peer::EchoCurrent) else { return };
    for framing in [Framing::ContentLength, Framing::Chunked] {
        let settings = Settings { framing, ..Settings::default() };
        let sandbox = Sandbox::start_with(settings, &handler, &[]).await;
        for length in [0, 1, 2, 127, 128, 8_191, 8_192, 65_536, 1 << 20, 6 << 20, 3, 0] {
            let payload: Vec<u8> = (0..length).map(|at| (at * 7 + at / 251) as u8).collect();
            let outcome = sandbox.invoke(payload.clone()).await;
            assert_eq!(outcome.function_error, None, "{framing:?} {length}");
            assert!(
                outcome.payload == payload,
                "{framing:?} {length}: {} bytes came back",
                outcome.payload.len()
            );
        }
    }
}

#[tokio::test]
async fn the_handler_sees_what_go1x_showed_it() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let settings =
        Settings { function_arn: "arn:aws:lambda:eu-west-1:1:function:f:live".into(), ..Settings::default() };
    let secrets = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SESSION_TOKEN", "token"), ("USER_SETTING", "kept")];
    let sandbox = Sandbox::start_with(settings, &handler, &secrets).await;
    let outcome = sandbox
        .invoke(InvokeRequest {
            payload: r#"{"do":"context","env":["USER_SETTING"]}"#.into(),
            client_context: r#"{"custom":{"k":"ü"}}"#.into(),
            cognito_identity: r#"{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}"#.into(),
            trace_id: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1".into(),
            request_id: Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd".into()),
            header_overrides: vec![("lambda-runtime-deadline-ms".into(), Some("33000000000250".into()))],
            ..InvokeRequest::default()
        })
        .await;
    let seen: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!(seen["RequestId"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
    assert_eq!(seen["XAmznTraceId"], "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1");
    assert_eq!(
        (&seen["DeadlineSeconds"], &seen["DeadlineNanos"]),
        (&json!(33_000_000_000_u64), &json!(250_000_000))
    );
    assert_eq!(seen["InvokedFunctionArn"], "arn:aws:lambda:eu-west-1:1:function:f:live");
    assert_eq!((&seen["CognitoIdentityId"], &seen["CognitoIdentityPoolId"]), (&json!("id"), &json!("pool")));
    assert_eq!(seen["ClientContext"], r#"{"custom":{"k":"ü"}}"#);
    assert_eq!(seen["args"], json!([handler]));
    assert_eq!(seen["cwd"], json!(handler.parent().unwrap()));
    let environment = &seen["env"];
    assert_eq!(environment["AWS_EXECUTION_ENV"], "AWS_Lambda_go1.x");
    assert_eq!(environment["AWS_LAMBDA_RUNTIME_API"], sandbox.emulator.runtime_api());
    assert_eq!(
        (&environment["AWS_ACCESS_KEY"], &environment["AWS_SECURITY_TOKEN"]),
        (&json!("AKIA"), &json!("token"))
    );
    assert_eq!(environment["USER_SETTING"], "kept");

    let plain = Sandbox::start(&handler, &[("GO1X_ENV", "plain")]).await;
    assert_eq!(plain.ask(r#"{"do":"context"}"#).await["env"]["AWS_EXECUTION_ENV"], json!(null));
}

#[tokio::test]
async fn failures_of_the_function_reach_the_caller_as_go1x_told_them() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    let first = sandbox.ask(r#"{"do":"count"}"#).await;

    let (error, outcome) = sandbox.fail(r#"{"do":"error","message":"no such user"}"#).await;
    assert_eq!(error, json!({"errorMessage": "no such user", "errorType": "customError"}));
    assert_eq!(outcome.error_type_header.as_deref(), Some("customError"));
    sandbox.says("no such user: customError null\n").await;

    let (error, outcome) = sandbox.fail(r#"{"do":"stack","message":"m","type":"T","frames":2}"#).await;
    let frames = json!([{"path": "example.com/fn/file1.go", "line": 10, "label": "level1"},
        {"path": "example.com/fn/file2.go", "line": 20, "label": "level2"}]);
    assert_eq!(error, json!({"errorMessage": "m", "errorType": "T", "stackTrace": frames}));
    let cause: serde_json::Value = serde_json::from_str(&outcome.xray_cause.unwrap()).unwrap();
    assert_eq!(cause["exceptions"][0]["stack"], frames);

    let (error, _) = sandbox.fail(r#"{"do":"rpcerror","message":"not today"}"#).await;
    assert_eq!(error, json!({"errorMessage": "not today", "errorType": "Runtime.Go1xRpcError"}));

    // None of these costs the process.
    let last = sandbox.ask(r#"{"do":"count"}"#).await;
    assert_eq!(last["pid"], first["pid"]);
    assert_eq!(last["total"], 5);
}

#[tokio::test]
async fn what_a_failure_says_at_great_length_is_cut() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    let long = "x".repeat(400_000);
    for (event, key) in [
        (json!({"do": "error", "message": long}), "errorMessage"),
        (json!({"do": "error", "message": "m", "type": long}), "errorType"),
        (json!({"do": "rpcerror", "message": long}), "errorMessage"),
    ] {
        let (error, _) = sandbox.fail(&event.to_string()).await;
        let text = error[key].as_str().unwrap();
        assert!(text.len() < 300_000 && text.ends_with("x… (cut: 400000 bytes)"), "{key}: {}", text.len());
    }
    sandbox.ask("1").await;
    assert!(sandbox.output().len() < 900_000, "nor does the log have more");
}

#[tokio::test]
async fn a_lost_handler_costs_one_invocation_and_is_replaced() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    let mut pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap();
    let cases = [
        (r#"{"do":"exit","code":3}"#, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        (r#"{"do":"exit","code":0}"#, "Runtime.ExitError", "Runtime exited without providing a reason"),
        (r#"{"do":"abort"}"#, "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        (r#"{"do":"fatal","message":"x"}"#, "Runtime.ExitError", "Runtime exited with error: exit status 2"),
        (r#"{"do":"badreply"}"#, "Runtime.Go1xConnectionLost", "unexpected EOF"),
        (r#"{"do":"close"}"#, "Runtime.Go1xConnectionLost", "unexpected EOF"),
        (r#"{"do":"panic","message":"kaboom"}"#, "string", "kaboom"),
        (r#"{"do":"nilpointer"}"#, "errorString", "invalid memory address"),
        (r#"{"do":"error","message":"bye","exit":true}"#, "customError", "bye"),
    ];
    for (event, error_type, text) in cases {
        let (error, outcome) = sandbox.fail(event).await;
        assert_eq!(error["errorType"], error_type, "{event}: {error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.contains(text), "{event}: {message}");
        if error_type == "Runtime.ExitError" {
            assert_eq!(message.split(' ').nth(1), Some(outcome.request_id.as_str()));
        }
        let fresh = sandbox.ask(r#"{"do":"count"}"#).await;
        assert_eq!(fresh["total"], 1, "{event}");
        assert_ne!(fresh["pid"].as_u64(), Some(pid), "{event}");
        assert!(!is_alive(pid as u32), "{event}: the old process is gone");
        pid = fresh["pid"].as_u64().unwrap();
        assert_eq!(children(sandbox.pid()), [pid as u32], "{event}");
    }
}

#[tokio::test]
async fn an_event_for_a_handler_that_died_while_idle_is_not_lost() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    for _ in 0..3 {
        let pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap();
        sandbox.ask(r#"{"do":"exitafter","code":1,"ms":1}"#).await;
        eventually("the handler dies", || !is_alive(pid as u32)).await;
        let fresh = sandbox.ask(r#"{"do":"count"}"#).await;
        assert_eq!(fresh["total"], 1);
    }
}

/// A sandbox is frozen between invocations. What happened meanwhile is news all at once when it thaws.
#[tokio::test]
async fn a_thawed_bootstrap_notices_a_dead_handler_before_it_hands_on_the_event() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    for number in 0..5 {
        let pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap() as u32;
        sandbox.signal("-STOP");
        support::signal(pid, "-KILL");
        eventually("the handler is dead", || support::state(pid) == Some('Z')).await;
        let event = number.to_string();
        let (answer, ()) = tokio::join!(sandbox.ask(&event), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            sandbox.signal("-CONT");
        });
        assert_eq!(answer, number);
    }
}

#[tokio::test]
async fn freezing_all_of_it_changes_nothing() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    let pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap() as u32;
    for number in 0..3 {
        for process in [pid, sandbox.pid()] {
            support::signal(process, "-STOP");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        for process in [sandbox.pid(), pid] {
            support::signal(process, "-CONT");
        }
        assert_eq!(sandbox.ask(&number.to_string()).await, number);
    }
    // In the middle of an invocation too.
    let (slept, ()) = tokio::join!(sandbox.ask(r#"{"do":"sleep","ms":300}"#), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for (process, signal) in
            [(pid, "-STOP"), (sandbox.pid(), "-STOP"), (sandbox.pid(), "-CONT"), (pid, "-CONT")]
        {
            support::signal(process, signal);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(slept, json!({"slept": 300}));
    assert_eq!(sandbox.ask(r#"{"do":"count"}"#).await["pid"], pid);
}

/// The freeze comes with the event, and what bootstrap has been told then is not all that happens before the thaw.
#[tokio::test]
async fn an_event_that_comes_with_a_freeze_finds_a_living_handler() {
    let Some(mut platform) = Platform::start().await else { return };
    for round in 0..40 {
        let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
        let mut stream = match round % 2 {
            0 => {
                signal(platform.pid(), "-STOP");
                let stream = platform.event(r#"{"do":"raw","text":"well"}"#).await;
                signal(handler, "-KILL");
                stream
            }
            _ => {
                signal(platform.pid(), "-STOP");
                signal(handler, "-KILL");
                platform.event(r#"{"do":"raw","text":"well"}"#).await
            }
        };
        eventually("it has ended", || state(handler) == Some('Z')).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        signal(platform.pid(), "-CONT");
        let answer = request(&mut stream).await;
        assert!(answer.ends_with("\r\n\r\nwell"), "{round}: {answer}");
        accept(&mut stream).await;
        platform.stream = Some(stream);
        platform.asks().await;
    }
}

#[tokio::test]
async fn a_handler_that_is_still_at_a_timed_out_invocation_is_replaced_before_the_next() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let settings = Settings { timeout: Duration::from_millis(400), ..Settings::default() };
    let sandbox = Sandbox::start_with(settings, &handler, &[]).await;
    let pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap() as u32;
    let (error, _) = sandbox.fail(r#"{"do":"hang"}"#).await;
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    let fresh = sandbox.ask(r#"{"do":"count"}"#).await;
    assert_eq!(fresh["total"], 1);
    assert!(!is_alive(pid), "the one that hangs is gone");
    sandbox.says("Runtime.Go1xTimedOut").await;
}

/// Lambda is not to take what is told of an attempt that is over for the answer to the next one of the same request.
#[tokio::test]
async fn the_attempt_is_named_in_what_is_told_of_it() {
    let Some(mut platform) = Platform::start().await else { return };
    for (event, milliseconds) in [
        (r#"{"do":"raw","text":"well"}"#, 3_600_000),
        (r#"{"do":"error","message":"m"}"#, 3_600_000),
        (r#"{"do":"hang"}"#, 400),
    ] {
        let mut stream = platform.event_until(milliseconds, event).await;
        let answer = request(&mut stream).await;
        assert!(answer.contains("\r\nlambda-runtime-invocation-id: attempt-1\r\n"), "{event}: {answer}");
        assert_eq!(answer.contains("Go1xTimedOut"), event.contains("hang"), "{answer}");
        accept(&mut stream).await;
        platform.stream = Some(stream);
    }
}

/// Old tools send any deadline, and the platform none that has passed.
#[tokio::test]
async fn a_deadline_that_has_passed_before_the_event_came_is_none() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    let request = InvokeRequest {
        header_overrides: vec![("lambda-runtime-deadline-ms".into(), Some("300000".into()))],
        ..InvokeRequest::from(r#"{"do":"sleep","ms":600}"#)
    };
    assert_eq!(sandbox.invoke(request).await.payload, r#"{"slept":600}"#);
}

#[tokio::test]
async fn the_handlers_output_passes_untouched() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    sandbox.ask(r#"{"do":"log","lines":3,"to":"both","text":"naïve line"}"#).await;
    for line in ["naïve line 1\n", "naïve line 2\n", "naïve line 3\n"] {
        sandbox.says(line).await;
        assert_eq!(sandbox.output().matches(line).count(), 2, "{}", sandbox.output());
    }
}

#[tokio::test]
async fn failures_are_logged_as_json_where_that_is_asked_for() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    for variable in [("GO1X_LOG_FORMAT", "json"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")] {
        let sandbox = Sandbox::start(&handler, &[variable, ("GO1X_LOG", "info")]).await;
        let (_, outcome) = sandbox.fail(r#"{"do":"stack","message":"m","type":"T","frames":1}"#).await;
        sandbox.emulator.answer_next_response_with(StatusCode::INTERNAL_SERVER_ERROR);
        sandbox.ask("1").await;
        sandbox.exit().await;
        let output = sandbox.output();
        let lines: Vec<serde_json::Value> =
            output.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let failure = lines.iter().find(|line| line["errorType"] == "T").unwrap();
        assert_eq!((&failure["errorMessage"], &failure["level"]), (&json!("m"), &json!("ERROR")));
        assert_eq!(failure["requestId"], outcome.request_id);
        assert_eq!(failure["stackTrace"][0]["label"], "level1");
        let end = lines.last().unwrap();
        assert_eq!(end["errorType"], "Runtime.Go1xEnded");
        assert!(end["errorMessage"].as_str().unwrap().contains("status 500"), "{end}");
    }
}

/// bootstrap has its connection, and needs no listener any more.
#[tokio::test]
async fn a_handler_may_stop_listening_and_start_again() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    let pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].clone();
    sandbox.ask(r#"{"do":"relisten","ms":20}"#).await;
    assert_eq!(sandbox.ask(r#"{"do":"count"}"#).await["pid"], pid);
}

/// What callers send, and the sandbox's credentials, are nobody's business but the handler's, however much is logged.
#[tokio::test]
async fn no_secret_is_logged() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    for format in ["go1x", "json"] {
        let variables = [
            ("GO1X_LOG", "trace"),
            ("GO1X_LOG_FORMAT", format),
            ("AWS_SECRET_ACCESS_KEY", "hush-key"),
            ("AWS_SESSION_TOKEN", "hush-token"),
            ("TABLE_PASSWORD", "hush-variable"),
        ];
        let sandbox = Sandbox::start(&handler, &variables).await;
        for event in [
            "\"hush-event\"",
            r#"{"do":"rpcerror","message":"no"}"#,
            r#"{"do":"exit","code":1,"text":"hush"}"#,
        ] {
            sandbox
                .invoke(InvokeRequest {
                    payload: event.into(),
                    client_context: r#"{"custom":{"k":"hush-context"}}"#.into(),
                    cognito_identity: r#"{"cognitoIdentityId":"hush-identity","cognitoIdentityPoolId":"p"}"#
                        .into(),
                    ..InvokeRequest::default()
                })
                .await;
        }
        sandbox.signal("-TERM");
        sandbox.exit().await;
        let output = sandbox.output();
        assert!(output.contains("handler started"), "all is logged: {output}");
        assert!(!output.contains("hush"), "{output}");
    }
}

#[tokio::test]
async fn a_slow_or_shy_handler_is_waited_for() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    for variable in
        [("HANDLER_START_DELAY_MS", "300"), ("HANDLER_PING_DELAY_MS", "300"), ("HANDLER_DROP_CONNS", "3")]
    {
        let sandbox = Sandbox::start(&handler, &[variable]).await;
        assert_eq!(sandbox.ask(r#""here""#).await, "here", "{variable:?}");
    }
}

#[tokio::test]
async fn garbage_from_the_handler_fails_the_invocation_and_the_next_works() {
    let Some(handler) = peers::require(Peer::Stranger) else { return };
    for (says, error_type) in [
        ("laternoise", "Runtime.Go1xBadReply"),
        ("wrongtype", "Runtime.Go1xBadReply"),
        ("wrongseq", "Runtime.Go1xConnectionLost"),
    ] {
        let sandbox = Sandbox::start(&handler, &[("STRANGER_SAYS", says)]).await;
        for _ in 0..2 {
            let (error, _) = sandbox.fail("{}").await;
            assert_eq!(error["errorType"], error_type, "{says}: {error}");
        }
        eventually("a fresh handler runs, and no other", || children(sandbox.pid()).len() == 1).await;
    }
}

/// A handler that never comes to an end of what it says has the invocation's time, and not the sandbox's memory.
#[tokio::test]
async fn a_hostile_handler_cannot_hold_bootstrap_up_or_make_it_grow() {
    let Some(handler) = peers::require(Peer::Stranger) else { return };
    for (says, error_type) in [
        ("huge", "Runtime.Go1xBadReply"),
        ("trickle", "Sandbox.Timedout"),
        ("flood", "Sandbox.Timedout"),
        ("types", "Runtime.Go1xBadReply"),
    ] {
        let settings = Settings { timeout: Duration::from_secs(2), ..Settings::default() };
        let sandbox = Sandbox::start_with(settings, &handler, &[("STRANGER_SAYS", says)]).await;
        for _ in 0..2 {
            let (error, _) = sandbox.fail("{}").await;
            assert_eq!(error["errorType"], error_type, "{says}: {error}");
        }
        eventually("a fresh handler runs, and no other", || children(sandbox.pid()).len() == 1).await;
        let peak = support::peak_memory(sandbox.pid());
        assert!(peak < 64 << 20, "{says}: {peak} bytes");
    }
}

#[tokio::test]
async fn a_malformed_header_fails_its_invocation_alone() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    for (header, value) in [
        ("lambda-runtime-deadline-ms", Some("soon".to_owned())),
        ("lambda-runtime-deadline-ms", None),
        ("lambda-runtime-cognito-identity", Some("{".to_owned())),
    ] {
        let header_overrides = vec![(header.to_owned(), value)];
        let outcome = sandbox.invoke(InvokeRequest { header_overrides, ..InvokeRequest::from("{}") }).await;
        let error: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap();
        assert_eq!(error["errorType"], "Runtime.Go1xBadHeader", "{outcome:?}");
        assert!(error["errorMessage"].as_str().unwrap().contains(header), "{error}");
        assert_eq!(sandbox.ask("1").await, 1);
    }
}

/// The handler is to be told the length before the event has come.
#[tokio::test]
async fn an_event_that_is_announced_too_long_is_not_waited_for() {
    let Some(mut platform) = Platform::start().await else { return };
    for length in ["67108865", "10000000000", "18446744073709551615"] {
        let mut stream = platform.stream.take().unwrap();
        request(&mut stream).await;
        let head = format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\nLambda-Runtime-Deadline-Ms: 1\r\n\
             Content-Length: {length}\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The rest of it is still to come on that one.
        let mut another = platform.connection().await;
        let answer = request(&mut another).await;
        assert!(
            answer.contains("/id-1/error ") && answer.contains("Runtime.Go1xEventLost"),
            "{length}: {answer}"
        );
        accept(&mut another).await;
        platform.stream = Some(another);
    }
    let mut stream = platform.event(r#"{"do":"count"}"#).await;
    assert!(request(&mut stream).await.contains("\"total\":1}"), "the handler is the first one");
}

#[tokio::test]
async fn an_invocation_without_a_usable_id_ends_the_process() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    for value in [None, Some("a/b".to_owned())] {
        let sandbox = Sandbox::start(&handler, &[]).await;
        sandbox.emulator.wait_ready().await.unwrap();
        let header_overrides = vec![("lambda-runtime-aws-request-id".to_owned(), value)];
        let emulator = sandbox.emulator.clone();
        let request = InvokeRequest { header_overrides, ..InvokeRequest::from("{}") };
        let invocation = tokio::spawn(async move { emulator.invoke(request).await });
        assert_eq!(sandbox.exit().await.code(), Some(1));
        assert!(sandbox.output().contains("header lambda-runtime-aws-request-id"), "{}", sandbox.output());
        assert_eq!(invocation.await.unwrap().function_error.as_deref(), Some("Unhandled"));
    }
}

#[tokio::test]
async fn refused_answers_are_survived_and_a_lost_sandbox_is_not() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[]).await;
    for status in [400, 403, 404, 410, 413, 429] {
        sandbox.emulator.answer_next_response_with(StatusCode::from_u16(status).unwrap());
        sandbox.ask("1").await;
        sandbox.says(&format!("with status {status}")).await;
    }
    // A response that is really too large.
    let (error, _) = sandbox.fail(r#"{"do":"bytes","n":6291557}"#).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(sandbox.ask("2").await, 2);
    // One that is so much too large that it is not taken in.
    let (error, _) = sandbox.fail(r#"{"do":"bytes","n":20000000}"#).await;
    let text = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
    assert_eq!(error, json!({"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}));
    assert_eq!(sandbox.ask("2").await, 2);

    sandbox.emulator.answer_next_response_with(StatusCode::INTERNAL_SERVER_ERROR);
    sandbox.ask("3").await;
    assert_eq!(sandbox.exit().await.code(), Some(1));
    assert!(sandbox.output().contains("invocation/response with status 500"), "{}", sandbox.output());
}

#[tokio::test]
async fn a_path_prefix_is_kept() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let settings = Settings { path_prefix: "/functions/one".into(), ..Settings::default() };
    let sandbox = Sandbox::start_with(settings, &handler, &[]).await;
    assert_eq!(sandbox.ask("[1]").await, json!([1]));
}

#[tokio::test]
async fn a_signal_ends_bootstrap_and_the_handler() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let polite = Sandbox::start(&handler, &[("HANDLER_SIGTERM_LOG", "1")]).await;
    let stubborn = Sandbox::start(&handler, &[("HANDLER_IGNORE_SIGTERM", "1")]).await;
    for (sandbox, signal) in [(&polite, "-TERM"), (&stubborn, "-TERM")] {
        let pid = sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap();
        sandbox.signal(signal);
        assert_eq!(sandbox.exit().await.code(), Some(0));
        assert!(!is_alive(pid as u32));
    }
    assert_eq!(polite.output().matches("SIGTERM received").count(), 1, "{}", polite.output());

    // Killed outright, bootstrap can do nothing; the kernel does it.
    let killed = Sandbox::start(&handler, &[]).await;
    let pid = killed.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap();
    killed.signal("-KILL");
    killed.exit().await;
    eventually("the handler is gone", || !is_alive(pid as u32)).await;
}

/// A signal to the group that it was started in does not reach it any more.
#[tokio::test]
async fn a_handler_that_has_left_its_process_group_ends_too() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let settings = || Settings { timeout: Duration::from_millis(400), ..Settings::default() };
    let left = ("HANDLER_LEAVE_GROUP", "1");
    let polite = Sandbox::start_with(settings(), &handler, &[left, ("HANDLER_SIGTERM_LOG", "1")]).await;
    let stubborn = Sandbox::start_with(settings(), &handler, &[left, ("HANDLER_IGNORE_SIGTERM", "1")]).await;
    let pid =
        async |sandbox: &Sandbox| sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap() as u32;
    for sandbox in [&polite, &stubborn] {
        let first = pid(sandbox).await;
        let (error, _) = sandbox.fail(r#"{"do":"hang"}"#).await;
        assert_eq!(error["errorType"], "Sandbox.Timedout");
        let second = pid(sandbox).await;
        assert!(first != second && !is_alive(first));
        sandbox.signal("-TERM");
        assert_eq!(sandbox.exit().await.code(), Some(0));
        assert!(!is_alive(second));
    }
    assert_eq!(polite.output().matches("SIGTERM received").count(), 1, "{}", polite.output());
}

/// Its connection would say so, did not a process that it has left behind have that too. Here it is the handler itself,
/// in a session of its own, and what has ended is what started it.
#[tokio::test]
async fn the_end_of_a_process_is_noticed_though_its_connection_stays() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let folder = support::Folder::new("stays");
    let end = folder.path().join("end");
    let script = "#!/bin/sh\nend=${0%/*}/end\nsetsid \"$@\" &\nuntil rm \"$end\" 2>/dev/null; do sleep 0.01; done\nexit 3\n";
    let wrapper = folder.write("wrapper", 0o755, script.as_bytes());
    let settings = Settings { timeout: Duration::from_secs(900), ..Settings::default() };
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap())];
    let sandbox = Sandbox::start_with(settings, &handler, &variables).await;
    let pid = async || sandbox.ask(r#"{"do":"count"}"#).await["pid"].as_u64().unwrap() as u32;
    let first = pid().await;
    std::fs::write(&end, "").unwrap();
    let (error, _) = sandbox.fail(r#"{"do":"hang"}"#).await;
    assert!(is_alive(first), "it was left behind");
    signal(first, "-KILL");
    let text = error["errorMessage"].as_str().unwrap();
    assert!(text.ends_with("Error: Runtime exited with error: exit status 3"), "{text}");
    let second = pid().await;
    assert_ne!(first, second);
    signal(second, "-KILL");
}

/// It is started again to hear why it ended, and must not take an event then.
#[tokio::test]
async fn a_handler_that_polls_for_itself_is_kept_from_events_when_it_is_heard() {
    let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) else { return };
    let folder = support::Folder::new("heard");
    let script = b"#!/bin/sh\necho \"$AWS_LAMBDA_RUNTIME_API\" >>\"${0%/*}/starts\"\nexec \"$@\"\n";
    let wrapper = folder.write("wrapper", 0o755, script);
    for mode in ["auto", "rpc"] {
        let variables = [("GO1X_MODE", mode), ("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap())];
        let sandbox = Sandbox::start(&handler, &variables).await;
        sandbox.fail(r#"{"do":"panic","message":"kaboom"}"#).await;
        assert_eq!(sandbox.exit().await.code(), Some(1), "{mode}");
        let starts = std::fs::read_to_string(folder.path().join("starts")).unwrap();
        let real = starts.lines().filter(|address| *address == sandbox.emulator.runtime_api()).count();
        assert_eq!(real, 1, "{mode}: {starts}");
    }
}

/// As programs do that look after their own panics (mitchellh/panicwrap): the first process starts another, which is
/// the handler.
#[tokio::test]
async fn a_handler_may_be_a_child_of_the_program_that_was_started() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let folder = support::Folder::new("reexec");
    let wrapper = folder.write("wrapper", 0o755, b"#!/bin/sh\n\"$@\" &\nwait $!\n");
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap())];
    let sandbox = Sandbox::start(&handler, &variables).await;
    let pid = |seen: serde_json::Value| seen["pid"].as_u64().unwrap() as u32;
    let first = pid(sandbox.ask(r#"{"do":"count"}"#).await);
    assert!(!children(sandbox.pid()).contains(&first), "it is a grandchild");
    sandbox.fail(r#"{"do":"panic","message":"x"}"#).await;
    let second = pid(sandbox.ask(r#"{"do":"count"}"#).await);
    assert_ne!(first, second);
    eventually("it went with the one that started it", || !is_alive(first)).await;
    let (error, _) = sandbox.fail(r#"{"do":"exit","code":5}"#).await;
    assert_eq!(error["errorType"], "Runtime.ExitError", "{error}");
    let third = pid(sandbox.ask(r#"{"do":"count"}"#).await);
    sandbox.signal("-TERM");
    assert_eq!(sandbox.exit().await.code(), Some(0));
    eventually("all are gone", || !is_alive(third)).await;
}

/// go1.x had nothing to do with a program that goes into the background, either.
#[tokio::test]
async fn a_handler_that_leaves_for_the_background_has_ended() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let folder = support::Folder::new("background");
    let wrapper = folder.write("wrapper", 0o755, b"#!/bin/sh\n\"$@\" &\nexit 0\n");
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap())];
    let (error, ..) = Sandbox::start(&handler, &variables).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xHandlerExited", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("into the background"), "{error}");
}

#[tokio::test]
async fn a_build_without_rpc_is_left_to_poll_for_itself() {
    let Some(handler) = peers::require(Peer::HandlerCurrentNorpc) else { return };
    for mode in ["auto", "direct"] {
        // The limit is for handlers that are expected to listen.
        let variables = [("GO1X_MODE", mode), ("GO1X_LOG", "info"), ("GO1X_READY_TIMEOUT_MS", "300")];
        let sandbox = Sandbox::start(&handler, &variables).await;
        assert_eq!(sandbox.ask(r#"{"a":1}"#).await, json!({"a": 1}), "{mode}");
        if mode == "auto" {
            tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        }
        let (error, _) = sandbox.fail(r#"{"do":"exit","code":7}"#).await;
        assert_eq!(error["errorType"], "Runtime.ExitError");
        assert_eq!(sandbox.exit().await.code(), Some(7), "{mode}: {}", sandbox.output());
    }
    let variables = [("GO1X_MODE", "rpc"), ("GO1X_READY_TIMEOUT_MS", "500")];
    let sandbox = Sandbox::start(&handler, &variables).await;
    assert_eq!(sandbox.exit().await.code(), Some(1));
    assert!(sandbox.output().contains("lambda.norpc"), "{}", sandbox.output());
}

/// A handler is served, replaced, and quoted when it ends at once, though nobody can say who listens on its port.
#[tokio::test]
async fn without_proc_everything_goes_on() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    if let Some(reason) = support::room::forbidden() {
        return support::shipped::not_run(reason);
    }
    let start = async |variables: &[(&str, &str)]| {
        let emulator = Emulator::start(Settings::default()).await.unwrap();
        let mut command = tokio::process::Command::new("unshare");
        let hidden = "mount -t tmpfs none /proc && ! [ -e /proc/self ] && exec \"$0\"";
        command
            .args(["--mount", "sh", "-c", hidden, env!("CARGO_BIN_EXE_bootstrap")])
            .env("AWS_LAMBDA_RUNTIME_API", emulator.runtime_api())
            .env("LAMBDA_TASK_ROOT", handler.parent().unwrap())
            .env("_HANDLER", handler.file_name().unwrap())
            .envs(variables.iter().copied());
        Sandbox::spawn(emulator, command)
    };
    let sandbox = start(&[]).await;
    let first = sandbox.ask(r#"{"do":"count"}"#).await;
    let (error, _) = sandbox.fail(r#"{"do":"exit","code":3}"#).await;
    assert_eq!(error["errorType"], "Runtime.ExitError", "{error}");
    assert_ne!(sandbox.ask(r#"{"do":"count"}"#).await["pid"], first["pid"]);
    sandbox.signal("-TERM");
    assert_eq!(sandbox.exit().await.code(), Some(0));

    let (error, ..) = start(&[("HANDLER_EXIT_AT_START", "3")]).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xHandlerExited", "{error}");
    let variables = [("HANDLER_NEVER_LISTEN", "1"), ("GO1X_READY_TIMEOUT_MS", "200")];
    let (error, ..) = start(&variables).await.init_failure().await;
    assert_eq!(error["errorType"], "Runtime.Go1xNotListening", "{error}");
    let text = error["errorMessage"].as_str().unwrap();
    assert!(text.contains("on which port it listens cannot be seen"), "{text}");
}
