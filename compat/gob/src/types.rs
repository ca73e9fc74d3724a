//! Type ids, wire types, and the definitions seen on one stream (`encoding/gob/type.go`).

use std::collections::BTreeMap;

use crate::wire::{Cursor, put_bytes, put_int, put_uint};
use crate::{Error, ErrorKind};

/// A type's number on one stream. Built-in types have fixed ones; definitions start at 64 or 65.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub i32);

impl TypeId {
    /// `bool`.
    pub const BOOL: TypeId = TypeId(1);
    /// Every signed integer.
    pub const INT: TypeId = TypeId(2);
    /// Every unsigned integer.
    pub const UINT: TypeId = TypeId(3);
    /// Both floats.
    pub const FLOAT: TypeId = TypeId(4);
    /// `[]byte`.
    pub const BYTES: TypeId = TypeId(5);
    /// `string`.
    pub const STRING: TypeId = TypeId(6);
    /// Both complex types.
    pub const COMPLEX: TypeId = TypeId(7);
    /// Every interface type.
    pub const INTERFACE: TypeId = TypeId(8);
    /// Go from 1.21 on numbers its types from here; older Go starts one later.
    pub const FIRST_USER: TypeId = TypeId(64);
}

/// The definition of a type, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireType {
    /// `[len]elem`.
    Array {
        /// Go's name, often empty.
        name: String,
        /// Type of the elements.
        elem: TypeId,
        /// Number of elements.
        len: i64,
    },
    /// `[]elem`.
    Slice {
        /// Go's name, often empty.
        name: String,
        /// Type of the elements.
        elem: TypeId,
    },
    /// `struct { … }`.
    Struct {
        /// Go's name without package, or empty.
        name: String,
        /// In the order of their field numbers, from 0.
        fields: Vec<FieldType>,
    },
    /// `map[key]elem`.
    Map {
        /// Go's name, often empty.
        name: String,
        /// Type of the keys.
        key: TypeId,
        /// Type of the values.
        elem: TypeId,
    },
    /// A type that encodes itself with `GobEncode`.
    GobEncoder {
        /// Go's name without package.
        name: String,
    },
    /// A type that encodes itself with `MarshalBinary`.
    BinaryMarshaler {
        /// Go's name without package.
        name: String,
    },
    /// A type that encodes itself with `MarshalText`; Go never sends one.
    TextMarshaler {
        /// Go's name without package.
        name: String,
    },
}

/// A field of a struct type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldType {
    /// The exported Go name.
    pub name: String,
    /// Its type.
    pub id: TypeId,
}

impl WireType {
    /// Go's name of the type.
    pub fn name(&self) -> &str {
        match self {
            WireType::Array { name, .. }
            | WireType::Slice { name, .. }
            | WireType::Struct { name, .. }
            | WireType::Map { name, .. }
            | WireType::GobEncoder { name }
            | WireType::BinaryMarshaler { name }
            | WireType::TextMarshaler { name } => name,
        }
    }

    /// Appends the message that defines the type, without its length.
    ///
    /// The value is Go's `wireType`: a struct with one field for each kind, of which one is set, and that
    /// starts with a `CommonType{Name, Id}`. All of it follows the rules for ordinary structs.
    pub(crate) fn write_definition(&self, id: TypeId, out: &mut Vec<u8>) {
        put_int(out, -i64::from(id.0));
        let (field, name) = match self {
            WireType::Array { name, .. } => (0, name),
            WireType::Slice { name, .. } => (1, name),
            WireType::Struct { name, .. } => (2, name),
            WireType::Map { name, .. } => (3, name),
            WireType::GobEncoder { name } => (4, name),
            WireType::BinaryMarshaler { name } => (5, name),
            WireType::TextMarshaler { name } => (6, name),
        };
        put_uint(out, field + 1);
        put_uint(out, 1); // CommonType, field 0
        if name.is_empty() {
            put_uint(out, 2); // Id, field 1
        } else {
            put_uint(out, 1);
            put_bytes(out, name.as_bytes());
            put_uint(out, 1);
        }
        put_int(out, i64::from(id.0));
        put_uint(out, 0);
        match self {
            WireType::Array { elem, len, .. } => {
                put_uint(out, 1);
                put_int(out, i64::from(elem.0));
                if *len != 0 {
                    put_uint(out, 1);
                    put_int(out, *len);
                }
            }
            WireType::Slice { elem, .. } => {
                put_uint(out, 1);
                put_int(out, i64::from(elem.0));
            }
            WireType::Struct { fields, .. } if !fields.is_empty() => {
                put_uint(out, 1);
                put_uint(out, fields.len() as u64);
                for FieldType { name, id } in fields {
                    put_uint(out, 1);
                    put_bytes(out, name.as_bytes());
                    put_uint(out, 1);
                    put_int(out, i64::from(id.0));
                    put_uint(out, 0);
                }
            }
            WireType::Map { key, elem, .. } => {
                put_uint(out, 1);
                put_int(out, i64::from(key.0));
                put_uint(out, 1);
                put_int(out, i64::from(elem.0));
            }
            _ => {}
        }
        put_uint(out, 0);
        put_uint(out, 0);
    }

    /// Reads the value of a definition message.
    fn read(cursor: &mut Cursor<'_>) -> Result<WireType, Error> {
        let mut found = None;
        let mut fields = Fields::default();
        while let Some(number) = fields.next(cursor, 7)? {
            if found.is_some() {
                return Err(cursor.error(ErrorKind::Corrupt, "gob: a type definition of two kinds"));
            }
            found = Some(Parts::read(cursor, number)?.into_wire_type(number));
        }
        found.ok_or_else(|| cursor.error(ErrorKind::Corrupt, "gob: a type definition of no kind"))
    }
}

/// All that the seven kinds of definition can hold.
#[derive(Default)]
struct Parts {
    name: String,
    key: i64,
    elem: i64,
    len: i64,
    fields: Vec<FieldType>,
}

impl Parts {
    fn read(cursor: &mut Cursor<'_>, kind: usize) -> Result<Parts, Error> {
        let mut parts = Parts::default();
        let mut numbers = Fields::default();
        // Array: common, elem, len. Slice: common, elem. Struct: common, fields. Map: common, key, elem.
        let count = [3, 2, 2, 3, 1, 1, 1][kind];
        while let Some(number) = numbers.next(cursor, count)? {
            match (number, kind) {
                (0, _) => parts.name = common_type(cursor)?,
                (1, 0 | 1) | (2, 3) => parts.elem = cursor.int()?,
                (1, 3) => parts.key = cursor.int()?,
                (1, _) => parts.fields = field_types(cursor)?,
                _ => parts.len = cursor.int()?,
            }
        }
        Ok(parts)
    }

    fn into_wire_type(self, kind: usize) -> WireType {
        let Parts { name, key, elem, len, fields } = self;
        let (key, elem) = (TypeId(key as i32), TypeId(elem as i32)); // Go cuts ids to 32 bits too
        match kind {
            0 => WireType::Array { name, elem, len },
            1 => WireType::Slice { name, elem },
            2 => WireType::Struct { name, fields },
            3 => WireType::Map { name, key, elem },
            4 => WireType::GobEncoder { name },
            5 => WireType::BinaryMarshaler { name },
            _ => WireType::TextMarshaler { name },
        }
    }
}

fn common_type(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    let mut name = String::new();
    let mut numbers = Fields::default();
    while let Some(number) = numbers.next(cursor, 2)? {
        match number {
            0 => name = text(cursor)?,
            _ => _ = cursor.int()?, // Go does not read its own Id here either
        }
    }
    Ok(name)
}

fn field_types(cursor: &mut Cursor<'_>) -> Result<Vec<FieldType>, Error> {
    let count = cursor.uint()?;
    if count > cursor.remaining() as u64 {
        return Err(cursor.error(ErrorKind::Corrupt, "gob: length of []gob.fieldType exceeds input size"));
    }
    let mut fields = Vec::new();
    for _ in 0..count {
        let mut field = FieldType { name: String::new(), id: TypeId(0) };
        let mut numbers = Fields::default();
        while let Some(number) = numbers.next(cursor, 2)? {
            match number {
                0 => field.name = text(cursor)?,
                _ => field.id = TypeId(cursor.int()? as i32),
            }
        }
        fields.push(field);
    }
    Ok(fields)
}

/// Go strings need not be UTF-8; a type's or field's name in practice always is.
fn text(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(cursor.bytes()?).into_owned())
}

/// The field numbers of a struct on the wire: each is sent as its distance from the one before.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    next: u64,
}

impl Fields {
    /// The number of the next field that was sent, below `count`; `None` at the end of the struct.
    #[inline]
    pub(crate) fn next(&mut self, cursor: &mut Cursor<'_>, count: usize) -> Result<Option<usize>, Error> {
        let delta = cursor.uint()?;
        if delta == 0 {
            return Ok(None);
        }
        match self.next.checked_add(delta) {
            Some(next) if next <= count as u64 => {
                self.next = next;
                Ok(Some(next as usize - 1))
            }
            _ => Err(cursor.error(ErrorKind::BadField, "gob: bad data: field numbers out of bounds")),
        }
    }
}

/// The types that have been defined on one stream.
#[derive(Debug, Default)]
pub struct Types {
    /// Ordered, since a look-up among the few types of an honest stream is then a short scan.
    definitions: BTreeMap<TypeId, WireType>,
    /// Bytes of definitions so far.
    bytes: usize,
}

/// Bytes of definitions on one stream, far beyond what honest programs send. In memory a definition can take some
/// thirty times its bytes.
const DEFINITIONS_LIMIT: usize = 1 << 20;

impl Types {
    /// The definition of a type; `None` for built-in types and for unknown ones.
    pub fn get(&self, id: TypeId) -> Option<&WireType> {
        self.definitions.get(&id)
    }

    /// Takes in a definition message, from after its (negative) id.
    pub(crate) fn define(&mut self, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        if id < TypeId::FIRST_USER || self.definitions.contains_key(&id) {
            return Err(cursor.error(ErrorKind::DuplicateType, "gob: duplicate type received"));
        }
        self.bytes = self.bytes.saturating_add(cursor.remaining());
        if self.bytes > DEFINITIONS_LIMIT {
            return Err(cursor.error(ErrorKind::Limit, "gob: too many type definitions"));
        }
        let wire_type = WireType::read(cursor)?;
        if cursor.remaining() > 0 {
            return Err(cursor.error(ErrorKind::Corrupt, "gob: extra data in buffer"));
        }
        self.definitions.insert(id, wire_type);
        Ok(())
    }

    /// How Go would spell the type, for error texts.
    pub(crate) fn describe(&self, id: TypeId) -> String {
        match id.0 {
            1 => "bool".into(),
            2 => "int".into(),
            3 => "uint".into(),
            4 => "float".into(),
            5 => "bytes".into(),
            6 => "string".into(),
            7 => "complex".into(),
            8 => "interface".into(),
            _ => match self.get(id) {
                Some(wire_type) if !wire_type.name().is_empty() => wire_type.name().to_owned(),
                Some(WireType::Struct { .. }) => "struct".into(),
                Some(WireType::Slice { elem, .. }) if *elem != id => "slice".into(),
                Some(WireType::Map { .. }) => "map".into(),
                Some(WireType::Array { .. }) => "array".into(),
                Some(_) => "a self-encoding type".into(),
                None => format!("unknown type id {}", id.0),
            },
        }
    }
}
