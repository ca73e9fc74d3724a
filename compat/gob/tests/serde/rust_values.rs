//! Rust's own types, there and back, and the values that Go would refuse.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::marker::PhantomData;

use gob::{Complex, Decoder, Encoder, ErrorKind, Gob};
use serde::de::DeserializeOwned;
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

use crate::cases::*;

#[track_caller]
fn comes_back<T: Gob + Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let stream = gob::to_vec(&value).unwrap();
    assert_eq!(gob::from_slice::<T>(&stream).unwrap(), value);
    // And after it another one, without definitions.
    let (mut encoder, mut twice) = (Encoder::new(), Vec::new());
    encoder.serialize(&value, &mut twice).unwrap();
    let once = twice.len();
    encoder.serialize(&value, &mut twice).unwrap();
    assert!(twice.len() - once <= once);
    let mut decoder = Decoder::new();
    let mut rest = &twice[..];
    let mut count = 0;
    while let Some(frame) = gob::frame(rest).unwrap() {
        if let Some(received) = decoder.message(frame.message(rest)).unwrap() {
            assert_eq!(received.deserialize::<T>().unwrap(), value);
            count += 1;
        }
        rest = frame.after(rest);
    }
    assert_eq!(count, 2);
}

#[test]
fn rusts_types_come_back() {
    comes_back(true);
    comes_back(i8::MIN);
    comes_back(i16::MIN);
    comes_back(i32::MAX);
    comes_back(i64::MIN);
    comes_back(isize::MAX);
    comes_back(u8::MAX);
    comes_back(u16::MAX);
    comes_back(u32::MAX);
    comes_back(u64::MAX);
    comes_back(usize::MAX);
    comes_back(1.5_f32);
    comes_back(f64::MIN_POSITIVE);
    comes_back(String::from("text"));
    comes_back(());
    comes_back(Complex { re: 0.5_f32, im: -0.0 });
    comes_back(vec![1_u8, 2, 255]);
    comes_back(vec![vec![1_i64], Vec::new()]);
    comes_back(VecDeque::from([String::new(), "b".into()]));
    comes_back(BTreeSet::from([3_u16, 1]));
    comes_back(HashSet::from([3_i8, 1]));
    comes_back([[0_i32; 3]; 2]);
    comes_back([0_u8; 4]);
    comes_back([0.0_f64; 0]);
    comes_back(HashMap::from([(1_u32, "one".to_owned()), (0, String::new())]));
    comes_back(BTreeMap::from([("a".to_owned(), vec![Some(1_i64)])]));
    comes_back(Some(5_i64));
    comes_back(Box::new(Pair { a: 1, b: 0 }));
    comes_back(bytes::Bytes::from_static(b"bytes"));
    comes_back(Any::Ints(vec![1, 2]));
    comes_back(vec![Some(Any::Float64(0.5)), None]);
    comes_back(SelfMap(map([("a".into(), SelfMap(map([("b".into(), SelfMap::default())])))])));
}

#[test]
fn bytes_may_have_a_type_of_their_own() {
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq, Default)]
    struct Octet(u8);
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq, Default)]
    #[serde(transparent)]
    struct Same {
        octet: Octet,
    }
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq, Default)]
    #[serde(rename_all = "PascalCase")]
    struct Holder {
        octets: Vec<Octet>,
        same: VecDeque<Same>,
    }
    assert_eq!(gob::to_vec(&vec![Octet(1), Octet(255)]).unwrap(), gob::to_vec(&vec![1_u8, 255]).unwrap());
    comes_back(vec![Octet(1), Octet(255)]);
    comes_back([Octet(1), Octet(255)]);
    comes_back(Holder { octets: vec![Octet(0)], same: [Same { octet: Octet(2) }].into() });
    comes_back(Holder::default());
}

#[test]
fn markers_are_structs_without_fields_or_nothing() {
    struct Unknown;
    #[derive(Serialize, Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Marked<T> {
        x: i64,
        marker: PhantomData<T>,
    }
    #[derive(Serialize, Deserialize, Gob)]
    #[serde(transparent)]
    struct Id<T> {
        number: i64,
        of: PhantomData<T>,
    }
    comes_back(PhantomData::<i64>);
    let marked: Marked<Unknown> =
        gob::from_slice(&gob::to_vec(&Marked::<Unknown> { x: 5, marker: PhantomData }).unwrap()).unwrap();
    assert_eq!(marked.x, 5);
    // It need not be sent.
    assert_eq!(gob::from_slice::<Marked<Unknown>>(&gob::to_vec(&point(1, 0)).unwrap()).unwrap().x, 1);
    let stream = gob::to_vec(&Id::<Unknown> { number: 5, of: PhantomData }).unwrap();
    assert_eq!(stream, gob::to_vec(&5_i64).unwrap());
    assert_eq!(gob::from_slice::<Id<Unknown>>(&stream).unwrap().number, 5);
}

#[test]
fn what_borrows_borrows_from_the_message() {
    #[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Borrowed<'m> {
        text: &'m str,
        #[serde(with = "serde_bytes")]
        bytes: &'m [u8],
        #[serde(borrow)]
        either: Cow<'m, str>,
        missing: &'m str,
    }
    let value = Borrowed { text: "text", bytes: b"bytes", either: Cow::Borrowed("either"), missing: "" };
    let stream = gob::to_vec(&value).unwrap();
    let mut decoder = Decoder::new();
    let definition = gob::frame(&stream).unwrap().unwrap();
    assert!(decoder.message(definition.message(&stream)).unwrap().is_none());
    let rest = definition.after(&stream);
    let message = gob::frame(rest).unwrap().unwrap().message(rest);
    let received: Borrowed<'_> = decoder.message(message).unwrap().unwrap().deserialize().unwrap();
    assert_eq!(received, value);
    assert!(message.as_ptr_range().contains(&received.text.as_ptr()));
    assert!(message.as_ptr_range().contains(&received.bytes.as_ptr()));
    assert!(matches!(received.either, Cow::Borrowed(_)));
}

#[test]
fn fields_that_were_not_sent_are_zero() {
    #[derive(Deserialize, Gob, Debug, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct All {
        x: i64,
        inner: EveryKind,
        arrays: [Point; 2],
        time: gob::Time,
        number: gob::BigInt,
        text: gob::Text,
        encoded: gob::Encoded,
        set: HashSet<String>,
        map: HashMap<String, i64>,
        unit: (),
        #[serde(default = "seven")]
        seven: i64,
        #[serde(skip)]
        skipped: String,
    }
    fn seven() -> i64 {
        7
    }
    let all: All = gob::from_slice(&gob::to_vec(&point(22, 0)).unwrap()).unwrap();
    let expected = All {
        x: 22,
        inner: EveryKind::default(),
        arrays: [point(0, 0), point(0, 0)],
        time: gob::Time::default(),
        number: gob::BigInt::default(),
        text: gob::Text::default(),
        encoded: gob::Encoded::default(),
        set: HashSet::new(),
        map: HashMap::new(),
        unit: (),
        seven: 0,
        skipped: String::new(),
    };
    assert_eq!(all, expected);
}

/// Serializes a list without saying how long it is.
struct Unsized<T>(Vec<T>);

impl<T: Serialize> Serialize for Unsized<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for part in &self.0 {
            list.serialize_element(part)?;
        }
        list.end()
    }
}

impl<T: Gob> Gob for Unsized<T> {
    fn describe(types: &mut gob::SchemaBuilder) -> gob::TypeRef {
        Vec::<T>::describe(types)
    }
}

#[test]
fn a_list_need_not_say_how_long_it_is() {
    let plain =
        vec![vec![Any::Point(point(1, 2)), Any::Int(0)], vec![], vec![Any::Pair(Pair { a: 0, b: 1 })]];
    let lists = Unsized(plain.iter().cloned().map(Unsized).collect());
    assert_eq!(gob::to_vec(&lists).unwrap(), gob::to_vec(&plain).unwrap());
    assert_eq!(gob::to_vec(&Unsized(vec![1_u8, 2])).unwrap(), gob::to_vec(&[1_u8, 2][..]).unwrap());
}

#[test]
fn an_error_within_a_list_that_says_no_length_is_told() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&1_i64)?;
            Err(serde::ser::Error::custom("boom"))
        }
    }
    impl Gob for Fails {
        fn describe(types: &mut gob::SchemaBuilder) -> gob::TypeRef {
            Vec::<i64>::describe(types)
        }
    }
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    assert_eq!(encoder.serialize(&Fails, &mut out).unwrap_err().to_string(), "boom");
    assert_eq!(encoder.serialize(&[Fails, Fails][..], &mut out).unwrap_err().to_string(), "boom");
    assert!(out.is_empty());
    encoder.serialize(&Unsized(vec![1_i64, 2]), &mut out).unwrap();
    assert_eq!(out, gob::to_vec(&vec![1_i64, 2]).unwrap());
}

#[test]
fn what_go_cannot_send_is_an_error_and_leaves_the_stream_alone() {
    let (mut encoder, mut out) = (Encoder::new(), vec![1, 2]);
    let error = encoder.serialize(&None::<Point>, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "gob: cannot encode nil pointer of type *cases.Point");
    let error = encoder.serialize(&[Some(point(0, 0)), None], &mut out).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.kind()),
        ("gob: encodeArray: nil element", ErrorKind::Unsendable)
    );
    assert_eq!(out, [1, 2]);
    // What was taken back is defined anew.
    out.clear();
    encoder.serialize(&[Some(point(0, 1))], &mut out).unwrap();
    assert_eq!(gob::from_slice::<[Point; 1]>(&out).unwrap(), [point(0, 1)]);
}

#[test]
fn a_serialize_that_is_not_as_described_is_an_error() {
    struct Wrong(fn(usize) -> usize);
    impl Gob for Wrong {
        fn describe(types: &mut gob::SchemaBuilder) -> gob::TypeRef {
            Point::describe(types)
        }
    }
    impl Serialize for Wrong {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Point", 2)?;
            for step in 0..2 {
                match self.0(step) {
                    0 => fields.serialize_field("X", &1_i64)?,
                    1 => fields.serialize_field("Y", &1_i64)?,
                    2 => fields.serialize_field("Z", &1_i64)?,
                    _ => fields.serialize_field("X", &1_u64)?,
                }
            }
            fields.end()
        }
    }
    assert!(gob::to_vec(&Wrong(|step| step)).is_ok());
    for (wrong, text) in [
        (
            Wrong(|step| 1 - step),
            "gob: field X comes too late for its place in the description of the type; Serialize and Gob must agree",
        ),
        (Wrong(|_| 2), "gob: field Z is not in the description of the type; Serialize and Gob must agree"),
        (
            Wrong(|_| 3),
            "gob: a unsigned integer was written for the Go type int; Serialize and Gob must agree",
        ),
    ] {
        let error = gob::to_vec(&wrong).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.kind()), (text, ErrorKind::TypeMismatch));
    }
}

#[test]
fn any_value_can_be_read_without_a_description() {
    let value = Bag {
        items: vec![Some(Any::Int(1)), None],
        named: Some(map([("p".into(), Any::Point(point(3, 4)))])),
        pair: [None, Some(Any::String("x".into()))],
    };
    let stream = gob::to_vec(&value).unwrap();
    let mut decoder = Decoder::new();
    let mut rest = &stream[..];
    let read: serde_json::Value = loop {
        let frame = gob::frame(rest).unwrap().unwrap();
        if let Some(received) = decoder.message(frame.message(rest)).unwrap() {
            break received.deserialize_any().unwrap();
        }
        rest = frame.after(rest);
    };
    let expected = serde_json::json!({
        "Items": [{"int": 1}, null],
        "Named": {"p": {"goldengen/cases.Point": {"X": 3, "Y": 4}}},
        "Pair": [null, {"string": "x"}],
    });
    assert_eq!(read, expected);
}
