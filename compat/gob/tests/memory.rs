//! No stream takes more memory than 16 times its bytes and 1 MiB, however densely it is packed. The allocator holds
//! to it: a stream that asks for more ends the process, and its name is the last thing that is said.

use std::alloc::System;
use std::io::Write as _;

use cap::Cap;
use gob::wire::{put_bytes, put_int, put_uint};
use gob::{Decoder, Error, Received, TypeId};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that a stream has at least.
const SIZE: usize = 1 << 18;

#[test]
fn a_stream_takes_no_more_than_sixteen_times_its_bytes() {
    let count = SIZE as u64;
    let (list, item, inner) = (65, 66, 67);
    let value = |id: i64, head: &[u8], body: &[u8], times: u64| {
        let mut message = Vec::new();
        put_int(&mut message, id);
        message.extend_from_slice(head);
        put_uint(&mut message, times);
        message.extend(body.repeat(times as usize));
        framed(&message)
    };
    let of = |elem: i64| slice(list, elem);
    let point = || structure(item, &[("X", 2), ("Y", 2)]);
    let deep = |depth: usize| {
        let mut message = Vec::new();
        put_int(&mut message, list);
        message.extend(vec![1; depth - 1]);
        message.extend(vec![0; depth]);
        [structure(list, &[("Next", list)]), framed(&message)].concat()
    };
    let names: Vec<String> = (0..40_000).map(|number| format!("F{number}")).collect();
    let many: Vec<(&str, i64)> = names.iter().map(|name| (&**name, 2)).collect();
    let short = vec![("F", 2); 100_000];
    let small = |id: i64| {
        let mut message = Vec::new();
        put_int(&mut message, id);
        [&framed(&message)[..], &framed(&[0, 0])[..]].concat()
    };
    let streams = [
        ("bools", [of(1), value(list, &[0], &[1], count)].concat()),
        ("empty strings", [of(6), value(list, &[0], &[0], count)].concat()),
        ("short strings", [of(6), value(list, &[0], b"\x01a", count / 2)].concat()),
        ("empty structs", [of(item), structure(item, &[]), value(list, &[0], &[0], count)].concat()),
        ("points", [of(item), point(), value(list, &[0], &[1, 2, 1, 4, 0], count / 5)].concat()),
        (
            "lists",
            [of(item), slice(item, inner), slice(inner, 2), value(list, &[0], &[1, 1, 2], count / 3)]
                .concat(),
        ),
        ("nil interfaces", [of(8), value(list, &[0], &[0], count)].concat()),
        ("interfaces", [of(8), value(list, &[0], b"\x03int\x04\x02\x00\x02", count / 8)].concat()),
        ("complex", [of(7), value(list, &[0], &[0, 0], count / 2)].concat()),
        ("bytes", value(5, &[0], &[7], count)),
        ("9 999 structs deep", deep(9_999)),
        ("30 000 structs deep", deep(30_000)),
        ("a million structs deep", deep(1_000_000)),
        ("many definitions", (0..9_000).flat_map(|id| structure(65 + id, &[("X", 2), ("Y", 2)])).collect()),
        ("a chain of definitions", (0..9_000).flat_map(|id| slice(65 + id, 66 + id)).collect()),
        ("many fields", [structure(list, &many), small(list)].concat()),
        ("fields of one letter", [structure(list, &short), small(list)].concat()),
        ("nameless fields", [nameless(1_000_000), small(list)].concat()),
        ("values of types that nobody defined", undefined(300_000)),
        ("interfaces of types that nobody defined", [of(8), framed(&undefined_elements(100_000))].concat()),
        ("a long name, complained of again and again", complaints(1_000)),
        ("a count of 2^40", [of(1), framed(&[0xff, 130, 0, 0xfb, 1, 0, 0, 0, 0, 1, 1])].concat()),
        ("a length of 2^40", [of(1), vec![0xfa, 1, 0, 0, 0, 0, 0, 1, 2, 3]].concat()),
    ];
    for (name, stream) in streams {
        _ = std::io::stderr().write_all(format!("memory of {name}, {} bytes\n", stream.len()).as_bytes());
        for read in [|value: Received<'_>| value.skip(), |value: Received<'_>| value.value().map(drop)] {
            let limit = ALLOCATOR.allocated() + 16 * stream.len() + (1 << 20);
            ALLOCATOR.set_limit(limit).unwrap_or_else(|_| panic!("there is no room for {name}"));
            messages(&stream, read);
            ALLOCATOR.set_limit(usize::MAX).unwrap_or_else(|_| panic!("there is no room at all"));
        }
    }
}

fn messages(stream: &[u8], read: impl Fn(Received<'_>) -> Result<(), Error>) {
    let (mut decoder, mut rest) = (Decoder::new(), stream);
    while let Ok(Some(frame)) = gob::frame(rest) {
        if let Ok(Some(value)) = decoder.message(frame.message(rest)) {
            _ = read(value);
        }
        rest = frame.after(rest);
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, message);
    out
}

/// The definition of a struct whose fields take a byte each.
fn nameless(count: usize) -> Vec<u8> {
    let mut message = Vec::new();
    put_int(&mut message, -65);
    message.extend([3, 2]);
    put_uint(&mut message, count as u64);
    message.extend(vec![0; count + 2]);
    framed(&message)
}

fn undefined(count: i64) -> Vec<u8> {
    let value = |id: i64| {
        let mut message = Vec::new();
        put_int(&mut message, 100_000 + id);
        message.push(0);
        framed(&message)
    };
    (0..count).flat_map(value).collect()
}

fn undefined_elements(count: i64) -> Vec<u8> {
    let mut message = vec![0xff, 130, 0];
    put_uint(&mut message, count as u64);
    for id in 0..count {
        message.extend([1, b'a']);
        put_int(&mut message, 100_000 + id);
        message.push(0);
    }
    message
}

/// Values of many types that hold one with a long name and a flaw.
fn complaints(count: i64) -> Vec<u8> {
    let name = vec![b'N'; 100_000];
    let mut flawed = Vec::new();
    put_int(&mut flawed, -65);
    flawed.extend([3, 1, 1]);
    put_bytes(&mut flawed, &name);
    flawed.extend([1, 0xff, 130, 0, 1, 1, 0, 0, 0]);
    let mut stream = framed(&flawed);
    for id in 66..66 + count {
        stream.extend(slice(id, 65));
    }
    for id in 66..66 + count {
        let mut message = Vec::new();
        put_int(&mut message, id);
        message.extend([0, 0]);
        stream.extend(framed(&message));
    }
    stream
}

/// The definition of a slice.
fn slice(id: i64, elem: i64) -> Vec<u8> {
    let mut message = Vec::new();
    put_int(&mut message, -id);
    message.extend([2, 1, 2]);
    put_int(&mut message, id);
    message.extend([0, 1]);
    put_int(&mut message, elem);
    message.extend([0, 0]);
    framed(&message)
}

/// The definition of a struct.
fn structure(id: i64, fields: &[(&str, i64)]) -> Vec<u8> {
    let mut message = Vec::new();
    put_int(&mut message, -id);
    message.extend([3, 1, 2]);
    put_int(&mut message, id);
    message.push(0);
    if !fields.is_empty() {
        message.push(1);
        put_uint(&mut message, fields.len() as u64);
    }
    for (name, ty) in fields {
        message.push(1);
        put_bytes(&mut message, name.as_bytes());
        message.push(1);
        put_int(&mut message, *ty);
        message.push(0);
    }
    message.extend([0, 0]);
    framed(&message)
}

/// The ids above are those that streams start with.
const _: () = assert!(TypeId::FIRST_USER.0 < 65);
