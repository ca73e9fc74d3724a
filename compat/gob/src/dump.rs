//! A second, independent reader of whole streams, which shows what is in them: for people, or as JSON.
//!
//! It is to this crate what `encoding/gob/debug.go` is to Go's package. It shares no code with the rest of the
//! crate, so that one can be held against the other. A recorded net/rpc connection is read direction by
//! direction: each is nothing but a gob stream.
//!
//! Go's own worked example (`encoding/gob/doc.go`), byte by byte:
//!
//! ```
//! use gob::dump::{self, Style};
//!
//! let stream = b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00\
//!                \x07\xff\x82\x01\x2c\x01\x42\x00";
//! let mut text = Vec::new();
//! dump::text(stream, Style::Plain, &mut text)??;
//! assert_eq!(String::from_utf8(text)?, r"     0  1f                       message 1: 31 bytes
//!      1  ff 81 03 01 01 05 50 …   type 65 is struct Point {
//!     18  01 01 58 01 04 00          X int
//!     24  01 01 59 01 04 00          Y int
//!     30  00 00                    }
//!
//!     32  07                       message 2: 7 bytes
//!     33  ff 82                    Point (65) {
//!     35  01 2c                      X int = 22
//!     37  01 42                      Y int = 33
//!     39  00                       }
//! ");
//!
//! let mut text = Vec::new();
//! dump::json(&stream[32..], &mut text)?.expect_err("the definition of Point is missing");
//! assert_eq!(
//!     String::from_utf8(text)?,
//!     r#"{"messages":[],"error":"offset 1: gob: type 65 is not defined"}"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where a stream breaks, what came before is shown all the same, and as text also the messages behind, as Go's
//! decoder reads on there. Any bytes will do as input: reading does not
//! recurse, takes no length at its word, and keeps nothing but the definitions, of which there can be 1 MiB.

mod definition;
mod hint;
mod json;
mod number;
mod part;
mod reader;
mod text;

use std::fmt;
use std::io;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    Plain,
    /// By ANSI's escape sequences: offsets, keys, types, remarks and errors can be told apart.
    Ansi,
}

/// Writes what is in a stream, for people: a line for each part, with its offset, its bytes and its meaning.
///
/// Each byte is on exactly one line; `…` is for bytes that did not fit, and long strings end in it too. Text behind
/// a `#` is a remark: fields that were not sent because they are zero, what Go's decoder does not take. Nothing
/// from the stream reaches the terminal unescaped.
///
/// An error costs the rest of its message; the next one is shown again.
///
/// The outer result is about `out`, which should be buffered; the inner one about the stream: its first error. Errors
/// are part of the text as well.
pub fn text(stream: &[u8], style: Style, out: &mut impl io::Write) -> io::Result<Result<(), Error>> {
    text::Text::new(stream, style, out).write()
}

/// Writes what is in a stream as JSON: `{"messages": […], "error": …}`, the latter if there is one.
///
/// A message is a definition, `{"def": {"id", "kind", "name", "commonId", "key", "elem", "len", "fields"}}`, or a
/// value, `{"id", "value"}`, in the order in which they are complete. The first error ends the list; a value that it
/// breaks off is the last in it, marked by `"partial": true`.
///
/// | value | JSON |
/// | --- | --- |
/// | bool | `true`, `false` |
/// | int, uint | a string of decimal digits |
/// | float | a string of the float64's bits, 16 hexadecimal digits |
/// | complex | `[real, imaginary]` |
/// | string | a string; `{"b64": …}` if it is not UTF-8 |
/// | bytes | a string, base64 |
/// | slice, array | a list |
/// | map | `{"map": [[key, value], …]}` |
/// | struct | an object with the fields that were sent |
/// | interface | `null` or `{"type", "id", "value"}` |
/// | a value that encoded itself | `{"opaque": …}`, base64 |
///
/// Results are as with [`text()`].
pub fn json(stream: &[u8], out: &mut impl io::Write) -> io::Result<Result<(), Error>> {
    json::Json::new(out).write(stream)
}

/// Where a stream breaks, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    offset: usize,
    text: String,
    is_cut: bool,
}

impl Error {
    /// Where in the stream, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the stream is merely too short: as far as it goes, nothing is wrong with it.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What is wrong there: one line.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}: gob: {}", self.offset, self.text)
    }
}

impl std::error::Error for Error {}
