//! Where one value goes: a field, which is left out if it is zero, or any other place, where nothing is.

use serde::ser::{Error as _, Serialize, Serializer};

use super::parts::{List, Pairs, StructFields};
use super::{BYTE, COMPLEX_PART, Writing};
use crate::opaque::ZERO;
use crate::schema::GoType;
use crate::wire::{put_field, put_uint, reversed, signed};
use crate::{Error, ErrorKind, Kind, TypeRef};

pub(super) struct Place<'w, 'a, 'e> {
    pub(super) writing: &'w mut Writing<'a, 'e>,
    spot: Spot,
}

/// A type, and for fields the distance from the field that was sent before; otherwise 0.
///
/// As one number, and so a [`Place`] is passed on in two registers.
#[derive(Clone, Copy)]
struct Spot(u64);

impl<'w, 'a, 'e> Place<'w, 'a, 'e> {
    /// A place where everything is sent.
    #[inline(always)]
    pub(super) fn new(writing: &'w mut Writing<'a, 'e>, ty: TypeRef) -> Self {
        Place { writing, spot: Spot(u64::from(ty.0)) }
    }

    /// A field.
    #[inline(always)]
    pub(super) fn field(writing: &'w mut Writing<'a, 'e>, ty: TypeRef, delta: u32) -> Self {
        Place { writing, spot: Spot(u64::from(delta) << 32 | u64::from(ty.0)) }
    }

    #[inline(always)]
    pub(super) fn ty(&self) -> TypeRef {
        TypeRef(self.spot.0 as u32)
    }

    #[inline(always)]
    fn delta(&self) -> u64 {
        self.spot.0 >> 32
    }

    /// The kind behind all pointers.
    #[inline(always)]
    pub(super) fn kind(&self) -> &'a Kind {
        match self.writing.types.get(self.ty().0 as usize) {
            Some(GoType { kind: Kind::Pointer(_), .. }) => self.base(),
            Some(it) => &it.kind,
            None if self.ty() == COMPLEX_PART => &Kind::Float(64),
            None => &Kind::Unsendable,
        }
    }

    fn base(&self) -> &'a Kind {
        let schema = self.writing.schema;
        schema.base(self.ty()).map_or(&Kind::Unsendable, |base| schema.kind(base))
    }

    #[inline(always)]
    pub(super) fn is_field(&self) -> bool {
        self.delta() != 0
    }

    /// Begins a value that is not left out.
    #[inline(always)]
    pub(super) fn start(&mut self) -> &mut Vec<u8> {
        let delta = self.delta();
        let body = &mut self.writing.body;
        if delta != 0 {
            put_uint(body, delta);
        }
        body
    }

    /// A field that is zero.
    #[inline(always)]
    fn leave_out(self) -> Result<(), Error> {
        self.writing.left_out = true;
        Ok(())
    }

    /// Begins a value that is not left out, with a number.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u64) {
        match self.delta() {
            0 => put_uint(&mut self.writing.body, value),
            delta => put_field(&mut self.writing.body, delta, value),
        }
    }

    #[cold]
    fn misfit(&self, what: &str) -> Error {
        self.writing.misfit(what, self.ty())
    }

    #[inline(always)]
    fn int(mut self, value: i64) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::Int(_)) {
            return Err(self.misfit("signed integer"));
        }
        if self.is_field() && value == 0 {
            return self.leave_out();
        }
        self.put(signed(value));
        Ok(())
    }

    #[inline(always)]
    fn uint(mut self, value: u64) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::Uint(_)) {
            return Err(self.misfit("unsigned integer"));
        }
        if self.is_field() && value == 0 {
            return self.leave_out();
        }
        self.put(value);
        Ok(())
    }

    #[cold]
    fn no_enums(&self, variant: &str) -> Error {
        let text = format!("gob: {variant} is a variant that holds no single value, which nothing in Go is");
        Error::new(ErrorKind::Unsendable, text)
    }
}

impl<'w, 'a, 'e> Serializer for Place<'w, 'a, 'e> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'w, 'a, 'e>;
    type SerializeTuple = List<'w, 'a, 'e>;
    type SerializeTupleStruct = List<'w, 'a, 'e>;
    type SerializeTupleVariant = List<'w, 'a, 'e>;
    type SerializeMap = Pairs<'w, 'a, 'e>;
    type SerializeStruct = StructFields<'w, 'a, 'e>;
    type SerializeStructVariant = StructFields<'w, 'a, 'e>;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline(always)]
    fn serialize_bool(mut self, value: bool) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::Bool) {
            return Err(self.misfit("bool"));
        }
        if self.is_field() && !value {
            return self.leave_out();
        }
        self.put(u64::from(value));
        Ok(())
    }

    #[inline(always)]
    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.int(i64::from(value))
    }

    #[inline(always)]
    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.int(i64::from(value))
    }

    #[inline(always)]
    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.int(i64::from(value))
    }

    #[inline(always)]
    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.int(value)
    }

    #[inline(always)]
    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        if self.ty() == BYTE {
            self.writing.body.push(value);
            return Ok(());
        }
        self.uint(u64::from(value))
    }

    #[inline(always)]
    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.uint(u64::from(value))
    }

    #[inline(always)]
    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.uint(u64::from(value))
    }

    #[inline(always)]
    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.uint(value)
    }

    #[inline(always)]
    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(f64::from(value))
    }

    #[inline(always)]
    fn serialize_f64(mut self, value: f64) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::Float(_)) {
            return Err(self.misfit("float"));
        }
        if self.is_field() && value == 0.0 {
            return self.leave_out();
        }
        self.put(reversed(value));
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline(always)]
    fn serialize_str(mut self, value: &str) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::String) {
            return Err(self.misfit("string"));
        }
        if self.is_field() && value.is_empty() {
            return self.leave_out();
        }
        self.put(value.len() as u64);
        self.writing.body.extend_from_slice(value.as_bytes());
        Ok(())
    }

    #[inline(always)]
    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), Error> {
        match self.kind() {
            Kind::Bytes | Kind::String if self.is_field() && value.is_empty() => return self.leave_out(),
            Kind::Bytes | Kind::String | Kind::Opaque(_) => {}
            // An array of numbers, which are sent one by one.
            Kind::Array(..) => return self.collect_seq(value),
            _ => return Err(self.misfit("byte string")),
        }
        self.put(value.len() as u64);
        self.writing.body.extend_from_slice(value);
        Ok(())
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<(), Error> {
        if self.is_field() {
            return self.leave_out();
        }
        if matches!(self.kind(), Kind::Interface) {
            self.writing.body.push(0);
            return Ok(());
        }
        let text = match self.writing.depth {
            0 => format!("gob: cannot encode nil pointer of type {}", self.writing.schema.spell(self.ty())),
            _ => "gob: encodeArray: nil element".to_owned(),
        };
        Err(Error::new(ErrorKind::Unsendable, text))
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        let ty = match self.writing.types.get(self.ty().0 as usize) {
            Some(GoType { kind: Kind::Pointer(elem), .. }) => *elem,
            _ => self.ty(),
        };
        let delta = self.delta() as u32;
        value.serialize(Place::field(self.writing, ty, delta))
    }

    fn serialize_unit(mut self) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::Struct(_)) {
            return Err(self.misfit("unit"));
        }
        self.start().push(0);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        Err(self.no_enums(variant))
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if self.is_field() && name == ZERO {
            return self.leave_out();
        }
        value.serialize(self)
    }

    /// An interface's value; the variant is the name its type is registered under.
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if !matches!(self.kind(), Kind::Interface) {
            return Err(self.misfit("variant of an enum"));
        }
        self.start();
        let Writing { body, message, schema, .. } = &mut *self.writing;
        let Some(ty) = schema.registered(variant) else {
            let text = format!("gob: type not registered for interface: {variant}");
            return Err(Error::new(ErrorKind::NotRegistered, text));
        };
        std::mem::swap(body, &mut message.body);
        message.begin_interface(schema, ty, variant.as_bytes());
        std::mem::swap(body, &mut message.body);
        self.writing.open()?;
        value.serialize(Place::new(self.writing, ty))?;
        self.writing.close();
        let Writing { body, message, .. } = self.writing;
        std::mem::swap(body, &mut message.body);
        message.end_interface();
        std::mem::swap(body, &mut message.body);
        Ok(())
    }

    #[inline(always)]
    fn serialize_seq(self, len: Option<usize>) -> Result<List<'w, 'a, 'e>, Error> {
        List::begin(self, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'w, 'a, 'e>, Error> {
        List::begin(self, Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<List<'w, 'a, 'e>, Error> {
        List::begin(self, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<List<'w, 'a, 'e>, Error> {
        Err(self.no_enums(variant))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Pairs<'w, 'a, 'e>, Error> {
        match self.kind() {
            Kind::Map(key, elem) => Pairs::begin(self, *key, *elem, len),
            _ => Err(self.misfit("map")),
        }
    }

    #[inline(always)]
    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<StructFields<'w, 'a, 'e>, Error> {
        match self.kind() {
            Kind::Struct(fields) => StructFields::begin(self, &fields.sent),
            _ => Err(self.misfit("struct")),
        }
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<StructFields<'w, 'a, 'e>, Error> {
        Err(self.no_enums(variant))
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.serialize_str(&value.to_string())
    }

    fn serialize_i128(self, _value: i128) -> Result<(), Error> {
        Err(Error::custom("gob: Go has no integers of 128 bits"))
    }

    fn serialize_u128(self, _value: u128) -> Result<(), Error> {
        Err(Error::custom("gob: Go has no integers of 128 bits"))
    }
}
