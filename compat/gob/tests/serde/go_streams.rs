//! Each value is read from Go's stream and written to the same bytes.

use std::collections::BTreeMap;

use gob::{BigInt, Complex, Text, Time};

use crate::cases::*;

#[test]
fn a_struct_is_gos_forty_bytes() {
    let forty = gob::to_vec(&point(22, 33)).unwrap();
    assert_eq!(forty.len(), 40);
    Golden::open("struct_point")
        .value(point(22, 33))
        .value(point(0, 0))
        .value(point(0, 1))
        .value(point(-1, 0))
        .end();
}

#[test]
fn types_may_refer_to_themselves_and_to_each_other() {
    let node = |val, next| List { val, next };
    let list = node(1, Some(Box::new(node(2, Some(Box::new(node(3, None)))))));
    Golden::open("list_3").value(list).value(node(0, None)).end();

    let tree = |key: &str, left, right| Tree { key: key.into(), left, right };
    let leaf = |key| Some(Box::new(tree(key, None, None)));
    let left = Some(Box::new(tree("c", None, leaf("d"))));
    let right = Some(Box::new(tree("x", leaf("p"), None)));
    Golden::open("tree").value(tree("m", left, right)).end();

    let ping = |n, pong: Option<Pong>| Ping { n, pong: pong.map(Box::new) };
    let inner = Pong { s: "t".into(), pings: Vec::new() };
    let pong = Pong { s: "s".into(), pings: vec![ping(2, None), ping(3, Some(inner))] };
    Golden::open("mutual").value(ping(1, Some(pong))).end();

    let empty = || SelfSlice(Vec::new());
    let nested = SelfSlice(vec![empty(), SelfSlice(vec![empty(), SelfSlice(vec![empty()])])]);
    Golden::open("self_slice").value(nested).value(empty()).end();
}

#[test]
fn embedded_structs_are_fields_with_the_name_of_their_type() {
    let animal = |name: &str, legs| Animal { name: name.into(), legs };
    let dog = |animal, breed: &str| Dog { animal, breed: breed.into() };
    Golden::open("struct_embedded")
        .value(dog(animal("Rex", 4), "mutt"))
        .value(Puppy { dog: Some(dog(animal("P", 0), "")), weeks: 9 })
        .value(Puppy { dog: None, weeks: 0 })
        .end();
}

#[test]
fn every_kind_comes_and_goes() {
    let full = EveryKind {
        b: true,
        i: -5,
        i8: -8,
        i16: -16,
        i32: -32,
        i64: -64,
        u: 5,
        u8: 8,
        u16: 16,
        u32: 32,
        u64: 64,
        uptr: 99,
        f32: 1.5,
        f64: -2.25,
        c64: Complex { re: 1.0, im: 2.0 },
        c128: Complex { re: -3.0, im: -4.0 },
        s: "str".into(),
        by: b"bytes".to_vec(),
        sl: vec![1, 2, 3],
        ar: [7, 0],
        mp: Some(map([("k".into(), 1)])),
        st: point(1, 2),
        pt: Some(point(3, 4)),
        pi: Some(6),
        r#if: Some(Any::String("iface".into())),
    };
    Golden::open("struct_every_kind_full").value(full).end();
    let zero = EveryKind::default();
    Golden::open("struct_every_kind_zero").value(zero.clone()).end();
    let empties = EveryKind { mp: Some(BTreeMap::new()), ..zero.clone() };
    Golden::open("struct_empties").value(empties).end();
}

#[test]
fn zeros_with_a_sign_are_left_out_and_no_numbers_are_sent() {
    let minus =
        EveryKind { f32: -0.0, f64: -0.0, c128: Complex { re: -0.0, im: -0.0 }, ..EveryKind::default() };
    let mut golden = Golden::open("struct_zero_like").changed(minus, EveryKind::default());
    let value: EveryKind = golden.read().unwrap();
    assert!(value.f64.is_nan() && value.c64.im.is_nan());
    let sent = EveryKind {
        f64: f64::from_bits(0x7ff8_0000_0000_0001),
        c64: Complex { re: 0.0, im: f32::NAN },
        ..EveryKind::default()
    };
    golden.write(&sent).end();
}

#[test]
fn pointers_are_options_and_those_to_zero_are_lost() {
    let full = Ptrs {
        a: Some(1),
        b: Some(Some(2)),
        c: Some(Some(Some("deep".into()))),
        d: Some(true),
        e: Some(vec![1]),
        f: Some(map([("a".into(), 1)])),
        g: Some([1, 2]),
        h: Some(Some(point(1, 2))),
        i: Some(vec![1]),
    };
    Golden::open("pointer_full").value(full).end();

    let zeros = Ptrs {
        a: Some(0),
        b: Some(Some(0)),
        c: Some(Some(Some(String::new()))),
        d: Some(false),
        e: Some(Vec::new()),
        f: Some(BTreeMap::new()),
        g: Some([0; 2]),
        h: Some(Some(point(0, 0))),
        i: Some(Vec::new()),
    };
    let left =
        Ptrs { f: Some(BTreeMap::new()), g: Some([0; 2]), h: Some(Some(point(0, 0))), ..Ptrs::default() };
    let half = Ptrs { b: Some(None), c: Some(Some(None)), e: Some(Vec::new()), ..Ptrs::default() };
    Golden::open("pointer_to_zero").changed(zeros, left).changed(half, Ptrs::default()).end();
}

#[test]
fn interfaces_hold_what_is_registered() {
    let boxed = |v| Boxed { v: Some(v) };
    Golden::open("iface_struct")
        .value(boxed(Any::Point(point(1, 2))))
        .value(boxed(Any::Point(point(3, 4))))
        .value(BoxN { v: Some(Any::Point(point(0, 0))), n: 7 })
        .end();
    Golden::open("iface_nil").value(Boxed { v: None }).value(BoxN { v: None, n: 3 }).end();
}

#[test]
fn definitions_split_the_values_of_interfaces() {
    let nested = |v, tag: &str| Any::Nested(Nested { r#in: Some(Box::new(v)), tag: tag.into() });
    Golden::open("iface_nested")
        .value(BoxN { v: Some(nested(Any::Point(point(1, 2)), "t")), n: 9 })
        .value(BoxN { v: Some(nested(nested(nested(Any::Int(5), "d"), "e"), "f")), n: 10 })
        .end();
    Golden::open("iface_nested_3")
        .value(vec![
            nested(nested(Any::Point(point(1, 2)), "a"), "b"),
            Any::Pair(Pair { a: 1, b: 1 }),
            nested(Any::Pair(Pair { a: 3, b: 4 }), "c"),
        ])
        .end();
    Golden::open("iface_in_composites")
        .value(Bag {
            items: vec![Some(Any::Int(1)), None, Some(Any::Point(point(1, 2)))],
            named: Some(map([("p".into(), Any::Point(point(3, 4)))])),
            pair: [None, Some(Any::String("x".into()))],
        })
        .value(Bag { items: Vec::new(), named: None, pair: [Some(Any::Int(1)), None] })
        .end();
}

#[test]
fn times_are_instants_with_an_offset() {
    let at = Time::from_unix(1_700_000_000, 123_456_789);
    Golden::open("time_values")
        .value(at)
        .value(Time::default())
        .value(Time::from_unix(0, 0))
        .value(Time::from_unix(-1, 999))
        .value(Time::from_unix(-62_135_596_800, 1))
        .value(Time::from_unix(253_402_300_799, 999_999_999))
        .value(Time::from_unix(-74_784_816_000, 0))
        .value(at.with_offset(5 * 3_600 + 30 * 60))
        .value(Time::from_unix(1_700_000_000, 0).with_offset(-7 * 3_600))
        .end();
    let full = Times {
        at,
        opt: Some(at),
        all: vec![Time::default(), at.with_offset(5 * 3_600 + 30 * 60)],
        by_id: Some(map([(1, at)])),
        took: Duration(90_000_000_000),
    };
    Golden::open("time_fields").value(full).value(Times::default()).end();
    Golden::open("time_odd_offset").value(at.with_offset(-(3 * 3_600 + 25 * 60 + 7))).end();
}

#[test]
fn types_that_encode_themselves_are_bytes() {
    let bytes = |text: &[u8]| gob::Encoded(text.to_vec());
    Golden::open("big_fields")
        .value(Bigs {
            i: Some(BigInt::from(12_345)),
            r: Some(Rat(bytes(b"\x03\0\0\0\x01\x01\x03"))),
            f: Some(Float(bytes(b"\x01\x0a\0\0\0\x35\0\0\0\x01\xc0\0\0\0\0\0\0\0"))),
        })
        .value(Bigs { i: Some(BigInt::default()), ..Bigs::default() })
        .value(Bigs::default())
        .end();
    Golden::open("codec_binary")
        .value(Bin(gob::Marshaled(vec![0x12, 0x34])))
        .value(Bin(gob::Marshaled(vec![0, 0])))
        .end();
}

#[test]
fn strings_may_be_any_bytes() {
    let mut golden = Golden::open("string_invalid_utf8");
    for bytes in
        [&b"\xff"[..], b"\xc0\x80", b"ok\xfe", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x80\x81\x82"]
    {
        golden = golden.value(Text::from(bytes));
    }
    golden.end();
    let error = Golden::open("string_invalid_utf8").read::<String>().unwrap_err();
    assert_eq!(error.to_string(), "gob: the string is not UTF-8; gob::Text takes any");
}

#[test]
fn receivers_may_have_other_fields() {
    let ann = || PersonV1 { name: "Ann".into(), age: 30 };
    assert_eq!(Golden::open("evolve_removed").read::<PersonV1>().unwrap(), ann());
    let newer = Golden::open("evolve_mismatch_after_good").read::<PersonV2>().unwrap();
    assert_eq!(newer, PersonV2 { name: "Ann".into(), age: 30, ..PersonV2::default() });

    #[derive(Debug, PartialEq, serde::Deserialize, gob::Gob)]
    #[serde(rename_all = "PascalCase")]
    struct ListPlus {
        extra: String,
        val: i32,
        next: Option<Box<ListPlus>>,
    }
    let plus = |val, next| ListPlus { extra: String::new(), val, next };
    assert_eq!(
        Golden::open("evolve_recursive").read::<ListPlus>().unwrap(),
        plus(1, Some(Box::new(plus(2, None))))
    );

    #[derive(Debug, PartialEq, serde::Deserialize, gob::Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Widths {
        a: i8,
        b: i16,
        c: i32,
        d: i64,
    }
    let widths = Golden::open("evolve_int_widths").read::<Widths>().unwrap();
    assert_eq!(widths, Widths { a: 1, b: -2, c: 300, d: 1 << 20 });
}
