//! Streams of real Go (`golden/README.md`): what they define and hold, where they break, and every cut of them.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use gob::{Decoder, TypeId};
use support::{Case, End, Reader, check, compare, next_message};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// Streams that Go reads to their end, and that cannot be read so here.
const NOT_READ_YET: &[(&str, &str)] = &[
    ("ignored_iface_slice", DEFINES_WITHIN),
    ("ignored_iface_struct", DEFINES_WITHIN),
    ("ignored_iface_codec", DEFINES_WITHIN),
    ("ignored_iface_nested_new_type", DEFINES_WITHIN),
    ("ignored_iface_nested_basic", DEFINES_WITHIN),
    ("iface_basics", DEFINES_WITHIN),
    ("iface_struct", DEFINES_WITHIN),
    ("iface_pointer", DEFINES_WITHIN),
    ("iface_pointer_sent_as_value", DEFINES_WITHIN),
    ("iface_custom_name", DEFINES_WITHIN),
    ("iface_named_kinds", DEFINES_WITHIN),
    ("iface_in_slices", DEFINES_WITHIN),
    ("iface_in_composites", DEFINES_WITHIN),
    ("iface_map_any", DEFINES_WITHIN),
    ("iface_nested", DEFINES_WITHIN),
    ("iface_nested_3", DEFINES_WITHIN),
    ("iface_methods", DEFINES_WITHIN),
    ("iface_top_level", DEFINES_WITHIN),
    ("iface_holds_codec", DEFINES_WITHIN),
    ("iface_holds_iface_slice", DEFINES_WITHIN),
    ("iface_generic_names", DEFINES_WITHIN),
    ("iface_not_registered", DEFINES_WITHIN),
    ("iface_not_assignable", DEFINES_WITHIN),
    ("iface_other_shape_same_name", DEFINES_WITHIN),
    ("go119_iface_struct", DEFINES_WITHIN),
    ("go119_iface_in_slices", DEFINES_WITHIN),
    ("go119_iface_nested", DEFINES_WITHIN),
    ("stream_two_encoders", "two streams, one behind the other, for two decoders"),
    ("rpc_raw_empty_body_message.c2s", "holds an empty message, which Go's decoder refuses too"),
];

const DEFINES_WITHIN: &str = "an interface value defines its type, which splits the message: supported later";

/// Malformed streams of which one of the two makes a value and the other an error.
const JUDGED_OTHERWISE: &[(&str, &str)] = &[
    ("bad_def_unused_field_undefined", "a field's type is looked up when the field is sent, in Go always"),
    ("bad_def_field_no_name", "a field without a name is passed over like any unknown one"),
    ("bad_iface_cut_count", "where the message ends before a length, Go happens to take it for 0"),
];

/// Malformed streams that are refused for another reason than Go gives.
const CLASSED_OTHERWISE: &[(&str, &str)] = &[
    ("bad_length_9_bytes", "a malformed length is a bad length here, and corrupt to Go"),
    ("bad_length_128_bytes", "a malformed length is a bad length here, and corrupt to Go"),
    ("bad_def_nothing", "refused where it is defined; Go waits for a value of the type"),
    ("bad_map_count_bomb", "refused at sight; Go goes on until the message is used up"),
    ("bad_iface_redefinition", DEFINES_WITHIN),
    ("bad_iface_def_then_eof", DEFINES_WITHIN),
];

#[test]
fn definitions_and_values_are_as_go_sees_them() {
    let cases = support::cases(FOLDER);
    check(readable(&cases), NOT_READ_YET, |case| compare(&case.stream, case.list("wire"), 0));
}

#[test]
fn skipping() {
    let cases = support::cases(FOLDER);
    check(readable(&cases), NOT_READ_YET, |case| {
        let mut reader = Reader::new(&case.stream);
        for item in case.list("wire").iter().filter(|item| item.get("value").is_some()) {
            let id = reader.skip().map_err(|end| format!("{end:?}"))?;
            if i64::from(id.0) != item["id"].as_i64().unwrap() {
                return Err(format!("a value of type {}", id.0));
            }
        }
        match reader.skip() {
            Err(End::Eof) => Ok(()),
            end => Err(format!("the stream goes on with {end:?}")),
        }
    });
}

#[test]
fn a_message_without_its_end_is_an_error() {
    let cases = support::cases(FOLDER);
    check(readable(&cases), NOT_READ_YET, |case| {
        let mut decoder = Decoder::new();
        let mut rest = &case.stream[..];
        while let Some(message) = next_message(&mut rest).unwrap() {
            for end in (0..message.len()).rev().take(3_000) {
                if let Ok(value) = decoder.message(&message[..end])
                    && value.is_none_or(|value| value.skip().is_ok())
                {
                    return Err(format!("{end} bytes of {} are enough", message.len()));
                }
            }
            decoder.message(message).map_err(|error| error.to_string())?;
        }
        Ok(())
    });
}

#[test]
fn what_go_refuses_is_refused_and_nothing_else() {
    let cases = support::cases(FOLDER);
    let malformed = cases.iter().filter(|case| case.text("group") == "malformed");
    check(malformed, JUDGED_OTHERWISE, |case| {
        let mut reader = Reader::new(&case.stream);
        let Some((steps, lenient)) = case.discarding() else {
            // Go was not asked to pass over these.
            return end_of(&mut reader).map(|_| ());
        };
        for step in steps {
            let end = reader.skip();
            if end.is_err() != step.get("error").is_some() && !lenient {
                return Err(format!("{end:?}, not {step}"));
            }
        }
        end_of(&mut reader).map(|_| ())
    });
}

#[test]
fn errors_are_of_gos_classes() {
    let cases = support::cases(FOLDER);
    let refused = cases.iter().filter(|case| {
        case.text("group") == "malformed"
            && case.discarding().is_some_and(|(steps, lenient)| {
                !lenient && steps.iter().any(|step| step.get("error").is_some())
            })
    });
    // These are no errors here at all.
    let refused = refused.filter(|case| JUDGED_OTHERWISE.iter().all(|(name, _)| *name != case.name));
    check(refused, CLASSED_OTHERWISE, |case| {
        let mut reader = Reader::new(&case.stream);
        for step in case.discarding().unwrap().0 {
            let end = reader.skip();
            let (found, wanted) = (end.as_ref().err().map(End::class), step["class"].as_str());
            if found != wanted {
                return Err(format!("{end:?}, not {step}"));
            }
        }
        Ok(())
    });
}

#[test]
fn a_capture_cut_anywhere_yields_whole_values_and_then_asks_for_more() {
    let cases = support::cases(FOLDER);
    let captures = cases.iter().filter(|case| case.text("origin") == "capture" && case.stream.len() < 10_000);
    let broken = "goes wrong before its end, however it is cut";
    let exceptions = [
        ("rpc_raw_garbage.c2s", broken),
        ("rpc_raw_bad_body.c2s", broken),
        ("rpc_raw_empty_body_message.c2s", broken),
    ];
    check(captures, &exceptions, |case| {
        let whole = values(&case.stream)?;
        for cut in 0..case.stream.len() {
            let mut reader = Reader::new(&case.stream[..cut]);
            for (id, end) in whole.iter().filter(|(_, end)| *end <= cut) {
                match reader.skip() {
                    Ok(found) if found == *id => {}
                    found => return Err(format!("cut at {cut}, before {end}: {found:?}")),
                }
            }
            let clean = cut == 0 || whole.iter().any(|(_, end)| *end == cut);
            match (reader.skip(), clean) {
                (Err(End::Eof), true) | (Err(End::UnexpectedEof), false) => {}
                (found, _) => return Err(format!("cut at {cut}, at last: {found:?}")),
            }
        }
        Ok(())
    });
}

#[test]
fn a_large_capture_cut_anywhere_asks_for_more() {
    let cases = support::cases(FOLDER);
    let case = cases.iter().find(|case| case.name == "lambda_1mib_request.c2s").unwrap();
    let mut decoder = Decoder::new();
    let mut rest = &case.stream[..];
    while let Some(frame) = gob::frame(rest).unwrap() {
        for cut in 0..frame.total() {
            // Framed, it is not all there; taken for a whole message, it is an error.
            assert!(gob::frame(&rest[..cut]).unwrap().is_none_or(|found| found == frame), "cut at {cut}");
            if let Some(message) = rest[..cut].get(frame.prefix..) {
                let read =
                    decoder.message(message).and_then(|value| value.map_or(Ok(()), |value| value.skip()));
                assert!(read.is_err(), "cut at {cut}");
            }
        }
        decoder.message(frame.message(rest)).unwrap();
        rest = frame.after(rest);
    }
    assert!(rest.is_empty());
}

/// Go's own results for prefixes.
#[test]
fn truncations_end_as_in_go() {
    let cases = support::cases(FOLDER);
    let truncated = cases.iter().filter(|case| !case.list("truncations").is_empty());
    let exceptions = [("iface_struct", DEFINES_WITHIN), ("go119_iface_struct", DEFINES_WITHIN)];
    check(truncated, &exceptions, |case| {
        for row in case.list("truncations") {
            let number = |member: &str| row[member].as_u64().unwrap() as usize;
            for cut in number("from")..=number("to") {
                let mut reader = Reader::new(&case.stream[..cut]);
                for _ in 0..number("decoded") {
                    reader.skip().map_err(|end| format!("cut at {cut}: {end:?}"))?;
                }
                let end = reader.skip();
                if end.as_ref().err().map(End::class) != row["class"].as_str() {
                    return Err(format!("cut at {cut}: {end:?}, not {row}"));
                }
            }
        }
        Ok(())
    });
}

/// Every value's type, and where it ends in the stream.
fn values(stream: &[u8]) -> Result<Vec<(TypeId, usize)>, String> {
    let mut reader = Reader::new(stream);
    let mut found = Vec::new();
    loop {
        match reader.skip() {
            Ok(id) => found.push((id, stream.len() - reader.remaining())),
            Err(End::Eof) => return Ok(found),
            Err(end) => return Err(format!("{end:?}")),
        }
    }
}

/// Reads on until the stream ends, whatever is in it: each attempt takes at least one message.
fn end_of(reader: &mut Reader<'_>) -> Result<End, String> {
    loop {
        let before = reader.remaining();
        match reader.skip() {
            Err(end @ (End::Eof | End::UnexpectedEof)) => return Ok(end),
            Err(end) if reader.remaining() == before => return Ok(end), // no message to take
            Ok(_) if reader.remaining() == before => return Err("a value of no bytes".into()),
            _ => {}
        }
    }
}

/// Cases whose values are all there and in order.
fn readable(cases: &[Case]) -> impl Iterator<Item = &Case> {
    cases.iter().filter(|case| !case.list("wire").is_empty() && case.index.get("wireError").is_none())
}
