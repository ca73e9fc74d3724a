//! What Lambda's operating systems offer to a program, and what keeps one from starting there.

use std::fmt;

use crate::{Elf, Glibc, Machine, Needs, Object};

/// The operating systems of Lambda that a Go handler may be on.
///
/// glibc's versions are those of aws-lambda-go's README; go1.x knew x86_64 alone (AWS, "Building Lambda functions with
/// Go").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// `go1.x`: Amazon Linux 1.
    Go1x,
    /// `provided.al2`: Amazon Linux 2.
    ProvidedAl2,
    /// `provided.al2023`: Amazon Linux 2023.
    ProvidedAl2023,
}

/// What keeps a program from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// It is for another processor.
    Machine(Machine),
    /// It is a part of a program, or a library.
    NotAProgram,
    /// Its loader is not there.
    Loader(String),
    /// It needs a newer glibc.
    Glibc(Glibc),
}

impl System {
    /// All of them, the oldest first.
    pub const ALL: [System; 3] = [System::Go1x, System::ProvidedAl2, System::ProvidedAl2023];

    /// The runtime's identifier.
    pub fn name(self) -> &'static str {
        match self {
            System::Go1x => "go1.x",
            System::ProvidedAl2 => "provided.al2",
            System::ProvidedAl2023 => "provided.al2023",
        }
    }

    /// Its C library.
    pub fn glibc(self) -> Glibc {
        match self {
            System::Go1x => Glibc(2, 17, 0),
            System::ProvidedAl2 => Glibc(2, 26, 0),
            System::ProvidedAl2023 => Glibc(2, 34, 0),
        }
    }

    fn runs_on(self, machine: Machine) -> bool {
        machine == Machine::X86_64 || (machine == Machine::AARCH64 && self != System::Go1x)
    }

    /// What keeps a program from starting here: nothing, if there is none. Libraries other than glibc's own are not
    /// looked at, since a package or a layer may bring them.
    pub fn obstacle(self, elf: &Elf, needs: &Needs) -> Option<Obstacle> {
        if !self.runs_on(elf.machine) {
            return Some(Obstacle::Machine(elf.machine));
        }
        let library = elf.object == Object::Shared && !needs.is_dynamic() && needs.library_name.is_some();
        if !matches!(elf.object, Object::Executable | Object::Shared) || elf.entry == 0 || library {
            return Some(Obstacle::NotAProgram);
        }
        let loader = if elf.machine == Machine::X86_64 {
            "/lib64/ld-linux-x86-64.so.2"
        } else {
            "/lib/ld-linux-aarch64.so.1"
        };
        match (&needs.loader, needs.newest_glibc()) {
            (Some(found), _) if found != loader => Some(Obstacle::Loader(found.clone())),
            (Some(_), Some(glibc)) if glibc > self.glibc() => Some(Obstacle::Glibc(glibc)),
            _ => None,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Machine(machine) => write!(f, "it is built for {machine}"),
            Obstacle::NotAProgram => {
                f.write_str("it is a part of a program or a library, and cannot be started")
            }
            Obstacle::Loader(loader) => write!(f, "its loader {loader} is not there"),
            Obstacle::Glibc(glibc) => write!(f, "it needs GLIBC_{glibc}"),
        }
    }
}

/// Whether a library is a part of glibc, which all systems have.
pub(crate) fn is_of_glibc(library: &str) -> bool {
    let stem = library.split('.').next().unwrap_or_default();
    [
        "libc",
        "libm",
        "libpthread",
        "libdl",
        "librt",
        "libresolv",
        "libutil",
        "libanl",
        "ld-linux-x86-64",
        "ld-linux-aarch64",
    ]
    .contains(&stem)
}

impl Needs {
    /// The libraries that are not of glibc: who ships the program has to see that they are there.
    pub fn other_libraries(&self) -> impl Iterator<Item = &str> {
        self.libraries.iter().map(String::as_str).filter(|library| !is_of_glibc(library))
    }
}
