//! The sending side of one stream: definitions before their first value, each once (`encoder.go`).

use crate::wire::{put_bytes, put_int, put_uint};
use crate::{Schema, TypeId};

/// A struct that can be sent.
pub trait Encode {
    /// Its Go type.
    fn schema(&self) -> &Schema;

    /// Writes its fields, in ascending order of their numbers.
    fn encode(&self, fields: &mut StructWriter<'_>);
}

/// Where bytes belong that are sent by reference: before `at` in the encoded output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// Position in the output buffer.
    pub at: usize,
    /// How many bytes belong there.
    pub length: u64,
}

/// What has been sent on one stream so far.
#[derive(Debug)]
pub struct Encoder {
    next_id: i32,
    /// Schemas in use and the id of each one's root; a connection has few.
    known: Vec<(u64, TypeId)>,
    /// One message, before its length is known; kept for its memory.
    scratch: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder::new()
    }
}

impl Encoder {
    /// A fresh stream whose types are numbered from 65, which every version of Go accepts.
    pub fn new() -> Encoder {
        Encoder::with_first_id(TypeId(65))
    }

    /// A fresh stream whose types are numbered from `id`; Go 1.21 and later start at 64.
    pub fn with_first_id(id: TypeId) -> Encoder {
        Encoder { next_id: id.0, known: Vec::new(), scratch: Vec::new() }
    }

    /// Appends a value, behind the definitions that the stream lacks.
    ///
    /// If the value left a [`Hole`] (see [`StructWriter::hole`]), so many bytes have to be put there on
    /// the way out: the message's length counts them.
    pub fn encode(&mut self, value: &(impl Encode + ?Sized), out: &mut Vec<u8>) -> Option<Hole> {
        let id = self.define(value.schema(), out);
        self.scratch.clear();
        put_int(&mut self.scratch, i64::from(id.0));
        let mut writer = StructWriter { out: &mut self.scratch, next: 0, hole: None };
        value.encode(&mut writer);
        let hole = writer.end();
        put_uint(out, self.scratch.len() as u64 + hole.map_or(0, |hole| hole.length));
        let start = out.len();
        out.extend_from_slice(&self.scratch);
        hole.map(|hole| Hole { at: start + hole.at, ..hole })
    }

    /// The id of a schema's root; its definitions are appended if they were not sent before.
    fn define(&mut self, schema: &Schema, out: &mut Vec<u8>) -> TypeId {
        if let Some((_, id)) = self.known.iter().find(|(key, _)| *key == schema.key) {
            return *id;
        }
        let ids = schema.assign(&mut self.next_id);
        let definitions = schema.definitions(&ids);
        for (id, wire_type) in &definitions {
            self.scratch.clear();
            wire_type.write_definition(*id, &mut self.scratch);
            put_bytes(out, &self.scratch);
        }
        let root = definitions.first().map_or(TypeId(0), |(id, _)| *id);
        self.known.push((schema.key, root));
        root
    }
}

/// Writes one struct. Fields that are zero are left out, exactly where Go leaves them out.
#[derive(Debug)]
pub struct StructWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Number after the last field written.
    next: u32,
    hole: Option<Hole>,
}

impl StructWriter<'_> {
    /// Any unsigned integer field.
    pub fn uint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.start(field);
            put_uint(self.out, value);
        }
    }

    /// Any signed integer field.
    pub fn int(&mut self, field: u32, value: i64) {
        if value != 0 {
            self.start(field);
            put_int(self.out, value);
        }
    }

    /// A `bool` field.
    pub fn bool(&mut self, field: u32, value: bool) {
        self.uint(field, u64::from(value));
    }

    /// A `string` or `[]byte` field.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.start(field);
            put_bytes(self.out, value);
        }
    }

    /// A `[]byte` field whose bytes are not copied: the sender puts them at the [`Hole`]. One for a value,
    /// and not within a slice.
    pub fn hole(&mut self, field: u32, length: u64) {
        if length != 0 {
            self.start(field);
            put_uint(self.out, length);
            self.hole = Some(Hole { at: self.out.len(), length });
        }
    }

    /// A nested struct or a pointer to one: sent even if all its fields are zero. (A nil pointer is left out
    /// by not calling this.)
    pub fn structure(&mut self, field: u32, write: impl FnOnce(&mut StructWriter<'_>)) {
        self.start(field);
        let mut inner = StructWriter { out: self.out, next: 0, hole: None };
        write(&mut inner);
        let hole = inner.end();
        self.hole = self.hole.or(hole);
    }

    /// A slice field of `count` elements, which `write` writes one after the other.
    pub fn slice(&mut self, field: u32, count: usize, write: impl FnOnce(&mut ListWriter<'_>)) {
        if count != 0 {
            self.start(field);
            put_uint(self.out, count as u64);
            write(&mut ListWriter { out: self.out });
        }
    }

    #[inline]
    fn start(&mut self, field: u32) {
        debug_assert!(field >= self.next, "fields are written in ascending order");
        put_uint(self.out, u64::from(field - self.next) + 1);
        self.next = field + 1;
    }

    fn end(self) -> Option<Hole> {
        put_uint(self.out, 0);
        self.hole
    }
}

/// Writes the elements of a slice.
#[derive(Debug)]
pub struct ListWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl ListWriter<'_> {
    /// An element that is a struct, or a pointer to one.
    pub fn structure(&mut self, write: impl FnOnce(&mut StructWriter<'_>)) {
        let mut inner = StructWriter { out: self.out, next: 0, hole: None };
        write(&mut inner);
        inner.end();
    }
}
