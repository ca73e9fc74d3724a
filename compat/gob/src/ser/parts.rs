//! Containers: lists and arrays, maps, structs.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::place::Place;
use super::{BYTE, COMPLEX_PART, Writing};
use crate::wire::Cursor;
use crate::{Error, ErrorKind, FieldInfo, Kind, TypeRef};

/// A slice, an array, bytes one by one, or the two parts of a complex number.
pub(super) struct List<'w, 'a, 'e> {
    writing: &'w mut Writing<'a, 'e>,
    /// How many parts may still come.
    left: usize,
    end: End,
    elem: TypeRef,
}

/// What to do at the end of a list or a map.
enum End {
    /// Nothing may be left.
    Exact,
    /// Nothing came, and so nothing is sent.
    LeftOut,
    /// How many parts came is put down there: they were counted down from the largest number.
    Counted(usize),
    /// A complex field began there, which is left out if both its parts are zero.
    Complex(usize),
}

/// The length that is written, how many parts may come, and what to do at the end.
#[inline(always)]
fn length(writing: &mut Writing<'_, '_>, len: Option<usize>) -> (usize, usize, End) {
    match len {
        Some(len) => (len, len, End::Exact),
        None => match writing.count() {
            (len, _) if writing.counts.known => (len, len, End::Exact),
            (_, at) => (0, usize::MAX, End::Counted(at)),
        },
    }
}

#[inline(always)]
fn take(left: &mut usize) -> Result<(), Error> {
    match left.checked_sub(1) {
        None => Err(wrong_count()),
        Some(less) => {
            *left = less;
            Ok(())
        }
    }
}

#[inline(always)]
fn finish(writing: &mut Writing<'_, '_>, left: usize, end: End) -> Result<(), Error> {
    writing.close();
    match end {
        End::Counted(at) => {
            writing.counts.list[at] = usize::MAX - left;
            Ok(())
        }
        _ if left > 0 => Err(wrong_count()),
        End::Exact => Ok(()),
        End::LeftOut => {
            writing.left_out = true;
            Ok(())
        }
        End::Complex(before) => {
            let mut parts = Cursor::new(&writing.body[before..]);
            parts.uint()?; // the field's number
            if parts.float()? == 0.0 && parts.float()? == 0.0 {
                writing.body.truncate(before);
                writing.left_out = true;
            }
            Ok(())
        }
    }
}

#[cold]
fn wrong_count() -> Error {
    Error::new(ErrorKind::Custom, "gob: a list or map has not as many parts as it has said")
}

impl<'w, 'a, 'e> List<'w, 'a, 'e> {
    // Always inline: what is returned in registers costs less than what goes through memory.
    #[inline(always)]
    pub(super) fn begin(mut place: Place<'w, 'a, 'e>, len: Option<usize>) -> Result<Self, Error> {
        let elem = match place.kind() {
            Kind::Slice(elem) => *elem,
            Kind::Bytes => BYTE,
            _ => return List::begin_fixed(place, len),
        };
        place.writing.open()?;
        let (len, left, mut end) = length(place.writing, len);
        if place.is_field() && len == 0 {
            if left == 0 {
                end = End::LeftOut;
            }
        } else {
            place.put(len as u64);
        }
        Ok(List { writing: place.writing, left, end, elem })
    }

    /// Types that say themselves how many parts they have.
    fn begin_fixed(mut place: Place<'w, 'a, 'e>, len: Option<usize>) -> Result<Self, Error> {
        match place.kind() {
            Kind::Array(count, elem) if len.is_none_or(|len| len as u64 == *count) => {
                place.writing.open()?;
                place.put(*count);
                let left = *count as usize;
                Ok(List { writing: place.writing, left, end: End::Exact, elem: *elem })
            }
            Kind::Array(..) => Err(place.writing.misfit("list of another length", place.ty())),
            Kind::Complex(_) if len == Some(2) => {
                place.writing.open()?;
                let before = place.writing.body.len();
                let end = if place.is_field() { End::Complex(before) } else { End::Exact };
                place.start();
                Ok(List { writing: place.writing, left: 2, end, elem: COMPLEX_PART })
            }
            _ => Err(place.writing.misfit("list", place.ty())),
        }
    }

    #[inline(always)]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        take(&mut self.left)?;
        value.serialize(Place::new(self.writing, self.elem))
    }

    #[inline(always)]
    fn finish(self) -> Result<(), Error> {
        finish(self.writing, self.left, self.end)
    }
}

/// A map.
pub(super) struct Pairs<'w, 'a, 'e> {
    writing: &'w mut Writing<'a, 'e>,
    left: usize,
    end: End,
    key: TypeRef,
    elem: TypeRef,
}

impl<'w, 'a, 'e> Pairs<'w, 'a, 'e> {
    pub(super) fn begin(
        mut place: Place<'w, 'a, 'e>,
        key: TypeRef,
        elem: TypeRef,
        len: Option<usize>,
    ) -> Result<Self, Error> {
        place.writing.open()?;
        let (len, left, end) = length(place.writing, len);
        place.put(len as u64);
        Ok(Pairs { writing: place.writing, left, end, key, elem })
    }
}

impl SerializeMap for Pairs<'_, '_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        take(&mut self.left)?;
        key.serialize(Place::new(self.writing, self.key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Place::new(self.writing, self.elem))
    }

    fn end(self) -> Result<(), Error> {
        finish(self.writing, self.left, self.end)
    }
}

/// A struct.
pub(super) struct StructFields<'w, 'a, 'e> {
    writing: &'w mut Writing<'a, 'e>,
    fields: &'a [FieldInfo],
    /// The fields that may still come; the first of them most likely comes next.
    rest: &'a [FieldInfo],
    /// The distance from the field that was sent last to the first of these.
    delta: u32,
}

impl<'w, 'a, 'e> StructFields<'w, 'a, 'e> {
    #[inline(always)]
    pub(super) fn begin(mut place: Place<'w, 'a, 'e>, fields: &'a [FieldInfo]) -> Result<Self, Error> {
        place.writing.open()?;
        place.start();
        Ok(StructFields { writing: place.writing, fields, rest: fields, delta: 1 })
    }

    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let field = match self.rest.split_first() {
            Some((field, rest)) if field.name.is(name) => {
                self.rest = rest;
                field
            }
            _ => {
                // By value, or all of `self` would have to be in memory for it.
                let at = find(self.fields, self.rest.len(), self.delta, name)?;
                self.delta = (self.delta as usize + at + self.rest.len() - self.fields.len()) as u32;
                self.rest = &self.fields[at + 1..];
                &self.fields[at]
            }
        };
        value.serialize(Place::field(self.writing, field.ty, self.delta))?;
        self.delta = if self.writing.left_out { self.delta + 1 } else { 1 };
        self.writing.left_out = false;
        Ok(())
    }

    #[inline(always)]
    fn finish(self) -> Result<(), Error> {
        self.writing.body.push(0);
        self.writing.close();
        Ok(())
    }
}

/// A field that is not the one that was expected: others may have been skipped, but not sent.
#[cold]
#[inline(never)]
fn find(fields: &[FieldInfo], rest: usize, delta: u32, name: &str) -> Result<usize, Error> {
    let wrong = |what: &str| {
        let text = format!("gob: field {name} {what} of the type; Serialize and Gob must agree");
        Err(Error::new(ErrorKind::TypeMismatch, text))
    };
    // The first one that may still come. Those that were left out since the last one that was sent may come too.
    let after = fields.len() - rest + 1 - delta as usize;
    match fields.iter().position(|field| *field.name == *name) {
        None => wrong("is not in the description"),
        Some(at) if at < after => wrong("comes too late for its place in the description"),
        Some(at) => Ok(at),
    }
}

impl SerializeStruct for StructFields<'_, '_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    #[inline(always)]
    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeStructVariant for StructFields<'_, '_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

/// The ways in which serde says that a list's part comes.
macro_rules! lists {
    ($($way:ident $part:ident)*) => {$(
        impl $way for List<'_, '_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn $part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.part(value)
            }

            #[inline(always)]
            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}
