//! Passes over values without knowing more of them than their types: to skip them, and to find out where a value
//! ends that type definitions split into several messages.

use std::ops::Range;

use crate::types::Fields;
use crate::wire::Cursor;
use crate::{Error, ErrorKind, TypeId, Types, WireType};

/// A walk over one value. Containers wait on a stack of its own, so that depth costs memory in proportion to the
/// input and never the thread's stack.
#[derive(Debug)]
pub(crate) struct Walk {
    open: Vec<Open>,
    next: Next,
    /// Values that were met, counted as a [`crate::Value`] has them.
    cells: usize,
    /// Whether they are what this is about.
    counting: bool,
}

/// A container that is being passed.
#[derive(Debug)]
enum Open {
    Struct { id: TypeId, fields: Fields },
    Elements { elem: TypeId, left: u64 },
    Pairs { key: TypeId, elem: TypeId, left: u64, at_key: bool },
}

#[derive(Debug, Clone, Copy)]
enum Next {
    /// A value of this type.
    Value(TypeId),
    /// The type of an interface's value, perhaps defined right here.
    Type,
    /// What the innermost container says.
    Container,
}

/// How a walk stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// At the end of the value.
    Done,
    /// At the end of the message; the value goes on in the next.
    NextMessage,
}

/// Whether types may be defined within values.
enum Definitions<'t> {
    Accepted(&'t mut Types),
    None(&'t Types),
}

impl Definitions<'_> {
    fn types(&self) -> &Types {
        match self {
            Definitions::Accepted(types) => types,
            Definitions::None(types) => types,
        }
    }

    fn define(&mut self, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        match self {
            Definitions::Accepted(types) => types.define(id, cursor),
            Definitions::None(_) => {
                Err(cursor.error(ErrorKind::DuplicateType, "gob: duplicate type received"))
            }
        }
    }
}

impl Walk {
    /// At the start of a value.
    pub(crate) fn new(id: TypeId) -> Walk {
        Walk { open: Vec::new(), next: Next::Value(id), cells: 0, counting: false }
    }

    /// Walks over a value all of which is here, with its type definitions taken out.
    pub(crate) fn pass(mut self, types: &Types, cursor: &mut Cursor<'_>) -> Result<Step, Error> {
        self.go(cursor, Definitions::None(types), |_| {})
    }

    /// How many cells a [`crate::Value`] needs, as far as the value is sound.
    pub(crate) fn count(mut self, types: &Types, cursor: &mut Cursor<'_>) -> usize {
        self.counting = true;
        _ = self.go(cursor, Definitions::None(types), |_| {});
        self.cells
    }

    /// Walks on. Types that are defined within interface values are taken in; the bytes of a message that belong
    /// to such definitions, and not to the value, are told to `cut`.
    pub(crate) fn run(
        &mut self,
        types: &mut Types,
        cursor: &mut Cursor<'_>,
        cut: impl FnMut(Range<usize>),
    ) -> Result<Step, Error> {
        self.go(cursor, Definitions::Accepted(types), cut)
    }

    fn go(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut definitions: Definitions<'_>,
        mut cut: impl FnMut(Range<usize>),
    ) -> Result<Step, Error> {
        loop {
            let types = definitions.types();
            match self.next {
                Next::Value(id) => {
                    self.next = Next::Container;
                    self.value(types, id, cursor)?;
                }
                Next::Type => {
                    if cursor.remaining() == 0 {
                        return Ok(Step::NextMessage);
                    }
                    let start = cursor.offset();
                    let id = cursor.type_id()?;
                    if id.0 < 0 {
                        let defined = definitions.define(TypeId(id.0.wrapping_neg()), cursor);
                        let defined = defined.and_then(|()| match cursor.remaining() {
                            0 => Ok(()),
                            _ => cursor.uint().map(drop), // how many bytes of the enclosing interface's value follow
                        });
                        // Behind a definition that is none, there is no value.
                        let after = if defined.is_ok() { 0 } else { cursor.remaining() };
                        cut(start..cursor.offset() + after);
                        defined?;
                        continue;
                    }
                    self.concrete(types, id, cursor)?;
                }
                Next::Container => match self.open.last_mut() {
                    None => return Ok(Step::Done),
                    Some(container) => match container.next(types, cursor)? {
                        Some(id) => self.next = Next::Value(id),
                        None => _ = self.open.pop(),
                    },
                },
            }
        }
    }

    /// The value of an interface: a count of its bytes, and then as at top level.
    fn concrete(&mut self, types: &Types, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        let text = "gob: bad interface encoding: data length too large for buffer";
        if !self.counting && !types.check(id).unwrap_or(false) {
            // Go believes the count, and does not even look at the type.
            self.next = Next::Container;
            return cursor.counted(text).map(drop);
        }
        // Definitions may stand in the way of it.
        if cursor.uint()? > cursor.remaining() as u64 && !cursor.is_joined() {
            return Err(cursor.error(ErrorKind::Corrupt, text));
        }
        types.check(id).map_err(|error| error.or_at(cursor.offset()))?;
        if !types.is_struct(id) {
            cursor.singleton()?;
        }
        self.next = Next::Value(id);
        Ok(())
    }

    /// Passes a simple value, or opens a container.
    fn value(&mut self, types: &Types, id: TypeId, cursor: &mut Cursor<'_>) -> Result<(), Error> {
        self.cells += 1;
        let container = match id {
            TypeId::BOOL | TypeId::INT | TypeId::UINT | TypeId::FLOAT => return cursor.uint().map(drop),
            TypeId::COMPLEX => {
                self.cells += 1;
                cursor.uint()?;
                return cursor.uint().map(drop);
            }
            TypeId::BYTES | TypeId::STRING => return cursor.bytes().map(drop),
            TypeId::INTERFACE => {
                if !interface_name(cursor)?.is_empty() {
                    self.cells += 1;
                    self.next = Next::Type;
                }
                return Ok(());
            }
            _ => match types.get(id) {
                Some(WireType::Struct { .. }) => Open::Struct { id, fields: Fields::default() },
                Some(WireType::Slice { elem, .. }) => Open::Elements { elem: *elem, left: cursor.uint()? },
                Some(WireType::Array { elem, len, .. }) => {
                    let left = cursor.uint()?;
                    if i64::try_from(left) != Ok(*len) {
                        return Err(
                            cursor.error(ErrorKind::TypeMismatch, "gob: length mismatch in ignoreArray")
                        );
                    }
                    Open::Elements { elem: *elem, left }
                }
                Some(WireType::Map { key, elem, .. }) => {
                    Open::Pairs { key: *key, elem: *elem, left: cursor.uint()?, at_key: true }
                }
                Some(WireType::Nothing) => {
                    let text = format!("gob: bad data: ignore can't handle type {}", id.0);
                    return Err(cursor.error(ErrorKind::Corrupt, text));
                }
                Some(_) => {
                    let text = "gob: GobDecoder: length too large for buffer";
                    return cursor.counted(text).map(drop);
                }
                None => {
                    let text = format!("gob: bad data: undefined type {}", id.0);
                    return Err(cursor.error(ErrorKind::UnknownType, text));
                }
            },
        };
        if self.open.len() == types.limits.depth {
            return Err(cursor.error(ErrorKind::Limit, "invalid nesting depth"));
        }
        self.open.push(container);
        Ok(())
    }
}

impl Open {
    /// The type of the next part; `None` at the end.
    fn next(&mut self, types: &Types, cursor: &mut Cursor<'_>) -> Result<Option<TypeId>, Error> {
        match self {
            Open::Struct { id, fields } => {
                let Some(WireType::Struct { fields: known, .. }) = types.get(*id) else { return Ok(None) };
                Ok(fields.next(cursor, known.len())?.map(|number| known[number].id))
            }
            Open::Elements { left: 0, .. } | Open::Pairs { left: 0, at_key: true, .. } => Ok(None),
            Open::Elements { elem, left } => {
                if cursor.remaining() == 0 {
                    return Err(too_long(cursor, *left));
                }
                *left -= 1;
                Ok(Some(*elem))
            }
            Open::Pairs { key, elem, left, at_key } => {
                *at_key = !*at_key;
                if *at_key {
                    return Ok(Some(*elem));
                }
                // Where Go goes on, a map of empty structs costs nothing and never ends.
                cursor.any_left()?;
                *left -= 1;
                Ok(Some(*key))
            }
        }
    }
}

/// Each element takes a byte, so a count that goes beyond the message is false.
#[cold]
pub(crate) fn too_long(cursor: &Cursor<'_>, left: u64) -> Error {
    let text = format!("gob: decoding array or slice: length exceeds input size ({left} elements left)");
    cursor.error(ErrorKind::Corrupt, text)
}

/// The name that an interface's value is registered under; empty for nil.
pub(crate) fn interface_name<'b>(cursor: &mut Cursor<'b>) -> Result<&'b [u8], Error> {
    let name = cursor.counted("gob: bad interface encoding: name too large for buffer")?;
    if name.len() > 1024 {
        let start = String::from_utf8_lossy(&name[..20]);
        let text = format!("gob: name too long ({} bytes): {start:?}...", name.len());
        return Err(cursor.error(ErrorKind::Corrupt, text));
    }
    Ok(name)
}
