//! Types that write themselves, and serde, on the same values: they have to write the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::marker::PhantomData;

use bytes::Bytes;
use proptest::prelude::*;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::ser::DEPTH_LIMIT;
use crate::{Complex, Encoder, Error, Gob, Text, Time};

/// Who writes a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Itself,
    Serde,
}

/// Checks that a value is written by that way, and that serde writes the same: on a new stream, and later on.
#[track_caller]
fn same<T: Gob + Serialize + ?Sized>(value: &T, by: By) -> Result<Vec<u8>, Error> {
    let schema = crate::go_type::schema::<T>();
    let name = std::any::type_name::<T>();
    assert_eq!(T::DIRECT && schema.direct, by == By::Itself, "{name}");
    let (mut one, mut other) = (Encoder::new(), Encoder::new());
    let (mut found, mut wanted) = (Vec::new(), Vec::new());
    let mut last = Ok(());
    for _ in 0..2 {
        last = one.serialize(value, &mut found);
        assert_eq!(last, other.serialize_by_serde(schema, value, &mut wanted), "{name}");
        assert_eq!(found, wanted, "{name}");
    }
    last.map(|()| found)
}

#[track_caller]
fn direct<T: Gob + Serialize + ?Sized>(value: &T) {
    same(value, By::Itself).expect("it is sent");
}

#[track_caller]
fn by_serde<T: Gob + Serialize + ?Sized>(value: &T) {
    same(value, By::Serde).expect("it is sent");
}

#[derive(Serialize, Gob, Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[gob(crate = "crate")]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Serialize, Gob, Debug, Clone, Default, PartialEq)]
#[gob(crate = "crate")]
#[serde(rename_all = "PascalCase")]
struct Numbers {
    bool: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    isize: isize,
    #[serde(rename = "Byte")]
    u8: u8,
    u16: u16,
    #[serde(skip)]
    skipped: u32,
    u32: u32,
    u64: u64,
    usize: usize,
    f32: f32,
    #[serde(default)]
    f64: f64,
}

#[derive(Serialize, Gob, Debug, Clone, Default, PartialEq)]
#[gob(crate = "crate")]
#[serde(rename_all = "PascalCase")]
struct Parts {
    string: String,
    bytes: Vec<u8>,
    strings: Vec<String>,
    point: Point,
    pointer: Option<Point>,
    pointers: Option<Option<i64>>,
    array: [u8; 3],
    empty: [i64; 0],
    map: BTreeMap<String, Vec<f64>>,
    numbers: Box<Numbers>,
    last: bool,
}

#[derive(Serialize, Gob, Debug, Clone, Default)]
#[gob(crate = "crate")]
#[serde(rename_all = "PascalCase")]
struct Node {
    next: Option<Box<Node>>,
    below: Vec<Node>,
    value: u64,
}

fn chain(length: usize) -> Node {
    (1..length).fold(Node::default(), |next, at| Node {
        next: Some(Box::new(next)),
        below: Vec::new(),
        value: at as u64,
    })
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let some = prop_oneof![Just(0), any::<i64>(), -200..200_i64, (0..64_u32).prop_map(|bit| 1 << bit)];
    let float = prop_oneof![Just(0.0), Just(-0.0), Just(17.0), any::<f64>()];
    (proptest::array::uniform7(some), float, any::<bool>()).prop_map(|(it, float, bool)| Numbers {
        bool,
        i8: it[0] as i8,
        i16: it[1] as i16,
        i32: it[2] as i32,
        i64: it[3],
        isize: it[4] as isize,
        u8: it[5] as u8,
        u16: it[0] as u16,
        skipped: 1,
        u32: it[1] as u32,
        u64: it[6] as u64,
        usize: it[2] as usize,
        f32: float as f32,
        f64: float,
    })
}

fn parts() -> impl Strategy<Value = Parts> {
    let bytes = || prop_oneof![Just(Vec::new()), proptest::collection::vec(any::<u8>(), 0..300)];
    let strings = proptest::collection::vec(".{0,40}", 0..4);
    let floats = proptest::collection::vec(any::<f64>(), 0..3);
    let map = proptest::collection::btree_map(".{0,3}", floats, 0..4);
    (bytes(), strings, any::<Option<Option<i64>>>(), any::<[u8; 3]>(), map, numbers()).prop_map(
        |(bytes, strings, pointers, array, map, numbers)| Parts {
            string: strings.concat(),
            bytes,
            point: Point { x: numbers.i32, y: 0 },
            pointer: numbers.bool.then_some(Point { x: 0, y: numbers.i32 }),
            strings,
            pointers,
            array,
            empty: [],
            map,
            last: numbers.bool,
            numbers: Box::new(numbers),
        },
    )
}

proptest! {
    #[test]
    fn structs_write_themselves_as_serde_writes_them(parts in proptest::collection::vec(parts(), 0..4)) {
        direct(&parts);
        parts.iter().for_each(direct);
        parts.iter().for_each(|it| direct(&it.numbers));
    }
}

/// Distances that take more than a byte.
#[test]
fn fields_far_apart() {
    macro_rules! wide {
        ($($group:ident: $($field:ident)*;)*) => {
            #[derive(Serialize, Gob, Default)]
            #[gob(crate = "crate")]
            #[allow(non_snake_case, reason = "Go's names")]
            struct Wide { $($($field: i64,)*)* Float: f64, Text: String, Last: i64, List: Vec<i64>, Point: Point }
        };
    }
    wide! {
        a: A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 Aa Ab Ac Ad Ae Af; b: B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 Ba Bb Bc Bd Be Bf;
        c: C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 Ca Cb Cc Cd Ce Cf; d: D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 Da Db Dc Dd De Df;
        e: E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 Ea Eb Ec Ed Ee Ef; f: F0 F1 F2 F3 F4 F5 F6 F7 F8 F9 Fa Fb Fc Fd Fe Ff;
        g: G0 G1 G2 G3 G4 G5 G6 G7 G8 G9 Ga Gb Gc Gd Ge Gf; h: H0 H1 H2 H3 H4 H5 H6 H7 H8 H9 Ha Hb Hc Hd He Hf;
    }
    direct(&Wide::default());
    direct(&Wide { Float: 0.1, Last: 1, ..Wide::default() });
    direct(&Wide { Text: "far".into(), ..Wide::default() });
    for last in [1, -1, 63, 64, i64::MIN] {
        direct(&Wide { Last: last, List: vec![0, last], ..Wide::default() });
    }
}

#[test]
fn rusts_own_types() {
    direct(&0_u8);
    direct(&200_u8);
    direct("");
    direct(&String::from("text"));
    direct(&Bytes::from_static(b"bytes"));
    direct(&[1_u8, 200][..]);
    direct(&vec![&b"ab"[..], b""]);
    direct(&vec![vec![200_u16], vec![]]);
    direct(&VecDeque::from([1, -1]));
    direct(&LinkedList::from([0.5_f32, -0.0]));
    direct(&BTreeSet::from(["a", "b"]));
    direct(&BinaryHeap::from([3, 1, 2]));
    direct(&HashSet::from(["a", "b", "c"]));
    direct(&HashMap::from([("a", 1_u64), ("b", 0), ("c", u64::MAX)]));
    direct(&HashMap::<String, Point>::new());
    direct(&[[0_u8, 200], [1, 2]]);
    direct(&Some(Point::default()));
    direct(&vec![Some(0), Some(1)]);
    direct(&Cow::Borrowed("text"));
    direct(&(&&Point { x: 1, y: 0 }));
    direct(&chain(100));
}

#[test]
fn what_bytes_do_not_write_is_left_to_serde() {
    #[derive(Serialize, Gob, Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
    #[gob(crate = "crate")]
    struct Byte(u8);

    direct(&Byte(200));
    direct(&[Byte(200), Byte(1)]);
    by_serde(&vec![Byte(200), Byte(1)]);
    by_serde(&VecDeque::from([200_u8, 1]));
    by_serde(&BTreeSet::from([200_u8, 1]));
    by_serde(&vec![Box::new(200_u8)]);
}

#[test]
fn what_is_more_than_its_fields_is_left_to_serde() {
    #[derive(Serialize, Gob)]
    #[gob(crate = "crate")]
    #[serde(rename_all = "PascalCase")]
    struct Moment {
        time: Time,
    }

    #[derive(Serialize, Gob)]
    #[gob(crate = "crate", interface)]
    enum Any {
        Point(Point),
    }

    by_serde(&Time::default());
    by_serde(&vec![Complex { re: 0.0, im: 1.0 }]);
    by_serde(&Text::from("text"));
    by_serde(&Moment { time: Time::default() });
    by_serde(&HashMap::from([("a", Moment { time: Time::default() })]));
    by_serde(&PhantomData::<Point>);
    by_serde(&vec![Some(Any::Point(Point { x: 1, y: 2 })), None]);
}

/// Writes twice the number.
fn doubled<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(number * 2)
}

#[test]
fn attributes_that_change_what_serde_writes_are_left_to_serde() {
    macro_rules! by_serde {
        ($(#[$of_type:meta])* { $(#[$of_field:meta])* $ty:ty = $value:expr }) => {{
            #[derive(Serialize, Gob, Clone)]
            #[gob(crate = "crate")]
            #[serde(rename_all = "PascalCase")]
            $(#[$of_type])*
            #[allow(dead_code, reason = "one is not sent")]
            struct It {
                before: i64,
                $(#[$of_field])*
                x: $ty,
                after: Point,
            }

            let it = It { before: 1, x: $value, after: Point { x: 0, y: 1 } };
            by_serde(&it);
            by_serde(&vec![Some(it)]);
        }};
    }
    by_serde! { { #[serde(serialize_with = "doubled")] i64 = 21 } }
    by_serde! { { #[serde(with = "serde_bytes")] Vec<u8> = vec![1, 2] } }
    by_serde! { { #[serde(skip_serializing)] i64 = 21 } }
    by_serde! { { #[serde(skip_serializing_if = "Vec::is_empty")] Vec<u8> = Vec::new() } }
    by_serde! { { #[gob(as = "isize")] i64 = 21 } }
    by_serde! { #[gob(by_serde)] { i64 = 21 } }

    #[derive(Serialize, Gob, Clone, Copy)]
    #[gob(crate = "crate")]
    #[serde(rename_all = "PascalCase")]
    #[repr(C, packed)]
    struct Packed {
        byte: u8,
        long: i64,
    }

    #[derive(Serialize, Gob, Clone)]
    #[gob(crate = "crate")]
    #[serde(into = "Point")]
    struct Pair(i32, i32);

    impl From<Pair> for Point {
        fn from(Pair(x, y): Pair) -> Point {
            Point { x, y }
        }
    }

    by_serde(&Packed { byte: 1, long: 2 });
    by_serde(&Pair(1, 2));
}

#[test]
fn attributes_that_do_not_change_it_do_not_matter() {
    #[derive(Serialize, Gob)]
    #[gob(crate = "crate", name = "Other", package = "elsewhere", bound = "T: Gob")]
    #[serde(rename = "another", bound(serialize = "T: Serialize"))]
    struct Generic<'a, T: ?Sized> {
        #[serde(rename = "Text", borrow)]
        text: &'a str,
        #[serde(skip_serializing, skip_deserializing)]
        _skipped: i64,
        #[serde(rename = "Point")]
        #[gob(embedded)]
        point: Point,
        #[serde(rename = "Inner", skip_deserializing, default)]
        inner: Box<T>,
    }

    #[derive(Serialize, Gob)]
    #[gob(crate = "crate")]
    struct Celsius(f64);

    #[derive(Serialize, Gob)]
    #[gob(crate = "crate")]
    #[serde(transparent)]
    struct Marked<T> {
        #[serde(skip)]
        _skipped: i64,
        value: Option<T>,
        _marker: PhantomData<T>,
    }

    #[derive(Serialize, Gob)]
    #[gob(crate = "crate")]
    struct Nothing;

    for text in ["", "text"] {
        let (point, inner) = (Point::default(), Box::<[u8]>::from([1, 0]));
        direct(&Generic { text, _skipped: 1, point: point.clone(), inner });
        direct(&Generic { text, _skipped: 1, point, inner: Box::new(Celsius(0.0)) });
    }
    direct(&Celsius(0.0));
    direct(&vec![Celsius(0.0), Celsius(36.6)]);
    direct(&Marked { _skipped: 1, value: Some(0), _marker: PhantomData });
    direct(&vec![Nothing, Nothing]);
}

#[test]
fn what_cannot_be_sent_is_the_same_error() {
    let refused = |result: Result<Vec<u8>, Error>| result.expect_err("it is sent").to_string();
    let text = refused(same(&None::<i64>, By::Itself));
    assert!(text.contains("cannot encode nil pointer of type *int64"), "{text}");
    let text = refused(same(&vec![Some(1), None], By::Itself));
    assert!(text.contains("nil element"), "{text}");
    let deep = format!("nested more than {DEPTH_LIMIT} times");
    // The last one's empty list counts, although it is not sent.
    direct(&chain(DEPTH_LIMIT - 1));
    let text = refused(same(&chain(DEPTH_LIMIT), By::Itself));
    assert!(text.contains(&deep), "{text}");
    let lists =
        (0..DEPTH_LIMIT / 2).fold(Node::default(), |node, _| Node { below: vec![node], ..Node::default() });
    let text = refused(same(&lists, By::Itself));
    assert!(text.contains(&deep), "{text}");
}

/// Only here can it be seen that the values did not come by serde.
#[test]
#[cfg_attr(debug_assertions, should_panic(expected = "needs #[gob(by_serde)]"))]
fn a_serialize_that_is_written_by_hand_is_found_out() {
    #[derive(Gob)]
    #[gob(crate = "crate")]
    #[allow(non_snake_case, reason = "Go's name")]
    struct Secret {
        Text: &'static str,
    }

    impl Serialize for Secret {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Secret", 1)?;
            fields.serialize_field("Text", "***")?;
            fields.end()
        }
    }

    let sent = crate::to_vec(&Secret { Text: "open" }).expect("it is sent");
    assert!(sent.ends_with(b"\x04open\0"));
}
