//! SIGTERM in whatever moment it comes: the handler hears of it, `bootstrap` ends with 0, and nothing is left behind.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use peers::Peer;
use runtime_api::emulator::Settings;
use rustix::process::{Pid, Signal, kill_process};
use support::platform::{Platform, accept, head, request, within};
use support::{Folder, Sandbox, children, eventually, free_port, is_alive};
use tokio::io::AsyncReadExt as _;

/// Sends it without starting a program, which would take longer than some moments last.
fn terminate(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
}

/// Sends it, and sees that `heard` processes hear of it, and that none of them stays.
async fn ends(sandbox: &Sandbox, heard: usize) {
    let handlers = children(sandbox.pid());
    assert!(!handlers.is_empty(), "{}", sandbox.output());
    terminate(sandbox.pid());
    assert_eq!(sandbox.exit().await.code(), Some(0), "{}", sandbox.output());
    for handler in handlers {
        assert!(!is_alive(handler), "{}", sandbox.output());
    }
    assert_eq!(sandbox.output().matches("SIGTERM received").count(), heard, "{}", sandbox.output());
}

/// Says when it hears of SIGTERM, and otherwise does nothing for ever.
const DEAF_TO_ALL_ELSE: &str =
    "trap 'echo SIGTERM received; exit 0' TERM\necho waiting\nwhile :; do sleep 0.01; done\n";

fn script(folder: &Folder, name: &str, before: &str) -> String {
    let path = folder.write(name, 0o755, format!("#!/bin/sh\n{before}{DEAF_TO_ALL_ELSE}").as_bytes());
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn while_the_first_start_is_under_way() {
    let folder = Folder::new("sigterm-first");
    let handler = script(&folder, "main", "");
    let sandbox = Sandbox::start(Path::new(&handler), &[]).await;
    sandbox.says("waiting").await;
    ends(&sandbox, 1).await;
}

#[tokio::test]
async fn while_another_is_started_in_a_lost_ones_place() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let folder = Folder::new("sigterm-again");
    let before = "mkdir \"${0%/*}/first\" 2>/dev/null && exec \"$@\"\n";
    let wrapper = script(&folder, "wrapper", before);
    let sandbox = Sandbox::start(&handler, &[("AWS_LAMBDA_EXEC_WRAPPER", &wrapper)]).await;
    sandbox.fail(r#"{"do":"exit","code":1}"#).await;
    sandbox.says("waiting").await;
    ends(&sandbox, 1).await;
}

/// It was started once more to be listened to, and what it says is not for the log. It may still say something, whoever
/// listens.
#[tokio::test]
async fn while_last_words_are_heard() {
    let folder = Folder::new("sigterm-heard");
    let says = DEAF_TO_ALL_ELSE.replace("'echo", "'echo it ends >&2; echo");
    let text = format!("#!/bin/sh\ncd \"${{0%/*}}\"\nmkdir first 2>/dev/null && exit 3\nexec >said\n{says}");
    let handler = folder.write("main", 0o755, text.as_bytes());
    let sandbox = Sandbox::start(&handler, &[]).await;
    let said = || std::fs::read_to_string(folder.path().join("said")).unwrap_or_default();
    eventually("it is heard", || said() == "waiting\n").await;
    ends(&sandbox, 0).await;
    assert_eq!(said(), "waiting\nSIGTERM received\n");
}

/// As with an emulator that knows none: nobody sends it unasked, and all else works.
#[tokio::test]
async fn where_no_extension_can_be_registered() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let variables = [("GO1X_SIGTERM", "on"), ("HANDLER_SIGTERM_LOG", "1")];
    let sandbox = Sandbox::start(&handler, &variables).await;
    sandbox.ask("1").await;
    sandbox.says("GO1X_SIGTERM is on, but no extension can be registered").await;
    ends(&sandbox, 1).await;
}

/// As after a timeout beside an extension.
#[tokio::test]
async fn with_several_invocations_at_once() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    for (slots, sharing, processes) in [(1, "process", 1), (3, "process", 3), (3, "shared", 1)] {
        let folder = Folder::new("sigterm-several");
        let log = folder.path().join("who");
        let settings = Settings { max_concurrency: slots, ..Settings::default() };
        let variables = [
            ("AWS_LAMBDA_MAX_CONCURRENCY", &*slots.to_string()),
            ("GO1X_CONCURRENCY", sharing),
            ("HANDLER_SIGTERM_LOG", "1"),
            ("HANDLER_WHO_LOG", log.to_str().unwrap()),
        ];
        let sandbox = Sandbox::start_with(settings, &handler, &variables).await;
        let busy = || sandbox.invoke(r#"{"do":"who","ms":60000}"#);
        let at_work = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
        let ending = async {
            eventually("all are at work", || at_work() == slots).await;
            assert_eq!(children(sandbox.pid()).len(), processes);
            ends(&sandbox, processes).await;
        };
        match slots {
            1 => drop(tokio::join!(busy(), ending)),
            _ => drop(tokio::join!(busy(), busy(), busy(), ending)),
        }
    }
}

#[tokio::test]
async fn while_a_call_on_the_legacy_socket_is_served() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let Some(client) = peers::require(Peer::RpcClient) else { return };
    let folder = Folder::new("sigterm-call");
    let log = folder.path().join("who");
    let address = format!("127.0.0.1:{}", free_port());
    let variables = [
        ("GO1X_RPC_LISTEN", &*address),
        ("HANDLER_SIGTERM_LOG", "1"),
        ("HANDLER_WHO_LOG", log.to_str().unwrap()),
    ];
    let sandbox = Sandbox::start(&handler, &variables).await;
    sandbox.emulator.wait_ready().await.unwrap();
    let call = tokio::process::Command::new(client)
        .args(["-addr", &address, "-deadline", "1h", "-payload", r#"{"do":"who","ms":60000}"#])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("it is called", || log.exists()).await;
    ends(&sandbox, 1).await;
    let seen = within(call.wait_with_output()).await.unwrap();
    let seen = String::from_utf8(seen.stdout).unwrap();
    assert!(seen.lines().last().unwrap().contains("rror\":"), "the caller is told: {seen}");
}

/// What hears of nothing while it is busy would not hear of this either.
#[tokio::test]
async fn while_one_event_comes_behind_the_other() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let sandbox = Sandbox::start(&handler, &[("HANDLER_SIGTERM_LOG", "1")]).await;
    sandbox.ask("1").await;
    let busy = async { while sandbox.emulator.invoke("1").await.function_error.is_none() {} };
    let ending = async {
        sandbox.ask("2").await;
        ends(&sandbox, 1).await;
    };
    tokio::select! {
        () = ending => {}
        () = async { busy.await; std::future::pending().await } => {}
    }
}

/// Its `bootstrap` is sent the signal, and ends well; what the handler said meanwhile.
async fn ended(mut platform: Platform) -> String {
    let [handler] = children(platform.pid())[..] else { panic!("there is one handler") };
    terminate(platform.pid());
    assert_eq!(within(platform.bootstrap.wait()).await.unwrap().code(), Some(0));
    assert!(!is_alive(handler));
    let mut said = String::new();
    platform.bootstrap.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
    said
}

/// It waits in the read for a moment, and then as everybody does. With these it is met in both.
#[tokio::test]
async fn while_the_next_event_is_waited_for() {
    for milliseconds in [0, 0, 1, 2, 4, 8, 16, 32] {
        let Some(mut platform) = Platform::start_with(&[("HANDLER_SIGTERM_LOG", "1")]).await else { return };
        let mut stream = platform.event(r#"{"do":"raw","text":"well"}"#).await;
        request(&mut stream).await;
        accept(&mut stream).await;
        platform.stream = Some(stream);
        platform.asks().await;
        if milliseconds > 0 {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        assert_eq!(ended(platform).await, "SIGTERM received\n", "after {milliseconds} ms");
    }
}

/// Longer than what the sockets in between hold.
#[tokio::test]
async fn in_the_middle_of_a_long_answer() {
    let Some(mut platform) = Platform::start_with(&[("HANDLER_SIGTERM_LOG", "1")]).await else { return };
    let mut stream = platform.event(r#"{"do":"bytes","n":15000000}"#).await;
    assert!(head(&mut stream).await.contains("\r\ncontent-length: 15000000\r\n"));
    stream.read_exact(&mut vec![0; 100_000]).await.unwrap();
    assert_eq!(ended(platform).await, "SIGTERM received\n");
    let mut rest = Vec::new();
    _ = within(stream.read_to_end(&mut rest)).await;
    assert!(rest.len() < 14_900_000, "nobody is to take it for whole");
}
