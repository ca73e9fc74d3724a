//! Reads a received value into a [`Value`]: all there is, or what a schema asks for.

use std::sync::PoisonError;

use crate::plan::{FieldPlan, Op, OpId, Plans};
use crate::received::{Received, interface_id, out_of_range, skip};
use crate::schema::{Schema, TypeRef};
use crate::settle;
use crate::types::Fields;
use crate::value::{Begun, Value, ValueBuilder};
use crate::walk::{Walk, interface_name, too_long};
use crate::wire::Cursor;
use crate::{Error, ErrorKind, TypeId, Types};

impl Received<'_> {
    /// The whole value, whatever it is. Structs have the fields that were sent.
    pub fn value(self) -> Result<Value, Error> {
        self.types().check(self.id())?;
        let types = self.types();
        let mut plans = types.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let op = plans.whole(types, self.id());
        self.read(|field| Machine::new(types, &mut plans, None).run(field.id, field.cursor, op))
    }

    /// The value as a type of a schema, under Go's rules: fields go by name, unknown ones are skipped, kinds have
    /// to agree, and numbers have to fit.
    pub fn value_as(self, schema: &Schema, ty: TypeRef) -> Result<Value, Error> {
        self.into_value(schema, ty, None)
    }

    /// The value on top of what a receiver of that type held before, as Go does it: fields that were not sent
    /// keep their values, maps keep their other keys, and elements of a slice that is long enough are kept as
    /// structs are.
    pub fn value_onto(self, schema: &Schema, ty: TypeRef, before: &Value) -> Result<Value, Error> {
        self.into_value(schema, ty, Some(before))
    }

    fn into_value(self, schema: &Schema, ty: TypeRef, before: Option<&Value>) -> Result<Value, Error> {
        let types = self.types();
        let mut plans = types.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let op = plans.fit(types, schema, ty, self.id())?;
        let mut machine = Machine::new(types, &mut plans, Some(schema));
        let value = self.read(|field| machine.run(field.id, field.cursor, op))?;
        if before.is_none() && !machine.settles {
            return Ok(value);
        }
        settle::settle(schema, ty, before, &value)
    }
}

/// Reads one value. Containers wait on a stack of its own.
struct Machine<'r> {
    types: &'r Types,
    plans: &'r mut Plans,
    /// Where the types of interface values are looked up; without it they are taken as they are.
    schema: Option<&'r Schema>,
    open: Vec<Open>,
    out: ValueBuilder,
    /// Tells this value from others that use the same plans.
    stamp: u64,
    /// Whether the value needs another look: see [`Plans::needs_settling`].
    settles: bool,
}

/// A container that is being read.
enum Open {
    Struct { plan: u32, begun: u32, fields: Fields },
    Elements { elem: OpId, left: u64, begun: u32 },
    Pairs { key: OpId, elem: OpId, left: u64, at_key: bool, begun: u32 },
    Interface { begun: u32 },
}

/// Messages up to here are read without counting their cells first.
const SMALL: usize = 16 << 10;

impl<'r> Machine<'r> {
    fn new(types: &'r Types, plans: &'r mut Plans, schema: Option<&'r Schema>) -> Machine<'r> {
        let stamp = plans.stamp();
        Machine { types, plans, schema, open: Vec::new(), out: ValueBuilder::new(), stamp, settles: false }
    }

    fn run(&mut self, id: TypeId, cursor: &mut Cursor<'_>, op: OpId) -> Result<Value, Error> {
        if cursor.remaining() > SMALL {
            // To grow would take half as much again for a while, and a large value has no room for that.
            let cells = Walk::new(id).count(self.types, &mut cursor.clone());
            self.out = ValueBuilder::with_capacity(cells, 0);
        }
        self.settles = self.plans.needs_settling(op);
        self.value(cursor, op)?;
        while let Some(container) = self.open.last_mut() {
            let next = match container {
                Open::Struct { plan, fields, .. } => {
                    let plan = self.plans.structure(*plan);
                    match fields.next(cursor, plan.fields.len())? {
                        None => None,
                        Some(number) => match plan.fields[number] {
                            FieldPlan::Read(op, number) => {
                                self.out.field(number);
                                Some(op)
                            }
                            FieldPlan::Skip(id) => {
                                skip(self.types, id, cursor)?;
                                continue;
                            }
                        },
                    }
                }
                Open::Elements { elem, left, .. } => match *left {
                    0 => None,
                    _ if cursor.remaining() == 0 => return Err(too_long(cursor, *left)),
                    _ => {
                        *left -= 1;
                        Some(*elem)
                    }
                },
                Open::Pairs { key, elem, left, at_key, .. } => match (*left, *at_key) {
                    (0, true) => None,
                    (_, true) => {
                        cursor.any_left()?;
                        (*left, *at_key) = (*left - 1, false);
                        Some(*key)
                    }
                    (_, false) => {
                        *at_key = true;
                        Some(*elem)
                    }
                },
                Open::Interface { .. } => None,
            };
            match next {
                Some(op) => self.value(cursor, op)?,
                None => {
                    let (Open::Struct { begun, .. }
                    | Open::Elements { begun, .. }
                    | Open::Pairs { begun, .. }
                    | Open::Interface { begun }) = *container;
                    self.out.end(Begun::at(begun));
                    self.open.pop();
                }
            }
        }
        std::mem::take(&mut self.out).finish()
    }

    /// Reads a simple value, or opens a container.
    #[inline]
    fn value(&mut self, cursor: &mut Cursor<'_>, op: OpId) -> Result<(), Error> {
        match self.plans.op(op) {
            Op::Bool => {
                let it = cursor.uint()? != 0;
                self.out.bool(it);
            }
            Op::Int(64, _) => self.out.int(cursor.int()?),
            Op::Int(bits, name) => {
                let it = cursor.int()?;
                if it >> (bits - 1) != it >> 63 {
                    return Err(out_of_range(cursor, self.plans.name(name)));
                }
                self.out.int(it);
            }
            Op::Uint(64, _) => self.out.uint(cursor.uint()?),
            Op::Uint(bits, name) => {
                let it = cursor.uint()?;
                if it >> bits != 0 {
                    return Err(out_of_range(cursor, self.plans.name(name)));
                }
                self.out.uint(it);
            }
            Op::Float(bits, name) => {
                let it = self.float(cursor, bits, name)?;
                self.out.float(it);
            }
            Op::Complex(bits, name) => {
                let real = self.float(cursor, bits / 2, name)?;
                let imaginary = self.float(cursor, bits / 2, name)?;
                self.out.complex(real, imaginary);
            }
            Op::String => self.out.string(cursor.counted("gob: bad string slice length: 0")?),
            Op::Bytes => self.out.bytes(cursor.counted("gob: bad []uint8 slice length: 0")?),
            Op::Opaque => self.out.opaque(cursor.counted("gob: GobDecoder: length too large for buffer")?),
            Op::Interface(methods) => return self.interface(cursor, methods),
            Op::Slice(elem) => {
                let left = cursor.uint()?;
                let begun = self.out.list().place();
                return self.open(cursor, Open::Elements { elem, left, begun });
            }
            Op::Array(elem, len) => {
                let left = cursor.uint()?;
                if left != len {
                    let text = "gob: length mismatch in decodeArray";
                    return Err(cursor.error(ErrorKind::TypeMismatch, text));
                }
                let begun = self.out.list().place();
                return self.open(cursor, Open::Elements { elem, left, begun });
            }
            Op::Map(key, elem) => {
                let left = cursor.uint()?;
                let begun = self.out.map().place();
                return self.open(cursor, Open::Pairs { key, elem, left, at_key: true, begun });
            }
            Op::Struct(at) => {
                let plan = self.plans.structure(at);
                if plan.seen.0 != self.stamp {
                    plan.seen = (self.stamp, self.out.shape(&plan.shape));
                }
                let begun = self.out.begin_struct(plan.seen.1).place();
                return self.open(cursor, Open::Struct { plan: at, begun, fields: Fields::default() });
            }
            Op::Unknown => {
                let text = "gob: unknown type id or corrupted data";
                return Err(cursor.error(ErrorKind::UnknownType, text));
            }
        }
        Ok(())
    }

    fn open(&mut self, cursor: &Cursor<'_>, container: Open) -> Result<(), Error> {
        if self.open.len() == self.types.limits.depth {
            return Err(cursor.error(ErrorKind::Limit, "invalid nesting depth"));
        }
        self.open.push(container);
        Ok(())
    }

    /// A float of so many bits: too large is an error, too small is none, and infinities are none.
    fn float(&self, cursor: &mut Cursor<'_>, bits: u32, name: u32) -> Result<f64, Error> {
        let it = cursor.float()?;
        if bits != 32 {
            return Ok(it);
        }
        if it.is_finite() && it.abs() > f64::from(f32::MAX) {
            return Err(out_of_range(cursor, self.plans.name(name)));
        }
        Ok(f64::from(it as f32))
    }

    fn interface(&mut self, cursor: &mut Cursor<'_>, methods: bool) -> Result<(), Error> {
        let name = interface_name(cursor)?;
        if name.is_empty() {
            self.out.nil();
            return Ok(());
        }
        let local = match self.schema {
            None => None,
            Some(schema) => {
                let text = String::from_utf8_lossy(name);
                let registered = schema.registered(&text).ok_or_else(|| {
                    let text = format!("gob: name not registered for interface: {text:?}");
                    cursor.error(ErrorKind::NotRegistered, text)
                })?;
                if methods && !schema.may_have_methods(registered) {
                    let text = format!(
                        "gob: {} is not assignable to an interface with methods",
                        schema.spell(registered)
                    );
                    return Err(cursor.error(ErrorKind::NotAssignable, text));
                }
                Some((schema, registered))
            }
        };
        let id = interface_id(cursor)?;
        let op = match local {
            Some((schema, ty)) => {
                let op = self.plans.fit(self.types, schema, ty, id);
                let op = op.map_err(|error| error.or_at(cursor.offset()))?;
                self.settles |= self.plans.needs_settling(op);
                op
            }
            None => {
                self.types.check(id).map_err(|error| error.or_at(cursor.offset()))?;
                self.plans.whole(self.types, id)
            }
        };
        let begun = self.out.begin_interface(name, id).place();
        if !self.types.is_struct(id) {
            cursor.singleton()?;
        }
        self.open(cursor, Open::Interface { begun })?;
        self.value(cursor, op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The deepest value may take no more than the slack that small values have.
    #[test]
    fn an_open_container_is_small() {
        assert!(size_of::<Open>() <= 32, "{}", size_of::<Open>());
    }
}
