//! Which handlers are shown: real ones, built with Go, or else the built-in one.

use std::io::Write as _;
use std::path::PathBuf;

use peers::{Peer, Progress, Unavailable};
use serde::Serialize;

use super::builtin::TaskRoot;
use crate::error::Error;

/// The programs of one demo.
#[derive(Debug)]
pub(crate) struct Handlers {
    /// Driven over go1.x's RPC. The last is compared with `direct`.
    pub(crate) bridged: Vec<Handler>,
    /// The same code, which polls the Runtime API itself.
    pub(crate) direct: Handler,
    /// Why there is no Go in it.
    without_go: Option<WithoutGo>,
    /// Kept until the end, for the built-in handler.
    _task_root: Option<TaskRoot>,
}

/// A program that answers events.
#[derive(Debug, Clone)]
pub(crate) struct Handler {
    pub(crate) name: String,
    /// What it is, for a heading.
    pub(crate) description: String,
    /// What it is in few words, for the head of a column.
    pub(crate) column: String,
    pub(crate) program: PathBuf,
    /// What its language calls a text that something panicked with.
    pub(crate) panic_type: &'static str,
}

/// Why the built-in handler takes the place of the Go ones.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WithoutGo {
    pub(crate) cause: String,
    pub(crate) help: Option<String>,
}

impl Handlers {
    /// Builds the Go handlers; tells about it as long as it takes.
    pub(crate) fn build() -> Result<Handlers, Error> {
        match build() {
            Ok(handlers) => Ok(handlers),
            Err(unavailable) => Handlers::builtin(Some(&unavailable)),
        }
    }

    /// The built-in handler, because there is no other or because it was asked for.
    pub(crate) fn builtin(unavailable: Option<&Unavailable>) -> Result<Handlers, Error> {
        let root = TaskRoot::make().map_err(|error| {
            let folder = std::env::temp_dir();
            Error::failed(format!("no folder for the built-in handler in {}: {error}", folder.display()))
                .with_help("name a folder that can be written to in TMPDIR")
        })?;
        let handler = |column: &str| Handler {
            name: "built-in handler".into(),
            description: "Rust, served over go1.x's RPC by the library go1x".into(),
            column: column.into(),
            program: root.handler(),
            panic_type: "string",
        };
        Ok(Handlers {
            bridged: vec![handler("over RPC")],
            direct: handler("direct"),
            without_go: Some(match unavailable {
                Some(unavailable) => {
                    WithoutGo { cause: unavailable.cause(), help: Some(unavailable.help().into()) }
                }
                None => WithoutGo { cause: "--no-go was given".into(), help: None },
            }),
            _task_root: Some(root),
        })
    }

    /// Why there is no Go in the demo, unless there is.
    pub(crate) fn without_go(&self) -> Option<&WithoutGo> {
        self.without_go.as_ref()
    }
}

fn build() -> Result<Handlers, Unavailable> {
    let mut tell = |progress: Progress| _ = writeln!(anstream::stderr(), "{progress}");
    let mut handler = |peer: Peer, description: &str, column: &str| {
        let version = peer.aws_lambda_go().unwrap_or_default();
        Ok(Handler {
            name: peer.name().into(),
            description: format!("Go with aws-lambda-go {version}, {description}"),
            column: format!("{version} {column}"),
            program: peers::build_with(peer, &mut tell)?,
            panic_type: "string",
        })
    };
    Ok(Handlers {
        bridged: vec![
            handler(Peer::HandlerOld, "which speaks RPC alone", "RPC")?,
            handler(Peer::HandlerCurrent, "which speaks RPC too", "RPC")?,
        ],
        direct: handler(Peer::HandlerCurrentNorpc, "rebuilt with lambda.norpc", "direct")?,
        without_go: None,
        _task_root: None,
    })
}
