//! The receiving side of one stream: takes in definitions, hands out values (`decoder.go`).

use crate::value::Value;
use crate::wire::Cursor;
use crate::{Error, ErrorKind, TypeId, Types, WireType};

/// What one stream has defined so far.
#[derive(Debug, Default)]
pub struct Decoder {
    types: Types,
}

impl Decoder {
    /// A fresh stream.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// The types defined so far.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// Reads a message, from after its length. `None`: it was a definition, which is now known.
    ///
    /// An error costs this message alone: the next one can be read as if nothing had happened.
    pub fn message<'a>(&'a mut self, message: &'a [u8]) -> Result<Option<Value<'a>>, Error> {
        let mut cursor = Cursor::new(message);
        let id = TypeId(cursor.int()? as i32); // Go cuts ids to 32 bits, and then looks at the sign
        if id.0 < 0 {
            self.types.define(TypeId(id.0.wrapping_neg()), &mut cursor)?;
            return Ok(None);
        }
        if !matches!(id.0, 1..=8) && self.types.get(id).is_none() {
            return Err(cursor.error(ErrorKind::UnknownType, "gob: unknown type id or corrupted data"));
        }
        // A value that is no struct has a zero byte before it, in place of a field number.
        if !matches!(self.types.get(id), Some(WireType::Struct { .. })) && cursor.uint()? != 0 {
            return Err(
                cursor.error(ErrorKind::Corrupt, "gob: decode: corrupted data: non-zero delta for singleton")
            );
        }
        Ok(Some(Value::new(&self.types, id, cursor)))
    }
}
