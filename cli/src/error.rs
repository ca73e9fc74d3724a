//! How a command ends badly: `error: …`, `help: …` and an exit code.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Error {
    text: String,
    help: Option<String>,
    code: u8,
}

impl Error {
    /// The function or a check failed: exit code 1.
    pub(crate) fn failed(text: impl Display) -> Error {
        Error { text: text.to_string(), help: None, code: 1 }
    }

    /// What was given to work on is missing or malformed: exit code 2, as for wrong usage.
    pub(crate) fn input(text: impl Display) -> Error {
        Error { text: text.to_string(), help: None, code: 2 }
    }

    /// Ctrl-C, or a request to end; nothing needs to be said.
    pub(crate) fn interrupted() -> Error {
        Error { text: String::new(), help: None, code: 130 }
    }

    /// What to do about it.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Error {
        Error { help: Some(help.into()), ..self }
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.text.is_empty()
    }

    /// Tells the user, if anybody listens.
    pub(crate) fn report(&self) -> ExitCode {
        let mut out = anstream::stderr().lock();
        if !self.is_silent() {
            _ = writeln!(out, "{RED}error:{RED:#} {}", self.text);
        }
        if let Some(help) = &self.help {
            _ = writeln!(out, "{CYAN}help:{CYAN:#} {help}");
        }
        ExitCode::from(self.code)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read our output has seen enough: `go1x demo | head`.
            return Error { text: String::new(), help: None, code: 0 };
        }
        Error::failed(error).with_help("is there room where the output goes?")
    }
}
