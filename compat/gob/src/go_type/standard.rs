//! Go's counterparts of Rust's own types.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Gob;
use crate::{Fields, Kind, SchemaBuilder, TypeRef, Width};

macro_rules! simple {
    ($($rust:ty => $kind:expr,)*) => {$(
        impl Gob for $rust {
            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                types.add($kind)
            }
        }
    )*};
}

simple! {
    bool => Kind::Bool,
    i8 => Kind::Int(Width::Bits(8)),
    i16 => Kind::Int(Width::Bits(16)),
    i32 => Kind::Int(Width::Bits(32)),
    i64 => Kind::Int(Width::Bits(64)),
    isize => Kind::Int(Width::Word),
    u8 => Kind::Uint(Width::Bits(8)),
    u16 => Kind::Uint(Width::Bits(16)),
    u32 => Kind::Uint(Width::Bits(32)),
    u64 => Kind::Uint(Width::Bits(64)),
    usize => Kind::Uint(Width::Word),
    f32 => Kind::Float(32),
    f64 => Kind::Float(64),
    str => Kind::String,
    String => Kind::String,
    Bytes => Kind::Bytes,
    BytesMut => Kind::Bytes,
    () => Kind::Struct(Fields::default()),
}

/// Serde sends it as the struct without fields that it is.
impl<T: ?Sized> Gob for PhantomData<T> {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        <()>::describe(types)
    }
}

/// What a type contains decides on nothing here: it looks the same.
macro_rules! transparent {
    ($($rust:ty,)*) => {$(
        impl<T: Gob + ?Sized> Gob for $rust {
            const INTERFACE: bool = T::INTERFACE;

            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                T::describe(types)
            }
        }
    )*};
}

transparent! { &T, &mut T, Box<T>, Rc<T>, Arc<T>, }

impl<T: Gob + ToOwned + ?Sized> Gob for Cow<'_, T> {
    const INTERFACE: bool = T::INTERFACE;

    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        T::describe(types)
    }
}

/// A pointer, which may be nil; interfaces have a nil of their own.
impl<T: Gob> Gob for Option<T> {
    const INTERFACE: bool = T::INTERFACE;

    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        let inner = T::describe(types);
        if T::INTERFACE { inner } else { types.pointer(inner) }
    }
}

macro_rules! slices {
    ($($rust:ty,)*) => {$(
        impl<T: Gob> Gob for $rust {
            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                slice::<T>(types)
            }
        }
    )*};
}

slices! { [T], Vec<T>, VecDeque<T>, LinkedList<T>, BinaryHeap<T>, BTreeSet<T>, }

impl<T: Gob, S> Gob for HashSet<T, S> {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        slice::<T>(types)
    }
}

/// Go has any slice of an 8-bit unsigned type as bytes.
fn slice<T: Gob>(types: &mut SchemaBuilder) -> TypeRef {
    let elem = T::describe(types);
    match types.kind(elem) {
        Kind::Uint(Width::Bits(8)) => types.bytes(),
        _ => types.slice(elem),
    }
}

impl<T: Gob, const N: usize> Gob for [T; N] {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        let elem = T::describe(types);
        types.array(N as u64, elem)
    }
}

impl<K: Gob, V: Gob, S> Gob for HashMap<K, V, S> {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        let (key, elem) = (K::describe(types), V::describe(types));
        types.map(key, elem)
    }
}

impl<K: Gob, V: Gob> Gob for BTreeMap<K, V> {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        let (key, elem) = (K::describe(types), V::describe(types));
        types.map(key, elem)
    }
}
