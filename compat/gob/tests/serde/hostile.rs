//! Whatever arrives is a value or an error, also for a Rust type.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use gob::wire::{put_bytes, put_int, put_uint};
use gob::{Decoder, Error, ErrorKind, Gob, Limits};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cases::*;

/// Reads all values of a stream as a type; what comes of it does not matter.
fn survive<T: Gob + for<'m> Deserialize<'m>>(stream: &[u8]) {
    let mut decoder = Decoder::new();
    let mut rest = stream;
    while let Ok(Some(frame)) = gob::frame(rest)
        && frame.total() <= rest.len()
    {
        if let Ok(Some(value)) = decoder.message(frame.message(rest)) {
            _ = value.deserialize::<T>();
        }
        rest = frame.after(rest);
    }
}

fn survive_all(stream: &[u8]) {
    survive::<EveryKind>(stream);
    survive::<Bag>(stream);
    survive::<List>(stream);
    survive::<Ptrs>(stream);
    survive::<Times>(stream);
    survive::<Vec<Any>>(stream);
    survive::<SelfSlice>(stream);
    survive::<SelfMap>(stream);
    survive::<HashMap<String, Vec<String>>>(stream);
}

/// The typed streams that are written and read elsewhere.
const NAMES: [&str; 12] = [
    "struct_every_kind_full",
    "iface_nested",
    "iface_nested_3",
    "iface_in_composites",
    "list_3",
    "pointer_full",
    "time_fields",
    "big_fields",
    "self_slice",
    "self_map",
    "map_struct_value",
    "tree",
];

#[test]
fn a_stream_may_end_anywhere() {
    for name in NAMES {
        let stream = stream(name);
        for end in 0..stream.len() {
            survive_all(&stream[..end]);
            assert!(gob::from_slice::<EveryKind>(&stream[..end.min(stream.len() / 2)]).is_err());
            // The last message itself may be shorter, too.
            if let Ok(Some(frame)) = gob::frame(&stream)
                && frame.total() < end
            {
                let mut cut = stream[..frame.total()].to_vec();
                put_bytes(&mut cut, &stream[frame.total() + 1..end.max(frame.total() + 1)]);
                survive_all(&cut);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_streams_are_values_or_errors(
        name in prop::sample::select(&NAMES[..]),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut stream = stream(name);
        for (place, byte) in damages {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        survive_all(&stream);
    }

    #[test]
    fn values_come_back(
        numbers in prop::collection::vec(any::<(i64, u64, f64, bool)>(), 0..20),
        texts in prop::collection::btree_map(".*", prop::collection::vec(any::<u8>(), 0..20), 0..5),
        deep in 0..40_isize,
    ) {
        #[derive(Serialize, Deserialize, Gob, Debug, PartialEq, Clone)]
        #[serde(rename_all = "PascalCase")]
        struct Row { i: i64, u: u64, f: u64, b: bool }
        #[derive(Serialize, Deserialize, Gob, Debug, PartialEq)]
        #[serde(rename_all = "PascalCase")]
        struct All {
            rows: Vec<Row>,
            first: Option<Row>,
            texts: std::collections::BTreeMap<String, Vec<u8>>,
            list: Option<List>,
        }
        let rows: Vec<_> = numbers.iter().map(|&(i, u, f, b)| Row { i, u, f: f.to_bits(), b }).collect();
        let list = (1..=deep).fold(None, |next, val| Some(List { val, next: next.map(Box::new) }));
        let all = All { first: rows.first().cloned(), rows, texts, list };
        prop_assert_eq!(gob::from_slice::<All>(&gob::to_vec(&all).unwrap()).unwrap(), all);
    }
}

/// A list so deep, written by hand: each node but the last is a next one, and nothing else.
fn deep_list(depth: usize) -> Vec<u8> {
    let mut stream = gob::to_vec(&List::default()).unwrap();
    let mut value = Vec::new();
    put_int(&mut value, 65);
    value.extend(std::iter::repeat_n(2, depth));
    value.extend(std::iter::repeat_n(0, depth + 1));
    let empty = 4;
    stream.truncate(stream.len() - empty);
    put_bytes(&mut stream, &value);
    stream
}

#[test]
fn depth_is_limited_and_what_is_allowed_fits_a_small_stack() {
    assert!(gob::from_slice::<List>(&deep_list(200)).is_ok());
    for depth in [300, 30_000] {
        let error = gob::from_slice::<List>(&deep_list(depth)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(error.to_string(), "gob: the value is nested more than 256 times");
    }
    // The same limit holds for what is sent, and a thread's usual 2 MiB are enough for both.
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let list =
            |depth| (1..depth).fold(List::default(), |next, val| List { val, next: Some(Box::new(next)) });
        assert!(gob::from_slice::<List>(&gob::to_vec(&list(256)).unwrap()).is_ok());
        assert_eq!(gob::to_vec(&list(257)).unwrap_err().kind(), ErrorKind::Limit);
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_type_that_holds_itself_has_no_zero() {
    #[derive(Deserialize, Gob)]
    #[serde(rename_all = "PascalCase")]
    struct Endless {
        #[allow(dead_code, reason = "there is no value of it")]
        next: Box<Endless>,
        #[allow(dead_code, reason = "there is no value of it")]
        x: i64,
    }
    let error = gob::from_slice::<Endless>(&gob::to_vec(&point(1, 2)).unwrap()).err().unwrap();
    assert_eq!(error.to_string(), "gob: the zero of this type has no end");
}

#[test]
fn a_false_count_takes_neither_memory_nor_time() {
    let patience = Duration::from_secs(10);
    let began = Instant::now();
    let counted = |stream: Vec<u8>, count: u64| {
        // A message with a value of type 65, not a struct, of which only the count is there.
        let mut message = Vec::new();
        put_int(&mut message, 65);
        message.push(0);
        put_uint(&mut message, count);
        message.extend([0; 8]);
        let mut all = stream;
        put_bytes(&mut all, &message);
        all
    };
    let definition = |stream: Vec<u8>| stream[..gob::frame(&stream).unwrap().unwrap().total()].to_vec();
    let list = definition(gob::to_vec(&vec![1_i64]).unwrap());
    let map = definition(gob::to_vec(&HashMap::from([(1_i64, 1_i64)])).unwrap());
    let read = |stream: &[u8]| -> [Result<(), Error>; 2] {
        let mut results = [Ok(()), Ok(())];
        results[0] = gob::from_slice::<Vec<i64>>(stream).map(drop);
        results[1] = gob::from_slice::<HashMap<i64, i64>>(stream).map(drop);
        results
    };
    for count in [9, 1 << 20, 1 << 40, u64::MAX] {
        assert!(read(&counted(list.clone(), count)).iter().all(Result::is_err), "{count}");
        assert!(read(&counted(map.clone(), count)).iter().all(Result::is_err), "{count}");
    }
    assert!(began.elapsed() < patience);
}

#[test]
fn limits_can_be_set() {
    let mut limits = Limits::default();
    limits.recursion = 2;
    let stream = deep_list(3);
    let mut decoder = Decoder::with_limits(limits);
    let definition = gob::frame(&stream).unwrap().unwrap();
    assert!(decoder.message(definition.message(&stream)).unwrap().is_none());
    let rest = definition.after(&stream);
    let message = gob::frame(rest).unwrap().unwrap().message(rest);
    let error = decoder.message(message).unwrap().unwrap().deserialize::<List>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}
