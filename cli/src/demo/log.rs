//! What handlers, and the bridge on their behalf, write to stderr: a sandbox's log. It is put aside while the
//! demo runs, and shown where it belongs.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::stdio::dup2_stderr;

/// The process's stderr, led into a file in memory: unlike a pipe, that never makes its writers wait.
pub(crate) struct Log {
    file: File,
    stderr: OwnedFd,
    seen: u64,
}

impl Log {
    pub(crate) fn capture() -> io::Result<Log> {
        let file = File::from(memfd_create("log", MemfdFlags::CLOEXEC)?);
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        dup2_stderr(&file)?;
        Ok(Log { file, stderr, seen: 0 })
    }

    /// The lines since the last time.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut new = Vec::new();
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = self.file.read_at(&mut part, self.seen) {
            new.extend_from_slice(&part[..length]);
            self.seen += length as u64;
        }
        let printable = |line: &str| line.replace(|c: char| c.is_control(), " ");
        String::from_utf8_lossy(&new).lines().map(printable).collect()
    }

    /// Back to the terminal; what was not looked at is handed over.
    pub(crate) fn restore(mut self) -> Vec<String> {
        _ = dup2_stderr(&self.stderr);
        self.lines()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        _ = dup2_stderr(&self.stderr);
        // After a panic its message is in there.
        for line in self.lines() {
            _ = writeln!(io::stderr(), "{line}");
        }
    }
}
