//! Values of interfaces: an enum's variant has the name that the value's type is registered under.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, MapAccess, VariantAccess, Visitor};

use super::fits::fits;
use super::value::Value;
use super::{PLAIN, Reading};
use crate::received::{concrete_id, interface_id};
use crate::walk::interface_name;
use crate::{Error, ErrorKind, TypeId, TypeRef};

/// A value that is not nil.
pub(super) struct Interface<'r, 'm> {
    reading: &'r mut Reading<'m>,
    id: TypeId,
    ty: TypeRef,
    name: &'m str,
}

impl<'r, 'm> Interface<'r, 'm> {
    /// Reads the name; `None` is nil.
    pub(super) fn begin(reading: &'r mut Reading<'m>) -> Result<Option<Self>, Error> {
        let name = interface_name(&mut reading.cursor)?;
        match std::str::from_utf8(name) {
            Ok("") => Ok(None),
            Ok(name) => Ok(Some(Interface { reading, id: TypeId(0), ty: PLAIN, name })),
            Err(_) => Err(not_registered(reading, &String::from_utf8_lossy(name))),
        }
    }

    /// Reads the value as one of the variants.
    pub(super) fn read<V: Visitor<'m>>(
        mut self,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !variants.contains(&self.name) {
            return Err(not_registered(self.reading, self.name));
        }
        let Reading { types, cursor, schema, .. } = &mut *self.reading;
        match schema.and_then(|schema| Some((schema, schema.registered(self.name)?))) {
            Some((schema, ty)) => {
                self.id = interface_id(cursor)?;
                self.ty = fits(types, schema, ty, self.id).map_err(|error| error.or_at(cursor.offset()))?;
            }
            None => self.id = concrete_id(types, cursor)?,
        }
        visitor.visit_enum(self)
    }

    /// The value itself.
    fn value<T: DeserializeSeed<'m>>(self, seed: T) -> Result<T::Value, Error> {
        let Interface { reading, id, ty, .. } = self;
        if !reading.types.is_struct(id) {
            reading.cursor.singleton()?;
        }
        reading.open()?;
        let value = seed.deserialize(Value { reading, id, ty })?;
        reading.close();
        Ok(value)
    }

    #[cold]
    fn not_one_value(&self) -> Error {
        let text = format!(
            "gob: the variant {} has to hold one value, of the type that is registered so",
            self.name
        );
        self.reading.cursor.error(ErrorKind::TypeMismatch, text)
    }
}

#[cold]
fn not_registered(reading: &Reading<'_>, name: &str) -> Error {
    let text = format!("gob: name not registered for interface: {name:?}");
    reading.cursor.error(ErrorKind::NotRegistered, text)
}

impl<'m> EnumAccess<'m> for Interface<'_, 'm> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'m>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = seed.deserialize(BorrowedStrDeserializer::<Error>::new(self.name))?;
        Ok((variant, self))
    }
}

impl<'m> VariantAccess<'m> for Interface<'_, 'm> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.value(std::marker::PhantomData::<serde::de::IgnoredAny>).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'m>>(self, seed: T) -> Result<T::Value, Error> {
        self.value(seed)
    }

    fn tuple_variant<V: Visitor<'m>>(self, _len: usize, _visitor: V) -> Result<V::Value, Error> {
        Err(self.not_one_value())
    }

    fn struct_variant<V: Visitor<'m>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        Err(self.not_one_value())
    }
}

/// A value of an interface for a type that takes anything: a map with the name as its one key.
pub(super) struct NamedValue<'r, 'm> {
    interface: Option<Interface<'r, 'm>>,
    named: bool,
}

impl<'r, 'm> NamedValue<'r, 'm> {
    pub(super) fn new(interface: Interface<'r, 'm>) -> Self {
        NamedValue { interface: Some(interface), named: false }
    }

    pub(super) fn read<V: Visitor<'m>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if let Some(interface) = &mut self.interface {
            interface.id = concrete_id(interface.reading.types, &mut interface.reading.cursor)?;
        }
        let value = visitor.visit_map(&mut self)?;
        match self.interface {
            None => Ok(value),
            Some(interface) => Err(interface.reading.unread(1)),
        }
    }
}

impl<'m> MapAccess<'m> for NamedValue<'_, 'm> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'m>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match &self.interface {
            Some(interface) if !self.named => {
                self.named = true;
                seed.deserialize(BorrowedStrDeserializer::new(interface.name)).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'m>>(&mut self, seed: T) -> Result<T::Value, Error> {
        match self.interface.take() {
            Some(interface) => interface.value(seed),
            None => Err(serde::de::Error::custom("gob: an interface has one value")),
        }
    }
}
