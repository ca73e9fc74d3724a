//! Sending through serde: a value writes itself, and its description says what to Go its parts are.

mod parts;
mod place;

use serde::Serialize;

use crate::direct::Direct;
use crate::encoder::Message;
use crate::go_type;
use crate::schema::GoType;
use crate::{Encoder, Error, ErrorKind, Gob, Schema, TypeRef};

use place::Place;

/// A fresh stream with one value: its type's definitions and itself. See [`Encoder::serialize`] for what is refused.
///
/// ```
/// #[derive(serde::Serialize, gob::Gob)]
/// #[serde(rename_all = "PascalCase")]
/// struct Point {
///     x: isize,
///     y: isize,
/// }
///
/// assert_eq!(gob::to_vec(&Point { x: 22, y: 33 })?.len(), 40);
/// # Ok::<(), gob::Error>(())
/// ```
pub fn to_vec<T: Gob + Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    Encoder::new().serialize(value, &mut out)?;
    Ok(out)
}

impl Encoder {
    /// Appends a value, behind the definitions that the stream lacks.
    ///
    /// Fields that are zero are left out, exactly where Go leaves them out. If there is an error, the stream is as
    /// if nothing had been tried.
    ///
    /// Values within values may be 256 deep, as serde calls itself for each level and so needs the thread's stack;
    /// what is deeper is [`ErrorKind::Limit`]. This cannot be set. For what is received there is
    /// [`Limits::recursion`](crate::Limits::recursion), which is 256 as well unless [`Decoder`](crate::Decoder) is
    /// told otherwise.
    pub fn serialize<T: Gob + Serialize + ?Sized>(
        &mut self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let schema = go_type::schema::<T>();
        if !(T::DIRECT && schema.direct && self.serialize_directly(schema, value, out)) {
            return self.serialize_by_serde(schema, value, out);
        }
        debug_assert!(
            {
                let mut message = Vec::new();
                self.serialize_by_serde(schema, value, &mut message).is_ok() && out.ends_with(&message)
            },
            "{}: a Serialize that is written by hand needs #[gob(by_serde)]",
            std::any::type_name::<T>()
        );
        Ok(())
    }

    pub(crate) fn serialize_by_serde<T: Serialize + ?Sized>(
        &mut self,
        schema: &Schema,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut counts = Counts::default();
        let result = self.serialize_once(schema, value, &mut counts, out);
        if !counts.again {
            return result;
        }
        // Some list did not know its length, which stands before it. Now we know all of them.
        counts = Counts { known: true, again: false, next: 0, ..counts };
        self.serialize_once(schema, value, &mut counts, out)
    }

    /// Without serde. Where that fails, serde says why.
    fn serialize_directly<T: Gob + ?Sized>(&mut self, schema: &Schema, value: &T, out: &mut Vec<u8>) -> bool {
        let written = self.write(schema, schema.root(), out, |message| {
            match Direct::write(message, |out| _ = T::write(value, 0, out)) {
                true => Ok(()),
                false => Err(Error::new(ErrorKind::Custom, "gob: it cannot be sent")),
            }
        });
        written.is_ok()
    }

    fn serialize_once<T: Serialize + ?Sized>(
        &mut self,
        schema: &Schema,
        value: &T,
        counts: &mut Counts,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.write(schema, schema.root(), out, |message| {
            let body = std::mem::take(&mut message.body);
            let mut writing =
                Writing { body, types: schema.types(), message, schema, depth: 0, left_out: false, counts };
            let result = value.serialize(Place::new(&mut writing, schema.root()));
            writing.message.body = writing.body;
            result?;
            let counts = writing.counts;
            counts.again = !counts.list.is_empty() && !counts.known;
            match counts.again {
                false => Ok(()),
                // Nobody sees it: it takes back what was written.
                true => Err(Error::new(ErrorKind::Custom, "gob: a list of unknown length")),
            }
        })
    }
}

/// A value that is being written.
struct Writing<'a, 'e> {
    /// The message's body, which is at hand here.
    body: Vec<u8>,
    types: &'a [GoType],
    message: &'a mut Message<'e>,
    schema: &'a Schema,
    /// How many containers are open.
    depth: usize,
    /// Whether the field that was written last was zero, and so was not written.
    left_out: bool,
    counts: &'a mut Counts,
}

/// The lengths of lists that do not say theirs beforehand, in the order in which they come. They are found out by
/// writing the value twice.
#[derive(Default)]
struct Counts {
    list: Vec<usize>,
    known: bool,
    /// Whether all went well but for the lengths, and so the value is to be written once more.
    again: bool,
    next: usize,
}

impl Writing<'_, '_> {
    #[inline(always)]
    fn open(&mut self) -> Result<(), Error> {
        if self.depth == DEPTH_LIMIT {
            return Err(too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    #[inline(always)]
    fn close(&mut self) {
        self.depth -= 1;
    }

    /// The length of a list that does not say it, and where to put it down when it is known.
    #[cold]
    fn count(&mut self) -> (usize, usize) {
        let at = self.counts.next;
        self.counts.next += 1;
        if !self.counts.known {
            self.counts.list.push(0);
        }
        (self.counts.list.get(at).copied().unwrap_or(0), at)
    }

    #[cold]
    fn misfit(&self, what: &str, ty: TypeRef) -> Error {
        let spelled = match ty {
            BYTE => "uint8",
            COMPLEX_PART => "float64",
            _ => self.schema.spell(ty),
        };
        let text =
            format!("gob: a {what} was written for the Go type {spelled}; Serialize and Gob must agree");
        Error::new(ErrorKind::TypeMismatch, text)
    }
}

#[cold]
fn too_deep() -> Error {
    Error::new(ErrorKind::Limit, format!("gob: the value is nested more than {DEPTH_LIMIT} times"))
}

/// Stands for the type of a byte within `[]byte`, which is sent as it is.
const BYTE: TypeRef = TypeRef(u32::MAX);
/// Stands for the type of the two parts of a complex number.
const COMPLEX_PART: TypeRef = TypeRef(u32::MAX - 1);

/// Values within values. Serde calls itself for each, and the stack has an end.
pub(crate) const DEPTH_LIMIT: usize = 256;

impl serde::ser::Error for Error {
    fn custom<T: std::fmt::Display>(text: T) -> Error {
        Error::new(ErrorKind::Custom, text.to_string())
    }
}
