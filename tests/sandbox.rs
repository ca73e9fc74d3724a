//! What goes to Lambda, where Lambda would run it: the static `bootstrap` and a go1.x handler in a read-only root with
//! nothing else in it, without privileges, with 128 MB, 1 024 descriptors and a network that ends at the loopback.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::path::Path;

use peers::{Library, Peer};
use serde_json::{Value, json};
use support::lambda::{Function, Lambda, USER};
use support::shipped::{not_run, shipped};
use support::{Folder, is_alive};

/// The handler on the old library, ready to be invoked. None, after a line that says why, where something is missing.
async fn start(configure: impl FnOnce(Lambda) -> Lambda) -> Option<Function> {
    let handler = peers::require(Peer::HandlerOld)?;
    let lambda = Lambda::new().layer(&shipped()?).task(&handler);
    let function = configure(lambda).start().await?;
    function.emulator.wait_ready().await.unwrap_or_else(|failure| panic!("{failure}\n{}", function.output()));
    Some(function)
}

fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_sandbox_is_as_bare_as_it_says() {
    let Some(function) = start(|lambda| lambda).await else { return };
    for process in [function.pid(), function.handler()] {
        let file = |name: &str| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap();
        let root = format!("/proc/{process}/root");
        assert_eq!(names(&root), ["dev", "etc", "opt", "proc", "tmp", "var"]);
        assert_eq!(names(format!("{root}/etc")), ["hosts"]);
        assert_eq!(names(format!("{root}/opt")), ["bootstrap"]);
        assert_eq!(names(format!("{root}/var/task")), ["handler-v1.13.3"]);

        let status = file("status");
        let line = |name: &str| {
            let found = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            found.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("Uid:"), format!("{USER} {USER} {USER} {USER}"));
        assert_eq!(line("CapEff:"), "0000000000000000");
        assert_eq!(line("Groups:"), "");
        let limits = file("limits");
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert_eq!(files.split_ascii_whitespace().collect::<Vec<_>>()[3..5], ["1024", "1024"]);
        let interfaces = file("net/dev");
        assert_eq!(interfaces.lines().skip(2).count(), 1, "{interfaces}");
        assert!(interfaces.contains("lo:"), "{interfaces}");
    }
    for (path, error) in [("/x", "read-only"), ("/var/task/x", "read-only"), ("/dev/x", "read-only")] {
        let (failure, _) = function.fail(&json!({"do": "write", "file": path}).to_string()).await;
        assert!(failure["errorMessage"].as_str().unwrap().contains(error), "{path}: {failure}");
    }
    assert_eq!(function.ask(r#"{"do":"write","file":"/tmp/x"}"#).await, json!({"written": "/tmp/x"}));
}

#[tokio::test]
async fn an_old_handler_works_and_sees_what_go1x_showed_it() {
    let Some(function) = start(|lambda| lambda.variable("TABLE", "orders")).await else { return };
    assert_eq!(function.ask(r#"{"a":[1,"ü"]}"#).await, json!({"a": [1, "ü"]}));

    let seen = function.ask(r#"{"do":"context","env":["TABLE"]}"#).await;
    assert_eq!(seen["args"], json!(["/var/task/handler-v1.13.3"]));
    assert_eq!(seen["cwd"], "/var/task");
    assert_eq!(seen["uid"], USER);
    let environment = &seen["env"];
    for (name, value) in [
        ("AWS_EXECUTION_ENV", "AWS_Lambda_go1.x"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("_HANDLER", "handler-v1.13.3"),
        ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("TABLE", "orders"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_RUNTIME_API", function.emulator.runtime_api()),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(environment["_LAMBDA_SERVER_PORT"].as_str().unwrap().parse::<u16>().unwrap() >= 1_024);
}

#[tokio::test]
async fn errors_and_panics_are_told_and_a_fresh_process_follows_a_panic() {
    let Some(function) = start(|lambda| lambda).await else { return };
    let first = function.handler();
    let (error, _) = function.fail(r#"{"do":"error","message":"sold out"}"#).await;
    assert_eq!(error, json!({"errorMessage": "sold out", "errorType": "customError"}));
    function.says("sold out: customError null\n").await;
    assert_eq!(function.handler(), first);

    let (panic, _) = function.fail(r#"{"do":"panic","message":"oh"}"#).await;
    assert_eq!((&panic["errorMessage"], &panic["errorType"]), (&json!("oh"), &json!("string")));
    assert!(
        panic["stackTrace"].as_array().unwrap().iter().any(|frame| frame["label"] == "handle"),
        "{panic}"
    );
    assert_eq!(function.ask("1").await, 1);
    assert_ne!(function.handler(), first);

    let (exit, outcome) = function.fail(r#"{"do":"exit","code":3}"#).await;
    let text = format!("RequestId: {} Error: Runtime exited with error: exit status 3", outcome.request_id);
    assert_eq!(exit, json!({"errorMessage": text, "errorType": "Runtime.ExitError"}));
    assert_eq!(function.ask("2").await, 2);
}

#[tokio::test]
async fn the_largest_payloads_pass_within_the_memory() {
    let Some(function) = start(|lambda| lambda).await else { return };
    let process = function.handler();
    for length in [1 << 20, 6 << 20] {
        let event = format!("\"{}\"", "a".repeat(length - 2));
        for _ in 0..5 {
            let outcome = function.invoke(event.clone()).await;
            assert_eq!(outcome.function_error, None, "{}", function.output());
            assert!(outcome.payload == event, "{length}: {} bytes came back", outcome.payload.len());
        }
    }
    assert_eq!(function.handler(), process, "one process has seen them all");
}

#[tokio::test]
async fn what_needs_too_much_memory_is_killed_and_said_to_be() {
    let Some(function) = start(|lambda| lambda).await else { return };
    if !function.has_limited_memory() {
        not_run("there is no limit of memory to run into");
        return;
    }
    let first = function.handler();
    for _ in 0..2 {
        let (error, outcome) = function.fail(r#"{"do":"bytes","n":400000000}"#).await;
        let text =
            format!("RequestId: {} Error: Runtime exited with error: signal: killed", outcome.request_id);
        assert_eq!(error, json!({"errorMessage": text, "errorType": "Runtime.ExitError"}));
        assert_eq!(function.ask(r#""next""#).await, "next");
    }
    assert!(!is_alive(first));
}

#[tokio::test]
async fn it_starts_where_nothing_can_be_written() {
    let Some(function) = start(Lambda::without_tmp).await else { return };
    assert_eq!(names(format!("/proc/{}/root", function.pid())), ["dev", "etc", "opt", "proc", "var"]);
    assert_eq!(function.ask("1").await, 1);
    let (panic, _) = function.fail(r#"{"do":"panic","message":"oh"}"#).await;
    assert_eq!(panic["errorMessage"], "oh");
    assert_eq!(function.ask("2").await, 2);
}

#[tokio::test]
async fn sigterm_leaves_nothing() {
    let Some(function) = start(|lambda| lambda).await else { return };
    assert_eq!(function.ask("1").await, 1);
    let handler = function.handler();
    function.signal("-TERM");
    assert_eq!(function.exit().await.code(), Some(0), "{}", function.output());
    assert!(!is_alive(handler));
    assert!(!function.output().contains("left behind"), "{}", function.output());
}

/// Kind and target of each of a process's descriptors, without the numbers that differ.
fn descriptors(process: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let mut found: Vec<String> = entries
        .map(|entry| fs::read_link(entry.path()).unwrap_or_default().display().to_string())
        .map(|target| target.split(['[', '(']).next().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

/// A number in a process's status: threads, or memory in KiB.
fn status(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_ascii_whitespace().next().unwrap().parse().unwrap()
}

/// `GO1X_SOAK` says how many; 200 000 take some minutes.
#[tokio::test]
async fn thousands_of_invocations_leave_nothing_behind() {
    let count = std::env::var("GO1X_SOAK").map_or(5_000, |count| count.parse().unwrap());
    let Some(function) = start(|lambda| lambda).await else { return };
    let processes = [function.pid(), function.handler()];
    let event = |number: u32| match number % 100 {
        0 => r#"{"do":"error","message":"x"}"#.to_owned(),
        50 => format!(r#"{{"do":"bytes","n":{}}}"#, number * 7_919 % 200_000),
        _ => "[1,2,3]".to_owned(),
    };
    let mut before = None;
    for number in 1..=count {
        let outcome = function.invoke(event(number)).await;
        assert_eq!(outcome.function_error.is_some(), number % 100 == 0, "{number}: {outcome:?}");
        // Once all that is kept has been used once.
        if number == 1_000 {
            before = Some((processes.map(descriptors), status(function.pid(), "VmRSS")));
        }
    }
    let (open, memory) = before.unwrap();
    let (threads, now) = (status(function.pid(), "Threads"), status(function.pid(), "VmRSS"));
    println!(
        "{count} invocations: bootstrap has {threads} thread, {now} KiB; after 1000 it had {memory} KiB"
    );
    assert_eq!([function.pid(), function.handler()], processes);
    assert_eq!(processes.map(descriptors), open);
    assert_eq!(threads, 1);
    assert!(now <= memory + 1_024, "{memory} KiB, then {now} KiB");
    // Nor do lost handlers.
    for _ in 0..20 {
        function.fail(r#"{"do":"exit","code":1}"#).await;
    }
    function.ask("0").await;
    assert_eq!([function.pid(), function.handler()].map(descriptors), open);
}

#[tokio::test]
async fn an_exec_wrapper_needs_no_shell() {
    let Some(wrapper) = peers::require(Peer::Wrapper) else { return };
    let wrapped = |lambda: Lambda| lambda.layer(&wrapper).variable("AWS_LAMBDA_EXEC_WRAPPER", "/opt/wrapper");
    let Some(function) = start(wrapped).await else { return };
    let seen = function.ask(r#"{"do":"context","env":["WRAPPED"]}"#).await;
    assert_eq!(seen["env"]["WRAPPED"], "yes");
    assert_eq!(seen["args"], json!(["/var/task/handler-v1.13.3"]));
}

#[tokio::test]
async fn several_programs_are_told_apart_by_the_handler_setting() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let Some(echo) = peers::require(Peer::EchoOld) else { return };
    let Some(bootstrap) = shipped() else { return };
    let zip = Folder::new("programs");
    for (name, program) in [("bin/orders", &handler), ("bin/deep/echo", &echo), ("bootstrap", &bootstrap)] {
        zip.write(name, 0o755, &fs::read(program).unwrap());
    }
    for (setting, answer) in [("bin/orders", "[1]"), ("bin/deep/echo", "[ 1 ]")] {
        let Some(function) = Lambda::new().task(zip.path()).handler(setting).start().await else { return };
        assert_eq!(function.invoke("[ 1 ]").await.payload, answer, "{setting}: {}", function.output());
    }
}

/// The init error's type and message.
async fn refused(lambda: Lambda) -> Option<(String, String, String)> {
    let function = lambda.start().await?;
    let (error, _, status) = function.init_failure().await;
    assert_eq!(status.code(), Some(1), "{}", function.output());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some((text(&error["errorType"]), text(&error["errorMessage"]), function.output()))
}

#[tokio::test]
async fn a_dynamically_linked_handler_is_told_what_it_lacks() {
    let Some(bootstrap) = shipped() else { return };
    let program = Path::new("/bin/true");
    let is_dynamic = fs::read(program).is_ok_and(|bytes| bytes.windows(9).any(|name| name == b"ld-linux-"));
    if !is_dynamic {
        not_run("/bin/true is not linked dynamically here");
        return;
    }
    let Some((error, message, _)) = refused(Lambda::new().layer(&bootstrap).task(program)).await else {
        return;
    };
    assert_eq!(error, "Runtime.Go1xCannotStart");
    assert!(message.starts_with("fork/exec /var/task/true: no such file or directory. "), "{message}");
    for text in ["its loader (/lib", ") does not", "CGO_ENABLED=0"] {
        assert!(message.contains(text), "{message}");
    }
}

/// Not even bootstrap can help there: Go's resolver asks this file, then a name server on port 53. (The newer handler
/// could poll for itself; it was built to be driven, and has to be told from those that were not.)
#[tokio::test]
async fn a_root_without_hosts_is_said_to_lack_it() {
    let newer = Library::ALL.into_iter().find(|library| library.version() == "v1.33.0").unwrap();
    for peer in [Peer::HandlerOld, Peer::On(newer)] {
        let Some(handler) = peers::require(peer) else { return };
        let Some(bootstrap) = shipped() else { return };
        let bare = Lambda::new().layer(&bootstrap).task(&handler).without_hosts();
        let Some((error, message, output)) = refused(bare).await else { return };
        assert_eq!(error, "Runtime.Go1xHandlerExited", "{peer}");
        for text in ["exit status 1", "There is no /etc/hosts", "127.0.0.1 localhost"] {
            assert!(message.contains(text), "{peer}: {message}");
        }
        assert!(output.contains("lookup localhost"), "{peer}: the handler's own words: {output}");
    }
}
