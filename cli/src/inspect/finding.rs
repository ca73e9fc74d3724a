//! One thing that a user should know: which rule, how bad, where, and what to do.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Good to know.
    Note,
    /// It may go wrong.
    Warning,
    /// It would not run as asked: the check has failed.
    Error,
}

/// One thing that a user should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// One of the rules below.
    pub(crate) rule: &'static str,
    /// The file of the package that it is about; none if it is about all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<String>,
    /// What was found.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

impl Finding {
    pub(crate) fn new(level: Level, rule: &'static str, message: impl Into<String>) -> Finding {
        debug_assert!(RULES.iter().any(|(known, _)| *known == rule), "{rule} is a rule");
        Finding { level, rule, member: None, message: message.into(), help: None }
    }

    pub(crate) fn error(rule: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(Level::Error, rule, message)
    }

    pub(crate) fn warning(rule: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(Level::Warning, rule, message)
    }

    pub(crate) fn note(rule: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(Level::Note, rule, message)
    }

    pub(crate) fn of(self, member: impl Into<String>) -> Finding {
        Finding { member: Some(member.into()), ..self }
    }

    pub(crate) fn with_help(self, help: impl Into<String>) -> Finding {
        Finding { help: Some(help.into()), ..self }
    }
}

/// The rules, each with what it watches.
pub(crate) const RULES: &[(&str, &str)] = &[
    (
        "cannot-start",
        "The program cannot be started where it is to run: processor, kind of file, loader or glibc",
    ),
    ("wrong-door", "The handler cannot be started in the way that was asked for"),
    ("not-a-handler", "There is no Lambda handler"),
    ("handler-setting", "The handler setting leads to no program of the package"),
    ("libraries", "The program needs libraries that the system may not have"),
    ("reads-go1x-variable", "The program looks at a variable that go1.x had set and provided.* has not"),
    ("packed", "The program was packed, so that nothing can be known of it"),
    ("unsure", "What the program is was told by little"),
    ("unreadable-program", "The program's file is damaged"),
    ("not-executable", "A program is not executable, so that Lambda cannot start it"),
    ("script", "A script's first line asks for what is not there"),
    ("bootstrap", "The package's own bootstrap, or one that is not where Lambda looks"),
    ("several-handlers", "The package has several handlers, and Lambda starts one program"),
    ("in-a-folder", "All of the package lies in one folder"),
    ("size", "The package is larger than Lambda takes"),
    ("link", "A symbolic link leads nowhere, or out of the package"),
    ("name", "A name that cannot be unpacked as it is, or leads out of the package"),
    ("duplicate-name", "Two files of the package have the same name"),
    ("not-looked-at", "A part of the package was not looked at"),
];
