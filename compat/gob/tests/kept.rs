//! Values that are read later than they came, and bytes that are had before their message is whole.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::fs;

use bytes::Bytes;
use gob::{Decoder, Encoder, Gob, Kept};
use serde::Serialize;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// All that Go has recorded: values split by definitions, damaged ones, and types that are never defined among them.
#[test]
fn what_is_kept_is_read_as_if_it_had_just_come() {
    let (mut values, mut split) = (0, 0);
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gob") {
            continue;
        }
        let stream = fs::read(&path).unwrap();
        let (mut at_once, mut later, mut kept) = (Decoder::new(), Decoder::new(), Vec::<Kept>::new());
        let (mut read, mut rest) = (Vec::new(), &stream[..]);
        while let Ok(Some(frame)) = gob::frame(rest) {
            let message = frame.message(rest);
            if message.len() < frame.length {
                break;
            }
            if let Ok(Some(value)) = at_once.message(message) {
                read.push(value.value());
            }
            if later.accept(message) == Ok(true) {
                kept.extend(later.keep(Bytes::copy_from_slice(message)));
                split += usize::from(kept.last().unwrap().message() != message);
            }
            assert!(later.keep(Bytes::new()).is_none());
            rest = frame.after(rest);
        }
        values += read.len();
        assert_eq!(kept.iter().map(|kept| later.kept(kept).value()).collect::<Vec<_>>(), read, "{path:?}");
    }
    assert!(values > 300 && split > 10, "{values} values, {split} of them split");
}

#[test]
fn bytes_that_are_sent_alone_are_found_by_their_fields_name() {
    for (message, length, place) in [
        (message(&Record { number: 0, payload: Bytes::from_static(b"four"), more: 0 }), None, Some(4)),
        (message(&Record { number: 0, payload: vec![7; 300].into(), more: 0 }), None, Some(300)),
        // Something before it, behind it, or instead of it.
        (message(&Record { number: 1, payload: Bytes::from_static(b"four"), more: 0 }), None, None),
        (message(&Record { number: 0, payload: Bytes::from_static(b"four"), more: 1 }), None, None),
        (message(&Record { number: 0, payload: Bytes::new(), more: 0 }), None, None),
        // Lengths that contradict each other.
        (message(&Record { number: 0, payload: Bytes::from_static(b"four"), more: 0 }), Some(8), None),
        (message(&Record { number: 0, payload: Bytes::from_static(b"four"), more: 0 }), Some(10), None),
    ] {
        let (decoder, message) = message;
        let length = length.unwrap_or(message.len());
        let found = decoder.only_bytes(&message, length, "Payload");
        assert_eq!(found.clone().map(|bytes| bytes.len()), place);
        let start = &message[..message.len().min(Decoder::HEAD)];
        assert_eq!(decoder.only_bytes(start, length, "Payload"), found);
        assert_eq!(found.map(|bytes| bytes.end + 1), place.map(|_| length));
        assert_eq!(decoder.only_bytes(&message, length, "Number"), None);
        assert_eq!(decoder.only_bytes(&message, length, "Missing"), None);
        assert_eq!(Decoder::new().only_bytes(&message, length, "Payload"), None, "an unknown type");
        for end in 0..4 {
            assert_eq!(decoder.only_bytes(&message[..end], length, "Payload"), None);
        }
    }
}

/// A value's message, and a decoder that knows its type.
fn message(value: &Record) -> (Decoder, Vec<u8>) {
    let (mut decoder, mut stream) = (Decoder::new(), Vec::new());
    Encoder::new().serialize(value, &mut stream).unwrap();
    let definition = gob::frame(&stream).unwrap().unwrap();
    assert_eq!(decoder.accept(definition.message(&stream)), Ok(false));
    let rest = definition.after(&stream);
    let value = gob::frame(rest).unwrap().unwrap();
    (decoder, value.message(rest).to_vec())
}

#[derive(Serialize, Gob)]
#[serde(rename_all = "PascalCase")]
struct Record {
    number: i64,
    payload: Bytes,
    more: u8,
}
