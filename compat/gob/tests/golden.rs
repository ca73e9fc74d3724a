//! Streams of real Go (`golden/README.md`): what they define and hold, where they break, and every cut of them.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use gob::{Decoder, TypeId, View};
use support::{Case, End, Reader, check, compare, next_message};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// Streams that Go reads to their end, and that cannot be read so here.
const NOT_READ_YET: &[(&str, &str)] = &[
    ("stream_two_encoders", "two streams, one behind the other, for two decoders"),
    ("rpc_raw_empty_body_message.c2s", "holds an empty message, which Go's decoder refuses too"),
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

/// A message's end ends its structs too, as in Go; so what is cut off a struct is missed only in mid-field.
#[test]
fn a_message_without_its_end_is_an_error_or_lacks_fields() {
    let cases = support::cases(FOLDER);
    check(readable(&cases), NOT_READ_YET, |case| {
        let mut decoder = Decoder::new();
        let mut rest = &case.stream[..];
        while let Some(message) = next_message(&mut rest).unwrap() {
            if !decoder.is_between_values() || !decoder.accept(message).map_err(|error| error.to_string())? {
                continue;
            }
            let whole = decoder.received(message).unwrap().value().map_err(|error| error.to_string())?;
            for end in (0..message.len()).rev().take(3_000) {
                let Ok(Some(cut)) = decoder.message(&message[..end]) else { continue };
                let Ok(cut) = cut.value() else { continue };
                let (View::Struct(cut), View::Struct(whole)) = (cut.root().view(), whole.root().view())
                else {
                    continue; // the last element is a struct that lacks fields
                };
                let (mut cut, mut whole) =
                    (cut.named().map(|(name, _)| name), whole.named().map(|(name, _)| name));
                if !cut.all(|name| whole.next() == Some(name)) {
                    return Err(format!("{end} bytes of {} have other fields", message.len()));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn what_go_refuses_is_refused_and_nothing_else() {
    let cases = support::cases(FOLDER);
    let malformed = cases.iter().filter(|case| case.text("group") == "malformed");
    check(malformed, &[], |case| {
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
    check(refused, &[], |case| {
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
            assert!(gob::frame(&rest[..cut]).unwrap().is_none_or(|found| found == frame), "cut at {cut}");
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
    check(truncated, &[], |case| {
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
