//! Lays what was received over what a receiver held before, and gives the fields of embedded structs their places.

use std::collections::HashMap;

use crate::schema::{Kind, Schema, TypeRef};
use crate::value::{Part, Value, ValueBuilder, View};
use crate::wire::{put_bytes, put_int, put_uint};
use crate::{Error, ErrorKind};

/// What `sent` makes of a variable of the type that held `before`.
pub(crate) fn settle(
    schema: &Schema,
    ty: TypeRef,
    before: Option<&Value>,
    sent: &Value,
) -> Result<Value, Error> {
    let cells = sent.cells() + before.map_or(0, Value::cells);
    let mut out = ValueBuilder::with_capacity(cells, 0);
    let mut settler = Settler { schema, out: &mut out, shapes: HashMap::new() };
    settler.value(ty, before.map(Value::root), sent.root(), 0)?;
    out.finish()
}

struct Settler<'s> {
    schema: &'s Schema,
    out: &'s mut ValueBuilder,
    /// Numbers of the structs' shapes in the new value.
    shapes: HashMap<TypeRef, u32>,
}

/// A field that was sent: the names on the way to it, from here, and its value.
type Sent<'v> = (&'v str, Part<'v>);

/// Values that are laid over others are as deep as what somebody built.
const DEPTH_LIMIT: usize = 500;

impl Settler<'_> {
    /// Adds one value.
    fn value(
        &mut self,
        ty: TypeRef,
        before: Option<Part<'_>>,
        sent: Part<'_>,
        depth: usize,
    ) -> Result<(), Error> {
        let schema = self.schema;
        let Some(base) = schema.base(ty) else { return Ok(()) };
        if depth > DEPTH_LIMIT {
            let text = "gob: the value is too deep to be laid over another, or to have promoted fields";
            return Err(Error::new(ErrorKind::Limit, text));
        }
        match (schema.kind(base), sent.view()) {
            (Kind::Struct(_), View::Struct(fields)) => {
                let fields: Vec<Sent<'_>> = fields.named().collect();
                self.structure(base, before, &fields, depth)
            }
            (Kind::Slice(elem) | Kind::Array(_, elem), View::List(parts)) => {
                let begun = self.out.list();
                let mut old = match before.map(Part::view) {
                    // A slice that is too short is replaced.
                    Some(View::List(old)) if old.count() >= parts.count() => Some(old),
                    _ => None,
                };
                for part in parts {
                    let before = old.as_mut().and_then(Iterator::next);
                    self.value(*elem, before, part, depth + 1)?;
                }
                self.out.end(begun);
                Ok(())
            }
            (Kind::Map(key, elem), View::Map(parts)) => {
                // Of equal keys the last one stays.
                let mut last = HashMap::new();
                let mut keys = Vec::new();
                for (number, (sent, _)) in parts.pairs().enumerate() {
                    let key = map_key(schema, *key, sent);
                    if let Some(key) = &key {
                        last.insert(key.clone(), number);
                    }
                    keys.push(key);
                }
                let begun = self.out.map();
                if let Some(View::Map(old)) = before.map(Part::view) {
                    for (old, value) in old.pairs() {
                        if map_key(schema, *key, old).is_none_or(|old| !last.contains_key(&old)) {
                            self.out.copy(old);
                            self.out.copy(value);
                        }
                    }
                }
                for (number, (sent, value)) in parts.pairs().enumerate() {
                    if keys[number].as_ref().is_none_or(|key| last.get(key) == Some(&number)) {
                        self.value(*key, None, sent, depth + 1)?;
                        self.value(*elem, None, value, depth + 1)?;
                    }
                }
                self.out.end(begun);
                Ok(())
            }
            (Kind::Interface, View::Interface { name, id, value }) => {
                let Some(ty) = schema.registered(&String::from_utf8_lossy(name)) else {
                    self.out.copy(sent);
                    return Ok(());
                };
                let begun = self.out.begin_interface(name, id);
                self.value(ty, None, value, depth + 1)?;
                self.out.end(begun);
                Ok(())
            }
            _ => {
                self.out.copy(sent);
                Ok(())
            }
        }
    }

    fn structure(
        &mut self,
        ty: TypeRef,
        before: Option<Part<'_>>,
        sent: &[Sent<'_>],
        depth: usize,
    ) -> Result<(), Error> {
        let schema = self.schema;
        let it = schema.get(ty);
        let (Kind::Struct(fields), Some(shape)) = (&it.kind, &it.shape) else { return Ok(()) };
        let shape = *self.shapes.entry(ty).or_insert_with(|| self.out.shape(shape));
        let begun = self.out.begin_struct(shape);
        for (number, field) in fields.sent.iter().enumerate() {
            let before = before.and_then(|before| before.field(&field.name));
            let own = sent.iter().find(|(name, _)| *name == &*field.name).map(|(_, part)| *part);
            let promoted: Vec<Sent<'_>> = sent
                .iter()
                .filter_map(|(name, part)| Some((name.strip_prefix(&*field.name)?.strip_prefix('.')?, *part)))
                .collect();
            self.out.field(number as u32);
            match (own, promoted.is_empty()) {
                (Some(own), true) => self.value(field.ty, before, own, depth + 1)?,
                (None, true) => match before {
                    Some(before) => self.out.copy(before),
                    None => _ = self.out.field(0),
                },
                (own, false) => {
                    let mut all = promoted;
                    if let Some(View::Struct(own)) = own.map(Part::view) {
                        all.extend(own.named());
                    }
                    let base = schema.base(field.ty).unwrap_or(field.ty);
                    self.structure(base, before, &all, depth + 1)?;
                }
            }
        }
        self.out.end(begun);
        Ok(())
    }
}

/// Bytes that are the same for keys that Go takes for one. `None`: the key equals no other, as pointers and NaN do.
fn map_key(schema: &Schema, ty: TypeRef, key: Part<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write_key(schema, ty, key, &mut out, 0)?;
    Some(out)
}

fn write_key(schema: &Schema, ty: TypeRef, key: Part<'_>, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    let float = |it: f64, out: &mut Vec<u8>| {
        // Both zeros are one.
        put_uint(out, if it == 0.0 { 0 } else { it.to_bits() });
        (!it.is_nan()).then_some(())
    };
    if depth > DEPTH_LIMIT {
        return None;
    }
    match (schema.kind(ty), key.view()) {
        (Kind::Pointer(_), _) => return None,
        (Kind::Struct(fields), View::Struct(_)) => {
            for (number, field) in fields.sent.iter().enumerate() {
                let Some(value) = key.field(&field.name) else { continue };
                // What is zero may have been left out.
                let start = out.len();
                put_uint(out, number as u64 + 1);
                let written = out.len();
                write_key(schema, field.ty, value, out, depth + 1)?;
                if out[written..].iter().all(|byte| *byte == 0) {
                    out.truncate(start);
                }
            }
            out.push(0);
        }
        (Kind::Array(_, elem), View::List(parts)) => {
            for part in parts {
                write_key(schema, *elem, part, out, depth + 1)?;
            }
        }
        (Kind::Interface, View::Interface { name, value, .. }) => {
            put_bytes(out, name);
            write_key(schema, schema.registered(&String::from_utf8_lossy(name))?, value, out, depth + 1)?;
        }
        (_, View::Bool(it)) => out.push(u8::from(it)),
        (_, View::Int(it)) => put_int(out, it),
        (_, View::Uint(it)) => put_uint(out, it),
        (_, View::Float(it)) => float(it, out)?,
        (_, View::Complex(real, imaginary)) => {
            float(real, out)?;
            float(imaginary, out)?;
        }
        (_, View::String(it) | View::Opaque(it)) => put_bytes(out, it),
        (_, View::Nil) => out.push(0),
        _ => return None,
    }
    Some(())
}
