//! Extensions beside the bridge, under AWS's Runtime Interface Emulator: they see a function's whole life as if the
//! bridge were not there.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use peers::Peer;
use serde_json::{Value, json};
use support::rie::{Rie, exchange};
use support::{Folder, eventually, example};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

/// A function with a layer: what is in the layer's folder is in `/opt`, for the emulator and all that it starts.
struct Function {
    rie: Rie,
    layer: Folder,
}

impl Function {
    /// None, after a line on stderr, where nothing can be put into `/opt`.
    async fn start(layer: Folder, handler: &Path, variables: &[(&str, &str)]) -> Option<Function> {
        let emulator = peers::require_rie()?;
        let unshare = unshare(layer.path())?;
        let command = || {
            let mut command = Command::new(unshare[0]);
            command.args(&unshare[1..]).args(["sh", "-c", r#"mount --bind "$0" /opt && exec "$@""#]);
            command.arg(layer.path()).arg(&emulator).args(["--log-level", "debug"]);
            command.env("EXTENSION_NOTES", layer.path().join("notes"));
            command
        };
        let rie = Rie::start_by(command, handler, variables).await;
        Some(Function { rie, layer })
    }

    /// The first invocation after a reset. The emulator may still be at the reset then, and cancel what it has only begun
    /// to start, with an error and a reason of SHUTDOWN that are its own.
    async fn ask_anew(&self, event: &str) -> Value {
        loop {
            let answer = self.rie.try_invoke(Bytes::copy_from_slice(event.as_bytes())).await;
            let value: Value = serde_json::from_slice(answer.body()).unwrap();
            if value["errorType"] != "Sandbox.Failure" {
                assert_eq!(answer.status(), 200, "{value}\n{}", self.rie.output());
                return value;
            }
        }
    }

    /// How often extensions began, and what they were told but for the reason that only a cancelled start has.
    fn notes_of_many(&self) -> (usize, Vec<String>) {
        let (inits, told): (Vec<_>, Vec<_>) =
            self.notes().into_iter().partition(|note| note.starts_with("INIT "));
        let told = told.into_iter().filter(|note| !note.starts_with("SHUTDOWN ReleaseFail "));
        (inits.len(), told.collect())
    }

    /// What the extension of `examples/extension.rs` was told so far, a line each.
    fn notes(&self) -> Vec<String> {
        let notes = fs::read_to_string(self.layer.path().join("notes")).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }

    /// The emulator's own word of what was invoked.
    fn request_ids(&self) -> Vec<String> {
        let output = self.rie.output();
        let starts = output.lines().filter_map(|line| line.strip_prefix("START RequestId: "));
        starts.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
    }

    /// Ends the sandbox as Lambda does. All that the emulator wrote.
    async fn shut_down(&mut self) -> String {
        self.rie.terminate().await;
        eventually("no process is left", || processes_of(self.layer.path()).is_empty()).await;
        self.rie.output()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        for pid in processes_of(self.layer.path()) {
            _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
}

/// The words that start a command which may mount: root's, or else those of anybody who may be root in a namespace.
fn unshare(layer: &Path) -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["unshare", "--mount"], &["unshare", "--user", "--map-root-user", "--mount"]];
    let works = |way: &&&[&str]| {
        let tried = std::process::Command::new(way[0])
            .args(&way[1..])
            .args(["mount", "--bind"])
            .arg(layer)
            .arg("/opt")
            .output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let found = ways.iter().find(works).copied();
    if found.is_none() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        // Not eprintln: libtest would keep that back.
        let text =
            format!("NOT RUN: {test} needs a mount namespace, and may not have one: unshare --mount\n");
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    found
}

/// The processes that have the layer's path in their environment: those of one test.
fn processes_of(layer: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let notes = format!("EXTENSION_NOTES={}/", layer.display());
    let has_it = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(notes.as_bytes()))
    };
    numbers.filter(has_it).collect()
}

/// A layer with the extension of `examples/extension.rs`.
fn layer_with_an_extension(name: &str) -> Folder {
    let layer = Folder::new(name);
    layer.write("extensions/noted", 0o755, &fs::read(example("extension")).unwrap());
    layer
}

/// What the emulator says when it has to end a process itself.
const KILLED: &str = "Sending SIGKILL";

/// The emulator's reasons of SHUTDOWN; on Lambda they are `SPINDOWN` and `TIMEOUT`.
const ENDED: &str = "SandboxTerminated";
const TIMED_OUT: &str = "Timeout";

fn pid(answer: &Value) -> u64 {
    answer["pid"].as_u64().unwrap_or_else(|| panic!("a handler answers: {answer}"))
}

#[track_caller]
fn assert_shutdown(note: &str, reason: &str) {
    let left = note.strip_prefix(&format!("SHUTDOWN {reason} ")).and_then(|left| left.parse::<u64>().ok());
    assert!(left.is_some_and(|left| left > 0), "SHUTDOWN {reason} comes within its window: {note}");
}

#[tokio::test]
async fn an_external_extension_sees_the_whole_life_of_an_old_handler() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let layer = layer_with_an_extension("external");
    let Some(mut function) = Function::start(layer, &handler, &[]).await else { return };
    let mut ids = Vec::new();
    for number in 0..3 {
        let context = function.rie.ask(r#"{"do":"context"}"#).await;
        ids.push(context["requestId"].clone());
        assert_eq!(function.rie.ask(&format!(r#"{{"n":{number}}}"#)).await, json!({"n": number}));
    }
    let before = function.rie.ask(r#"{"do":"context"}"#).await;
    let failure = function.rie.ask(r#"{"do":"panic","message":"kaboom"}"#).await;
    assert_eq!(failure["errorMessage"], "kaboom");
    // A fresh process, and the extension goes on.
    let after = function.rie.ask(r#"{"do":"context"}"#).await;
    assert_ne!(pid(&before), pid(&after));
    ids.extend([before["requestId"].clone(), after["requestId"].clone()]);

    let port = function.notes()[0].rsplit_once(' ').unwrap().1.parse::<u16>().unwrap();
    let mut said = String::new();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "extension");

    let output = function.shut_down().await;
    let notes = function.notes();
    let invoked = function.request_ids();
    assert_eq!(invoked.len(), 9, "{output}");
    assert_eq!(json!([invoked[0], invoked[2], invoked[4], invoked[6], invoked[8]]), json!(ids));
    assert_eq!(notes[0], format!("INIT test_function {port}"));
    let expected: Vec<_> = invoked.iter().map(|id| format!("INVOKE {id}")).collect();
    assert_eq!(notes[1..10], expected, "{output}");
    assert_shutdown(&notes[10], ENDED);
    assert_eq!(notes.len(), 11, "{notes:?}");
    assert!(!output.contains(KILLED), "each ends in its time: {output}");
    // No extension is there but the one: the bridge has none that it was not asked for.
    assert_eq!(output.matches("POST /2020-01-01/extension/register").count(), 1, "{output}");
}

/// Beside an external extension the runtime has a part of the window, and the extension the rest.
#[tokio::test]
async fn whatever_a_handler_makes_of_sigterm_the_extension_has_its_shutdown() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    for (name, variable, heard) in
        [("polite", "HANDLER_SIGTERM_LOG", true), ("stubborn", "HANDLER_IGNORE_SIGTERM", false)]
    {
        for setting in ["off", "on"] {
            let layer = layer_with_an_extension(&format!("{name}-{setting}"));
            let variables = [(variable, "1"), ("GO1X_SIGTERM", setting), ("GO1X_LOG", "debug")];
            let Some(mut function) = Function::start(layer, &handler, &variables).await else { return };
            pid(&function.rie.ask(r#"{"do":"count"}"#).await);
            let output = function.shut_down().await;
            assert_eq!(output.contains("SIGTERM received"), heard, "{name}: {output}");
            assert_eq!(output.contains("the handler did not end when asked to"), !heard, "{name}: {output}");
            assert!(!output.contains(KILLED), "{name}: bootstrap ends in its part of the window: {output}");
            assert_shutdown(function.notes().last().unwrap(), ENDED);
            // The bridge's own, where it is asked for, is for no events.
            let own = |line: &&str| {
                line.contains("Internal agent go1x-sigterm ") && line.ends_with("subscribed to []")
            };
            assert_eq!(output.lines().filter(own).count(), usize::from(setting == "on"), "{output}");
        }
    }
}

/// So that the word that the other tests look for is known to come.
#[tokio::test]
async fn a_bootstrap_that_does_not_end_is_killed_by_the_emulator() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let layer = layer_with_an_extension("stopped");
    let Some(mut function) = Function::start(layer, &handler, &[]).await else { return };
    let child = pid(&function.rie.ask(r#"{"do":"count"}"#).await);
    let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap();
    let bootstrap = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap();
    support::signal(bootstrap, "-STOP");
    let output = function.shut_down().await;
    assert!(output.contains(&format!("{KILLED} to runtime")), "{output}");
    assert_shutdown(function.notes().last().unwrap(), ENDED);
}

#[tokio::test]
async fn after_a_timeout_all_begin_again() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let layer = layer_with_an_extension("timeout");
    let variables = [("AWS_LAMBDA_FUNCTION_TIMEOUT", "3")];
    let Some(mut function) = Function::start(layer, &handler, &variables).await else { return };
    let before = function.rie.ask(r#"{"do":"context"}"#).await;
    let answer = function.rie.invoke(r#"{"do":"sleep","ms":60000}"#.into()).await;
    assert_eq!(answer, "Task timed out after 3.00 seconds");
    let after = function.ask_anew(r#"{"do":"context"}"#).await;
    assert_ne!(pid(&before), pid(&after));
    let output = function.shut_down().await;
    let (inits, told) = function.notes_of_many();
    assert!(inits > 1, "{output}");
    let [first, slow, timeout, last, end] = &told[..] else { panic!("{told:?}\n{output}") };
    let invoked = function.request_ids();
    let ids = [&invoked[0], &invoked[1], invoked.last().unwrap()];
    assert_eq!([first, slow, last], ids.map(|id| format!("INVOKE {id}")).each_ref());
    assert_shutdown(timeout, TIMED_OUT);
    assert_shutdown(end, ENDED);
    assert!(!output.contains(&format!("{KILLED} to runtime")), "{output}");
}

#[tokio::test]
async fn after_the_end_of_an_extension_all_begin_again() {
    let Some(handler) = peers::require(Peer::HandlerOld) else { return };
    let layer = layer_with_an_extension("ended");
    let Some(mut function) = Function::start(layer, &handler, &[]).await else { return };
    let before = function.rie.ask(r#"{"do":"context"}"#).await;
    let is_extension =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default() == "noted\n";
    let extension = processes_of(function.layer.path()).into_iter().find(is_extension).unwrap();
    support::signal(extension, "-KILL");
    let output = || function.rie.output();
    eventually("its end is seen", || output().contains("Process extension-noted-1 exited: signal: killed"))
        .await;
    let failure = function.rie.try_invoke("{}".into()).await;
    assert_eq!(failure.status(), 502, "{:?}", failure.body());
    assert!(function.rie.output().contains("Invoke DONE failed: Extension.Crash"));
    let after = function.ask_anew(r#"{"do":"context"}"#).await;
    assert_ne!(pid(&before), pid(&after));
    let output = function.shut_down().await;
    let (inits, told) = function.notes_of_many();
    assert!(inits > 1, "{output}");
    let [first, last, end] = &told[..] else { panic!("{told:?}\n{output}") };
    let invoked = function.request_ids();
    let ids = [&invoked[0], invoked.last().unwrap()];
    assert_eq!([first, last], ids.map(|id| format!("INVOKE {id}")).each_ref());
    assert_shutdown(end, ENDED);
    assert!(!output.contains(&format!("{KILLED} to runtime")), "{output}");
}

/// Sentry's extension asks for the next event after SHUTDOWN too, so that it is always killed at the end; on Lambda
/// as here, and with any runtime.
#[tokio::test]
async fn sentrys_extension_works_beside_an_old_handler() {
    let (Some(handler), Some(extension)) =
        (peers::require(Peer::HandlerOld), peers::require_sentry_extension())
    else {
        return;
    };
    let layer = Folder::new("sentry");
    layer.write("extensions/sentry-extension", 0o755, &fs::read(&extension).unwrap());
    let program = fs::read(extension.with_file_name("index.mjs")).unwrap();
    layer.write("sentry-extension/index.mjs", 0o755, &program);
    let _turn = turn_at_sentrys_port().await;
    let Some(mut function) = Function::start(layer, &handler, &[("GO1X_SIGTERM", "on")]).await else {
        return;
    };
    let before = function.rie.ask(r#"{"do":"context"}"#).await;
    assert_eq!(function.rie.ask(r#"{"do":"panic","message":"kaboom"}"#).await["errorMessage"], "kaboom");
    let after = function.rie.ask(r#"{"do":"context"}"#).await;
    assert_ne!(pid(&before), pid(&after));
    // Its server is what answers there.
    let request = Request::get("/").header("host", "localhost").body(Full::<Bytes>::default()).unwrap();
    assert_eq!(exchange(9000, request).await.body(), r#"{"error":"Not found"}"#);

    let output = function.shut_down().await;
    let registered = |line: &&str| {
        line.contains("External agent sentry-extension ")
            && line.ends_with("registered, subscribed to [INVOKE SHUTDOWN]")
    };
    assert_eq!(output.lines().filter(registered).count(), 1, "{output}");
    // It asked for the first event, and again after each of three and SHUTDOWN.
    let asks = |line: &&str| line.contains("GET /2020-01-01/extension/event/next") && line.contains("[node]");
    assert_eq!(output.lines().filter(asks).count(), 5, "{output}");
    assert!(output.contains(") is registered for the shutdown event."), "{output}");
    assert!(!output.contains(&format!("{KILLED} to runtime")), "{output}");
}

/// There is only one port 9000: this run's turn lasts until what is returned is dropped. As the port, it is known by
/// name to all in the network namespace, and leaves no file.
async fn turn_at_sentrys_port() -> UnixListener {
    let name = SocketAddr::from_abstract_name("go1x-test-port-9000").unwrap();
    let mut turn = None;
    eventually("it is this run's turn", || {
        turn = UnixListener::bind_addr(&name).ok();
        turn.is_some()
    })
    .await;
    eventually("port 9000 is free", || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9000)).is_ok()).await;
    turn.unwrap()
}

/// aws-lambda-go's own internal extension, with and without ours and an external one.
#[tokio::test]
async fn a_handler_that_asks_for_sigterm_itself_gets_it_once() {
    let Some(handler) = peers::require(Peer::SigtermCurrent) else { return };
    for setting in ["off", "on"] {
        for external in [false, true] {
            let name = format!("internal-{setting}-{external}");
            let layer = if external { layer_with_an_extension(&name) } else { Folder::new(&name) };
            let variables = [("GO1X_SIGTERM", setting)];
            let Some(mut function) = Function::start(layer, &handler, &variables).await else { return };
            let first = function.rie.ask("1").await;
            assert_eq!(first["event"], 1);
            // The library registers its extension once more from the fresh process. It is refused, since the function
            // runs already, and the one of before goes on.
            assert_eq!(function.rie.ask(r#""panic""#).await["errorMessage"], "as it was told");
            let second = function.rie.ask("2").await;
            assert_ne!(pid(&first), pid(&second));
            let output = function.shut_down().await;
            let refused = "WARNING! Failed to register internal extension!";
            assert_eq!(output.matches(refused).count(), 1, "{name}: {output}");
            assert_eq!(output.matches("SIGTERM received by").count(), 1, "{name}: {output}");
            assert!(output.contains(&format!("SIGTERM received by {}", pid(&second))), "{name}: {output}");
            assert!(!output.contains(KILLED), "{name}: {output}");
            let internal = |agent: &str| output.contains(&format!("Internal agent {agent} "));
            assert!(internal("GoLangEnableSIGTERM"), "{name}: {output}");
            assert_eq!(internal("go1x-sigterm"), setting == "on", "{name}: {output}");
            assert_eq!(function.notes().len(), if external { 5 } else { 0 }, "{name}: {output}");
        }
    }
}
