//! Where an executable's bytes come from: memory, or a file of which only what is asked for is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that can be read from any place.
pub trait Source {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `offset` on; returns how many there were.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// What there is of `length` bytes from `offset` on, and no more than `limit`: memory is taken for bytes that are
/// there, not on the word of a header.
pub(crate) fn read<S: Source + ?Sized>(
    source: &S,
    offset: u64,
    length: u64,
    limit: u32,
) -> io::Result<Vec<u8>> {
    let there = source.size()?.saturating_sub(offset);
    let length = length.min(there).min(u64::from(limit));
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let filled = source.read_at(offset, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}
