//! Streams that are read and written as they come: the only place here that does I/O.

use std::io::{self, Read, Write};
use std::ops::Range;

use serde::Serialize;

use crate::limits::Limits;
use crate::received::Received;
use crate::schema::{Schema, TypeRef};
use crate::value::Value;
use crate::wire::{Frame, frame};
use crate::{Decoder, Encode, Encoder, Error, ErrorKind, Gob};

/// Reads values from anything that can be read.
///
/// ```
/// let stream = b"\x03\x04\x00\x0a\x08\x0c\x00\x05hello";  // 5, "hello"
/// let mut reader = gob::Reader::new(&stream[..]);
/// let mut values = Vec::new();
/// while let Some(value) = reader.next_value()? {
///     values.push(format!("{:?}", value.value()?));
/// }
/// assert_eq!(values, ["5", "\"hello\""]);
/// # Ok::<(), gob::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    decoder: Decoder,
    /// What was read, and which part of it was not yet used.
    buffer: Vec<u8>,
    unused: Range<usize>,
}

/// What is asked of the input at once; of a large message, not more than has come already.
const CHUNK: usize = 32 << 10;

impl<R: Read> Reader<R> {
    /// A fresh stream.
    pub fn new(input: R) -> Reader<R> {
        Reader::with_limits(input, Limits::default())
    }

    /// A fresh stream that may ask for other amounts than usual.
    pub fn with_limits(input: R, limits: Limits) -> Reader<R> {
        Reader { input, decoder: Decoder::with_limits(limits), buffer: Vec::new(), unused: 0..0 }
    }

    /// What the stream has defined so far.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The next value; `None` at the end of the stream.
    ///
    /// An error costs the message it was found in, and the next call goes on behind it; but where lengths are wrong
    /// or the input fails there is nothing to go on with.
    pub fn next_value(&mut self) -> Result<Option<Received<'_>>, Error> {
        let mut clean = self.decoder.is_between_values();
        loop {
            let Some(frame) = self.fill(clean)? else { return Ok(None) };
            clean = false;
            let start = self.unused.start + frame.prefix;
            let message = start..start + frame.length;
            self.unused.start = message.end;
            if self.decoder.accept(&self.buffer[message.clone()])? {
                return Ok(self.decoder.received(&self.buffer[message]));
            }
        }
    }

    /// Reads until a whole message is there. `None`: the stream has ended where it may.
    fn fill(&mut self, may_end: bool) -> Result<Option<Frame>, Error> {
        loop {
            let found = frame(&self.buffer[self.unused.clone()])?;
            if let Some(frame) = found {
                if frame.length > self.decoder.types().limits.message {
                    let text = format!("gob: a message of {} bytes", frame.length);
                    return Err(Error::new(ErrorKind::Limit, text));
                }
                if frame.total() <= self.unused.len() {
                    return Ok(Some(frame));
                }
            }
            if self.unused.start > 0 {
                self.buffer.copy_within(self.unused.clone(), 0);
                self.unused = 0..self.unused.len();
            }
            // At least a chunk, and for the rest twice what has come: a false length takes no memory.
            let missing = found.map_or(0, |frame| frame.total() - self.unused.len());
            let wanted = missing.min(self.unused.len()).max(CHUNK);
            if self.buffer.len() < self.unused.end + wanted {
                self.buffer.resize(self.unused.end + wanted, 0);
            }
            match self.input.read(&mut self.buffer[self.unused.end..]) {
                Ok(0) if may_end && self.unused.is_empty() => return Ok(None),
                Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "unexpected EOF")),
                Ok(count) => self.unused.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::new(ErrorKind::Io, error.to_string())),
            }
        }
    }
}

/// Writes values to anything that can be written to, each with one call.
///
/// Where the output fails, or a value cannot be taken back, the stream is broken: all that follows is the same error.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    encoder: Encoder,
    buffer: Vec<u8>,
    broken: Option<Error>,
}

impl<W: Write> Writer<W> {
    /// A fresh stream.
    pub fn new(output: W) -> Writer<W> {
        Writer::with_encoder(output, Encoder::new())
    }

    /// A stream with an encoder that has its own mind about type ids, or has been in use.
    pub fn with_encoder(output: W, encoder: Encoder) -> Writer<W> {
        Writer { output, encoder, buffer: Vec::new(), broken: None }
    }

    /// Writes an ordinary value: see [`Encoder::serialize`].
    pub fn serialize<T: Gob + Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.write(|encoder, buffer| encoder.serialize(value, buffer))
    }

    /// Writes a value as a type of a schema: see [`Encoder::value`].
    pub fn value(&mut self, schema: &Schema, ty: TypeRef, value: &Value) -> Result<(), Error> {
        self.write(|encoder, buffer| encoder.value(schema, ty, value, buffer))
    }

    /// Writes a fixed message. One with a hole breaks the stream: there is nothing here to fill it with.
    pub fn encode(&mut self, value: &(impl Encode + ?Sized)) -> Result<(), Error> {
        let mut hole = None;
        self.write(|encoder, buffer| {
            hole = encoder.encode(value, buffer);
            if hole.is_some() {
                buffer.clear();
            }
            Ok(())
        })?;
        match hole {
            None => Ok(()),
            Some(_) => Err(self.fail(Error::new(ErrorKind::Unsendable, "gob: a value with a hole"))),
        }
    }

    fn write(
        &mut self,
        encode: impl FnOnce(&mut Encoder, &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.buffer.clear();
        encode(&mut self.encoder, &mut self.buffer)?;
        let written = self.output.write_all(&self.buffer);
        written.map_err(|error| self.fail(Error::new(ErrorKind::Io, error.to_string())))
    }

    fn fail(&mut self, error: Error) -> Error {
        self.broken.insert(error).clone()
    }

    /// What the values are written to.
    pub fn get_ref(&self) -> &W {
        &self.output
    }

    /// What the values are written to, for flushing it, say.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.output
    }

    /// What the values were written to.
    pub fn into_inner(self) -> W {
        self.output
    }
}

/// The first value of a stream that is in memory, whatever it is.
pub fn value_from_slice(stream: &[u8]) -> Result<Value, Error> {
    crate::de::first(stream, |value| value.value())
}
