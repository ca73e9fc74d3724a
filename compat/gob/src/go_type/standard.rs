//! Go's counterparts of Rust's own types.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Gob;
use super::private::{Delta, Direct};
use crate::{Fields, Kind, SchemaBuilder, TypeRef, Width};

macro_rules! simple {
    ($($rust:ty => $kind:expr, |$value:ident| $method:ident($wire:expr);)*) => {$(
        impl Gob for $rust {
            const DIRECT: bool = true;

            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                types.add($kind)
            }

            #[inline(always)]
            fn write($value: &Self, delta: Delta, out: &mut Direct) -> Delta {
                out.$method(delta, $wire)
            }
        }
    )*};
}

simple! {
    bool => Kind::Bool, |it| uint(u64::from(*it));
    i8 => Kind::Int(Width::Bits(8)), |it| int(i64::from(*it));
    i16 => Kind::Int(Width::Bits(16)), |it| int(i64::from(*it));
    i32 => Kind::Int(Width::Bits(32)), |it| int(i64::from(*it));
    i64 => Kind::Int(Width::Bits(64)), |it| int(*it);
    isize => Kind::Int(Width::Word), |it| int(*it as i64);
    u16 => Kind::Uint(Width::Bits(16)), |it| uint(u64::from(*it));
    u32 => Kind::Uint(Width::Bits(32)), |it| uint(u64::from(*it));
    u64 => Kind::Uint(Width::Bits(64)), |it| uint(*it);
    usize => Kind::Uint(Width::Word), |it| uint(*it as u64);
    f32 => Kind::Float(32), |it| float(f64::from(*it));
    f64 => Kind::Float(64), |it| float(*it);
    str => Kind::String, |it| bytes(it.as_bytes());
    String => Kind::String, |it| bytes(it.as_bytes());
    Bytes => Kind::Bytes, |it| bytes(it);
    BytesMut => Kind::Bytes, |it| bytes(it);
}

impl Gob for u8 {
    const DIRECT: bool = true;
    const BYTE: bool = true;

    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.add(Kind::Uint(Width::Bits(8)))
    }

    #[inline(always)]
    fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
        out.uint(delta, u64::from(*value))
    }

    #[inline(always)]
    fn write_slice(bytes: &[u8], delta: Delta, out: &mut Direct) -> Delta {
        out.byte_list(delta, bytes)
    }
}

impl Gob for () {
    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.add(Kind::Struct(Fields::default()))
    }
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
            const DIRECT: bool = true;

            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                types.part::<T>()
            }

            #[inline(always)]
            fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
                T::write(value, delta, out)
            }
        }
    )*};
}

transparent! { &T, &mut T, Box<T>, Rc<T>, Arc<T>, }

impl<T: Gob + ToOwned + ?Sized> Gob for Cow<'_, T> {
    const INTERFACE: bool = T::INTERFACE;
    const DIRECT: bool = true;

    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        types.part::<T>()
    }

    #[inline(always)]
    fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
        T::write(value, delta, out)
    }
}

/// A pointer, which may be nil; interfaces have a nil of their own.
impl<T: Gob> Gob for Option<T> {
    const INTERFACE: bool = T::INTERFACE;
    const DIRECT: bool = true;

    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        let inner = types.part::<T>();
        if T::INTERFACE { inner } else { types.pointer(inner) }
    }

    #[inline(always)]
    fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
        match value {
            Some(value) => T::write(value, delta, out),
            None if delta != 0 => delta + 1,
            None => out.refuse(),
        }
    }
}

macro_rules! slices {
    ($($rust:ty,)*) => {$(
        impl<T: Gob> Gob for $rust {
            const DIRECT: bool = true;

            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                slice::<T>(types, true)
            }

            #[inline]
            fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
                T::write_slice(value, delta, out)
            }
        }
    )*};
}

slices! { [T], Vec<T>, }

macro_rules! lists {
    ($($rust:ty, $($hasher:ident)?;)*) => {$(
        impl<T: Gob $(, $hasher)?> Gob for $rust {
            const DIRECT: bool = true;

            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                slice::<T>(types, false)
            }

            #[inline]
            fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
                out.list(delta, value.len(), |out| value.iter().for_each(|element| _ = T::write(element, 0, out)))
            }
        }
    )*};
}

lists! { VecDeque<T>,; LinkedList<T>,; BinaryHeap<T>,; BTreeSet<T>,; HashSet<T, S>, S; }

/// Go has any slice of an 8-bit unsigned type as bytes. Only those of `u8` itself may know how to write that.
fn slice<T: Gob>(types: &mut SchemaBuilder, writes_bytes: bool) -> TypeRef {
    let elem = types.part::<T>();
    match types.kind(elem) {
        Kind::Uint(Width::Bits(8)) => {
            if !(writes_bytes && T::BYTE) {
                types.by_serde();
            }
            types.bytes()
        }
        _ => types.slice(elem),
    }
}

impl<T: Gob, const N: usize> Gob for [T; N] {
    const DIRECT: bool = true;

    fn describe(types: &mut SchemaBuilder) -> TypeRef {
        let elem = types.part::<T>();
        types.array(N as u64, elem)
    }

    #[inline]
    fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
        out.counted(delta, N, |out| value.iter().for_each(|element| _ = T::write(element, 0, out)))
    }
}

macro_rules! maps {
    ($($rust:ty, $($hasher:ident)?;)*) => {$(
        impl<K: Gob, V: Gob $(, $hasher)?> Gob for $rust {
            const DIRECT: bool = true;

            fn describe(types: &mut SchemaBuilder) -> TypeRef {
                let (key, elem) = (types.part::<K>(), types.part::<V>());
                types.map(key, elem)
            }

            #[inline]
            fn write(value: &Self, delta: Delta, out: &mut Direct) -> Delta {
                out.counted(delta, value.len(), |out| {
                    for (key, elem) in value {
                        K::write(key, 0, out);
                        V::write(elem, 0, out);
                    }
                })
            }
        }
    )*};
}

maps! { HashMap<K, V, S>, S; BTreeMap<K, V>,; }
