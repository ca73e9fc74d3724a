//! Handlers that do not start: each is a named init error that says cause and cure, a non-zero exit, and leaves
//! no process behind.
#![cfg(not(feature = "norpc"))]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::path::Path;
use std::process::Stdio;

use peers::Peer;
use runtime_api::emulator::{Emulator, Settings};
use support::{Folder, PATIENCE, Sandbox};
use tokio::process::Command;

/// The init error's type, and all the texts that have to be in its message.
async fn check(handler: &Path, variables: &[(&str, &str)], error_type: &str, texts: &[&str]) {
    let sandbox = Sandbox::start(handler, variables).await;
    let (error, failure, status) = sandbox.init_failure().await;
    let message = error["errorMessage"].as_str().unwrap();
    assert_eq!(error["errorType"], error_type, "{error}");
    assert_eq!(failure.error_type.as_deref(), Some(error_type));
    for text in texts {
        assert!(message.contains(text), "{text:?} is not in: {message}");
    }
    assert_eq!(status.code(), Some(1));
    assert!(sandbox.output().contains(message), "the log has it too: {}", sandbox.output());
}

/// An ELF header and nothing more, of an architecture.
fn elf(machine: u16) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    header.extend(machine.to_le_bytes());
    header.resize(64, 0);
    header
}

#[tokio::test]
async fn missing() {
    let folder = Folder::new("missing");
    folder.write("bin/orders", 0o755, &elf(62));
    folder.write("notes.txt", 0o644, b"no program");
    let texts = ["fork/exec", "/main: no such file or directory", "bin/orders", "GO1X_HANDLER"];
    check(&folder.path().join("main"), &[], "Runtime.Go1xCannotStart", &texts).await;
    let empty = Folder::new("empty");
    check(&empty.path().join("main"), &[], "Runtime.Go1xCannotStart", &["There is no executable program"])
        .await;
    let directory = folder.path().join("bin");
    check(
        &directory,
        &[],
        "Runtime.Go1xCannotStart",
        &["permission denied", "It is a directory", "bin/orders"],
    )
    .await;
}

#[tokio::test]
async fn outside_the_task_root() {
    let folder = Folder::new("outside");
    let handler = folder.write("task/main", 0o755, &elf(62));
    for path in ["../main", "/bin/true", "a/../../main"] {
        let variables = [("GO1X_HANDLER", path)];
        check(&handler, &variables, "Runtime.Go1xHandlerPath", &[path, "is not a path below"]).await;
    }
}

#[tokio::test]
async fn bootstrap_itself() {
    let folder = Folder::new("itself");
    std::fs::hard_link(env!("CARGO_BIN_EXE_bootstrap"), folder.path().join("bootstrap"))
        .or_else(|_| {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bootstrap"), folder.path().join("bootstrap"))
        })
        .unwrap();
    folder.write("main", 0o755, &elf(62));
    let texts = ["names bootstrap itself", "GO1X_HANDLER", "main"];
    check(&folder.path().join("bootstrap"), &[], "Runtime.Go1xHandlerPath", &texts).await;
}

#[tokio::test]
async fn not_executable() {
    let folder = Folder::new("mode");
    let handler = folder.write("main", 0o644, &elf(62));
    check(&handler, &[], "Runtime.Go1xCannotStart", &["permission denied", "mode 0644", "0755"]).await;
}

#[tokio::test]
async fn wrong_architecture() {
    let folder = Folder::new("architecture");
    let (other, name) = if cfg!(target_arch = "x86_64") { (183, "aarch64") } else { (62, "x86_64") };
    let handler = folder.write("main", 0o755, &elf(other));
    check(&handler, &[], "Runtime.Go1xCannotStart", &["exec format error", name, "GOARCH="]).await;
}

#[tokio::test]
async fn no_program_at_all() {
    let folder = Folder::new("kinds");
    let text = folder.write("text", 0o755, b"MZ for another system");
    check(&text, &[], "Runtime.Go1xCannotStart", &["exec format error", "no Linux program", "GOOS=linux"])
        .await;
    let archive = folder.write("archive", 0o755, b"!<arch>\n__.PKGDEF");
    check(
        &archive,
        &[],
        "Runtime.Go1xCannotStart",
        &["exec format error", "the package that was built is not main"],
    )
    .await;
    let script = folder.write("script", 0o755, b"#!/no/such/shell\r\necho\r\n");
    check(
        &script,
        &[],
        "Runtime.Go1xCannotStart",
        &["no such file or directory", "script", "/no/such/shell", "lines on Windows"],
    )
    .await;
    let empty = folder.write("empty", 0o755, b"");
    check(&empty, &[], "Runtime.Go1xCannotStart", &["exec format error"]).await;
}

/// By another name; it would start itself for ever.
#[tokio::test]
async fn bootstrap_by_another_name() {
    let folder = Folder::new("itself");
    let bootstrap = std::fs::read(env!("CARGO_BIN_EXE_bootstrap")).unwrap();
    let handler = folder.write("main", 0o755, &bootstrap);
    for (mode, text) in [("auto", "leads to"), ("rpc", "leads to"), ("direct", "names")] {
        let text = format!("{text} bootstrap itself");
        check(&handler, &[("GO1X_MODE", mode)], "Runtime.Go1xHandlerPath", &[&text]).await;
    }
    let script = b"#!/bin/sh\nexec \"${0%/*}/main\"\n";
    let script = folder.write("script", 0o755, script);
    check(&script, &[], "Runtime.Go1xHandlerPath", &["leads to bootstrap itself"]).await;
}

#[tokio::test]
async fn sigterm_cannot_be_asked_for_by_nobody() {
    let folder = Folder::new("sigterm");
    let variables = [("GO1X_MODE", "direct"), ("GO1X_SIGTERM", "on")];
    check(&folder.path().join("main"), &variables, "Runtime.Go1xSetting", &["GO1X_SIGTERM is on", "direct"])
        .await;
}

#[tokio::test]
async fn exits_at_once() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let variables = [("HANDLER_EXIT_AT_START", "0"), ("HANDLER_START_LOG", "all done")];
    let texts = ["exit status 0", "before it listened", "does not call lambda.Start"];
    check(&handler, &variables, "Runtime.Go1xHandlerExited", &texts).await;
    let variables = [("HANDLER_EXIT_AT_START", "3"), ("HANDLER_START_LOG", "TABLE is not set")];
    let texts = ["exit status 3", "before it listened", "It said:\nTABLE is not set"];
    check(&handler, &variables, "Runtime.Go1xHandlerExited", &texts).await;
}

/// What a handler leaves behind has its stderr for as long as it likes.
#[tokio::test]
async fn a_handler_that_leaves_a_process_behind_is_heard_too() {
    let folder = Folder::new("behind");
    let script = "#!/bin/sh\ndir=${0%/*}\nmkdir \"$dir/first\" 2>/dev/null && exit 3\n\
                  setsid sh -c '>\"$0/behind\"; while [ -e \"$0\" ]; do sleep 0.1; done' \"$dir\" &\n\
                  until [ -e \"$dir/behind\" ]; do sleep 0.01; done\necho TABLE is not set >&2\nexit 3\n";
    let handler = folder.write("main", 0o755, script.as_bytes());
    let variables = [("PATH", "/usr/bin:/bin")];
    let texts = ["exit status 3", "It said:\nTABLE is not set"];
    check(&handler, &variables, "Runtime.Go1xHandlerExited", &texts).await;
}

/// An extension within the handler's process speaks with the Runtime API too. That is no sign of a handler that polls.
#[tokio::test]
async fn a_handler_that_fails_beside_its_extension_has_failed() {
    let folder = Folder::new("extension");
    let script = b"#!/bin/sh\necho \"Post http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension/register: refused\" >&2\nexit 1\n";
    let handler = folder.write("refused", 0o755, script);
    check(&handler, &[], "Runtime.Go1xHandlerExited", &["exit status 1", "extension/register: refused"])
        .await;
    // Connected for as long as a look takes to notice it, and some more.
    let script = b"#!/bin/bash\nexec 3<>\"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}\"\nsleep 2.5\nexit 3\n";
    let handler = folder.write("connected", 0o755, script);
    let variables = [("PATH", "/usr/bin:/bin")];
    check(&handler, &variables, "Runtime.Go1xHandlerExited", &["exit status 3", "before it listened"]).await;
}

/// Its loader may have ended it, and what that said is in the log alone.
#[tokio::test]
async fn a_dynamic_program_that_ends_at_once_is_told_with_the_glibc_it_needs() {
    let folder = Folder::new("dynamic");
    let program = std::fs::read("/bin/true").unwrap();
    let handler = folder.write("main", 0o755, &program);
    let texts = [
        "exit status 0",
        "linked dynamically, and needs GLIBC_2.",
        "provided.al2023 has 2.34",
        "CGO_ENABLED=0",
    ];
    check(&handler, &[], "Runtime.Go1xHandlerExited", &texts).await;

    // The same for a loader that is nowhere.
    let mut moved = program;
    let loader: &[u8] = if cfg!(target_arch = "x86_64") {
        b"/lib64/ld-linux-x86-64.so.2\0"
    } else {
        b"/lib/ld-linux-aarch64.so.1\0"
    };
    let place = moved.windows(loader.len()).position(|window| window == loader).unwrap();
    moved[place + 1] = b'L';
    let handler = folder.write("moved", 0o755, &moved);
    let texts = ["no such file or directory", "its loader (/Lib"];
    check(&handler, &[], "Runtime.Go1xCannotStart", &texts).await;
}

#[tokio::test]
async fn never_listens() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let variables = [("HANDLER_NEVER_LISTEN", "1"), ("GO1X_READY_TIMEOUT_MS", "200")];
    let texts = ["has not answered on port", " ms: ", "no port", "GO1X_READY_TIMEOUT_MS"];
    check(&handler, &variables, "Runtime.Go1xNotListening", &texts).await;
    let Some(stranger) = peers::require(Peer::Stranger) else { return };
    for (says, text) in
        [("otherport", "it listens on ["), ("mute", "it listens there, but answers no Function.Ping")]
    {
        let variables = [("STRANGER_SAYS", says), ("GO1X_READY_TIMEOUT_MS", "500")];
        check(&stranger, &variables, "Runtime.Go1xNotListening", &[text]).await;
    }
}

/// As a handler that is slow to start and has an extension within: its long poll is taken for a runtime's, which has all
/// the time there is.
#[tokio::test]
async fn what_is_left_to_itself_is_said() {
    let folder = Folder::new("left");
    let script =
        b"#!/bin/bash\nexec 3<>\"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\\/}\"\nwhile :; do sleep 0.01; done\n";
    let handler = folder.write("main", 0o755, script);
    let sandbox = Sandbox::start(&handler, &[("GO1X_LOG", "info")]).await;
    sandbox.says("GO1X_MODE=rpc waits for the port").await;
    assert!(sandbox.output().contains("port="), "{}", sandbox.output());
}

#[tokio::test]
async fn speaks_something_else() {
    let Some(stranger) = peers::require(Peer::Stranger) else { return };
    let wrong = "does not speak net/rpc";
    check(&stranger, &[("STRANGER_SAYS", "http")], "Runtime.Go1xNotAHandler", &[wrong, "lambda.Start"]).await;
    check(&stranger, &[("STRANGER_SAYS", "noise")], "Runtime.Go1xNotAHandler", &[wrong]).await;
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let texts = ["Function.Ping", "out of order"];
    check(&handler, &[("HANDLER_PING_ERROR", "out of order")], "Runtime.Go1xNotAHandler", &texts).await;
}

/// The port was free when it was chosen. Here a process that is not the handler's takes it: one that left the
/// handler's process tree.
#[tokio::test]
async fn a_stranger_on_the_port_is_told_from_the_handler() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let folder = Folder::new("stranger");
    let stranger = folder.write("stranger", 0o755, &std::fs::read(handler).unwrap());
    let script = "#!/bin/sh\n(setsid sh -c 'sleep 0.2; exec \"$0\"' \"$@\" </dev/null >/dev/null 2>&1 &)\nexec sleep 60\n";
    let wrapper = folder.write("wrapper", 0o755, script.as_bytes());
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
    check(&stranger, &variables, "Runtime.Go1xNotAHandler", &["was taken by another program"]).await;
    let killed =
        std::process::Command::new("pkill").args(["-KILL", "-f", stranger.to_str().unwrap()]).status();
    assert!(killed.unwrap().success(), "the stranger was there");
}

#[tokio::test]
async fn an_exec_wrapper_gets_the_command_line() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let folder = Folder::new("wrapper");
    let script = b"#!/bin/sh\nexport WRAPPED=yes\nexec \"$@\"\n";
    let wrapper = folder.write("wrapper", 0o755, script);
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", wrapper.to_str().unwrap())];
    let sandbox = Sandbox::start(&handler, &variables).await;
    let seen = sandbox.ask(r#"{"do":"context","env":["WRAPPED"]}"#).await;
    assert_eq!(seen["env"]["WRAPPED"], "yes");

    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", "/opt/no/wrapper")];
    let texts = ["no such file or directory", "AWS_LAMBDA_EXEC_WRAPPER"];
    check(&handler, &variables, "Runtime.Go1xCannotStart", &texts).await;
}

/// What bootstrap says and how it exits, with nothing around it.
async fn alone(variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    command.env_clear().envs(variables.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("bootstrap ends").unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn settings_that_make_no_sense() {
    let check = |(code, text): (Option<i32>, String), wanted: &str| {
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(wanted), "{text}");
    };
    check(alone(&[]).await, "AWS_LAMBDA_RUNTIME_API is not set");
    check(alone(&[("AWS_LAMBDA_RUNTIME_API", "localhost")]).await, "_HANDLER is not set");
    let run = [("AWS_LAMBDA_RUNTIME_API", "localhost"), ("_HANDLER", "main")];
    check(alone(&run).await, "the Runtime API's address \"localhost\" has no port: expected host:port");
    let run = [("AWS_LAMBDA_RUNTIME_API", "localhost:1"), ("_HANDLER", "main"), ("GO1X_LOG", "go1x=loud")];
    check(alone(&run).await, "GO1X_LOG is \"go1x=loud\"");
    // Of a setting that is wrong the platform is told too.
    let emulator = Emulator::start(Settings::default()).await.unwrap();
    let run =
        [("AWS_LAMBDA_RUNTIME_API", emulator.runtime_api()), ("_HANDLER", "main"), ("GO1X_MODE", "fast")];
    check(alone(&run).await, "GO1X_MODE is \"fast\"; it can be auto, rpc or direct");
    let failure = tokio::time::timeout(PATIENCE, emulator.wait_ready()).await.unwrap().unwrap_err();
    assert_eq!(failure.error_type.as_deref(), Some("Runtime.Go1xSetting"));
}

/// It was told, and bootstrap is to end.
#[tokio::test]
async fn a_runtime_api_that_does_not_answer() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let run = [("AWS_LAMBDA_RUNTIME_API", &*address), ("_HANDLER", "main"), ("GO1X_MODE", "fast")];
    let (code, text) = alone(&run).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("GO1X_MODE is \"fast\""), "{text}");
}

#[tokio::test]
async fn a_runtime_api_that_refuses() {
    let Some(handler) = peers::require(Peer::LegacyHandler) else { return };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, text) = alone(&[
        ("AWS_LAMBDA_RUNTIME_API", &closed),
        ("LAMBDA_TASK_ROOT", handler.parent().unwrap().to_str().unwrap()),
        ("_HANDLER", handler.file_name().unwrap().to_str().unwrap()),
    ])
    .await;
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("no connection to the Runtime API at {closed}")), "{text}");
    assert!(text.contains("refused"), "{text}");
}
