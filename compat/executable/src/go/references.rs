//! Which functions of a Go program name a text: where its address is taken, and whose code that is.

use std::collections::BTreeSet;

use super::LineTable;
use crate::bytes::{places, u32_at};
use crate::elf::{EXECUTE, LOAD};
use crate::{Elf, Machine};

/// Places of the text, and functions that name it, that are looked at.
const PLACES_LIMIT: usize = 64;
const FUNCTIONS_LIMIT: usize = 64;
/// Uses of it that are looked at: each costs a name, and there are few.
const USES_LIMIT: usize = 1 << 12;

/// The functions that take the address of `text`. Go passes a constant text by its address and its length, so this is
/// where `os.Getenv("…")` is called, or the text is put into a variable.
pub(crate) fn functions_that_name<'a>(
    text: &str,
    bytes: &[u8],
    elf: &Elf,
    table: &LineTable<'a>,
) -> BTreeSet<&'a str> {
    let found = places(bytes, text.as_bytes()).take(PLACES_LIMIT);
    let targets: Vec<u64> = found.filter_map(|place| elf.address(place as u64)).collect();
    let mut functions = BTreeSet::new();
    if targets.is_empty() {
        return functions;
    }
    // Segments of a damaged file may all have the same bytes; those of a sound one have each byte once at most.
    let (mut left, mut uses) = (bytes.len(), 0);
    for segment in elf.segments.iter().filter(|segment| segment.kind == LOAD && segment.flags & EXECUTE != 0)
    {
        let code = segment.bytes(bytes);
        let code = &code[..code.len().min(left)];
        left -= code.len();
        let mut note = |at: usize, target: u64| {
            if !targets.contains(&target) {
                return;
            }
            uses += 1;
            if uses <= USES_LIMIT
                && functions.len() < FUNCTIONS_LIMIT
                && let Some(name) = table.function_at(segment.address.wrapping_add(at as u64))
            {
                functions.insert(name);
            }
        };
        match elf.machine {
            Machine::X86_64 => addresses_x86_64(code, segment.address, &mut note),
            Machine::AARCH64 => addresses_aarch64(code, segment.address, &mut note),
            _ => {}
        }
    }
    functions
}

/// `lea register, [rip + distance]`. Instructions have no fixed length, so every byte may begin one.
fn addresses_x86_64(code: &[u8], start: u64, note: &mut impl FnMut(usize, u64)) {
    let mut from = 0;
    while let Some(next) = code[from..].iter().position(|byte| *byte == 0x8d) {
        let at = from + next;
        from = at + 1;
        let Some(distance) = u32_at(code, at + 2) else { return };
        if code[at + 1] & 0xc7 == 0x05 {
            let end = start.wrapping_add(at as u64 + 6);
            note(at, end.wrapping_add_signed(i64::from(distance.cast_signed())));
        }
    }
}

/// `adrp register, page` and, right behind it, `add register, register, offset`.
fn addresses_aarch64(code: &[u8], start: u64, note: &mut impl FnMut(usize, u64)) {
    let mut words = code.chunks_exact(4).enumerate().peekable();
    while let Some((index, word)) = words.next() {
        let (Some(page), Some(add)) = (u32_at(word, 0), words.peek().and_then(|(_, word)| u32_at(word, 0)))
        else {
            return;
        };
        if page & 0x9f00_0000 != 0x9000_0000 || add & 0xffc0_0000 != 0x9100_0000 {
            continue;
        }
        if (add >> 5) & 0x1f != page & 0x1f {
            continue;
        }
        // 21 bits with a sign, in two parts.
        let distance = ((page >> 5) & 0x7_ffff) << 2 | (page >> 29) & 3;
        let distance = i64::from((distance << 11).cast_signed() >> 11) << 12;
        let at = index * 4;
        let base = start.wrapping_add(at as u64) & !0xfff;
        note(at, base.wrapping_add_signed(distance).wrapping_add(u64::from((add >> 10) & 0xfff)));
    }
}
