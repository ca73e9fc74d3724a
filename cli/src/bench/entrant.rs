//! One that takes part: its program, and what is told of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::results::Contestant;
use crate::error::Error;
use crate::pack::member::{Content, Member};
use crate::pack::zip;

/// What is started, and with what in its environment.
#[derive(Debug, Clone)]
pub(crate) struct Entrant {
    pub(crate) name: String,
    /// One line: what runs here.
    pub(crate) description: String,
    pub(crate) program: PathBuf,
    /// The same, as it is told.
    pub(crate) shown: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// What `_HANDLER` names.
    pub(crate) handler: PathBuf,
    /// The programs that have to be deployed for it.
    pub(crate) deployed: Vec<PathBuf>,
}

impl Entrant {
    /// A program that polls the Runtime API with the handler in it.
    pub(crate) fn direct(name: &str, description: impl Into<String>, program: &Path) -> Entrant {
        Entrant {
            name: name.to_owned(),
            description: description.into(),
            program: program.to_owned(),
            shown: program.to_owned(),
            arguments: Vec::new(),
            handler: program.to_owned(),
            deployed: vec![program.to_owned()],
        }
    }

    /// A program that polls the Runtime API, and a handler that it starts.
    pub(crate) fn bridged(
        name: &str,
        description: impl Into<String>,
        bridge: &Path,
        handler: &Path,
    ) -> Entrant {
        Entrant {
            handler: handler.to_owned(),
            deployed: vec![bridge.to_owned(), handler.to_owned()],
            ..Entrant::direct(name, description, bridge)
        }
    }

    /// What the results say of it, with the size of a zip to deploy.
    pub(crate) fn contestant(&self) -> Result<Contestant, Error> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error: io::Error| {
                Error::input(format_args!("{} cannot be read: {error}", path.display()))
                    .with_help("what is deployed is read for its size")
            })
        };
        let mut members = Vec::new();
        for (at, path) in self.deployed.iter().enumerate() {
            // Whatever it is called here, what Lambda starts is called bootstrap.
            let name = if at == 0 { "bootstrap".into() } else { file_name(path) };
            members.push(Member { name, content: Content::File { bytes: read(path)?, is_executable: true } });
        }
        let size = |member: &Member| match &member.content {
            Content::File { bytes, .. } => bytes.len() as u64,
            Content::Link(_) => 0,
        };
        let program = [self.shown.as_os_str()].into_iter();
        let words = program.chain(self.arguments.iter().map(|word| &**word));
        Ok(Contestant {
            name: self.name.clone(),
            description: self.description.clone(),
            command: words.map(|word| word.to_string_lossy().into_owned()).collect(),
            program_bytes: members.iter().map(size).sum(),
            zip_bytes: zip::write(&members).map_err(Error::failed)?.len() as u64,
        })
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
