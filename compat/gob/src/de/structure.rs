//! Structs: the fields that were sent, and zeros for the others that the type has.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, MapAccess};

use super::promoted::field_type;
use super::value::Value;
use super::zero::Zero;
use super::{Name, PLAIN, Reading};
use crate::received::skip;
use crate::types::Fields;
use crate::{Error, FieldType, TypeId, TypeRef};

pub(super) struct StructFields<'r, 'm> {
    reading: &'r mut Reading<'m>,
    ty: TypeRef,
    /// As it is sent.
    fields: &'m [FieldType],
    numbers: Fields,
    ended: bool,
    /// As the type has it; `None` if it takes whatever comes.
    names: Option<&'static [&'static str]>,
    /// The name that will most likely come next, and later the one that may be missing.
    next: usize,
    /// Whether both have the same names in the same order.
    aligned: bool,
    met: Met,
    /// Type of the value whose name was given last; `None` if it was not sent.
    value: Option<TypeId>,
}

/// Which names were met.
struct Met {
    low: u64,
    high: Vec<bool>,
}

impl Met {
    #[inline]
    fn new(count: usize) -> Met {
        Met { low: 0, high: if count > 64 { vec![false; count - 64] } else { Vec::new() } }
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        if at < 64 { self.low >> at & 1 != 0 } else { self.high[at - 64] }
    }

    #[inline]
    fn add(&mut self, at: usize) {
        if at < 64 { self.low |= 1 << at } else { self.high[at - 64] = true }
    }
}

/// Structs whose fields are sent as the type has them. Elements of lists are many, and their names are compared once.
#[derive(Default)]
pub(super) struct Aligned([(usize, usize); SLOTS]);

const SLOTS: usize = 8;

impl Aligned {
    #[inline]
    fn has(&mut self, fields: &[FieldType], names: &[&str]) -> bool {
        if fields.len() != names.len() {
            return false;
        }
        // Both stay where they are as long as a value is read.
        let pair = (fields.as_ptr() as usize, names.as_ptr() as usize);
        let slot = &mut self.0[(pair.0 >> 4) % SLOTS];
        *slot == pair || {
            let same = fields.iter().zip(names).all(|(field, name)| *field.name == **name);
            if same {
                *slot = pair;
            }
            same
        }
    }
}

impl<'r, 'm> StructFields<'r, 'm> {
    #[inline]
    pub(super) fn new(
        reading: &'r mut Reading<'m>,
        ty: TypeRef,
        fields: &'m [FieldType],
        names: Option<&'static [&'static str]>,
    ) -> Self {
        let aligned = names.is_some_and(|names| reading.aligned.has(fields, names));
        StructFields {
            reading,
            ty,
            fields,
            numbers: Fields::default(),
            ended: false,
            names,
            next: 0,
            aligned,
            met: Met::new(names.map_or(0, <[_]>::len)),
            value: None,
        }
    }

    /// The next field that was sent and that the type has, by the type's own name for it if it has one.
    #[inline]
    fn next_sent(&mut self) -> Result<Option<&'m str>, Error> {
        while let Some(number) = self.numbers.next(&mut self.reading.cursor, self.fields.len())? {
            let field = &self.fields[number];
            let name = match self.names {
                None => &*field.name,
                Some(names) if self.aligned => {
                    self.met.add(number);
                    names[number]
                }
                Some(names) => match find(names, self.next, &field.name) {
                    // A definition may have a name twice. To serde the second one would be an error.
                    Some(at) if !self.met.has(at) => {
                        self.met.add(at);
                        self.next = at + 1;
                        names[at]
                    }
                    _ => {
                        skip(self.reading.types, field.id, &mut self.reading.cursor)?;
                        continue;
                    }
                },
            };
            self.value = Some(field.id);
            self.reading.name = Name { field: Some(&field.name), lists: 0 };
            return Ok(Some(name));
        }
        self.ended = true;
        self.next = 0;
        self.value = None;
        Ok(None)
    }

    /// The next name that the type has, and that was not sent.
    #[inline]
    fn next_missing(&mut self) -> Option<&'static str> {
        let names = self.names?;
        while self.next < names.len() {
            self.next += 1;
            if !self.met.has(self.next - 1) {
                return Some(names[self.next - 1]);
            }
        }
        None
    }

    /// Passes over what nobody asked for.
    #[inline]
    pub(super) fn finish(mut self) -> Result<(), Error> {
        while !self.ended {
            if let Some(id) = self.value.take() {
                skip(self.reading.types, id, &mut self.reading.cursor)?;
            }
            self.next_sent()?;
        }
        Ok(())
    }
}

/// Fields mostly come in the order in which the type has them.
#[inline]
fn find(names: &[&str], next: usize, name: &str) -> Option<usize> {
    match names.get(next) {
        Some(likely) if *likely == name => Some(next),
        _ => names.iter().position(|known| *known == name),
    }
}

impl<'m> MapAccess<'m> for StructFields<'_, 'm> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'m>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let mut name = None;
        if !self.ended {
            name = self.next_sent()?;
        }
        match name.or_else(|| self.next_missing()) {
            None => Ok(None),
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
        }
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<T::Value, Error> {
        match self.value.take() {
            Some(id) => {
                let ty = match self.reading.name.field {
                    Some(name) if self.ty != PLAIN => field_type(self.reading.schema, self.ty, name),
                    _ => PLAIN,
                };
                seed.deserialize(Value { reading: self.reading, id, ty })
            }
            None => seed.deserialize(Zero::new()),
        }
    }
}
