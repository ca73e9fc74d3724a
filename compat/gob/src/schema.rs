//! What a value looks like to Go. gob sends a type before its first value, and a Rust value does not
//! announce its own, so the description stands beside it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::Gob;
use crate::encoder::FirstUse;

/// Go types that may refer to each other and to themselves. One of them is the root.
///
/// ```
/// use gob::Schema;
///
/// // type List struct { Value int; Next *List }
/// let schema = Schema::build(|types| {
///     types.named("main.List", |types, list| {
///         let (int, next) = (types.int(), types.pointer(list));
///         types.fields([("Value", int), ("Next", next)])
///     })
/// });
/// assert_eq!(schema.spell(schema.root()), "main.List");
/// ```
pub struct Schema {
    types: Vec<GoType>,
    root: TypeRef,
    registered: Vec<(Box<str>, TypeRef)>,
    /// Whether all that the root is made of writes itself, without serde.
    pub(crate) direct: bool,
    /// Tells schemas apart without comparing them.
    pub(crate) key: u64,
    first_use: OnceLock<Arc<FirstUse>>,
}

/// A type's place in its [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeRef(pub(crate) u32);

/// A Go type.
#[derive(Debug)]
pub(crate) struct GoType {
    /// Go's `reflect.Type.Name()`: without package, and empty for unnamed types.
    pub(crate) name: Box<str>,
    /// Go's `reflect.Type.String()`, which has the package.
    pub(crate) spelled: Box<str>,
    pub(crate) identity: Identity,
    pub(crate) kind: Kind,
    /// How the type takes in what another of its kind encoded itself; Go looks for the two methods separately.
    pub(crate) decodes: Option<Codec>,
    /// For interfaces: whether it has methods.
    pub(crate) methods: bool,
    /// For structs: what a [`crate::Value`] knows of them.
    pub(crate) shape: Option<Arc<Shape>>,
}

/// Which types are one and the same, across the schemas in use on one stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// By what it is made of, as Go has it for types without a name.
    Structure,
    /// A name within one schema.
    Schema(Box<str>),
    /// A name in the whole program.
    Program(Box<str>),
}

/// The kinds of Go types, as far as gob can tell them apart. See the [mapping](crate#go-and-rust).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `int`, `int8` … `int64`.
    Int(Width),
    /// `uint`, `uint8` … `uint64`, `uintptr`.
    Uint(Width),
    /// `float32`, `float64`.
    Float(u8),
    /// `complex64`, `complex128`.
    Complex(u8),
    /// `string`.
    String,
    /// `[]byte`, or any slice of an 8-bit unsigned type.
    Bytes,
    /// `[]elem`.
    Slice(TypeRef),
    /// `[len]elem`.
    Array(u64, TypeRef),
    /// `map[key]elem`.
    Map(TypeRef, TypeRef),
    /// `struct { … }`.
    Struct(Fields),
    /// `*elem`.
    Pointer(TypeRef),
    /// Any interface type: to gob all are one.
    Interface,
    /// A type that encodes itself.
    Opaque(Codec),
    /// `chan` or `func`: as fields they do not exist for gob, elsewhere they are errors.
    Unsendable,
}

/// The width of an integer type, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// `int` and `uint`: 64 bits.
    Word,
    /// `uintptr`: 64 bits.
    Pointer,
    /// A width that the type's name gives: 8, 16, 32 or 64 bits. Go has no others.
    Bits(u8),
}

impl Width {
    /// Number of bits.
    pub fn bits(self) -> u32 {
        match self {
            Width::Word | Width::Pointer => 64,
            Width::Bits(bits) => u32::from(bits.clamp(1, 64)),
        }
    }
}

/// The fields of a struct type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Fields {
    /// The fields that gob sees: exported, and of a type that can be sent.
    pub sent: Vec<FieldInfo>,
    /// Names of the others that are exported; values for them are mismatches.
    pub unsendable: Vec<Box<str>>,
    /// Whether the struct has unexported fields.
    pub hidden: bool,
}

/// A field of a struct type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldInfo {
    /// The exported Go name.
    pub name: Name,
    /// Its type.
    pub ty: TypeRef,
    /// Whether Go promotes the fields of its struct type.
    pub embedded: bool,
}

/// A field's name.
pub struct Name {
    text: Box<str>,
    /// Where the program has the same text as a literal: it comes from there for each value that is sent.
    literal: AtomicUsize,
}

impl Name {
    /// Whether a literal is this name. Text is compared only for the first time.
    #[inline(always)]
    pub(crate) fn is(&self, literal: &'static str) -> bool {
        self.text.len() == literal.len()
            && (self.literal.load(Ordering::Relaxed) == literal.as_ptr() as usize || self.learn(literal))
    }

    #[inline(never)]
    fn learn(&self, literal: &'static str) -> bool {
        let same = *self.text == *literal;
        if same {
            self.literal.store(literal.as_ptr() as usize, Ordering::Relaxed);
        }
        same
    }
}

impl<T: Into<Box<str>>> From<T> for Name {
    fn from(text: T) -> Name {
        Name { text: text.into(), literal: AtomicUsize::new(0) }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Clone for Name {
    fn clone(&self) -> Name {
        Name::from(&**self)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The methods by which a Go type encodes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// `GobEncode` and `GobDecode`.
    Gob,
    /// `MarshalBinary` and `UnmarshalBinary`.
    Binary,
}

/// The names in a struct: what its values in a [`crate::Value`] have in common.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: Box<str>,
    pub(crate) fields: Vec<Arc<str>>,
}

/// The names under which Go registers its basic types for use in interfaces (`type.go`, registerBasics).
const BASICS: [(&str, Kind); 18] = [
    ("int", Kind::Int(Width::Word)),
    ("int8", Kind::Int(Width::Bits(8))),
    ("int16", Kind::Int(Width::Bits(16))),
    ("int32", Kind::Int(Width::Bits(32))),
    ("int64", Kind::Int(Width::Bits(64))),
    ("uint", Kind::Uint(Width::Word)),
    ("uint8", Kind::Uint(Width::Bits(8))),
    ("uint16", Kind::Uint(Width::Bits(16))),
    ("uint32", Kind::Uint(Width::Bits(32))),
    ("uint64", Kind::Uint(Width::Bits(64))),
    ("float32", Kind::Float(32)),
    ("float64", Kind::Float(64)),
    ("complex64", Kind::Complex(64)),
    ("complex128", Kind::Complex(128)),
    ("uintptr", Kind::Uint(Width::Pointer)),
    ("bool", Kind::Bool),
    ("string", Kind::String),
    ("[]uint8", Kind::Bytes),
];

/// Gathers the types of one [`Schema`].
#[derive(Debug)]
pub struct SchemaBuilder {
    types: Vec<GoType>,
    unnamed: HashMap<Kind, TypeRef>,
    named: HashMap<Identity, TypeRef>,
    registered: Vec<(Box<str>, TypeRef)>,
    direct: bool,
}

impl SchemaBuilder {
    pub(crate) fn new() -> SchemaBuilder {
        let (types, registered) = (Vec::new(), Vec::new());
        SchemaBuilder { types, unnamed: HashMap::new(), named: HashMap::new(), registered, direct: true }
    }

    /// Adds what a Rust type is made of.
    pub(crate) fn part<T: Gob + ?Sized>(&mut self) -> TypeRef {
        if !T::DIRECT {
            self.by_serde();
        }
        T::describe(self)
    }

    /// Says that something in the type is written by serde alone.
    pub(crate) fn by_serde(&mut self) {
        self.direct = false;
    }

    /// Adds a type without a name of its own; the same type twice is one type.
    pub fn add(&mut self, kind: Kind) -> TypeRef {
        let kind = self.normal(kind);
        if let Some(known) = self.unnamed.get(&kind) {
            return *known;
        }
        let spelled = self.spell(&kind);
        self.unnamed.insert(kind.clone(), TypeRef(self.types.len() as u32));
        self.push("".into(), spelled, Identity::Structure, kind)
    }

    /// Adds a type with a name. It is given as Go spells it, with the package, or without; Go sends it without.
    /// The closure gets the type itself, for types that refer to themselves.
    pub fn named(&mut self, name: &str, kind: impl FnOnce(&mut Self, TypeRef) -> Kind) -> TypeRef {
        let bare = bare_name(name).to_owned();
        self.declare(&bare, name, Identity::Schema(name.into()), kind)
    }

    /// As [`SchemaBuilder::named`], for a name that Go's spelling does not tell. `identity` decides what is the
    /// same type within this schema.
    pub fn named_as(
        &mut self,
        identity: &str,
        name: &str,
        spelled: &str,
        kind: impl FnOnce(&mut Self, TypeRef) -> Kind,
    ) -> TypeRef {
        self.declare(name, spelled, Identity::Schema(identity.into()), kind)
    }

    /// As [`SchemaBuilder::named`], for a type that is the same in all schemas of the program that call it
    /// `identity`.
    pub fn global(
        &mut self,
        identity: &str,
        name: &str,
        kind: impl FnOnce(&mut Self, TypeRef) -> Kind,
    ) -> TypeRef {
        let bare = bare_name(name).to_owned();
        self.declare(&bare, name, Identity::Program(identity.into()), kind)
    }

    fn declare(
        &mut self,
        name: &str,
        spelled: &str,
        identity: Identity,
        kind: impl FnOnce(&mut Self, TypeRef) -> Kind,
    ) -> TypeRef {
        if let Some(known) = self.named.get(&identity) {
            return *known;
        }
        // Its kind is known only after its parts, which may ask for it.
        let ty = self.push(name.into(), spelled.into(), identity.clone(), Kind::Unsendable);
        self.named.insert(identity, ty);
        let kind = kind(self, ty);
        self.set(ty, kind);
        ty
    }

    fn push(&mut self, name: Box<str>, spelled: Box<str>, identity: Identity, kind: Kind) -> TypeRef {
        let ty = TypeRef(self.types.len() as u32);
        self.types.push(GoType {
            name,
            spelled,
            identity,
            kind: Kind::Unsendable,
            decodes: None,
            methods: false,
            shape: None,
        });
        self.set(ty, kind);
        ty
    }

    fn set(&mut self, ty: TypeRef, kind: Kind) {
        let kind = self.normal(kind);
        let it = &mut self.types[ty.0 as usize];
        it.shape = match &kind {
            Kind::Struct(fields) => Some(Arc::new(Shape {
                name: it.name.clone(),
                fields: fields.sent.iter().map(|field| (*field.name).into()).collect(),
            })),
            _ => None,
        };
        it.decodes = match kind {
            Kind::Opaque(codec) => Some(codec),
            _ => None,
        };
        it.kind = kind;
    }

    /// What kind of type it is; [`Kind::Unsendable`] as long as it is being declared.
    pub fn kind(&self, ty: TypeRef) -> &Kind {
        &self.types[ty.0 as usize].kind
    }

    /// A slice of an 8-bit unsigned type is bytes.
    fn normal(&self, kind: Kind) -> Kind {
        match kind {
            Kind::Slice(elem) if *self.kind(elem) == Kind::Uint(Width::Bits(8)) => Kind::Bytes,
            kind => kind,
        }
    }

    /// Corrects the spelling of a type whose parts do not tell it; Go sends it as the name of unnamed fields' types.
    pub fn spelled(&mut self, ty: TypeRef, spelled: &str) {
        self.types[ty.0 as usize].spelled = spelled.into();
    }

    /// Says which method a type has for taking itself in, where that is not the counterpart of how it is sent.
    pub fn decodes_as(&mut self, ty: TypeRef, codec: Option<Codec>) {
        self.types[ty.0 as usize].decodes = codec;
    }

    /// Says that an interface type has methods. Which types have those is not known here; but Go's basic types,
    /// and slices of them, have none.
    pub fn with_methods(&mut self, interface: TypeRef) {
        self.types[interface.0 as usize].methods = true;
    }

    /// Makes a type known under a name for values in interfaces, as `gob.RegisterName` does. Go's basic types are
    /// known without.
    pub fn register(&mut self, name: &str, ty: TypeRef) {
        self.registered.push((name.into(), ty));
    }

    /// `bool`.
    pub fn bool(&mut self) -> TypeRef {
        self.add(Kind::Bool)
    }

    /// `int`.
    pub fn int(&mut self) -> TypeRef {
        self.add(Kind::Int(Width::Word))
    }

    /// `uint`.
    pub fn uint(&mut self) -> TypeRef {
        self.add(Kind::Uint(Width::Word))
    }

    /// `float64`.
    pub fn float(&mut self) -> TypeRef {
        self.add(Kind::Float(64))
    }

    /// `string`.
    pub fn string(&mut self) -> TypeRef {
        self.add(Kind::String)
    }

    /// `[]byte`.
    pub fn bytes(&mut self) -> TypeRef {
        self.add(Kind::Bytes)
    }

    /// `any`.
    pub fn interface(&mut self) -> TypeRef {
        self.add(Kind::Interface)
    }

    /// `[]elem`.
    pub fn slice(&mut self, elem: TypeRef) -> TypeRef {
        self.add(Kind::Slice(elem))
    }

    /// `[len]elem`.
    pub fn array(&mut self, len: u64, elem: TypeRef) -> TypeRef {
        self.add(Kind::Array(len, elem))
    }

    /// `map[key]elem`.
    pub fn map(&mut self, key: TypeRef, elem: TypeRef) -> TypeRef {
        self.add(Kind::Map(key, elem))
    }

    /// `*elem`.
    pub fn pointer(&mut self, elem: TypeRef) -> TypeRef {
        self.add(Kind::Pointer(elem))
    }

    /// A struct with a name, such as `main.Point`.
    pub fn structure<const N: usize>(&mut self, name: &str, fields: [(&str, TypeRef); N]) -> TypeRef {
        self.named(name, |types, _| types.fields(fields))
    }

    /// The fields of a struct, in order.
    pub fn fields<const N: usize>(&self, fields: [(&str, TypeRef); N]) -> Kind {
        let field = |(name, ty): (&str, TypeRef)| FieldInfo { name: name.into(), ty, embedded: false };
        Kind::Struct(Fields { sent: fields.into_iter().map(field).collect(), ..Fields::default() })
    }

    fn spell(&self, kind: &Kind) -> Box<str> {
        let of = |ty: &TypeRef| &*self.types[ty.0 as usize].spelled;
        match kind {
            Kind::Bool => "bool".into(),
            Kind::Int(Width::Bits(bits)) => format!("int{bits}").into(),
            Kind::Int(_) => "int".into(),
            Kind::Uint(Width::Bits(bits)) => format!("uint{bits}").into(),
            Kind::Uint(Width::Word) => "uint".into(),
            Kind::Uint(Width::Pointer) => "uintptr".into(),
            Kind::Float(bits) => format!("float{bits}").into(),
            Kind::Complex(bits) => format!("complex{bits}").into(),
            Kind::String => "string".into(),
            Kind::Bytes => "[]uint8".into(),
            Kind::Slice(elem) => format!("[]{}", of(elem)).into(),
            Kind::Array(len, elem) => format!("[{len}]{}", of(elem)).into(),
            Kind::Map(key, elem) => format!("map[{}]{}", of(key), of(elem)).into(),
            Kind::Pointer(elem) => format!("*{}", of(elem)).into(),
            Kind::Interface => "interface {}".into(),
            Kind::Struct(fields) if fields.sent.is_empty() => "struct {}".into(),
            Kind::Struct(fields) => {
                let spell = |field: &FieldInfo| match field.embedded {
                    true => of(&field.ty).to_owned(),
                    false => format!("{} {}", field.name, of(&field.ty)),
                };
                let fields: Vec<_> = fields.sent.iter().map(spell).collect();
                format!("struct {{ {} }}", fields.join("; ")).into()
            }
            Kind::Opaque(_) | Kind::Unsendable => "".into(),
        }
    }

    fn finish(mut self, root: TypeRef) -> Schema {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        if self.unnamed.contains_key(&Kind::Interface)
            || self.types.iter().any(|it| it.kind == Kind::Interface)
        {
            for (name, kind) in BASICS {
                let plain = self.add(kind.clone());
                self.register(name, plain);
                if kind != Kind::Bytes && name != "uint8" {
                    let slice = self.slice(plain);
                    self.register(&format!("[]{name}"), slice);
                }
            }
        }
        let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
        let SchemaBuilder { types, registered, direct, .. } = self;
        Schema { types, root, registered, direct, key, first_use: OnceLock::new() }
    }
}

/// `main.Pair[main.X]` is `Pair[main.X]`.
fn bare_name(spelled: &str) -> &str {
    let end = spelled.find('[').unwrap_or(spelled.len());
    match spelled[..end].rfind('.') {
        Some(dot) => &spelled[dot + 1..],
        None => spelled,
    }
}

impl Schema {
    /// Builds a schema; the closure returns the root.
    ///
    /// A schema is for keeping: streams remember what they have worked out for each that they meet.
    pub fn build(types: impl FnOnce(&mut SchemaBuilder) -> TypeRef) -> Schema {
        let mut builder = SchemaBuilder::new();
        let root = types(&mut builder);
        builder.finish(root)
    }

    /// The type that the schema was built for.
    pub fn root(&self) -> TypeRef {
        self.root
    }

    /// What kind of type it is. A `TypeRef` of another schema is a programming error, and panics or misleads.
    pub fn kind(&self, ty: TypeRef) -> &Kind {
        &self.get(ty).kind
    }

    /// Go's name of the type without the package; empty for types without a name.
    pub fn name(&self, ty: TypeRef) -> &str {
        &self.get(ty).name
    }

    /// Go's spelling of the type, such as `*main.Point` or `map[string]int`.
    pub fn spell(&self, ty: TypeRef) -> &str {
        &self.get(ty).spelled
    }

    /// The type that is registered for values in interfaces under `name`.
    pub fn registered(&self, name: &str) -> Option<TypeRef> {
        self.registered.iter().find(|(known, _)| **known == *name).map(|(_, ty)| *ty)
    }

    /// Whether the type may have methods: it, or what it points to, has a name.
    pub(crate) fn may_have_methods(&self, ty: TypeRef) -> bool {
        let base = self.get(self.base(ty).unwrap_or(ty));
        !base.name.is_empty() || matches!(base.kind, Kind::Struct(_))
    }

    /// The type behind all pointers. `None` for pointers that never end, which Go refuses too.
    pub fn base(&self, mut ty: TypeRef) -> Option<TypeRef> {
        for _ in 0..=self.types.len() {
            match self.kind(ty) {
                Kind::Pointer(elem) => ty = *elem,
                _ => return Some(ty),
            }
        }
        None
    }

    /// All types; a [`TypeRef`] is a place here.
    pub(crate) fn types(&self) -> &[GoType] {
        &self.types
    }

    /// What a new stream sends for the root.
    pub(crate) fn first_use(&self) -> &Arc<FirstUse> {
        self.first_use.get_or_init(|| Arc::new(FirstUse::new(self)))
    }

    pub(crate) fn get(&self, ty: TypeRef) -> &GoType {
        &self.types[ty.0 as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.types.len()
    }
}

/// The root's spelling: the whole graph would be too much.
impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({}, {} types)", self.spell(self.root), self.types.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_without_a_name_are_one_type() {
        Schema::build(|types| {
            let (first, second) = (types.int(), types.int());
            assert_eq!(types.slice(first), types.slice(second));
            let named = types.named("main.Ints", |types, _| Kind::Slice(types.int()));
            assert_ne!(types.slice(first), named);
            named
        });
    }

    #[test]
    fn names_are_spelled_as_in_go() {
        let schema = Schema::build(|types| {
            let (string, point) = (types.string(), types.structure("cases.Point", []));
            let list = types.slice(point);
            let pointer = types.pointer(list);
            types.map(string, pointer)
        });
        assert_eq!(schema.spell(schema.root()), "map[string]*[]cases.Point");
        assert_eq!(schema.name(schema.root()), "");
        assert_eq!(bare_name("cases.Pair[int,cases.Point]"), "Pair[int,cases.Point]");
        assert_eq!(bare_name("Point"), "Point");
    }

    #[test]
    fn gos_basic_types_are_registered() {
        let schema = Schema::build(|types| types.interface());
        for name in ["int", "uint8", "[]uint8", "[]string", "[]uintptr", "complex64", "[]bool"] {
            assert!(schema.registered(name).is_some(), "{name}");
        }
        assert!(schema.registered("[]interface {}").is_none());
    }
}
