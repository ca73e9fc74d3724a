//! A sandbox for tests: the emulator, and the real `bootstrap` in front of a handler.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

pub mod lambda;
mod memory;
mod network;
pub mod platform;
pub mod room;
pub mod shipped;

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime_api::emulator::{Emulator, InitFailure, InvokeRequest, Outcome, Settings};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::watch;

pub mod rie;

/// Long enough for a slow machine; nothing waits for it unless it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Sandbox {
    pub emulator: Emulator,
    pid: u32,
    output: Arc<Mutex<String>>,
    exited: watch::Receiver<Option<ExitStatus>>,
}

impl Sandbox {
    /// `bootstrap` with a handler in its own folder as the task root.
    pub async fn start(handler: &Path, variables: &[(&str, &str)]) -> Sandbox {
        Sandbox::start_with(Settings::default(), handler, variables).await
    }

    pub async fn start_with(settings: Settings, handler: &Path, variables: &[(&str, &str)]) -> Sandbox {
        let emulator = Emulator::start(settings).await.unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", emulator.runtime_api())
            .env("LAMBDA_TASK_ROOT", handler.parent().unwrap())
            .env("_HANDLER", handler.file_name().unwrap())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(variables.iter().copied());
        Sandbox::spawn(emulator, command)
    }

    /// A program that polls the Runtime API itself.
    pub async fn alone(program: &Path, variables: &[(&str, &str)]) -> Sandbox {
        let emulator = Emulator::start(Settings::default()).await.unwrap();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", emulator.runtime_api())
            .envs(variables.iter().copied());
        Sandbox::spawn(emulator, command)
    }

    pub fn spawn(emulator: Emulator, mut command: Command) -> Sandbox {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = child.id().unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let readers = [
            tokio::spawn(gather(child.stdout.take().unwrap(), output.clone())),
            tokio::spawn(gather(child.stderr.take().unwrap(), output.clone())),
        ];
        let (tell, exited) = watch::channel(None);
        let told = emulator.clone();
        tokio::spawn(async move {
            let status = child.wait().await.unwrap();
            told.runtime_exited((!status.success()).then(|| status.to_string()));
            for reader in readers {
                // A handler that outlives bootstrap would keep these open: the test then fails elsewhere.
                _ = tokio::time::timeout(Duration::from_secs(5), reader).await;
            }
            tell.send_replace(Some(status));
        });
        Sandbox { emulator, pid, output, exited }
    }

    pub async fn invoke(&self, event: impl Into<InvokeRequest>) -> Outcome {
        tokio::time::timeout(PATIENCE, self.emulator.invoke(event)).await.expect("the invocation ends")
    }

    /// Invokes a handler that answers with JSON, and has to.
    pub async fn ask(&self, event: &str) -> Value {
        let outcome = self.invoke(event.as_bytes().to_vec()).await;
        assert_eq!(outcome.function_error, None, "{outcome:?}\n{}", self.output());
        serde_json::from_slice(&outcome.payload).unwrap()
    }

    /// Invokes a handler that fails, and has to; its failure's JSON.
    pub async fn fail(&self, event: &str) -> (Value, Outcome) {
        let outcome = self.invoke(event.as_bytes().to_vec()).await;
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"), "{outcome:?}\n{}", self.output());
        (serde_json::from_slice(&outcome.payload).unwrap(), outcome)
    }

    /// The init failure of a bootstrap that cannot start its handler, and its exit status.
    pub async fn init_failure(&self) -> (Value, InitFailure, ExitStatus) {
        let ready = tokio::time::timeout(PATIENCE, self.emulator.wait_ready()).await.expect("init ends");
        let failure = ready.expect_err("init fails");
        let status = self.exit().await;
        assert_eq!(children(self.pid), [0; 0], "no process is left behind");
        (serde_json::from_slice(&failure.payload).unwrap(), failure, status)
    }

    pub async fn exit(&self) -> ExitStatus {
        let mut exited = self.exited.clone();
        let status = tokio::time::timeout(PATIENCE, exited.wait_for(Option::is_some)).await;
        status.expect("bootstrap ends").unwrap().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All that bootstrap and the handler wrote so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until the output contains the text.
    pub async fn says(&self, text: &str) {
        eventually(&format!("output has {text:?}; it is: {}", self.output()), || {
            self.output().contains(text)
        })
        .await;
    }

    pub fn signal(&self, signal: &str) {
        self::signal(self.pid, signal);
    }
}

pub fn signal(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// What a process does: `R`uns, `S`leeps, is a `Z`ombie.
pub fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// One of the package's examples. Cargo has built it already if all tests are run, but not for some alone.
pub fn example(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_bootstrap")).parent().unwrap();
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--package", "go1x", "--example", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", folder.parent().unwrap())
        .status()
        .unwrap();
    assert!(built.success(), "the example {name} builds");
    folder.join("examples").join(name)
}

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub async fn gather(mut stream: impl tokio::io::AsyncRead + Unpin, output: Arc<Mutex<String>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        output.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process exists, zombies included.
pub fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The most memory that a process has had so far, in bytes.
pub fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Living processes whose parent is `pid`.
pub fn children(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse::<u32>().ok()
    };
    numbers.filter(|number| parent(*number) == Some(pid)).collect()
}

/// A folder of its own for one test, removed at its end.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(format!("go1x-test-{process}-{count}-{name}"));
        _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, mode: u32, content: &[u8]) -> std::path::PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
