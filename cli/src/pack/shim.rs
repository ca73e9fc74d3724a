//! The `bootstrap` that goes into a package: where it is found, and that it would start there.

use std::env;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use executable::{Doors, Machine, Program, System};

use crate::error::Error;

/// `bootstrap`, fit for a sandbox.
pub(crate) struct Shim {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    /// Whether it drives handlers over RPC; a build with the feature `norpc` does not.
    pub(crate) has_rpc: bool,
}

/// Many times what it has.
const SIZE_LIMIT: u64 = 64 << 20;

impl Shim {
    /// The named one, else that of `GO1X_BOOTSTRAP`, else one beside this program, else the one that was built in the
    /// same clone.
    pub(crate) fn find(named: Option<&Path>, machine: Machine) -> Result<Shim, Error> {
        let variable = || env::var_os("GO1X_BOOTSTRAP").filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = named.map(Path::to_owned).or_else(variable) {
            return Shim::read(&path, machine).map_err(|why| Error::input(why).with_help(how(machine)));
        }
        let mut first = None;
        for path in places(machine).iter().filter(|path| path.is_file()) {
            match Shim::read(path, machine) {
                Ok(shim) => return Ok(shim),
                Err(why) => first = first.or(Some(why)),
            }
        }
        let none = || "there is no bootstrap beside this program, and none is named".to_owned();
        Err(Error::input(first.unwrap_or_else(none)).with_help(how(machine)))
    }

    fn read(path: &Path, machine: Machine) -> Result<Shim, String> {
        let name = path.display();
        let mut bytes = Vec::new();
        let metadata = fs::metadata(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
        if !metadata.is_file() {
            return Err(format!("{name} is not a file"));
        }
        let read = File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes));
        if read.map_err(|error| format!("{name} cannot be read: {error}"))? as u64 > SIZE_LIMIT {
            return Err(format!("{name} is not go1x's bootstrap: it has more than {SIZE_LIMIT} bytes"));
        }
        let program =
            Program::read(&bytes).map_err(|error| format!("{name} is not go1x's bootstrap: {error}"))?;
        if program.verdict.doors != Doors::Bridge {
            return Err(format!("{name} is not go1x's bootstrap: it has none of its settings in it"));
        }
        if let Some(loader) = &program.needs.loader {
            return Err(format!(
                "{name} is linked dynamically (loader {loader}), and so does not start everywhere"
            ));
        }
        if let Some(obstacle) = System::ProvidedAl2023.obstacle(&program.elf, &program.needs) {
            return Err(format!("{name} cannot be started: {obstacle}"));
        }
        if program.elf.machine != machine {
            return Err(format!(
                "{name} is built for {}, and the function for {machine}",
                program.elf.machine
            ));
        }
        // Without the legacy door nobody calls that.
        let has_rpc = bytes.windows(CALL.len()).any(|window| window == CALL);
        Ok(Shim { path: path.to_owned(), bytes, has_rpc })
    }
}

const CALL: &[u8] = b"Function.Invoke";

/// Beside this program, and where Cargo puts the build for this target.
fn places(machine: Machine) -> Vec<PathBuf> {
    let folder = env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let Some(folder) = folder else { return Vec::new() };
    let built = folder.parent().map(|target| target.join(triple(machine)).join("release/bootstrap"));
    [folder.join("bootstrap")].into_iter().chain(built).collect()
}

fn triple(machine: Machine) -> &'static str {
    if machine == Machine::AARCH64 { "aarch64-unknown-linux-musl" } else { "x86_64-unknown-linux-musl" }
}

fn how(machine: Machine) -> String {
    let triple = triple(machine);
    format!(
        "build it (cargo build --release -p go1x --bin bootstrap --target {triple}) or take it from a \
         release, and name it by --bootstrap or GO1X_BOOTSTRAP"
    )
}
