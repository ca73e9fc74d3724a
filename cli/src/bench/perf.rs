//! Linux's `perf`, attached to running processes while they are invoked.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// A `perf` at work.
pub(super) struct Perf {
    child: Child,
    pid: Pid,
}

/// How long it may take to attach itself.
const PATIENCE: usize = 500;
const POLL: Duration = Duration::from_millis(20);
/// It sleeps for so many looks in a row once there is nothing more to set up.
const QUIET: usize = 3;

impl Perf {
    /// Starts `perf` with these arguments and the processes, and waits until it is attached. It may run on the given
    /// processors, to be out of the way of what it watches.
    pub(super) async fn attach(arguments: &[&str], pids: &[u32], cpus: &CpuSet) -> Result<Perf, String> {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let mut child = Command::new("perf")
            .args(arguments)
            .args(["-p", &pids.join(",")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("perf cannot be run: {error}"))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let Some(pid) = pid else { return Err("perf has ended at once".into()) };
        _ = sched_setaffinity(Some(pid), cpus);
        let mut quiet = 0;
        for _ in 0..PATIENCE {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                let mut said = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    _ = stderr.read_to_string(&mut said).await;
                }
                let said = said.lines().map(str::trim).find(|line| !line.is_empty() && *line != "Error:");
                return Err(said.unwrap_or("perf ends at once").to_owned());
            }
            quiet = if is_waiting(pid) { quiet + 1 } else { 0 };
            if quiet == QUIET {
                return Ok(Perf { child, pid });
            }
            tokio::time::sleep(POLL).await;
        }
        Err("perf does not come to work".into())
    }

    /// Ends it; what it said, on both ways.
    pub(super) async fn stop(self) -> Result<String, String> {
        // As Ctrl-C does: then it sums up.
        kill_process(self.pid, Signal::INT).map_err(|error| error.to_string())?;
        let output = self.child.wait_with_output().await.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }
}

/// Whether it has its events, and nothing to do.
fn is_waiting(pid: Pid) -> bool {
    let folder = format!("/proc/{}", pid.as_raw_nonzero());
    let links = fs::read_dir(format!("{folder}/fd")).into_iter().flatten().flatten();
    let mut links = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    let has_events = links.any(|link| link.to_string_lossy().contains("perf_event"));
    let status = fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
    has_events && status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}
