//! What can stop a runtime. A function's failure cannot: that is a value.

use std::ffi::OsStr;
use std::fmt;
use std::io;

use runtime_api::FunctionError;

/// Why a runtime ended. A process that gets one should exit, non-zero, so that the platform starts afresh.
#[non_exhaustive]
pub enum RuntimeError {
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
    /// A response failed when the platform had seen its start, and so the platform takes nothing else from this runtime.
    BrokenOff(FunctionError),
    /// A loop that asks for events panicked: a defect of this crate, or of the handler's `ready`.
    LoopLost(String),
    /// The task that accepts connections on the legacy socket panicked: a defect of this crate.
    SocketLost(String),
    /// The Runtime API could not be reached, or answered that the sandbox is lost.
    RuntimeApi(runtime_api::Error),
    /// The legacy socket could not be served.
    Serve(io::Error),
}

/// Any error of a handler, as `lambda_runtime` names it. What the caller is told of it: [`crate::failure()`].
pub type Error = Box<dyn std::error::Error + Send + Sync>;

impl RuntimeError {
    /// A setting has another value than it can have.
    pub(crate) fn not(variable: &'static str, value: &str, wanted: &str) -> RuntimeError {
        RuntimeError::Setting { variable, problem: format!("is {value:?}; it can be {wanted}") }
    }

    pub(crate) fn not_text(variable: &'static str, value: &OsStr) -> RuntimeError {
        RuntimeError::Setting { variable, problem: format!("is {value:?}, which is not UTF-8 text") }
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // aws-lambda-go's words (lambda/entry.go).
            RuntimeError::NoDoor { variables } => {
                let variables = variables.join(" ");
                write!(f, "expected AWS Lambda environment variables [{variables}] are not defined")
            }
            RuntimeError::Setting { variable, problem } => write!(f, "{variable} {problem}"),
            RuntimeError::Init(failure) => write!(f, "{} ({})", failure.message, failure.error_type),
            RuntimeError::ShouldExit(failure) => write!(f, "the handler asked to exit: {}", failure.message),
            RuntimeError::BrokenOff(failure) => {
                write!(f, "the response broke off on its way: {} ({})", failure.message, failure.error_type)
            }
            RuntimeError::LoopLost(text) => write!(f, "a loop that asks for events is lost: {text}"),
            RuntimeError::SocketLost(text) => write!(f, "the legacy socket is lost: {text}"),
            RuntimeError::RuntimeApi(error) => error.fmt(f),
            RuntimeError::Serve(_) => f.write_str("the legacy socket cannot be served"),
        }
    }
}

/// What `main` prints of it: its text and its cause's, for people.
impl fmt::Debug for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match std::error::Error::source(self) {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RuntimeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RuntimeError::RuntimeApi(error) => error.source(),
            RuntimeError::Serve(error) => Some(error),
            _ => None,
        }
    }
}

impl From<runtime_api::Error> for RuntimeError {
    fn from(error: runtime_api::Error) -> RuntimeError {
        RuntimeError::RuntimeApi(error)
    }
}
