//! One that takes part: its program, and what is told of it.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
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
    /// Started where it lies: an interpreter finds its library from there.
    pub(crate) stays: bool,
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
            stays: false,
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

    /// The same with programs of its own below a folder: who runs the same file as another shares its memory, and how a
    /// file came to be (a copy, a linker's work) makes a difference to its start.
    pub(super) fn with_own_programs(&self, folder: &Path) -> io::Result<Entrant> {
        let mut own = self.clone();
        if !self.stays {
            own.program = copy(&self.program, &folder.join("program"))?;
        }
        own.handler = match self.handler == self.program {
            true => own.program.clone(),
            false => copy(&self.handler, &folder.join("handler"))?,
        };
        Ok(own)
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

/// A program in a new folder, with links to all that lies beside it and that it may need.
fn copy(program: &Path, folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let name = program.file_name().unwrap_or_default();
    if let Some(original) = program.parent() {
        for entry in fs::read_dir(original)? {
            let entry = entry?;
            if entry.file_name() != name {
                symlink(entry.path(), folder.join(entry.file_name()))?;
            }
        }
    }
    let copy = folder.join(name);
    fs::copy(program, &copy)?;
    Ok(copy)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::scratch::Scratch;

    #[test]
    fn programs_are_copied_and_what_lies_beside_them_is_at_hand() {
        let scratch = Scratch::new().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir_all(at("function/data")).unwrap();
        for (name, text) in
            [("bridge", "a bridge"), ("function/main", "a handler"), ("function/data/a", "data")]
        {
            fs::write(at(name), text).unwrap();
        }
        let entrant = Entrant::bridged("it", "", &at("bridge"), &at("function/main"));
        let own = ["one", "other"].map(|folder| entrant.with_own_programs(&at(folder)).unwrap());
        for (own, folder) in own.iter().zip(["one", "other"]) {
            assert_eq!(
                (&own.program, &own.handler),
                (&at(folder).join("program/bridge"), &at(folder).join("handler/main"))
            );
            assert_eq!(fs::read_to_string(&own.handler).unwrap(), "a handler");
            assert!(!own.handler.is_symlink() && !own.program.is_symlink());
            assert_eq!(fs::read_to_string(at(folder).join("handler/data/a")).unwrap(), "data");
            assert_eq!((&own.shown, &own.deployed), (&entrant.shown, &entrant.deployed));
        }
        let direct = Entrant::direct("it", "", &at("bridge")).with_own_programs(&at("direct")).unwrap();
        assert!(direct.handler == direct.program && direct.program.starts_with(at("direct")));
        let found = Entrant { stays: true, ..Entrant::direct("it", "", &at("bridge")) };
        assert_eq!(found.with_own_programs(&at("found")).unwrap().program, at("bridge"));

        // The links go, and not what they lead to.
        fs::remove_dir_all(at("one")).unwrap();
        assert!(at("function/data/a").is_file());
        let folder = scratch.path().to_owned();
        drop(scratch);
        assert!(!folder.exists());
    }
}
