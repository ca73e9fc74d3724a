//! Parts as JSON, written as they come.

use std::io;

use super::Error;
use super::part::{Close, Kind, Open, Part, Place, Scalar, Type, What};
use super::reader::Reader;

pub(super) struct Json<'o, W> {
    out: &'o mut W,
    /// Whether the list of messages has one.
    is_begun: bool,
    is_partial: bool,
}

impl<'o, W: io::Write> Json<'o, W> {
    pub(super) fn new(out: &'o mut W) -> Self {
        Json { out, is_begun: false, is_partial: false }
    }

    pub(super) fn write(mut self, stream: &[u8]) -> io::Result<Result<(), Error>> {
        self.out.write_all(b"{\"messages\":[")?;
        // Definitions within a value come before it: one reader looks for them, then the other reads the value.
        let (mut ahead, mut reader) = (Reader::new(stream), Reader::new(stream));
        let result = loop {
            match self.definitions(&mut ahead)? {
                Ok(true) => self.value(&mut reader)?,
                Ok(false) => break Ok(()),
                Err(error) => {
                    self.is_partial = true;
                    self.value(&mut reader)?;
                    break Err(error);
                }
            }
        };
        self.out.write_all(b"]")?;
        if let Err(error) = &result {
            self.out.write_all(b",\"error\":")?;
            self.string(&error.to_string())?;
        }
        self.out.write_all(b"}")?;
        Ok(result)
    }

    /// Writes definitions until a value is complete, or the stream ends.
    fn definitions(&mut self, ahead: &mut Reader<'_>) -> io::Result<Result<bool, Error>> {
        loop {
            match ahead.part() {
                Ok(Some(Part { what: What::Definition(ty), .. })) => self.definition(ahead.ty(ty))?,
                Ok(Some(_)) if ahead.is_behind_value() => return Ok(Ok(true)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Ok(false)),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Writes the next value, or what there is of it.
    fn value(&mut self, reader: &mut Reader<'_>) -> io::Result<()> {
        loop {
            match reader.part() {
                Ok(Some(part)) => {
                    self.part(part)?;
                    if reader.is_behind_value() {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    while let Some(part) = reader.abandon() {
                        self.part(part)?;
                    }
                    return Ok(());
                }
            }
        }
    }

    fn part(&mut self, part: Part<'_>) -> io::Result<()> {
        match part.what {
            What::Message { .. } | What::Definition(_) | What::Piece { .. } | What::Rest => Ok(()),
            What::Scalar { id, value } => {
                self.before(&part.place, id)?;
                self.scalar(value)?;
                self.after(&part.place)
            }
            What::Open { id, value } => {
                self.before(&part.place, id)?;
                match value {
                    Open::Struct => self.out.write_all(b"{"),
                    Open::List { .. } => self.out.write_all(b"["),
                    Open::Map { .. } => self.out.write_all(b"{\"map\":["),
                    Open::Interface { name } => {
                        self.out.write_all(b"{\"type\":")?;
                        self.string(&String::from_utf8_lossy(name))
                    }
                }
            }
            What::Close(close) => {
                self.out.write_all(match close {
                    Close::Struct { .. } | Close::Interface => b"}",
                    Close::List => b"]",
                    Close::Map { is_odd: false } => b"]}",
                    Close::Map { is_odd: true } => b",null]]}",
                })?;
                self.after(&part.place)
            }
        }
    }

    fn before(&mut self, place: &Place<'_>, id: i32) -> io::Result<()> {
        match place {
            Place::Top => {
                self.item()?;
                write!(self.out, "{{\"id\":{id},")?;
                if self.is_partial {
                    self.out.write_all(b"\"partial\":true,")?;
                }
                self.out.write_all(b"\"value\":")
            }
            Place::Field { name, is_first, .. } => {
                self.comma(!is_first)?;
                self.string(&String::from_utf8_lossy(name))?;
                self.out.write_all(b":")
            }
            Place::Element(position) => self.comma(*position > 0),
            Place::Key(position) => {
                self.comma(*position > 0)?;
                self.out.write_all(b"[")
            }
            Place::Entry => self.out.write_all(b","),
            Place::Held { .. } => write!(self.out, ",\"id\":{id},\"value\":"),
        }
    }

    fn after(&mut self, place: &Place<'_>) -> io::Result<()> {
        match place {
            Place::Top => self.out.write_all(b"}"),
            Place::Entry => self.out.write_all(b"]"),
            _ => Ok(()),
        }
    }

    fn item(&mut self) -> io::Result<()> {
        let is_begun = std::mem::replace(&mut self.is_begun, true);
        self.comma(is_begun)
    }

    fn comma(&mut self, is_due: bool) -> io::Result<()> {
        if is_due { self.out.write_all(b",") } else { Ok(()) }
    }

    fn definition(&mut self, ty: &Type<'_>) -> io::Result<()> {
        self.item()?;
        let kind = match &ty.kind {
            Kind::Array { .. } => "array",
            Kind::Slice { .. } => "slice",
            Kind::Struct(_) => "struct",
            Kind::Map { .. } => "map",
            Kind::GobEncoder => "gobencoder",
            Kind::BinaryMarshaler => "binarymarshaler",
            Kind::TextMarshaler => "textmarshaler",
        };
        write!(self.out, "{{\"def\":{{\"id\":{},\"kind\":\"{kind}\",\"name\":", ty.id)?;
        self.string(&String::from_utf8_lossy(ty.name))?;
        write!(self.out, ",\"commonId\":{}", ty.common_id)?;
        match &ty.kind {
            Kind::Array { elem, len } => write!(self.out, ",\"elem\":{elem},\"len\":{len}")?,
            Kind::Slice { elem } => write!(self.out, ",\"elem\":{elem}")?,
            Kind::Map { key, elem } => write!(self.out, ",\"key\":{key},\"elem\":{elem}")?,
            _ => {}
        }
        for (position, field) in ty.fields().iter().enumerate() {
            self.out.write_all(if position == 0 { b",\"fields\":[{\"name\":" } else { b",{\"name\":" })?;
            self.string(&String::from_utf8_lossy(field.name))?;
            write!(self.out, ",\"id\":{}}}", field.id)?;
        }
        self.out.write_all(if ty.fields().is_empty() { b"}}" } else { b"]}}" })
    }

    fn scalar(&mut self, value: Scalar<'_>) -> io::Result<()> {
        match value {
            Scalar::Bool(value) => write!(self.out, "{value}"),
            Scalar::Int(value) => write!(self.out, "\"{value}\""),
            Scalar::Uint(value) => write!(self.out, "\"{value}\""),
            Scalar::Float(value) => write!(self.out, "\"{:016x}\"", value.to_bits()),
            Scalar::Complex(real, imaginary) => {
                write!(self.out, "[\"{:016x}\",\"{:016x}\"]", real.to_bits(), imaginary.to_bits())
            }
            Scalar::Bytes(bytes) => self.base64(bytes),
            Scalar::String(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.string(text),
                Err(_) => {
                    self.out.write_all(b"{\"b64\":")?;
                    self.base64(bytes)?;
                    self.out.write_all(b"}")
                }
            },
            Scalar::Opaque(bytes) => {
                self.out.write_all(b"{\"opaque\":")?;
                self.base64(bytes)?;
                self.out.write_all(b"}")
            }
            Scalar::Nil => self.out.write_all(b"null"),
        }
    }

    fn string(&mut self, text: &str) -> io::Result<()> {
        let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        let mut rest = text.as_bytes();
        self.out.write_all(b"\"")?;
        while let Some(position) = rest.iter().position(is_special) {
            self.out.write_all(&rest[..position])?;
            match rest[position] {
                special @ (b'"' | b'\\') => self.out.write_all(&[b'\\', special])?,
                control => {
                    const DIGITS: &[u8; 16] = b"0123456789abcdef";
                    let [high, low] = [control >> 4, control & 15].map(|digit| DIGITS[usize::from(digit)]);
                    self.out.write_all(&[b'\\', b'u', b'0', b'0', high, low])?;
                }
            }
            rest = &rest[position + 1..];
        }
        self.out.write_all(rest)?;
        self.out.write_all(b"\"")
    }

    fn base64(&mut self, bytes: &[u8]) -> io::Result<()> {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        self.out.write_all(b"\"")?;
        for three in bytes.chunks(3) {
            let byte = |position: usize| three.get(position).map_or(0, |byte| u32::from(*byte));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            let digit = |shift: u32| DIGITS[(bits >> shift & 63) as usize];
            let mut four = [digit(18), digit(12), digit(6), digit(0)];
            four[three.len() + 1..].fill(b'=');
            self.out.write_all(&four)?;
        }
        self.out.write_all(b"\"")
    }
}
