//! An AWS account of a test's own, and a shell in front of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use peers::Peer;
use serde_json::Value;

use crate::support::shipped::not_run;
use crate::support::{Folder, PATIENCE};

pub(crate) struct Account {
    folder: Folder,
    aws: PathBuf,
    handler: PathBuf,
    moto: Child,
    address: String,
}

/// An invocation, as it was run.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The function's version, runtime, handler setting, and number of layers.
    pub(crate) of: String,
    pub(crate) answer: Value,
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide");

impl Account {
    /// With a function on go1.x in it. None, after a line that says why, where something is missing.
    pub(crate) fn open(name: &str) -> Option<Account> {
        let (aws, rie) = (peers::require_aws()?, peers::require_rie()?);
        let (handler, client) = (peers::require(Peer::HandlerOld)?, peers::require(Peer::RpcClient)?);
        if let Some(reason) = lacks() {
            not_run(&reason);
            return None;
        }
        let folder = Folder::new(&format!("guide-{name}"));
        let mut moto = Command::new("python3")
            // Without the packages of this machine: those that are pinned are all.
            .arg("-S")
            .arg(format!("{GUIDE}/aws.py"))
            .args([&rie, &client, &folder.path().join("notes")])
            .env("PYTHONPATH", aws.with_file_name("packages"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("moto.log")).unwrap())
            .spawn()
            .unwrap();
        let Some(address) = first_line(moto.stdout.take().unwrap()) else {
            moto.kill().unwrap();
            panic!("moto does not say whether it listens")
        };
        let account = Account { folder, aws, handler, moto, address };
        if account.address.starts_with("this machine") {
            not_run(&account.address);
            return None;
        }
        assert!(account.address.starts_with("http://"), "{}", account.log());
        let before = account.shell(&format!(". '{GUIDE}/before.sh'"));
        assert!(before.status.success(), "{before:?}\n{}", account.log());
        Some(account)
    }

    /// Runs commands in bash, in the account's folder. The first that fails ends it.
    pub(crate) fn shell(&self, commands: &str) -> Output {
        let path = std::env::var("PATH").unwrap();
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", commands])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.aws.parent().unwrap().display()))
            .env("CLONE", ROOT)
            .env("HANDLER", &self.handler)
            .env("CARGO_TARGET_DIR", target())
            .env("AWS_ENDPOINT_URL", &self.address)
            .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")])
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_MAX_ATTEMPTS", "1")
            // Nothing of whoever runs the test.
            .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
            .env_remove("GO1X_BOOTSTRAP")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_REGION")
            .env_remove("AWS_SESSION_TOKEN")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// All invocations so far.
    pub(crate) fn invocations(&self) -> Vec<Invocation> {
        let notes = fs::read_to_string(self.folder.path().join("notes")).unwrap_or_default();
        let read = |line: &str| {
            let note: Value = serde_json::from_str(line).unwrap();
            let answer = serde_json::from_str(note["answer"].as_str().unwrap()).unwrap();
            let text = |name: &str| note[name].as_str().unwrap().to_owned();
            let (version, runtime, handler) = (text("version"), text("runtime"), text("handler"));
            Invocation { of: format!("{version} {runtime} {handler} {}", note["layers"]), answer }
        };
        notes.lines().map(read).collect()
    }

    /// What moto has to say.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("moto.log")).unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It ends with its standard input, and so do those that it has started.
        drop(self.moto.stdin.take());
        _ = self.moto.wait();
    }
}

/// None if it takes longer than all that moto waits for before it says something.
fn first_line(from: impl Read + Send + 'static) -> Option<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        _ = BufReader::new(from).read_line(&mut line);
        _ = tell.send(line.trim().to_owned());
    });
    told.recv_timeout(3 * PATIENCE).ok()
}

/// The tools that the page takes for granted.
fn lacks() -> Option<String> {
    if !cfg!(target_arch = "x86_64") {
        return Some("go1.x functions are x86_64's, and this machine is not".to_owned());
    }
    let tools = [("curl", "-V"), ("zip", "-v"), ("unzip", "-v"), ("rustup", "-V"), ("bash", "--version")];
    tools.into_iter().find_map(|(tool, version)| {
        let found = Command::new(tool).arg(version).output();
        found.err().map(|error| format!("needs {tool}: {error}"))
    })
}

/// Cargo's target folder, where most of what the page builds is built already.
fn target() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_bootstrap")).ancestors().nth(2).unwrap().to_owned()
}
