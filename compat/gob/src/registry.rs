//! Numbers and names types as Go does, and says which definitions a stream still lacks (`encoding/gob/type.go`,
//! `encoder.go`). Go keeps one registry for a process; here each stream has its own.

use std::collections::{HashMap, HashSet};

use crate::schema::{Codec, FieldInfo, Fields, GoType, Identity, Kind, Schema, TypeRef};
use crate::types::Definition;
use crate::{FieldType, TypeId, WireType};

/// The types of all schemas that one stream has met.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    next_id: i32,
    types: Vec<Entry>,
    unnamed: HashMap<Kind, TypeRef>,
    named: HashMap<Identity, TypeRef>,
    sent: HashSet<Sent>,
    /// What was sent since the last mark.
    since: Vec<Sent>,
    /// Ids that Go gives to self-encoding types that are used through a pointer, beside the one it sends.
    through_pointer: HashMap<TypeRef, TypeId>,
}

/// A type, with its parts referring to the registry's own types.
#[derive(Debug, Clone)]
struct Entry {
    name: Box<str>,
    spelled: Box<str>,
    kind: Kind,
    /// 0 until it is given, as in Go.
    id: TypeId,
    /// Whether Go has begun to describe the type.
    begun: bool,
    wire_name: Box<str>,
}

/// What Go remembers to have sent: a base type, or a type as the user has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sent {
    Base(TypeRef),
    Pointer(TypeRef),
}

/// Where each type of one schema is in the registry.
pub(crate) type Places = Vec<TypeRef>;

impl Registry {
    pub(crate) fn new(first: TypeId) -> Registry {
        Registry {
            next_id: first.0,
            types: Vec::new(),
            unnamed: HashMap::new(),
            named: HashMap::new(),
            sent: HashSet::new(),
            since: Vec::new(),
            through_pointer: HashMap::new(),
        }
    }

    /// Takes in a schema's types. Those it knows from another schema are not taken twice.
    pub(crate) fn import(&mut self, schema: &Schema) -> Places {
        let mut places = vec![None; schema.len()];
        (0..schema.len() as u32).map(|at| self.place(schema, TypeRef(at), &mut places)).collect()
    }

    fn place(&mut self, schema: &Schema, ty: TypeRef, places: &mut [Option<TypeRef>]) -> TypeRef {
        if let Some(known) = places[ty.0 as usize] {
            return known;
        }
        let it = schema.get(ty);
        if it.identity == Identity::Structure {
            let kind = it.kind.map(|part| self.place(schema, part, places));
            let place = match self.unnamed.get(&kind) {
                Some(known) => *known,
                None => self.push(it, kind.clone()),
            };
            self.unnamed.insert(kind, place);
            places[ty.0 as usize] = Some(place);
            return place;
        }
        let identity = match &it.identity {
            Identity::Schema(name) => Identity::Schema(format!("{} {name}", schema.key).into()),
            identity => identity.clone(),
        };
        if let Some(known) = self.named.get(&identity) {
            places[ty.0 as usize] = Some(*known);
            return *known;
        }
        let place = self.push(it, Kind::Unsendable);
        self.named.insert(identity, place);
        places[ty.0 as usize] = Some(place);
        let kind = it.kind.map(|part| self.place(schema, part, places));
        self.types[place.0 as usize].kind = kind;
        place
    }

    fn push(&mut self, it: &GoType, kind: Kind) -> TypeRef {
        self.types.push(Entry {
            name: it.name.clone(),
            spelled: it.spelled.clone(),
            kind,
            id: TypeId(0),
            begun: false,
            wire_name: "".into(),
        });
        TypeRef(self.types.len() as u32 - 1)
    }

    /// The id to send before a value of the type, and the definitions to send before that, in Go's order.
    /// (`encoder.go`, sendTypeDescriptor and sendTypeId.)
    pub(crate) fn describe(&mut self, ty: TypeRef, found: &mut Vec<Definition>) -> TypeId {
        let base = self.base(ty);
        let opaque = matches!(self.get(base).kind, Kind::Opaque(_));
        let known = if opaque && ty != base { Sent::Pointer(ty) } else { Sent::Base(base) };
        if !self.sent.contains(&known) && !self.send(ty, found) {
            // A basic type, or one that was sent under its other name.
            self.id_for_user(ty);
            self.remember(known);
        }
        self.get(base).id_or_basic()
    }

    fn remember(&mut self, sent: Sent) {
        if self.sent.insert(sent) {
            self.since.push(sent);
        }
    }

    /// Remembers what has been sent up to here.
    pub(crate) fn mark(&mut self) {
        self.since.clear();
    }

    /// Forgets what has been sent since the mark: it will never arrive.
    pub(crate) fn forget(&mut self) {
        for sent in self.since.drain(..) {
            self.sent.remove(&sent);
        }
    }

    /// Forgets what has been sent, but not how types are numbered.
    pub(crate) fn forget_all(&mut self) {
        self.sent.clear();
        self.since.clear();
    }

    /// Definitions of a type and of its parts (`encoder.go`, sendType). Whether there was any.
    fn send(&mut self, ty: TypeRef, found: &mut Vec<Definition>) -> bool {
        let base = self.base(ty);
        let described = matches!(
            self.get(base).kind,
            Kind::Slice(_) | Kind::Array(..) | Kind::Map(..) | Kind::Struct(_) | Kind::Opaque(_)
        );
        if !described || self.sent.contains(&Sent::Base(base)) {
            return false;
        }
        let inner = self.id_for_user(ty);
        self.remember(Sent::Base(base));
        if ty != base {
            self.remember(Sent::Pointer(ty));
        }
        let through_pointer = ty != base && matches!(self.get(base).kind, Kind::Opaque(_));
        let wire_type = self.wire_type(base, through_pointer);
        found.push(Definition { id: self.get(base).id, inner, wire_type });
        match self.get(base).kind.clone() {
            Kind::Struct(fields) => {
                for field in &fields.sent {
                    self.send(field.ty, found);
                }
            }
            Kind::Array(_, elem) | Kind::Slice(elem) => _ = self.send(elem, found),
            Kind::Map(key, elem) => {
                self.send(key, found);
                self.send(elem, found);
            }
            _ => {}
        }
        true
    }

    /// What Go does when it first needs to describe a type as the user has it (`type.go`, buildTypeInfo). The id
    /// is the one within the definition, which nobody reads.
    fn id_for_user(&mut self, ty: TypeRef) -> TypeId {
        let base = self.base(ty);
        let name = if ty == base || !matches!(self.get(base).kind, Kind::Opaque(_)) {
            self.get(base).name.clone()
        } else {
            "".into()
        };
        let id = self.begin(&name, base);
        if ty == base || !matches!(self.get(base).kind, Kind::Opaque(_)) {
            return id;
        }
        // Go describes a self-encoding type once more for the pointer.
        match self.through_pointer.get(&ty) {
            Some(known) => *known,
            None => {
                let fresh = self.fresh();
                self.through_pointer.insert(ty, fresh);
                fresh
            }
        }
    }

    /// Numbers a type and its parts (`type.go`, newTypeObject). Its first use decides its name.
    ///
    /// Structs get their id before their fields, all others after their parts; where types refer to each other,
    /// whoever needs an id that is not there yet hands it out.
    fn begin(&mut self, name: &str, ty: TypeRef) -> TypeId {
        let it = &mut self.types[ty.0 as usize];
        if let Some(id) = basic(&it.kind) {
            return id;
        }
        if it.begun {
            return it.id;
        }
        it.begun = true;
        it.wire_name = name.into();
        match it.kind.clone() {
            Kind::Struct(fields) => {
                self.number(ty);
                for field in &fields.sent {
                    let base = self.base(field.ty);
                    let of = self.get(base);
                    let name = if of.name.is_empty() { of.spelled.clone() } else { of.name.clone() };
                    self.begin(&name, base);
                    self.number(base);
                }
            }
            Kind::Slice(elem) => {
                let base = self.base(elem);
                let name = if base == elem { self.get(base).name.clone() } else { "".into() };
                self.begin(&name, base);
                self.number(ty);
                self.number(base);
            }
            Kind::Array(_, elem) => {
                let base = self.base(elem);
                self.begin("", base);
                self.number(ty);
            }
            Kind::Map(key, elem) => {
                for part in [key, elem] {
                    let base = self.base(part);
                    self.begin("", base);
                }
                self.number(ty);
            }
            _ => self.number(ty),
        }
        self.get(ty).id
    }

    fn number(&mut self, ty: TypeRef) {
        let it = self.get(ty);
        if it.id.0 == 0 && basic(&it.kind).is_none() {
            let fresh = self.fresh();
            self.types[ty.0 as usize].id = fresh;
        }
    }

    fn fresh(&mut self) -> TypeId {
        let id = TypeId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    fn wire_type(&self, ty: TypeRef, through_pointer: bool) -> WireType {
        let it = self.get(ty);
        let name = if through_pointer { String::new() } else { it.wire_name.to_string() };
        let id = |part: &TypeRef| self.get(self.base(*part)).id_or_basic();
        match &it.kind {
            Kind::Array(len, elem) => WireType::Array { name, elem: id(elem), len: *len as i64 },
            Kind::Slice(elem) => WireType::Slice { name, elem: id(elem) },
            Kind::Map(key, elem) => WireType::Map { name, key: id(key), elem: id(elem) },
            Kind::Opaque(Codec::Gob) => WireType::GobEncoder { name },
            Kind::Opaque(Codec::Binary) => WireType::BinaryMarshaler { name },
            Kind::Struct(fields) => {
                let field = |it: &FieldInfo| FieldType { name: (&*it.name).into(), id: id(&it.ty) };
                WireType::Struct { name, fields: fields.sent.iter().map(field).collect() }
            }
            _ => WireType::Struct { name, fields: Vec::new() },
        }
    }

    fn base(&self, mut ty: TypeRef) -> TypeRef {
        for _ in 0..self.types.len() {
            match self.get(ty).kind {
                Kind::Pointer(elem) => ty = elem,
                _ => break,
            }
        }
        ty
    }

    fn get(&self, ty: TypeRef) -> &Entry {
        &self.types[ty.0 as usize]
    }
}

impl Entry {
    fn id_or_basic(&self) -> TypeId {
        basic(&self.kind).unwrap_or(self.id)
    }
}

impl Kind {
    /// The same kind, with other references to its parts.
    fn map(&self, mut part: impl FnMut(TypeRef) -> TypeRef) -> Kind {
        match self {
            Kind::Slice(elem) => Kind::Slice(part(*elem)),
            Kind::Array(len, elem) => Kind::Array(*len, part(*elem)),
            Kind::Map(key, elem) => Kind::Map(part(*key), part(*elem)),
            Kind::Pointer(elem) => Kind::Pointer(part(*elem)),
            Kind::Struct(fields) => {
                let field = |it: &FieldInfo| FieldInfo { ty: part(it.ty), ..it.clone() };
                Kind::Struct(Fields { sent: fields.sent.iter().map(field).collect(), ..fields.clone() })
            }
            simple => simple.clone(),
        }
    }
}

/// The ids of types that need no definition.
fn basic(kind: &Kind) -> Option<TypeId> {
    Some(match kind {
        Kind::Bool => TypeId::BOOL,
        Kind::Int(_) => TypeId::INT,
        Kind::Uint(_) => TypeId::UINT,
        Kind::Float(_) => TypeId::FLOAT,
        Kind::Complex(_) => TypeId::COMPLEX,
        Kind::String => TypeId::STRING,
        Kind::Bytes => TypeId::BYTES,
        Kind::Interface => TypeId::INTERFACE,
        _ => return None,
    })
}
