//! One received value: read field by field under names, or skipped without knowing its type.

use crate::types::Fields;
use crate::wire::Cursor;
use crate::{Error, ErrorKind, TypeId, Types, WireType};

/// A struct that can be received.
pub trait Decode: Sized {
    /// Reads it. Bytes that are kept should be cut out of `message`, which is all of the message that the
    /// value stands in, rather than copied: see [`bytes::Bytes::slice_ref`].
    fn decode(value: Value<'_>, message: &bytes::Bytes) -> Result<Self, Error>;
}

/// A value in a message, with its type. It is read by exactly one of the methods that take `self`.
#[derive(Debug)]
#[must_use = "a value that is not read has to be skipped"]
pub struct Value<'m> {
    types: &'m Types,
    id: TypeId,
    cursor: Cursor<'m>,
}

/// A field or element within [`Value::structure`] or [`Field::list`].
#[derive(Debug)]
#[must_use = "a field that is not read has to be skipped"]
pub struct Field<'c, 'm> {
    types: &'m Types,
    id: TypeId,
    cursor: &'c mut Cursor<'m>,
}

impl<'m> Value<'m> {
    pub(crate) fn new(types: &'m Types, id: TypeId, cursor: Cursor<'m>) -> Self {
        Value { types, id, cursor }
    }

    /// The id of its type.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// The name that Go gave its type; empty for built-in and nameless types.
    pub fn type_name(&self) -> &'m str {
        self.types.get(self.id).map_or("", WireType::name)
    }

    /// Reads a struct: `read` is called for each field that was sent, with its name, and must read or skip it.
    pub fn structure(
        mut self,
        read: impl FnMut(&'m str, Field<'_, 'm>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        Field { types: self.types, id: self.id, cursor: &mut self.cursor }.structure(read)
    }

    /// Checks that the value is well-formed, whatever it is.
    pub fn skip(mut self) -> Result<(), Error> {
        Field { types: self.types, id: self.id, cursor: &mut self.cursor }.skip()
    }
}

impl<'m> Field<'_, 'm> {
    /// Reads a `bool`.
    pub fn bool(self) -> Result<bool, Error> {
        self.expect(TypeId::BOOL, "bool")?;
        Ok(self.cursor.uint()? != 0)
    }

    /// Reads a signed integer of any width.
    pub fn int(self) -> Result<i64, Error> {
        self.expect(TypeId::INT, "int")?;
        self.cursor.int()
    }

    /// Reads a signed integer that has to fit 32 bits.
    pub fn int32(self, name: &str) -> Result<i32, Error> {
        self.expect(TypeId::INT, "int")?;
        let value = self.cursor.int()?;
        let overflow = || self.cursor.error(ErrorKind::Overflow, format!("value for {name:?} out of range"));
        i32::try_from(value).map_err(|_| overflow())
    }

    /// Reads an unsigned integer of any width.
    pub fn uint(self) -> Result<u64, Error> {
        self.expect(TypeId::UINT, "uint")?;
        self.cursor.uint()
    }

    /// Reads a `[]byte` in place.
    pub fn bytes(self) -> Result<&'m [u8], Error> {
        self.expect(TypeId::BYTES, "bytes")?;
        self.cursor.bytes()
    }

    /// Reads a string. Go's may hold any bytes; what is not UTF-8 is replaced.
    pub fn string(self) -> Result<String, Error> {
        self.expect(TypeId::STRING, "string")?;
        Ok(String::from_utf8_lossy(self.cursor.bytes()?).into_owned())
    }

    /// Reads a struct: see [`Value::structure`].
    pub fn structure(
        self,
        mut read: impl FnMut(&'m str, Field<'_, 'm>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(WireType::Struct { fields, .. }) = self.types.get(self.id) else {
            return Err(self.mismatch("struct"));
        };
        let mut numbers = Fields::default();
        while let Some(number) = numbers.next(self.cursor, fields.len())? {
            let field = &fields[number];
            read(&field.name, Field { types: self.types, id: field.id, cursor: self.cursor })?;
        }
        Ok(())
    }

    /// Reads a slice: `read` is called for each element.
    pub fn list(self, mut read: impl FnMut(Field<'_, 'm>) -> Result<(), Error>) -> Result<(), Error> {
        let Some(WireType::Slice { elem, .. }) = self.types.get(self.id) else {
            return Err(self.mismatch("slice"));
        };
        let count = self.cursor.uint()?;
        if count > self.cursor.remaining() as u64 {
            // Every element takes a byte or more.
            let text = format!("gob: {} data too long for buffer: {count}", self.types.describe(self.id));
            return Err(self.cursor.error(ErrorKind::Corrupt, text));
        }
        for _ in 0..count {
            read(Field { types: self.types, id: *elem, cursor: self.cursor })?;
        }
        Ok(())
    }

    /// Passes over the value, whatever it is.
    pub fn skip(self) -> Result<(), Error> {
        skip(self.types, self.id, self.cursor)
    }

    fn expect(&self, id: TypeId, wanted: &str) -> Result<(), Error> {
        if self.id == id { Ok(()) } else { Err(self.mismatch(wanted)) }
    }

    #[cold]
    fn mismatch(&self, wanted: &str) -> Error {
        let found = self.types.describe(self.id);
        self.cursor.error(
            ErrorKind::TypeMismatch,
            format!("gob: decoding into {wanted}: received remote type {found}"),
        )
    }
}

/// Go gives up on types that nest deeper than this.
const DEPTH_LIMIT: usize = 10_000;

/// A container that is being skipped.
enum Open {
    Struct { id: TypeId, fields: Fields },
    Elements { elem: TypeId, left: u64 },
    Pairs { key: TypeId, elem: TypeId, left: u64, at_key: bool },
}

/// Passes over a value of any type. Containers wait on a stack of their own, so that depth costs memory
/// in proportion to the input and never the thread's stack.
fn skip(types: &Types, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
    let mut open: Vec<Open> = Vec::new();
    let mut next = Some(id);
    loop {
        if let Some(id) = next.take()
            && let Some(container) = skip_one(types, id, cursor)?
        {
            if open.len() == DEPTH_LIMIT {
                return Err(cursor.error(ErrorKind::Limit, "gob: decode: invalid nesting depth"));
            }
            open.push(container);
        }
        let Some(container) = open.last_mut() else { return Ok(()) };
        next = match container {
            Open::Struct { id, fields } => {
                let Some(WireType::Struct { fields: known, .. }) = types.get(*id) else { return Ok(()) };
                fields.next(cursor, known.len())?.map(|number| known[number].id)
            }
            Open::Elements { left: 0, .. } | Open::Pairs { left: 0, at_key: true, .. } => None,
            Open::Elements { elem, left } => {
                *left -= 1;
                Some(*elem)
            }
            Open::Pairs { key, elem, left, at_key } => {
                *at_key = !*at_key;
                if *at_key {
                    Some(*elem)
                } else {
                    *left -= 1;
                    Some(*key)
                }
            }
        };
        if next.is_none() {
            open.pop();
        }
    }
}

/// Passes over a simple value, or opens a container.
fn skip_one(types: &Types, id: TypeId, cursor: &mut Cursor<'_>) -> Result<Option<Open>, Error> {
    match id {
        TypeId::BOOL | TypeId::INT | TypeId::UINT | TypeId::FLOAT => {
            cursor.uint()?;
        }
        TypeId::COMPLEX => {
            cursor.uint()?;
            cursor.uint()?;
        }
        TypeId::BYTES | TypeId::STRING => {
            cursor.bytes()?;
        }
        TypeId::INTERFACE => skip_interface(cursor)?,
        _ => return open(types, id, cursor),
    }
    Ok(None)
}

fn open(types: &Types, id: TypeId, cursor: &mut Cursor<'_>) -> Result<Option<Open>, Error> {
    let count = |cursor: &mut Cursor<'_>| match cursor.uint()? {
        // Every element takes a byte or more, so a larger count is false, and no reason to loop for long.
        count if count > cursor.remaining() as u64 => {
            Err(cursor.error(ErrorKind::Corrupt, "gob: length exceeds input size"))
        }
        count => Ok(count),
    };
    Ok(match types.get(id) {
        Some(WireType::Struct { .. }) => Some(Open::Struct { id, fields: Fields::default() }),
        Some(WireType::Slice { elem, .. }) => Some(Open::Elements { elem: *elem, left: count(cursor)? }),
        Some(WireType::Array { elem, len, .. }) => {
            let left = count(cursor)?;
            if i64::try_from(left) != Ok(*len) {
                return Err(cursor.error(ErrorKind::TypeMismatch, "gob: length mismatch in ignoreArray"));
            }
            Some(Open::Elements { elem: *elem, left })
        }
        Some(WireType::Map { key, elem, .. }) => {
            Some(Open::Pairs { key: *key, elem: *elem, left: count(cursor)?, at_key: true })
        }
        Some(
            WireType::GobEncoder { .. } | WireType::BinaryMarshaler { .. } | WireType::TextMarshaler { .. },
        ) => {
            cursor.bytes()?;
            None
        }
        None => {
            let text = format!("gob: type not defined: {}", id.0);
            return Err(cursor.error(ErrorKind::UnknownType, text));
        }
    })
}

/// An interface value holds its name, type id and length; an empty name is nil.
fn skip_interface(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    if cursor.bytes()?.is_empty() {
        return Ok(());
    }
    if cursor.int()? < 0 {
        // The definition ends the message and the value goes on in the next: not for fixed messages.
        return Err(cursor.error(ErrorKind::Corrupt, "gob: an interface value that defines its type"));
    }
    cursor.bytes()?;
    Ok(())
}
