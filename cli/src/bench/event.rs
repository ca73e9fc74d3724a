//! What is sent, and what has to come back.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use runtime_api::emulator::Outcome;

use crate::error::Error;
use crate::inspect::text::visible;

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
    /// What was answered to it first, and by whom.
    First(Arc<OnceLock<(String, Bytes)>>),
    /// Whatever is not a failure.
    Any,
}

/// The most that Lambda takes.
pub(crate) const EVENT_LIMIT: usize = 6 << 20;
/// More files than this, or bytes in all, are a folder of something else.
const FILE_LIMIT: usize = 1000;
const FOLDER_LIMIT: usize = 1 << 30;
/// So much is told of a failure: why stands behind its type and the request's id.
const FAILURE: usize = 1000;

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
        let (mut events, mut bytes) = (Vec::new(), 0);
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(folder, &error))?;
            let (path, name) = (entry.path(), name(entry.file_name()));
            // Before it is looked at: editors have hidden links that lead nowhere.
            if name.starts_with('.') {
                continue;
            }
            if !fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.is_file() {
                continue;
            }
            if events.len() == FILE_LIMIT {
                return Err(unreadable(folder, &"it has more than 1000 files"));
            }
            let payload = payload(&path).map_err(|error| unreadable(&path, &error))?;
            if payload.len() > EVENT_LIMIT {
                return Err(unreadable(&path, &"it has more than Lambda's 6 MB"));
            }
            bytes += payload.len();
            if bytes > FOLDER_LIMIT {
                return Err(unreadable(folder, &"its files have more than 1 GiB in all"));
            }
            let answer = if any_answer { Answer::Any } else { Answer::First(Arc::default()) };
            events.push(Event { name, payload: payload.into(), answer });
        }
        if events.is_empty() {
            return Err(unreadable(folder, &"there is no event in it"));
        }
        events.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(events)
    }

    /// What is wrong with a contestant's answer, if anything is.
    pub(crate) fn check(&self, contestant: &str, outcome: &Outcome) -> Result<(), String> {
        let (name, answer) = (&self.name, &outcome.payload);
        if outcome.function_error.is_some() {
            return Err(format!("fails on the event {name}: {}", part(answer, 0, FAILURE)));
        }
        let (how, expected) = match &self.answer {
            Answer::Echo => ("wrongly".to_owned(), &self.payload),
            Answer::First(first) => {
                let (who, first) = first.get_or_init(|| (contestant.to_owned(), answer.clone()));
                // Which of two is right nobody knows here.
                let who = if who == contestant { "it did itself" } else { who };
                (format!("otherwise than {who} at first"), first)
            }
            Answer::Any => return Ok(()),
        };
        if answer == expected {
            return Ok(());
        }
        let at = answer.iter().zip(expected).take_while(|(one, other)| one == other).count();
        Err(format!(
            "answers the event {name} {how}, from byte {at} on: {} in place of {}",
            around(answer, at),
            around(expected, at)
        ))
    }

    /// Whether a wrong answer may be no fault: the handler's answers may differ from run to run.
    pub(crate) fn is_by_first_answer(&self) -> bool {
        matches!(self.answer, Answer::First(_))
    }
}

/// As it is, if it is text; and else so that two names stay two.
fn name(file: OsString) -> String {
    file.into_string().unwrap_or_else(|name| name.as_encoded_bytes().escape_ascii().to_string())
}

/// All of a file, or one byte more than an event may have: what it says of its length need not be so.
fn payload(path: &Path) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    File::open(path)?.take(EVENT_LIMIT as u64 + 1).read_to_end(&mut payload)?;
    Ok(payload)
}

/// `200 B`, `10 KiB`, `6 MiB`.
pub(crate) fn size_name(bytes: u64) -> String {
    match bytes {
        bytes if bytes > 0 && bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes > 0 && bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} B"),
    }
}

/// Enough of an answer to recognise it, and to see what is at one of its bytes.
fn around(bytes: &[u8], at: usize) -> String {
    part(bytes, at.saturating_sub(20).min(bytes.len()), 120)
}

fn part(bytes: &[u8], start: usize, length: usize) -> String {
    let end = (start + length).min(bytes.len());
    let text = visible(&String::from_utf8_lossy(&bytes[start..end]));
    let (before, after) = (if start > 0 { "…" } else { "" }, if end < bytes.len() { "…" } else { "" });
    format!("{before}{text}{after} ({} bytes)", bytes.len())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;
    use crate::bench::scratch::Scratch;

    fn answered(answer: &'static str) -> Outcome {
        Outcome {
            request_id: String::new(),
            function_error: None,
            payload: answer.into(),
            error_type_header: None,
            xray_cause: None,
            headers: Default::default(),
            duration: Default::default(),
        }
    }

    #[test]
    fn a_wrong_answer_says_who_has_answered_what() {
        let scratch = Scratch::new().unwrap();
        fs::write(scratch.path().join("order"), "{}").unwrap();
        let [event] = &Event::read(scratch.path(), false).unwrap()[..] else { panic!("one event") };
        assert_eq!(event.check("bridge", &answered("to 7")), Ok(()));
        assert_eq!(event.check("go-direct", &answered("to 7")), Ok(()));
        assert_eq!(
            event.check("go-direct", &answered("to\u{1b}8")).unwrap_err(),
            "answers the event order otherwise than bridge at first, from byte 2 on: to\\u{1b}8 (4 bytes) in place of \
             to 7 (4 bytes)"
        );
        let again = event.check("bridge", &answered("to 9")).unwrap_err();
        assert!(
            again.starts_with("answers the event order otherwise than it did itself at first, "),
            "{again}"
        );
        let wrong = Event::echo(3).check("bridge", &answered("\"c\"")).unwrap_err();
        assert!(wrong.starts_with("answers the event 3 B wrongly, from byte 1 on: "), "{wrong}");
    }

    #[test]
    fn what_is_hidden_and_folders_are_no_events() {
        let scratch = Scratch::new().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at(".order.json.swp"), "{").unwrap();
        // As Emacs has it for a file that is being edited.
        std::os::unix::fs::symlink("somebody@somewhere.4711", at(".#order.json")).unwrap();
        fs::write(at("order.json"), "{}").unwrap();
        let events = Event::read(scratch.path(), true).unwrap();
        let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["order.json"]);
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        let scratch = Scratch::new().unwrap();
        for name in [b"a\xff", b"a\xfe"] {
            fs::write(scratch.path().join(OsStr::from_bytes(name)), "{}").unwrap();
        }
        let events = Event::read(scratch.path(), true).unwrap();
        let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["a\\xfe", "a\\xff"]);
    }
}
