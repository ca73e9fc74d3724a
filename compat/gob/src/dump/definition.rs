//! Type definitions. They are nested to a fixed depth, so here functions call each other.

use super::Error;
use super::part::{Field, Kind, Type, What};
use super::reader::Reader;

impl<'s> Reader<'s> {
    /// The definition of a type; `at` is where its message or piece began.
    pub(super) fn definition(&mut self, id: i32, at: usize) -> Result<What<'s>, Error> {
        if id < FIRST_ID {
            return Err(self.error(at, format!("duplicate type received: {id} is reserved")));
        }
        let mut ty =
            Type { id, common_id: 0, name: &[], kind: Kind::GobEncoder, is_again: false, fields_end: 0 };
        let mut found = None;
        self.structure("wireType", 7, |reader, which| {
            let again = found.replace(which).is_some();
            if again {
                return Err(reader.error(reader.at, "a type definition of two kinds"));
            }
            reader.described(which, at, &mut ty)
        })?;
        if found.is_none() {
            return Err(self.error(at, "a type definition of no kind"));
        }
        self.defined += self.since(at)? as usize;
        let position = match u32::try_from(self.types.len()) {
            Ok(position) if position < TYPES => position,
            _ => return Err(self.error(at, "too many type definitions")),
        };
        ty.is_again = self.ids.insert(id, position).is_some();
        self.types.push(ty);
        Ok(What::Definition(position))
    }

    /// One of wireType's fields.
    fn described(&mut self, which: usize, at: usize, ty: &mut Type<'s>) -> Result<(), Error> {
        let (kind, numbers) = match which {
            0 => ("arrayType", 3),
            1 => ("sliceType", 2),
            2 => ("structType", 2),
            3 => ("mapType", 3),
            _ => ("gobEncoderType", 1),
        };
        let (mut first, mut second, mut fields) = (0, 0, Vec::new());
        self.structure(kind, numbers, |reader, number| {
            match (number, which) {
                (0, _) => reader.structure("CommonType", 2, |reader, number| {
                    match number {
                        0 => ty.name = reader.bytes()?,
                        _ => ty.common_id = reader.narrow_int()?,
                    }
                    Ok(())
                })?,
                (1, 2) => {
                    fields = reader.field_types(at)?;
                    ty.fields_end = reader.since(at)?;
                }
                (1, _) => first = reader.int()?,
                _ => second = reader.int()?,
            }
            Ok(())
        })?;
        let narrow =
            |id: i64| i32::try_from(id).map_err(|_| self.error(at, format!("type id {id} is out of range")));
        ty.kind = match which {
            0 => Kind::Array { elem: narrow(first)?, len: second },
            1 => Kind::Slice { elem: narrow(first)? },
            2 => Kind::Struct(fields.into_boxed_slice()),
            3 => Kind::Map { key: narrow(first)?, elem: narrow(second)? },
            4 => Kind::GobEncoder,
            5 => Kind::BinaryMarshaler,
            _ => Kind::TextMarshaler,
        };
        Ok(())
    }

    fn field_types(&mut self, start: usize) -> Result<Vec<Field<'s>>, Error> {
        let mut fields = Vec::new();
        let count = self.uint()?;
        for number in 0..count {
            let from = self.at;
            let mut field = Field { name: &[], id: 0, at: self.since(start)? };
            self.structure("fieldType", 2, |reader, number| {
                match number {
                    0 => field.name = reader.bytes()?,
                    _ => field.id = reader.narrow_int()?,
                }
                Ok(())
            })?;
            // Go refuses that too; here it also bounds how much is kept for each byte.
            if field.name.is_empty() {
                return Err(self.error(from, format!("empty name for field {number} of {count}")));
            }
            // It would be written once more for every value.
            if field.name.len() > LONG_NAME {
                let length = field.name.len();
                return Err(self.error(from, format!("name too long ({length} bytes) for field {number}")));
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn structure(
        &mut self,
        name: &str,
        fields: usize,
        mut field: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut next = 0;
        while self.at < self.end {
            let at = self.at;
            let delta = self.uint()?;
            if delta == 0 {
                break;
            }
            let number = usize::try_from(delta - 1).unwrap_or(usize::MAX).saturating_add(next);
            if number >= fields {
                return Err(
                    self.error(at, format!("field number {number} is out of range: {name} has {fields}"))
                );
            }
            field(self, number)?;
            next = number + 1;
        }
        if self.at < self.end { Ok(()) } else { self.whole() }
    }

    /// How much of the definition was read. A limit, for in memory it can take many times that.
    fn since(&self, at: usize) -> Result<u32, Error> {
        match u32::try_from(self.at - at) {
            Ok(length) if self.defined + length as usize <= DEFINITIONS => Ok(length),
            _ => Err(self.error(at, "too many type definitions")),
        }
    }
}

/// The types in which definitions are written.
pub(super) fn built_in() -> Vec<Type<'static>> {
    let field = |(name, id): &(&'static str, i32)| Field { name: name.as_bytes(), id: *id, at: 0 };
    let ty = |&(id, name, fields): &BuiltIn| {
        let kind = match id {
            22 => Kind::Slice { elem: 21 },
            _ => Kind::Struct(fields.iter().map(field).collect()),
        };
        Type { id, common_id: id, name: name.as_bytes(), kind, is_again: false, fields_end: 0 }
    };
    BUILT_IN.iter().map(ty).collect()
}

/// Id, name, fields.
type BuiltIn = (i32, &'static str, &'static [(&'static str, i32)]);

/// As in `type.go`.
const BUILT_IN: &[BuiltIn] = &[
    (
        16,
        "wireType",
        &[
            ("ArrayT", 17),
            ("SliceT", 19),
            ("StructT", 20),
            ("MapT", 23),
            ("GobEncoderT", 24),
            ("BinaryMarshalerT", 24),
            ("TextMarshalerT", 24),
        ],
    ),
    (17, "arrayType", &[("CommonType", 18), ("Elem", 2), ("Len", 2)]),
    (18, "CommonType", &[("Name", 6), ("Id", 2)]),
    (19, "sliceType", &[("CommonType", 18), ("Elem", 2)]),
    (20, "structType", &[("CommonType", 18), ("Field", 22)]),
    (21, "fieldType", &[("Name", 6), ("Id", 2)]),
    (22, "[]fieldType", &[]),
    (23, "mapType", &[("CommonType", 18), ("Key", 2), ("Elem", 2)]),
    (24, "gobEncoderType", &[("CommonType", 18)]),
];

/// How many types are kept.
const TYPES: u32 = 1 << 14;

/// How many bytes of definitions are read.
const DEFINITIONS: usize = 1 << 20;

/// How long a field's name can be, which is an identifier of somebody's program.
const LONG_NAME: usize = 256;

/// The first id that a stream can define (`type.go`, firstUserId).
const FIRST_ID: i32 = 64;
