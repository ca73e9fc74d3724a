//! Go's `encoding/gob`, whole: what Go sends is read, and what is sent Go reads, in Go's own bytes.
//!
//! A gob stream is a row of messages, each a length and that many bytes. A message either defines a type or holds a
//! value of a type that was defined before. Go's own worked example, a struct `Point{X: 22, Y: 33}`, is 40 bytes
//! (`encoding/gob/doc.go`):
//!
//! ```
//! #[derive(serde::Serialize, serde::Deserialize, gob::Gob, PartialEq, Debug)]
//! #[serde(rename_all = "PascalCase")] // Go sends exported fields alone, and they begin with a capital
//! struct Point {
//!     x: i64,
//!     y: i64,
//! }
//!
//! let stream = gob::to_vec(&Point { x: 22, y: 33 })?;
//! assert_eq!(
//!     stream,
//!     b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00\
//!       \x07\xff\x82\x01\x2c\x01\x42\x00"
//! );
//! assert_eq!(gob::from_slice::<Point>(&stream)?, Point { x: 22, y: 33 });
//! # Ok::<(), gob::Error>(())
//! ```
//!
//! ```text
//! 1f                          31 bytes follow: a definition
//! ff 81                       of type 65: ids that are defined are negative, and -65 is 0x81 with its sign in bit 0
//! 03                          wireType's third field: StructT
//! 01                            structType's first: CommonType
//! 01 05 50 6f 69 6e 74            its Name, 5 bytes, "Point"
//! 01 ff 82                        its Id, 65
//! 00                              no more of CommonType
//! 01 02                         structType's next: Field, a slice of 2
//! 01 01 58 01 04 00               Name "X", Id 2 (int), no more
//! 01 01 59 01 04 00               Name "Y", Id 2, no more
//! 00                            no more of structType
//! 00                          no more of wireType
//!
//! 07                          7 bytes follow: a value
//! ff 82                       of type 65
//! 01 2c                       one field on, X: 22
//! 01 42                       one field on, Y: 33
//! 00                          no more
//! ```
//!
//! Numbers below 128 are one byte; larger ones are a byte with minus their length, and then their bytes (`wire`). A
//! field is sent as its distance from the one before, and not at all if it is zero. `dump` draws such a picture of any
//! stream, and so does the program `go1x gob`.
//!
//! # Three ways in and out
//!
//! | for | types | write | read |
//! | --- | --- | --- | --- |
//! | ordinary Rust types | `#[derive(Gob)]` beside serde's derives | [`to_vec`], [`Encoder::serialize`] | [`from_slice`], [`Received::deserialize`] |
//! | types that are known at run time, or never | [`Schema`] | [`Encoder::value`], from a [`Value`] | [`Received::value`], and as a schema asks [`Received::value_as`] |
//! | fixed messages in a hurry, payloads not copied | [`Encode`], [`Decode`] | [`Encoder::encode`], with a [`Hole`] | [`Received::structure`], [`Field::shared_bytes`] |
//!
//! An [`Encoder`] or [`Decoder`] is one direction of one stream: it remembers what was defined. Neither does I/O:
//! bytes in memory come in and go out, cut into messages by [`frame`]. [`Reader`] and [`Writer`] put them on anything
//! that can be read or written.
//!
//! # Go and Rust
//!
//! | Go | [`Kind`] | Rust, by `#[derive(Gob)]` | what serde sees |
//! | --- | --- | --- | --- |
//! | `bool` | `Bool` | `bool` | `bool` |
//! | `int`, `int8` … `int64` | `Int` | `isize`, `i8` … `i64` | the integer, its range checked |
//! | `uint`, `uint8` … `uint64`, `uintptr` | `Uint` | `usize`, `u8` … `u64` | the integer, its range checked |
//! | `float32`, `float64` | `Float` | `f32`, `f64` | the float; of an `f64` every bit |
//! | `complex64`, `complex128` | `Complex` | [`Complex`] of `f32`, `f64` | a pair |
//! | `string` | `String` | `String`, `&str`; [`Text`] if it need not be UTF-8 | a string; bytes |
//! | `[]byte` | `Bytes` | `Vec<u8>`, `&[u8]`; [`bytes::Bytes`] is quicker | a list; bytes |
//! | `[]T` | `Slice` | `Vec<T>`, `VecDeque<T>`, sets | a list |
//! | `[N]T` | `Array` | `[T; N]` | a list (serde knows up to 32) |
//! | `map[K]V` | `Map` | `HashMap<K, V>`, `BTreeMap<K, V>`; never nil | a map |
//! | `*T` | `Pointer` | `Option<T>`; `Box<T>` and the like are as `T` | an option |
//! | `struct` | `Struct` | a struct | a struct; what was not sent is zero |
//! | an interface | `Interface` | an enum with `#[gob(interface)]`; nil is `Option::None` | an enum: the registered name is the variant |
//! | `GobEncoder` | `Opaque(Codec::Gob)` | [`Time`], [`BigInt`], [`Encoded`] | bytes |
//! | `BinaryMarshaler` | `Opaque(Codec::Binary)` | [`Marshaled`] | bytes |
//! | `chan`, `func` | `Unsendable` | – | – |
//!
//! A type's Go name is its Rust name, unless `#[gob(name = "…", package = "…")]` says otherwise. Names of types do not
//! matter to a receiver, those of fields do.
//!
//! # What cannot match Go, and why
//!
//! - **Variables that are used again.** Go decodes on top of what a variable holds. Rust's types are made anew;
//!   [`Received::value_onto`] does as Go does, for a [`Value`].
//! - **Pointers to nil.** `**int` that points to a nil pointer, or a pointer to a nil map, looks on the wire like nil,
//!   and comes back as nil.
//! - **Zero values of types that encode themselves.** Go leaves them out if they are zero, and their own code alone
//!   knows what that looks like. [`Time`] knows; [`Encoded`] and [`Marshaled`] are left out as `None`, behind an
//!   `Option`.
//! - **Methods.** That a type lacks an interface's methods is an error in Go. Here only Go's basic types are known to
//!   have none.
//! - **Hangs and crashes.** A map of empty structs keeps Go busy for ever, deep values take a gigabyte of stack, some
//!   lengths panic. Here these are errors: see [`Limits`].
//! - **What Go cannot skip.** Nil among the elements of a skipped slice of interfaces, and interfaces within
//!   interfaces whose types are new, make Go lose its place. Here they are skipped.
//! - **What Go never sends.** Of a key that a map has twice, or a field name that a struct has twice, Go keeps the last
//!   value; a [`Value`] has all of them, and Rust's types take the first of such fields. A definition of two kinds is an
//!   error here; to Go it is of the kind that its receiver asks for.
//! - **Order of maps.** Go's is random, Rust's is the map's.
//!
//! Numbers and names of types are given as a fresh Go process gives them, but from 65 on, which every version of Go
//! accepts; [`Encoder::with_first_id`] starts elsewhere.
//!
//! # Hostile streams
//!
//! Received bytes are hostile until read. Nothing is allocated on the word of a length. What is skipped, or read into a
//! [`Value`] as it is, takes no more stack the deeper it is, and with all that its stream defined at most 16 times the
//! stream's bytes and 1 MiB. (Rust's types, and a schema's with promoted fields, take what they take, to a depth of
//! their own: see [`Limits`].) What does not fit is found out once, not for each value. Errors are worded as Go words them, tell their kind and where in the message they were found, and cost
//! that message alone.
//!
//! # Rooms
//!
//! | module | knows |
//! | --- | --- |
//! | `wire` | integers, byte strings and message lengths |
//! | `types` | type ids, wire types, the definitions seen on one stream |
//! | `schema`, `registry` | what a value looks like to Go; how Go numbers and names it |
//! | `encoder`, `decoder`, `stream` | messages and definitions, in the order Go sends them; with I/O, the last one |
//! | `walk`, `received` | values that are skipped, put together, or read field by field |
//! | `value`, `plan`, `lookup`, `receive`, `settle`, `send` | any value in memory, and how it fits a schema |
//! | `go_type`, `ser`, `direct`, `de` | ordinary Rust types: by serde, or where that is the same, without |
//! | `time`, `big`, `complex`, `opaque` | Go's types that serde has no name for |
//! | `dump` | a second reader, which shares no code with the first: text for people, JSON for programs |

mod big;
mod complex;
mod de;
mod decoder;
mod direct;
#[cfg(test)]
mod direct_by_serde;
pub mod dump;
mod encoder;
mod error;
mod go_type;
mod limits;
mod lookup;
mod opaque;
mod plan;
mod receive;
mod received;
mod registry;
mod schema;
mod send;
mod ser;
mod settle;
mod stream;
mod time;
mod types;
mod value;
mod walk;
pub mod wire;

pub use big::{BigInt, BigIntOutOfRange};
pub use complex::Complex;
pub use de::from_slice;
pub use decoder::{Decoder, Kept};
pub use encoder::{Encode, Encoder, Hole, ListWriter, StructWriter};
pub use error::{Error, ErrorKind};
pub use go_type::Gob;
#[doc(hidden)]
pub use go_type::private as __private;
pub use gob_derive::Gob;
pub use limits::Limits;
pub use opaque::{Encoded, Marshaled, Text};
pub use received::{Decode, Field, Received};
pub use schema::{Codec, FieldInfo, Fields, Kind, Name, Schema, SchemaBuilder, TypeRef, Width};
pub use ser::to_vec;
pub use stream::{Reader, Writer, value_from_slice};
pub use time::{Time, TimeOutOfRange};
pub use types::{Definition, FieldType, TypeId, Types, WireType};
pub use value::{Begun, Part, Parts, Value, ValueBuilder, View};
pub use wire::{Frame, frame};
