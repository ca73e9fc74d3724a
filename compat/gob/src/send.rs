//! Writes a [`Value`] as a type of a schema.

use std::collections::HashSet;

use crate::encoder::Message;
use crate::schema::{Fields, Kind, Schema, TypeRef};
use crate::value::{Part, Parts, Value, View};
use crate::wire::{put_bytes, put_float, put_int, put_uint};
use crate::{Encoder, Error, ErrorKind};

impl Encoder {
    /// Appends a value as a type of a schema, behind the definitions that the stream lacks.
    ///
    /// What the value lacks is zero. Where it does not fit the type, or Go refuses to send it, that is an error, and
    /// the stream is as if nothing had been tried.
    pub fn value(
        &mut self,
        schema: &Schema,
        ty: TypeRef,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if let Some(text) = unsendable(schema, ty) {
            return Err(Error::new(ErrorKind::Unsendable, text));
        }
        let part = value.root();
        if part.view() == View::Nil && !may_be_nil(schema, ty) {
            let text = format!("gob: cannot encode nil pointer of type {}", schema.spell(ty));
            return Err(Error::new(ErrorKind::Unsendable, text));
        }
        self.write(schema, ty, out, |message| {
            Machine { schema, message, open: Vec::new(), sendable: HashSet::new() }.run(ty, part)
        })
    }
}

/// Why Go refuses a type, whatever its value.
fn unsendable(schema: &Schema, ty: TypeRef) -> Option<String> {
    let (mut seen, mut met) = (vec![ty], HashSet::from([ty]));
    let mut next = 0;
    while let Some(ty) = seen.get(next).copied() {
        next += 1;
        let mut part = |ty: TypeRef| {
            if met.insert(ty) {
                seen.push(ty);
            }
        };
        let Some(base) = schema.base(ty) else {
            return Some(format!("gob: can't represent recursive pointer type {}", schema.spell(ty)));
        };
        match schema.kind(base) {
            Kind::Unsendable => {
                return Some(format!("gob NewTypeObject can't handle type: {}", schema.spell(base)));
            }
            Kind::Struct(fields) => {
                if fields.sent.is_empty() && (fields.hidden || !fields.unsendable.is_empty()) {
                    return Some(format!("gob: type {} has no exported fields", schema.spell(base)));
                }
                fields.sent.iter().for_each(|field| part(field.ty));
            }
            Kind::Slice(elem) | Kind::Array(_, elem) => part(*elem),
            Kind::Map(key, elem) => {
                part(*key);
                part(*elem);
            }
            _ => {}
        }
    }
    None
}

/// Writes one value. Containers wait on a stack of its own.
struct Machine<'s, 'e, 'v> {
    schema: &'s Schema,
    message: &'s mut Message<'e>,
    open: Vec<Open<'s, 'v>>,
    /// Types of interface values that have been looked at.
    sendable: HashSet<TypeRef>,
}

/// A container that is being written. Without parts it is zero.
enum Open<'s, 'v> {
    Struct {
        fields: &'s Fields,
        value: Option<Part<'v>>,
        rest: Option<Parts<'v>>,
        number: usize,
        last: usize,
    },
    Elements {
        elem: TypeRef,
        parts: Option<Parts<'v>>,
        left: u64,
    },
    Pairs {
        key: TypeRef,
        elem: TypeRef,
        parts: Parts<'v>,
        at_key: bool,
    },
    Interface,
}

impl<'s, 'v> Machine<'s, '_, 'v> {
    fn run(mut self, ty: TypeRef, part: Part<'v>) -> Result<(), Error> {
        self.value(ty, Some(part))?;
        while let Some(container) = self.open.last_mut() {
            let next = match container {
                Open::Struct { fields, value, rest, number, last } => match fields.sent.get(*number) {
                    None => {
                        self.message.body.push(0);
                        None
                    }
                    Some(field) => {
                        let found = next_field(value, rest, &field.name);
                        let at = *number;
                        *number += 1;
                        if !is_sent(self.schema, field.ty, found) {
                            continue;
                        }
                        put_uint(&mut self.message.body, (at + 1 - *last) as u64);
                        *last = at + 1;
                        Some((field.ty, found))
                    }
                },
                Open::Elements { elem, parts, left } => match *left {
                    0 => None,
                    _ => {
                        *left -= 1;
                        Some((*elem, parts.as_mut().and_then(Iterator::next)))
                    }
                },
                Open::Pairs { key, elem, parts, at_key } => {
                    let ty = if *at_key { *key } else { *elem };
                    *at_key = !*at_key;
                    parts.next().map(|part| (ty, Some(part)))
                }
                Open::Interface => {
                    self.message.end_interface();
                    None
                }
            };
            match next {
                Some((ty, part)) => self.value(ty, part)?,
                None => _ = self.open.pop(),
            }
        }
        Ok(())
    }

    /// Writes a simple value, or opens a container; `None` is zero.
    fn value(&mut self, ty: TypeRef, part: Option<Part<'v>>) -> Result<(), Error> {
        let schema = self.schema;
        let base = schema.base(ty).unwrap_or(ty);
        let view = part.map(Part::view);
        if base != ty && matches!(view, None | Some(View::Nil)) && !may_be_nil(schema, ty) {
            return Err(Error::new(ErrorKind::Unsendable, "gob: encodeArray: nil element"));
        }
        let body = &mut self.message.body;
        match (schema.kind(base), view) {
            (Kind::Bool, None) => body.push(0),
            (Kind::Bool, Some(View::Bool(it))) => body.push(u8::from(it)),
            (Kind::Int(_), None) => body.push(0),
            (Kind::Int(width), Some(View::Int(it))) => {
                let bits = width.bits();
                if bits < 64 && it >> (bits - 1) != it >> 63 {
                    return Err(self.misfit(base, part));
                }
                put_int(body, it);
            }
            (Kind::Uint(_), None) => body.push(0),
            (Kind::Uint(width), Some(View::Uint(it))) => {
                let bits = width.bits();
                if bits < 64 && it >> bits != 0 {
                    return Err(self.misfit(base, part));
                }
                put_uint(body, it);
            }
            (Kind::Float(_), None) => body.push(0),
            (Kind::Float(bits), Some(View::Float(it))) => {
                if !float_fits(*bits, it) {
                    return Err(self.misfit(base, part));
                }
                put_float(body, it);
            }
            (Kind::Complex(_), None) => body.extend_from_slice(&[0, 0]),
            (Kind::Complex(bits), Some(View::Complex(real, imaginary))) => {
                if !float_fits(*bits / 2, real) || !float_fits(*bits / 2, imaginary) {
                    return Err(self.misfit(base, part));
                }
                put_float(body, real);
                put_float(body, imaginary);
            }
            (Kind::String, None) | (Kind::Bytes, None) => body.push(0),
            (Kind::String, Some(View::String(it)))
            | (Kind::Bytes, Some(View::Bytes(it)))
            | (Kind::Opaque(_), Some(View::Opaque(it))) => put_bytes(body, it),
            (Kind::Slice(_), None) | (Kind::Map(..), None | Some(View::Nil)) => body.push(0),
            (Kind::Slice(elem), Some(View::List(parts))) => {
                let left = parts.count() as u64;
                put_uint(body, left);
                self.open.push(Open::Elements { elem: *elem, parts: Some(parts), left });
            }
            (Kind::Array(len, elem), None) => {
                put_uint(body, *len);
                self.open.push(Open::Elements { elem: *elem, parts: None, left: *len });
            }
            (Kind::Array(len, elem), Some(View::List(parts))) => {
                if parts.count() as u64 != *len {
                    return Err(self.misfit(base, part));
                }
                put_uint(body, *len);
                self.open.push(Open::Elements { elem: *elem, parts: Some(parts), left: *len });
            }
            (Kind::Map(key, elem), Some(View::Map(parts))) => {
                put_uint(body, parts.count() as u64 / 2);
                self.open.push(Open::Pairs { key: *key, elem: *elem, parts, at_key: true });
            }
            (Kind::Struct(fields), None | Some(View::Struct(_))) => {
                let rest = match view {
                    Some(View::Struct(parts)) => Some(parts),
                    _ => None,
                };
                self.open.push(Open::Struct { fields, value: part, rest, number: 0, last: 0 });
            }
            (Kind::Interface, None | Some(View::Nil)) => body.push(0),
            (Kind::Interface, Some(View::Interface { name, value, .. })) => {
                let text = String::from_utf8_lossy(name);
                let Some(ty) = schema.registered(&text) else {
                    let text = format!("gob: type not registered for interface: {text}");
                    return Err(Error::new(ErrorKind::NotRegistered, text));
                };
                if value.view() == View::Nil && !may_be_nil(schema, ty) {
                    let spelled = schema.spell(ty);
                    let text = format!("gob: cannot encode nil pointer of type {spelled} inside interface");
                    return Err(Error::new(ErrorKind::Unsendable, text));
                }
                if !self.sendable.contains(&ty) {
                    if let Some(text) = unsendable(schema, ty) {
                        return Err(Error::new(ErrorKind::Unsendable, text));
                    }
                    self.sendable.insert(ty);
                }
                self.message.begin_interface(schema, ty, name);
                self.open.push(Open::Interface);
                return self.value(ty, Some(value));
            }
            _ => return Err(self.misfit(base, part)),
        }
        Ok(())
    }

    #[cold]
    fn misfit(&self, ty: TypeRef, part: Option<Part<'_>>) -> Error {
        let spelled = self.schema.spell(ty);
        let text = match part {
            Some(part) => format!("gob: {part:?} is no value of type {spelled}"),
            None => format!("gob: {spelled} encodes itself, and what its zero value looks like is not known"),
        };
        Error::new(ErrorKind::TypeMismatch, text)
    }
}

/// Whether a float is not too large for its width.
fn float_fits(bits: u8, value: f64) -> bool {
    bits != 32 || !value.is_finite() || value.abs() <= f64::from(f32::MAX)
}

/// Whether there is more to be nil than pointers, which Go cannot send.
fn may_be_nil(schema: &Schema, ty: TypeRef) -> bool {
    matches!(schema.base(ty).map(|base| schema.kind(base)), Some(Kind::Interface | Kind::Map(..)))
}

/// The field of that name: the next one, if the fields are in the type's order.
fn next_field<'v>(value: &Option<Part<'v>>, rest: &mut Option<Parts<'v>>, name: &str) -> Option<Part<'v>> {
    let parts = rest.as_mut()?;
    match parts.named().next() {
        Some((next, part)) if next == name => {
            parts.next();
            Some(part)
        }
        _ => value.and_then(|value| value.field(name)),
    }
}

/// Whether Go sends a field of that value. It leaves out what is zero, but for arrays and structs, and for maps that
/// are there but empty.
fn is_sent(schema: &Schema, ty: TypeRef, part: Option<Part<'_>>) -> bool {
    let base = schema.base(ty).unwrap_or(ty);
    match part.map(Part::view) {
        None => base == ty && matches!(schema.kind(base), Kind::Array(..) | Kind::Struct(_)),
        Some(View::Nil) => false,
        Some(View::Bool(it)) => it,
        Some(View::Int(it)) => it != 0,
        Some(View::Uint(it)) => it != 0,
        Some(View::Float(it)) => it != 0.0,
        Some(View::Complex(real, imaginary)) => real != 0.0 || imaginary != 0.0,
        Some(View::String(it) | View::Bytes(it)) => !it.is_empty(),
        Some(View::List(parts)) => !parts.is_empty() || matches!(schema.kind(base), Kind::Array(..)),
        Some(View::Map(_) | View::Struct(_) | View::Interface { .. } | View::Opaque(_)) => true,
    }
}
