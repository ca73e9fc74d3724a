//! The lowest layer: integers, byte strings and message lengths (`encoding/gob/encode.go`, `decode.go`).
//!
//! An unsigned integer below 128 is one byte; a larger one is a byte that holds minus its length, then
//! its bytes, most significant first, without leading zeros. A signed one has its sign in bit 0.

use crate::received::out_of_range;
use crate::{Error, ErrorKind, TypeId};

/// Message lengths at or above this are refused, as Go does: 8 GiB, or 1 GiB on 32-bit machines.
pub const MESSAGE_LIMIT: u64 = if usize::BITS == 64 { 1 << 33 } else { 1 << 30 };

/// Appends an unsigned integer.
#[inline]
pub fn put_uint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else {
        put_long_uint(out, value);
    }
}

#[inline(always)]
fn put_long_uint(out: &mut Vec<u8>, value: u64) {
    // All nine bytes there could be, because a fixed number of them is copied faster.
    let (bytes, length) = long_uint(value);
    let end = out.len() + length;
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

/// Appends what most fields begin with: the distance from the field that was sent before, and a number.
#[inline(always)]
pub(crate) fn put_field(out: &mut Vec<u8>, delta: u64, value: u64) {
    match (delta, value) {
        // Most are so, and both together cost what one does.
        (..0x80, ..0x80) => out.extend_from_slice(&[delta as u8, value as u8]),
        (..0x80, _) => {
            let (long, width) = long_uint(value);
            let mut bytes = [0; 10];
            bytes[0] = delta as u8;
            bytes[1..].copy_from_slice(&long);
            let end = out.len() + 1 + width;
            out.extend_from_slice(&bytes);
            out.truncate(end);
        }
        _ => {
            put_uint(out, delta);
            put_uint(out, value);
        }
    }
}

/// An unsigned integer in its long form, and how many bytes that takes.
#[inline]
pub(crate) fn long_uint(value: u64) -> ([u8; 9], usize) {
    let zeros = (value.leading_zeros() as usize / 8).min(7);
    let mut bytes = [0; 9];
    bytes[0] = (zeros as u8).wrapping_sub(8); // minus the number of bytes that follow
    bytes[1..].copy_from_slice(&(value << (zeros * 8)).to_be_bytes());
    (bytes, 9 - zeros)
}

/// Appends a signed integer.
#[inline]
pub fn put_int(out: &mut Vec<u8>, value: i64) {
    put_uint(out, signed(value));
}

/// A signed integer as it is sent.
#[inline(always)]
pub(crate) fn signed(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Appends a float: its bits in reverse order of bytes, so that round numbers are short.
#[inline]
pub fn put_float(out: &mut Vec<u8>, value: f64) {
    put_uint(out, reversed(value));
}

/// A float as it is sent.
#[inline(always)]
pub(crate) fn reversed(value: f64) -> u64 {
    value.to_bits().swap_bytes()
}

/// Appends a length and the bytes: a string or a byte slice.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// One message's place at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes that hold the length.
    pub prefix: usize,
    /// Bytes of the message itself.
    pub length: usize,
}

impl Frame {
    /// Bytes of length and message together.
    pub fn total(&self) -> usize {
        self.prefix + self.length
    }

    /// The message, if `buffer` is what the frame was found in and holds all of it.
    pub fn message<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(self.prefix..self.total()).unwrap_or_default()
    }

    /// What follows the message in `buffer`.
    pub fn after<'b>(&self, buffer: &'b [u8]) -> &'b [u8] {
        buffer.get(self.total()..).unwrap_or_default()
    }
}

/// Reads the length at the front of a buffer. `None`: more bytes are needed to know it; it may be
/// larger than what the buffer holds.
#[inline]
pub fn frame(buffer: &[u8]) -> Result<Option<Frame>, Error> {
    let Some(&first) = buffer.first() else { return Ok(None) };
    let prefix = if first < 0x80 { 1 } else { 1 + usize::from(first.wrapping_neg()) };
    if prefix > 9 {
        return Err(Error::new(ErrorKind::Corrupt, "gob: encoded unsigned integer out of range"));
    }
    if buffer.len() < prefix {
        return Ok(None);
    }
    let length = if prefix == 1 { u64::from(first) } else { number(&buffer[1..], prefix - 1) };
    if length >= MESSAGE_LIMIT {
        return Err(Error::new(ErrorKind::BadLength, "invalid message length"));
    }
    Ok(Some(Frame { prefix, length: length as usize }))
}

/// The number that the first `length` bytes are. There are as many, and eight at most.
#[inline]
fn number(bytes: &[u8], length: usize) -> u64 {
    match bytes.first_chunk() {
        Some(eight) => u64::from_be_bytes(*eight).unbounded_shr(64 - 8 * length as u32),
        None => bytes.iter().take(length).fold(0, |value, byte| value << 8 | u64::from(*byte)),
    }
}

/// A place in a message.
#[derive(Debug, Clone)]
pub struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Whether definitions have been taken out of the bytes, so that counts across them are too large.
    joined: bool,
}

impl<'b> Cursor<'b> {
    /// At the start of a message's bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Cursor { bytes, at: 0, joined: false }
    }

    /// At a place within a message's bytes.
    pub(crate) fn at(bytes: &'b [u8], at: usize) -> Self {
        Cursor { at: at.min(bytes.len()), ..Cursor::new(bytes) }
    }

    /// In bytes that definitions have been taken out of.
    pub(crate) fn joined(bytes: &'b [u8]) -> Self {
        Cursor { joined: true, ..Cursor::new(bytes) }
    }

    /// See [`Cursor::joined`].
    pub(crate) fn is_joined(&self) -> bool {
        self.joined
    }

    /// Bytes read so far.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Bytes left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Reads an unsigned integer. Longer forms than needed are accepted, as in Go.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, Error> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_uint(),
        }
    }

    #[inline]
    fn long_uint(&mut self) -> Result<u64, Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if let Some((first, rest)) = rest.split_first() {
            let length = usize::from(first.wrapping_neg());
            if length <= 8 && length <= rest.len() {
                self.at += 1 + length;
                return Ok(number(rest, length));
            }
        }
        Err(self.no_uint())
    }

    #[cold]
    fn no_uint(&mut self) -> Error {
        let Some(first) = self.bytes.get(self.at) else { return self.short() };
        let length = usize::from(first.wrapping_neg());
        if length > 8 {
            return self.error(ErrorKind::Corrupt, "gob: encoded unsigned integer out of range");
        }
        self.at += 1;
        let left = self.remaining();
        let text = format!("gob: invalid uint data length {length}: exceeds input size {left}");
        self.error(ErrorKind::Corrupt, text)
    }

    /// Reads a signed integer.
    #[inline]
    pub fn int(&mut self) -> Result<i64, Error> {
        let value = self.uint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Reads a type's id in front of a value. Go cuts it to 32 bits, and then looks at the sign. One that the message
    /// cuts off is to Go the end of a stream.
    #[inline(always)]
    pub(crate) fn type_id(&mut self) -> Result<TypeId, Error> {
        let start = self.at;
        match self.int() {
            Ok(id) => Ok(TypeId(id as i32)),
            Err(_) if self.at > start => Err(self.short()),
            Err(error) => Err(error),
        }
    }

    /// Reads a type's id within a definition, where Go does not cut it.
    pub(crate) fn defined_id(&mut self, name: &str) -> Result<TypeId, Error> {
        let id = self.int()?;
        i32::try_from(id).map(TypeId).map_err(|_| out_of_range(self, name))
    }

    /// Reads a length and that many bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'b [u8], Error> {
        self.counted("gob: slice length too large")
    }

    /// Reads a length and that many bytes; `text` is what to say if there are not so many.
    #[inline]
    pub(crate) fn counted(&mut self, text: &'static str) -> Result<&'b [u8], Error> {
        let length = self.uint()?;
        if length > self.remaining() as u64 {
            return Err(self.error(ErrorKind::Corrupt, text));
        }
        self.take(length as usize)
    }

    /// Reads a float: its bits are sent in reverse order of bytes, so that round numbers are short.
    #[inline]
    pub fn float(&mut self) -> Result<f64, Error> {
        Ok(f64::from_bits(self.uint()?.swap_bytes()))
    }

    /// Reads the zero byte that stands before a value that is no struct, in place of a field number.
    pub(crate) fn singleton(&mut self) -> Result<(), Error> {
        match self.uint()? {
            0 => Ok(()),
            _ => {
                let text = "gob: decode: corrupted data: non-zero delta for singleton";
                Err(self.error(ErrorKind::Corrupt, text))
            }
        }
    }

    /// An error at the end of the message.
    pub(crate) fn any_left(&self) -> Result<(), Error> {
        if self.remaining() == 0 { Err(self.short()) } else { Ok(()) }
    }

    /// Reads so many bytes as they are.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        if length > self.remaining() {
            return Err(self.short());
        }
        let taken = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(taken)
    }

    /// An error at this place.
    #[cold]
    pub(crate) fn error(&self, kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::at(kind, self.at, text)
    }

    /// Go calls a message that ends within a value plainly "EOF".
    #[cold]
    fn short(&self) -> Error {
        self.error(ErrorKind::ShortMessage, "EOF")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Go's own table (`encoding/gob/codec_test.go`, encodeT).
    #[test]
    fn uints_are_written_as_go_writes_them() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (0x0f, &[0x0f]),
            (0x7f, &[0x7f]),
            (0x80, &[0xff, 0x80]),
            (0xff, &[0xff, 0xff]),
            (0x100, &[0xfe, 0x01, 0x00]),
            (0xffff, &[0xfe, 0xff, 0xff]),
            (0x10000, &[0xfd, 0x01, 0x00, 0x00]),
            (0xff_ffff, &[0xfd, 0xff, 0xff, 0xff]),
            (0x0123_4567_89ab, &[0xfa, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab]),
            (0x0123_4567_89ab_cdef, &[0xf8, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]),
            (u64::MAX, &[0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ] {
            let mut out = Vec::new();
            put_uint(&mut out, value);
            assert_eq!(out, bytes, "{value:#x}");
            assert_eq!(Cursor::new(bytes).uint(), Ok(value));
        }
    }

    #[test]
    fn ints_come_back() {
        for value in [0, 1, -1, 63, 64, -64, -65, 1 << 32, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_int(&mut out, value);
            assert_eq!(Cursor::new(&out).int(), Ok(value));
        }
        let mut out = Vec::new();
        put_int(&mut out, -129);
        assert_eq!(out, [0xfe, 0x01, 0x01]);
    }

    #[test]
    fn longer_forms_are_read_and_lengths_above_eight_refused() {
        assert_eq!(Cursor::new(&[0xfe, 0x00, 0x07]).uint(), Ok(7));
        assert_eq!(
            Cursor::new(&[0xf7, 0, 0, 0, 0, 0, 0, 0, 0, 1]).uint().unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        assert_eq!(Cursor::new(&[]).uint().unwrap_err().kind(), ErrorKind::ShortMessage);
        assert_eq!(Cursor::new(&[0xfe, 1]).uint().unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn a_frame_needs_its_length_and_no_more() {
        assert_eq!(frame(&[]), Ok(None));
        assert_eq!(frame(&[3]), Ok(Some(Frame { prefix: 1, length: 3 })));
        assert_eq!(frame(&[0xfe, 1]), Ok(None));
        assert_eq!(frame(&[0xfe, 1, 0]), Ok(Some(Frame { prefix: 3, length: 256 })));
        assert_eq!(frame(&[0xf7]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(frame(&[0xfb, 2, 0, 0, 0, 0]).unwrap_err().kind(), ErrorKind::BadLength);
        assert!(frame(&[0xfb, 1, 0xff, 0xff, 0xff, 0xff]).unwrap().is_some());
    }
}
