//! What contestants write to stdout and stderr.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, OFlags, fcntl_setfl, ftruncate, memfd_create};

/// One contestant's: a file in memory, which unlike a pipe nobody has to read.
pub(super) struct Log(File);

impl Log {
    pub(super) fn new() -> io::Result<Log> {
        let file = memfd_create("log", MemfdFlags::CLOEXEC)?;
        // Whoever writes does so at the end, wherever that is by then.
        fcntl_setfl(&file, OFlags::APPEND)?;
        Ok(Log(file.into()))
    }

    /// For a process to write to.
    pub(super) fn writer(&self) -> io::Result<File> {
        self.0.try_clone()
    }

    /// Forgets all of a long one.
    pub(super) fn trim(&self) {
        if self.0.metadata().is_ok_and(|metadata| metadata.len() > LOG_LIMIT) {
            _ = ftruncate(&self.0, 0);
        }
    }

    /// The last lines.
    pub(super) fn last_words(&self) -> Vec<String> {
        let length = self.0.metadata().map_or(0, |metadata| metadata.len());
        let start = length.saturating_sub(4096);
        let mut text = vec![0; (length - start) as usize];
        if self.0.read_exact_at(&mut text, start).is_err() {
            return Vec::new();
        }
        let printable = |line: &str| line.replace(|c: char| c.is_control(), " ");
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LAST_WORDS)..].iter().map(|line| printable(line)).collect()
    }
}

/// More than this is cut between turns.
const LOG_LIMIT: u64 = 1 << 20;
/// Lines that an error quotes.
const LAST_WORDS: usize = 5;
