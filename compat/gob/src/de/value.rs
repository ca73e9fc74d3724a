//! One value, for whatever type asks for it.

use serde::de::{Deserializer, Visitor};

use super::interface::{Interface, NamedValue};
use super::list::{self, ByteList, List, Pairs};
use super::promoted::Gathered;
use super::structure::StructFields;
use super::{PLAIN, Reading};
use crate::received::skip;
use crate::walk::{interface_name, too_long};
use crate::{Error, ErrorKind, Field, Kind, TypeId, TypeRef, WireType};

pub(super) struct Value<'r, 'm> {
    pub(super) reading: &'r mut Reading<'m>,
    pub(super) id: TypeId,
    /// What it is read into, where something in it is promoted; else [`PLAIN`].
    pub(super) ty: TypeRef,
}

impl<'m> Value<'_, 'm> {
    #[inline]
    fn expect(&mut self, id: TypeId, wanted: &str) -> Result<(), Error> {
        if self.id == id { Ok(()) } else { Err(self.mismatch(wanted)) }
    }

    #[cold]
    fn mismatch(&mut self, wanted: &str) -> Error {
        let Reading { types, cursor, .. } = &mut *self.reading;
        Field { types, id: self.id, cursor }.mismatch(wanted)
    }

    #[inline]
    fn int(&mut self) -> Result<i64, Error> {
        self.expect(TypeId::INT, "int")?;
        self.reading.cursor.int()
    }

    #[inline]
    fn uint(&mut self) -> Result<u64, Error> {
        self.expect(TypeId::UINT, "uint")?;
        self.reading.cursor.uint()
    }

    #[inline]
    fn wire_type(&self) -> Option<&'m WireType> {
        self.reading.types.get(self.id)
    }

    /// The kind behind all pointers; `None` if it makes no difference.
    #[inline]
    fn kind(&self) -> Option<&'static Kind> {
        match self.reading.schema {
            Some(schema) if self.ty != PLAIN => Some(schema.kind(schema.base(self.ty)?)),
            _ => None,
        }
    }

    /// Whatever is sent as a length and bytes.
    fn counted(&mut self) -> Result<&'m [u8], Error> {
        match (self.id, self.wire_type()) {
            (TypeId::BYTES | TypeId::STRING, _) => self.reading.cursor.bytes(),
            (
                _,
                Some(
                    WireType::GobEncoder { .. }
                    | WireType::BinaryMarshaler { .. }
                    | WireType::TextMarshaler { .. },
                ),
            ) => self.reading.cursor.counted("gob: GobDecoder: length too large for buffer"),
            _ => Err(self.mismatch("bytes")),
        }
    }

    fn list<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let (elem, left) = match (self.id, self.wire_type()) {
            (TypeId::BYTES, _) => {
                let mut bytes = ByteList::new(self.reading.cursor.bytes()?);
                let value = visitor.visit_seq(&mut bytes)?;
                return match bytes.left() {
                    0 => Ok(value),
                    left => Err(self.reading.unread(left as u64)),
                };
            }
            (TypeId::COMPLEX, _) => (TypeId::FLOAT, 2),
            (_, Some(WireType::Slice { elem, .. })) => (*elem, self.reading.cursor.uint()?),
            (_, Some(WireType::Array { elem, len, .. })) => {
                let count = self.reading.cursor.uint()?;
                if i64::try_from(count) != Ok(*len) {
                    let text = "gob: length mismatch in decodeArray";
                    return Err(self.reading.cursor.error(ErrorKind::TypeMismatch, text));
                }
                (*elem, count)
            }
            _ => return Err(self.mismatch("slice")),
        };
        if left > self.reading.cursor.remaining() as u64 {
            return Err(too_long(&self.reading.cursor, left));
        }
        let to = match self.kind() {
            Some(Kind::Slice(to) | Kind::Array(_, to)) => *to,
            _ => PLAIN,
        };
        list::read(List { reading: self.reading, elem: (elem, to), left }, visitor)
    }

    fn structure<V: Visitor<'m>>(
        mut self,
        names: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Some(WireType::Struct { fields, .. }) = self.wire_type() else {
            return Err(self.mismatch("struct"));
        };
        let outer = self.reading.name;
        self.reading.open()?;
        let value = if self.ty != PLAIN && self.reading.routes(self.ty, self.id, fields).promote {
            let mut access = Gathered::new(self.reading, self.ty, self.id, names)?;
            let value = visitor.visit_map(&mut access)?;
            access.finish();
            value
        } else {
            let mut access = StructFields::new(self.reading, self.ty, fields, names);
            let value = visitor.visit_map(&mut access)?;
            access.finish()?;
            value
        };
        self.reading.close();
        self.reading.name = outer;
        Ok(value)
    }
}

/// Integers: read in their full width, and checked against the one that is asked for.
macro_rules! integers {
    ($($ask:ident $read:ident $visit:ident $rust:ty,)*) => {$(
        #[inline]
        fn $ask<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
            let value = self.$read()?;
            match <$rust>::try_from(value) {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(self.reading.overflow()),
            }
        }
    )*};
}

impl<'m> Deserializer<'m> for Value<'_, 'm> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.id {
            TypeId::BOOL => self.deserialize_bool(visitor),
            TypeId::INT => self.deserialize_i64(visitor),
            TypeId::UINT => self.deserialize_u64(visitor),
            TypeId::FLOAT => self.deserialize_f64(visitor),
            TypeId::COMPLEX => self.list(visitor),
            TypeId::BYTES => self.deserialize_bytes(visitor),
            TypeId::STRING => {
                let bytes = self.reading.cursor.bytes()?;
                match std::str::from_utf8(bytes) {
                    Ok(text) => visitor.visit_borrowed_str(text),
                    Err(_) => visitor.visit_borrowed_bytes(bytes),
                }
            }
            TypeId::INTERFACE => match Interface::begin(self.reading)? {
                None => visitor.visit_unit(),
                Some(interface) => NamedValue::new(interface).read(visitor),
            },
            _ => match self.wire_type() {
                Some(WireType::Slice { .. } | WireType::Array { .. }) => self.list(visitor),
                Some(WireType::Map { .. }) => self.deserialize_map(visitor),
                Some(WireType::Struct { .. }) => self.structure(None, visitor),
                Some(_) => self.deserialize_bytes(visitor),
                None => Err(self.mismatch("any")),
            },
        }
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.expect(TypeId::BOOL, "bool")?;
        visitor.visit_bool(self.reading.cursor.uint()? != 0)
    }

    integers! {
        deserialize_i8 int visit_i8 i8,
        deserialize_i16 int visit_i16 i16,
        deserialize_i32 int visit_i32 i32,
        deserialize_i64 int visit_i64 i64,
        deserialize_u8 uint visit_u8 u8,
        deserialize_u16 uint visit_u16 u16,
        deserialize_u32 uint visit_u32 u32,
        deserialize_u64 uint visit_u64 u64,
    }

    /// Go's rule: infinities and what is too small are fine (`decode.go`, float32FromBits).
    #[inline]
    fn deserialize_f32<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.expect(TypeId::FLOAT, "float")?;
        let value = self.reading.cursor.float()?;
        if value.is_finite() && value.abs() > f64::from(f32::MAX) {
            return Err(self.reading.overflow());
        }
        visitor.visit_f32(value as f32)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.expect(TypeId::FLOAT, "float")?;
        visitor.visit_f64(self.reading.cursor.float()?)
    }

    fn deserialize_char<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.expect(TypeId::STRING, "string")?;
        let bytes = self.reading.cursor.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => {
                let text = "gob: the string is not UTF-8; gob::Text takes any";
                Err(self.reading.cursor.error(ErrorKind::Custom, text))
            }
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if matches!(self.wire_type(), Some(WireType::Array { .. } | WireType::Slice { .. })) {
            let numbers: Vec<u8> = serde::Deserialize::deserialize(self)?;
            return visitor.visit_byte_buf(numbers);
        }
        visitor.visit_borrowed_bytes(self.counted()?)
    }

    fn deserialize_byte_buf<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.id == TypeId::INTERFACE {
            let mut ahead = self.reading.cursor.clone();
            if interface_name(&mut ahead)?.is_empty() {
                self.reading.cursor = ahead;
                return visitor.visit_none();
            }
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if !self.reading.types.is_struct(self.id) {
            return Err(self.mismatch("struct"));
        }
        self.deserialize_ignored_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'m>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.wire_type() {
            Some(WireType::Map { key, elem, .. }) => {
                let left = self.reading.cursor.uint()?;
                let (key_to, to) = match self.kind() {
                    Some(Kind::Map(key_to, to)) => (*key_to, *to),
                    _ => (PLAIN, PLAIN),
                };
                let (key, elem) = ((*key, key_to), (*elem, to));
                list::read_pairs(Pairs { reading: self.reading, key, elem, left }, visitor)
            }
            Some(WireType::Struct { .. }) => self.structure(None, visitor),
            _ => Err(self.mismatch("map")),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.structure(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'m>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.expect(TypeId::INTERFACE, "interface")?;
        match Interface::begin(self.reading)? {
            Some(interface) => interface.read(variants, visitor),
            None => Err(super::zero::nil(name)),
        }
    }

    fn deserialize_identifier<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        let Reading { types, cursor, .. } = &mut *self.reading;
        skip(types, self.id, cursor)?;
        visitor.visit_unit()
    }
}
