//! The table of functions that the Go runtime keeps for its own stack traces, `pclntab`: it is in every Go program,
//! stripped or not.
//!
//! Go's `debug/gosym/pclntab.go` and `runtime/symtab.go` have the four layouts, told apart by the first four bytes.

use crate::Elf;
use crate::bytes::{places, terminated, u32_at, u64_at};
use crate::elf::{LOAD, Section, Segment};

/// The layout of a line table, by the version of Go that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Magic {
    /// Go 1.2 to 1.15.
    Go12,
    /// Go 1.16 and 1.17.
    Go116,
    /// Go 1.18 and 1.19.
    Go118,
    /// Go 1.20 and newer.
    Go120,
}

impl Magic {
    const ALL: [Magic; 4] = [Magic::Go12, Magic::Go116, Magic::Go118, Magic::Go120];

    fn bytes(self) -> [u8; 4] {
        let number: u32 = match self {
            Magic::Go12 => 0xffff_fffb,
            Magic::Go116 => 0xffff_fffa,
            Magic::Go118 => 0xffff_fff0,
            Magic::Go120 => 0xffff_fff1,
        };
        number.to_le_bytes()
    }

    /// The versions of Go that write it.
    pub fn versions(self) -> &'static str {
        match self {
            Magic::Go12 => "Go 1.2 to 1.15",
            Magic::Go116 => "Go 1.16 or 1.17",
            Magic::Go118 => "Go 1.18 or 1.19",
            Magic::Go120 => "Go 1.20 or newer",
        }
    }
}

/// A line table.
#[derive(Debug)]
pub(crate) struct LineTable<'a> {
    pub(crate) magic: Magic,
    /// From its first byte on, to the end of its section or of the file.
    table: &'a [u8],
    /// The names, each closed by a zero.
    names: &'a [u8],
    /// Pairs of address and place, one for each function.
    index: &'a [u8],
    /// What the places in the index count from.
    functions: &'a [u8],
    count: usize,
    /// What addresses count from, where they are written as distances.
    text: u64,
}

/// A longer name is not looked at: Go's own are shorter, but for those of generic code.
const NAME_LIMIT: usize = 1 << 14;
/// Bytes of names that are looked at in all: a damaged table may have the same long name again and again.
const NAMES_LIMIT: usize = 64 << 20;
const CANDIDATES_LIMIT: usize = 1 << 12;

impl<'a> LineTable<'a> {
    /// Finds it: by its section, else by its first bytes.
    pub(crate) fn find(bytes: &'a [u8], elf: &Elf, sections: &[Section]) -> Option<LineTable<'a>> {
        let is_named = |section: &&Section| section.name.ends_with(".gopclntab");
        let text = sections.iter().find(|section| section.name == ".text").map(|section| section.address);
        let section = sections.iter().find(is_named);
        let named = section.and_then(|section| LineTable::read(section.bytes(bytes)));
        let mut found = named.map(|table| (section.map_or(0, |section| section.offset), table));
        if found.is_none() {
            found = Magic::ALL.iter().rev().find_map(|magic| {
                let magic = magic.bytes();
                places(bytes, &magic)
                    .filter(|at| at % 8 == 0)
                    .take(CANDIDATES_LIMIT)
                    .find_map(|at| Some((at as u64, LineTable::read(&bytes[at..])?)))
            });
        }
        let (offset, mut table) = found?;
        if table.is_relative() && table.text == 0 {
            table.text = table.text_by_module(bytes, elf, offset).or(text).unwrap_or_default();
        }
        Some(table)
    }

    /// Reads the header; `None` if this is no line table.
    fn read(table: &'a [u8]) -> Option<LineTable<'a>> {
        let magic = Magic::ALL.into_iter().find(|magic| table.starts_with(&magic.bytes()))?;
        // Two zeros, the size of an instruction, the size of a pointer.
        if !matches!(table.get(4..8), Some([0, 0, 1 | 4, 8])) {
            return None;
        }
        let word = |index: usize| u64_at(table, 8 + 8 * index);
        let from = |index| table.get(usize::try_from(word(index)?).ok()?..);
        let (text, names, index, functions) = match magic {
            Magic::Go12 => (0, table, table.get(16..)?, table),
            Magic::Go116 => (0, from(2)?, from(6)?, from(6)?),
            Magic::Go118 | Magic::Go120 => (word(2)?, from(3)?, from(7)?, from(7)?),
        };
        let mut found = LineTable { magic, table, names, index, functions, count: 0, text };
        found.count = usize::try_from(word(0)?).ok()?.min(index.len() / found.pair());
        let name = found.function(0)?.name?;
        (!name.is_empty()).then_some(found)
    }

    /// Since Go 1.18, addresses are written as distances from the beginning of the code, in 4 bytes.
    fn is_relative(&self) -> bool {
        matches!(self.magic, Magic::Go118 | Magic::Go120)
    }

    fn pair(&self) -> usize {
        if self.is_relative() { 8 } else { 16 }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The names of all functions, as far as the table has them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let mut left = NAMES_LIMIT;
        (0..self.count).map_while(move |index| {
            let name = self.function(index).and_then(|function| function.name);
            // One that does not end was looked at as far as any may go.
            left = left.checked_sub(name.map_or(NAME_LIMIT, str::len) + 1)?;
            Some(name.unwrap_or_default())
        })
    }

    /// The function that an address belongs to.
    pub(crate) fn function_at(&self, address: u64) -> Option<&'a str> {
        let distance = address.checked_sub(self.text)?;
        // The index is in the order of addresses; in a damaged one any function is found, or none.
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.index_entry(middle)?.0 <= distance { low = middle + 1 } else { high = middle }
        }
        self.function(low.checked_sub(1)?)?.name
    }

    fn index_entry(&self, index: usize) -> Option<(u64, u64)> {
        let at = index.checked_mul(self.pair())?;
        if self.is_relative() {
            return Some((u32_at(self.index, at)?.into(), u32_at(self.index, at + 4)?.into()));
        }
        Some((u64_at(self.index, at)?, u64_at(self.index, at + 8)?))
    }

    fn function(&self, index: usize) -> Option<Function<'a>> {
        let (_, place) = self.index_entry(index)?;
        // What follows the function's own address is where its name is.
        let field = usize::try_from(place).ok()?.checked_add(if self.is_relative() { 4 } else { 8 })?;
        let name = self.names.get(u32_at(self.functions, field)? as usize..)?;
        let name = terminated(name, NAME_LIMIT).and_then(|name| std::str::from_utf8(name).ok());
        Some(Function { name })
    }

    /// Where the code begins, as the runtime is told: since Go 1.26 the table itself does not say it.
    ///
    /// The runtime's `moduledata` (`runtime/symtab.go`) begins with the address of the table and, right behind it,
    /// that of the names; `minpc`, `maxpc` and `text` are its words 20, 21 and 22 since Go 1.16.
    fn text_by_module(&self, bytes: &[u8], elf: &Elf, offset: u64) -> Option<u64> {
        let address = elf.address(offset)?;
        let names = address.checked_add(self.table.len().checked_sub(self.names.len())? as u64)?;
        let segments = elf.segments.iter().filter(|segment| segment.kind == LOAD && segment.is_writable());
        // Those of a damaged file may all have the same bytes.
        let mut left = bytes.len();
        let bytes_once = |segment: &Segment| {
            let segment = segment.bytes(bytes);
            let segment = &segment[..segment.len().min(left)];
            left -= segment.len();
            segment
        };
        segments.map(bytes_once).find_map(|segment| {
            places(segment, &address.to_le_bytes()).find_map(|at| {
                let word = |index: usize| u64_at(segment, at + 8 * index);
                let text = word(22)?;
                (word(1)? == names && text <= word(20)? && word(20)? < word(21)?).then_some(text)
            })
        })
    }
}

struct Function<'a> {
    name: Option<&'a str>,
}
