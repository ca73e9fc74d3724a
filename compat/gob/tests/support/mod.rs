//! The golden streams, and a reader that compares a stream with what Go saw in it.

#![allow(dead_code, reason = "each test that includes this file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use gob::{Decoder, Error, ErrorKind, Field, FieldType, TypeId, WireType};
use serde_json::Value as Json;

/// A stream that Go wrote, or judged, and what its index says about it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) index: Json,
    pub(crate) stream: Vec<u8>,
}

/// All cases, from `compat/gob/tests/golden`.
pub(crate) fn cases(folder: impl AsRef<Path>) -> Vec<Case> {
    let folder = folder.as_ref();
    let index = std::fs::read(folder.join("vectors.json")).unwrap();
    let Json::Object(mut index) = serde_json::from_slice(&index).unwrap() else { panic!("no object") };
    let Some(Json::Array(cases)) = index.remove("cases") else { panic!("no cases") };
    assert_eq!(cases.len(), 517);
    let load = |index: Json| {
        let stream = std::fs::read(folder.join(index["file"].as_str().unwrap())).unwrap();
        assert_eq!(index["size"].as_u64(), Some(stream.len() as u64), "{}", index["name"]);
        Case { name: index["name"].as_str().unwrap().to_owned(), index, stream }
    };
    cases.into_iter().map(load).collect()
}

impl Case {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.index[member].as_str().unwrap_or_default()
    }

    pub(crate) fn list(&self, member: &str) -> &[Json] {
        self.index[member].as_array().map_or(&[], Vec::as_slice)
    }

    /// The steps of the run that gives every value to no receiver, and whether its outcome is free.
    pub(crate) fn discarding(&self) -> Option<(&[Json], bool)> {
        let run = self
            .list("runs")
            .iter()
            .find(|run| run["steps"].as_array().unwrap().iter().all(|step| step.get("recv").is_none()))?;
        Some((run["steps"].as_array().unwrap(), run["lenient"].as_bool().unwrap_or_default()))
    }
}

/// Runs a check over cases. Those named in `exceptions`, each with its reason, have to fail it.
pub(crate) fn check<'c>(
    cases: impl IntoIterator<Item = &'c Case>,
    exceptions: &[(&str, &str)],
    mut check: impl FnMut(&Case) -> Result<(), String>,
) {
    let mut wrong = String::new();
    let mut names = Vec::new();
    for case in cases {
        names.push(&*case.name);
        let excepted = exceptions.iter().any(|(name, _)| *name == case.name);
        match check(case) {
            Err(text) if !excepted => writeln!(wrong, "{}: {text}", case.name).unwrap(),
            Ok(()) if excepted => writeln!(wrong, "{}: needs no exception", case.name).unwrap(),
            _ => {}
        }
    }
    assert!(!names.is_empty(), "no case at all");
    for (name, _) in exceptions {
        assert!(names.contains(name), "there is no case {name}");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A stream as a Decoder of Go's sees it: one value after the other.
pub(crate) struct Reader<'b> {
    pub(crate) decoder: Decoder,
    rest: &'b [u8],
}

/// How one attempt at a value ended, other than with a value.
#[derive(Debug)]
pub(crate) enum End {
    /// Nothing was left.
    Eof,
    /// The stream ended after a definition or within a message.
    UnexpectedEof,
    Gob(Error),
}

impl End {
    /// Go's class for it, as the index calls it.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            End::Eof => "eof",
            End::UnexpectedEof => "unexpected-eof",
            End::Gob(error) => class(error.kind()),
        }
    }
}

pub(crate) fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadLength => "bad-length",
        ErrorKind::ShortMessage => "short-message",
        ErrorKind::DuplicateType => "duplicate-type",
        ErrorKind::UnknownType => "unknown-type",
        ErrorKind::BadField => "bad-field",
        ErrorKind::TypeMismatch => "type-mismatch",
        ErrorKind::Overflow => "overflow",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Limit => "limit",
        _ => "a class of its own",
    }
}

impl<'b> Reader<'b> {
    pub(crate) fn new(stream: &'b [u8]) -> Self {
        Reader { decoder: Decoder::new(), rest: stream }
    }

    /// Bytes that were not taken yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Passes over the next value and the definitions before it, and gives its type's id. After an error
    /// the next message is next.
    pub(crate) fn skip(&mut self) -> Result<TypeId, End> {
        let mut clean = true;
        loop {
            let Some(message) = next_message(&mut self.rest).map_err(End::Gob)? else {
                return Err(if clean && self.rest.is_empty() { End::Eof } else { End::UnexpectedEof });
            };
            clean = false;
            if let Some(value) = self.decoder.message(message).map_err(End::Gob)? {
                let id = value.id();
                return value.skip().map(|()| id).map_err(End::Gob);
            }
        }
    }
}

/// Cuts off the message at the front; `None` if it is not there as a whole.
pub(crate) fn next_message<'b>(rest: &mut &'b [u8]) -> Result<Option<&'b [u8]>, Error> {
    match gob::frame(rest)? {
        Some(frame) if frame.total() <= rest.len() => {
            let message = frame.message(rest);
            *rest = frame.after(rest);
            Ok(Some(message))
        }
        _ => Ok(None),
    }
}

/// Whether the stream holds exactly the definitions and values of an index's `wire`, in order. `shift` is what
/// is added to the ids there. Values of kinds that cannot be read yet are passed over.
pub(crate) fn compare(stream: &[u8], wire: &[Json], shift: i64) -> Result<(), String> {
    let mut decoder = Decoder::new();
    let mut types = Recorded { definitions: BTreeMap::new(), shift };
    let (mut rest, mut items) = (stream, wire.iter().enumerate());
    while let Some(message) = next_message(&mut rest).map_err(|error| error.to_string())? {
        let known = decoder.types().definitions().len();
        let ready = decoder.accept(message).map_err(|error| error.to_string())?;
        for found in &decoder.types().definitions()[known..] {
            let (position, item) = items.next().ok_or("more than expected")?;
            let id = types.id(&item["def"]["id"]);
            if item.get("def").is_none() || found.id != id || found.wire_type != types.wire_type(&item["def"])
            {
                return Err(format!("item {position}: found {found:?}"));
            }
            types.definitions.insert(id, &item["def"]);
        }
        if !ready {
            continue;
        }
        let (position, item) = items.next().ok_or("more than expected")?;
        let at = |text: String| format!("item {position}: {text}");
        let value = decoder.received(message).unwrap();
        let id = types.id(&item["id"]);
        if value.id() != id || item.get("def").is_some() {
            return Err(at(format!("found a value of type {}", value.id().0)));
        }
        let mut wrong = Vec::new();
        let read = match types.definitions.get(&id) {
            Some(definition) if definition["kind"] == "struct" => {
                let fields = &item["value"];
                let mut names = Vec::new();
                let read = value.structure(|name, field| {
                    names.push(name.to_owned());
                    types.read(field, types.field(id, name), &fields[name], &mut wrong)
                });
                same_names(fields, &names, &mut wrong);
                read
            }
            _ => value.skip(),
        };
        read.map_err(|error| at(error.to_string()))?;
        if !wrong.is_empty() {
            return Err(at(wrong.join("; ")));
        }
    }
    match (items.count(), rest.len()) {
        (0, 0) => Ok(()),
        (items, bytes) => Err(format!("{items} items and {bytes} bytes are left")),
    }
}

/// The definitions as the index has them.
struct Recorded<'j> {
    definitions: BTreeMap<TypeId, &'j Json>,
    shift: i64,
}

impl Recorded<'_> {
    fn id(&self, id: &Json) -> TypeId {
        match id.as_i64().unwrap_or_default() {
            id if id < i64::from(TypeId::FIRST_USER.0) => TypeId(id as i32),
            id => TypeId((id + self.shift) as i32),
        }
    }

    fn wire_type(&self, definition: &Json) -> WireType {
        let name = definition["name"].as_str().unwrap().to_owned();
        let (key, elem) = (self.id(&definition["key"]), self.id(&definition["elem"]));
        let field = |field: &Json| FieldType {
            name: field["name"].as_str().unwrap().into(),
            id: self.id(&field["id"]),
        };
        match definition["kind"].as_str().unwrap() {
            "array" => WireType::Array { name, elem, len: definition["len"].as_i64().unwrap_or_default() },
            "slice" => WireType::Slice { name, elem },
            "struct" => {
                let fields = definition["fields"].as_array().map_or(&[][..], Vec::as_slice);
                WireType::Struct { name, fields: fields.iter().map(field).collect() }
            }
            "map" => WireType::Map { name, key, elem },
            "gobencoder" => WireType::GobEncoder { name },
            "binarymarshaler" => WireType::BinaryMarshaler { name },
            "textmarshaler" => WireType::TextMarshaler { name },
            kind => panic!("unknown kind {kind}"),
        }
    }

    /// The type of a struct's field.
    fn field(&self, id: TypeId, name: &str) -> TypeId {
        let fields = self.definitions[&id]["fields"].as_array().unwrap();
        self.id(&fields.iter().find(|field| field["name"] == name).unwrap()["id"])
    }

    /// Reads a field or element and notes how it differs.
    fn read(
        &self,
        field: Field<'_, '_>,
        id: TypeId,
        expected: &Json,
        wrong: &mut Vec<String>,
    ) -> Result<(), Error> {
        let mut equal = |equal: bool, found: String| {
            if !equal {
                wrong.push(format!("{found}, not {expected}"));
            }
        };
        match id {
            TypeId::BOOL => {
                let found = field.bool()?;
                equal(expected == found, found.to_string());
            }
            TypeId::INT => {
                let found = field.int()?.to_string();
                equal(expected == &*found, found);
            }
            TypeId::UINT => {
                let found = field.uint()?.to_string();
                equal(expected == &*found, found);
            }
            TypeId::BYTES => {
                let found = field.bytes()?;
                equal(found == content(expected, true), format!("{} bytes", found.len()));
            }
            TypeId::STRING => {
                let found = field.string()?;
                equal(found == String::from_utf8_lossy(&content(expected, false)), found);
            }
            _ => match self.definitions.get(&id).map(|definition| &definition["kind"]) {
                Some(kind) if kind == "struct" => {
                    let mut names = Vec::new();
                    field.structure(|name, field| {
                        names.push(name.to_owned());
                        self.read(field, self.field(id, name), &expected[name], wrong)
                    })?;
                    same_names(expected, &names, wrong);
                }
                Some(kind) if kind == "slice" => {
                    let elem = self.id(&self.definitions[&id]["elem"]);
                    let mut count = 0;
                    field.list(|element| {
                        count += 1;
                        self.read(element, elem, &expected[count - 1], wrong)
                    })?;
                    if expected.as_array().map_or(0, Vec::len) != count {
                        wrong.push(format!("{count} elements, not {expected}"));
                    }
                }
                _ => field.skip()?,
            },
        }
        Ok(())
    }
}

fn same_names(expected: &Json, found: &[String], wrong: &mut Vec<String>) {
    let expected: Vec<&String> = expected.as_object().unwrap().keys().collect();
    let mut sorted: Vec<&String> = found.iter().collect();
    sorted.sort();
    if sorted != expected {
        wrong.push(format!("fields {found:?}, not {expected:?}"));
    }
}

/// The bytes that a VALUE stands for: a string's, or those of a byte slice.
pub(crate) fn content(value: &Json, slice: bool) -> Vec<u8> {
    let pattern = if slice { "pattern" } else { "strPattern" };
    match value {
        Json::Null => Vec::new(),
        Json::String(text) if slice => base64(text),
        Json::String(text) => text.clone().into_bytes(),
        Json::Object(members) if members.contains_key(pattern) => {
            let parts: Vec<u64> =
                members[pattern].as_array().unwrap().iter().map(|part| part.as_u64().unwrap()).collect();
            let byte = |i: u64| (i * parts[0] + (i >> 8) * parts[1] + parts[2]) as u8;
            (0..members["len"].as_u64().unwrap()).map(byte).collect()
        }
        Json::Object(members) => base64(members["b64"].as_str().unwrap()),
        value => panic!("no bytes: {value}"),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = DIGITS.iter().position(|digit| *digit == byte).unwrap();
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
