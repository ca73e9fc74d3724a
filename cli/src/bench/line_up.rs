//! Who takes part, and why somebody does not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use executable::{Doors, Machine, Program};
use peers::{Peer, Progress, Unavailable};

use super::entrant::Entrant;
use super::repository::{OPTIMISED, Repository};
use crate::error::Error;
use crate::pack::shim::Shim;

/// Who is asked to take part.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The user's handler; the echoes if there is none.
    pub(crate) handler: Option<PathBuf>,
    /// The same, rebuilt to poll the Runtime API.
    pub(crate) rebuilt: Option<PathBuf>,
    pub(crate) bootstrap: Option<PathBuf>,
    /// Other programs that poll the Runtime API: names and command lines.
    pub(crate) others: Vec<(String, String)>,
    /// Those alone; all if it is empty.
    pub(crate) only: Vec<String>,
    /// With those that do the least that can be done.
    pub(crate) floors: bool,
}

/// All contestants, in their order.
#[derive(Debug)]
pub(crate) struct LineUp {
    pub(crate) entrants: Vec<Entrant>,
    /// Whether the handler is the echo.
    pub(crate) echo: bool,
    /// Why somebody is not there.
    pub(crate) notes: Vec<String>,
}

impl LineUp {
    /// Builds what has to be built; tells about it as long as it takes.
    pub(crate) fn build(asked: &Asked, tell: &mut dyn FnMut(&str)) -> Result<LineUp, Error> {
        let mut builder = Builder { asked, tell, repository: Repository::find(), line_up: LineUp::empty() };
        let handler = match &asked.handler {
            Some(handler) => Some(user_handler(handler)?),
            None => builder.echo(),
        };
        builder.bridge(handler.as_deref())?;
        builder.go_direct()?;
        if asked.handler.is_none() {
            builder.rust()?;
        }
        builder.go_shim(handler.as_deref());
        builder.floors(handler.as_deref());
        for (name, command) in &asked.others {
            builder.other(name, command)?;
        }
        let mut line_up = builder.line_up;
        line_up.echo = asked.handler.is_none();
        if !OPTIMISED {
            line_up
                .notes
                .push("Built without optimisation: it works, and the figures say nothing.".to_owned());
        }
        asked.check_names(&line_up)?;
        Ok(line_up)
    }

    fn empty() -> LineUp {
        LineUp { entrants: Vec::new(), echo: true, notes: Vec::new() }
    }
}

impl Asked {
    /// Of go1x's own contestants.
    fn wants(&self, name: &str) -> bool {
        self.takes(name) && (self.floors || !self.only.is_empty() || !name.starts_with("floor-"))
    }

    /// Of anybody's.
    fn takes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// Those who were asked for by name are there, and nobody twice.
    fn check_names(&self, line_up: &LineUp) -> Result<(), Error> {
        let names: BTreeSet<&str> = line_up.entrants.iter().map(|entrant| &*entrant.name).collect();
        if names.len() < line_up.entrants.len() {
            return Err(Error::input("two contestants have the same name")
                .with_help("name those of --compare otherwise"));
        }
        match self.only.iter().find(|only| !names.contains(&***only)) {
            None if !names.is_empty() => Ok(()),
            None => Err(Error::input("nobody can take part").with_help(line_up.notes.join("\n  "))),
            Some(missing) => {
                let absent = format!("{missing} is not there: ");
                let why = line_up.notes.iter().find(|note| note.starts_with(&absent)).cloned();
                let known = if self.handler.is_some() { BRIDGED } else { ECHOES };
                Err(Error::input(format_args!("{missing} cannot take part"))
                    .with_help(why.unwrap_or_else(|| known.to_owned())))
            }
        }
    }
}

/// Who there is with a handler of the user's, and without.
const BRIDGED: &str =
    "with a handler, there are bridge, go-direct, go-shim, floor-rpc and those of --compare";
const ECHOES: &str = "there are bridge, go-direct, rust-direct, rust-rpc, lambda_runtime, go-shim, floor-rpc, \
                      floor-direct and those of --compare";

struct Builder<'a> {
    asked: &'a Asked,
    tell: &'a mut dyn FnMut(&str),
    repository: Option<Repository>,
    line_up: LineUp,
}

impl Builder<'_> {
    /// The Go echo that bridges are put before, if there are to be any.
    fn echo(&mut self) -> Option<PathBuf> {
        let bridges = ["bridge", "go-shim", "floor-rpc"].into_iter().filter(|name| self.asked.wants(name));
        let bridges: Vec<&str> = bridges.collect();
        let tell = &mut *self.tell;
        (!bridges.is_empty()).then_some(())?;
        let built = peers::build_with(Peer::EchoCurrent, &mut |progress| tell(&progress.to_string()));
        built.map_err(|error| bridges.iter().for_each(|name| self.missing(name, &error.cause()))).ok()
    }

    fn bridge(&mut self, handler: Option<&Path>) -> Result<(), Error> {
        let (true, Some(handler)) = (self.asked.wants("bridge"), handler) else { return Ok(()) };
        let bootstrap = self.bootstrap()?;
        let description = match &self.asked.handler {
            Some(handler) => format!("{}, unchanged, behind go1x's bootstrap", handler.display()),
            None => format!("Go echo, unchanged, behind go1x's bootstrap: {}", Peer::EchoCurrent),
        };
        self.add(Entrant::bridged("bridge", description, &bootstrap, handler));
        Ok(())
    }

    fn go_direct(&mut self) -> Result<(), Error> {
        if !self.asked.wants("go-direct") {
            return Ok(());
        }
        let (program, description) = match (&self.asked.handler, &self.asked.rebuilt) {
            (_, Some(rebuilt)) => (Some(user_file(rebuilt)?), "rebuilt with lambda.norpc".to_owned()),
            (Some(_), None) => {
                self.missing("go-direct", "--rebuilt names no build of the handler with lambda.norpc");
                return Ok(());
            }
            (None, None) => {
                let program = self.peer("go-direct", Peer::EchoCurrentNorpc);
                (program, format!("Go echo, rebuilt: {}", Peer::EchoCurrentNorpc))
            }
        };
        if let Some(program) = program {
            self.add(Entrant::direct("go-direct", description, &program));
        }
        Ok(())
    }

    fn rust(&mut self) -> Result<(), Error> {
        if self.asked.wants("rust-direct")
            && let Some(echo) = self.rust_peer("rust-direct", "echo")
        {
            self.add(Entrant::direct("rust-direct", "Rust echo on the library go1x", &echo));
        }
        if self.asked.wants("rust-rpc")
            && let Some(echo) = self.rust_peer("rust-rpc", "echo")
        {
            let bootstrap = self.bootstrap()?;
            let description = "the same Rust echo over net/rpc, behind go1x's bootstrap";
            self.add(Entrant::bridged("rust-rpc", description, &bootstrap, &echo));
        }
        if self.asked.wants("lambda_runtime")
            && let Some(echo) = self.rust_peer("lambda_runtime", "echo-lambda-runtime")
        {
            let description = "Rust echo on AWS's lambda_runtime, JSON as it comes (RawValue), one thread";
            self.add(Entrant::direct("lambda_runtime", description, &echo));
        }
        Ok(())
    }

    fn go_shim(&mut self, handler: Option<&Path>) {
        if let (true, Some(handler)) = (self.asked.wants("go-shim"), handler)
            && let Some(shim) = self.peer("go-shim", Peer::Shim)
        {
            let description = "the same handler behind a bridge in Go: net/http and net/rpc";
            self.add(Entrant::bridged("go-shim", description, &shim, handler));
        }
    }

    /// The least that a bridge and a handler can do.
    fn floors(&mut self, handler: Option<&Path>) {
        let (rpc, direct) = (self.asked.wants("floor-rpc"), self.asked.wants("floor-direct"));
        if let (true, Some(handler)) = (rpc, handler)
            && let Some(floor) = self.rust_peer("floor-rpc", "floor-rpc")
        {
            let description = "the same handler behind a bridge by hand, blocking, that does the least";
            self.add(Entrant::bridged("floor-rpc", description, &floor, handler));
        }
        if (direct && self.asked.handler.is_none())
            && let Some(floor) = self.rust_peer("floor-direct", "floor-direct")
        {
            let description = "an echo by hand, blocking, that does the least";
            self.add(Entrant::direct("floor-direct", description, &floor));
        }
    }

    /// A command line of the user's: words at blanks, no shell.
    fn other(&mut self, name: &str, command: &str) -> Result<(), Error> {
        if !self.asked.takes(name) {
            return Ok(());
        }
        let mut words = command.split_ascii_whitespace();
        let word = words.next().unwrap_or_default();
        let program = on_path(Path::new(word));
        let Some(program) = program else {
            return Err(Error::input(format_args!("{name}: there is no program {command:?}"))
                .with_help("--compare takes NAME=CMD, where CMD is a program with its arguments"));
        };
        let handler = self.asked.handler.as_deref().map(user_file).transpose()?;
        let mut entrant = Entrant::direct(name, format!("the user's: {command}"), &program);
        entrant.arguments = words.map(Into::into).collect();
        entrant.stays = !word.contains('/');
        if let Some(handler) = handler {
            entrant.handler = handler;
        }
        self.add(entrant);
        Ok(())
    }

    fn add(&mut self, mut entrant: Entrant) {
        if let Some(repository) = &self.repository {
            entrant.shown = repository.relative(&entrant.program).to_owned();
        }
        self.line_up.entrants.push(entrant);
    }

    fn missing(&mut self, name: &str, why: &str) {
        self.line_up.notes.push(format!("{name} is not there: {why}."));
    }

    fn peer(&mut self, name: &str, peer: Peer) -> Option<PathBuf> {
        let tell = &mut *self.tell;
        let built = peers::build_with(peer, &mut |progress: Progress| tell(&progress.to_string()));
        built.map_err(|error: Unavailable| self.missing(name, &error.cause())).ok()
    }

    fn rust_peer(&mut self, name: &str, program: &str) -> Option<PathBuf> {
        let built = match &self.repository {
            Some(repository) => repository.rust_peer(program, self.tell),
            None => Err("it is built from a clone of go1x, and this is none".to_owned()),
        };
        built.map_err(|why| self.missing(name, &why)).ok()
    }

    /// The named one, else a fresh build of the clone's, else one beside this program.
    fn bootstrap(&mut self) -> Result<PathBuf, Error> {
        let is_named = self.asked.bootstrap.is_some() || std::env::var_os("GO1X_BOOTSTRAP").is_some();
        if let (false, Some(repository)) = (is_named, &self.repository) {
            return repository.bootstrap(self.tell).map_err(|why| {
                Error::failed(format_args!("bootstrap cannot be built: {why}"))
                    .with_help("name one by --bootstrap, or in GO1X_BOOTSTRAP")
            });
        }
        let machine = if cfg!(target_arch = "aarch64") { Machine::AARCH64 } else { Machine::X86_64 };
        let shim = Shim::find(self.asked.bootstrap.as_deref(), machine)?;
        std::path::absolute(&shim.path).map_err(Error::failed)
    }
}

/// The user's handler, which has to speak RPC to be bridged.
fn user_handler(path: &Path) -> Result<PathBuf, Error> {
    let handler = user_file(path)?;
    let bytes = fs::read(&handler).map_err(|error| no_program(path, &format!("cannot be read: {error}")))?;
    let doors = Program::read(&bytes).map(|program| program.verdict.doors);
    match doors {
        Ok(Doors::RuntimeApi) => Err(Error::input(format_args!(
            "{} polls the Runtime API itself: there is nothing to bridge",
            path.display()
        ))
        .with_help(
            "name the build that speaks RPC, and this one by --rebuilt; or compare programs by --compare",
        )),
        Ok(Doors::Bridge) => {
            Err(Error::input(format_args!("{} is go1x's bootstrap, no handler", path.display()))
                .with_help("name the handler, and this by --bootstrap"))
        }
        _ => Ok(handler),
    }
}

/// A file of the user's, whole path.
fn user_file(path: &Path) -> Result<PathBuf, Error> {
    let whole =
        fs::canonicalize(path).map_err(|error| no_program(path, &format!("cannot be read: {error}")))?;
    if whole.is_file() { Ok(whole) } else { Err(no_program(path, "is not a file")) }
}

fn no_program(path: &Path, why: &str) -> Error {
    Error::input(format_args!("{} {why}", path.display()))
        .with_help("HANDLER and --rebuilt take programs, as they are deployed")
}

/// Where a program lies: names without a slash are looked for on `PATH`.
pub(super) fn on_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return fs::canonicalize(program).ok().filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_asked_for_and_whoever_is_compared_is() {
        let asked = |only: &[&str], floors: bool| Asked {
            handler: None,
            rebuilt: None,
            bootstrap: None,
            others: vec![("floor-mine".to_owned(), "false".to_owned())],
            only: only.iter().map(|name| (*name).to_owned()).collect(),
            floors,
        };
        let usual = asked(&[], false);
        assert!(usual.wants("bridge") && !usual.wants("floor-rpc") && usual.takes("floor-mine"));
        assert!(asked(&[], true).wants("floor-rpc"));
        let named = asked(&["floor-rpc"], false);
        assert!(named.wants("floor-rpc") && !named.wants("bridge") && !named.takes("floor-mine"));
    }
}
