//! What a stream is made of, as the reader gives it and the writers take it.

/// A stretch of the stream, and what it means.
pub(super) struct Part<'s> {
    pub(super) from: usize,
    pub(super) to: usize,
    /// How many values are open around it.
    pub(super) depth: usize,
    pub(super) place: Place<'s>,
    pub(super) what: What<'s>,
}

/// What a part is to the value around it.
pub(super) enum Place<'s> {
    /// A message's value.
    Top,
    /// A struct's field; `skipped` of them were left out before it.
    /// `around` is the position of the struct's type.
    Field {
        around: u32,
        number: usize,
        skipped: usize,
        is_first: bool,
        name: &'s [u8],
    },
    /// A slice's or array's element.
    Element(u64),
    Key(u64),
    /// A map's value.
    Entry,
    /// What an interface holds, `length` bytes by its own account.
    Held {
        length: u64,
    },
}

pub(super) enum What<'s> {
    /// A message's length.
    Message { number: u64, length: u64 },
    /// A whole type definition: the position of its type.
    Definition(u32),
    /// Behind a definition within a value: the length of the value's next piece.
    Piece { length: u64 },
    /// A value in one part.
    Scalar { id: i32, value: Scalar<'s> },
    /// A value begins whose parts follow.
    Open { id: i32, value: Open<'s> },
    /// It ends.
    Close(Close),
    /// Bytes behind a message's value.
    Rest,
}

#[derive(Clone, Copy)]
pub(super) enum Scalar<'s> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    Bytes(&'s [u8]),
    String(&'s [u8]),
    Opaque(&'s [u8]),
    Nil,
}

#[derive(Clone, Copy)]
pub(super) enum Open<'s> {
    Struct,
    List {
        count: u64,
    },
    Map {
        count: u64,
    },
    /// With the name under which the type it holds is registered.
    Interface {
        name: &'s [u8],
    },
}

#[derive(Clone, Copy)]
pub(super) enum Close {
    /// So many fields at the end were left out.
    Struct {
        ty: u32,
        skipped: usize,
    },
    List,
    /// `is_odd` if a key is without its value, which only an error can bring about.
    Map {
        is_odd: bool,
    },
    Interface,
}

/// A type of the stream.
pub(super) struct Type<'s> {
    pub(super) id: i32,
    /// What the definition itself gives as its id.
    pub(super) common_id: i32,
    pub(super) name: &'s [u8],
    pub(super) kind: Kind<'s>,
    /// Whether there was a definition of this id before.
    pub(super) is_again: bool,
    /// Where its fields end, counted from where the definition begins.
    pub(super) fields_end: u32,
}

pub(super) enum Kind<'s> {
    Array { elem: i32, len: i64 },
    Slice { elem: i32 },
    Struct(Box<[Field<'s>]>),
    Map { key: i32, elem: i32 },
    GobEncoder,
    BinaryMarshaler,
    TextMarshaler,
}

pub(super) struct Field<'s> {
    pub(super) name: &'s [u8],
    pub(super) id: i32,
    /// Where its definition begins, counted from where its type's does.
    pub(super) at: u32,
}

impl Type<'_> {
    pub(super) fn fields(&self) -> &[Field<'_>] {
        if let Kind::Struct(fields) = &self.kind { fields } else { &[] }
    }
}

/// A name from the stream, fit to be shown on one line.
pub(super) fn name_or(name: &[u8], nameless: &str) -> String {
    const LONG: usize = 60;
    if name.is_empty() {
        return nameless.to_owned();
    }
    let start = String::from_utf8_lossy(&name[..name.len().min(4 * LONG)]);
    let mut shown = String::new();
    for char in start.chars().take(LONG) {
        match char {
            '"' | '\'' | '\\' => shown.push(char),
            _ => shown.extend(char.escape_debug()),
        }
    }
    if start.chars().count() > LONG {
        shown.push('…');
    }
    shown
}
