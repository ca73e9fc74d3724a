//! The receiving side of one stream: takes in definitions, hands out values (`decoder.go`).

use std::ops::Range;

use bytes::Bytes;

use crate::limits::Limits;
use crate::received::Received;
use crate::walk::{Step, Walk};
use crate::wire::Cursor;
use crate::{Error, ErrorKind, TypeId, Types, WireType};

/// What one stream has defined so far.
#[derive(Debug, Default)]
pub struct Decoder {
    types: Types,
    /// A value of which more messages are to come.
    split: Option<Split>,
    /// The value that was put together last, and why it ends early.
    whole: Vec<u8>,
    failure: Option<Error>,
    /// The value that can be read now.
    ready: Option<Ready>,
}

/// A value that type definitions within interfaces have split: its own bytes so far.
#[derive(Debug)]
struct Split {
    id: TypeId,
    walk: Walk,
    bytes: Vec<u8>,
    /// Whether this is its first message.
    first: bool,
}

/// Where a value that is all here can be read.
#[derive(Debug)]
struct Ready {
    id: TypeId,
    /// Its place in the last message; `None` if it was put together from several.
    start: Option<usize>,
}

/// A value that is read after other messages of its stream have come: see [`Decoder::keep`].
#[derive(Debug)]
pub struct Kept {
    ready: Ready,
    message: Bytes,
    failure: Option<Error>,
}

impl Kept {
    /// The message that the value stands in. Of one that definitions have split, all of its own bytes.
    pub fn message(&self) -> &Bytes {
        &self.message
    }
}

impl Decoder {
    /// A fresh stream.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// A fresh stream that may ask for other amounts than usual.
    pub fn with_limits(limits: Limits) -> Decoder {
        Decoder { types: Types::with_limits(limits), ..Decoder::default() }
    }

    /// The types defined so far.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// Reads a message, from after its length. `None`: it was a definition, which is now known, or the first part
    /// of a value that definitions split, which is kept until its last part is here.
    ///
    /// An error costs this message alone: the next one can be read as if nothing had happened. Whether the value's
    /// type is known, and all that is wrong with the value, turns out when it is read.
    // So that what is found need not go through memory.
    #[inline(always)]
    pub fn message<'a>(&'a mut self, message: &'a [u8]) -> Result<Option<Received<'a>>, Error> {
        let ready = self.take_in(message)?;
        Ok(ready.map(|ready| self.place(ready, message)))
    }

    /// The first half of [`Decoder::message`], for loops that cannot return what they still need: whether there is
    /// a value, which [`Decoder::received`] then gives.
    pub fn accept(&mut self, message: &[u8]) -> Result<bool, Error> {
        self.ready = None;
        self.ready = self.take_in(message)?;
        Ok(self.ready.is_some())
    }

    /// The value that [`Decoder::accept`] has found, given the same message again.
    pub fn received<'a>(&'a mut self, message: &'a [u8]) -> Option<Received<'a>> {
        let ready = self.ready.take()?;
        Some(self.place(ready, message))
    }

    /// As [`Decoder::received`], for a value that is to be read later, by [`Decoder::kept`].
    pub fn keep(&mut self, message: Bytes) -> Option<Kept> {
        let ready = self.ready.take()?;
        Some(match ready.start {
            Some(_) => Kept { ready, message, failure: None },
            None => {
                Kept { ready, message: std::mem::take(&mut self.whole).into(), failure: self.failure.take() }
            }
        })
    }

    /// A value of this stream that was kept.
    pub fn kept<'a>(&'a self, kept: &'a Kept) -> Received<'a> {
        let Kept { ready, message, failure } = kept;
        let cursor = match ready.start {
            Some(start) => Cursor::at(message, start),
            None => Cursor::joined(message),
        };
        Received::new(&self.types, ready.id, cursor, failure.as_ref())
    }

    /// Where the bytes are in the next message, if its value is a struct of which only this field is sent, and that
    /// is of bytes: then they can be handed on before all of them have come. Behind them there is one more byte, which
    /// has to be zero.
    ///
    /// `start` is the message's beginning, and `length` what all of it will have.
    /// [`HEAD`](Decoder::HEAD) bytes are enough.
    pub fn only_bytes(&self, start: &[u8], length: usize, field: &str) -> Option<Range<usize>> {
        if self.split.is_some() || length > self.types.limits.message {
            return None;
        }
        let mut cursor = Cursor::new(start);
        let id = cursor.type_id().ok()?;
        let Some(WireType::Struct { fields, .. }) = self.types.get(id) else { return None };
        let sent = fields.get((cursor.uint().ok()? as usize).checked_sub(1)?)?;
        if sent.id != TypeId::BYTES || *sent.name != *field {
            return None;
        }
        let count = usize::try_from(cursor.uint().ok()?).ok()?;
        let bytes = cursor.offset()..cursor.offset().checked_add(count)?;
        (bytes.end.checked_add(1) == Some(length)).then_some(bytes)
    }

    /// The most bytes that [`Decoder::only_bytes`] looks at: three numbers.
    pub const HEAD: usize = 27;

    #[inline(always)]
    fn place<'a>(&'a self, ready: Ready, message: &'a [u8]) -> Received<'a> {
        let (cursor, failure) = match ready.start {
            Some(start) => (Cursor::at(message, start), None),
            None => (Cursor::joined(&self.whole), self.failure.as_ref()),
        };
        Received::new(&self.types, ready.id, cursor, failure)
    }

    #[inline(always)]
    fn take_in(&mut self, message: &[u8]) -> Result<Option<Ready>, Error> {
        let mut cursor = Cursor::new(message);
        if message.len() > self.types.limits.message || self.split.is_some() {
            return self.take_in_part(cursor, message);
        }
        let id = cursor.type_id().map_err(|error| no_id(error, message))?;
        if id.0 >= 0 && self.types.is_simple(id) {
            return Ok(Some(Ready { id, start: Some(cursor.offset()) }));
        }
        self.take_in_types(id, cursor, message)
    }

    /// One more message of a value, or one that is too long.
    #[cold]
    fn take_in_part(&mut self, cursor: Cursor<'_>, message: &[u8]) -> Result<Option<Ready>, Error> {
        let split = self.split.take();
        match split {
            Some(split) if message.len() <= self.types.limits.message => self.go_on(split, cursor, message),
            _ => Err(Error::new(ErrorKind::Limit, format!("gob: a message of {} bytes", message.len()))),
        }
    }

    /// A message that holds a definition, or may do so.
    #[inline(never)]
    fn take_in_types(
        &mut self,
        id: TypeId,
        mut cursor: Cursor<'_>,
        message: &[u8],
    ) -> Result<Option<Ready>, Error> {
        if id.0 < 0 {
            self.types.define(TypeId(id.0.wrapping_neg()), &mut cursor)?;
            return match cursor.remaining() {
                0 => Ok(None),
                _ => Err(cursor.error(ErrorKind::Corrupt, "extra data in buffer")),
            };
        }
        let here = Ready { id, start: Some(cursor.offset()) };
        if !self.types.check(id).unwrap_or(false) {
            return Ok(Some(here));
        }
        // An interface may define its type in the middle of the value, and the rest comes in the next message.
        if !self.types.is_struct(id) && cursor.singleton().is_err() {
            return Ok(Some(here));
        }
        self.go_on(Split { id, walk: Walk::new(id), bytes: Vec::new(), first: true }, cursor, message)
    }

    /// Whether the stream may end here: not within a value.
    pub fn is_between_values(&self) -> bool {
        self.split.is_none()
    }

    /// Walks over one more message of a value. What is wrong is found again, and told, where the value is read: a
    /// reader may have its own complaint before that.
    fn go_on(
        &mut self,
        split: Split,
        mut cursor: Cursor<'_>,
        message: &[u8],
    ) -> Result<Option<Ready>, Error> {
        let Split { id, mut walk, mut bytes, first } = split;
        let start = if first { cursor.offset() - usize::from(!self.types.is_struct(id)) } else { 0 };
        let mut kept = start;
        let step = walk.run(&mut self.types, &mut cursor, |definition| {
            bytes.extend_from_slice(&message[kept..definition.start]);
            kept = definition.end;
        });
        if first && kept == start && step != Ok(Step::NextMessage) {
            // In one piece, as most are.
            return Ok(Some(Ready { id, start: Some(start) }));
        }
        bytes.extend_from_slice(&message[kept..]);
        if bytes.len() > self.types.limits.message {
            return Err(Error::new(ErrorKind::Limit, format!("gob: a value of {} bytes", bytes.len())));
        }
        self.failure = match step {
            Ok(Step::NextMessage) => {
                self.split = Some(Split { id, walk, bytes, first: false });
                return Ok(None);
            }
            Ok(Step::Done) => None,
            // Whoever reads it finds the same, but for definitions, of which nothing is left.
            Err(error) => Some(error),
        };
        self.whole = bytes;
        Ok(Some(Ready { id, start: None }))
    }
}

/// At the front of a message, Go tells an id that is cut off from none at all.
#[cold]
fn no_id(error: Error, message: &[u8]) -> Error {
    match error.kind() {
        ErrorKind::ShortMessage if !message.is_empty() => {
            Error::new(ErrorKind::UnexpectedEof, "unexpected EOF")
        }
        _ => error,
    }
}
