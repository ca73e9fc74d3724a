//! What is sent, and what has to come back.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use runtime_api::emulator::Outcome;

use crate::error::Error;

/// One event; its clones share what is known of the answer.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `200 B`, or the name of its file.
    pub(crate) name: String,
    pub(crate) payload: Bytes,
    answer: Answer,
}

/// What is right.
#[derive(Debug, Clone)]
enum Answer {
    /// The event, byte for byte.
    Echo,
    /// What the first contestant answered to it first.
    First(Arc<OnceLock<Bytes>>),
    /// Whatever is not a failure.
    Any,
}

/// The most that Lambda takes.
pub(crate) const EVENT_LIMIT: usize = 6 << 20;
/// More files than this are a folder of something else.
const FILE_LIMIT: usize = 1000;

impl Event {
    /// A JSON string of so many bytes, of one byte a digit, which the handler echoes.
    pub(crate) fn echo(size: usize) -> Event {
        let mut payload: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
        match &mut payload[..] {
            [] => {}
            [only] => *only = b'7',
            [first, .., last] => (*first, *last) = (b'"', b'"'),
        }
        Event { name: size_name(size as u64), payload: payload.into(), answer: Answer::Echo }
    }

    /// The files of a folder, by name: each is an event. Hidden ones and folders are none.
    pub(crate) fn read(folder: &Path, any_answer: bool) -> Result<Vec<Event>, Error> {
        let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
            Error::input(format_args!("{} cannot be read: {why}", path.display()))
                .with_help("--events takes a folder in which each file is an event")
        };
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let mut events = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(folder, &error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
            if name.starts_with('.') || !metadata.is_file() {
                continue;
            }
            if metadata.len() > EVENT_LIMIT as u64 {
                return Err(unreadable(&path, &"it has more than Lambda's 6 MB"));
            }
            if events.len() == FILE_LIMIT {
                return Err(unreadable(folder, &"it has more than 1000 files"));
            }
            let payload = fs::read(&path).map_err(|error| unreadable(&path, &error))?.into();
            let answer = if any_answer { Answer::Any } else { Answer::First(Arc::default()) };
            events.push(Event { name, payload, answer });
        }
        if events.is_empty() {
            return Err(unreadable(folder, &"there is no event in it"));
        }
        events.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(events)
    }

    /// What is wrong with an answer, if anything is.
    pub(crate) fn check(&self, outcome: &Outcome) -> Result<(), String> {
        let answer = &outcome.payload;
        if outcome.function_error.is_some() {
            return Err(format!("fails on the event {}: {}", self.name, excerpt(answer)));
        }
        let expected = match &self.answer {
            Answer::Echo => &self.payload,
            Answer::First(first) => first.get_or_init(|| answer.clone()),
            Answer::Any => answer,
        };
        if answer == expected {
            return Ok(());
        }
        let at = answer.iter().zip(expected).take_while(|(one, other)| one == other).count();
        Err(format!(
            "answers the event {} wrongly, from byte {at} on: {} in place of {}",
            self.name,
            around(answer, at),
            around(expected, at)
        ))
    }

    /// Whether a wrong answer may be no fault: the handler's answers may differ from run to run.
    pub(crate) fn is_by_first_answer(&self) -> bool {
        matches!(self.answer, Answer::First(_))
    }
}

/// `200 B`, `10 KiB`, `6 MiB`.
pub(crate) fn size_name(bytes: u64) -> String {
    match bytes {
        bytes if bytes > 0 && bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes > 0 && bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

/// Enough of an answer to recognise it.
fn excerpt(bytes: &[u8]) -> String {
    around(bytes, 0)
}

fn around(bytes: &[u8], at: usize) -> String {
    let start = at.saturating_sub(20).min(bytes.len());
    let end = (start + 120).min(bytes.len());
    let text: String = String::from_utf8_lossy(&bytes[start..end])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if end < bytes.len() { "…" } else { "" });
    format!("{before}{text}{after} ({} bytes)", bytes.len())
}
