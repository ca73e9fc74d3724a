//! Type ids, wire types, and the definitions seen on one stream (`encoding/gob/type.go`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::de::Fits;
use crate::limits::Limits;
use crate::plan::Plans;
use crate::received::text;
use crate::walk::too_long;
use crate::wire::{Cursor, put_bytes, put_int, put_uint};
use crate::{Error, ErrorKind};

/// A type's number on one stream. Built-in types have fixed ones; definitions start at 64 or 65.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TypeId(pub i32);

impl TypeId {
    /// `bool`.
    pub const BOOL: TypeId = TypeId(1);
    /// Every signed integer.
    pub const INT: TypeId = TypeId(2);
    /// Every unsigned integer.
    pub const UINT: TypeId = TypeId(3);
    /// Both floats.
    pub const FLOAT: TypeId = TypeId(4);
    /// `[]byte`.
    pub const BYTES: TypeId = TypeId(5);
    /// `string`.
    pub const STRING: TypeId = TypeId(6);
    /// Both complex types.
    pub const COMPLEX: TypeId = TypeId(7);
    /// Every interface type.
    pub const INTERFACE: TypeId = TypeId(8);
    /// Go from 1.21 on numbers its types from here; older Go starts one later.
    pub const FIRST_USER: TypeId = TypeId(64);
}

/// The definition of a type, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireType {
    /// `[len]elem`.
    Array {
        /// Go's name, often empty.
        name: String,
        /// Type of the elements.
        elem: TypeId,
        /// Number of elements.
        len: i64,
    },
    /// `[]elem`.
    Slice {
        /// Go's name, often empty.
        name: String,
        /// Type of the elements.
        elem: TypeId,
    },
    /// `struct { … }`.
    Struct {
        /// Go's name without package, or empty.
        name: String,
        /// In the order of their field numbers, from 0.
        fields: Vec<FieldType>,
    },
    /// `map[key]elem`.
    Map {
        /// Go's name, often empty.
        name: String,
        /// Type of the keys.
        key: TypeId,
        /// Type of the values.
        elem: TypeId,
    },
    /// A type that encodes itself with `GobEncode`.
    GobEncoder {
        /// Go's name without package.
        name: String,
    },
    /// A type that encodes itself with `MarshalBinary`.
    BinaryMarshaler {
        /// Go's name without package.
        name: String,
    },
    /// A type that encodes itself with `MarshalText`; Go never sends one.
    TextMarshaler {
        /// Go's name without package.
        name: String,
    },
    /// A definition that says nothing. Go takes it in too, and then it fits nothing.
    Nothing,
}

/// A field of a struct type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldType {
    /// The exported Go name.
    pub name: Arc<str>,
    /// Its type.
    pub id: TypeId,
}

impl WireType {
    /// Go's name of the type.
    pub fn name(&self) -> &str {
        match self {
            WireType::Array { name, .. }
            | WireType::Slice { name, .. }
            | WireType::Struct { name, .. }
            | WireType::Map { name, .. }
            | WireType::GobEncoder { name }
            | WireType::BinaryMarshaler { name }
            | WireType::TextMarshaler { name } => name,
            WireType::Nothing => "",
        }
    }

    /// Reads the value of a definition message.
    fn read(cursor: &mut Cursor<'_>, room: &mut Room) -> Result<(WireType, TypeId), Error> {
        let mut found = None;
        let mut fields = Fields::default();
        while let Some(number) = fields.next(cursor, 7)? {
            if found.is_some() {
                return Err(cursor.error(ErrorKind::Corrupt, "gob: a type definition of two kinds"));
            }
            let parts = Parts::read(cursor, number, room)?;
            let inner = parts.inner;
            found = Some((parts.into_wire_type(number), inner));
        }
        Ok(found.unwrap_or((WireType::Nothing, TypeId(0))))
    }
}

/// A type definition, as a message of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The id that is defined.
    pub id: TypeId,
    /// The id within the definition: the same one, but for self-encoding types behind pointers. Nobody reads it.
    pub inner: TypeId,
    /// What the id stands for.
    pub wire_type: WireType,
}

impl Definition {
    /// Appends the message that defines the type, without its length.
    ///
    /// The value is Go's `wireType`: a struct with one field for each kind, of which one is set, and that
    /// starts with a `CommonType{Name, Id}`. All of it follows the rules for ordinary structs.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_int(out, -i64::from(self.id.0));
        let (field, name) = match &self.wire_type {
            WireType::Array { name, .. } => (0, name),
            WireType::Slice { name, .. } => (1, name),
            WireType::Struct { name, .. } => (2, name),
            WireType::Map { name, .. } => (3, name),
            WireType::GobEncoder { name } => (4, name),
            WireType::BinaryMarshaler { name } => (5, name),
            WireType::TextMarshaler { name } => (6, name),
            WireType::Nothing => return put_uint(out, 0),
        };
        put_uint(out, field + 1);
        put_uint(out, 1); // CommonType, field 0
        if name.is_empty() {
            put_uint(out, 2); // Id, field 1
        } else {
            put_uint(out, 1);
            put_bytes(out, name.as_bytes());
            put_uint(out, 1);
        }
        put_int(out, i64::from(self.inner.0));
        put_uint(out, 0);
        match &self.wire_type {
            WireType::Array { elem, len, .. } => {
                put_uint(out, 1);
                put_int(out, i64::from(elem.0));
                if *len != 0 {
                    put_uint(out, 1);
                    put_int(out, *len);
                }
            }
            WireType::Slice { elem, .. } => {
                put_uint(out, 1);
                put_int(out, i64::from(elem.0));
            }
            WireType::Struct { fields, .. } if !fields.is_empty() => {
                put_uint(out, 1);
                put_uint(out, fields.len() as u64);
                for FieldType { name, id } in fields {
                    put_uint(out, 1);
                    put_bytes(out, name.as_bytes());
                    put_uint(out, 1);
                    put_int(out, i64::from(id.0));
                    put_uint(out, 0);
                }
            }
            WireType::Map { key, elem, .. } => {
                put_uint(out, 1);
                put_int(out, i64::from(key.0));
                put_uint(out, 1);
                put_int(out, i64::from(elem.0));
            }
            _ => {}
        }
        put_uint(out, 0);
        put_uint(out, 0);
    }
}

/// All that the seven kinds of definition can hold.
#[derive(Default)]
struct Parts {
    name: String,
    inner: TypeId,
    key: TypeId,
    elem: TypeId,
    len: i64,
    fields: Vec<FieldType>,
}

impl Parts {
    fn read(cursor: &mut Cursor<'_>, kind: usize, room: &mut Room) -> Result<Parts, Error> {
        let mut parts = Parts::default();
        let mut numbers = Fields::default();
        // Array: common, elem, len. Slice: common, elem. Struct: common, fields. Map: common, key, elem.
        let count = [3, 2, 2, 3, 1, 1, 1][kind];
        while let Some(number) = numbers.next(cursor, count)? {
            match (number, kind) {
                (0, _) => (parts.name, parts.inner) = common_type(cursor, room)?,
                (1, 0 | 1) | (2, 3) => parts.elem = cursor.defined_id("Elem")?,
                (1, 3) => parts.key = cursor.defined_id("Key")?,
                (1, _) => parts.fields = field_types(cursor, room)?,
                _ => parts.len = cursor.int()?,
            }
        }
        Ok(parts)
    }

    fn into_wire_type(self, kind: usize) -> WireType {
        let Parts { name, key, elem, len, fields, .. } = self;
        match kind {
            0 => WireType::Array { name, elem, len },
            1 => WireType::Slice { name, elem },
            2 => WireType::Struct { name, fields },
            3 => WireType::Map { name, key, elem },
            4 => WireType::GobEncoder { name },
            5 => WireType::BinaryMarshaler { name },
            _ => WireType::TextMarshaler { name },
        }
    }
}

fn common_type(cursor: &mut Cursor<'_>, room: &mut Room) -> Result<(String, TypeId), Error> {
    let (mut name, mut inner) = (String::new(), TypeId(0));
    let mut numbers = Fields::default();
    while let Some(number) = numbers.next(cursor, 2)? {
        match number {
            0 => name = room.text(cursor)?.into_owned(),
            _ => inner = cursor.defined_id("Id")?,
        }
    }
    Ok((name, inner))
}

fn field_types(cursor: &mut Cursor<'_>, room: &mut Room) -> Result<Vec<FieldType>, Error> {
    static NAMELESS: LazyLock<Arc<str>> = LazyLock::new(|| "".into());
    let count = cursor.uint()?;
    let mut fields = Vec::with_capacity(count.min(8) as usize);
    for left in (1..=count).rev() {
        if cursor.remaining() == 0 {
            return Err(too_long(cursor, left));
        }
        room.take(cursor, FIELD_COST)?;
        let mut field = FieldType { name: Arc::clone(&NAMELESS), id: TypeId(0) };
        let mut numbers = Fields::default();
        while let Some(number) = numbers.next(cursor, 2)? {
            match number {
                0 => field.name = room.text(cursor)?.into(),
                _ => field.id = cursor.defined_id("Id")?,
            }
        }
        fields.push(field);
    }
    Ok(fields)
}

/// Memory that definitions may still take, roughly. A field may be one byte on the wire.
struct Room {
    left: usize,
}

/// A definition in memory, without its name and fields.
const DEFINITION_COST: usize = 128;
/// A field in memory, without its name.
const FIELD_COST: usize = 40;

impl Room {
    fn take(&mut self, cursor: &Cursor<'_>, cost: usize) -> Result<(), Error> {
        match self.left.checked_sub(cost) {
            Some(left) => self.left = left,
            None => return Err(cursor.error(ErrorKind::Limit, "gob: too many type definitions")),
        }
        Ok(())
    }

    /// A name. Go strings need not be UTF-8; a type's or field's name in practice always is.
    fn text<'b>(&mut self, cursor: &mut Cursor<'b>) -> Result<Cow<'b, str>, Error> {
        let text = text(cursor.bytes()?);
        self.take(cursor, text.len())?;
        Ok(text)
    }
}

/// The field numbers of a struct on the wire: each is sent as its distance from the one before.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    next: u64,
}

impl Fields {
    /// The number of the next field that was sent, below `count`; `None` at the end of the struct.
    #[inline]
    pub(crate) fn next(&mut self, cursor: &mut Cursor<'_>, count: usize) -> Result<Option<usize>, Error> {
        if cursor.remaining() == 0 {
            return Ok(None); // the end of a message ends its structs too
        }
        let delta = cursor.uint()?;
        if delta == 0 {
            return Ok(None);
        }
        match self.next.checked_add(delta) {
            Some(next) if next <= count as u64 => {
                self.next = next;
                Ok(Some(next as usize - 1))
            }
            _ => Err(cursor.error(ErrorKind::BadField, "gob: bad data: field numbers out of bounds")),
        }
    }
}

/// The types that have been defined on one stream.
#[derive(Debug, Default)]
pub struct Types {
    definitions: Vec<Definition>,
    /// Places of the lowest ids, plus one: nearly all streams number without gaps.
    low: Vec<u32>,
    /// Places of all other ids.
    high: HashMap<TypeId, usize>,
    /// Memory that the definitions take, roughly.
    taken: usize,
    /// For each definition, what is known about all that the type can hold.
    checks: Vec<AtomicU8>,
    /// Types with something wrong in them, by their places.
    broken: Mutex<HashMap<usize, Flaw>>,
    /// What looking for flaws in vain has cost: parts that were looked at.
    effort: AtomicUsize,
    /// How values are read into memory.
    pub(crate) plans: Mutex<Plans>,
    /// What has been found to go into Rust types.
    pub(crate) fits: Fits,
    pub(crate) limits: Limits,
}

/// Nothing is known about the type's parts yet.
const UNCHECKED: u8 = 0;
/// All its parts are defined, and none is an interface.
const WHOLE: u8 = 1;
/// All its parts are defined; an interface may be among them.
const WHOLE_WITH_INTERFACES: u8 = 2;
/// It is being looked at, by who has the lock of `broken`.
const MET: u8 = 3;

/// What is wrong with a type, or with something that it can hold.
#[derive(Debug, Clone, Copy)]
enum Flaw {
    /// It is not defined, or was not yet.
    Undefined(TypeId),
    /// A field of it has no name.
    Nameless(TypeId),
    /// Its definition says nothing.
    Nothing(TypeId),
}

/// Parts that are looked at in types with flaws, on one stream. Sound types are looked at once, but definitions can
/// be such that a type has another flaw after each.
const EFFORT_LIMIT: usize = 1 << 24;

/// Go has types of its own up to here: basic ones, and what definitions are made of.
const LAST_BUILT_IN: i32 = 23;

/// Ids that are looked up without hashing.
const LOW: usize = 4096;

impl Types {
    pub(crate) fn with_limits(limits: Limits) -> Types {
        Types { limits, ..Types::default() }
    }

    /// The definition of a type; `None` for built-in types and for unknown ones.
    #[inline]
    pub fn get(&self, id: TypeId) -> Option<&WireType> {
        self.place(id).map(|place| &self.definitions[place].wire_type)
    }

    #[inline(always)]
    fn place(&self, id: TypeId) -> Option<usize> {
        let low = (id.0 as usize).wrapping_sub(TypeId::FIRST_USER.0 as usize);
        if low < LOW {
            return self.low.get(low).and_then(|place| (*place as usize).checked_sub(1));
        }
        self.high.get(&id).copied()
    }

    /// All definitions, in the order of their arrival.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// Takes in a definition, from after its (negative) id.
    pub(crate) fn define(&mut self, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        if id < TypeId::FIRST_USER || self.place(id).is_some() {
            return Err(cursor.error(ErrorKind::DuplicateType, "gob: duplicate type received"));
        }
        if self.definitions.len() >= self.limits.types {
            return Err(cursor.error(ErrorKind::Limit, "gob: too many type definitions"));
        }
        let mut room = Room { left: self.limits.definitions - self.taken };
        room.take(cursor, DEFINITION_COST)?;
        let (wire_type, inner) = WireType::read(cursor, &mut room)?;
        self.taken = self.limits.definitions - room.left;
        let (place, low) = (self.definitions.len(), (id.0 - TypeId::FIRST_USER.0) as usize);
        if low < LOW {
            if self.low.len() <= low {
                self.low.resize(low + 1, 0);
            }
            self.low[low] = place as u32 + 1;
        } else {
            self.high.insert(id, place);
        }
        self.checks.push(AtomicU8::new(UNCHECKED));
        self.definitions.push(Definition { id, inner, wire_type });
        Ok(())
    }

    /// Checks that a type and all its parts are defined, and tells whether a value of it may hold an interface.
    ///
    /// Go looks at what a value's type refers to before it looks at the value (`decode.go`, compileDec).
    #[inline]
    pub(crate) fn check(&self, id: TypeId) -> Result<bool, Error> {
        match self.known(id) {
            WHOLE => Ok(false),
            WHOLE_WITH_INTERFACES => Ok(true),
            _ => self.check_parts(id),
        }
    }

    /// Whether it is known that a type has no interface in it, nor a flaw.
    #[inline]
    pub(crate) fn is_simple(&self, id: TypeId) -> bool {
        self.known(id) == WHOLE
    }

    #[inline]
    fn known(&self, id: TypeId) -> u8 {
        match id.0 {
            1..=7 => WHOLE,
            8 => WHOLE_WITH_INTERFACES,
            _ => self.place(id).map_or(UNCHECKED, |place| self.checks[place].load(Ordering::Relaxed)),
        }
    }

    #[cold]
    fn check_parts(&self, id: TypeId) -> Result<bool, Error> {
        let Some(place) = self.place(id) else { return Err(self.complain(Flaw::Undefined(id))) };
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match broken.get(&place) {
            Some(Flaw::Undefined(missing)) if self.place(*missing).is_some() => {}
            Some(flaw) => return Err(self.complain(*flaw)),
            None => {}
        }
        if self.effort.load(Ordering::Relaxed) > EFFORT_LIMIT {
            return Err(Error::new(ErrorKind::Limit, "gob: too many flaws in type definitions"));
        }
        self.checks[place].store(MET, Ordering::Relaxed);
        let mut seen = Vec::with_capacity(8);
        let found = self.parts(id, &mut seen);
        let check = match found {
            Ok(true) => WHOLE_WITH_INTERFACES,
            Ok(false) => WHOLE,
            Err(_) => UNCHECKED,
        };
        for place in seen.into_iter().filter_map(|id| self.place(id)) {
            self.checks[place].store(check, Ordering::Relaxed);
        }
        found.map_err(|flaw| {
            broken.insert(place, flaw);
            self.complain(flaw)
        })
    }

    /// The type without which another one is not whole.
    pub(crate) fn missing(&self, id: TypeId) -> Option<TypeId> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match broken.get(&self.place(id)?)? {
            Flaw::Undefined(missing) => Some(*missing),
            _ => None,
        }
    }

    /// Finds every type that a value of `id` may hold and that is not known to be whole, and whether any is an
    /// interface. What was found is marked as met.
    fn parts(&self, id: TypeId, seen: &mut Vec<TypeId>) -> Result<bool, Flaw> {
        let (mut next, mut interface, mut looked, mut undefined) = (0, false, 0, false);
        seen.push(id);
        let flaw = loop {
            let Some(id) = seen.get(next).copied() else { return Ok(interface) };
            next += 1;
            let mut part = |part: TypeId| {
                looked += 1;
                match (self.known(part), self.place(part)) {
                    (UNCHECKED, Some(place)) => {
                        self.checks[place].store(MET, Ordering::Relaxed);
                        seen.push(part);
                    }
                    // The first one of these is where it ends.
                    (UNCHECKED, None) if undefined => {}
                    (UNCHECKED, None) => {
                        undefined = true;
                        seen.push(part);
                    }
                    (check, _) => interface |= check == WHOLE_WITH_INTERFACES,
                }
            };
            match self.get(id) {
                None => break Flaw::Undefined(id),
                Some(WireType::Struct { fields, .. }) => {
                    if fields.iter().any(|field| field.name.is_empty()) {
                        break Flaw::Nameless(id);
                    }
                    fields.iter().for_each(|field| part(field.id));
                }
                Some(WireType::Array { elem, .. } | WireType::Slice { elem, .. }) => part(*elem),
                Some(WireType::Map { key, elem, .. }) => {
                    part(*key);
                    part(*elem);
                }
                Some(WireType::Nothing) => break Flaw::Nothing(id),
                Some(_) => {}
            }
        };
        self.effort.fetch_add(looked, Ordering::Relaxed);
        Err(flaw)
    }

    #[cold]
    fn complain(&self, flaw: Flaw) -> Error {
        match flaw {
            Flaw::Undefined(id) => {
                Error::new(ErrorKind::UnknownType, format!("gob: bad data: undefined type {}", id.0))
            }
            Flaw::Nameless(id) => {
                let name = short(self.get(id).map_or("", WireType::name));
                Error::new(ErrorKind::Corrupt, format!("gob: empty name for remote field of type {name}"))
            }
            Flaw::Nothing(id) => {
                Error::new(ErrorKind::Corrupt, format!("gob: bad data: ignore can't handle type {}", id.0))
            }
        }
    }

    /// Whether neither Go nor the stream knows the type.
    pub(crate) fn is_unknown(&self, id: TypeId) -> bool {
        !(1..=LAST_BUILT_IN).contains(&id.0) && self.place(id).is_none()
    }

    /// Whether values of the type stand at top level without a zero byte before them.
    pub(crate) fn is_struct(&self, id: TypeId) -> bool {
        matches!(self.get(id), Some(WireType::Struct { .. }))
    }

    /// How Go would spell the type, for error texts.
    pub(crate) fn describe(&self, id: TypeId) -> String {
        match id.0 {
            1 => "bool".into(),
            2 => "int".into(),
            3 => "uint".into(),
            4 => "float".into(),
            5 => "bytes".into(),
            6 => "string".into(),
            7 => "complex".into(),
            8 => "interface".into(),
            _ => match self.get(id) {
                Some(wire_type) if !wire_type.name().is_empty() => short(wire_type.name()),
                Some(WireType::Struct { .. }) => "struct".into(),
                Some(WireType::Slice { elem, .. }) if *elem != id => "slice".into(),
                Some(WireType::Map { .. }) => "map".into(),
                Some(WireType::Array { .. }) => "array".into(),
                Some(_) => "a self-encoding type".into(),
                None => "unknown type".into(),
            },
        }
    }
}

/// A name from a stream, as much of it as an error's text can do with.
pub(crate) fn short(name: &str) -> String {
    const LIMIT: usize = 80;
    match name.char_indices().nth(LIMIT) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}
