//! What the derive makes of a type, as Go would spell and define it.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]
#![allow(dead_code, reason = "types are described, not used")]
#![allow(non_snake_case, reason = "as Go exports them")]

use std::collections::HashMap;
use std::marker::PhantomData;

use gob::{Codec, Decoder, Fields, Gob, Kind, Schema, TypeId, TypeRef, Width, WireType};
use serde::{Deserialize, Serialize};

fn schema<T: Gob + ?Sized>() -> Schema {
    Schema::build(T::describe)
}

/// The names and types of a struct's fields.
fn fields<T: Gob>() -> Vec<String> {
    let schema = schema::<T>();
    let Kind::Struct(Fields { sent, .. }) = schema.kind(schema.root()) else { panic!("no struct") };
    sent.iter().map(|field| format!("{} {}", field.name, schema.spell(field.ty))).collect()
}

fn kind<T: Gob + ?Sized>() -> (String, Kind) {
    let schema = schema::<T>();
    (schema.spell(schema.root()).to_owned(), schema.kind(schema.root()).clone())
}

#[test]
fn fields_are_called_as_serde_calls_them() {
    #[derive(Serialize, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        x_amzn_trace_id: String,
        r#type: i32,
        #[serde(rename = "RequestID", default)]
        request_id: Vec<u8>,
        #[serde(skip)]
        skipped: String,
        #[serde(skip_serializing)]
        received: bool,
        #[serde(skip_deserializing)]
        sent: bool,
        #[serde(rename(serialize = "Both", deserialize = "Both"), skip_serializing_if = "Option::is_none")]
        both: Option<f32>,
        #[serde(with = "serde_bytes", bound(deserialize = ""))]
        bytes: Vec<u8>,
    }
    assert_eq!(
        fields::<Named>(),
        [
            "XAmznTraceId string",
            "Type int32",
            "RequestID []uint8",
            "Received bool",
            "Sent bool",
            "Both *float32",
            "Bytes []uint8",
        ]
    );
    assert_eq!(kind::<Named>().0, "main.Named");

    #[derive(Gob)]
    struct Already {
        #[serde(rename = "É")]
        accent: i8,
        B: u64,
    }
    assert_eq!(fields::<Already>(), ["É int8", "B uint64"]);
}

#[test]
fn types_have_gos_names() {
    #[derive(Gob)]
    #[gob(name = "Point", package = "geometry")]
    struct Local {
        #[gob(as = "Option<Vec<[u16; 3]>>")]
        X: HashMap<String, bool>,
    }
    assert_eq!(fields::<Local>(), ["X *[][3]uint16"]);
    let schema = schema::<HashMap<&str, Vec<Local>>>();
    assert_eq!(schema.spell(schema.root()), "map[string][]geometry.Point");
}

#[test]
fn a_struct_with_one_nameless_field_is_a_named_type_of_that_kind() {
    #[derive(Gob)]
    struct Celsius(f64);
    #[derive(Gob)]
    struct Octet(u8);
    #[derive(Gob)]
    struct Marker;
    #[derive(Gob)]
    #[serde(transparent)]
    struct Seen {
        value: Celsius,
        #[serde(skip)]
        note: String,
    }
    #[derive(Gob)]
    #[serde(from = "u8", into = "u8")]
    enum Level {
        Low,
        High,
    }
    assert_eq!(kind::<Celsius>(), ("main.Celsius".into(), Kind::Float(64)));
    assert_eq!(kind::<Marker>(), ("main.Marker".into(), Kind::Struct(Fields::default())));
    assert_eq!(kind::<Seen>().0, "main.Celsius");
    assert_eq!(kind::<Level>(), ("uint8".into(), Kind::Uint(Width::Bits(8))));
    // Any slice of an 8-bit unsigned type is bytes.
    assert_eq!(kind::<[Octet]>().1, Kind::Bytes);
    assert_eq!(kind::<gob::Time>(), ("time.Time".into(), Kind::Opaque(Codec::Gob)));
}

#[test]
fn types_that_refer_to_each_other_end() {
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct A {
        b: Option<Box<B>>,
        number: i64,
    }
    /// Its kind is A's, which is not known where B is met.
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
    struct B(A);

    let value = A { b: Some(Box::new(B(A { b: None, number: 2 }))), number: 1 };
    assert_eq!(gob::from_slice::<A>(&gob::to_vec(&value).unwrap()).unwrap(), value);
    let value = B(value);
    assert_eq!(gob::from_slice::<B>(&gob::to_vec(&value).unwrap()).unwrap(), value);
}

#[test]
fn parameters_and_lifetimes_are_taken() {
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Pair<'t, T, const N: usize>
    where
        T: Clone,
    {
        name: &'t str,
        #[serde(bound(deserialize = "T: Deserialize<'de>"))]
        first: T,
        rest: Vec<T>,
        counts: Counts<N>,
    }
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
    struct Counts<const N: usize>(Vec<u32>);

    trait Has {
        type Of;
    }
    #[derive(Gob)]
    #[gob(bound = "T::Of: Gob")]
    struct Associated<T: Has> {
        X: T::Of,
    }
    struct It;
    impl Has for It {
        type Of = bool;
    }
    assert_eq!(fields::<Associated<It>>(), ["X bool"]);

    // Two uses with other arguments are two types, also on one stream.
    let (mut encoder, mut stream) = (gob::Encoder::new(), Vec::new());
    encoder
        .serialize(
            &Pair { name: "n", first: 1_i64, rest: vec![2], counts: Counts::<3>(vec![4]) },
            &mut stream,
        )
        .unwrap();
    let pair = Pair { name: "m", first: String::from("a"), rest: vec![], counts: Counts::<3>(vec![]) };
    encoder.serialize(&pair, &mut stream).unwrap();
    let mut decoder = Decoder::new();
    let mut names = Vec::new();
    let mut rest = &stream[..];
    while let Some(frame) = gob::frame(rest).unwrap() {
        if let Some(value) = decoder.message(frame.message(rest)).unwrap() {
            names.push(value.id());
            if names.len() == 2 {
                assert_eq!(value.deserialize::<Pair<'_, String, 3>>().unwrap(), pair);
            }
        }
        rest = frame.after(rest);
    }
    assert_ne!(names[0], names[1]);
}

#[test]
fn one_type_is_defined_once_on_a_stream() {
    #[derive(Serialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Inner {
        x: i64,
    }
    #[derive(Serialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Outer {
        inner: Inner,
    }
    let (mut encoder, mut stream) = (gob::Encoder::with_first_id(TypeId(64)), Vec::new());
    encoder.serialize(&Inner { x: 1 }, &mut stream).unwrap();
    encoder.serialize(&Outer { inner: Inner { x: 2 } }, &mut stream).unwrap();
    encoder.serialize(&vec![Inner { x: 3 }], &mut stream).unwrap();
    let mut decoder = Decoder::new();
    let mut rest = &stream[..];
    while let Some(frame) = gob::frame(rest).unwrap() {
        _ = decoder.message(frame.message(rest)).unwrap();
        rest = frame.after(rest);
    }
    let names: Vec<_> = decoder.types().definitions().iter().map(|it| it.wire_type.name()).collect();
    assert_eq!(names, ["Inner", "Outer", ""]);
    assert!(matches!(decoder.types().get(TypeId(66)), Some(WireType::Slice { elem: TypeId(64), .. })));
}

/// Both types have the same path, and are written at the same place.
macro_rules! two_types {
    ($encoder:ident, $stream:ident) => {{
        #[derive(Serialize, Gob)]
        struct P {
            X: i64,
        }
        $encoder.serialize(&P { X: 1 }, &mut $stream).unwrap();
    }
    {
        #[derive(Serialize, Gob)]
        struct P {
            Y: String,
        }
        $encoder.serialize(&P { Y: "y".into() }, &mut $stream).unwrap();
    }};
}

#[test]
fn types_of_one_name_are_two_types() {
    let (mut encoder, mut stream) = (gob::Encoder::new(), Vec::new());
    two_types!(encoder, stream);
    let mut decoder = Decoder::new();
    let mut rest = &stream[..];
    let mut values = Vec::new();
    while let Some(frame) = gob::frame(rest).unwrap() {
        if let Some(value) = decoder.message(frame.message(rest)).unwrap() {
            values.push(value.deserialize_any::<serde_json::Value>().unwrap());
        }
        rest = frame.after(rest);
    }
    assert_eq!(values, [serde_json::json!({"X": 1}), serde_json::json!({"Y": "y"})]);
}

#[test]
fn parameters_that_only_mark_need_no_description() {
    struct Unknown;
    #[derive(Gob)]
    #[serde(transparent)]
    struct Id<T>(i64, PhantomData<fn(T)>);
    #[derive(Gob)]
    struct Marker<T>(std::marker::PhantomData<T>);
    assert_eq!(kind::<Id<Unknown>>(), ("int64".into(), Kind::Int(Width::Bits(64))));
    assert_eq!(kind::<Marker<Unknown>>(), ("main.Marker".into(), Kind::Struct(Fields::default())));
}

#[test]
fn interfaces_register_their_variants_types() {
    #[derive(Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Circle {
        radius: f64,
    }
    #[derive(Gob)]
    #[gob(interface)]
    enum Shape {
        #[serde(rename = "main.Circle")]
        Circle(Circle),
        #[serde(rename = "main.Group")]
        Group(Vec<Option<Shape>>),
        #[serde(skip)]
        Never,
    }
    let schema = schema::<Option<Shape>>();
    assert_eq!(*schema.kind(schema.root()), Kind::Interface);
    let spelled = |name: &str| schema.registered(name).map(|ty: TypeRef| schema.spell(ty));
    assert_eq!(spelled("main.Circle"), Some("main.Circle"));
    assert_eq!(spelled("main.Group"), Some("[]main.Shape"));
    assert_eq!(spelled("main.Never"), None);
}

/// As a crate would have it that re-exports this one.
mod elsewhere {
    pub(crate) use gob as inner;
}

#[test]
fn the_trait_is_in_no_methods_way() {
    use std::io::Write;

    let mut bytes: Vec<u8> = Vec::new();
    assert_eq!(bytes.write(b"text").unwrap(), 4);
    assert_eq!(bytes, b"text");
}

#[test]
fn the_crate_may_be_elsewhere() {
    #[derive(elsewhere::inner::Gob)]
    #[gob(crate = "elsewhere::inner")]
    struct It {
        X: bool,
    }
    assert_eq!(fields::<It>(), ["X bool"]);
}
