//! Whether what is sent goes into a type, all of it, met or not: Go looks before it reads (`decode.go`, compileDec).

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::PLAIN;
use super::promoted::promotes;
use crate::{Error, FieldInfo, FieldType, Kind, Schema, TypeId, TypeRef, Types, WireType};

/// If it does, what the value has to be read as: the type itself if it has promoted fields, and else [`PLAIN`].
pub(super) fn fits(types: &Types, schema: &Schema, ty: TypeRef, id: TypeId) -> Result<TypeRef, Error> {
    let promotes = match types.fits.has(schema, ty, id) {
        Some(promotes) => promotes,
        None => {
            let plain = types.check(id).is_ok() && plainly(types, schema, ty, id);
            if !plain {
                let mut plans = types.plans.lock().unwrap_or_else(PoisonError::into_inner);
                plans.fit(types, schema, ty, id)?;
            }
            let promotes = !plain && promotes(types, schema, ty, id);
            types.fits.add(schema, ty, id, promotes);
            promotes
        }
    };
    Ok(if promotes { ty } else { PLAIN })
}

/// Whether a type fits without any question. If there is one, the answer takes longer, and may be an error.
fn plainly(types: &Types, schema: &Schema, ty: TypeRef, id: TypeId) -> bool {
    let mut pairs = Vec::with_capacity(8);
    let mut next = 0;
    let mut fit = part_fits(schema, ty, id, &mut pairs);
    while let Some((base, id)) = pairs.get(next).copied().filter(|_| fit) {
        let mut part = |ty, id| part_fits(schema, ty, id, &mut pairs);
        fit = next < PLAIN_LIMIT
            && match (schema.kind(base), types.get(id)) {
                (Kind::Slice(to), Some(WireType::Slice { elem, .. })) => part(*to, *elem),
                (Kind::Map(key_to, elem_to), Some(WireType::Map { key, elem, .. })) => {
                    part(*key_to, *key) && part(*elem_to, *elem)
                }
                (Kind::Struct(to), Some(WireType::Struct { fields, .. })) if to.unsendable.is_empty() => {
                    same_fields(&to.sent, fields, part)
                }
                _ => false,
            };
        next += 1;
    }
    fit
}

/// Whether a basic type fits; others are put down for later.
fn part_fits(schema: &Schema, ty: TypeRef, id: TypeId, pairs: &mut Vec<(TypeRef, TypeId)>) -> bool {
    let Some(base) = schema.base(ty) else { return false };
    let it = schema.get(base);
    if it.decodes.is_some() {
        return false;
    }
    match it.kind {
        Kind::Bool => id == TypeId::BOOL,
        Kind::Int(_) => id == TypeId::INT,
        Kind::Uint(_) => id == TypeId::UINT,
        Kind::Float(_) => id == TypeId::FLOAT,
        Kind::String => id == TypeId::STRING,
        Kind::Bytes => id == TypeId::BYTES,
        _ => {
            if !pairs.contains(&(base, id)) {
                pairs.push((base, id));
            }
            true
        }
    }
}

/// Pairs of types that are looked into, each beside all others.
const PLAIN_LIMIT: usize = 100;

/// Whether two structs have the same fields in the same order, and `part` takes each pair of their types.
fn same_fields(
    to: &[FieldInfo],
    fields: &[FieldType],
    mut part: impl FnMut(TypeRef, TypeId) -> bool,
) -> bool {
    to.len() == fields.len()
        && to
            .iter()
            .zip(fields)
            .all(|(to, field)| *to.name == *field.name && !to.embedded && part(to.ty, field.id))
}

/// Types of schemas that are known to fit types of a stream: a few of them, found without a lock.
#[derive(Debug, Default)]
pub(crate) struct Fits([AtomicU64; SLOTS]);

const SLOTS: usize = 16;

/// Set where fields are promoted.
const PROMOTES: u64 = 1 << 63;

impl Fits {
    /// Whether fields are promoted; `None` if nothing is known.
    fn has(&self, schema: &Schema, ty: TypeRef, id: TypeId) -> Option<bool> {
        let (slot, entry) = Self::entry(schema, ty, id)?;
        let known = self.0[slot].load(Ordering::Relaxed);
        (known & !PROMOTES == entry).then_some(known & PROMOTES != 0)
    }

    fn add(&self, schema: &Schema, ty: TypeRef, id: TypeId, promotes: bool) {
        if let Some((slot, entry)) = Self::entry(schema, ty, id) {
            let entry = if promotes { entry | PROMOTES } else { entry };
            self.0[slot].store(entry, Ordering::Relaxed);
        }
    }

    /// All three as one number that is not zero and leaves a bit; `None` if they are too large for that.
    fn entry(schema: &Schema, ty: TypeRef, id: TypeId) -> Option<(usize, u64)> {
        let (ty, id) = (u64::from(ty.0), u64::try_from(id.0).ok()?);
        if schema.key >> 23 != 0 || ty >> 16 != 0 || id >> 24 != 0 {
            return None;
        }
        let slot = schema.key.wrapping_add(ty).wrapping_add(id) as usize % SLOTS;
        // No value is of type 0.
        (id != 0).then_some((slot, schema.key << 40 | ty << 24 | id))
    }
}
