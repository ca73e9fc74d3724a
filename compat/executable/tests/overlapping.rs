//! Parts of a file that lie in one another: what is read of each has to stay within the file's size for all of them.
//! Without that, each of these takes minutes and more.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use executable::Program;

const BASE: u64 = 0x40_0000;

/// An executable for x86-64 of so many bytes, whose segments are all the same one, the whole file.
fn elf(size: usize, segments: u16, sections: (u64, u16)) -> Vec<u8> {
    let mut image = vec![b'A'; size];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    put(16, &2_u16.to_le_bytes());
    put(18, &support::X86_64.to_le_bytes());
    put(20, &1_u32.to_le_bytes());
    put(24, &BASE.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(40, &sections.0.to_le_bytes());
    put(48, &[0; 4]);
    for (at, number) in [(52, 64_u16), (54, 56), (56, segments), (58, 64), (60, sections.1), (62, 0)] {
        put(at, &number.to_le_bytes());
    }
    for segment in 0..usize::from(segments) {
        let at = 64 + segment * 56;
        put(at, &[0; 56]);
        put(at, &1_u32.to_le_bytes());
        put(at + 4, &7_u32.to_le_bytes());
        for field in [16, 24] {
            put(at + field, &BASE.to_le_bytes());
        }
        for field in [32, 40] {
            put(at + field, &(size as u64).to_le_bytes());
        }
    }
    image
}

#[test]
fn thousands_of_sections_may_share_one_endless_name() {
    let (at, count) = (4096_usize, 8192_usize);
    let names = at + count * 64;
    let mut image = elf(names + (1 << 20), 1, (at as u64, count as u16));
    image[at..names].fill(0);
    image[at + 24..at + 32].copy_from_slice(&(names as u64).to_le_bytes());
    image[at + 32..at + 40].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    assert!(Program::read(&image).is_ok());
}

/// A line table with one long name, and code that does nothing but take the variable's address.
#[test]
fn hundreds_of_segments_may_be_the_same_code() {
    let mut image = elf(4 << 20, 512, (0, 0));
    let table = support::line_table(0xffff_fffb, BASE, BASE, &[(BASE, &"x".repeat(16_000))]);
    image[0x1_0000..0x1_0000 + table.len()].copy_from_slice(&table);
    let text = 0x2_0000_usize;
    image[text..text + 20].copy_from_slice(b"_LAMBDA_SERVER_PORT\0");
    for at in (0x3_0000..image.len() - 6).step_by(6) {
        let distance = text as i64 - (at as i64 + 6);
        image[at..at + 2].copy_from_slice(&[0x8d, 0x05]);
        image[at + 2..at + 6].copy_from_slice(&(distance as i32).to_le_bytes());
    }
    assert!(Program::read(&image).is_ok());
}
