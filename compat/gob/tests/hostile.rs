//! Streams that nobody sends in good faith. Whatever arrives is a value or an error: no panic, no overflow of
//! the stack, and no more time or memory than the bytes that are there warrant.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use gob::wire::{put_bytes, put_int, put_uint};
use gob::{Decoder, Error, ErrorKind, Field, Kind, Schema, TypeId, WireType};
use proptest::prelude::*;
use support::{Case, next_message};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// What has to be quick takes far less than this, and what is not would take ages.
const PATIENCE: Duration = Duration::from_secs(20);

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| support::cases(FOLDER));

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_stream_or_an_error(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&stream);
    }

    /// Most random bytes are not even a definition. These are: any, and any value behind them.
    #[test]
    fn any_value_of_any_type_is_a_value_or_an_error(
        types in prop::collection::vec(wire_type(), 1..6),
        values in prop::collection::vec((60..72_i64, prop::collection::vec(small_byte(), 0..80)), 1..6),
    ) {
        let mut stream = Vec::new();
        for (position, wire_type) in types.iter().enumerate() {
            put_bytes(&mut stream, &definition(64 + position as i64, wire_type));
        }
        for (id, bytes) in values {
            let mut message = Vec::new();
            put_int(&mut message, id);
            message.extend(bytes);
            put_bytes(&mut stream, &message);
        }
        survive(&stream);
        // What was defined is what was read.
        let mut decoder = Decoder::new();
        let mut rest = &stream[..];
        for (position, wire_type) in types.iter().enumerate() {
            let message = next_message(&mut rest).unwrap().unwrap();
            prop_assert!(decoder.message(message).unwrap().is_none());
            prop_assert_eq!(decoder.types().get(TypeId(64 + position as i32)), Some(wire_type));
        }
    }

    #[test]
    fn damaged_streams_of_go_are_streams_or_errors(
        case in any::<prop::sample::Index>(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..6),
    ) {
        let case = case.get(&CASES);
        // The deepest and largest are streams for the tests below.
        prop_assume!(case.stream.len() < 6_000);
        let mut stream = case.stream.clone();
        for (place, damage) in damages {
            if stream.is_empty() {
                break;
            }
            let place = place.index(stream.len());
            match damage {
                Damage::Set(byte) => stream[place] = byte,
                Damage::Flip(bit) => stream[place] ^= 1 << bit,
                Damage::Insert(byte) => stream.insert(place, byte),
                Damage::Remove => _ = stream.remove(place),
                Damage::Cut => stream.truncate(place),
                Damage::Repeat => stream.extend_from_within(place..),
            }
        }
        survive(&stream);
    }
}

#[derive(Debug, Clone)]
enum Damage {
    Set(u8),
    Flip(u8),
    Insert(u8),
    Remove,
    Cut,
    /// Puts the end there once more.
    Repeat,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        8 => any::<u8>().prop_map(Damage::Set),
        8 => (0..8_u8).prop_map(Damage::Flip),
        2 => any::<u8>().prop_map(Damage::Insert),
        2 => Just(Damage::Remove),
        1 => Just(Damage::Cut),
        1 => Just(Damage::Repeat),
    ]
}

/// Small numbers mean something as counts, field numbers and ids alike.
fn small_byte() -> impl Strategy<Value = u8> {
    prop_oneof![8 => 0..6_u8, 1 => any::<u8>()]
}

fn wire_type() -> impl Strategy<Value = WireType> {
    // Built-in types, the few that are defined, and some that are not.
    let id = || prop_oneof![(0..10_i32), (64..71_i32), any::<i32>()].prop_map(TypeId);
    let name = || "[A-Z]?[a-z]{0,3}";
    let field = (name(), id()).prop_map(|(name, id)| gob::FieldType { name: name.into(), id });
    prop_oneof![
        (name(), id(), any::<i64>()).prop_map(|(name, elem, len)| WireType::Array { name, elem, len }),
        (name(), id(), 0..4_i64).prop_map(|(name, elem, len)| WireType::Array { name, elem, len }),
        (name(), id()).prop_map(|(name, elem)| WireType::Slice { name, elem }),
        (name(), prop::collection::vec(field, 0..4))
            .prop_map(|(name, fields)| WireType::Struct { name, fields }),
        (name(), id(), id()).prop_map(|(name, key, elem)| WireType::Map { name, key, elem }),
        name().prop_map(|name| WireType::GobEncoder { name }),
        name().prop_map(|name| WireType::TextMarshaler { name }),
        Just(WireType::Nothing),
    ]
}

#[test]
fn depth_costs_no_stack() {
    for depth in [1_000, 9_999, 10_000, 30_000, 1_000_000] {
        // `type List struct { Next *List }`, so deep.
        let mut stream = Vec::new();
        let next = gob::FieldType { name: "Next".into(), id: TypeId(65) };
        put_bytes(
            &mut stream,
            &definition(65, &WireType::Struct { name: "List".into(), fields: vec![next] }),
        );
        let mut list = Vec::new();
        put_int(&mut list, 65);
        list.extend(vec![1; depth - 1]);
        list.extend(vec![0; depth]);
        put_bytes(&mut stream, &list);
        check_depth(&stream, depth);

        // `type List []List`, so deep.
        stream.clear();
        put_bytes(&mut stream, &definition(65, &WireType::Slice { name: "List".into(), elem: TypeId(65) }));
        list.clear();
        put_int(&mut list, 65);
        list.push(0);
        list.extend(vec![1; depth - 1]);
        list.push(0);
        put_bytes(&mut stream, &list);
        check_depth(&stream, depth);

        // `type Map map[bool]Map`, so deep.
        stream.clear();
        let map = WireType::Map { name: "Map".into(), key: TypeId::BOOL, elem: TypeId(65) };
        put_bytes(&mut stream, &definition(65, &map));
        list.clear();
        put_int(&mut list, 65);
        list.push(0);
        list.extend([1, 0].repeat(depth - 1));
        list.push(0);
        put_bytes(&mut stream, &list);
        check_depth(&stream, depth);
    }
}

fn check_depth(stream: &[u8], depth: usize) {
    let outcome = last_value(stream);
    if depth <= 10_000 {
        assert_eq!(outcome, Ok(()), "{depth}");
    } else {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Limit, "{depth}");
    }
}

/// Types that hold themselves, of which a value needs no bytes of its own, or never ends.
#[test]
fn endless_types_end() {
    let this = TypeId(65);
    let held = || gob::FieldType { name: "X".into(), id: this };
    for wire_type in [
        WireType::Array { name: String::new(), elem: this, len: 1 },
        WireType::Array { name: String::new(), elem: this, len: 0 },
        WireType::Slice { name: String::new(), elem: this },
        WireType::Map { name: String::new(), key: this, elem: this },
        WireType::Struct { name: String::new(), fields: vec![held(), held()] },
    ] {
        for byte in [0, 1, 2] {
            let mut stream = Vec::new();
            put_bytes(&mut stream, &definition(65, &wire_type));
            let mut value = Vec::new();
            put_int(&mut value, 65);
            value.push(0);
            value.extend(vec![byte; 20_000]);
            put_bytes(&mut stream, &value);
            survive(&stream);
        }
    }
}

#[test]
fn huge_counts_and_lengths_are_refused_at_once() {
    let structure =
        |id| WireType::Struct { name: String::new(), fields: vec![gob::FieldType { name: "F".into(), id }] };
    let (empty, kinds) = (TypeId(66), TypeId(67));
    let name = String::new;
    for wire_type in [
        WireType::Slice { name: name(), elem: TypeId::INT },
        WireType::Slice { name: name(), elem: TypeId::INTERFACE },
        WireType::Slice { name: name(), elem: empty },
        WireType::Map { name: name(), key: TypeId::STRING, elem: TypeId::INT },
        WireType::Map { name: name(), key: empty, elem: empty },
        WireType::Array { name: name(), elem: empty, len: i64::MAX },
        WireType::GobEncoder { name: name() },
        WireType::BinaryMarshaler { name: name() },
    ] {
        for count in [100, 1 << 16, 1 << 31, 1 << 32, 1 << 50, 1 << 62, i64::MAX as u64, 1 << 63, u64::MAX] {
            let mut stream = Vec::new();
            put_bytes(&mut stream, &definition(67, &wire_type));
            put_bytes(&mut stream, &definition(66, &WireType::Struct { name: name(), fields: Vec::new() }));
            put_bytes(&mut stream, &definition(68, &structure(kinds)));
            let mut value = Vec::new();
            put_int(&mut value, 68);
            put_uint(&mut value, 1);
            put_uint(&mut value, count);
            value.extend([0; 40]);
            put_bytes(&mut stream, &value);
            let outcome = survive(&stream);
            assert!(outcome.values == 0 && outcome.errors == 1, "{wire_type:?} {count}");
        }
    }
    for id in [TypeId::STRING, TypeId::BYTES, TypeId::INTERFACE] {
        for length in [100, 1 << 31, 1 << 63, u64::MAX] {
            let mut value = Vec::new();
            put_int(&mut value, i64::from(id.0));
            put_uint(&mut value, 0);
            put_uint(&mut value, length);
            value.extend([0; 40]);
            assert!(survive(&message(&value)).errors == 1, "{id:?} {length}");
        }
    }
}

/// Five levels of `[1000]`, which announce 10^15 elements, and six of slices of many empty structs.
#[test]
fn elements_of_elements_are_paid_for_in_bytes() {
    let mut stream = Vec::new();
    for id in 65..70 {
        put_bytes(
            &mut stream,
            &definition(
                id,
                &WireType::Array { name: String::new(), elem: TypeId(id as i32 + 1), len: 1_000 },
            ),
        );
    }
    put_bytes(&mut stream, &definition(70, &WireType::Struct { name: String::new(), fields: Vec::new() }));
    let mut value = Vec::new();
    put_int(&mut value, 65);
    value.push(0);
    for _ in 0..5 {
        put_uint(&mut value, 1_000);
    }
    value.extend(vec![0; 2_000]);
    put_bytes(&mut stream, &value);
    let outcome = survive(&stream);
    assert_eq!((outcome.values, outcome.errors), (0, 1));
}

#[test]
fn a_message_of_8_gib_is_a_claim_and_no_memory() {
    // One byte less than the limit is believed, and asked for; the limit itself is not.
    let frame = gob::frame(&[0xfb, 1, 0xff, 0xff, 0xff, 0xff]).unwrap().unwrap();
    assert_eq!(frame.total(), (1 << 33) - 1 + 6);
    assert!(frame.message(&[0; 100]).is_empty());
    assert!(frame.after(&[0; 100]).is_empty());
    assert_eq!(gob::frame(&[0xfb, 2, 0, 0, 0, 0]).unwrap_err().kind(), ErrorKind::BadLength);
}

/// A definition may announce any number of fields; those that are there count.
#[test]
fn definitions_take_memory_for_what_they_hold() {
    for count in [3, 1 << 20, 1 << 40, u64::MAX] {
        let mut body = Vec::new();
        put_int(&mut body, -65);
        body.extend([3, 1, 0, 1]);
        put_uint(&mut body, count);
        body.extend([1, 1, b'X', 1, 4, 0, 1, 1, b'Y', 1, 4, 0]);
        let mut decoder = Decoder::new();
        assert!(decoder.message(&body).is_err(), "{count}");
        assert_eq!(decoder.types().get(TypeId(65)), None);
    }
}

/// Definitions are remembered for as long as the connection lasts, so there is an end to them.
#[test]
fn definitions_without_end_are_refused() {
    let fields = vec![gob::FieldType { name: "x".repeat(1 << 20).into(), id: TypeId::INT }];
    let wire_type = WireType::Struct { name: String::new(), fields };
    let mut decoder = Decoder::new();
    let refused = (65..200).find_map(|id| decoder.message(&definition(id, &wire_type)).err());
    assert_eq!(refused.unwrap().kind(), ErrorKind::Limit);
}

/// A value of four bytes may make its reader look at all that its type can hold; once is enough.
#[test]
fn what_does_not_fit_is_found_out_once() {
    let name = |name: &str, id: i32| gob::FieldType { name: name.into(), id: TypeId(id) };
    let structure = |fields| WireType::Struct { name: "T".into(), fields };
    let flaws: [(&str, Vec<gob::FieldType>); 3] = [
        ("undefined", (0..40_000).map(|_| name("F", 65)).chain([name("U", 9_999)]).collect()),
        ("mismatch", (0..40_000).map(|_| name("F", 2)).chain([name("A", 6)]).collect()),
        ("no field matches", (0..40_000).map(|_| name("F", 2)).collect()),
    ];
    for (flaw, fields) in flaws {
        let begun = Instant::now();
        let mut stream = message(&definition(65, &structure(fields)));
        for id in 66..500 {
            stream.extend(message(&definition(id, &structure(Vec::new()))));
            for _ in 0..20 {
                stream.extend(message(&[0xff, 130, 0]));
            }
        }
        let (mut decoder, mut rest, mut errors) = (Decoder::new(), &stream[..], 0);
        while let Some(message) = next_message(&mut rest).unwrap() {
            if let Ok(Some(value)) = decoder.message(message) {
                errors += usize::from(value.value_as(&RECEIVERS, RECEIVERS.root()).is_err());
            }
            if let Ok(Some(value)) = decoder.message(message) {
                _ = value.skip();
            }
        }
        assert!(errors > 8_000, "{flaw}: {errors} errors");
        assert!(begun.elapsed() < PATIENCE, "{flaw}: {:?}", begun.elapsed());
    }
}

/// What a stream came to.
struct Outcome {
    values: usize,
    errors: usize,
}

/// Skips every value, and reads every one field by field, as far as its type can be read.
fn survive(stream: &[u8]) -> Outcome {
    let begun = Instant::now();
    let mut outcome = Outcome { values: 0, errors: 0 };
    let (mut decoder, mut rest) = (Decoder::new(), stream);
    while let Ok(Some(message)) = next_message(&mut rest) {
        match decoder.message(message).and_then(|value| value.map_or(Ok(None), |v| v.skip().map(Some))) {
            Ok(None) => {}
            Ok(Some(())) => outcome.values += 1,
            Err(error) => {
                outcome.errors += 1;
                assert!(error.offset().is_none_or(|offset| offset <= message.len()), "{error:?}");
                assert!(!error.to_string().is_empty());
            }
        }
        if let Ok(Some(received)) = decoder.message(message)
            && let Ok(value) = received.value()
        {
            let limit = 16 * message.len() + (1 << 20);
            assert!(value.memory() <= limit, "{} bytes for {}", value.memory(), message.len());
            assert!(value == value.clone());
        }
        if let Ok(Some(received)) = decoder.message(message) {
            _ = received.value_as(&RECEIVERS, RECEIVERS.root());
        }
        let mut items = 0;
        if let Ok(Some(value)) = decoder.message(message)
            && value.structure(|name, field| touch(name, field, &mut items)).is_ok()
        {
            assert!(items <= message.len(), "{items} fields and elements in {} bytes", message.len());
        }
        assert!(items <= message.len() + 1, "{items} fields and elements in {} bytes", message.len());
    }
    assert!(begun.elapsed() < PATIENCE, "{:?} for {} bytes", begun.elapsed(), stream.len());
    outcome
}

/// Reads a field by a method that hangs on its name, which mostly does not fit, and counts what it is called for.
fn touch(name: &str, field: Field<'_, '_>, items: &mut usize) -> Result<(), Error> {
    *items += 1;
    // Each of these may fail, which ends the value.
    match name.len() % 9 {
        0 => field.bool().map(drop),
        1 => field.list(|element| {
            *items += 1;
            element.skip()
        }),
        2 => field.uint().map(drop),
        3 => field.bytes().map(drop),
        4 => field.string().map(drop),
        5 => field.int().map(drop),
        6 => field.int32(name).map(drop),
        7 => field.structure(|_, field| {
            *items += 1;
            field.skip()
        }),
        _ => field.skip(),
    }
}

/// `struct { A int8; B []string; C map[string]any; D *[2]float32; Next *…; Slices … }`: fields that random types
/// have too, of kinds that they may have.
static RECEIVERS: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        types.named("main.Receiver", |types, this| {
            let (int, string, any) = (types.int(), types.string(), types.interface());
            let (strings, map, next) = (types.slice(string), types.map(string, any), types.pointer(this));
            let slices = types.named("main.Slices", |_, slices| Kind::Slice(slices));
            let array = types.array(2, next);
            types.fields([("A", int), ("B", strings), ("C", map), ("D", array), ("E", next), ("F", slices)])
        })
    })
});

/// What becomes of the value behind all definitions.
fn last_value(stream: &[u8]) -> Result<(), Error> {
    let (mut decoder, mut rest) = (Decoder::new(), stream);
    loop {
        let message = next_message(&mut rest)?.expect("a value");
        if let Some(value) = decoder.message(message)? {
            return value.skip();
        }
    }
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, body);
    message
}

/// A definition's message, without its length. Fields that are zero are left out, as Go does.
fn definition(id: i64, wire_type: &WireType) -> Vec<u8> {
    let mut out = Vec::new();
    put_int(&mut out, -id);
    put_uint(
        &mut out,
        match wire_type {
            WireType::Array { .. } => 1,
            WireType::Slice { .. } => 2,
            WireType::Struct { .. } => 3,
            WireType::Map { .. } => 4,
            WireType::GobEncoder { .. } => 5,
            WireType::BinaryMarshaler { .. } => 6,
            WireType::TextMarshaler { .. } => 7,
            WireType::Nothing => 0,
        },
    );
    if *wire_type == WireType::Nothing {
        return out;
    }
    put_uint(&mut out, 1);
    common(&mut out, wire_type.name(), id);
    match wire_type {
        WireType::Array { elem, len, .. } => numbers(&mut out, &[i64::from(elem.0), *len]),
        WireType::Slice { elem, .. } => numbers(&mut out, &[i64::from(elem.0)]),
        WireType::Map { key, elem, .. } => numbers(&mut out, &[i64::from(key.0), i64::from(elem.0)]),
        WireType::Struct { fields, .. } if !fields.is_empty() => {
            put_uint(&mut out, 1);
            put_uint(&mut out, fields.len() as u64);
            for field in fields {
                common(&mut out, &field.name, i64::from(field.id.0));
            }
        }
        _ => {}
    }
    out.extend([0, 0]);
    out
}

/// A name and an id: a struct of two fields.
fn common(out: &mut Vec<u8>, name: &str, id: i64) {
    let mut delta = 1;
    if name.is_empty() {
        delta = 2;
    } else {
        put_uint(out, 1);
        put_bytes(out, name.as_bytes());
    }
    if id != 0 {
        put_uint(out, delta);
        put_int(out, id);
    }
    put_uint(out, 0);
}

fn numbers(out: &mut Vec<u8>, numbers: &[i64]) {
    let mut delta = 1;
    for number in numbers {
        if *number == 0 {
            delta += 1;
        } else {
            put_uint(out, delta);
            put_int(out, *number);
            delta = 1;
        }
    }
}
