//! What does not fit, in Go's words, and what the streams do not allow.

use std::collections::BTreeMap;
use std::fmt::Debug;

use gob::{ErrorKind, Gob};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cases::*;

#[track_caller]
fn fails<T: Gob + DeserializeOwned + Debug>(name: &'static str, kind: ErrorKind, text: &str) {
    let error = Golden::open(name).read::<T>().unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), (text, kind), "{name}");
}

/// Receivers that have the one field.
macro_rules! receivers {
    ($($name:ident { $field:ident: $ty:ty })*) => {$(
        #[derive(Debug, Deserialize, Gob, PartialEq)]
        #[serde(rename_all = "PascalCase")]
        struct $name { $field: $ty }
    )*};
}

receivers! {
    Small { small: i8 }
    Other { other: i8 }
    Floats { m: BTreeMap<String, f32> }
    Bytes { a: [u8; 2] }
    IntAsString { i: String }
    IntAsFloat { i: f64 }
    StringAsBytes { s: Vec<u8> }
    BytesAsString { y: String }
    FloatAsInt { f: i64 }
    BoolAsInt { b: i64 }
}

#[test]
fn numbers_have_to_fit_and_are_named_if_they_do_not() {
    let fails_so = |error: gob::Error, text: &str| {
        assert_eq!((error.to_string().as_str(), error.kind()), (text, ErrorKind::Overflow));
    };
    fails::<Small>("overflow_field", ErrorKind::Overflow, "value for \"Small\" out of range");
    assert_eq!(Golden::open("overflow_field").read::<Other>().unwrap(), Other { other: 1 });
    fails::<i8>("overflow_int_128", ErrorKind::Overflow, "value for \"*int8\" out of range");
    assert_eq!(Golden::open("overflow_int_128").read::<i16>().unwrap(), 128);
    fails::<Vec<i8>>("overflow_slice", ErrorKind::Overflow, "value for \"element of *[]int8\" out of range");
    fails::<Bytes>("overflow_array_field", ErrorKind::Overflow, "value for \"element of A\" out of range");
    fails::<Floats>("overflow_map_field", ErrorKind::Overflow, "value for \"M\" out of range");
    fails_so(
        Golden::open("overflow_float_big").read::<f32>().unwrap_err(),
        "value for \"*float32\" out of range",
    );
    assert_eq!(Golden::open("overflow_float_inf").read::<f32>().unwrap(), f32::NEG_INFINITY);
    assert!(Golden::open("overflow_float_tiny").read::<f32>().is_ok());
}

#[test]
fn kinds_have_to_agree_even_where_the_value_does_not_show_it() {
    let field = |ty: &str, name: &str| format!("gob: wrong type ({ty}) for received field {name}");
    let kind = ErrorKind::TypeMismatch;
    fails::<IntAsString>("evolve_kind_change", kind, &field("string", ".I"));
    fails::<IntAsFloat>("evolve_kind_change", kind, &field("float64", ".I"));
    fails::<StringAsBytes>("evolve_kind_change", kind, &field("[]uint8", ".S"));
    fails::<BytesAsString>("evolve_kind_change", kind, &field("string", ".Y"));
    fails::<FloatAsInt>("evolve_kind_change", kind, &field("int64", ".F"));
    fails::<BoolAsInt>("evolve_kind_change", kind, &field("int64", ".B"));
    let text = "gob: decoding into local type *uint8, received remote type int";
    fails::<u8>("overflow_int_128", kind, text);
    // The last node has no next one, whose type would be wrong.
    #[derive(Debug, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct List {
        #[allow(dead_code, reason = "what counts is its type")]
        next: Option<String>,
    }
    let mut golden = Golden::open("list_3").value(crate::cases::List {
        val: 1,
        next: Some(Box::new(crate::cases::List {
            val: 2,
            next: Some(Box::new(crate::cases::List { val: 3, next: None })),
        })),
    });
    assert_eq!(golden.read::<List>().unwrap_err().kind(), kind);
}

#[test]
fn interfaces_take_in_what_is_registered() {
    #[derive(Debug, Deserialize, Gob, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Narrow {
        v: Option<Number>,
    }
    #[derive(Debug, Deserialize, Gob, PartialEq)]
    #[gob(interface)]
    enum Number {
        #[serde(rename = "int")]
        Int(i64),
    }
    let name = "gob: name not registered for interface: \"goldengen/cases.Point\"";
    fails::<Narrow>("iface_struct", ErrorKind::NotRegistered, name);
    // A nil fits an Option alone.
    #[derive(Debug, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Needed {
        #[allow(dead_code, reason = "never read")]
        v: Number,
    }
    let text = "gob: a nil interface for Number; Option<Number> takes it";
    fails::<Needed>("iface_nil", ErrorKind::TypeMismatch, text);
}

#[test]
fn after_an_error_the_next_value_is_next() {
    let mut golden = Golden::open("time_values");
    assert!(golden.read::<Point>().is_err());
    assert_eq!(golden.read::<gob::Time>().unwrap(), gob::Time::default());
}
