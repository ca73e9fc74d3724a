//! The peers build, and behave as the README says, seen by the go1.x runtime that rpcclient plays.
#![allow(clippy::unwrap_used, reason = "clippy counts only #[test] functions as tests, not what they call")]

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use peers::{Peer, Progress};
use serde_json::{Value, json};

#[test]
fn every_peer_is_a_static_executable() {
    for peer in Peer::ALL {
        let Some(path) = peers::require(peer) else { continue };
        assert_eq!(path.file_name().unwrap(), peer.name());
        assert!(path.is_absolute());
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(&bytes[..4], b"\x7fELF", "{peer}");
        assert!(program_headers(&bytes).all(|kind| kind != INTERPRETER), "{peer}");
    }
}

#[test]
fn what_is_built_is_found_again() {
    let Some(path) = peers::require(Peer::LegacyHandler) else { return };
    let mut steps = Vec::new();
    assert_eq!(peers::build_with(Peer::LegacyHandler, &mut |step| steps.push(step)).unwrap(), path);
    assert_eq!(steps, []);
    assert_eq!(
        Progress::Building(Peer::EchoCurrentNorpc).to_string(),
        "building echo-v1.54.0-norpc (aws-lambda-go v1.54.0, tag lambda.norpc)"
    );
}

#[test]
fn the_legacy_pair_talk_to_each_other() {
    let Some(handler) = Handler::start(Peer::LegacyHandler) else { return };
    assert_eq!(handler.invoke(r#"{"a":1}"#)["payload"], r#"{"a":1}"#);
}

#[test]
fn echoes_return_any_bytes() {
    for peer in [Peer::EchoOld, Peer::EchoCurrent] {
        let Some(handler) = Handler::start(peer) else { return };
        for payload in [r#"{"a": 1}"#, "no JSON", "<é>"] {
            assert_eq!(handler.invoke(payload)["payload"], payload, "{peer}");
        }
    }
}

/// For every handler on aws-lambda-go that knows RPC.
fn each(check: impl Fn(Peer, &Handler)) {
    for peer in [Peer::HandlerOld, Peer::HandlerCurrent] {
        let Some(handler) = Handler::start(peer) else { return };
        check(peer, &handler);
    }
}

#[test]
fn anything_else_is_echoed() {
    each(|peer, handler| {
        for payload in [r#"{"b":1,"a":[1.50,null,"é"]}"#, r#""text""#, "17", "null", r#"{"do":"unknown"}"#] {
            assert_eq!(handler.invoke(payload)["payload"], payload, "{peer}");
        }
    });
}

#[test]
fn a_proxy_event_gets_a_proxy_response() {
    each(|peer, handler| {
        let event = json!({
            "httpMethod": "GET", "path": "/hello", "queryStringParameters": {"name": "go1.x"},
            "headers": {"Host": "example.com"}, "requestContext": {}, "body": null, "isBase64Encoded": false,
        });
        let response = handler.answer(&event.to_string());
        assert_eq!(response["statusCode"], 200, "{peer}");
        assert_eq!(response["headers"]["Content-Type"], "application/json", "{peer}");
        assert_eq!(response["body"], r#"{"method":"GET","path":"/hello","name":"go1.x"}"#, "{peer}");
    });
}

#[test]
fn an_error_has_its_go_type() {
    each(|peer, handler| {
        let call = handler.invoke(r#"{"do":"error","message":"sold out"}"#);
        assert_eq!(call["payloadLen"], 0, "{peer}");
        assert_eq!(
            call["error"],
            json!({"Message": "sold out", "Type": "customError", "StackTrace": [], "ShouldExit": false}),
            "{peer}"
        );
    });
}

#[test]
fn a_panic_has_a_stack_and_asks_for_the_end() {
    each(|peer, handler| {
        let error = &handler.invoke(r#"{"do":"panic","message":"oh"}"#)["error"];
        assert_eq!(error["Message"], "oh", "{peer}");
        assert_eq!(error["Type"], "string", "{peer}");
        assert_eq!(error["ShouldExit"], true, "{peer}");
        let frames = error["StackTrace"].as_array().unwrap();
        let ours = frames.iter().find(|frame| frame["Label"] == "handle").expect("a frame of the handler");
        assert!(ours["Path"].as_str().unwrap().ends_with("main.go"), "{peer}: {ours}");
        assert!(ours["Line"].as_i64().unwrap() > 1, "{peer}: {ours}");
    });
}

#[test]
fn bytes_are_counted_with_their_quotes() {
    each(|peer, handler| {
        for n in [2, 200, 1_000_000] {
            let call = handler.invoke(&json!({"do": "bytes", "n": n}).to_string());
            assert_eq!(call["payloadLen"], n, "{peer}");
        }
    });
}

#[test]
fn the_context_is_the_requests() {
    each(|peer, handler| {
        let client_context = r#"{"Client":{"app_title":"title"},"custom":{"key":"value"},"env":{"e":"f"}}"#;
        let call = handler.call(&[
            "-payload",
            r#"{"do":"context","env":["ASKED_FOR"]}"#,
            "-request-id=the-id",
            "-trace-id=Root=1-2-3",
            "-arn=the-arn",
            "-deadline-seconds=4000000000",
            "-deadline-nanos=5000000",
            "-cognito-id=the-identity",
            "-cognito-pool=the-pool",
            "-client-context",
            client_context,
        ]);
        let context = payload(&call);
        assert_eq!(context["requestId"], "the-id", "{peer}");
        assert_eq!(context["invokedFunctionArn"], "the-arn", "{peer}");
        // The old library leaves the variable alone.
        let variable = if peer == Peer::HandlerOld { "" } else { "Root=1-2-3" };
        assert_eq!(context["traceIdEnv"], variable, "{peer}");
        assert_eq!(context["traceIdCtx"], "Root=1-2-3", "{peer}");
        assert_eq!(context["deadlineMs"], 4_000_000_000_005_i64, "{peer}");
        assert!(context["remainingMs"].as_i64().unwrap() > 0, "{peer}");
        assert_eq!(
            context["identity"],
            json!({"cognitoIdentityId": "the-identity", "cognitoIdentityPoolId": "the-pool"}),
            "{peer}"
        );
        assert_eq!(context["clientContext"]["client"]["app_title"], "title", "{peer}");
        assert_eq!(context["clientContext"]["custom"], json!({"key": "value"}), "{peer}");
        assert_eq!(context["clientContext"]["env"], json!({"e": "f"}), "{peer}");
        assert_eq!(context["env"]["ASKED_FOR"], "present", "{peer}");
        assert_eq!(context["env"]["_LAMBDA_SERVER_PORT"], handler.port.to_string(), "{peer}");
        assert_eq!(context["env"].get("AWS_SESSION_TOKEN"), None, "{peer}");
        assert_eq!(context["pid"], handler.child.id(), "{peer}");
        assert_eq!(context["args"].as_array().unwrap().len(), 1, "{peer}");
        assert!(context["cwd"].is_string(), "{peer}");
    });
}

#[test]
fn exit_sleep_and_log() {
    for peer in [Peer::HandlerOld, Peer::HandlerCurrent] {
        let Some(mut handler) = Handler::start(peer) else { return };
        let slept = handler.invoke(r#"{"do":"sleep","ms":50}"#);
        assert_eq!(slept["payload"], r#"{"slept":50}"#, "{peer}");
        assert!(slept["ms"].as_i64().unwrap() >= 50, "{peer}");
        assert_eq!(handler.answer(r#"{"do":"log","text":"a line"}"#), json!({"logged": "a line"}), "{peer}");
        let call = handler.invoke(r#"{"do":"exit","code":7}"#);
        assert_eq!(call["rpcError"], "unexpected EOF", "{peer}");
        assert_eq!(handler.child.wait().unwrap().code(), Some(7), "{peer}");
        let output = handler.output();
        assert_eq!(output.0, "a line\n", "{peer}");
        assert!(output.1.contains("a line\n"), "{peer}: {}", output.1);
    }
}

#[test]
fn a_norpc_build_does_not_listen() {
    for peer in [Peer::HandlerCurrentNorpc, Peer::EchoCurrentNorpc] {
        let Some(path) = peers::require(peer) else { return };
        let done = Command::new(path).env_clear().env("_LAMBDA_SERVER_PORT", "0").output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{peer}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            said.contains("expected AWS Lambda environment variables [AWS_LAMBDA_RUNTIME_API]"),
            "{said}"
        );
    }
}

#[test]
fn the_emulator_runs() {
    let Some(path) = peers::require_rie() else { return };
    assert_ne!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0);
    let (port, api) = (free_port(), free_port());
    let mut child = Command::new(path)
        .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
        .args(["--runtime-api-address", &format!("127.0.0.1:{api}"), "/bin/true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let listens = (0..3000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let _ = child.kill();
    let _ = child.wait();
    assert!(listens);
}

/// A handler that serves RPC, ended with the value.
struct Handler {
    child: Child,
    port: u16,
    client: std::path::PathBuf,
}

impl Handler {
    fn start(peer: Peer) -> Option<Handler> {
        let (program, client) = (peers::require(peer)?, peers::require(Peer::RpcClient)?);
        let port = free_port();
        let child = Command::new(program)
            .env_clear()
            .env("_LAMBDA_SERVER_PORT", port.to_string())
            .env("ASKED_FOR", "present")
            .env("AWS_SESSION_TOKEN", "secret")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Handler { child, port, client })
    }

    /// One invocation with `payload`, as the line that rpcclient prints.
    fn invoke(&self, payload: &str) -> Value {
        self.call(&["-payload", payload])
    }

    /// What the handler answers to `payload`, which must be JSON.
    fn answer(&self, event: &str) -> Value {
        payload(&self.invoke(event))
    }

    fn call(&self, arguments: &[&str]) -> Value {
        let address = format!("127.0.0.1:{}", self.port);
        let client: &Path = &self.client;
        let done = Command::new(client).args(["-addr", &address]).args(arguments).output().unwrap();
        let lines = String::from_utf8(done.stdout).unwrap();
        let mut calls = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ping = calls.next().unwrap();
        assert_eq!((&ping["method"], ping.get("rpcError")), (&json!("Function.Ping"), None));
        calls.next().unwrap()
    }

    /// What an ended handler wrote to stdout and stderr.
    fn output(&mut self) -> (String, String) {
        let all = |pipe: &mut dyn std::io::Read| std::io::read_to_string(pipe).unwrap();
        (all(&mut self.child.stdout.take().unwrap()), all(&mut self.child.stderr.take().unwrap()))
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn payload(call: &Value) -> Value {
    serde_json::from_str(call["payload"].as_str().unwrap_or_else(|| panic!("no payload: {call}"))).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The kinds of a 64-bit ELF file's program headers.
fn program_headers(elf: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes(elf[at..at + 2].try_into().unwrap()));
    let start = u64::from_le_bytes(elf[32..40].try_into().unwrap()) as usize;
    let (size, count) = (u16_at(54), u16_at(56));
    (0..count).map(move |n| {
        let at = start + n * size;
        u32::from_le_bytes(elf[at..at + 4].try_into().unwrap())
    })
}

/// PT_INTERP: the file names a dynamic linker.
const INTERPRETER: u32 = 3;
