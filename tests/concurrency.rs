//! Several invocations at a time, by the emulator's rules of Lambda Managed Instances: in front of a handler called
//! directly, of a process for each, and of one process for all.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use go1x::{Bytes, Context, Error, Plan, handler_fn, runtime};
use peers::Peer;
use runtime_api::Client;
use runtime_api::emulator::{Emulator, InvokeRequest, Outcome, Settings};
use serde_json::{Value, json};
use support::{PATIENCE, Sandbox, children, eventually};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// `bootstrap` in front of the handler that tells who it is.
async fn start(slots: usize, timeout: Duration, variables: &[(&str, &str)]) -> Option<Sandbox> {
    let handler = peers::require(Peer::LegacyHandler)?;
    let settings = Settings { max_concurrency: slots, timeout, ..Settings::default() };
    let slots = slots.to_string();
    let variables = [&[("AWS_LAMBDA_MAX_CONCURRENCY", &*slots)], variables].concat();
    let sandbox = Sandbox::start_with(settings, &handler, &variables).await;
    sandbox.emulator.wait_ready().await.unwrap();
    Some(sandbox)
}

fn who(number: usize, milliseconds: u64) -> InvokeRequest {
    InvokeRequest {
        payload: json!({"do": "who", "value": number, "ms": milliseconds}).to_string().into(),
        trace_id: format!("Root=1-{number}"),
        request_id: Some(format!("request-{number}")),
        ..InvokeRequest::default()
    }
}

/// The process that answered, if it was this invocation's answer.
#[track_caller]
fn answered(number: usize, outcome: &Outcome) -> u64 {
    assert_eq!(outcome.function_error, None, "{outcome:?}");
    let seen: Value = serde_json::from_slice(&outcome.payload).unwrap();
    let wanted = json!({"requestId": format!("request-{number}"), "traceId": format!("Root=1-{number}"),
        "value": number, "pid": seen["pid"]});
    assert_eq!(seen, wanted);
    assert_eq!(outcome.request_id, format!("request-{number}"));
    seen["pid"].as_u64().unwrap()
}

/// Many invocations by as many callers as there are slots, while processes that have answered are killed at random; how
/// many were, and how many invocations were lost.
async fn storm(sandbox: &Arc<Sandbox>, slots: usize, invocations: usize) -> (usize, usize) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let killed = Arc::new(AtomicUsize::new(0));
    let killer = tokio::spawn({
        let (seen, killed) = (seen.clone(), killed.clone());
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let victim = {
                    let mut seen = seen.lock().unwrap();
                    let count = seen.len();
                    if count == 0 {
                        continue;
                    }
                    // Which one is up to the clock.
                    let now = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_micros() as usize;
                    seen.swap_remove(now % count)
                };
                let sent = Command::new("kill").args(["-KILL", &u64::to_string(&victim)]).output().unwrap();
                killed.fetch_add(usize::from(sent.status.success()), Relaxed);
            }
        }
    });
    let (next, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..slots {
        let (sandbox, next, lost, seen) = (sandbox.clone(), next.clone(), lost.clone(), seen.clone());
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= invocations {
                    return;
                }
                let outcome = sandbox.invoke(who(number, 0)).await;
                if outcome.function_error.is_none() {
                    let pid = answered(number, &outcome);
                    let mut seen = seen.lock().unwrap();
                    if !seen.contains(&pid) {
                        seen.push(pid);
                    }
                    continue;
                }
                let failure: Value = serde_json::from_slice(&outcome.payload).unwrap();
                let text =
                    format!("RequestId: request-{number} Error: Runtime exited with error: signal: killed");
                let wanted = json!({"errorMessage": text, "errorType": "Runtime.ExitError"});
                assert_eq!(failure, wanted);
                lost.fetch_add(1, Relaxed);
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    killer.abort();
    let (killed, lost) = (killed.load(Relaxed), lost.load(Relaxed));
    println!("{invocations} invocations, {killed} processes killed, {lost} invocations lost with them");
    // An answer too many would have been refused, and that be told.
    assert!(!sandbox.output().contains("refused"), "{}", sandbox.output());
    (killed, lost)
}

#[tokio::test]
async fn every_invocation_has_its_own_answer_while_processes_are_killed() {
    let slots = 32;
    let folder = support::Folder::new("once");
    let log = folder.path().join("log");
    let variables = [("HANDLER_WHO_LOG", log.to_str().unwrap())];
    let Some(sandbox) = start(slots, PATIENCE, &variables).await else { return };
    let sandbox = Arc::new(sandbox);
    let (killed, lost) = storm(&sandbox, slots, 20_000).await;
    // What was begun, was begun once; what was answered, was begun.
    let begun = std::fs::read_to_string(log).unwrap();
    let begun: Vec<_> = begun.lines().collect();
    let once: BTreeSet<_> = begun.iter().collect();
    assert_eq!(once.len(), begun.len(), "none is run twice");
    assert!(begun.len() + lost >= 20_000, "{} begun, {lost} lost", begun.len());
    assert!(killed > 10, "{killed}");
    assert!(lost <= killed, "a process takes one invocation with it: {lost} of {killed}");
    assert!(children(sandbox.pid()).len() <= slots);
}

#[tokio::test]
async fn one_process_for_all_is_replaced_too() {
    let slots = 32;
    let Some(sandbox) = start(slots, PATIENCE, &[("GO1X_CONCURRENCY", "shared")]).await else { return };
    let sandbox = Arc::new(sandbox);
    let (killed, _) = storm(&sandbox, slots, 5_000).await;
    assert!(killed > 0);
    answered(5_000, &sandbox.invoke(who(5_000, 0)).await);
    eventually("one process is left", || children(sandbox.pid()).len() == 1).await;
}

/// The processes that answer so many invocations, all at the same time.
async fn at_once(sandbox: &Sandbox, count: usize) -> BTreeSet<u64> {
    let calls =
        (0..count).map(|number| async move { answered(number, &sandbox.invoke(who(number, 300)).await) });
    futures(calls).await.into_iter().collect()
}

async fn futures<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|context| {
        for (call, done) in &mut calls {
            if done.is_none()
                && let std::task::Poll::Ready(value) = call.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if calls.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    calls.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn processes_are_started_as_the_load_asks() {
    let Some(sandbox) = start(8, PATIENCE, &[]).await else { return };
    for number in 0..10 {
        answered(number, &sandbox.invoke(who(number, 0)).await);
    }
    assert_eq!(children(sandbox.pid()).len(), 1, "one after the other needs one");
    assert_eq!(at_once(&sandbox, 8).await.len(), 8);
    let eight: BTreeSet<u64> = children(sandbox.pid()).into_iter().map(u64::from).collect();
    assert_eq!(at_once(&sandbox, 8).await, eight, "they stay");
    // One panics: it is replaced, the others are left alone.
    let (error, _) = sandbox.fail(r#"{"do":"panic","message":"kaboom"}"#).await;
    assert_eq!(error["errorMessage"], "kaboom");
    let later = at_once(&sandbox, 8).await;
    assert_eq!(later.intersection(&eight).count(), 7);

    let Some(sandbox) = start(8, PATIENCE, &[("GO1X_CONCURRENCY", "shared")]).await else { return };
    assert_eq!(at_once(&sandbox, 8).await.len(), 1, "all in one");
    assert_eq!(sandbox.ask(r#"{"do":"count"}"#).await["max"], 8);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_costs_nothing_else() {
    for sharing in ["process", "shared"] {
        let variables = [("GO1X_CONCURRENCY", sharing)];
        let Some(sandbox) = start(2, Duration::from_millis(300), &variables).await else { return };
        let outcome = sandbox.invoke(who(1, 900)).await;
        assert!(outcome.payload.starts_with(br#"{"errorType":"Sandbox.Timedout""#), "{outcome:?}");
        // The other slot goes on meanwhile.
        answered(2, &sandbox.invoke(who(2, 0)).await);
        sandbox.says("status 410").await;
        sandbox.says("Runtime.Go1xTimedOut").await;
        for number in 3..6 {
            answered(number, &sandbox.invoke(who(number, 0)).await);
        }
    }
}

#[tokio::test]
async fn a_handler_called_directly_has_so_many_at_once_and_no_more() {
    let slots = 8;
    let emulator = Emulator::start(Settings { max_concurrency: slots, ..Settings::default() }).await.unwrap();
    let together = Arc::new(Barrier::new(slots));
    let running = Arc::new(AtomicUsize::new(0));
    let handler = {
        let running = running.clone();
        handler_fn(move |event: Bytes, context: Context| {
            let (together, running) = (together.clone(), running.clone());
            async move {
                assert!(running.fetch_add(1, Relaxed) < slots);
                // Nobody gets past it before all are here.
                together.wait().await;
                running.fetch_sub(1, Relaxed);
                let event = String::from_utf8_lossy(&event).into_owned();
                Ok::<_, Error>(format!("{event} {} {}", context.request_id, context.trace_id))
            }
        })
    };
    let plan = Plan { slots: NonZeroUsize::new(slots).unwrap(), ..Plan::default() };
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let runtime = tokio::spawn(async move { runtime::run(&mut client, plan, Arc::new(handler)).await });
    let calls = (0..3 * slots).map(|number| {
        let emulator = emulator.clone();
        async move {
            let request = InvokeRequest { payload: number.to_string().into(), ..who(number, 0) };
            let outcome = tokio::time::timeout(PATIENCE, emulator.invoke(request)).await.unwrap();
            assert_eq!(outcome.payload, format!("{number} request-{number} Root=1-{number}"));
        }
    });
    futures(calls).await;
    assert!(!runtime.is_finished());
    runtime.abort();
}

#[tokio::test]
async fn what_runs_is_finished_before_a_failed_runtime_ends() {
    let slots = 3;
    let emulator = Emulator::start(Settings { max_concurrency: slots, ..Settings::default() }).await.unwrap();
    let (panicked, waits) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(2)));
    let handler = {
        let panicked = panicked.clone();
        handler_fn(move |event: Bytes, _: Context| {
            let (panicked, waits) = (panicked.clone(), waits.clone());
            async move {
                waits.wait().await;
                if event == "panic" {
                    panicked.store(true, Relaxed);
                    panic!("kaboom");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok::<_, Error>(event)
            }
        })
    };
    let plan = Plan { slots: NonZeroUsize::new(slots).unwrap(), ..Plan::default() };
    let mut client = Client::new(emulator.runtime_api()).unwrap();
    let runtime = tokio::spawn(async move { runtime::run(&mut client, plan, Arc::new(handler)).await });
    let (panic, other) = tokio::join!(emulator.invoke("panic"), emulator.invoke("other"));
    assert!(panicked.load(Relaxed) && panic.function_error.is_some());
    assert_eq!(other.payload, "other");
    let ended = tokio::time::timeout(PATIENCE, runtime).await.unwrap().unwrap();
    assert!(ended.is_err_and(|error| error.to_string().contains("kaboom")));
}
