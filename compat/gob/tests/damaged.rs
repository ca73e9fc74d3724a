//! Damaged streams, and what Go's Decoder says of each: found by damaging random ones, and having both read them.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeMap;

use gob::{Decoder, Error, ErrorKind, Gob, Received};
use serde::{Deserialize, Serialize};

#[derive(Gob, Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "PascalCase")]
struct Point {
    x: i64,
    y: i64,
}

#[derive(Gob, Serialize, Deserialize, PartialEq, Debug)]
#[gob(interface, name = "")]
enum Any {
    #[serde(rename = "*main.Point")]
    Point(Point),
}

/// An interface's value: the registered name, the definition of `Point` as type 64, and then, in a message of its
/// own, the id, a count and the struct.
fn any_point(last: &[u8]) -> Vec<u8> {
    any(b"\x7f\x03\x01\x01\x05Point\x01\xff\x80\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00", last)
}

fn any(definition: &[u8], last: &[u8]) -> Vec<u8> {
    stream(&[&[b"\x10\x00\x0b*main.Point", definition].concat(), last])
}

fn stream(messages: &[&[u8]]) -> Vec<u8> {
    messages.iter().flat_map(|message| [&[u8::try_from(message.len()).unwrap()], *message].concat()).collect()
}

/// What comes of the stream's first value, however it is read.
fn read(stream: &[u8]) -> Result<Any, Error> {
    let whole = first(stream, |value| value.value().map(drop));
    let read = first(stream, |value| value.deserialize::<Option<Any>>());
    let error = read.as_ref().err().cloned();
    assert_eq!(
        whole.as_ref().err().map(Error::kind),
        error.as_ref().map(Error::kind),
        "{whole:?}, {error:?}"
    );
    read.map(Option::unwrap)
}

fn first<T>(stream: &[u8], read: impl FnOnce(Received<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let (mut decoder, mut rest) = (Decoder::new(), stream);
    loop {
        let frame = gob::frame(rest)?.expect("a whole message");
        let message = frame.message(rest);
        rest = frame.after(rest);
        if decoder.accept(message)? {
            return read(decoder.received(message).unwrap());
        }
    }
}

#[track_caller]
fn check(stream: &[u8], kind: ErrorKind, text: &str) {
    let error = read(stream).unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (kind, text));
}

#[test]
fn what_a_definition_splits_is_read_to_its_end() {
    let point = |x, y| Any::Point(Point { x, y });
    assert_eq!(read(&any_point(b"\xff\x80\x05\x01\x02\x01\x04\x00")).unwrap(), point(1, 2));
    // The bytes are cut off within X, and so they are not the end of the struct.
    let text = "gob: invalid uint data length 8: exceeds input size 0";
    check(&any_point(b"\xff\x80\x05\x01\xf8"), ErrorKind::Corrupt, text);
    check(
        &any_point(b"\xff\x80\x05\x01\x02\x02\x04\x00"),
        ErrorKind::BadField,
        "gob: bad data: field numbers out of bounds",
    );
}

#[test]
fn who_reads_an_interfaces_value_does_not_need_its_count() {
    let stream = any_point(b"\xff\x80\x11\x01\x02\x01\x04\x00");
    let error = first(&stream, |value| value.skip()).unwrap_err();
    assert_eq!(error.to_string(), "gob: bad interface encoding: data length too large for buffer");
    let value = first(&stream, |value| value.deserialize::<Option<Any>>()).unwrap();
    assert_eq!(value, Some(Any::Point(Point { x: 1, y: 2 })));
    let value = first(&stream, |value| value.value()).unwrap();
    assert!(format!("{value:?}").contains("X: 1, Y: 2"), "{value:?}");
}

#[test]
fn a_definition_within_a_value_tells_what_is_wrong_with_it() {
    let last = b"\xff\x80\x05\x01\x02\x01\x04\x00";
    let text = "gob: bad data: field numbers out of bounds";
    check(&any(b"\x7f\x08\x01", last), ErrorKind::BadField, text);
    let text = "gob: encoded unsigned integer out of range";
    check(&any(b"\x7f\x03\x01\x01\xc8", last), ErrorKind::Corrupt, text);
    check(&any(b"\x7d\x03\x01\x00", last), ErrorKind::DuplicateType, "gob: duplicate type received");
}

#[test]
fn an_id_that_is_cut_off_is_an_unexpected_end() {
    check(&stream(&[b"\xfe\x01"]), ErrorKind::UnexpectedEof, "unexpected EOF");
    check(&any_point(b"\xff"), ErrorKind::ShortMessage, "EOF");
    check(&stream(&[b""]), ErrorKind::ShortMessage, "EOF");
}

#[test]
fn ids_within_definitions_are_not_cut_to_32_bits() {
    // 2^32 and an int's 2, which make 2^33 and 4 with the sign.
    for (name, definition) in [
        ("Id", &b"\x7f\x03\x01\x01\x05Point\x01\xff\x80\x00\x01\x01\x01\x01X\x01\xfb\x02\x00\x00\x00\x04\x00\x00\x00"[..]),
        ("Id", b"\x7f\x03\x01\x01\x05Point\x01\xfb\x02\x00\x00\x00\x04\x00\x00\x00"),
        ("Elem", b"\x7f\x02\x01\x02\xff\x80\x00\x01\xfb\x02\x00\x00\x00\x04\x00\x00"),
        ("Key", b"\x7f\x04\x01\x02\xff\x80\x00\x01\xfb\x02\x00\x00\x00\x04\x01\x04\x00\x00"),
    ] {
        let text = format!("value for {name:?} out of range");
        check(&stream(&[definition, b"\xff\x80\x00\x00"]), ErrorKind::Overflow, &text);
        check(&any(definition, b"\xff\x80\x00\x00"), ErrorKind::Overflow, &text);
    }
}

#[test]
fn ids_that_go_has_no_type_for_are_unknown() {
    for (id, kind) in
        [(23, ErrorKind::TypeMismatch), (24, ErrorKind::UnknownType), (63, ErrorKind::UnknownType)]
    {
        let mut message = Vec::new();
        gob::wire::put_int(&mut message, id);
        message.push(0);
        let error = gob::from_slice::<Point>(&stream(&[&message])).unwrap_err();
        assert_eq!(error.kind(), kind, "{id}: {error}");
    }
}

/// Go never sends it so. What is made of it is told in the crate's documentation.
#[test]
fn of_a_field_that_is_there_twice_a_rust_type_takes_the_first() {
    let definition = b"\x7f\x03\x01\x01\x05Point\x01\xff\x80\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01X\x01\x04\x00\x00\x00";
    let stream = stream(&[definition, b"\xff\x80\x01\x02\x01\x04\x00"]);
    assert_eq!(gob::from_slice::<Point>(&stream).unwrap(), Point { x: 1, y: 0 });
    let value = first(&stream, |value| value.value()).unwrap();
    assert_eq!(format!("{value:?}"), "Point { X: 1, X: 2 }");
}

#[test]
fn of_a_key_that_is_there_twice_a_value_has_both_and_a_rust_map_the_last() {
    let definition = b"\x7f\x04\x01\x02\xff\x80\x00\x01\x04\x01\x04\x00\x00";
    let stream = stream(&[definition, b"\xff\x80\x00\x02\x02\x04\x02\x06"]);
    assert_eq!(gob::from_slice::<BTreeMap<i64, i64>>(&stream).unwrap(), BTreeMap::from([(1, 3)]));
    let value = first(&stream, |value| value.value()).unwrap();
    assert_eq!(format!("{value:?}"), "{1: 2, 1: 3}");
}
