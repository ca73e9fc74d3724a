//! One received value: read field by field under names, or skipped without knowing its type.

use std::borrow::Cow;

use bytes::Bytes;

use crate::types::Fields;
use crate::walk::{Step, Walk, interface_name, too_long};
use crate::wire::Cursor;
use crate::{Error, ErrorKind, FieldType, TypeId, Types, WireType};

/// A struct that can be received.
pub trait Decode: Sized {
    /// Reads it. Bytes that are kept should be cut out of `message`, which is all of the message that the
    /// value stands in, rather than copied: see [`Field::shared_bytes`].
    fn decode(value: Received<'_>, message: &Bytes) -> Result<Self, Error>;
}

/// A value in a message, with its type. It is read by exactly one of the methods that take `self`.
#[derive(Debug)]
#[must_use = "a value that is not read has to be skipped"]
pub struct Received<'m> {
    types: &'m Types,
    id: TypeId,
    /// Its definition: looked up once.
    wire_type: Option<&'m WireType>,
    cursor: Cursor<'m>,
    /// Why the value ends early.
    failure: Option<&'m Error>,
}

/// A field or element within [`Received::structure`] or [`Field::list`].
#[derive(Debug)]
#[must_use = "a field that is not read has to be skipped"]
pub struct Field<'c, 'm> {
    pub(crate) types: &'m Types,
    pub(crate) id: TypeId,
    pub(crate) cursor: &'c mut Cursor<'m>,
}

impl<'m> Received<'m> {
    #[inline]
    pub(crate) fn new(types: &'m Types, id: TypeId, cursor: Cursor<'m>, failure: Option<&'m Error>) -> Self {
        Received { types, id, wire_type: types.get(id), cursor, failure }
    }

    /// The id of its type.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// The types of its stream.
    pub fn types(&self) -> &'m Types {
        self.types
    }

    /// The name that Go gave its type; empty for built-in and nameless types.
    pub fn type_name(&self) -> &'m str {
        self.wire_type.map_or("", WireType::name)
    }

    /// Refuses a struct of which no field has one of these names: read by name it would be all zeros, whoever sent it. Go
    /// does so for all structs, unless one has no fields at all (`decodeValue` in its `decode.go`). `into` is what it is
    /// read as, in Go's words.
    #[inline]
    pub fn with_any_of(self, names: &[&str], into: &str) -> Result<Self, Error> {
        match self.wire_type {
            Some(WireType::Struct { fields, .. })
                if !fields.is_empty() && !fields.iter().any(|field| names.contains(&&*field.name)) =>
            {
                Err(no_fields_matched(into))
            }
            _ => Ok(self),
        }
    }

    /// Reads a struct: `read` is called for each field that was sent, with its name, and must read or skip it.
    #[inline]
    pub fn structure(
        self,
        read: impl FnMut(&'m str, Field<'_, 'm>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Received { types, id, wire_type, mut cursor, failure } = self;
        match wire_type {
            Some(WireType::Struct { fields, .. }) => {
                structure(types, fields, &mut cursor, read).map_err(|error| or(error, failure))
            }
            _ if types.is_unknown(id) => {
                Err(cursor.error(ErrorKind::UnknownType, "gob: unknown type id or corrupted data"))
            }
            _ => Err(Field { types, id, cursor: &mut cursor }.mismatch("struct")),
        }
    }

    /// Checks that the value is well-formed, whatever it is.
    pub fn skip(self) -> Result<(), Error> {
        self.types.check(self.id)?;
        match self.failure {
            // What put the value together has passed over it.
            Some(failure) => Err(failure.clone()),
            None => self.read(|field| field.skip()),
        }
    }

    /// Reads the value as if it were a field.
    pub fn read<T>(mut self, read: impl FnOnce(Field<'_, 'm>) -> Result<T, Error>) -> Result<T, Error> {
        if !matches!(self.wire_type, Some(WireType::Struct { .. })) {
            self.cursor.singleton()?;
        }
        read(Field { types: self.types, id: self.id, cursor: &mut self.cursor })
            .map_err(|error| or(error, self.failure))
    }
}

impl<'m> Field<'_, 'm> {
    /// The id of its type.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// Reads a `bool`.
    #[inline]
    pub fn bool(self) -> Result<bool, Error> {
        self.expect(TypeId::BOOL, "bool")?;
        Ok(self.cursor.uint()? != 0)
    }

    /// Reads a signed integer of any width.
    #[inline]
    pub fn int(self) -> Result<i64, Error> {
        self.expect(TypeId::INT, "int")?;
        self.cursor.int()
    }

    /// Reads a signed integer that has to fit 32 bits.
    #[inline]
    pub fn int32(self, name: &str) -> Result<i32, Error> {
        self.expect(TypeId::INT, "int")?;
        let value = self.cursor.int()?;
        i32::try_from(value).map_err(|_| out_of_range(self.cursor, name))
    }

    /// Reads an unsigned integer of any width.
    #[inline]
    pub fn uint(self) -> Result<u64, Error> {
        self.expect(TypeId::UINT, "uint")?;
        self.cursor.uint()
    }

    /// Reads a float.
    #[inline]
    pub fn float(self) -> Result<f64, Error> {
        self.expect(TypeId::FLOAT, "float")?;
        self.cursor.float()
    }

    /// Reads a `[]byte` in place.
    #[inline]
    pub fn bytes(self) -> Result<&'m [u8], Error> {
        self.expect(TypeId::BYTES, "bytes")?;
        self.cursor.bytes()
    }

    /// Reads a `[]byte` as a part of the message it stands in, without copying it.
    #[inline]
    pub fn shared_bytes(self, message: &Bytes) -> Result<Bytes, Error> {
        let bytes = self.bytes()?;
        let start = (bytes.as_ptr() as usize).wrapping_sub(message.as_ptr() as usize);
        if start <= message.len() && bytes.len() <= message.len() - start {
            return Ok(message.slice(start..start + bytes.len()));
        }
        Ok(Bytes::copy_from_slice(bytes)) // of a value that was put together from several messages
    }

    /// Reads a string. Go's may hold any bytes; what is not UTF-8 is replaced.
    #[inline]
    pub fn string(self) -> Result<String, Error> {
        self.expect(TypeId::STRING, "string")?;
        Ok(text(self.cursor.bytes()?).into_owned())
    }

    /// Reads a struct: see [`Received::structure`].
    #[inline]
    pub fn structure(
        self,
        read: impl FnMut(&'m str, Field<'_, 'm>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.types.get(self.id) {
            Some(WireType::Struct { fields, .. }) => structure(self.types, fields, self.cursor, read),
            _ => Err(self.mismatch("struct")),
        }
    }

    /// Reads a slice: `read` is called for each element.
    pub fn list(self, mut read: impl FnMut(Field<'_, 'm>) -> Result<(), Error>) -> Result<(), Error> {
        let Some(WireType::Slice { elem, .. }) = self.types.get(self.id) else {
            return Err(self.mismatch("slice"));
        };
        let count = self.cursor.uint()?;
        for at in 0..count {
            if self.cursor.remaining() == 0 {
                return Err(too_long(self.cursor, count - at));
            }
            read(Field { types: self.types, id: *elem, cursor: self.cursor })?;
        }
        Ok(())
    }

    /// Reads an interface value: `read` gets the name it is registered under, and the value. `None` is nil.
    pub fn interface<T>(
        self,
        read: impl FnOnce(&'m [u8], Field<'_, 'm>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.expect(TypeId::INTERFACE, "interface")?;
        let name = interface_name(self.cursor)?;
        if name.is_empty() {
            return Ok(None);
        }
        let id = concrete_id(self.types, self.cursor)?;
        if !self.types.is_struct(id) {
            self.cursor.singleton()?;
        }
        read(name, Field { types: self.types, id, cursor: self.cursor }).map(Some)
    }

    /// Passes over the value, whatever it is.
    pub fn skip(self) -> Result<(), Error> {
        skip(self.types, self.id, self.cursor)
    }

    #[inline]
    fn expect(&self, id: TypeId, wanted: &str) -> Result<(), Error> {
        if self.id == id { Ok(()) } else { Err(self.mismatch(wanted)) }
    }

    #[cold]
    pub(crate) fn mismatch(&self, wanted: &str) -> Error {
        let found = self.types.describe(self.id);
        let text = format!("gob: decoding into {wanted}: received remote type {found}");
        self.cursor.error(ErrorKind::TypeMismatch, text)
    }
}

#[cold]
pub(crate) fn no_fields_matched(into: &str) -> Error {
    let text = format!("gob: type mismatch: no fields matched compiling decoder for {into}");
    Error::new(ErrorKind::TypeMismatch, text)
}

#[inline]
fn structure<'m>(
    types: &'m Types,
    fields: &'m [FieldType],
    cursor: &mut Cursor<'m>,
    mut read: impl FnMut(&'m str, Field<'_, 'm>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut numbers = Fields::default();
    while let Some(number) = numbers.next(cursor, fields.len())? {
        let field = &fields[number];
        read(&field.name, Field { types, id: field.id, cursor })?;
    }
    Ok(())
}

/// Where a value ends early, that it does is not the whole truth.
#[cold]
fn or(error: Error, failure: Option<&Error>) -> Error {
    match failure {
        Some(failure) if error.kind() == ErrorKind::ShortMessage => failure.clone(),
        _ => error,
    }
}

/// Text as it is if it is UTF-8, which is quicker to find out than to mend.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Passes over a value within a message that holds all of it.
pub(crate) fn skip(types: &Types, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
    match id {
        TypeId::BOOL | TypeId::INT | TypeId::UINT | TypeId::FLOAT => cursor.uint().map(drop),
        TypeId::BYTES | TypeId::STRING => cursor.bytes().map(drop),
        _ => match Walk::new(id).pass(types, cursor)? {
            Step::Done => Ok(()),
            Step::NextMessage => cursor.any_left(),
        },
    }
}

/// The type of an interface's value, which with all its parts is known.
pub(crate) fn concrete_id(types: &Types, cursor: &mut Cursor<'_>) -> Result<TypeId, Error> {
    let id = interface_id(cursor)?;
    types.check(id).map_err(|error| error.or_at(cursor.offset()))?;
    Ok(id)
}

/// The type of an interface's value; the count of its bytes, of no use here, is passed over.
pub(crate) fn interface_id(cursor: &mut Cursor<'_>) -> Result<TypeId, Error> {
    let id = cursor.type_id()?;
    if id.0 < 0 {
        // Where the whole value is here, definitions have been taken out of it.
        return Err(cursor.error(ErrorKind::DuplicateType, "gob: duplicate type received"));
    }
    cursor.uint()?;
    Ok(id)
}

#[cold]
pub(crate) fn out_of_range(cursor: &Cursor<'_>, name: &str) -> Error {
    cursor.error(ErrorKind::Overflow, format!("value for {name:?} out of range"))
}
