//! What a Rust type looks like to Go, as the type itself knows it: the trait, and its answers kept.

mod standard;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::AtomicU8;
use std::sync::{Mutex, PoisonError};

use crate::{FieldInfo, Fields, Kind, Schema, SchemaBuilder, TypeRef};

/// A Rust type that knows what it is in Go. Serde moves its values, and this describes them.
///
/// `#[derive(gob::Gob)]` stands beside serde's own derives and reads their attributes, so that both call a field
/// the same. Only what Go exports is sent, so names begin with a capital letter:
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// // type Circle struct { Radius float64 }
/// #[derive(Serialize, Deserialize, gob::Gob, Debug, PartialEq)]
/// #[serde(rename_all = "PascalCase")]
/// struct Circle {
///     radius: f64,
/// }
///
/// // type Shape interface { … }, with gob.Register(Circle{}) and gob.Register("")
/// #[derive(Serialize, Deserialize, gob::Gob, Debug, PartialEq)]
/// #[gob(interface)]
/// enum Shape {
///     #[serde(rename = "main.Circle")]
///     Circle(Circle),
///     #[serde(rename = "string")]
///     Name(String),
/// }
///
/// // type Node struct { Shape Shape; Next *Node }
/// #[derive(Serialize, Deserialize, gob::Gob, Debug, PartialEq)]
/// #[serde(rename_all = "PascalCase")]
/// struct Node {
///     shape: Option<Shape>,
///     next: Option<Box<Node>>,
/// }
///
/// let last = Node { shape: None, next: None };
/// let node = Node { shape: Some(Shape::Circle(Circle { radius: 2.0 })), next: Some(Box::new(last)) };
/// assert_eq!(gob::from_slice::<Node>(&gob::to_vec(&node)?)?, node);
/// # Ok::<(), gob::Error>(())
/// ```
///
/// | Rust | Go |
/// | --- | --- |
/// | a struct with named fields | a struct of that name |
/// | `struct Celsius(f64)` | `type Celsius float64` |
/// | the same with `#[serde(transparent)]` | `float64` |
/// | `#[gob(interface)]` on an enum of such variants as `Circle(Circle)` | an interface; variants are named as Go registers their types |
/// | `Option<T>` | `*T`: `nil` is `None`, and so is a pointer to zero in a field; of an interface, the interface |
/// | `Box<T>`, `Rc<T>`, `Arc<T>`, `Cow<T>`, `&T` | `T` |
/// | `Vec<T>`, sets and so on; of `u8` | `[]T`; `[]byte` |
/// | `[T; N]` | `[N]T` |
/// | `HashMap<K, V>`, `BTreeMap<K, V>` | `map[K]V` |
/// | `String`, or [`Text`](crate::Text) where it need not be UTF-8 | `string` |
/// | `isize`, `usize`, others | `int`, `uint`, those of the same width |
/// | `()`, `PhantomData<T>` | `struct{}` |
/// | [`Complex`](crate::Complex) | `complex64`, `complex128` |
/// | [`Time`](crate::Time), [`BigInt`](crate::BigInt) | `time.Time`, `big.Int` |
/// | [`Encoded`](crate::Encoded), [`Marshaled`](crate::Marshaled) | any type with `GobEncode`, or with `MarshalBinary` |
///
/// Of serde's attributes, `rename`, `rename_all`, `skip…`, `transparent`, `from`, `try_from` and `into` count, and
/// `with` and `default` change nothing: a field that was not sent is zero in Go, and so it is here. What gob cannot
/// do is an error of the compiler's that says what can be done: `flatten`, `alias`, tagged enums.
///
/// The derive also writes the code by which a value is sent, so that serde need not be asked. Serde is, where an
/// attribute has it write something else than the fields (`with`, `into`, `skip_serializing_if` and so on) or a part
/// of the type does. That a `Serialize` is written by hand the derive cannot see and has to be told, by `by_serde`;
/// builds with debug assertions write each value both ways, and panic where that is not the same.
///
/// The derive's own, in `#[gob(…)]`:
///
/// | on | attribute | |
/// | --- | --- | --- |
/// | a type | `name = "Point"` | Go's name, if it is not Rust's; an interface with the name `""` is `any` |
/// | a type | `package = "main"` | Go's package, of use in error texts only |
/// | a type | `bound = "T: Gob"` | in the place of that bound for each type parameter |
/// | a type | `crate = "path"` | where this crate is, if it is not `::gob` |
/// | a type | `by_serde` | it is sent by its `Serialize`, which is written by hand |
/// | an enum | `interface` | it stands for a Go interface |
/// | a field | `embedded` | Go embeds the struct; the field has the type's name |
/// | a field | `as = "Vec<u8>"` | describe it as another type, for `#[serde(with = …)]` |
pub trait Gob {
    /// Whether Go's type has a nil of its own.
    #[doc(hidden)]
    const INTERFACE: bool = false;

    /// Whether the type writes itself as serde would; what it is made of may not.
    #[doc(hidden)]
    const DIRECT: bool = false;

    /// Whether it is `u8`, which in lists is bytes.
    #[doc(hidden)]
    const BYTE: bool = false;

    /// Adds the type and its parts to a schema.
    fn describe(types: &mut SchemaBuilder) -> TypeRef;

    /// Writes a value, if it and all its parts are [`Gob::DIRECT`], and gives the next field's distance. It is no
    /// method, as another `write` may be meant.
    #[doc(hidden)]
    fn write(_value: &Self, _delta: private::Delta, out: &mut private::Direct) -> private::Delta {
        out.refuse()
    }

    /// Writes a slice.
    #[doc(hidden)]
    #[inline(always)]
    fn write_slice(elements: &[Self], delta: private::Delta, out: &mut private::Direct) -> private::Delta
    where
        Self: Sized,
    {
        out.list(delta, elements.len(), |out| {
            for element in elements {
                Self::write(element, 0, out);
            }
        })
    }
}

/// The schema of a type. It is built once, and lives as long as the program.
pub(crate) fn schema<T: Gob + ?Sized>() -> &'static Schema {
    // Functions tell types apart: where the compiler has made one of two, they describe the same.
    let describe: fn(&mut SchemaBuilder) -> TypeRef = T::describe;
    let address = describe as usize;
    RECENT.with(|recent| {
        let slot = &recent[(address >> 4) % RECENT_SLOTS];
        match slot.get() {
            Some((known, schema)) if known == address => schema,
            _ => {
                let schema = shared(address, describe);
                slot.set(Some((address, schema)));
                schema
            }
        }
    })
}

#[cold]
fn shared(address: usize, describe: fn(&mut SchemaBuilder) -> TypeRef) -> &'static Schema {
    static SCHEMAS: Mutex<Option<HashMap<usize, &'static Schema>>> = Mutex::new(None);
    let known = || SCHEMAS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(schema) = known().as_ref().and_then(|schemas| schemas.get(&address).copied()) {
        return schema;
    }
    // Not under the lock: what describes a type is anybody's code.
    let fresh: &'static Schema = Box::leak(Box::new(Schema::build(describe)));
    known().get_or_insert_default().entry(address).or_insert(fresh)
}

const RECENT_SLOTS: usize = 32;

thread_local! {
    /// Schemas that were asked for before on this thread, so that a value costs no lock.
    static RECENT: [Cell<Option<(usize, &'static Schema)>>; RECENT_SLOTS] = const { [const { Cell::new(None) }; RECENT_SLOTS] };
}

/// What the derive writes calls to.
#[doc(hidden)]
pub mod private {
    use super::*;

    pub use crate::direct::{Delta, Direct};

    /// A static of it stands where a type is written, and is nowhere else: names of types are not unique, as two
    /// versions of a crate may be in one program. What can change is never merged with another static.
    pub struct Place(AtomicU8);

    impl Place {
        /// For a static.
        #[allow(clippy::new_without_default, reason = "a static needs a const fn")]
        pub const fn new() -> Place {
            Place(AtomicU8::new(0))
        }

        /// The place tells types apart, and the name what a generic type was made of.
        fn identity<T: ?Sized>(&'static self) -> String {
            format!("{} at {:p}", std::any::type_name::<T>(), self.0.as_ptr())
        }
    }

    /// Declares a type that is written at `place`.
    pub fn named<T: ?Sized>(
        types: &mut SchemaBuilder,
        place: &'static Place,
        spelled: &str,
        kind: impl FnOnce(&mut SchemaBuilder) -> Kind,
    ) -> TypeRef {
        types.global(&place.identity::<T>(), spelled, |types, _| kind(types))
    }

    /// Declares an interface that has no name in Go, which is `any`.
    pub fn any<T: ?Sized>(
        types: &mut SchemaBuilder,
        place: &'static Place,
        kind: impl FnOnce(&mut SchemaBuilder) -> Kind,
    ) -> TypeRef {
        types.global(&place.identity::<T>(), "", |types, this| {
            types.spelled(this, "interface {}");
            kind(types)
        })
    }

    /// The kind of a type, for another one to be of it.
    pub fn kind_of<T: Gob + ?Sized>(types: &mut SchemaBuilder) -> Kind {
        let inner = types.part::<T>();
        match types.kind(inner) {
            // It is being declared, and its kind is not known yet. On the wire, pointers cannot be seen.
            Kind::Unsendable => Kind::Pointer(inner),
            kind => kind.clone(),
        }
    }

    /// The type that another one is written as.
    pub fn part<T: Gob + ?Sized>(types: &mut SchemaBuilder) -> TypeRef {
        types.part::<T>()
    }

    /// Adds a field.
    pub fn field<T: Gob + ?Sized>(
        types: &mut SchemaBuilder,
        fields: &mut Fields,
        name: &str,
        embedded: bool,
    ) {
        let ty = types.part::<T>();
        fields.sent.push(FieldInfo { name: name.into(), ty, embedded });
    }

    /// Registers the type of an interface's value.
    pub fn register<T: Gob + ?Sized>(types: &mut SchemaBuilder, name: &str) {
        let ty = types.part::<T>();
        types.register(name, ty);
    }
}
