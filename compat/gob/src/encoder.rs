//! The sending side of one stream: definitions before their first value, each once (`encoder.go`).

use std::sync::Arc;

use crate::registry::{Places, Registry};
use crate::types::Definition;
use crate::wire::{long_uint, put_bytes, put_field, put_int, put_uint, reversed, signed};
use crate::{Error, ErrorKind, Kind, Schema, TypeId, TypeRef};

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
    types: Numbered,
    /// Types in use and their ids; a connection has few.
    known: Vec<Known>,
}

/// Which types have numbers.
#[derive(Debug)]
enum Numbered {
    /// None; the first one gets this.
    None(TypeId),
    /// Those of one schema, just as on any other new stream.
    Usual(Arc<FirstUse>),
    /// Those that are registered on this stream.
    Own(Box<Own>),
}

/// A stream's own registry, and where it has each schema's types.
#[derive(Debug)]
struct Own {
    registry: Registry,
    places: Vec<(u64, Places)>,
}

/// What a new stream sends for a schema's root, and knows then. It is the same each time.
#[derive(Debug)]
pub(crate) struct FirstUse {
    id: TypeId,
    definitions: Vec<u8>,
    registry: Registry,
    schema: u64,
    places: Places,
}

impl FirstUse {
    pub(crate) fn new(schema: &Schema) -> FirstUse {
        let mut registry = Registry::new(FIRST_ID);
        let places = registry.import(schema);
        let mut found = Vec::new();
        let id = registry.describe(places[schema.root().0 as usize], &mut found);
        let mut definitions = Vec::new();
        write_definitions(&found, &mut definitions);
        registry.mark();
        FirstUse { id, definitions, registry, schema: schema.key, places }
    }
}

/// Where new streams start to number: every version of Go accepts it.
const FIRST_ID: TypeId = TypeId(65);

/// A type of a schema that was sent before.
#[derive(Debug)]
struct Known {
    schema: u64,
    ty: TypeRef,
    id: TypeId,
    /// How many bytes the length of the last message took that was of it: the next one's will mostly take as many.
    gap: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder::new()
    }
}

impl Encoder {
    /// A fresh stream whose types are numbered from 65, which every version of Go accepts.
    pub fn new() -> Encoder {
        Encoder::with_first_id(FIRST_ID)
    }

    /// A fresh stream whose types are numbered from `id`; Go 1.21 and later start at 64. Below that are Go's own
    /// types, and no numbers to give.
    pub fn with_first_id(id: TypeId) -> Encoder {
        let id = id.max(TypeId::FIRST_USER);
        Encoder { types: Numbered::None(id), known: Vec::new() }
    }

    /// Another stream, which goes on with the numbers of this one: in Go, types are numbered once for a process.
    pub fn next_stream(mut self) -> Encoder {
        let mut own = self.take_registry();
        own.registry.forget_all();
        Encoder { types: Numbered::Own(own), known: Vec::new() }
    }

    /// Appends a value, behind the definitions that the stream lacks.
    ///
    /// If the value left a [`Hole`] (see [`StructWriter::hole`]), so many bytes have to be put there on
    /// the way out: the message's length counts them.
    pub fn encode(&mut self, value: &(impl Encode + ?Sized), out: &mut Vec<u8>) -> Option<Hole> {
        let schema = value.schema();
        let at = self.announce(schema, schema.root(), out);
        let known = &mut self.known[at];
        let piece = Piece::open(known.gap, out);
        put_int(out, i64::from(known.id.0));
        let mut writer = StructWriter { out, next: 0, hole: None };
        value.encode(&mut writer);
        let hole = writer.end();
        let moved = piece.close(out, hole.map_or(0, |hole| hole.length), &mut known.gap);
        hole.map(|hole| Hole { at: hole.at.wrapping_add_signed(moved), ..hole })
    }

    /// Which known type a message is of, behind the definitions that the stream lacks.
    #[inline]
    fn announce(&mut self, schema: &Schema, ty: TypeRef, out: &mut Vec<u8>) -> usize {
        match self.known(schema, ty) {
            Some(at) => at,
            None => self.define(schema, ty, out),
        }
    }

    #[inline]
    fn known(&self, schema: &Schema, ty: TypeRef) -> Option<usize> {
        self.known.iter().position(|known| known.schema == schema.key && known.ty == ty)
    }

    #[cold]
    fn define(&mut self, schema: &Schema, ty: TypeRef, out: &mut Vec<u8>) -> usize {
        if let Numbered::None(FIRST_ID) = self.types
            && ty == schema.root()
        {
            let usual = schema.first_use();
            out.extend_from_slice(&usual.definitions);
            self.learn(schema, ty, usual.id);
            self.types = Numbered::Usual(Arc::clone(usual));
        } else {
            let (_, definitions) = self.describe(schema, ty);
            write_definitions(&definitions, out);
        }
        self.known.len() - 1
    }

    fn learn(&mut self, schema: &Schema, ty: TypeRef, id: TypeId) {
        self.known.push(Known { schema: schema.key, ty, id, gap: 1 });
    }

    /// The id of a type, and the definitions that have to be sent before a value of it.
    fn describe(&mut self, schema: &Schema, ty: TypeRef) -> (TypeId, Vec<Definition>) {
        let mut own = self.take_registry();
        let at = own.places.iter().position(|(key, _)| *key == schema.key).unwrap_or_else(|| {
            own.places.push((schema.key, own.registry.import(schema)));
            own.places.len() - 1
        });
        let mut definitions = Vec::new();
        let id = own.registry.describe(own.places[at].1[ty.0 as usize], &mut definitions);
        self.types = Numbered::Own(own);
        self.learn(schema, ty, id);
        (id, definitions)
    }

    /// The stream's own registry, which has to be put back.
    fn take_registry(&mut self) -> Box<Own> {
        match std::mem::replace(&mut self.types, Numbered::None(FIRST_ID)) {
            Numbered::None(first) => Box::new(Own { registry: Registry::new(first), places: Vec::new() }),
            Numbered::Usual(usual) => Box::new(Own {
                registry: usual.registry.clone(),
                places: vec![(usual.schema, usual.places.clone())],
            }),
            Numbered::Own(own) => own,
        }
    }

    /// Writes a value that may hold interfaces, behind the definitions that the stream lacks. If `write` fails,
    /// the stream is as if nothing had been tried.
    pub(crate) fn write(
        &mut self,
        schema: &Schema,
        ty: TypeRef,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Message<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (before, known_before) = (out.len(), self.known.len());
        let fresh = match &mut self.types {
            Numbered::None(first) => Some(*first),
            Numbered::Usual(_) => None,
            Numbered::Own(own) => {
                own.registry.mark();
                None
            }
        };
        let at = self.announce(schema, ty, out);
        let Known { id, gap, .. } = self.known[at];
        let mut body = std::mem::take(out);
        let piece = Piece::open(gap, &mut body);
        put_int(&mut body, i64::from(id.0));
        let mut message = Message { encoder: self, body, piece, outer: Vec::new() };
        message.begin_value(schema, ty);
        let mut result = write(&mut message);
        let Message { mut body, piece, outer, .. } = message;
        if result.is_ok() && !outer.is_empty() {
            let text = "gob: the value of an interface was begun and not ended";
            result = Err(Error::new(ErrorKind::Custom, text));
        }
        match &result {
            Ok(()) => _ = piece.close(&mut body, 0, &mut self.known[at].gap),
            Err(_) => {
                body.truncate(before);
                self.known.truncate(known_before);
                match (fresh, &mut self.types) {
                    (Some(first), types) => *types = Numbered::None(first),
                    (None, Numbered::Own(own)) => own.registry.forget(),
                    _ => {}
                }
            }
        }
        *out = body;
        result
    }
}

fn write_definitions(definitions: &[Definition], out: &mut Vec<u8>) {
    let mut gap = 1;
    for definition in definitions {
        let piece = Piece::open(gap, out);
        definition.write(out);
        piece.close(out, 0, &mut gap);
    }
}

/// Something that is written behind its own length, which is known only at its end.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    /// Bytes that were left for the length.
    gap: usize,
}

impl Piece {
    #[inline]
    fn open(gap: usize, out: &mut Vec<u8>) -> Piece {
        let start = out.len();
        // As many as it could take, because a fixed number of bytes is added faster.
        out.extend_from_slice(&[0; 9]);
        out.truncate(start + gap);
        Piece { start, gap }
    }

    /// Writes the length, to which bytes that are elsewhere may be added. How far the piece had to move for it.
    #[inline]
    fn close(self, out: &mut Vec<u8>, elsewhere: u64, gap: &mut usize) -> isize {
        let here = (out.len() - self.start - self.gap) as u64;
        let length = here.saturating_add(elsewhere); // which no peer takes, and nobody can send
        if length < 0x80 && self.gap == 1 {
            out[self.start] = length as u8;
            return 0;
        }
        let (mut prefix, mut width) = long_uint(length);
        if length < 0x80 {
            (prefix[0], width) = (length as u8, 1);
        }
        if width != self.gap {
            *gap = width;
            self.resize(out, width);
        }
        let to = &mut out[self.start..self.start + width];
        match width {
            // Of a fixed number of bytes, most often.
            2 => to.copy_from_slice(&prefix[..2]),
            3 => to.copy_from_slice(&prefix[..3]),
            _ => to.copy_from_slice(&prefix[..width]),
        }
        width as isize - self.gap as isize
    }

    /// Makes room for a length of another width.
    #[cold]
    fn resize(self, out: &mut Vec<u8>, width: usize) {
        let (from, to, end) = (self.start + self.gap, self.start + width, out.len());
        if to > from {
            out.resize(end + to - from, 0);
        }
        out.copy_within(from..end, to);
        out.truncate(end + to - from);
    }
}

/// A message that is being written. Interface values within it may have to define their types first.
#[derive(Debug)]
pub(crate) struct Message<'e> {
    encoder: &'e mut Encoder,
    /// The stream, with the message at its end.
    pub(crate) body: Vec<u8>,
    /// The message, or within it the innermost interface's value.
    piece: Piece,
    /// What that is in, the message first.
    outer: Vec<Piece>,
}

impl Message<'_> {
    /// Begins an interface's value: its name, its type, and what is written until [`Message::end_interface`].
    pub(crate) fn begin_interface(&mut self, schema: &Schema, ty: TypeRef, name: &[u8]) {
        put_bytes(&mut self.body, name);
        let id = match self.encoder.known(schema, ty) {
            Some(at) => self.encoder.known[at].id,
            None => self.define(schema, ty),
        };
        put_int(&mut self.body, i64::from(id.0));
        let inner = Piece::open(1, &mut self.body);
        self.outer.push(std::mem::replace(&mut self.piece, inner));
        self.begin_value(schema, ty);
    }

    /// Ends what [`Message::begin_interface`] has begun.
    pub(crate) fn end_interface(&mut self) {
        if let Some(outer) = self.outer.pop() {
            std::mem::replace(&mut self.piece, outer).close(&mut self.body, 0, &mut 0);
        }
    }

    /// What is no struct has a zero byte before it, in place of a field number.
    fn begin_value(&mut self, schema: &Schema, ty: TypeRef) {
        if !matches!(schema.base(ty).map(|base| schema.kind(base)), Some(Kind::Struct(_))) {
            self.body.push(0);
        }
    }

    /// Defines a type within a value. A definition ends the piece it stands in: the message, or a counted part of
    /// the enclosing interface's value; the value goes on in a new one (`encode.go`, encodeInterface).
    #[cold]
    fn define(&mut self, schema: &Schema, ty: TypeRef) -> TypeId {
        let (id, definitions) = self.encoder.describe(schema, ty);
        for definition in definitions {
            definition.write(&mut self.body);
            self.piece.close(&mut self.body, 0, &mut 0);
            self.piece = Piece::open(1, &mut self.body);
        }
        id
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
    #[inline(always)]
    pub fn uint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.put(field, value);
        }
    }

    /// Any signed integer field.
    #[inline(always)]
    pub fn int(&mut self, field: u32, value: i64) {
        self.uint(field, signed(value));
    }

    /// A `bool` field.
    #[inline(always)]
    pub fn bool(&mut self, field: u32, value: bool) {
        self.uint(field, u64::from(value));
    }

    /// A `float32` or `float64` field.
    #[inline(always)]
    pub fn float(&mut self, field: u32, value: f64) {
        if value != 0.0 {
            self.put(field, reversed(value));
        }
    }

    /// A `string` or `[]byte` field.
    #[inline(always)]
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.put(field, value.len() as u64);
            self.out.extend_from_slice(value);
        }
    }

    /// A `[]byte` field whose bytes are not copied: the sender puts them at the [`Hole`]. One for a value,
    /// and not within a slice.
    #[inline(always)]
    pub fn hole(&mut self, field: u32, length: u64) {
        if length != 0 {
            self.put(field, length);
            self.hole = Some(Hole { at: self.out.len(), length });
        }
    }

    /// A nested struct or a pointer to one: sent even if all its fields are zero. (A nil pointer is left out
    /// by not calling this.)
    #[inline(always)]
    pub fn structure(&mut self, field: u32, write: impl FnOnce(&mut StructWriter<'_>)) {
        let delta = self.delta(field);
        put_uint(self.out, delta);
        let mut inner = StructWriter { out: self.out, next: 0, hole: None };
        write(&mut inner);
        let hole = inner.end();
        self.hole = self.hole.or(hole);
    }

    /// A slice field of `count` elements, which `write` writes one after the other.
    #[inline(always)]
    pub fn slice(&mut self, field: u32, count: usize, write: impl FnOnce(&mut ListWriter<'_>)) {
        if count != 0 {
            self.put(field, count as u64);
            write(&mut ListWriter { out: self.out });
        }
    }

    /// Begins a field, with a number.
    #[inline(always)]
    fn put(&mut self, field: u32, value: u64) {
        let delta = self.delta(field);
        put_field(self.out, delta, value);
    }

    #[inline(always)]
    fn delta(&mut self, field: u32) -> u64 {
        debug_assert!(field >= self.next, "fields are written in ascending order");
        let delta = u64::from(field - self.next) + 1;
        self.next = field + 1;
        delta
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
