//! Tar archives of the same bytes wherever they are made: POSIX's ustar, with extended headers for long names.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;

/// What stands behind a name.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    File,
    Folder,
    Link(&'a str),
}

/// Adds an entry: its header, and as many bytes as `size` says.
pub(crate) fn add(
    out: &mut impl Write,
    name: &str,
    mode: u32,
    kind: Kind<'_>,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let (letter, target) = match kind {
        Kind::File => (b'0', ""),
        Kind::Folder => (b'5', ""),
        Kind::Link(target) => (b'2', target),
    };
    let long = [("path", name), ("linkpath", target)].map(|(key, text)| extended(key, text)).concat();
    if !long.is_empty() {
        out.write_all(&header("long", 0o644, b'x', "", long.len() as u64)?)?;
        out.write_all(long.as_bytes())?;
        pad(out, long.len() as u64)?;
    }
    out.write_all(&header(name, mode, letter, target, size)?)?;
    let copied = io::copy(&mut content.take(size), out)?;
    if copied != size {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} became shorter")));
    }
    pad(out, size)
}

/// Two empty blocks.
pub(crate) fn finish(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

fn header(name: &str, mode: u32, letter: u8, target: &str, size: u64) -> io::Result<[u8; BLOCK]> {
    // Eleven octal digits.
    if size >= 1 << 33 {
        return Err(io::Error::other(format!("{name} has more than 8 GB")));
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    put(148, b"        ");
    put(156, &[letter]);
    put(157, &target.as_bytes()[..target.len().min(100)]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

/// A record of an extended header, whose length counts its own digits; none for what an ordinary header can hold.
fn extended(key: &str, text: &str) -> String {
    if text.len() <= 100 && text.is_ascii() {
        return String::new();
    }
    let rest = format!(" {key}={text}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    let past = (size % BLOCK as u64) as usize;
    if past == 0 { Ok(()) } else { out.write_all(&[0; BLOCK][past..]) }
}
