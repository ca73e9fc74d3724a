//! How the values of one type of a stream go into a [`Value`](crate::Value): worked out once, under Go's rules for
//! what fits what (`encoding/gob/decode.go`, compileDec and compatibleType).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::lookup::find;
use crate::received::no_fields_matched;
use crate::schema::{Codec, Kind, Schema, Shape, TypeRef};
use crate::types::short;
use crate::{Error, ErrorKind, TypeId, Types, WireType};

/// What has been worked out for one stream.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    ops: Vec<Op>,
    structs: Vec<StructPlan>,
    /// Plans that take all there is.
    whole: HashMap<TypeId, OpId>,
    /// Structs of a schema, and types that were asked for themselves.
    pairs: HashMap<Pair, Result<OpId, Misfit>>,
    /// Names for overflow errors.
    names: Vec<Box<str>>,
    /// Structs of which the fields are still to be looked at.
    queue: Vec<(Pair, usize)>,
    /// Pairs that were added since a fit began.
    begun: Vec<Pair>,
    /// How many values have been read.
    values: u64,
    /// Which plans' values need another look.
    settled: HashMap<OpId, bool>,
}

/// A type of a schema, and what is sent for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Pair {
    schema: u64,
    ty: TypeRef,
    id: TypeId,
}

/// Why a pair does not fit.
#[derive(Debug, Clone)]
struct Misfit {
    error: Error,
    /// The type that has to be defined before it may.
    missing: Option<TypeId>,
}

/// Place of an [`Op`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OpId(u32);

/// How one value is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    /// Being worked out, or never to be met.
    Unknown,
    Bool,
    /// Of so many bits, and named so if it is too large.
    Int(u32, u32),
    Uint(u32, u32),
    Float(u32, u32),
    Complex(u32, u32),
    String,
    Bytes,
    Opaque,
    Slice(OpId),
    Array(OpId, u64),
    Map(OpId, OpId),
    Struct(u32),
    /// Whether it asks for methods.
    Interface(bool),
}

#[derive(Debug)]
pub(crate) struct StructPlan {
    /// What its values know of it.
    pub(crate) shape: Arc<Shape>,
    /// For each field as it is sent.
    pub(crate) fields: Vec<FieldPlan>,
    /// Whether fields belong to a struct that is embedded in the receiver.
    promoted: bool,
    /// In which value the shape was used last, and its number there.
    pub(crate) seen: (u64, u32),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldPlan {
    /// Nobody asked for it.
    Skip(TypeId),
    /// It is the field of this number in the shape.
    Read(OpId, u32),
}

impl Plans {
    pub(crate) fn op(&self, op: OpId) -> Op {
        self.ops[op.0 as usize]
    }

    pub(crate) fn structure(&mut self, at: u32) -> &mut StructPlan {
        &mut self.structs[at as usize]
    }

    /// A number for each value that is read.
    pub(crate) fn stamp(&mut self) -> u64 {
        self.values += 1;
        self.values
    }

    pub(crate) fn name(&self, at: u32) -> &str {
        self.names.get(at as usize).map_or("", |name| name)
    }

    /// Whether a value may need another look: fields of embedded structs have to be brought to their places, and
    /// where keys lose something, as fields that the receiver lacks, several may become one.
    pub(crate) fn needs_settling(&mut self, root: OpId) -> bool {
        if let Some(known) = self.settled.get(&root) {
            return *known;
        }
        let (mut seen, mut next) = (vec![root], 0);
        let mut known = HashSet::from([root]);
        let mut needed = false;
        while let Some(op) = seen.get(next).copied().filter(|_| !needed) {
            next += 1;
            let mut own = false;
            let mut part = |op: OpId| match self.settled.get(&op) {
                Some(found) => needed |= found,
                None if known.insert(op) => seen.push(op),
                None => {}
            };
            match self.op(op) {
                Op::Slice(elem) | Op::Array(elem, _) => part(elem),
                Op::Map(key, elem) => {
                    own = !matches!(
                        self.op(key),
                        Op::Bool
                            | Op::Int(..)
                            | Op::Uint(..)
                            | Op::String
                            | Op::Float(64, _)
                            | Op::Complex(128, _)
                    );
                    part(elem);
                }
                Op::Struct(at) => {
                    for field in &self.structs[at as usize].fields {
                        if let FieldPlan::Read(op, _) = field {
                            part(*op);
                        }
                    }
                    own = self.structs[at as usize].promoted;
                }
                _ => {}
            }
            needed |= own;
        }
        self.settled.insert(root, needed);
        // If nothing was found, there is nothing in any of them. If something was, it may be beside some of them; but
        // to look at large ones again and again would take long.
        if !needed || seen.len() > 1_000 {
            self.settled.extend(seen.into_iter().map(|op| (op, needed)));
        }
        needed
    }

    fn add(&mut self, op: Op) -> OpId {
        self.ops.push(op);
        OpId(self.ops.len() as u32 - 1)
    }

    fn set(&mut self, at: OpId, op: Op) {
        self.ops[at.0 as usize] = op;
    }

    fn named(&mut self, name: &str) -> u32 {
        if self.names.last().is_none_or(|last| **last != *name) {
            self.names.push(name.into());
        }
        self.names.len() as u32 - 1
    }

    /// The plan that takes all there is of a type whose parts have been checked.
    pub(crate) fn whole(&mut self, types: &Types, id: TypeId) -> OpId {
        if let Some(known) = self.whole.get(&id) {
            return *known;
        }
        // Types may be nested deeper than the stack, so their parts wait in a queue.
        let first = self.begin_whole(id);
        let mut queue = vec![(id, first)];
        while let Some((id, at)) = queue.pop() {
            let mut part = |this: &mut Self, id: TypeId| match this.whole.get(&id) {
                Some(known) => *known,
                None => {
                    let op = this.begin_whole(id);
                    queue.push((id, op));
                    op
                }
            };
            let op = match (id, types.get(id)) {
                (TypeId::BOOL, _) => Op::Bool,
                (TypeId::INT, _) => Op::Int(64, 0),
                (TypeId::UINT, _) => Op::Uint(64, 0),
                (TypeId::FLOAT, _) => Op::Float(64, 0),
                (TypeId::COMPLEX, _) => Op::Complex(128, 0),
                (TypeId::STRING, _) => Op::String,
                (TypeId::BYTES, _) => Op::Bytes,
                (TypeId::INTERFACE, _) => Op::Interface(false),
                (_, Some(WireType::Slice { elem, .. })) => Op::Slice(part(self, *elem)),
                // A negative length fits no count.
                (_, Some(WireType::Array { elem, len, .. })) => Op::Array(part(self, *elem), *len as u64),
                (_, Some(WireType::Map { key, elem, .. })) => Op::Map(part(self, *key), part(self, *elem)),
                (_, Some(WireType::Struct { name, fields })) => {
                    let plan = |(number, field): (usize, &crate::FieldType)| {
                        FieldPlan::Read(part(self, field.id), number as u32)
                    };
                    let plans = fields.iter().enumerate().map(plan).collect();
                    let names = fields.iter().map(|field| Arc::clone(&field.name)).collect();
                    let shape = Arc::new(Shape { name: name.as_str().into(), fields: names });
                    self.structs.push(StructPlan { shape, fields: plans, promoted: false, seen: (0, 0) });
                    Op::Struct(self.structs.len() as u32 - 1)
                }
                (_, Some(_)) => Op::Opaque,
                (_, None) => Op::Unknown,
            };
            self.set(at, op);
        }
        first
    }

    fn begin_whole(&mut self, id: TypeId) -> OpId {
        let op = self.add(Op::Unknown);
        self.whole.insert(id, op);
        op
    }

    /// The plan that takes a type into a type of a schema, or why it does not fit.
    pub(crate) fn fit(
        &mut self,
        types: &Types,
        schema: &Schema,
        ty: TypeRef,
        id: TypeId,
    ) -> Result<OpId, Error> {
        let pair = Pair { schema: schema.key, ty, id };
        if let Some(known) = self.known(types, pair) {
            return known;
        }
        let (ops, structs, names) = (self.ops.len(), self.structs.len(), self.names.len());
        self.begun.clear();
        let result = self.fit_new(types, schema, pair);
        if let Err(error) = &result {
            // What was begun must not be found again.
            self.ops.truncate(ops);
            self.structs.truncate(structs);
            self.names.truncate(names);
            self.queue.clear();
            for begun in std::mem::take(&mut self.begun) {
                if let Some(Ok(_)) = self.pairs.get(&begun) {
                    self.pairs.remove(&begun);
                }
            }
            self.misfit(types, pair, error);
        }
        result
    }

    /// What has been found out about a pair, unless a definition has come since that may change it.
    fn known(&self, types: &Types, pair: Pair) -> Option<Result<OpId, Error>> {
        match self.pairs.get(&pair)? {
            Ok(op) => Some(Ok(*op)),
            Err(Misfit { missing: Some(id), .. }) if !types.is_unknown(*id) => None,
            Err(Misfit { error, .. }) => Some(Err(error.clone())),
        }
    }

    /// Remembers that a pair does not fit: to find out takes long, and may be asked for by four bytes.
    fn misfit(&mut self, types: &Types, pair: Pair, error: &Error) {
        if types.get(pair.id).is_some() {
            let missing = types.check(pair.id).err().and_then(|_| types.missing(pair.id));
            self.pairs.insert(pair, Err(Misfit { error: error.clone(), missing }));
        }
    }

    fn fit_new(&mut self, types: &Types, schema: &Schema, pair: Pair) -> Result<OpId, Error> {
        let Pair { ty, id, .. } = pair;
        let Some(base) = schema.base(ty) else {
            let text = format!("gob: can't represent recursive pointer type {}", schema.spell(ty));
            return Err(Error::new(ErrorKind::Unsendable, text));
        };
        // Go names what it was given: a pointer.
        let name = format!("*{}", schema.spell(ty));
        let it = schema.get(base);
        let op = match &it.kind {
            Kind::Struct(fields) if it.decodes.is_none() => {
                let op = self.structure_pair(types, schema, base, id)?;
                self.run_queue(types, schema)?;
                let Op::Struct(at) = self.op(op) else { return Ok(op) };
                let known =
                    matches!(types.get(id), Some(WireType::Struct { fields, .. }) if !fields.is_empty());
                let matched = |field: &FieldPlan| matches!(field, FieldPlan::Read(..));
                let any = !(fields.sent.is_empty() && fields.unsendable.is_empty()) || fields.hidden;
                if known && any && !self.structs[at as usize].fields.iter().any(matched) {
                    return Err(no_fields_matched(&it.name));
                }
                op
            }
            kind => {
                if !compatible(types, schema, ty, id, &mut HashMap::new()) {
                    let remote = types.describe(id);
                    let text = match kind {
                        Kind::Interface if id != TypeId::INTERFACE => format!(
                            "gob: local interface type {name} can only be decoded from remote interface type; received concrete type {remote}"
                        ),
                        _ => format!("gob: decoding into local type {name}, received remote type {remote}"),
                    };
                    return Err(Error::new(ErrorKind::TypeMismatch, text));
                }
                let op = self.op_for(types, schema, ty, id, &name, &mut HashMap::new())?;
                self.run_queue(types, schema)?;
                op
            }
        };
        self.begin_pair(pair, op);
        Ok(op)
    }

    fn run_queue(&mut self, types: &Types, schema: &Schema) -> Result<(), Error> {
        while let Some((pair, at)) = self.queue.pop() {
            if let Err(error) = self.fill(types, schema, pair, at) {
                self.misfit(types, pair, &error);
                return Err(error);
            }
        }
        Ok(())
    }

    fn begin_pair(&mut self, pair: Pair, op: OpId) {
        self.pairs.insert(pair, Ok(op));
        self.begun.push(pair);
    }

    /// A struct's plan, of which the fields may still be in the queue: structs can refer to themselves.
    fn structure_pair(
        &mut self,
        types: &Types,
        schema: &Schema,
        base: TypeRef,
        id: TypeId,
    ) -> Result<OpId, Error> {
        let pair = Pair { schema: schema.key, ty: base, id };
        if let Some(known) = self.known(types, pair) {
            return known;
        }
        if types.is_unknown(id) {
            return Err(Error::new(ErrorKind::UnknownType, "gob: unknown type id or corrupted data"));
        }
        if !types.is_struct(id) {
            let spelled = schema.spell(base);
            let text = format!("gob: type mismatch in decoder: want struct type {spelled}; got non-struct");
            return Err(Error::new(ErrorKind::TypeMismatch, text));
        }
        let Some(shape) = schema.get(base).shape.clone() else { return Ok(self.add(Op::Unknown)) };
        let at = self.structs.len();
        self.structs.push(StructPlan { shape, fields: Vec::new(), promoted: false, seen: (0, 0) });
        let op = self.add(Op::Struct(at as u32));
        self.begin_pair(pair, op);
        self.queue.push((pair, at));
        Ok(op)
    }

    fn fill(&mut self, types: &Types, schema: &Schema, pair: Pair, at: usize) -> Result<(), Error> {
        let Some(WireType::Struct { name, fields }) = types.get(pair.id) else { return Ok(()) };
        let (mut plans, mut in_progress) = (Vec::with_capacity(fields.len()), HashMap::new());
        let mut extra: Vec<Arc<str>> = Vec::new();
        let Kind::Struct(local) = schema.kind(pair.ty) else { return Ok(()) };
        // The number of a field that is the struct's own.
        let own = |route: &[&str]| match route {
            [name] => local.sent.iter().position(|field| *field.name == **name).map(|at| at as u32),
            _ => None,
        };
        for field in fields {
            if field.name.is_empty() {
                let text = format!("gob: empty name for remote field of type {}", short(name));
                return Err(Error::new(ErrorKind::Corrupt, text));
            }
            let wrong = |spelled: &str| {
                let (name, field) = (short(name), short(&field.name));
                let text = format!("gob: wrong type ({spelled}) for received field {name}.{field}");
                Error::new(ErrorKind::TypeMismatch, text)
            };
            if local.unsendable.iter().any(|known| **known == *field.name) {
                return Err(wrong("chan"));
            }
            let Some(path) = find(schema, pair.ty, &field.name) else {
                types.check(field.id)?;
                plans.push(FieldPlan::Skip(field.id));
                continue;
            };
            if !compatible(types, schema, path.ty, field.id, &mut HashMap::new()) {
                return Err(wrong(schema.spell(path.ty)));
            }
            let op = self.op_for(types, schema, path.ty, field.id, &field.name, &mut in_progress)?;
            plans.push(FieldPlan::Read(
                op,
                match own(&path.route) {
                    Some(number) => number,
                    None => {
                        extra.push(path.route.join(".").into());
                        (local.sent.len() + extra.len() - 1) as u32
                    }
                },
            ));
        }
        let plan = &mut self.structs[at];
        plan.fields = plans;
        if !extra.is_empty() {
            plan.promoted = true;
            let names = plan.shape.fields.iter().cloned().chain(extra).collect();
            plan.shape = Arc::new(Shape { name: plan.shape.name.clone(), fields: names });
        }
        Ok(())
    }

    fn op_for(
        &mut self,
        types: &Types,
        schema: &Schema,
        ty: TypeRef,
        id: TypeId,
        name: &str,
        in_progress: &mut HashMap<(TypeRef, TypeId), OpId>,
    ) -> Result<OpId, Error> {
        let base = schema.base(ty).unwrap_or(ty);
        let it = schema.get(base);
        if it.decodes.is_some() {
            return Ok(self.add(Op::Opaque));
        }
        if let Some(known) = in_progress.get(&(ty, id)) {
            return Ok(*known);
        }
        let simple = match it.kind {
            Kind::Bool => Op::Bool,
            Kind::Int(width) => Op::Int(width.bits(), self.named(name)),
            Kind::Uint(width) => Op::Uint(width.bits(), self.named(name)),
            Kind::Float(bits) => Op::Float(u32::from(bits), self.named(name)),
            Kind::Complex(bits) => Op::Complex(u32::from(bits), self.named(name)),
            Kind::String => Op::String,
            Kind::Bytes => Op::Bytes,
            Kind::Interface => Op::Interface(it.methods),
            Kind::Struct(_) => return self.structure_pair(types, schema, base, id),
            _ => Op::Unknown,
        };
        let at = self.add(simple);
        let op = match (&it.kind, types.get(id)) {
            (Kind::Slice(to), Some(WireType::Slice { elem, .. })) => {
                in_progress.insert((ty, id), at);
                let name = format!("element of {name}");
                Op::Slice(self.op_for(types, schema, *to, *elem, &name, in_progress)?)
            }
            (Kind::Array(len, to), Some(WireType::Array { elem, .. })) => {
                in_progress.insert((ty, id), at);
                let name = format!("element of {name}");
                Op::Array(self.op_for(types, schema, *to, *elem, &name, in_progress)?, *len)
            }
            (Kind::Map(key_to, elem_to), Some(WireType::Map { key, elem, .. })) => {
                in_progress.insert((ty, id), at);
                let key =
                    self.op_for(types, schema, *key_to, *key, &format!("key of {name}"), in_progress)?;
                let elem =
                    self.op_for(types, schema, *elem_to, *elem, &format!("element of {name}"), in_progress)?;
                Op::Map(key, elem)
            }
            _ => return Ok(at),
        };
        self.set(at, op);
        Ok(at)
    }
}

/// Whether a type that is sent goes into a type of a schema. Structs always do: their fields are looked at later.
pub(crate) fn compatible(
    types: &Types,
    schema: &Schema,
    ty: TypeRef,
    id: TypeId,
    in_progress: &mut HashMap<TypeRef, TypeId>,
) -> bool {
    if let Some(known) = in_progress.get(&ty) {
        return *known == id;
    }
    in_progress.insert(ty, id);
    let it = schema.get(schema.base(ty).unwrap_or(ty));
    let sent = types.get(id);
    let sent_codec = match sent {
        Some(WireType::GobEncoder { .. }) => Some(Codec::Gob),
        Some(WireType::BinaryMarshaler { .. }) => Some(Codec::Binary),
        Some(WireType::TextMarshaler { .. }) => return false, // nothing takes it in
        _ => None,
    };
    if it.decodes != sent_codec {
        return false;
    }
    if sent_codec.is_some() {
        return true;
    }
    match (&it.kind, sent) {
        (Kind::Bool, _) => id == TypeId::BOOL,
        (Kind::Int(_), _) => id == TypeId::INT,
        (Kind::Uint(_), _) => id == TypeId::UINT,
        (Kind::Float(_), _) => id == TypeId::FLOAT,
        (Kind::Complex(_), _) => id == TypeId::COMPLEX,
        (Kind::String, _) => id == TypeId::STRING,
        (Kind::Bytes, _) => id == TypeId::BYTES,
        (Kind::Interface, _) => id == TypeId::INTERFACE,
        (Kind::Array(len, to), Some(WireType::Array { elem, len: sent, .. })) => {
            i64::try_from(*len) == Ok(*sent) && compatible(types, schema, *to, *elem, in_progress)
        }
        (Kind::Map(key_to, elem_to), Some(WireType::Map { key, elem, .. })) => {
            compatible(types, schema, *key_to, *key, in_progress)
                && compatible(types, schema, *elem_to, *elem, in_progress)
        }
        (Kind::Slice(to), Some(WireType::Slice { elem, .. })) => {
            // Go looks at what is behind a pointer here.
            let to = schema.base(*to).unwrap_or(*to);
            compatible(types, schema, to, *elem, in_progress)
        }
        (Kind::Struct(_), _) => true,
        _ => false,
    }
}
