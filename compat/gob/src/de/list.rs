//! Lists and maps: as many parts as were announced, and no memory on the word of that.

use serde::de::value::U8Deserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::Reading;
use super::value::Value;
use crate::walk::too_long;
use crate::{Error, TypeId};

/// The elements of a slice or an array, or the parts of a complex number.
pub(super) struct List<'r, 'm> {
    pub(super) reading: &'r mut Reading<'m>,
    pub(super) elem: TypeId,
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
        seed.deserialize(Value { reading: self.reading, id: self.elem }).map(Some)
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
        let byte: U8Deserializer<Error> = byte.into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The keys and values of a map.
pub(super) struct Pairs<'r, 'm> {
    pub(super) reading: &'r mut Reading<'m>,
    pub(super) key: TypeId,
    pub(super) elem: TypeId,
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
        seed.deserialize(Value { reading: self.reading, id: self.key }).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Value { reading: self.reading, id: self.elem })
    }

    fn size_hint(&self) -> Option<usize> {
        // A pair takes two bytes at least.
        Some(self.left.min(self.reading.cursor.remaining() as u64 / 2) as usize)
    }
}
