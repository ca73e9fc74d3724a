//! Receiving through serde: first Go's rules for what fits what, then the value, as its type asks for it.

mod fits;
mod interface;
mod list;
mod promoted;
mod structure;
mod value;
mod zero;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::received::out_of_range;
use crate::wire::{Cursor, frame};
use crate::{
    Decoder, Error, ErrorKind, Field, FieldType, Gob, Received, Schema, TypeId, TypeRef, Types, go_type,
};

pub(crate) use fits::Fits;

use fits::fits;
use promoted::Routes;
use structure::Aligned;
use value::Value;

/// The first value of a stream that is in memory.
///
/// ```
/// #[derive(serde::Deserialize, gob::Gob)]
/// #[serde(rename_all = "PascalCase")]
/// struct Point {
///     x: isize,
///     y: isize,
/// }
///
/// let stream = b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00\
///                \x07\xff\x82\x01\x2c\x01\x42\x00";
/// let point: Point = gob::from_slice(stream)?;
/// assert_eq!((point.x, point.y), (22, 33));
/// # Ok::<(), gob::Error>(())
/// ```
pub fn from_slice<T: Gob + DeserializeOwned>(stream: &[u8]) -> Result<T, Error> {
    first(stream, |value| value.deserialize())
}

/// Reads the first value of a stream that is in memory.
pub(crate) fn first<T>(
    mut stream: &[u8],
    read: impl FnOnce(Received<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut decoder = Decoder::new();
    while let Some(frame) = frame(stream)?.filter(|frame| frame.total() <= stream.len()) {
        if let Some(value) = decoder.message(frame.message(stream))? {
            return read(value);
        }
        stream = frame.after(stream);
    }
    Err(Error::new(ErrorKind::UnexpectedEof, "unexpected EOF"))
}

impl<'m> Received<'m> {
    /// Reads the value as a Rust type, under Go's rules: fields go by name, unknown ones are skipped, those that were
    /// not sent are zero, kinds have to agree, and numbers have to fit. Where the type has no field of a name, one of
    /// a struct that it embeds is meant (`#[gob(embedded)]`): the least deep one, if there is just one.
    ///
    /// What borrows does so from the message: `&str` and, where it is a single value for serde, `&[u8]`.
    pub fn deserialize<T: Gob + Deserialize<'m>>(self) -> Result<T, Error> {
        let schema = go_type::schema::<T>();
        let ty = fits(self.types(), schema, schema.root(), self.id())?;
        self.read(|field| Reading::new(field, Some(schema)).run(ty))
    }

    /// Reads the value as a Rust type that has no Go type, or as whatever it is.
    ///
    /// Kinds have to agree and numbers have to fit, but that shows only where they are met.
    pub fn deserialize_any<T: Deserialize<'m>>(self) -> Result<T, Error> {
        self.types().check(self.id())?;
        self.read(|field| Reading::new(field, None).run(PLAIN))
    }
}

/// A value that is being read.
struct Reading<'m> {
    cursor: Cursor<'m>,
    types: &'m Types,
    id: TypeId,
    /// What the value is read into, if that is known.
    schema: Option<&'static Schema>,
    /// How many containers are open.
    depth: usize,
    name: Name<'m>,
    aligned: Aligned,
    /// Where fields go, for the structs that were met and in which any may be promoted.
    routes: BTreeMap<(TypeRef, TypeId), Routes>,
}

/// Stands for the type that a value is read into, where nothing in it is promoted: then names alone tell what goes
/// where.
const PLAIN: TypeRef = TypeRef(u32::MAX);

/// What Go calls a number that is too large.
#[derive(Clone, Copy)]
struct Name<'m> {
    /// Of the innermost field; `None` outside of all.
    field: Option<&'m str>,
    /// How many lists are open within it.
    lists: u32,
}

impl<'m> Reading<'m> {
    fn new(field: Field<'_, 'm>, schema: Option<&'static Schema>) -> Self {
        let Field { types, id, cursor } = field;
        Reading {
            cursor: cursor.clone(),
            types,
            id,
            schema,
            depth: 0,
            name: Name { field: None, lists: 0 },
            aligned: Aligned::default(),
            routes: BTreeMap::new(),
        }
    }

    fn run<T: Deserialize<'m>>(mut self, ty: TypeRef) -> Result<T, Error> {
        let id = self.id;
        T::deserialize(Value { reading: &mut self, id, ty })
            .map_err(|error| error.or_at(self.cursor.offset()))
    }

    /// Where the fields of a struct go that is read into another one.
    fn routes(&mut self, ty: TypeRef, id: TypeId, fields: &[FieldType]) -> Routes {
        let Some(schema) = self.schema else { return Routes::default() };
        let ty = schema.base(ty).unwrap_or(ty);
        self.routes.entry((ty, id)).or_insert_with(|| Routes::new(schema, ty, fields)).clone()
    }

    #[inline]
    fn open(&mut self) -> Result<(), Error> {
        if self.depth >= self.types.limits.recursion {
            return Err(self.too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        self.depth -= 1;
    }

    #[cold]
    fn too_deep(&self) -> Error {
        let text = format!("gob: the value is nested more than {} times", self.types.limits.recursion);
        self.cursor.error(ErrorKind::Limit, text)
    }

    #[cold]
    fn overflow(&self) -> Error {
        let mut name = "element of ".repeat(self.name.lists as usize);
        match (self.name.field, self.schema) {
            (Some(field), _) => name.push_str(field),
            // Go names what it was given: a pointer.
            (None, Some(schema)) => name.extend(["*", schema.spell(schema.root())]),
            (None, None) => name.push_str("any"),
        }
        out_of_range(&self.cursor, &name)
    }

    /// A list that was left before its end.
    #[cold]
    fn unread(&self, left: u64) -> Error {
        let text = format!("gob: {left} elements are left, for which there is no place");
        self.cursor.error(ErrorKind::TypeMismatch, text)
    }
}

impl serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(text: T) -> Error {
        Error::new(ErrorKind::Custom, text.to_string())
    }
}
