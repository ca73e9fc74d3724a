//! Which programs there are.

use std::fmt;

use crate::Library;
use crate::source::{self, Module};

/// One executable: a Go program and the tags that it is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Behaves as a go1.x handler does, with failures of every kind on demand. Standard library only.
    LegacyHandler,
    /// Listens where a handler should and says what none would. Standard library only.
    Stranger,
    /// A program for `AWS_LAMBDA_EXEC_WRAPPER`, static as all of these. Standard library only.
    Wrapper,
    /// Plays the go1.x runtime towards a handler. Standard library only.
    RpcClient,
    /// Both ends of net/rpc, with methods of many kinds. Standard library only.
    Arith,
    /// Reads what a runtime posts as AWS's own servers do. Standard library only.
    PostReader,
    /// A handler on an aws-lambda-go that knows RPC alone.
    HandlerOld,
    /// The same handler on a current aws-lambda-go.
    HandlerCurrent,
    /// [`Peer::HandlerCurrent`] as AWS advises to rebuild it: with the tag `lambda.norpc`.
    HandlerCurrentNorpc,
    /// Answers with the bytes it got, decoding nothing; on the old aws-lambda-go.
    EchoOld,
    /// The same echo on the current aws-lambda-go.
    EchoCurrent,
    /// [`Peer::EchoCurrent`] with the tag `lambda.norpc`.
    EchoCurrentNorpc,
    /// Streams its response; on the current aws-lambda-go, with the tag `lambda.norpc`.
    StreamCurrentNorpc,
    /// Asks for SIGTERM with `lambda.WithEnableSIGTERM`; on the current aws-lambda-go.
    SigtermCurrent,
    /// A bridge as one would write it in Go, for the benchmark. Standard library only.
    Shim,
    /// The smallest of handlers, on any aws-lambda-go.
    On(Library),
    /// [`Peer::On`] with the tag `lambda.norpc`, which the oldest libraries do not know.
    OnNorpc(Library),
}

impl Peer {
    /// All there are, but for [`Peer::On`] and [`Peer::OnNorpc`].
    pub const ALL: [Peer; 15] = [
        Peer::LegacyHandler,
        Peer::Stranger,
        Peer::Wrapper,
        Peer::RpcClient,
        Peer::Arith,
        Peer::PostReader,
        Peer::HandlerOld,
        Peer::HandlerCurrent,
        Peer::HandlerCurrentNorpc,
        Peer::EchoOld,
        Peer::EchoCurrent,
        Peer::EchoCurrentNorpc,
        Peer::StreamCurrentNorpc,
        Peer::SigtermCurrent,
        Peer::Shim,
    ];

    /// The executable's file name.
    pub fn name(self) -> &'static str {
        match self {
            Peer::LegacyHandler => "legacyhandler",
            Peer::Stranger => "stranger",
            Peer::Wrapper => "wrapper",
            Peer::RpcClient => "rpcclient",
            Peer::Arith => "arith",
            Peer::PostReader => "postreader",
            Peer::HandlerOld => "handler-v1.13.3",
            Peer::HandlerCurrent => "handler-v1.54.0",
            Peer::HandlerCurrentNorpc => "handler-v1.54.0-norpc",
            Peer::EchoOld => "echo-v1.13.3",
            Peer::EchoCurrent => "echo-v1.54.0",
            Peer::EchoCurrentNorpc => "echo-v1.54.0-norpc",
            Peer::StreamCurrentNorpc => "stream-v1.54.0-norpc",
            Peer::SigtermCurrent => "sigterm-v1.54.0",
            Peer::Shim => "shim",
            Peer::On(_) => "versions",
            Peer::OnNorpc(_) => "versions-norpc",
        }
    }

    /// The version of aws-lambda-go that it is on, if it is on one.
    pub fn aws_lambda_go(self) -> Option<&'static str> {
        self.library().map(Library::version).or(self.module().aws_lambda_go)
    }

    /// The version that is to be set in its module.
    pub(crate) fn library(self) -> Option<Library> {
        match self {
            Peer::On(library) | Peer::OnNorpc(library) => Some(library),
            _ => None,
        }
    }

    /// The build tags, as `go build -tags` takes them; empty for none.
    pub fn tags(self) -> &'static str {
        match self {
            Peer::HandlerCurrentNorpc
            | Peer::EchoCurrentNorpc
            | Peer::StreamCurrentNorpc
            | Peer::OnNorpc(_) => "lambda.norpc",
            _ => "",
        }
    }

    pub(crate) fn module(self) -> &'static Module {
        match self {
            Peer::LegacyHandler
            | Peer::Stranger
            | Peer::Wrapper
            | Peer::RpcClient
            | Peer::Arith
            | Peer::PostReader => &source::LEGACY,
            Peer::HandlerOld | Peer::EchoOld => &source::HANDLER_OLD,
            Peer::HandlerCurrent
            | Peer::HandlerCurrentNorpc
            | Peer::EchoCurrent
            | Peer::EchoCurrentNorpc
            | Peer::StreamCurrentNorpc
            | Peer::SigtermCurrent => &source::HANDLER_CURRENT,
            Peer::Shim => &source::SHIM,
            Peer::On(_) | Peer::OnNorpc(_) => &source::VERSIONS,
        }
    }

    /// The main package, relative to its module.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Peer::LegacyHandler => "./legacyhandler",
            Peer::Stranger => "./stranger",
            Peer::Wrapper => "./wrapper",
            Peer::RpcClient => "./rpcclient",
            Peer::Arith => "./arith",
            Peer::PostReader => "./postreader",
            Peer::HandlerOld
            | Peer::HandlerCurrent
            | Peer::HandlerCurrentNorpc
            | Peer::Shim
            | Peer::On(_)
            | Peer::OnNorpc(_) => ".",
            Peer::EchoOld | Peer::EchoCurrent | Peer::EchoCurrentNorpc => "./cmd/echo",
            Peer::StreamCurrentNorpc => "./cmd/stream",
            Peer::SigtermCurrent => "./cmd/sigterm",
        }
    }
}

/// Name, library, tags: `echo-v1.54.0-norpc (aws-lambda-go v1.54.0, tag lambda.norpc)`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match (self.aws_lambda_go(), self.tags()) {
            (None, _) => f.write_str(" (standard library only)"),
            (Some(version), "") => write!(f, " (aws-lambda-go {version})"),
            (Some(version), tags) => write!(f, " (aws-lambda-go {version}, tag {tags})"),
        }
    }
}
