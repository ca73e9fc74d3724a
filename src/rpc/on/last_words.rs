//! What a handler says that ends as soon as it is started. Its stderr is the sandbox's own, where nobody can read it
//! back, so it is started once more to be listened to.

use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStderr;
use tokio::sync::watch;

use super::process::{Process, Slot};
use crate::bootstrap::ChildCommand;

/// The second time it has to end so soon, too.
const LIMIT: Duration = Duration::from_secs(1);
/// All that it said has come when it has ended. Only what it has left behind can have its stderr for longer.
const REST: Duration = Duration::from_millis(100);
/// Bytes that are kept of what it says.
const KEPT: usize = 16 * 1024;
/// Lines that are told, and how long they may be.
const LINES: usize = 5;
const LINE_LENGTH: usize = 300;

/// What it said when it was started once more.
#[derive(Debug)]
pub(super) struct LastWords {
    pub(super) text: String,
    /// It failed again in the same way, so that they are the reason.
    pub(super) again: bool,
}

/// The lines that say why. Not for one that ended well, or was ended: the first may
/// have done work that is not to be done twice, the second has nothing to say. While it is heard it is in `slot`, where
/// whoever gives this up finds it.
pub(super) async fn of(
    command: &ChildCommand,
    slot: &Slot,
    port: u16,
    status: ExitStatus,
) -> Option<LastWords> {
    use std::os::unix::process::ExitStatusExt as _;
    if status.success() || status.signal() == Some(Signal::KILL.as_raw()) {
        return None;
    }
    let (process, stderr) = Process::spawn_heard(command, port).ok()?;
    let process = slot.put(process);
    let (hear, said) = watch::channel(Vec::new());
    // A task of its own, which goes on if this is given up: whoever writes where nobody reads any more is killed for it.
    let hearing = tokio::spawn(listen(stderr, hear));
    let ended = tokio::time::timeout(LIMIT, process.wait()).await;
    process.kill().await;
    let again = ended.ok()? == status;
    _ = tokio::time::timeout(REST, hearing).await;
    let text = telling(&String::from_utf8_lossy(&said.borrow()));
    (!text.is_empty()).then_some(LastWords { text, again })
}

/// Keeps the last of it, to its end.
async fn listen(mut stderr: ChildStderr, hear: watch::Sender<Vec<u8>>) {
    let mut piece = Vec::with_capacity(KEPT);
    while let Ok(1..) = stderr.read_buf(&mut piece).await {
        hear.send_modify(|said| {
            said.append(&mut piece);
            let surplus = said.len().saturating_sub(KEPT);
            said.drain(..surplus);
        });
    }
}

/// From where Go begins to say what went wrong, or else the last lines.
fn telling(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let begins =
        lines.iter().position(|line| line.starts_with("panic: ") || line.starts_with("fatal error: "));
    let from = begins.unwrap_or(lines.len().saturating_sub(LINES));
    let told =
        lines[from..].iter().take(LINES).map(|line| line.chars().take(LINE_LENGTH).collect::<String>());
    told.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_most_is_told() {
        assert_eq!(telling(""), "");
        assert_eq!(telling("\n\none\r\n"), "one");
        assert_eq!(telling("1\n2\n3\n4\n5\n6\n7\n"), "3\n4\n5\n6\n7");
        let panic =
            "a\nb\npanic: no table\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x1\n1\n2\n";
        assert_eq!(
            telling(panic),
            "panic: no table\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:7 +0x1\n1"
        );
        assert_eq!(telling(&"x".repeat(1_000)).len(), LINE_LENGTH);
    }
}
