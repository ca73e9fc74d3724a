//! Fields that Go promotes: sent under their own name, they belong to a struct that is embedded in the receiver.
//!
//! Serde asks for the embedded struct as a whole, once. So such a struct is gone over first to find out where the
//! parts of each of its fields are, and then read from there.

use std::collections::HashSet;
use std::rc::Rc;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::value::Value;
use super::zero::Zero;
use super::{Name, PLAIN, Reading};
use crate::lookup::find;
use crate::received::skip;
use crate::schema::GoType;
use crate::types::Fields;
use crate::wire::Cursor;
use crate::{Error, Field, FieldType, Kind, Schema, TypeId, TypeRef, Types, WireType};

/// For each field as it is sent, the names on the way to where it goes, the last one its own. Empty: the receiver has
/// no such field.
#[derive(Clone, Default)]
pub(super) struct Routes {
    list: Rc<[Vec<&'static str>]>,
    /// Whether any field goes into an embedded struct.
    pub(super) promote: bool,
}

impl Routes {
    pub(super) fn new(schema: &'static Schema, ty: TypeRef, fields: &[FieldType]) -> Routes {
        let find = |field: &FieldType| find(schema, ty, &field.name);
        let list: Rc<[_]> =
            fields.iter().map(|field| find(field).map_or_else(Vec::new, |found| found.route)).collect();
        Routes { promote: list.iter().any(|route| route.len() > 1), list }
    }
}

/// The type of a struct's own field.
pub(super) fn field_type(schema: Option<&Schema>, ty: TypeRef, name: &str) -> TypeRef {
    let Some(schema) = schema.filter(|_| ty != PLAIN) else { return PLAIN };
    match schema.kind(schema.base(ty).unwrap_or(ty)) {
        Kind::Struct(fields) => {
            fields.sent.iter().find(|field| *field.name == *name).map_or(PLAIN, |field| field.ty)
        }
        _ => PLAIN,
    }
}

/// Whether anything of a type of the stream is promoted in a type that it fits. Values of interfaces are not known
/// yet, and do not count.
pub(super) fn promotes(types: &Types, schema: &Schema, ty: TypeRef, id: TypeId) -> bool {
    let embeds = |it: &GoType| match &it.kind {
        Kind::Struct(fields) => fields.sent.iter().any(|field| field.embedded),
        _ => false,
    };
    if !schema.types().iter().any(embeds) {
        return false;
    }
    let mut pairs = vec![(ty, id)];
    let mut met = HashSet::from([(ty, id)]);
    while let Some((ty, id)) = pairs.pop() {
        let mut part = |ty, id| {
            if met.insert((ty, id)) {
                pairs.push((ty, id));
            }
        };
        let base = schema.base(ty).unwrap_or(ty);
        match (schema.kind(base), types.get(id)) {
            (Kind::Slice(to), Some(WireType::Slice { elem, .. }))
            | (Kind::Array(_, to), Some(WireType::Array { elem, .. })) => part(*to, *elem),
            (Kind::Map(key_to, elem_to), Some(WireType::Map { key, elem, .. })) => {
                part(*key_to, *key);
                part(*elem_to, *elem);
            }
            (Kind::Struct(_), Some(WireType::Struct { fields, .. })) => {
                for field in fields {
                    match find(schema, base, &field.name) {
                        Some(found) if found.route.len() > 1 => return true,
                        Some(found) => part(found.ty, field.id),
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}

/// A value that was sent, and where in the receiver it goes.
struct Source<'m> {
    /// The rest of the way; empty for the receiver itself.
    route: Vec<&'static str>,
    /// As it is sent.
    name: Option<&'m str>,
    id: TypeId,
    cursor: Cursor<'m>,
}

/// What was sent for a field.
struct Part<'m> {
    name: &'static str,
    ty: TypeRef,
    /// Of a struct, as they came; of anything else the last one.
    sources: Vec<Source<'m>>,
}

/// A struct whose fields have been gone over.
pub(super) struct Gathered<'r, 'm> {
    reading: &'r mut Reading<'m>,
    ty: TypeRef,
    /// As the type has them; `None` if it takes whatever comes.
    names: Option<&'static [&'static str]>,
    parts: Vec<Part<'m>>,
    /// How many names or parts were given.
    given: usize,
    /// What there is for the name that was given last, if anything was sent.
    value: Option<Part<'m>>,
    /// Behind the struct.
    end: Cursor<'m>,
}

impl<'r, 'm> Gathered<'r, 'm> {
    /// Of a struct that is sent as one.
    pub(super) fn new(
        reading: &'r mut Reading<'m>,
        ty: TypeRef,
        id: TypeId,
        names: Option<&'static [&'static str]>,
    ) -> Result<Self, Error> {
        let (name, cursor) = (reading.name.field, reading.cursor.clone());
        Gathered::from(reading, ty, vec![Source { route: Vec::new(), name, id, cursor }], names)
    }

    /// Of all that was sent for it.
    fn from(
        reading: &'r mut Reading<'m>,
        ty: TypeRef,
        sources: Vec<Source<'m>>,
        names: Option<&'static [&'static str]>,
    ) -> Result<Self, Error> {
        let end = reading.cursor.clone();
        let mut it = Gathered { reading, ty, names, parts: Vec::new(), given: 0, value: None, end };
        for mut source in sources {
            if source.route.is_empty() {
                it.gather(&source)?;
            } else {
                let name = source.route.remove(0);
                it.add(name, source);
            }
        }
        Ok(it)
    }

    /// Goes over the fields of one struct.
    fn gather(&mut self, source: &Source<'m>) -> Result<(), Error> {
        let (types, mut cursor) = (self.reading.types, source.cursor.clone());
        let Some(WireType::Struct { fields, .. }) = types.get(source.id) else {
            return Err(Field { types, id: source.id, cursor: &mut cursor }.mismatch("struct"));
        };
        let routes = self.reading.routes(self.ty, source.id, fields);
        let mut numbers = Fields::default();
        while let Some(number) = numbers.next(&mut cursor, fields.len())? {
            let field = &fields[number];
            let known = |names: &[&'static str]| names.iter().copied().find(|name| **name == *field.name);
            let (first, rest) = match routes.list.get(number).and_then(|route| route.split_first()) {
                Some((first, rest)) => (Some(*first), rest.to_vec()),
                // A description may lack a field that the type has.
                None => (self.names.and_then(known), Vec::new()),
            };
            if let Some(first) = first {
                let (name, cursor) = (Some(&*field.name), cursor.clone());
                self.add(first, Source { route: rest, name, id: field.id, cursor });
            }
            skip(types, field.id, &mut cursor)?;
        }
        self.end = cursor;
        Ok(())
    }

    fn add(&mut self, name: &'static str, source: Source<'m>) {
        match self.parts.iter_mut().find(|part| part.name == name) {
            None => {
                let ty = field_type(self.reading.schema, self.ty, name);
                self.parts.push(Part { name, ty, sources: vec![source] });
            }
            Some(part) => {
                // Go reads the one over the other, which shows in structs: what only the first one has stays.
                if source.route.is_empty() && !self.reading.types.is_struct(source.id) {
                    part.sources.clear();
                }
                part.sources.push(source);
            }
        }
    }

    pub(super) fn finish(self) {
        self.reading.cursor = self.end;
    }
}

impl<'m> MapAccess<'m> for Gathered<'_, 'm> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'m>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let at = self.given;
        let (name, at) = match self.names {
            None => (self.parts.get(at).map(|part| part.name), Some(at)),
            Some(names) => {
                let name = names.get(at).copied();
                (name, self.parts.iter().position(|part| Some(part.name) == name))
            }
        };
        let Some(name) = name else { return Ok(None) };
        self.given += 1;
        let part = at.and_then(|at| self.parts.get_mut(at));
        self.value = part.map(|part| Part { name, ty: part.ty, sources: std::mem::take(&mut part.sources) });
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let Some(Part { ty, sources, .. }) = self.value.take() else {
            return seed.deserialize(Zero::new());
        };
        let reading = &mut *self.reading;
        match &sources[..] {
            [whole] if whole.route.is_empty() => {
                reading.cursor = whole.cursor.clone();
                reading.name = Name { field: whole.name, lists: 0 };
                seed.deserialize(Value { reading, id: whole.id, ty })
            }
            _ => seed.deserialize(Embedded { reading, ty, sources }),
        }
    }
}

/// A struct that was sent in parts.
struct Embedded<'r, 'm> {
    reading: &'r mut Reading<'m>,
    ty: TypeRef,
    sources: Vec<Source<'m>>,
}

impl<'m> Embedded<'_, 'm> {
    fn read<V: Visitor<'m>>(
        self,
        names: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Embedded { reading, ty, sources } = self;
        reading.open()?;
        let mut access = Gathered::from(reading, ty, sources, names)?;
        let value = visitor.visit_map(&mut access)?;
        access.reading.close();
        Ok(value)
    }
}

impl<'m> Deserializer<'m> for Embedded<'_, 'm> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        self.read(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.read(Some(fields), visitor)
    }

    fn deserialize_option<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <W: Visitor<'m>>
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier
    }
}
