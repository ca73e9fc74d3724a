//! What a field is that was not sent: zero, as in a variable that Go has just declared.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::opaque::ZERO;
use crate::{Error, ErrorKind};

/// A zero of any type.
#[derive(Clone, Copy)]
pub(super) struct Zero {
    depth: u32,
}

/// Only types that hold themselves without an `Option` between are deeper, and they have no values.
const DEPTH_LIMIT: u32 = 64;

impl Zero {
    pub(super) fn new() -> Zero {
        Zero { depth: 0 }
    }

    fn part(self) -> Result<Zero, Error> {
        match self.depth {
            DEPTH_LIMIT => Err(Error::new(ErrorKind::Limit, "gob: the zero of this type has no end")),
            depth => Ok(Zero { depth: depth + 1 }),
        }
    }
}

/// An interface that was not sent, for a type that cannot be nil.
#[cold]
pub(super) fn nil(name: &str) -> Error {
    Error::new(ErrorKind::TypeMismatch, format!("gob: a nil interface for {name}; Option<{name}> takes it"))
}

impl<'m> Deserializer<'m> for Zero {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(false)
    }

    fn deserialize_i8<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i8(0)
    }

    fn deserialize_i16<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i16(0)
    }

    fn deserialize_i32<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i32(0)
    }

    fn deserialize_i64<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(0)
    }

    fn deserialize_u8<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u8(0)
    }

    fn deserialize_u16<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u16(0)
    }

    fn deserialize_u32<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u32(0)
    }

    fn deserialize_u64<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(0)
    }

    fn deserialize_f32<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f32(0.0)
    }

    fn deserialize_f64<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(0.0)
    }

    fn deserialize_char<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_char('\0')
    }

    fn deserialize_str<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str("")
    }

    fn deserialize_string<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str("")
    }

    fn deserialize_bytes<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(b"")
    }

    fn deserialize_byte_buf<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_bytes(b"")
    }

    fn deserialize_option<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'m>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == ZERO { visitor.visit_none() } else { visitor.visit_newtype_struct(self.part()?) }
    }

    fn deserialize_seq<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Zeros { part: self, left: 0 })
    }

    fn deserialize_tuple<V: Visitor<'m>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Zeros { part: self.part()?, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(ZeroFields { part: self, names: &[] })
    }

    fn deserialize_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(ZeroFields { part: self.part()?, names: fields })
    }

    fn deserialize_enum<V: Visitor<'m>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        Err(nil(name))
    }

    fn deserialize_identifier<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// An array of zeros.
struct Zeros {
    part: Zero,
    left: usize,
}

impl<'m> SeqAccess<'m> for Zeros {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.left {
            0 => Ok(None),
            _ => {
                self.left -= 1;
                seed.deserialize(self.part).map(Some)
            }
        }
    }
}

/// A struct none of whose fields was sent.
struct ZeroFields {
    part: Zero,
    names: &'static [&'static str],
}

impl<'m> MapAccess<'m> for ZeroFields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'m>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, rest)) = self.names.split_first() else { return Ok(None) };
        self.names = rest;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.part)
    }
}
