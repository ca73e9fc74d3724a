//! The child process: started, signalled with all its descendants, and always reaped.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpgid, kill_process, kill_process_group, waitid,
};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use ur_taking_me_with_you::spawn_dying_with_parent_async;

use crate::bootstrap::ChildCommand;
use crate::start::RUNTIME_API;

/// A running handler. It is killed, with its whole process group, when this is dropped; the kernel kills it
/// if we are killed ourselves.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    exited: watch::Receiver<Option<ExitStatus>>,
    /// It was asked to end.
    asked: AtomicBool,
}

/// Where the current process is found, whatever else is given up meanwhile.
#[derive(Debug, Default)]
pub(super) struct Slot {
    process: Mutex<Option<Arc<Process>>>,
    closed: AtomicBool,
}

impl Slot {
    /// Puts a process in the place of the one before.
    pub(super) fn put(&self, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        *self.lock() = Some(process.clone());
        process
    }

    /// No other process is to be started here.
    pub(super) fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// The current process.
    pub(super) fn get(&self) -> Option<Arc<Process>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Process>>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts the handler in a process group of its own, so that one signal reaches all that it starts, and
    /// signals from the platform reach it once: through us. Without a port it is not told to listen.
    pub(super) fn spawn(command: &ChildCommand, port: Option<u16>) -> io::Result<Process> {
        command.check()?;
        Process::watch(spawn_dying_with_parent_async(handler(command, port))?)
    }

    /// As [`Process::spawn`], but what it writes to stderr comes here, and it reaches no Runtime API: an event that it
    /// took would be lost with it.
    pub(super) fn spawn_heard(command: &ChildCommand, port: u16) -> io::Result<(Process, ChildStderr)> {
        let mut heard = handler(command, Some(port));
        heard.env(RUNTIME_API, NOWHERE).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = spawn_dying_with_parent_async(heard)?;
        let stderr = child.stderr.take().ok_or_else(|| io::Error::other("the child has no stderr"))?;
        Ok((Process::watch(child)?, stderr))
    }

    pub(super) fn watch(mut child: Child) -> io::Result<Process> {
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let pid = pid.ok_or_else(|| io::Error::other("the child has no process id"))?;
        let (tell, exited) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await;
            // What the handler started is not to outlive it; the group may be empty, which is fine.
            _ = kill_process_group(pid, Signal::KILL);
            tell.send_replace(Some(status.unwrap_or_else(|_| ExitStatus::from_raw(255 << 8))));
        });
        Ok(Process { pid, exited, asked: AtomicBool::new(false) })
    }

    /// The process id, which is its group's too.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// How it ended, if it has.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        *self.exited.borrow()
    }

    /// Whether it is there as of now. After a thaw its end and the next event may be news at the same time, and the
    /// event must not go to a dead process.
    pub(super) fn is_alive(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.status().is_none() && matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// Waits for its end.
    pub(super) async fn wait(&self) -> ExitStatus {
        let mut exited = self.exited.clone();
        match exited.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_) => ExitStatus::default(), // the runtime is shutting down
        }
    }

    /// Asks it to end, once.
    pub(super) fn terminate(&self) {
        if !self.asked.swap(true, Relaxed) {
            self.signal(Signal::TERM);
        }
    }

    /// Whether it was asked to end, and has its time for that.
    pub(super) fn is_asked_to_end(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// Ends it, whether it wants to or not.
    pub(super) fn end(&self) {
        self.signal(Signal::KILL);
    }

    /// Ends it, and waits until it is gone.
    pub(super) async fn kill(&self) -> ExitStatus {
        self.end();
        self.wait().await
    }

    fn signal(&self, signal: Signal) {
        if self.status().is_some() {
            return;
        }
        let mut sent = kill_process_group(self.pid, signal);
        // It may have gone over to another group, whose other members are nobody's business.
        if getpgid(Some(self.pid)).is_ok_and(|group| group != self.pid) {
            sent = kill_process(self.pid, signal);
        }
        if let Err(error) = sent {
            tracing::debug!(%error, ?signal, "signal not sent");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn handler(command: &ChildCommand, port: Option<u16>) -> Command {
    let mut handler = Command::new(&command.program);
    handler
        .args(&command.arguments)
        .current_dir(&command.directory)
        .env_clear()
        .envs(&command.environment)
        .env_remove(super::SERVER_PORT)
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(port) = port {
        handler.env(super::SERVER_PORT, port.to_string());
    }
    handler
}

/// Nobody listens there (tcpmux).
pub(super) const NOWHERE: &str = "127.0.0.1:1";

/// An exit status in Go's words: `exit status 2`, `signal: killed`.
pub(super) fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("signal: {}", signal_name(signal)),
        None => format!("exit status {}", status.code().unwrap_or_default()),
    }
}

/// Go's names (`syscall/zerrors_linux_amd64.go`) of the signals that end handlers in practice.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    }
    .to_owned()
}
