//! Parts as lines for people: offset, bytes, meaning.

use std::io;
use std::ops::Range;

use super::hint::hint;
use super::part::{Close, Field, Kind, Open, Part, Place, Scalar, Type, What, name_or};
use super::reader::Reader;
use super::{Error, Style};

pub(super) struct Text<'s, 'o, W> {
    stream: &'s [u8],
    style: Style,
    out: &'o mut W,
    /// Of the column of offsets.
    width: usize,
    row: Option<Row>,
}

/// Numbers of a list side by side, not written yet.
struct Row {
    bytes: Range<usize>,
    depth: usize,
    position: u64,
    text: String,
}

/// What is told apart by colour.
#[derive(Clone, Copy)]
enum Ink {
    Margin,
    Heading,
    Key,
    Type,
    Remark,
    Error,
}

impl<'s, 'o, W: io::Write> Text<'s, 'o, W> {
    pub(super) fn new(stream: &'s [u8], style: Style, out: &'o mut W) -> Self {
        let width = stream.len().to_string().len().max(6);
        Text { stream, style, out, width, row: None }
    }

    pub(super) fn write(mut self) -> io::Result<Result<(), Error>> {
        let mut reader = Reader::new(self.stream);
        let mut result = Ok(());
        loop {
            match reader.part() {
                Ok(Some(part)) => self.part(&reader, part)?,
                Ok(None) => break,
                Err(error) => {
                    self.end_row()?;
                    self.broken(&reader, &error)?;
                    result = result.and(Err(error));
                    if !reader.resume() {
                        break;
                    }
                }
            }
        }
        self.end_row()?;
        Ok(result)
    }

    fn part(&mut self, reader: &Reader<'s>, part: Part<'s>) -> io::Result<()> {
        let (bytes, depth) = (part.from..part.to, part.depth);
        if let (Place::Element(position), What::Scalar { value, .. }) = (&part.place, &part.what)
            && let Some(number) = number(*value)
        {
            return self.in_row(bytes, depth, *position, number);
        }
        self.end_row()?;
        match part.what {
            What::Message { number, length } => self.message(bytes, depth, number, length),
            What::Definition(ty) => self.definition(bytes, depth, reader, reader.ty(ty)),
            What::Piece { length } => {
                self.line(bytes, depth, &format!("the value goes on: {}", of(length, "byte", "bytes")))
            }
            What::Scalar { id, value } => {
                let ty = match part.place {
                    Place::Element(_) | Place::Key(_) | Place::Entry => String::new(),
                    _ => self.ink(Ink::Type, &typed(reader, id)),
                };
                let lead = self.lead(&part.place, ty);
                let opaque = match value {
                    Scalar::Opaque(bytes) => reader.type_of(id).and_then(|ty| hint(ty.name, bytes)),
                    _ => None,
                };
                let remark = opaque.map(|hint| self.remark(&hint)).unwrap_or_default();
                let left_out = self.left_out_before(reader, &part.place);
                self.line(bytes, depth, &format!("{lead} = {}{remark}{left_out}", shown(value)))
            }
            What::Open { id, value } => {
                let mut text = self.lead(&part.place, self.ink(Ink::Type, &typed(reader, id)));
                match value {
                    Open::Struct => text += " {",
                    Open::List { count } => text += &format!(", {}", of(count, "element", "elements")),
                    Open::Map { count } => text += &format!(", {}", of(count, "entry", "entries")),
                    Open::Interface { name } => text += &format!(" holds {}", quoted(name)),
                }
                if let (Some(Type { kind: Kind::Array { len, .. }, .. }), Open::List { count }) =
                    (reader.type_of(id), value)
                    && u64::try_from(*len) != Ok(count)
                {
                    text += &self.remark(&format!("has to have {len}: Go's decoder refuses this"));
                }
                text += &self.left_out_before(reader, &part.place);
                self.line(bytes, depth, &text)
            }
            What::Close(Close::Struct { ty, skipped }) => {
                let fields = reader.ty(ty).fields();
                let mut text = "}".to_owned() + &self.left_out(&fields[fields.len() - skipped..]);
                if bytes.is_empty() {
                    text += &self.remark("by the message's end");
                }
                self.line(bytes, depth, &text)
            }
            // It ends where its last part does.
            What::Close(_) => Ok(()),
            What::Rest => {
                let length = of(bytes.len() as u64, "byte", "bytes");
                let text = self.remark(&format!("{length} behind the value, which Go's decoder drops"));
                self.line(bytes, depth, text.trim_start())
            }
        }
    }

    fn message(&mut self, bytes: Range<usize>, depth: usize, number: u64, length: u64) -> io::Result<()> {
        if depth == 0 && number > 1 {
            writeln!(self.out)?;
        }
        let heading = self.ink(Ink::Heading, &format!("message {number}: {}", of(length, "byte", "bytes")));
        let remark = match (depth, length) {
            (0, 0) => self.remark("Go's decoder gives EOF here"),
            (0, _) => String::new(),
            _ => self.remark("the value goes on"),
        };
        self.line(bytes, depth, &(heading + &remark))
    }

    fn definition(
        &mut self,
        bytes: Range<usize>,
        depth: usize,
        reader: &Reader<'s>,
        ty: &Type<'s>,
    ) -> io::Result<()> {
        let name = if ty.name.is_empty() { String::new() } else { format!(" {}", name_or(ty.name, "")) };
        let what = match &ty.kind {
            Kind::Array { elem, len } => format!("array{name} of {len} {}", typed(reader, *elem)),
            Kind::Slice { elem } => format!("slice{name} of {}", typed(reader, *elem)),
            Kind::Map { key, elem } => {
                format!("map{name} from {} to {}", typed(reader, *key), typed(reader, *elem))
            }
            Kind::Struct(_) => format!("struct{name}"),
            Kind::GobEncoder => format!("GobEncoder{name}"),
            Kind::BinaryMarshaler => format!("BinaryMarshaler{name}"),
            Kind::TextMarshaler => format!("TextMarshaler{name}"),
        };
        let mut text =
            format!("{} is {}", self.ink(Ink::Key, &format!("type {}", ty.id)), self.ink(Ink::Type, &what));
        if let Kind::Struct(fields) = &ty.kind {
            text += if fields.is_empty() { " {}" } else { " {" };
        }
        if ty.is_again {
            text += &self.remark("defined before: Go's decoder refuses this");
        }
        if ty.common_id != ty.id && ty.common_id != 0 {
            text += &self.remark(&format!("calls itself {}", ty.common_id));
        }
        let start = |field: &Field<'_>| bytes.start + field.at as usize;
        let fields = ty.fields();
        let Some(first) = fields.first() else { return self.line(bytes, depth, &text) };
        self.line(bytes.start..start(first), depth, &text)?;
        let end = bytes.start + ty.fields_end as usize;
        let ends = fields[1..].iter().map(start).chain([end]);
        for (field, end) in fields.iter().zip(ends) {
            let name = self.ink(Ink::Key, &name_or(field.name, ""));
            let of_type = self.ink(Ink::Type, &typed(reader, field.id));
            self.line(start(field)..end, depth + 1, &format!("{name} {of_type}"))?;
        }
        self.line(end..bytes.end, depth, "}")
    }

    fn broken(&mut self, reader: &Reader<'s>, error: &Error) -> io::Result<()> {
        let [looked_at, message, rest] = reader.leftovers();
        let text = self.ink(Ink::Error, &format!("error: {error}"));
        self.line(looked_at, 0, &text)?;
        for (bytes, place) in [(message, "in the message"), (rest, "to the end")] {
            if !bytes.is_empty() {
                let length = of(bytes.len() as u64, "byte", "bytes");
                let text = self.remark(&format!("not read: {length} {place}"));
                self.line(bytes, 0, text.trim_start())?;
            }
        }
        Ok(())
    }

    /// Numbers are worth no line each.
    fn in_row(&mut self, bytes: Range<usize>, depth: usize, position: u64, number: String) -> io::Result<()> {
        if let Some(row) = &mut self.row
            && row.bytes.len() + bytes.len() <= CELLS
            && row.text.len() + number.len() <= ROW
        {
            row.bytes.end = bytes.end;
            row.text += ", ";
            row.text += &number;
            return Ok(());
        }
        self.end_row()?;
        self.row = Some(Row { bytes, depth, position, text: number });
        Ok(())
    }

    fn end_row(&mut self) -> io::Result<()> {
        let Some(row) = self.row.take() else { return Ok(()) };
        let key = self.ink(Ink::Key, &format!("[{}]", row.position));
        self.line(row.bytes, row.depth, &format!("{key} = {}", row.text))
    }

    fn line(&mut self, bytes: Range<usize>, depth: usize, text: &str) -> io::Result<()> {
        let part = self.stream.get(bytes.clone()).unwrap_or_default();
        let margin = format!("{:>1$}  {2:<25}", bytes.start, self.width, cells(part, CELLS));
        let margin = self.ink(Ink::Margin, &margin);
        // A deep value would be out of sight.
        let (indent, depth) = match depth {
            0..=INDENTS => (depth, String::new()),
            _ => (INDENTS, self.ink(Ink::Margin, &format!("({depth}) "))),
        };
        writeln!(self.out, "{margin}{:1$}{depth}{text}", "", 2 * indent)
    }

    /// What a value is to the one around it, and its type.
    fn lead(&self, place: &Place<'_>, ty: String) -> String {
        let key = match place {
            Place::Top => return ty,
            Place::Held { length } => return format!("{ty} in {}", of(*length, "byte", "bytes")),
            Place::Field { name, .. } => name_or(name, ""),
            Place::Element(position) => format!("[{position}]"),
            Place::Key(_) => "key".to_owned(),
            Place::Entry => "value".to_owned(),
        };
        let key = self.ink(Ink::Key, &key);
        if ty.is_empty() { key } else { key + " " + &ty }
    }

    /// A remark on the fields that were left out before this one.
    fn left_out_before(&self, reader: &Reader<'_>, place: &Place<'_>) -> String {
        match place {
            Place::Field { number, skipped, around, .. } if *skipped > 0 => {
                self.left_out(&reader.ty(*around).fields()[number - skipped..*number])
            }
            _ => String::new(),
        }
    }

    fn left_out(&self, fields: &[Field<'_>]) -> String {
        const MANY: usize = 4;
        let mut names: Vec<_> = fields.iter().take(MANY).map(|field| name_or(field.name, "")).collect();
        if fields.len() > MANY {
            names.push(format!("{} more", fields.len() - MANY));
        }
        if names.is_empty() {
            String::new()
        } else {
            self.remark(&format!("zero, so not sent: {}", names.join(", ")))
        }
    }

    fn remark(&self, text: &str) -> String {
        "  ".to_owned() + &self.ink(Ink::Remark, &format!("# {text}"))
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            _ if self.style == Style::Plain => return text.to_owned(),
            Ink::Margin => "90",
            Ink::Heading => "1",
            Ink::Key => "36",
            Ink::Type => "32",
            Ink::Remark => "33",
            Ink::Error => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn of(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A type's name, and the id of those that are not built in.
fn typed(reader: &Reader<'_>, id: i32) -> String {
    let name = named(reader, id, 0);
    if reader.type_of(id).is_some() { format!("{name} ({id})") } else { name }
}

/// A type's name; where it has none, its spelling, down to a depth that no cycle gets beyond.
fn named(reader: &Reader<'_>, id: i32, depth: usize) -> String {
    let part = |id| if depth == 3 { "…".to_owned() } else { named(reader, id, depth + 1) };
    match (id, reader.type_of(id)) {
        (_, Some(ty)) if !ty.name.is_empty() => name_or(ty.name, ""),
        (_, Some(ty)) => match &ty.kind {
            Kind::Array { elem, len } => format!("[{len}]{}", part(*elem)),
            Kind::Slice { elem } => format!("[]{}", part(*elem)),
            Kind::Map { key, elem } => format!("map[{}]{}", part(*key), part(*elem)),
            Kind::Struct(_) => "struct".to_owned(),
            Kind::GobEncoder => "GobEncoder".to_owned(),
            Kind::BinaryMarshaler => "BinaryMarshaler".to_owned(),
            Kind::TextMarshaler => "TextMarshaler".to_owned(),
        },
        (1..=8, None) => ["bool", "int", "uint", "float", "bytes", "string", "complex", "interface"]
            [id as usize - 1]
            .to_owned(),
        (_, None) => format!("type {id}"),
    }
}

fn shown(value: Scalar<'_>) -> String {
    match value {
        Scalar::String(bytes) => quoted(bytes),
        // Most bytes that are sent are somebody's text.
        Scalar::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => quoted(bytes),
            _ => hex(bytes),
        },
        Scalar::Opaque(bytes) => hex(bytes),
        Scalar::Nil => "nil".to_owned(),
        _ => number(value).unwrap_or_default(),
    }
}

fn number(value: Scalar<'_>) -> Option<String> {
    Some(match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Uint(value) => value.to_string(),
        Scalar::Float(value) => format!("{value:?}"),
        Scalar::Complex(real, imaginary) => format!("{real:?}{imaginary:+?}i"),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    const LONG: usize = 24;
    let cells = cells(bytes, LONG);
    if bytes.len() > LONG { format!("{cells} ({} bytes)", bytes.len()) } else { cells }
}

/// Bytes as hexadecimal digits, so many at most.
fn cells(bytes: &[u8], most: usize) -> String {
    let shown = if bytes.len() > most { most - 1 } else { bytes.len() };
    let mut cells = String::with_capacity(3 * most);
    for (position, byte) in bytes[..shown].iter().enumerate() {
        let digit = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or('?');
        cells.extend((position > 0).then_some(' '));
        cells.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    cells + if shown < bytes.len() { " …" } else { "" }
}

/// Text in quotes; in Go's other ones where that spares escapes, as it does for JSON.
fn quoted(bytes: &[u8]) -> String {
    const LONG: usize = 160;
    let (start, is_utf8) = match std::str::from_utf8(bytes) {
        Ok(text) => (text.chars().take(LONG).collect(), true),
        Err(_) => (
            bytes.iter().take(LONG / 4).map(|byte| byte.escape_ascii().to_string()).collect::<String>(),
            false,
        ),
    };
    let is_raw = start.contains(['"', '\\']) && !start.contains(|c: char| c == '`' || c.is_control());
    let text = match is_utf8 {
        false => format!("\"{start}\""),
        true if is_raw => format!("`{start}`"),
        true => format!("{start:?}"),
    };
    let is_whole = if is_utf8 { start.len() == bytes.len() } else { bytes.len() <= LONG / 4 };
    if is_whole { text } else { format!("{text}… ({} bytes)", bytes.len()) }
}

/// How many bytes are on a line.
const CELLS: usize = 8;

/// How long numbers side by side get.
const ROW: usize = 40;

/// How deep values are shown as deep.
const INDENTS: usize = 16;
