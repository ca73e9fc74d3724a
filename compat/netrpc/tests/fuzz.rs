//! What the fuzz target does, without a fuzzer: recorded connections, damaged at every byte, into both ends. The
//! allocator holds them to their memory: a stream that asks for more ends the process.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::alloc::System;
use std::fs;

use cap::Cap;
use support::any_bytes;

mod support {
    pub(crate) mod any_bytes;
}

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gob/tests/golden");

/// Streams are a few thousand bytes, and buffers grow by a megabyte.
const MEMORY: usize = 16 << 20;

#[test]
fn damaged_connections_end_and_cost_no_memory() {
    let mut streams: Vec<Vec<u8>> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".c2s.gob") || name.ends_with(".s2c.gob")
        })
        .map(|path| fs::read(path).unwrap())
        .filter(|stream| stream.len() < 1_000)
        .collect();
    streams.sort();
    streams.dedup();
    assert!(streams.len() > 30);
    any_bytes::run(&[]); // what is made once
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + MEMORY).unwrap();
    for stream in &streams {
        any_bytes::run(stream);
        for place in 0..stream.len() {
            any_bytes::run(&damaged(stream, place));
        }
    }
    // A length, and nothing behind it; a header and a body that never ends.
    for claim in [&[0xfc, 0x0f, 0xff, 0xff, 0xff][..], &[0xfb, 0x01, 0, 0, 0, 0], &[0xf8; 9]] {
        any_bytes::run(claim);
        for stream in &streams {
            any_bytes::run(&[stream, claim].concat());
        }
    }
}

/// The stream with one byte changed, or ended, or begun again; how differs from place to place.
fn damaged(stream: &[u8], place: usize) -> Vec<u8> {
    let mut damaged = stream.to_vec();
    match (place * 7 + stream.len()) % 8 {
        0 => damaged.truncate(place),
        1 => damaged[place] = 0,
        2 => damaged[place] = 0xff,
        3 => damaged[place] ^= 1,
        4 => damaged[place] = damaged[place].wrapping_add(2),
        5 => _ = damaged.remove(place),
        6 => damaged.insert(place, 0xfd),
        _ => damaged.extend_from_slice(&stream[place..]),
    }
    damaged
}
