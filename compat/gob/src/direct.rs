//! Sending without serde: a type whose parts are all known writes itself as serde would, but checks nothing, as the
//! code that writes it and its description come from one place.

use crate::encoder::Message;
use crate::ser::DEPTH_LIMIT;
use crate::wire::{put_field, put_uint, reversed, signed};

/// The distance of a field from the one that was sent before; 0 for what is no field, and so is never left out.
pub type Delta = u64;

/// Where values write themselves.
#[derive(Debug)]
pub struct Direct {
    body: Vec<u8>,
    /// How many containers are open.
    depth: usize,
    /// Whether serde has to say what is wrong.
    failed: bool,
}

impl Direct {
    /// Adds to a message what `write` writes; `false` if that cannot be sent.
    pub(crate) fn write(message: &mut Message<'_>, write: impl FnOnce(&mut Direct)) -> bool {
        let mut out = Direct { body: std::mem::take(&mut message.body), depth: 0, failed: false };
        write(&mut out);
        message.body = out.body;
        !out.failed
    }

    /// What cannot be sent: a nil in a place that has none, or too much depth.
    #[cold]
    pub(crate) fn refuse(&mut self) -> Delta {
        self.failed = true;
        1
    }

    /// Any integer or `bool`, as it is on the wire. All of these give the next field's distance.
    #[inline(always)]
    pub(crate) fn uint(&mut self, delta: Delta, value: u64) -> Delta {
        if delta != 0 && value == 0 {
            return delta + 1;
        }
        self.put(delta, value);
        1
    }

    /// A signed integer.
    #[inline(always)]
    pub(crate) fn int(&mut self, delta: Delta, value: i64) -> Delta {
        self.uint(delta, signed(value))
    }

    /// A float: both zeros are left out.
    #[inline(always)]
    pub(crate) fn float(&mut self, delta: Delta, value: f64) -> Delta {
        if delta != 0 && value == 0.0 {
            return delta + 1;
        }
        self.put(delta, reversed(value));
        1
    }

    /// A string, or bytes at once.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, delta: Delta, value: &[u8]) -> Delta {
        if delta != 0 && value.is_empty() {
            return delta + 1;
        }
        self.put(delta, value.len() as u64);
        self.body.extend_from_slice(value);
        1
    }

    /// Bytes, as the list that they are.
    #[inline(always)]
    pub(crate) fn byte_list(&mut self, delta: Delta, bytes: &[u8]) -> Delta {
        if self.depth == DEPTH_LIMIT {
            return self.refuse();
        }
        self.bytes(delta, bytes)
    }

    /// A list, which is left out if it is empty.
    #[inline(always)]
    pub(crate) fn list(&mut self, delta: Delta, count: usize, write: impl FnOnce(&mut Direct)) -> Delta {
        if delta != 0 && count == 0 {
            return self.within(delta + 1, |_| {});
        }
        self.counted(delta, count, write)
    }

    /// A map or an array, which are always sent.
    #[inline(always)]
    pub(crate) fn counted(&mut self, delta: Delta, count: usize, write: impl FnOnce(&mut Direct)) -> Delta {
        self.within(1, |out| {
            out.put(delta, count as u64);
            write(out);
        })
    }

    /// A struct, which is always sent: `fields` writes its fields, the first of which has the distance 1.
    #[inline(always)]
    pub fn structure(&mut self, delta: Delta, fields: impl FnOnce(&mut Direct)) -> Delta {
        self.within(1, |out| {
            if delta != 0 {
                put_uint(&mut out.body, delta);
            }
            fields(out);
            out.body.push(0);
        })
    }

    #[inline(always)]
    fn within(&mut self, next: Delta, write: impl FnOnce(&mut Direct)) -> Delta {
        if self.depth == DEPTH_LIMIT {
            return self.refuse();
        }
        self.depth += 1;
        write(self);
        self.depth -= 1;
        next
    }

    #[inline(always)]
    fn put(&mut self, delta: Delta, value: u64) {
        match delta {
            0 => put_uint(&mut self.body, value),
            _ => put_field(&mut self.body, delta, value),
        }
    }
}
