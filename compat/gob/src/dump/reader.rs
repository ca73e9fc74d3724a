//! A stream part by part, where each byte belongs to exactly one part. Knows the format, and no output.

use std::collections::HashMap;
use std::ops::Range;

use super::part::{Close, Kind, Open, Part, Place, Scalar, Type, What, name_or};
use super::{Error, definition, number};

/// Gives a stream's parts in order. After an error, [`Reader::abandon`] gives the ends that are missing.
pub(super) struct Reader<'s> {
    pub(super) stream: &'s [u8],
    pub(super) at: usize,
    /// The end of the message.
    pub(super) end: usize,
    /// Up to where parts were given.
    given: usize,
    messages: u64,
    /// Whether the message's length was read, and so its end is known.
    is_framed: bool,
    cut: Option<Cut>,
    next: Next,
    pub(super) types: Vec<Type<'s>>,
    pub(super) ids: HashMap<i32, u32>,
    /// How many bytes the definitions had.
    pub(super) defined: usize,
    open: Vec<Frame>,
    /// What the interface around the current value says about its length.
    held: u64,
}

/// A message of which the stream has only a part.
#[derive(Clone, Copy)]
struct Cut {
    at: usize,
    length: u64,
    there: usize,
}

/// What comes next while no value is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Message { is_owed: bool },
    Id { is_owed: bool },
    EndOfDefinition,
    EndOfValue,
}

/// A value that is being read. Many can be open at once, so it is small.
struct Frame {
    /// The position of its type.
    ty: u32,
    kind: Around,
    /// Fields: one past the last. Elements: how many were begun. Map: keys and values. Interface: see [`Holding`].
    done: u64,
    /// Fields: how many were sent. Else how many elements or entries there are.
    count: u64,
    /// Fields: how many were left out before the last. Else where the last element or entry began.
    mark: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Struct,
    List,
    Map,
    Interface(Holding),
}

/// What comes next in an interface.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holding {
    Id,
    Piece,
    End,
}

impl<'s> Reader<'s> {
    pub(super) fn new(stream: &'s [u8]) -> Reader<'s> {
        let types = definition::built_in();
        let ids = types.iter().zip(0..).map(|(ty, position)| (ty.id, position)).collect();
        Reader {
            stream,
            at: 0,
            end: 0,
            given: 0,
            messages: 0,
            is_framed: false,
            cut: None,
            next: Next::Message { is_owed: false },
            types,
            ids,
            defined: 0,
            open: Vec::new(),
            held: 0,
        }
    }

    /// The next part; `None` at the end of the stream.
    pub(super) fn part(&mut self) -> Result<Option<Part<'s>>, Error> {
        let Some(frame) = self.open.last_mut() else { return self.outside() };
        match frame.kind {
            Around::Struct => self.field(),
            Around::List if frame.done == frame.count => Ok(self.close(Close::List)),
            Around::Map if frame.done / 2 == frame.count => Ok(self.close(Close::Map { is_odd: false })),
            Around::List => {
                let (ty, is_first) = (frame.ty, frame.done == 0);
                self.progress(is_first)?;
                match self.types[ty as usize].kind {
                    Kind::Array { elem, .. } | Kind::Slice { elem } => self.value(elem),
                    _ => Err(self.error(self.at, "a list of no type")),
                }
            }
            Around::Map => {
                let (ty, done) = (frame.ty, frame.done);
                let part = self.key_or_value(ty, done);
                if let (Err(_), Some(frame)) = (&part, self.open.last_mut()) {
                    // What was begun was not given.
                    frame.done = done;
                }
                part
            }
            Around::Interface(Holding::End) => Ok(self.close(Close::Interface)),
            Around::Interface(Holding::Piece) if self.at < self.end => {
                frame.kind = Around::Interface(Holding::Id);
                let length = self.uint()?;
                Ok(self.give(self.open.len(), Place::Held { length }, What::Piece { length }))
            }
            Around::Interface(_) if self.at >= self.end => {
                frame.kind = Around::Interface(Holding::Id);
                self.message()
            }
            Around::Interface(_) => self.content(),
        }
    }

    /// After an error: the ends of what is open, one by one.
    pub(super) fn abandon(&mut self) -> Option<Part<'s>> {
        let frame = self.open.last()?;
        let close = match frame.kind {
            Around::Struct => Close::Struct { ty: frame.ty, skipped: 0 },
            Around::List => Close::List,
            Around::Map => Close::Map { is_odd: frame.done % 2 == 1 },
            Around::Interface(_) => Close::Interface,
        };
        self.close(close)
    }

    /// After an error: leaves the rest of the message and goes on behind it, as Go's decoder does. Says whether that
    /// can be: without a length nobody knows where the next message begins.
    pub(super) fn resume(&mut self) -> bool {
        self.open.clear();
        (self.at, self.given, self.next) = (self.end, self.end, Next::Message { is_owed: false });
        self.is_framed && self.cut.is_none()
    }

    /// Whether the last part ended a message's value.
    pub(super) fn is_behind_value(&self) -> bool {
        self.open.is_empty() && self.next == Next::EndOfValue
    }

    /// After an error: the bytes that were looked at but not given, those behind them in the message, and those
    /// that can never be read.
    pub(super) fn leftovers(&self) -> [Range<usize>; 3] {
        let end = if self.is_framed { self.end } else { self.at };
        let lost = if self.is_framed { self.stream.len() } else { end };
        [self.given..self.at, self.at..end, lost..self.stream.len()]
    }

    pub(super) fn ty(&self, position: u32) -> &Type<'s> {
        &self.types[position as usize]
    }

    /// The type that an id stands for at this point of the stream; none for ids below 16.
    pub(super) fn type_of(&self, id: i32) -> Option<&Type<'s>> {
        self.ids.get(&id).map(|position| self.ty(*position))
    }

    fn outside(&mut self) -> Result<Option<Part<'s>>, Error> {
        loop {
            match self.next {
                Next::Message { is_owed: false } if self.at == self.stream.len() => return Ok(None),
                Next::Message { is_owed } => {
                    self.next = Next::Id { is_owed };
                    return self.message();
                }
                Next::Id { is_owed } if self.at == self.end => {
                    self.whole()?;
                    self.next = Next::Message { is_owed };
                }
                Next::Id { .. } => {
                    let at = self.at;
                    let id = self.id()?;
                    if id >= 0 {
                        self.next = Next::EndOfValue;
                        return self.top_value(id, at);
                    }
                    let definition = self.definition(id.wrapping_neg(), at)?;
                    self.next = Next::EndOfDefinition;
                    return Ok(self.give(0, Place::Top, definition));
                }
                Next::EndOfDefinition => {
                    if self.at < self.end {
                        return Err(self.error(self.at, "extra data in buffer, behind a type definition"));
                    }
                    self.whole()?;
                    self.next = Next::Message { is_owed: true };
                }
                Next::EndOfValue => {
                    if self.at < self.end {
                        self.at = self.end;
                        return Ok(self.give(0, Place::Top, What::Rest));
                    }
                    self.whole()?;
                    self.next = Next::Message { is_owed: false };
                }
            }
        }
    }

    fn message(&mut self) -> Result<Option<Part<'s>>, Error> {
        self.whole()?;
        let at = self.at;
        self.is_framed = false;
        if at == self.stream.len() {
            let text = match self.open.len() {
                0 => "unexpected EOF: no value follows the type definition",
                _ => "unexpected EOF: the value is to go on behind the type definition",
            };
            return Err(self.cut_off(at, text));
        }
        self.end = self.stream.len();
        let length = self.uint().map_err(|error| match number::width(self.stream[at]) {
            0..=8 => self.cut_off(at, "unexpected EOF within a message's length"),
            _ => error,
        });
        self.end = self.at;
        let length = length?;
        if length >= TOO_BIG {
            return Err(self.error(at, format!("invalid message length {length}")));
        }
        let rest = self.stream.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= rest => self.end = self.at + length,
            // What is there can be looked at nevertheless.
            _ => (self.end, self.cut) = (self.stream.len(), Some(Cut { at, length, there: rest })),
        }
        self.is_framed = true;
        self.messages += 1;
        Ok(self.give(self.open.len(), Place::Top, What::Message { number: self.messages, length }))
    }

    /// That the message has all its bytes, now that they are read or more are wanted.
    pub(super) fn whole(&self) -> Result<(), Error> {
        let Some(Cut { at, length, there }) = self.cut else { return Ok(()) };
        let text = format!("unexpected EOF: of this message's {length} bytes the stream has {there}");
        Err(self.cut_off(at, text))
    }

    /// What an interface holds: definitions, or type, length and value.
    fn content(&mut self) -> Result<Option<Part<'s>>, Error> {
        let at = self.at;
        let id = self.id()?;
        if id < 0 {
            let definition = self.definition(id.wrapping_neg(), at)?;
            self.holding(Holding::Piece);
            return Ok(self.give(self.open.len(), Place::Top, definition));
        }
        self.held = self.uint()?;
        self.holding(Holding::End);
        self.top_value(id, at)
    }

    fn holding(&mut self, holding: Holding) {
        if let Some(frame) = self.open.last_mut() {
            frame.kind = Around::Interface(holding);
        }
    }

    /// What follows the id of a message or an interface.
    fn top_value(&mut self, id: i32, at: usize) -> Result<Option<Part<'s>>, Error> {
        let is_struct = match self.type_of(id) {
            Some(ty) => matches!(ty.kind, Kind::Struct(_)),
            None if (1..=8).contains(&id) => false,
            None => return Err(self.undefined(id, at)),
        };
        let at = self.at;
        if !is_struct && self.uint()? != 0 {
            return Err(self.error(at, "corrupted data: non-zero delta for singleton"));
        }
        self.value(id)
    }

    fn field(&mut self) -> Result<Option<Part<'s>>, Error> {
        let at = self.at;
        let delta = match self.end {
            end if at < end => self.uint()?,
            // A message's end will do as well.
            _ => self.whole().map(|()| 0)?,
        };
        let Some(frame) = self.open.last_mut() else { return Ok(None) };
        let fields = self.types[frame.ty as usize].fields();
        let left = fields.len() - frame.done as usize;
        if delta == 0 {
            let close = Close::Struct { ty: frame.ty, skipped: left };
            return Ok(self.close(close));
        }
        let skipped = usize::try_from(delta - 1).unwrap_or(usize::MAX);
        let Some(field) = fields.get(frame.done as usize..).and_then(|fields| fields.get(skipped)) else {
            let number = frame.done.saturating_add(delta - 1);
            let (name, has) = (name_or(self.types[frame.ty as usize].name, "struct"), fields.len());
            return Err(self.error(at, format!("field number {number} is out of range: {name} has {has}")));
        };
        frame.done += delta;
        frame.count += 1;
        frame.mark = skipped;
        let id = field.id;
        self.value(id)
    }

    fn key_or_value(&mut self, ty: u32, done: u64) -> Result<Option<Part<'s>>, Error> {
        let is_key = done.is_multiple_of(2);
        if is_key {
            self.progress(done == 0)?;
        } else if let Some(frame) = self.open.last_mut() {
            frame.done += 1;
        }
        match self.ty(ty).kind {
            Kind::Map { key, .. } if is_key => self.value(key),
            Kind::Map { elem, .. } => self.value(elem),
            _ => Err(self.error(self.at, "a map of no type")),
        }
    }

    /// Goes on to the next element or entry. None but the first can be without a byte: behind a message's end,
    /// empty structs would never end.
    fn progress(&mut self, is_first: bool) -> Result<(), Error> {
        let at = self.at;
        let Some(frame) = self.open.last_mut() else { return Ok(()) };
        if !is_first && frame.mark == at {
            let (done, count) = (frame.done, frame.count);
            let done = if frame.kind == Around::Map { done / 2 } else { done };
            return Err(self.short(format!("after {done} of {count} elements")));
        }
        frame.mark = at;
        frame.done += 1;
        Ok(())
    }

    /// A value, or the beginning of one.
    fn value(&mut self, id: i32) -> Result<Option<Part<'s>>, Error> {
        let (place, depth) = (self.place(), self.open.len());
        let scalar = match id {
            1 => Scalar::Bool(self.uint()? != 0),
            2 => Scalar::Int(self.int()?),
            3 => Scalar::Uint(self.uint()?),
            4 => Scalar::Float(self.float()?),
            5 => Scalar::Bytes(self.bytes()?),
            6 => Scalar::String(self.bytes()?),
            7 => Scalar::Complex(self.float()?, self.float()?),
            8 => match self.bytes()? {
                [] => Scalar::Nil,
                name => {
                    self.push(0, Around::Interface(Holding::Id), 0)?;
                    let value = Open::Interface { name };
                    return Ok(self.give(depth, place, What::Open { id, value }));
                }
            },
            _ => {
                let Some(ty) = self.ids.get(&id).copied() else { return Err(self.undefined(id, self.at)) };
                let around = match self.ty(ty).kind {
                    Kind::Struct(_) => Some(Around::Struct),
                    Kind::Array { .. } | Kind::Slice { .. } => Some(Around::List),
                    Kind::Map { .. } => Some(Around::Map),
                    Kind::GobEncoder | Kind::BinaryMarshaler | Kind::TextMarshaler => None,
                };
                match around {
                    None => Scalar::Opaque(self.bytes()?),
                    Some(around) => {
                        let count = if around == Around::Struct { 0 } else { self.uint()? };
                        self.push(ty, around, count)?;
                        let value = match around {
                            Around::List => Open::List { count },
                            Around::Map => Open::Map { count },
                            _ => Open::Struct,
                        };
                        return Ok(self.give(depth, place, What::Open { id, value }));
                    }
                }
            }
        };
        Ok(self.give(depth, place, What::Scalar { id, value: scalar }))
    }

    fn undefined(&self, id: i32, at: usize) -> Error {
        self.error(at, format!("type {id} is not defined"))
    }

    fn push(&mut self, ty: u32, kind: Around, count: u64) -> Result<(), Error> {
        if self.open.len() == DEPTH {
            return Err(self.error(self.at, format!("values are nested more than {DEPTH} deep")));
        }
        self.open.push(Frame { ty, kind, done: 0, count, mark: 0 });
        Ok(())
    }

    fn close(&mut self, close: Close) -> Option<Part<'s>> {
        self.open.pop();
        let place = self.place();
        self.give(self.open.len(), place, What::Close(close))
    }

    fn give(&mut self, depth: usize, place: Place<'s>, what: What<'s>) -> Option<Part<'s>> {
        let from = std::mem::replace(&mut self.given, self.at);
        Some(Part { from, to: self.at, depth, place, what })
    }

    /// What the current value is to the innermost open one.
    fn place(&self) -> Place<'s> {
        let Some(frame) = self.open.last() else { return Place::Top };
        let last = frame.done.saturating_sub(1);
        match frame.kind {
            Around::Struct => {
                let number = last as usize;
                let name = match &self.types[frame.ty as usize].kind {
                    Kind::Struct(fields) => fields.get(number).map_or(&[][..], |field| field.name),
                    _ => &[],
                };
                Place::Field {
                    around: frame.ty,
                    number,
                    skipped: frame.mark,
                    is_first: frame.count == 1,
                    name,
                }
            }
            Around::List => Place::Element(last),
            Around::Map if last % 2 == 0 => Place::Key(last / 2),
            Around::Map => Place::Entry,
            Around::Interface(_) => Place::Held { length: self.held },
        }
    }
}

/// Go's limit on a message's length, on 64 bits (`decoder.go`, tooBig).
const TOO_BIG: u64 = 1 << 33;

/// How many values can be open: a megabyte of them.
const DEPTH: usize = 1 << 15;
