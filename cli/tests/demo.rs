//! `go1x demo`, as its users call it.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use peers::Peer;
use serde_json::Value;

#[test]
fn with_go_three_handlers_are_shown() {
    for peer in [Peer::HandlerOld, Peer::HandlerCurrent, Peer::HandlerCurrentNorpc] {
        if peers::require(peer).is_none() {
            return;
        }
    }
    let report = json(&run(go1x(&["demo", "--format", "json"])));
    assert_eq!(report["without_go"], Value::Null);
    let tours = report["tours"].as_array().unwrap();
    assert_eq!(tours.len(), 2, "{report:#}");
    for tour in tours {
        check_tour(tour, "string");
    }
    assert_eq!(tours[0]["handler"], "handler-v1.13.3");
    check_times(&report, &["rpc", "rpc", "direct"]);
}

#[test]
fn the_built_in_handler_does_the_same() {
    let folder = Folder::new("json");
    let mut command = go1x(&["demo", "--no-go", "--format", "json"]);
    command.env("TMPDIR", folder.path());
    let report = json(&run(command));
    assert_eq!(report["without_go"]["cause"], "--no-go was given");
    let tours = report["tours"].as_array().unwrap();
    assert_eq!(tours.len(), 1, "{report:#}");
    check_tour(&tours[0], "string");
    check_times(&report, &["rpc", "direct"]);
    folder.is_left_clean();
}

/// Every event of one handler, in order.
fn check_tour(tour: &Value, panic_type: &str) {
    let events = tour["events"].as_array().unwrap();
    let names: Vec<_> = events.iter().map(|sent| sent["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["echo", "echo again", "API Gateway", "error", "context", "panic", "context", "1 MB echo"]
    );
    for sent in events {
        assert_eq!(sent["problem"], Value::Null, "{sent:#}");
        let is_failure = ["error", "panic"].contains(&sent["event"].as_str().unwrap());
        assert_eq!(sent["outcome"] == "failure", is_failure, "{sent:#}");
        assert_eq!(sent["log"].as_array().unwrap().is_empty(), !is_failure, "{sent:#}");
        // An event goes over the socket as it is.
        assert!(sent["rpc"]["request_bytes"].as_u64() > sent["event_bytes"].as_u64(), "{sent:#}");
        assert!(sent["rpc"]["reply_bytes"].as_u64() > Some(0), "{sent:#}");
    }
    assert!(tour["ping"]["reply_bytes"].as_u64() > Some(0), "{tour:#}");
    assert!(events[0]["rpc"]["request_bytes"].as_u64() > events[1]["rpc"]["request_bytes"].as_u64());
    // A header and a body each way, with the definitions of their types where the connection is new.
    for (event, messages) in [(&events[0], [4, 6]), (&events[1], [2, 2])] {
        assert_eq!(
            [&event["rpc"]["request_messages"], &event["rpc"]["reply_messages"]],
            messages,
            "{event:#}"
        );
    }
    assert_eq!(events[3]["log"][0], "no such user: customError null");
    assert_eq!(events[5]["answer"], format!("{panic_type}: out of tea"));
    assert_eq!(events[7]["answer_bytes"], 1 << 20);
    for context in [&events[4], &events[6]] {
        let answer = context["answer"].as_str().unwrap();
        let pid = answer.strip_prefix("pid ").and_then(|rest| rest.split_once(',')).unwrap().0;
        assert!(!Path::new("/proc").join(pid).exists(), "process {pid} is left behind");
    }
}

fn check_times(report: &Value, doors: &[&str]) {
    let times = report["times"].as_array().unwrap();
    assert_eq!(times.len(), 4, "{report:#}");
    for times in times {
        let medians = times["medians"].as_array().unwrap();
        assert_eq!(medians.iter().map(|median| &median["door"]).collect::<Vec<_>>(), doors);
        assert!(medians.iter().all(|median| median["milliseconds"].as_f64() > Some(0.0)), "{times:#}");
        assert!(times["ratio"].as_f64() > Some(0.0), "{times:#}");
    }
}

#[test]
fn the_text_fits_80_columns_and_has_no_colour_in_a_pipe() {
    let check = |arguments: &[&str]| {
        let output = run(go1x(arguments));
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(!text.contains('\u{1b}'), "{text:?}");
        text
    };
    let text = check(&["demo", "--no-go"]);
    for part in [
        "No Go handlers are shown: --no-go was given\n",
        "\n  echo         ok      {\"order\":1017,",
        "\n  panic        failed  string: out of tea ",
        "\n               As on go1.x, a fresh process took its place (",
        "\n  1 MB echo    ok      the same 1 048 576 bytes          2 · 1.0 MB   2 · 1.0 MB\n",
        "\nEcho over RPC: ",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    if peers::require(Peer::HandlerCurrentNorpc).is_some() {
        assert!(check(&["demo"]).contains("\nEcho by the old binary over RPC: "));
    }
    check(&["--help"]);
    check(&["demo", "--help"]);
}

#[test]
fn without_go_the_cause_and_the_cure_are_told() {
    let mut command = go1x(&["demo"]);
    // Where nothing can be built, as without Go.
    command.env("GO1X_CACHE", "/dev/null/cache");
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["No Go handlers are shown: the cache cannot be used", "To see them, name a folder", "built-in"]
    {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn a_wrong_answer_is_named_and_exits_with_1() {
    let Some(echo) = peers::require(Peer::EchoOld) else { return };
    let folder = Folder::new("wrong");
    // A cache with a handler in it that does nothing but echo.
    for peer in [Peer::HandlerOld, Peer::HandlerCurrent, Peer::HandlerCurrentNorpc] {
        let Some(built) = peers::require(peer) else { return };
        let copy = folder.path().join(built.strip_prefix(peers::cache_dir()).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(if peer == Peer::HandlerOld { &echo } else { &built }, &copy).unwrap();
    }
    let mut command = go1x(&["demo"]);
    command.env("GO1X_CACHE", folder.path());
    let output = run(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "error: not all went as promised:\n  handler-v1.13.3: the answer to \"API Gateway\" is {";
    assert!(said.starts_with(expected) && said.contains("\nhelp: "), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\n  API Gateway  WRONG   the answer to ") && !text.contains("Time of"), "{text}");
}

#[test]
fn help_teaches_and_wrong_usage_exits_with_2() {
    let help = run(go1x(&["demo", "--help"]));
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Examples:\n  go1x demo\n") && help.contains("--no-go"), "{help}");
    for wrong in [&[][..], &["demo", "--go"], &["demo", "--format", "xml"], &["dance"]] {
        let output = run(go1x(wrong));
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{wrong:?}: {output:?}");
    }
    let said = String::from_utf8(run(go1x(&["dance"])).stderr).unwrap();
    assert!(said.starts_with("error: unrecognized subcommand 'dance'"), "{said}");
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    for signal in ["-INT", "-TERM"] {
        let folder = Folder::new(signal);
        let mut command = go1x(&["demo", "--no-go"]);
        command.env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The heading of the table: handlers are being started from here on.
        assert!(lines.any(|line| line.unwrap().contains("1 MB echo")));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        folder.is_left_clean();
    }
}

#[test]
fn a_reader_may_leave() {
    let mut command = go1x(&["demo", "--no-go"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &[][..]), "{output:?}");
}

fn go1x(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_go1x"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Output {
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder for one run's temporary files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("go1x-demo-test-{}-{name}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// No file, and no process that was started from here.
    fn is_left_clean(&self) {
        assert_eq!(fs::read_dir(&self.0).unwrap().count(), 0, "files in {}", self.0.display());
        let end = Instant::now() + Duration::from_secs(10);
        while let Some(process) = self.process() {
            assert!(Instant::now() < end, "left behind: {process}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn process(&self) -> Option<String> {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.map(|entry| fs::read(entry.path().join("cmdline")).unwrap_or_default());
        let mut lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
        lines.find(|line| line.starts_with(&*self.0.to_string_lossy()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
