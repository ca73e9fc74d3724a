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
    /// What went wrong, each with what to do about it; empty if nothing needs to be said.
    told: Vec<(String, Option<String>)>,
    code: u8,
}

impl Error {
    /// The function or a check failed: exit code 1.
    pub(crate) fn failed(text: impl Display) -> Error {
        Error { told: vec![(text.to_string(), None)], code: 1 }
    }

    /// What was given to work on is missing or malformed: exit code 2, as for wrong usage.
    pub(crate) fn input(text: impl Display) -> Error {
        Error { told: vec![(text.to_string(), None)], code: 2 }
    }

    /// Ctrl-C, or a request to end; nothing needs to be said.
    pub(crate) fn interrupted() -> Error {
        Error { told: Vec::new(), code: 130 }
    }

    /// All that went wrong: everything is told, and the first exit code other than 0 is the one.
    pub(crate) fn all(outcomes: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
        let errors = outcomes.into_iter().filter_map(Result::err);
        let all = errors.reduce(|one, other| Error {
            told: [one.told, other.told].concat(),
            code: if one.code == 0 { other.code } else { one.code },
        });
        all.map_or(Ok(()), Err)
    }

    /// What to do about it.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Error {
        if let Some((_, last)) = self.told.last_mut() {
            *last = Some(help.into());
        }
        self
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.told.is_empty()
    }

    /// Tells the user, if anybody listens.
    pub(crate) fn report(&self) -> ExitCode {
        let mut out = anstream::stderr().lock();
        for (text, help) in &self.told {
            _ = writeln!(out, "{RED}error:{RED:#} {text}");
            if let Some(help) = help {
                _ = writeln!(out, "{CYAN}help:{CYAN:#} {help}");
            }
        }
        ExitCode::from(self.code)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read our output has seen enough: `go1x demo | head`.
            return Error { told: Vec::new(), code: 0 };
        }
        Error::failed(error).with_help("is there room where the output goes?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who has measured until Ctrl-C, for a reader that has left, was interrupted all the same.
    #[test]
    fn one_error_hides_no_other() {
        let unread = || Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        let told = |outcomes| Error::all(outcomes).map_err(|error: Error| (error.code, error.told.len()));
        assert_eq!(told([Ok(()), Ok(())]), Ok(()));
        assert_eq!(told([unread(), Ok(())]), Err((0, 0)));
        assert_eq!(told([Err(Error::interrupted()), unread()]), Err((130, 0)));
        assert_eq!(told([unread(), Err(Error::failed("slower"))]), Err((1, 1)));
        assert_eq!(told([Err(Error::failed("slower")), Err(Error::input("no room"))]), Err((1, 2)));
    }
}
