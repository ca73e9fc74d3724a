//! `bootstrap` with one invocation at a time waits in the read itself: for the platform and for the handler.
#![cfg(all(not(feature = "norpc"), target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::collections::HashSet;

use support::platform::{Platform, accept, request, within};
use support::shipped::not_run;
use tokio::io::AsyncReadExt as _;

/// Of x86-64.
const RECVFROM: &str = "45";
/// One shows it nearly always. A machine that is busy may be late with its looks.
const ROUNDS: usize = 500;
const LOOKS: usize = 50;

/// The descriptor from which a process waits to receive as of now: proc_pid_syscall(5). Of one that runs, nothing is known.
fn waits_for(pid: u32) -> std::io::Result<Option<String>> {
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall"))?;
    let mut words = call.split_ascii_whitespace();
    Ok(words.next().filter(|number| *number == RECVFROM).and_then(|_| words.next()).map(str::to_owned))
}

#[tokio::test]
async fn one_invocation_at_a_time_is_waited_for_in_the_read() {
    let Some(mut platform) = Platform::start_with(&[("GO1X_LOG", "debug")]).await else { return };
    if let Err(error) = waits_for(platform.pid()) {
        return not_run(&format!("what a process waits for is not shown here: {error}"));
    }
    let pid = platform.pid();
    let look = |seen: &mut HashSet<String>| seen.extend((0..LOOKS).filter_map(|_| waits_for(pid).unwrap()));
    let (mut platforms, mut both) = (HashSet::new(), HashSet::new());
    for _ in 0..ROUNDS {
        let mut stream = platform.event(r#"{"do":"sleep","ms":2}"#).await;
        look(&mut both);
        request(&mut stream).await;
        accept(&mut stream).await;
        platform.stream = Some(stream);
        platform.asks().await;
        look(&mut platforms);
        both.extend(platforms.iter().cloned());
        if !platforms.is_empty() && both.len() > platforms.len() {
            break;
        }
    }
    assert_eq!(platforms.len(), 1, "the next event is waited for in the read of its connection");
    assert_eq!(both.len(), 2, "and so is the handler's answer");
    platform.bootstrap.start_kill().unwrap();
    let mut said = String::new();
    within(platform.bootstrap.stderr.take().unwrap().read_to_string(&mut said)).await.unwrap();
    assert!(said.contains("DEBUG") && !said.contains("waiting in the reactor"), "{said}");
}
