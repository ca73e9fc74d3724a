//! What can stop a runtime. A function's failure cannot: that is a value.

use std::fmt;
use std::io;

use runtime_api::FunctionError;

/// Why a runtime ended. A process that gets one should exit, non-zero, so that the platform starts afresh.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// None of the environment variables that this build knows is set.
    NoDoor {
        /// Their names, in the order they are looked at.
        variables: Vec<&'static str>,
    },
    /// A setting is wrong.
    Setting {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The handler cannot be started, at first or again.
    Init(FunctionError),
    /// The handler asked for a fresh process.
    ShouldExit(FunctionError),
    /// The Runtime API could not be reached, or answered that the sandbox is lost.
    RuntimeApi(runtime_api::Error),
    /// The legacy socket could not be served.
    Serve(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // aws-lambda-go's words (lambda/entry.go).
            Error::NoDoor { variables } => {
                let variables = variables.join(" ");
                write!(f, "expected AWS Lambda environment variables [{variables}] are not defined")
            }
            Error::Setting { variable, problem } => write!(f, "{variable} {problem}"),
            Error::Init(failure) => write!(f, "{} ({})", failure.message, failure.error_type),
            Error::ShouldExit(failure) => write!(f, "the handler asked to exit: {}", failure.message),
            Error::RuntimeApi(error) => error.fmt(f),
            Error::Serve(_) => f.write_str("the legacy socket cannot be served"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::RuntimeApi(error) => error.source(),
            Error::Serve(error) => Some(error),
            _ => None,
        }
    }
}

impl From<runtime_api::Error> for Error {
    fn from(error: runtime_api::Error) -> Error {
        Error::RuntimeApi(error)
    }
}
