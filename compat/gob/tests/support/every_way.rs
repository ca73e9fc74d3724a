//! Any bytes are a stream or an error: here they go through every public way of reading, none of which may panic,
//! hang or take more memory than the bytes warrant. Included by the tests and by the fuzz target.

use std::sync::LazyLock;

use gob::dump::{self, Style};
use gob::{Decoder, Error, Field, Reader, Schema, TypeId, TypeRef, Types, Value, WireType};
use serde::de::IgnoredAny;

/// Reads a stream in all ways. A new one takes a line here.
pub(crate) fn read(stream: &[u8]) {
    messages(stream, |value| value.skip());
    messages(stream, |value| {
        let types = value.types();
        value.read(|field| touch(types, field, 0))
    });
    messages(stream, |value| value.structure(|_, field| misread(field)));
    messages(stream, |value| shown(value.value()?));
    messages(stream, |value| value.deserialize_any::<IgnoredAny>().map(drop));
    for ty in &RECEIVERS.1 {
        let mut before = None;
        messages(stream, |value| {
            let value = match &before {
                None => value.value_as(&RECEIVERS.0, *ty)?,
                Some(before) => value.value_onto(&RECEIVERS.0, *ty, before)?,
            };
            before = Some(value);
            Ok(())
        });
        _ = before.map(shown);
    }
    let mut reader = Reader::new(stream);
    // Bytes that are no message are an error each time they are looked at.
    for _ in 0..=stream.len() {
        match reader.next_value() {
            Ok(None) => break,
            Ok(Some(value)) => _ = value.skip(),
            Err(_) => {}
        }
    }
    dumps(stream);
}

/// What programs may ask for: names and shapes that are common in the corpus.
static RECEIVERS: LazyLock<(Schema, Vec<TypeRef>)> = LazyLock::new(|| {
    let mut found = Vec::new();
    let schema = Schema::build(|types| {
        let (int, uint, float, text) = (types.int(), types.uint(), types.float(), types.string());
        let (bytes, any, truth) = (types.bytes(), types.interface(), types.bool());
        let point = types.structure("Point", [("X", int), ("Y", int)]);
        types.register("main.Point", point);
        let points = types.slice(point);
        let words = types.map(text, int);
        let three = types.array(3, uint);
        let anys = types.slice(any);
        let optional = types.pointer(words);
        let list = types.named("Node", |types, node| {
            let next = types.pointer(node);
            types.fields([("V", int), ("Next", next)])
        });
        let many = types.structure(
            "Many",
            [
                ("A", int),
                ("B", text),
                ("C", float),
                ("D", bytes),
                ("E", truth),
                ("P", point),
                ("S", points),
                ("M", optional),
                ("V", any),
                ("L", list),
                ("Z", uint),
            ],
        );
        found =
            vec![int, uint, float, text, bytes, any, truth, point, points, words, three, anys, list, many];
        many
    });
    (schema, found)
});

fn shown(value: Value) -> Result<(), Error> {
    assert!(!format!("{value:?}").is_empty());
    Ok(())
}

/// As a program reads: message by message, whatever became of the one before.
fn messages(stream: &[u8], mut read: impl FnMut(gob::Received<'_>) -> Result<(), Error>) {
    let mut decoder = Decoder::new();
    let mut rest = stream;
    while let Ok(Some(frame)) = gob::frame(rest) {
        let message = frame.message(rest);
        let outcome = match decoder.message(message) {
            Ok(Some(value)) => read(value),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            assert!(!error.to_string().is_empty());
        }
        if message.len() < frame.total() - frame.prefix {
            return; // cut short
        }
        rest = frame.after(rest);
    }
}

/// How deep `touch` goes itself. Skipping goes on from there.
const DEPTH: usize = 100;

/// Reads a value by its type, element by element.
fn touch(types: &Types, field: Field<'_, '_>, depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return field.skip();
    }
    match field.id() {
        TypeId::BOOL => field.bool().map(drop),
        TypeId::INT => field.int().map(drop),
        TypeId::UINT => field.uint().map(drop),
        TypeId::FLOAT => field.float().map(drop),
        TypeId::BYTES => field.bytes().map(drop),
        TypeId::STRING => field.string().map(drop),
        TypeId::INTERFACE => field.interface(|_, inner| touch(types, inner, depth + 1)).map(drop),
        _ => match types.get(field.id()) {
            Some(WireType::Struct { .. }) => field.structure(|_, inner| touch(types, inner, depth + 1)),
            Some(WireType::Slice { .. }) => field.list(|inner| touch(types, inner, depth + 1)),
            _ => field.skip(),
        },
    }
}

/// Reads by a method that mostly does not fit.
fn misread(field: Field<'_, '_>) -> Result<(), Error> {
    match field.id().0 % 7 {
        0 => field.int32("F").map(drop),
        1 => field.list(|inner| inner.skip()),
        2 => field.structure(|_, inner| inner.skip()),
        3 => field.string().map(drop),
        4 => field.interface(|_, inner| inner.skip()).map(drop),
        5 => field.float().map(drop),
        _ => field.skip(),
    }
}

/// What people read.
fn dumps(stream: &[u8]) {
    let (mut text, mut json) = (Vec::new(), Vec::new());
    let told = dump::text(stream, Style::Ansi, &mut text).expect("memory takes everything");
    let listed = dump::json(stream, &mut json).expect("memory takes everything");
    assert_eq!(told.is_ok(), listed.is_ok());
    assert!(std::str::from_utf8(&text).is_ok() && std::str::from_utf8(&json).is_ok());
}
