//! Lists and maps: as many parts as were announced, and no memory on the word of that.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Reading;
use super::value::Value;
use crate::walk::too_long;
use crate::{Error, TypeId, TypeRef};

/// The elements of a slice or an array, or the parts of a complex number.
pub(super) struct List<'r, 'm> {
    pub(super) reading: &'r mut Reading<'m>,
    pub(super) elem: (TypeId, TypeRef),
    pub(super) left: u64,
}

pub(super) fn read<'m, V: Visitor<'m>>(mut list: List<'_, 'm>, visitor: V) -> Result<V::Value, Error> {
    list.reading.open()?;
    list.reading.name.lists += 1;
    let value = visitor.visit_seq(&mut list)?;
    if list.left > 0 {
        return Err(list.reading.unread(list.left));
    }
    list.reading.name.lists -= 1;
    list.reading.close();
    Ok(value)
}

impl<'m> SeqAccess<'m> for List<'_, 'm> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.reading.cursor.remaining() == 0 {
            return Err(too_long(&self.reading.cursor, self.left));
        }
        self.left -= 1;
        let (id, ty) = self.elem;
        seed.deserialize(Value { reading: self.reading, id, ty }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reading.cursor.remaining() as u64) as usize)
    }
}

/// Bytes for a type that wants them one by one.
pub(super) struct ByteList<'m>(std::slice::Iter<'m, u8>);

impl<'m> ByteList<'m> {
    pub(super) fn new(bytes: &'m [u8]) -> Self {
        ByteList(bytes.iter())
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }
}

impl<'m> SeqAccess<'m> for ByteList<'m> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(byte) = self.0.next() else { return Ok(None) };
        seed.deserialize(Byte(*byte)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A byte, and also for types that wrap one.
struct Byte(u8);

impl<'m> Deserializer<'m> for Byte {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_any<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u8(self.0)
    }

    fn deserialize_option<V: Visitor<'m>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'m>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        <W: Visitor<'m>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The keys and values of a map.
pub(super) struct Pairs<'r, 'm> {
    pub(super) reading: &'r mut Reading<'m>,
    pub(super) key: (TypeId, TypeRef),
    pub(super) elem: (TypeId, TypeRef),
    pub(super) left: u64,
}

pub(super) fn read_pairs<'m, V: Visitor<'m>>(
    mut pairs: Pairs<'_, 'm>,
    visitor: V,
) -> Result<V::Value, Error> {
    pairs.reading.open()?;
    let value = visitor.visit_map(&mut pairs)?;
    if pairs.left > 0 {
        return Err(pairs.reading.unread(pairs.left));
    }
    pairs.reading.close();
    Ok(value)
}

impl<'m> MapAccess<'m> for Pairs<'_, 'm> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'m>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.reading.cursor.any_left()?;
        self.left -= 1;
        let (id, ty) = self.key;
        seed.deserialize(Value { reading: self.reading, id, ty }).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let (id, ty) = self.elem;
        seed.deserialize(Value { reading: self.reading, id, ty })
    }

    fn size_hint(&self) -> Option<usize> {
        // A pair takes two bytes at least.
        Some(self.left.min(self.reading.cursor.remaining() as u64 / 2) as usize)
    }
}
