//! What a program needs of the system that starts it: its loader, its libraries, its version of glibc.

use std::fmt;
use std::str::FromStr;

use crate::bytes::{terminated, u16_at, u32_at, u64_at};
use crate::elf::{DYNAMIC, INTERPRETER};
use crate::source::{self, Source};
use crate::{Elf, Error};

/// What a program needs of the system that starts it. Nothing, if it is linked statically.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The loader, `PT_INTERP`. With one, the program is linked dynamically.
    pub loader: Option<String>,
    /// The libraries, `DT_NEEDED`.
    pub libraries: Vec<String>,
    /// The versions of glibc's symbols, `.gnu.version_r`: each once, the newest last.
    pub glibc: Vec<Glibc>,
    /// Its own name as a library, `DT_SONAME`.
    pub library_name: Option<String>,
}

/// A version of glibc: `2.3.4` is `Glibc(2, 3, 4)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glibc(pub u16, pub u16, pub u16);

/// `PATH_MAX`; and more than linkers make of the others.
const NAME_LIMIT: usize = 4096;
const DYNAMIC_LIMIT: u32 = 1 << 16;
const STRINGS_LIMIT: u32 = 1 << 20;
const VERSIONS_LIMIT: u32 = 1 << 18;
const LIBRARIES_LIMIT: usize = 512;

/// `DT_…` of elf(5).
const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;
const STRINGS_SIZE: u64 = 10;
const SONAME: u64 = 14;
const VERSION_NEEDS: u64 = 0x6fff_fffe;

impl Needs {
    /// Reads the loader's name and the dynamic section, about 1.3 MB at most.
    pub fn read<S: Source + ?Sized>(source: &S, elf: &Elf) -> Result<Needs, Error> {
        let segment = |kind| elf.segments.iter().find(|segment| segment.kind == kind);
        let mut needs = Needs::default();
        if let Some(found) = segment(INTERPRETER) {
            let bytes = source::read(source, found.offset, found.size, NAME_LIMIT as u32)?;
            let name = terminated(&bytes, NAME_LIMIT)
                .filter(|name| !name.is_empty())
                .ok_or(Error::Malformed("its loader has no name"))?;
            needs.loader = Some(String::from_utf8_lossy(name).into_owned());
        }
        let Some(dynamic) = segment(DYNAMIC) else { return Ok(needs) };
        let dynamic = source::read(source, dynamic.offset, dynamic.size, DYNAMIC_LIMIT)?;
        let entries = || {
            let entry = |entry: &[u8]| Some((u64_at(entry, 0)?, u64_at(entry, 8)?));
            dynamic.chunks_exact(16).map_while(entry).take_while(|(tag, _)| *tag != 0)
        };
        let value = |wanted| entries().find(|(tag, _)| *tag == wanted).map(|(_, value)| value);
        let Some(strings) = value(STRING_TABLE).and_then(|address| elf.place(address)) else {
            return Ok(needs);
        };
        let length = value(STRINGS_SIZE).unwrap_or_default().min(strings.1);
        let strings = source::read(source, strings.0, length, STRINGS_LIMIT)?;
        let text = |offset: u64| {
            let rest = strings.get(usize::try_from(offset).ok()?..)?;
            Some(String::from_utf8_lossy(terminated(rest, NAME_LIMIT)?).into_owned())
        };
        let libraries = entries().filter(|(tag, _)| *tag == NEEDED).take(LIBRARIES_LIMIT);
        needs.libraries = libraries.filter_map(|(_, offset)| text(offset)).collect();
        needs.library_name = value(SONAME).and_then(text);
        if let Some((offset, length)) = value(VERSION_NEEDS).and_then(|address| elf.place(address)) {
            let versions = source::read(source, offset, length, VERSIONS_LIMIT)?;
            let versions = versions_needed(&versions).filter_map(|name| text(name.into())?.parse().ok());
            // In their order as they come: a sort would be a good part of what this adds to `bootstrap`.
            for version in versions {
                if let Err(place) = needs.glibc.binary_search(&version) {
                    needs.glibc.insert(place, version);
                }
            }
        }
        Ok(needs)
    }

    /// Whether a loader has to start it.
    pub fn is_dynamic(&self) -> bool {
        self.loader.is_some()
    }

    /// The oldest glibc that has all that is needed.
    pub fn newest_glibc(&self) -> Option<Glibc> {
        self.glibc.last().copied()
    }
}

/// The names, by their places among the strings, of all versions in a `.gnu.version_r`: a chain of libraries, each
/// with a chain of versions (`Elf64_Verneed` and `Elf64_Vernaux` of `elf.h`).
fn versions_needed(table: &[u8]) -> impl Iterator<Item = u32> {
    // A chain may lead anywhere in the table, backwards excepted: it ends.
    let (mut library, mut version, mut left) = (Some(0), None, 0_u16);
    std::iter::from_fn(move || {
        loop {
            if left > 0
                && let Some(at) = version
            {
                left -= 1;
                version = next(table, at, at + 12);
                return u32_at(table, at + 8);
            }
            let at = library?;
            left = u16_at(table, at + 2)?;
            version = next(table, at, at + 8);
            library = next(table, at, at + 12);
        }
    })
    .take(table.len() / 16)
}

/// Where a chain goes on from `at`, by the distance that stands at `field`.
fn next(table: &[u8], at: usize, field: usize) -> Option<usize> {
    let distance = u32_at(table, field)? as usize;
    (distance > 0).then_some(at + distance)
}

impl FromStr for Glibc {
    type Err = ();

    /// Reads `GLIBC_2.17`, and `GLIBC_ABI_DT_RELR`, which came with 2.36.
    fn from_str(text: &str) -> Result<Glibc, ()> {
        let text = text.strip_prefix("GLIBC_").ok_or(())?;
        if text == "ABI_DT_RELR" {
            return Ok(Glibc(2, 36, 0));
        }
        let mut parts = text.split('.').map(|part| part.parse::<u16>().map_err(drop));
        let version =
            Glibc(parts.next().ok_or(())??, parts.next().ok_or(())??, parts.next().unwrap_or(Ok(0))?);
        if parts.next().is_some() { Err(()) } else { Ok(version) }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Glibc(major, minor, patch) = self;
        write!(f, "{major}.{minor}")?;
        if *patch > 0 { write!(f, ".{patch}") } else { Ok(()) }
    }
}
