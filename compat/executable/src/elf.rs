//! An ELF file's header, segments and sections, elf(5): where addresses lie in the file.

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::source::{self, Source};
use crate::{Error, Kind, Machine};

/// An ELF file of 64 bits, little-endian.
#[derive(Debug, Clone)]
pub struct Elf {
    /// What it is for.
    pub machine: Machine,
    /// What it is.
    pub object: Object,
    /// Where it starts; 0 for what cannot be started.
    pub entry: u64,
    pub(crate) segments: Vec<Segment>,
    sections: SectionTable,
}

/// `e_type` of an ELF header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A program at addresses of its own.
    Executable,
    /// A program that runs at any address (PIE), or a library.
    Shared,
    /// A part of a program, before it is linked.
    Relocatable,
    /// Anything else.
    Other(u16),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    /// Of the part that is in the file.
    pub(crate) size: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

#[derive(Debug, Clone, Copy)]
struct SectionTable {
    offset: u64,
    count: u16,
    names: u16,
}

/// `PT_…` and `PF_…` of elf(5).
pub(crate) const LOAD: u32 = 1;
pub(crate) const DYNAMIC: u32 = 2;
pub(crate) const INTERPRETER: u32 = 3;
pub(crate) const EXECUTE: u32 = 1;
const WRITE: u32 = 2;

const HEADER: u32 = 64;
const SEGMENT: u16 = 56;
const SECTION: u16 = 64;
/// More than any linker makes.
const SEGMENTS_LIMIT: u16 = 512;
const SECTIONS_LIMIT: u16 = 8192;
const NAMES_LIMIT: u32 = 1 << 20;

impl Elf {
    /// Reads the header and the table of segments: 64 bytes, and 56 for each of up to 512 segments.
    pub fn read<S: Source + ?Sized>(source: &S) -> Result<Elf, Error> {
        let header = source::read(source, 0, u64::from(HEADER), HEADER)?;
        if !header.starts_with(b"\x7fELF") {
            return Err(Error::Malformed("there is no ELF header"));
        }
        if header.get(4..6) != Some(&[2, 1]) {
            return Err(foreign(&header));
        }
        let short = Error::Malformed("its header is cut off");
        if header.len() < HEADER as usize {
            return Err(short);
        }
        let field = |offset| u16_at(&header, offset).unwrap_or_default();
        let long = |offset| u64_at(&header, offset).unwrap_or_default();
        let object = match field(16) {
            1 => Object::Relocatable,
            2 => Object::Executable,
            3 => Object::Shared,
            other => Object::Other(other),
        };
        let sections = SectionTable { offset: long(40), count: field(60), names: field(62) };
        let sections = if field(58) == SECTION { sections } else { SectionTable { count: 0, ..sections } };
        let count = field(56);
        if count > SEGMENTS_LIMIT {
            return Err(Error::Malformed("it has more than 512 segments"));
        }
        if count > 0 && field(54) != SEGMENT {
            return Err(Error::Malformed("its segments are not described as elf(5) has it"));
        }
        let length = u32::from(count) * u32::from(SEGMENT);
        let table = source::read(source, long(32), u64::from(length), length)?;
        if table.len() < length as usize {
            return Err(Error::Malformed("its table of segments lies outside the file"));
        }
        let segments = table.chunks_exact(SEGMENT.into()).map(Segment::of).collect();
        Ok(Elf { machine: Machine(field(18)), object, entry: long(24), segments, sections })
    }

    /// The sections, where the file says so: they are not needed to run, so packers may drop them.
    pub(crate) fn sections(&self, bytes: &[u8]) -> Vec<Section> {
        let count = self.sections.count.min(SECTIONS_LIMIT);
        let length = u32::from(count) * u32::from(SECTION);
        let Ok(table) = source::read(bytes, self.sections.offset, u64::from(length), length) else {
            return Vec::new();
        };
        let header = |entry: &[u8]| {
            let long = |offset| u64_at(entry, offset).unwrap_or_default();
            (u32_at(entry, 0).unwrap_or_default(), long(16), long(24), long(32))
        };
        let headers: Vec<_> = table.chunks_exact(SECTION.into()).map(header).collect();
        let names = headers.get(usize::from(self.sections.names)).copied().unwrap_or_default();
        let Ok(names) = source::read(bytes, names.2, names.3, NAMES_LIMIT) else { return Vec::new() };
        let section = |&(name, address, offset, size): &(u32, u64, u64, u64)| {
            let name = names.get(name as usize..).unwrap_or_default();
            // Cut before its end is looked for: names may lie in one another, and go on without end.
            let name = &name[..name.len().min(64)];
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            Section { name, address, offset, size }
        };
        headers.iter().map(section).collect()
    }

    /// Where an address lies in the file, and how many bytes of its segment there are from there on.
    pub(crate) fn place(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().filter(|segment| segment.kind == LOAD).find_map(|segment| {
            let into = address.checked_sub(segment.address).filter(|into| *into < segment.size)?;
            Some((segment.offset.checked_add(into)?, segment.size - into))
        })
    }

    /// The address of a place in the file.
    pub(crate) fn address(&self, offset: u64) -> Option<u64> {
        self.segments.iter().filter(|segment| segment.kind == LOAD).find_map(|segment| {
            let into = offset.checked_sub(segment.offset).filter(|into| *into < segment.size)?;
            segment.address.checked_add(into)
        })
    }

    /// The bytes from an address on, to the end of its segment.
    pub(crate) fn at<'a>(&self, bytes: &'a [u8], address: u64) -> Option<&'a [u8]> {
        let (offset, length) = self.place(address)?;
        let rest = bytes.get(usize::try_from(offset).ok()?..)?;
        Some(&rest[..rest.len().min(usize::try_from(length).unwrap_or(usize::MAX))])
    }
}

impl Segment {
    fn of(entry: &[u8]) -> Segment {
        let long = |offset| u64_at(entry, offset).unwrap_or_default();
        let short = |offset| u32_at(entry, offset).unwrap_or_default();
        Segment { kind: short(0), flags: short(4), offset: long(8), address: long(16), size: long(32) }
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.flags & WRITE != 0
    }

    /// What of it is in the file.
    pub(crate) fn bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        within(bytes, self.offset, self.size)
    }
}

impl Section {
    pub(crate) fn bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        within(bytes, self.offset, self.size)
    }
}

/// Of other layouts, only what they are for is read.
fn foreign(header: &[u8]) -> Error {
    match Kind::of(header) {
        Kind::Elf { machine } => Error::Foreign(machine),
        _ => Error::Malformed("its header is cut off"),
    }
}

/// What there is of `size` bytes from `offset` on.
fn within(bytes: &[u8], offset: u64, size: u64) -> &[u8] {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
    &rest[..rest.len().min(usize::try_from(size).unwrap_or(usize::MAX))]
}
