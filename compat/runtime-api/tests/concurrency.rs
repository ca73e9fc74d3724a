//! Several invocations at once in one sandbox, as in Lambda Managed Instances: many clients, one emulator.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::time::Duration;

use runtime_api::contract::header;
use runtime_api::emulator::{Emulator, Settings};
use runtime_api::payload::{self, Closed};
use runtime_api::{Client, Error, Invocation, RequestId};
use support::{NEXT, Wire, error_path, invoke, named, outcome, pass, response_path, start, within};
use tokio::task::JoinSet;

/// Nothing ends in time that should not.
const HOUR: Duration = Duration::from_secs(3600);

async fn start_with(max_concurrency: usize) -> Emulator {
    start(Settings { max_concurrency, ..Settings::default() }).await
}

async fn next(client: &mut Client) -> (RequestId, String) {
    let Invocation { context, event } = within(client.next()).await.unwrap();
    (context.request_id, String::from_utf8(event.bytes().await.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn eight_at_once_are_answered_in_any_order() {
    let emulator = start_with(8).await;
    let mut clients: Vec<Client> = (0..8).map(|_| Client::new(emulator.runtime_api()).unwrap()).collect();
    for round in 0..3 {
        let invocations: Vec<_> =
            (0..8).map(|n| invoke(&emulator, (round * 8 + n).to_string().into())).collect();
        // Each is held until all are.
        let mut asked = JoinSet::new();
        for mut client in clients.drain(..) {
            asked.spawn(async move {
                let (id, event) = next(&mut client).await;
                (client, id, event)
            });
        }
        let mut held = Vec::new();
        while let Some(one) = within(asked.join_next()).await {
            held.push(one.unwrap());
        }
        // Not the order in which they came, and another one each round; by another client than asked.
        held.rotate_left(3 * round + 1);
        held.swap(0, 5);
        let answers: Vec<_> = held.iter().map(|(_, id, event)| (id.clone(), event.clone())).collect();
        for ((mut client, ..), (id, event)) in held.into_iter().rev().zip(answers) {
            within(client.respond(&id, format!("answer {event}"))).await.told.unwrap();
            clients.push(client);
        }
        for (n, invocation) in invocations.into_iter().enumerate() {
            assert_eq!(outcome(invocation).await.payload, format!("answer {}", round * 8 + n));
        }
    }
}

#[tokio::test]
async fn no_more_than_agreed_are_handed_out() {
    let emulator = start_with(2).await;
    let invocations: Vec<_> = ["a", "b", "c"].map(|id| invoke(&emulator, named(id, id))).into();
    tokio::task::yield_now().await;
    let mut first = Client::new(emulator.runtime_api()).unwrap();
    let mut second = Client::new(emulator.runtime_api()).unwrap();
    let mut third = Wire::runtime(&emulator).await;
    let (a, _) = next(&mut first).await;
    let (b, _) = next(&mut second).await;
    assert_eq!((a.as_str(), b.as_str()), ("a", "b"));
    third.send(&format!("GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    // It is handed the third as soon as there is room, and not before: `b` ends first, and `c` comes then.
    first.fail(&b, &runtime_api::FunctionError::new("E", "m")).await.unwrap();
    assert_eq!(third.answer().await.header(header::REQUEST_ID), Some("c"));
    first.respond(&a, "1").await.told.unwrap();
    let mut fourth = Wire::runtime(&emulator).await;
    assert_eq!(fourth.post(&response_path("c"), "3").await.status, 202);
    let [a, b, c] = invocations.try_into().unwrap();
    assert_eq!(outcome(a).await.payload, "1");
    assert_eq!(outcome(b).await.function_error.as_deref(), Some("Unhandled"));
    assert_eq!(outcome(c).await.payload, "3");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_told_so_and_the_others_go_on() {
    let settings = Settings { max_concurrency: 2, timeout: HOUR, ..Settings::default() };
    let emulator = start(settings).await;
    let late = tokio::spawn({
        let emulator = emulator.clone();
        async move { emulator.invoke(named("late", "{}")).await }
    });
    let mut runtime = Wire::runtime(&emulator).await;
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("late"));
    pass(HOUR).await;
    let late = outcome(late).await;
    assert_eq!(late.function_error.as_deref(), Some("Unhandled"));
    assert!(String::from_utf8_lossy(&late.payload).contains("Sandbox.Timedout"));

    let other = invoke(&emulator, named("other", "{}"));
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("other"));
    for path in [response_path("late"), error_path("late")] {
        let answer = runtime.post(&path, "1").await;
        assert_eq!(
            (answer.status, answer.text()),
            (410, r#"{"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}"#)
        );
    }
    assert_eq!(runtime.post(&response_path("other"), "2").await.status, 202);
    assert_eq!(outcome(other).await.payload, "2");
    // Neither known any more nor ever.
    for id in ["other", "unknown"] {
        let answer = runtime.post(&response_path(id), "2").await;
        assert_eq!(answer.status, 400, "{id}");
        assert!(answer.text().contains("InvalidRequestID"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_streamed_response_is_cut_off_when_its_time_is_up() {
    for (max_concurrency, status) in [(1, 400), (2, 410)] {
        let settings = Settings { max_concurrency, timeout: HOUR, ..Settings::default() };
        let emulator = start(settings).await;
        let mut invocation = emulator.invoke_stream("{}");
        let mut client = Client::new(emulator.runtime_api()).unwrap();
        let (id, _) = next(&mut client).await;
        let (sender, payload) = payload::channel();
        let answered = tokio::spawn(async move { client.respond(&id, payload).await });
        sender.send("first".into()).await.unwrap();
        assert_eq!(invocation.chunk().await.unwrap(), "first");
        pass(HOUR).await;
        assert_eq!(within(invocation.chunk()).await, None);
        let outcome = within(invocation.outcome()).await;
        assert!(String::from_utf8_lossy(&outcome.payload).contains("Sandbox.Timedout"), "{outcome:?}");
        while sender.send("more".into()).await == Ok(()) {}
        assert_eq!(sender.send("more".into()).await, Err(Closed));
        let told = answered.await.unwrap().told;
        assert!(matches!(&told, Err(Error::Status { status: found, .. }) if *found == status), "{told:?}");
    }
}

#[tokio::test]
async fn a_process_that_ends_fails_all_it_held_and_not_what_waits() {
    let emulator = start_with(2).await;
    let mut runtime = Wire::runtime(&emulator).await;
    let held = [invoke(&emulator, named("a", "1")), invoke(&emulator, named("b", "2"))];
    for id in ["a", "b"] {
        assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some(id));
    }
    let waiting = invoke(&emulator, named("c", "3"));
    tokio::task::yield_now().await;
    emulator.runtime_exited(Some("signal: killed".into()));
    for invocation in held {
        let outcome = outcome(invocation).await;
        let payload = String::from_utf8(outcome.payload.to_vec()).unwrap();
        assert!(payload.contains("Runtime exited with error: signal: killed"), "{payload}");
    }
    assert_eq!(runtime.post(&response_path("a"), "1").await.status, 400);
    assert_eq!(runtime.get(NEXT).await.header(header::REQUEST_ID), Some("c"));
    assert_eq!(runtime.post(&response_path("c"), "3").await.status, 202);
    assert_eq!(outcome(waiting).await.payload, "3");
}

#[tokio::test]
async fn an_event_for_a_connection_that_is_gone_goes_to_another() {
    let emulator = start_with(3).await;
    let mut lost = [Wire::runtime(&emulator).await, Wire::runtime(&emulator).await];
    for lost in &mut lost {
        // Behind the answer to a ping, the `next` is as good as there.
        let ping = "GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n\r\n";
        lost.send(&format!("{ping}GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(lost.answer().await.text(), "pong");
    }
    within(emulator.wait_ready()).await.unwrap();
    let mut alive = Client::new(emulator.runtime_api()).unwrap();
    // It comes in the very moment in which the connections end: nobody has seen that yet.
    drop(lost);
    let invocation = emulator.invoke_stream(named("a", "1"));
    let (id, event) = next(&mut alive).await;
    assert_eq!((id.as_str(), event.as_str()), ("a", "1"));
    alive.respond(&id, "2").await.told.unwrap();
    assert_eq!(within(invocation.outcome()).await.payload, "2");
}

#[tokio::test]
async fn an_event_that_has_gone_out_is_not_handed_out_again() {
    let emulator = start_with(2).await;
    for event in ["", "1", &"x".repeat(100_000)] {
        let invocation = invoke(&emulator, named("a", event));
        let mut runtime = Wire::runtime(&emulator).await;
        assert_eq!(runtime.get(NEXT).await.text().len(), event.len());
        drop(runtime);
        let mut other = Wire::runtime(&emulator).await;
        let last = invoke(&emulator, named("b", "2"));
        assert_eq!(other.get(NEXT).await.header(header::REQUEST_ID), Some("b"));
        for id in ["a", "b"] {
            assert_eq!(other.post(&response_path(id), "done").await.status, 202, "{event}");
        }
        outcome(invocation).await;
        outcome(last).await;
    }
}
