//! Linux's `perf`: records what running processes do while they are invoked.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::sched_setaffinity;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Bench;

/// A recording under way.
pub(super) struct Perf {
    child: Child,
    /// `perf` is told what to do on its stdin, and says on its stdout when it has done that.
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    recording: Recording,
}

/// How long `perf` may take for an order; to attach itself to many threads takes a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// A thread that ends while `perf` attaches itself makes it give up.
const TRIES: usize = 3;

impl Perf {
    /// Attached to these processes and recording. It may run on other processors, to be out of the way of what it watches.
    pub(super) async fn record(bench: &Bench, events: &str, pids: &[u32]) -> Result<Perf, String> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match Perf::try_record(bench, events, pids).await {
                Ok(perf) => return Ok(perf),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    async fn try_record(bench: &Bench, events: &str, pids: &[u32]) -> Result<Perf, String> {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let recording = Recording::new(bench.scratch.path());
        let mut child = Command::new("perf")
            .args(["record", "-R", "-m", "1024", "-c", "1", "--control=fd:0,1", "--delay=-1"])
            .args(["-e", events, "-p", &pids.join(",")])
            .arg("-o")
            .arg(&recording.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("perf cannot be run: {error}"))?;
        if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)) {
            _ = sched_setaffinity(Some(pid), &bench.cpus);
        }
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("perf has no stdin or stdout".into());
        };
        let mut perf = Perf { child, orders, answers: BufReader::new(answers), recording };
        match perf.order("enable").await {
            Ok(()) => Ok(perf),
            Err(why) => Err(perf.last_words().await.unwrap_or(why)),
        }
    }

    /// What has been recorded.
    pub(super) async fn stop(mut self) -> Result<Recording, String> {
        self.order("disable").await?;
        self.order("stop").await?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.map_err(|_| "perf does not end")?.map_err(|error| error.to_string())?;
        Ok(self.recording)
    }

    async fn order(&mut self, order: &str) -> Result<(), String> {
        let done = async {
            self.orders.write_all(format!("{order}\n").as_bytes()).await?;
            let mut answer = Vec::new();
            self.answers.read_until(b'\n', &mut answer).await?;
            Ok::<_, std::io::Error>(answer.ends_with(b"ack\n"))
        };
        match tokio::time::timeout(PATIENCE, done).await {
            Ok(Ok(true)) => Ok(()),
            _ => Err(format!("perf does not {order} its recording")),
        }
    }

    /// What it said before it ended.
    async fn last_words(self) -> Option<String> {
        let Perf { child, orders, .. } = self;
        drop(orders);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.ok()?.ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "Error:");
        let about_rights = lines().find(|line| line.contains("ermission") || line.contains("can't access"));
        Some(format!("perf: {}", about_rights.or(lines().next())?))
    }
}

/// A file of `perf`, gone when this is dropped.
pub(super) struct Recording(PathBuf);

impl Recording {
    fn new(folder: &Path) -> Recording {
        Recording(folder.join("recording.perf"))
    }

    /// What a subcommand of `perf` makes of it.
    pub(super) async fn read(&self, arguments: &[&str]) -> Result<String, String> {
        let output =
            Command::new("perf").args(arguments).arg("-i").arg(&self.0).stdin(Stdio::null()).output();
        let output = output.await.map_err(|error| format!("perf cannot be run: {error}"))?;
        // Summaries go to one, scripts to the other.
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}
