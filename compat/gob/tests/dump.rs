//! The second reader: what it sees in Go's streams, what it shows of damaged ones, and how its text looks.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use gob::dump::{self, Error, Style};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::{Case, check, content};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// What has to be quick takes far less than this, and what is not would take ages.
const PATIENCE: Duration = Duration::from_secs(20);

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| support::cases(FOLDER));

#[test]
fn json_is_what_go_sees_on_the_wire() {
    let known =
        CASES.iter().filter(|case| !case.list("wire").is_empty() && case.index.get("wireError").is_none());
    check(known, &[], |case| {
        let (json, result) = json(&case.stream);
        result.map_err(|error| error.to_string())?;
        let found: Json = serde_json::from_str(&json).map_err(|error| format!("{error}: {json}"))?;
        let found = canonical(&json!({"messages": found["messages"]}));
        let expected = canonical(&json!({"messages": case.index["wire"]}));
        if found == expected { Ok(()) } else { Err(format!("\n{found}\nand not\n{expected}")) }
    });
}

#[test]
fn what_came_before_an_error_is_in_the_json_too() {
    for name in ["enc_map_codec_unaddressable", "rpc_raw_bad_body.c2s"] {
        let case = case(name);
        let (json, result) = json(&case.stream);
        let found: Json = serde_json::from_str(&json).unwrap();
        assert_eq!(found["error"], result.unwrap_err().to_string());
        let mut messages = found["messages"].as_array().unwrap().clone();
        messages.retain(|message| message.get("partial").is_none());
        assert_eq!(canonical(&json!(messages)), canonical(&json!(case.list("wire"))));
    }
}

/// Maps in one order, long data spelled out, and members that say nothing left out of definitions.
fn canonical(value: &Json) -> Json {
    match value {
        Json::Array(list) => list.iter().map(canonical).collect(),
        Json::Object(members) if members.contains_key("pattern") => base64(&content(value, true)).into(),
        Json::Object(members) if members.contains_key("strPattern") => {
            let bytes = content(value, false);
            match String::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(error) => json!({"b64": base64(error.as_bytes())}),
            }
        }
        Json::Object(members) => {
            let is_definition = members.contains_key("commonId");
            let says_nothing = |value: &Json| [json!(0), json!(""), json!([]), Json::Null].contains(value);
            let members = members.iter().filter(|(_, value)| !is_definition || !says_nothing(value));
            let sort = |name: &str, value: &Json| match (name, canonical(value)) {
                ("map", Json::Array(mut entries)) => {
                    entries.sort_by_key(Json::to_string);
                    Json::Array(entries)
                }
                (_, value) => value,
            };
            members.map(|(name, value)| (name.clone(), sort(name, value))).collect()
        }
        value => value.clone(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(6);
    let digit = |bits: &[u8]| {
        bits.iter().fold(0, |digit, bit| digit << 1 | usize::from(bit - b'0')) << (6 - bits.len())
    };
    let mut text: String = digits.map(|bits| char::from(DIGITS[digit(bits)])).collect();
    text += &"=".repeat((4 - text.len() % 4) % 4);
    text
}

#[test]
fn text_shows_every_byte_once() {
    for case in CASES.iter().filter(|case| case.stream.len() < 5_000) {
        let (text, _) = text(&case.stream);
        let mut shown = 0;
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (offset, rest) = line.trim_start().split_once(' ').unwrap();
            let offset: usize = offset.parse().unwrap();
            assert!(shown <= offset, "{}: {line}", case.name);
            let bytes: String = rest.trim_start_matches(' ').chars().take(24).collect();
            // The column is blank where a line is about no byte.
            let cells = if rest.starts_with("                       ") {
                ""
            } else {
                bytes.split("  ").next().unwrap()
            };
            match cells.strip_suffix(" …") {
                Some(start) => {
                    assert_eq!(start, hex(&case.stream[offset..offset + 7]), "{}: {line}", case.name);
                    shown = offset + 7;
                }
                None => {
                    let count = cells.split_whitespace().count();
                    assert_eq!(
                        cells.trim_end(),
                        hex(&case.stream[offset..offset + count]),
                        "{}: {line}",
                        case.name
                    );
                    shown = offset + count;
                }
            }
        }
        assert!(
            case.stream.len() - shown == 0 || text.lines().last().unwrap().contains('…'),
            "{}",
            case.name
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn text_is_as_it_was_approved() {
    for (name, approved) in [
        ("struct_nested", include_str!("dump/struct_nested.txt")),
        ("iface_nested", include_str!("dump/iface_nested.txt")),
        ("time_fields", include_str!("dump/time_fields.txt")),
        ("rpc_raw_bad_body.c2s", include_str!("dump/rpc_raw_bad_body.c2s.txt")),
        ("bad_slice_bomb", include_str!("dump/bad_slice_bomb.txt")),
    ] {
        let (text, _) = text(&case(name).stream);
        assert!(text == approved, "{name} is now\n{text}");
    }
}

#[test]
fn in_colour_it_is_the_same_text() {
    for case in CASES.iter().filter(|case| case.stream.len() < 5_000) {
        let mut coloured = Vec::new();
        _ = dump::text(&case.stream, Style::Ansi, &mut coloured).unwrap();
        let mut plain = String::new();
        for part in String::from_utf8(coloured).unwrap().split("\x1b[") {
            plain += part
                .split_once('m')
                .map_or(part, |(code, text)| if plain.is_empty() || code.len() < 5 { text } else { part });
        }
        assert_eq!(plain, text(&case.stream).0, "{}", case.name);
    }
}

#[test]
fn errors_name_what_is_wrong_and_where() {
    for (name, expected) in [
        ("bad_text", "offset 1: gob: duplicate type received: 35 is reserved"),
        ("bad_length_cut", "offset 0: gob: unexpected EOF within a message's length"),
        ("bad_length_too_big", "offset 0: gob: invalid message length 8589934592"),
        (
            "bad_length_below_too_big",
            "offset 0: gob: unexpected EOF: of this message's 8589934591 bytes the stream has 3",
        ),
        ("bad_field_out_of_range", "offset 35: gob: field number 2 is out of range: Point has 2"),
        ("bad_def_then_eof", "offset 32: gob: unexpected EOF: no value follows the type definition"),
        (
            "bad_iface_def_then_eof",
            "offset 75: gob: unexpected EOF: the value is to go on behind the type definition",
        ),
        ("bad_def_extra_data", "offset 22: gob: extra data in buffer, behind a type definition"),
        ("bad_id_unknown", "offset 1: gob: type 70 is not defined"),
        ("bad_singleton_delta", "offset 2: gob: corrupted data: non-zero delta for singleton"),
        (
            "bad_map_empty_structs_bomb",
            "offset 75: gob: the message ends within a value: after 1 of 1125899906842624 elements",
        ),
    ] {
        let stream = &case(name).stream;
        assert_eq!(text(stream).1.unwrap_err().to_string(), expected, "{name}");
        assert_eq!(json(stream).1.unwrap_err().to_string(), expected, "{name}");
    }
}

#[test]
fn any_cut_of_a_stream_is_only_too_short() {
    for case in CASES.iter().filter(|case| case.stream.len() < 200 && json(&case.stream).1.is_ok()) {
        for end in 0..case.stream.len() {
            if let Err(error) = survive(&case.stream[..end]) {
                assert!(error.is_cut() && error.offset() <= end, "{} up to {end}: {error}", case.name);
            }
        }
    }
}

#[test]
fn damaged_streams_are_shown_up_to_the_damage() {
    for case in CASES.iter() {
        let began = Instant::now();
        _ = survive(&case.stream);
        assert!(began.elapsed() < PATIENCE, "{}: {:?}", case.name, began.elapsed());
    }
    for case in CASES.iter().filter(|case| case.stream.len() < 80) {
        for position in 0..case.stream.len() {
            for damage in [0x01, 0xff] {
                let mut stream = case.stream.clone();
                stream[position] ^= damage;
                _ = survive(&stream);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_can_be_shown(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        _ = survive(&stream);
    }

    /// Behind Go's definitions, any values.
    #[test]
    fn any_value_can_be_shown(case in any::<prop::sample::Index>(), value in prop::collection::vec(0..0x90_u8, 0..80)) {
        let case = case.get(&CASES);
        prop_assume!(case.stream.len() < 2_000);
        for id in [64, 65, 66, 67, 16] {
            let mut stream = case.stream.clone();
            let mut message = vec![0xff, 2 * id];
            message.extend(&value);
            stream.push(message.len() as u8);
            stream.extend(message);
            _ = survive(&stream);
        }
    }
}

#[test]
fn deep_values_take_no_stack() {
    for (name, deepest) in
        [("bad_deep_list_30000", "(29999) Next List (65) {"), ("bad_deep_slices_20000", "(20000) [0] ")]
    {
        let stream = &case(name).stream;
        survive(stream).unwrap();
        assert!(text(stream).0.contains(deepest), "{name}");
    }
    for name in ["bad_deep_type_cycle", "bad_deep_struct_cycle"] {
        _ = survive(&case(name).stream);
    }
    // A million slices of slices.
    let mut stream = b"\x07\xff\x81\x02\x02\xff\x82\x00".to_vec();
    stream.extend(b"\xfd\x0f\x42\x43\xff\x82\x00");
    stream.extend(vec![1; 1_000_000]);
    let error = survive(&stream).unwrap_err();
    assert_eq!(error.text(), "values are nested more than 32768 deep");
}

#[test]
fn definitions_have_limits() {
    let definition = |id: i64, wire_type: &[u8]| {
        let mut message = vec![0xfd];
        message.extend(&(2 * id as u32 - 1).to_be_bytes()[1..]);
        message.extend(wire_type);
        let mut stream = vec![0xfc];
        stream.extend((message.len() as u32).to_be_bytes());
        stream.extend(message);
        stream
    };
    let many: Vec<u8> = (64..100_000).flat_map(|id| definition(id, b"\x02\x00\x00")).collect();
    let mut long = b"\x03\x02\xfd\x10\x00\x00".to_vec();
    long.extend(b"\x01\x01X\x00".repeat(1 << 20));
    for stream in [many, definition(64, &long)] {
        assert_eq!(json(&stream).1.unwrap_err().text(), "too many type definitions");
    }
    let mut named = b"\x03\x02\x01\x01\xfe\x01\x01".to_vec();
    named.extend([b'X'; 257]);
    assert_eq!(json(&definition(64, &named)).1.unwrap_err().text(), "name too long (257 bytes) for field 0");
}

/// Both forms, which have to agree; and the JSON is JSON.
fn survive(stream: &[u8]) -> Result<(), Error> {
    let (text, result) = text(stream);
    assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
    let (json, same) = json(stream);
    assert_eq!(result, same);
    if nesting(&json) < 100 {
        serde_json::from_str::<Json>(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    }
    result
}

/// How deep lists and objects are; checks that each ends.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    assert_eq!(depth, 0);
    deepest
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap()
}

fn text(stream: &[u8]) -> (String, Result<(), Error>) {
    let mut out = Vec::new();
    let result = dump::text(stream, Style::Plain, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), result)
}

fn json(stream: &[u8]) -> (String, Result<(), Error>) {
    let mut out = Vec::new();
    let result = dump::json(stream, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), result)
}
