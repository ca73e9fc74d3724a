//! The Go types that the streams are made of (`golden/gen/cases`), and a stream that is read and written.

use std::collections::BTreeMap;
use std::fmt::Debug;

use gob::{BigInt, Complex, Decoder, Encoded, Encoder, Error, Gob, Marshaled, Time, TypeId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A stream that Go wrote.
pub(crate) struct Golden {
    name: &'static str,
    stream: Vec<u8>,
    at: usize,
    decoder: Decoder,
    encoder: Encoder,
    written: Vec<u8>,
}

impl Golden {
    pub(crate) fn open(name: &'static str) -> Golden {
        Golden::from(name, TypeId(64))
    }

    /// Where the case's types have other numbers than they would have alone.
    pub(crate) fn from(name: &'static str, first: TypeId) -> Golden {
        Golden {
            name,
            stream: stream(name),
            at: 0,
            decoder: Decoder::new(),
            encoder: Encoder::with_first_id(first),
            written: Vec::new(),
        }
    }

    /// Reads a value.
    pub(crate) fn read<T: Gob + DeserializeOwned>(&mut self) -> Result<T, Error> {
        loop {
            let rest = &self.stream[self.at..];
            let frame = gob::frame(rest).unwrap().expect("another message");
            self.at += frame.total();
            if let Some(value) = self.decoder.message(frame.message(rest))? {
                return value.deserialize();
            }
        }
    }

    /// Reads a value, which has to be this one, and writes it.
    #[track_caller]
    pub(crate) fn value<T: Gob + Serialize + DeserializeOwned + PartialEq + Debug>(
        mut self,
        expected: T,
    ) -> Golden {
        let name = self.name;
        let value: T = self.read().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(value, expected, "{name}");
        self.write(&expected)
    }

    /// Reads a value that looks different afterwards: what was sent, and what arrives.
    #[track_caller]
    pub(crate) fn changed<T>(mut self, sent: T, arrives: T) -> Golden
    where
        T: Gob + Serialize + DeserializeOwned + PartialEq + Debug,
    {
        let value: T = self.read().unwrap();
        assert_eq!(value, arrives, "{}", self.name);
        self.write(&sent)
    }

    #[track_caller]
    pub(crate) fn write<T: Gob + Serialize>(mut self, value: &T) -> Golden {
        self.encoder.serialize(value, &mut self.written).unwrap();
        self
    }

    /// All has been read, and written to the very bytes.
    #[track_caller]
    pub(crate) fn end(self) {
        assert_eq!(self.at, self.stream.len(), "{}: more values", self.name);
        assert_eq!(self.written, self.stream, "{}", self.name);
    }
}

pub(crate) fn stream(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/golden/{name}.gob", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Structs as Go has them.
macro_rules! structs {
    ($($(#[$attribute:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $ty:ty,)* })*) => {$(
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
        #[serde(rename_all = "PascalCase")]
        #[gob(package = "cases")]
        $(#[$attribute])*
        pub(crate) struct $name { $($(#[$of_field])* pub(crate) $field: $ty,)* }
    )*};
}

structs! {
    Point { x: isize, y: isize, }
    Pair { a: isize, b: isize, }
    List { val: isize, next: Option<Box<List>>, }
    Tree { key: String, left: Option<Box<Tree>>, right: Option<Box<Tree>>, }
    Ping { n: isize, pong: Option<Box<Pong>>, }
    Pong { s: String, pings: Vec<Ping>, }
    Animal { name: String, legs: isize, }
    Dog { #[gob(embedded)] animal: Animal, breed: String, }
    Puppy { #[gob(embedded)] dog: Option<Dog>, weeks: u8, }
    Times {
        at: Time,
        opt: Option<Time>,
        all: Vec<Time>,
        #[serde(rename = "ByID")]
        by_id: Option<BTreeMap<isize, Time>>,
        took: Duration,
    }
    Bigs { i: Option<BigInt>, r: Option<Rat>, f: Option<Float>, }
    Ptrs {
        a: Option<isize>,
        b: Option<Option<isize>>,
        c: Option<Option<Option<String>>>,
        d: Option<bool>,
        e: Option<Vec<isize>>,
        f: Option<BTreeMap<String, isize>>,
        g: Option<[isize; 2]>,
        h: Option<Option<Point>>,
        i: Option<Vec<u8>>,
    }
    EveryKind {
        b: bool,
        i: isize,
        i8: i8,
        i16: i16,
        i32: i32,
        i64: i64,
        u: usize,
        u8: u8,
        u16: u16,
        u32: u32,
        u64: u64,
        uptr: u64,
        f32: f32,
        f64: f64,
        c64: Complex<f32>,
        c128: Complex<f64>,
        s: String,
        #[serde(with = "serde_bytes")]
        by: Vec<u8>,
        sl: Vec<isize>,
        ar: [isize; 2],
        mp: Option<BTreeMap<String, isize>>,
        st: Point,
        pt: Option<Point>,
        pi: Option<isize>,
        r#if: Option<Any>,
    }
    #[gob(name = "Box")]
    Boxed { v: Option<Any>, }
    BoxN { v: Option<Any>, n: isize, }
    Nested { r#in: Option<Box<Any>>, tag: String, }
    Bag { items: Vec<Option<Any>>, named: Option<BTreeMap<String, Any>>, pair: [Option<Any>; 2], }
    PersonV1 { name: String, age: isize, }
    PersonV2 { name: String, age: isize, email: String, tags: Vec<String>, }
}

/// `any`, with what the streams have in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Gob)]
#[gob(interface, name = "")]
pub(crate) enum Any {
    #[serde(rename = "goldengen/cases.Point")]
    Point(Point),
    #[serde(rename = "goldengen/cases.Pair")]
    Pair(Pair),
    #[serde(rename = "goldengen/cases.Nested")]
    Nested(Nested),
    #[serde(rename = "bool")]
    Bool(bool),
    #[serde(rename = "int")]
    Int(isize),
    #[serde(rename = "int8")]
    Int8(i8),
    #[serde(rename = "uint64")]
    Uint64(u64),
    #[serde(rename = "float32")]
    Float32(f32),
    #[serde(rename = "float64")]
    Float64(f64),
    #[serde(rename = "complex128")]
    Complex128(Complex<f64>),
    #[serde(rename = "string")]
    String(String),
    #[serde(rename = "[]uint8")]
    Bytes(Vec<u8>),
    #[serde(rename = "[]int")]
    Ints(Vec<isize>),
    #[serde(rename = "[]string")]
    Strings(Vec<String>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, Gob)]
pub(crate) struct Duration(pub(crate) i64);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
#[gob(package = "big")]
pub(crate) struct Rat(pub(crate) Encoded);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
#[gob(package = "big")]
pub(crate) struct Float(pub(crate) Encoded);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
pub(crate) struct Bin(pub(crate) Marshaled);

/// `type SelfSlice []SelfSlice`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
pub(crate) struct SelfSlice(pub(crate) Vec<SelfSlice>);

/// `type SelfMap map[string]SelfMap`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Gob)]
pub(crate) struct SelfMap(pub(crate) BTreeMap<String, SelfMap>);

pub(crate) fn map<K: Ord, V, const N: usize>(pairs: [(K, V); N]) -> BTreeMap<K, V> {
    pairs.into_iter().collect()
}

pub(crate) fn point(x: isize, y: isize) -> Point {
    Point { x, y }
}
