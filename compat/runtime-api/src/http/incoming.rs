//! A body's pieces: with a length, in chunked coding, or up to the end of the connection.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use httparse::Status;

use super::response::invalid;

/// A chunk's head, or a line behind the last chunk, that is longer is nothing that anybody sends.
const LINE_LIMIT: usize = 16 * 1024;

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Nothing: it was read to its end.
    Ended,
    /// So many bytes, at least one.
    Length(u64),
    /// All that comes until the server ends the connection.
    UntilEnd,
    /// A chunk's head.
    ChunkHead,
    /// So many bytes of a chunk, at least one.
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Lines behind the last chunk, until an empty one.
    Trailers,
}

/// What can be done with the bytes that are here.
pub(crate) enum Step {
    /// A piece, never empty.
    Piece(Bytes),
    /// The body has ended.
    End,
    /// More has to come first.
    More,
}

impl Incoming {
    pub(crate) fn of_length(length: u64) -> Incoming {
        if length == 0 { Incoming::Ended } else { Incoming::Length(length) }
    }

    /// Bytes that are left, if that is known.
    pub(crate) fn length(self) -> Option<u64> {
        match self {
            Incoming::Ended => Some(0),
            Incoming::Length(left) => Some(left),
            _ => None,
        }
    }

    /// Takes the next piece out of what has come.
    pub(crate) fn step(&mut self, buffer: &mut BytesMut) -> io::Result<Step> {
        loop {
            match *self {
                Incoming::Ended => return Ok(Step::End),
                _ if buffer.is_empty() => return Ok(Step::More),
                Incoming::UntilEnd => return Ok(Step::Piece(buffer.split().freeze())),
                Incoming::Length(left) => {
                    let piece = cut(buffer, left);
                    *self = Incoming::of_length(left - piece.len() as u64);
                    return Ok(Step::Piece(piece));
                }
                Incoming::Chunk(left) => {
                    let piece = cut(buffer, left);
                    let left = left - piece.len() as u64;
                    *self = if left == 0 { Incoming::ChunkEnd } else { Incoming::Chunk(left) };
                    return Ok(Step::Piece(piece));
                }
                // httparse takes no digits for a zero.
                Incoming::ChunkHead if !buffer[0].is_ascii_hexdigit() => {
                    return Err(invalid("a chunk without a length"));
                }
                Incoming::ChunkHead => match httparse::parse_chunk_size(buffer) {
                    Ok(Status::Complete((size, length))) => {
                        buffer.advance(size);
                        *self = if length == 0 { Incoming::Trailers } else { Incoming::Chunk(length) };
                    }
                    Ok(Status::Partial) if buffer.len() < LINE_LIMIT => return Ok(Step::More),
                    _ => return Err(invalid("a chunk without a length")),
                },
                Incoming::ChunkEnd => match buffer[..] {
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        *self = Incoming::ChunkHead;
                    }
                    [b'\r'] => return Ok(Step::More),
                    _ => return Err(invalid("a chunk that is longer than announced")),
                },
                Incoming::Trailers => match buffer.windows(2).position(|two| two == b"\r\n") {
                    Some(0) => {
                        buffer.advance(2);
                        *self = Incoming::Ended;
                    }
                    Some(line) => buffer.advance(line + 2),
                    None if buffer.len() < LINE_LIMIT => return Ok(Step::More),
                    None => return Err(invalid("a line behind the last chunk that does not end")),
                },
            }
        }
    }

    /// What the end of the connection means here: `true` if it is the body's.
    pub(crate) fn may_end(&mut self) -> bool {
        let ends = matches!(self, Incoming::UntilEnd | Incoming::Ended);
        if ends {
            *self = Incoming::Ended;
        }
        ends
    }
}

fn cut(buffer: &mut BytesMut, at_most: u64) -> Bytes {
    let length = usize::try_from(at_most).map_or(buffer.len(), |at_most| at_most.min(buffer.len()));
    buffer.split_to(length).freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a body in steps of some size: its bytes and what is left behind it, or the error.
    fn read(mut incoming: Incoming, bytes: &[u8], step: usize) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut buffer, mut body, mut rest) = (BytesMut::new(), Vec::new(), bytes);
        loop {
            match incoming.step(&mut buffer)? {
                Step::Piece(piece) => {
                    assert!(!piece.is_empty());
                    body.extend_from_slice(&piece);
                }
                Step::End => return Ok((body, [&buffer[..], rest].concat())),
                Step::More if rest.is_empty() => {
                    if incoming.may_end() {
                        continue;
                    }
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Step::More => {
                    let (now, later) = rest.split_at(step.min(rest.len()));
                    buffer.extend_from_slice(now);
                    rest = later;
                }
            }
        }
    }

    #[test]
    fn bodies_come_out_as_they_went_in_however_they_are_cut() {
        let chunked: &[u8] =
            b"3\r\nabc\r\nA;name=value\r\n0123456789\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\nnext";
        for step in 1..=chunked.len() {
            let (body, rest) = read(Incoming::ChunkHead, chunked, step).unwrap();
            assert_eq!((&body[..], &rest[..]), (&b"abc0123456789"[..], &b"next"[..]), "{step}");
            let (body, rest) = read(Incoming::of_length(5), b"01234next", step).unwrap();
            assert_eq!((&body[..], &rest[..]), (&b"01234"[..], &b"next"[..]), "{step}");
            assert_eq!(read(Incoming::UntilEnd, b"all of it", step).unwrap().0, b"all of it");
        }
        assert_eq!(read(Incoming::of_length(0), b"next", 4).unwrap().1, b"next");
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error_at_every_byte() {
        let chunked = b"3\r\nabc\r\n0\r\n\r\n";
        for cut in 0..chunked.len() {
            let error = read(Incoming::ChunkHead, &chunked[..cut], 1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        assert_eq!(
            read(Incoming::of_length(5), b"1234", 2).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    /// What comes out whole is what a reader makes of it that has all the bytes before it, and takes nothing but what
    /// RFC 9112 has, blanks around a length aside.
    #[test]
    fn a_damaged_body_is_never_another_whole_one() {
        let chunked = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n";
        let (mut refused, mut taken) = (0, 0);
        for at in 0..chunked.len() {
            let (before, after) = chunked.split_at(at);
            let mut damaged = vec![before.to_vec(), [before, &after[1..]].concat()];
            for byte in *b"\0\t\r\n 019afgF;:-\xff" {
                damaged.push([before, &[byte], after].concat());
                damaged.push([before, &[byte], &after[1..]].concat());
            }
            for bytes in damaged {
                let found = read(Incoming::ChunkHead, &bytes, bytes.len()).ok();
                for step in [1, 2, 7] {
                    let cut = read(Incoming::ChunkHead, &bytes, step).ok();
                    assert_eq!(cut, found, "{step}: {}", bytes.escape_ascii());
                }
                match found {
                    None => refused += 1,
                    Some(found) => {
                        taken += 1;
                        assert_eq!(strictly(&bytes), Some(found), "{}", bytes.escape_ascii());
                    }
                }
            }
        }
        assert!(refused > 500 && taken > 100, "{refused} {taken}");
    }

    /// A chunked body that is here whole, and what is behind it.
    fn strictly(mut bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        fn line<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
            let end = bytes.windows(2).position(|two| two == b"\r\n")?;
            let line = &bytes[..end];
            *bytes = &bytes[end + 2..];
            Some(line)
        }
        let mut body = Vec::new();
        loop {
            let head = line(&mut bytes)?.split(|byte| *byte == b';').next()?;
            let length = std::str::from_utf8(head).ok()?.trim_end_matches([' ', '\t']);
            let is_length = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_hexdigit());
            let length = usize::from_str_radix(length, 16).ok().filter(|_| is_length)?;
            if length == 0 {
                while !line(&mut bytes)?.is_empty() {}
                return Some((body, bytes.to_vec()));
            }
            body.extend_from_slice(bytes.get(..length)?);
            bytes = &bytes[length..];
            line(&mut bytes).filter(|line| line.is_empty())?;
        }
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        let long = [b"1;".to_vec(), vec![b'x'; 2 * LINE_LIMIT]].concat();
        let trailer = [b"0\r\n".to_vec(), vec![b'x'; 2 * LINE_LIMIT]].concat();
        let none = [&b"\r\n"[..], b";x\r\n", b" \r\n", b"\r\n\r\n", b" 0\r\n\r\n", b"3\r\nabc\r\n\r\n\r\n"];
        for bad in none {
            let error = read(Incoming::ChunkHead, bad, 1024).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{}", bad.escape_ascii());
        }
        for bad in [&b"x\r\n"[..], b"-1\r\n", b"ffffffffffffffffff\r\n", b"1\r\nab\r\n", &long, &trailer] {
            let error = read(Incoming::ChunkHead, bad, 1024).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{}", bad.escape_ascii());
        }
    }
}
