//! Go's `encoding/gob` for fixed messages: bytes in memory, no I/O.
//!
//! A gob stream is a row of messages, each a length and that many bytes. A message either defines a
//! type or holds a value of a type that was defined before. Go's own worked example, a struct
//! `Point{X: 22, Y: 33}`, is 40 bytes (`encoding/gob/doc.go`):
//!
//! ```
//! use gob::{Decoder, Encode, Encoder, Kind, Schema, StructWriter};
//! use std::sync::LazyLock;
//!
//! struct Point {
//!     x: i64,
//!     y: i64,
//! }
//!
//! static POINT: LazyLock<Schema> = LazyLock::new(|| {
//!     Schema::build(|types| {
//!         let int = types.add(Kind::Int);
//!         types.structure("Point", [("X", int), ("Y", int)])
//!     })
//! });
//!
//! impl Encode for Point {
//!     fn schema(&self) -> &Schema {
//!         &POINT
//!     }
//!     fn encode(&self, fields: &mut StructWriter<'_>) {
//!         fields.int(0, self.x);
//!         fields.int(1, self.y);
//!     }
//! }
//!
//! let mut stream = Vec::new();
//! Encoder::new().encode(&Point { x: 22, y: 33 }, &mut stream);
//! assert_eq!(
//!     stream,
//!     b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00\
//!       \x07\xff\x82\x01\x2c\x01\x42\x00"
//! );
//!
//! // Reading: cut the stream into messages, and give each to the stream's decoder.
//! let mut decoder = Decoder::new();
//! let mut rest = &stream[..];
//! let mut point = Point { x: 0, y: 0 };
//! while let Some(frame) = gob::frame(rest)? {
//!     let (message, after) = (frame.message(rest), frame.after(rest));
//!     if let Some(value) = decoder.message(message)? {
//!         value.structure(|name, field| match name {
//!             "X" => field.int().map(|x| point.x = x),
//!             "Y" => field.int().map(|y| point.y = y),
//!             _ => field.skip(),
//!         })?;
//!     }
//!     rest = after;
//! }
//! assert_eq!((point.x, point.y), (22, 33));
//! # Ok::<(), gob::Error>(())
//! ```
//!
//! | module | knows |
//! | --- | --- |
//! | `wire` | integers, byte strings and message lengths |
//! | `types` | type ids, wire types, the definitions seen on one stream |
//! | `schema` | what a value looks like to Go; stands beside the value |
//! | `encoder`, `decoder` | messages and definitions, in the order Go sends them |
//! | `value` | one received value, read field by field or skipped |
//!
//! Received bytes are hostile until read: nothing is allocated on the word of a length, skipping does
//! not recurse, and every error carries the offset in its message. Field names match exactly, unknown
//! fields are skipped and missing ones left alone, as in Go.

mod decoder;
mod encoder;
mod error;
mod schema;
mod types;
mod value;
pub mod wire;

pub use decoder::Decoder;
pub use encoder::{Encode, Encoder, Hole, ListWriter, StructWriter};
pub use error::{Error, ErrorKind};
pub use schema::{Kind, Schema, SchemaBuilder};
pub use types::{FieldType, TypeId, Types, WireType};
pub use value::{Decode, Field, Value};
pub use wire::{Frame, frame};
