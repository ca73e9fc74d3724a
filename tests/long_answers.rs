//! Answers that are too long to be kept in memory: they go to the platform as they come from the handler, and what breaks
//! off on the way is a failure. The platform is one by hand, which reads when it is told to.

#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::time::Duration;

use support::platform::{Platform, accept, head, request, within};
use support::{children, peak_memory, signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Above what the sockets in between hold.
const LENGTH: usize = 15_000_000;

#[tokio::test]
async fn an_answer_that_breaks_off_is_truncated_and_then_told() {
    // AWS's emulator knows no failure behind the start of a response, and hands out no other event then; it starts anew.
    // (`InvocationResponse` in its `core/states.go`.) Others have given up the invocation, and go on.
    for (status, goes_on) in [("400 Bad Request", true), ("403 Forbidden", false), ("202 Accepted", true)] {
        let Some(mut platform) = Platform::start().await else { return };
        let _first = loop {
            let mut first = platform.event(&format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
            let head = head(&mut first).await;
            assert!(
                head.starts_with("POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n"),
                "{head}"
            );
            assert!(head.contains(&format!("\r\ncontent-length: {LENGTH}\r\n")), "{head}");
            let mut some = vec![0; 100_000];
            first.read_exact(&mut some).await.unwrap();
            let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
            signal(handler, "-KILL");
            let (mut rest, left) = (Vec::new(), LENGTH - some.len());
            _ = within((&mut first).take(left as u64).read_to_end(&mut rest)).await;
            if rest.len() < left {
                break first;
            }
            // All of it had left the handler before: there are kernels that keep so much in between.
            accept(&mut first).await;
            platform.stream = Some(first);
        };
        let mut second = platform.connection().await;
        let failure = request(&mut second).await;
        assert!(
            failure.starts_with("POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1\r\n"),
            "{failure}"
        );
        assert!(failure.contains(r#""errorType":"Runtime.ExitError""#), "{failure}");
        assert!(failure.contains("signal: killed"), "{failure}");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        second.write_all(answer.as_bytes()).await.unwrap();
        if goes_on {
            platform.stream = Some(second);
            let mut answered = platform.event(r#"{"do":"raw","text":"\"well\""}"#).await;
            assert!(request(&mut answered).await.ends_with("\r\n\r\n\"well\""));
        } else {
            assert_eq!(within(platform.bootstrap.wait()).await.unwrap().code(), Some(1));
            let mut said = String::new();
            platform.bootstrap.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
            let last = said.lines().last().unwrap_or_default();
            assert!(last.starts_with("go1x: error: the response broke off on its way: "), "{said}");
            assert!(last.ends_with("signal: killed (Runtime.ExitError)"), "{said}");
        }
    }
}

/// Until the answer has ended, the invocation's time runs, and its handler gets no other.
#[tokio::test]
async fn an_answer_that_does_not_go_on_is_overdue() {
    let Some(mut platform) = Platform::start().await else { return };
    let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
    let mut first = platform.event_until(2_000, &format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
    head(&mut first).await;
    signal(handler, "-STOP");
    let mut rest = Vec::new();
    _ = within(first.read_to_end(&mut rest)).await;
    let mut second = platform.connection().await;
    let failure = request(&mut second).await;
    assert!(failure.contains("/error HTTP/1.1") && failure.contains("Runtime.Go1xTimedOut"), "{failure}");
    accept(&mut second).await;
    platform.stream = Some(second);
    let mut answered = platform.event(r#"{"do":"raw","text":"well"}"#).await;
    assert!(request(&mut answered).await.ends_with("well"));
    assert_ne!(children(platform.pid()), [handler]);
}

#[tokio::test]
async fn an_answer_takes_no_more_memory_than_a_part_of_it() {
    let Some(mut platform) = Platform::start().await else { return };
    let mut stream = platform.event(r#"{"do":"raw","text":"small"}"#).await;
    assert!(request(&mut stream).await.ends_with("small"));
    accept(&mut stream).await;
    platform.stream = Some(stream);
    let before = peak_memory(platform.pid());
    for _ in 0..3 {
        let mut stream = platform.event(&format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
        let head = head(&mut stream).await;
        assert!(head.contains("/response HTTP/1.1"), "{head}");
        // As slowly as may be, at first.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut body = vec![0; LENGTH];
        stream.read_exact(&mut body).await.unwrap();
        accept(&mut stream).await;
        platform.stream = Some(stream);
    }
    let more = peak_memory(platform.pid()) - before;
    assert!(more < 2 << 20, "{more} bytes more");
}

#[tokio::test]
async fn an_answer_that_is_refused_leaves_its_handler_in_use() {
    let Some(mut platform) = Platform::start().await else { return };
    let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
    let mut stream = platform.event(&format!(r#"{{"do":"bytes","n":{LENGTH}}}"#)).await;
    head(&mut stream).await;
    let refusal = "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(refusal.as_bytes()).await.unwrap();
    let mut answered = platform.event(r#"{"do":"raw","text":"small"}"#).await;
    assert!(request(&mut answered).await.ends_with("small"));
    assert_eq!(children(platform.pid()), [handler]);
}
