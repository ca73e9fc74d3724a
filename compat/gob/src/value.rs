//! A value of any Go type, as one flat piece of memory: whatever was sent, and nothing that was left out.

use std::fmt;
use std::sync::Arc;

use crate::schema::Shape;
use crate::{Error, ErrorKind, TypeId};

/// A decoded value, of any type.
///
/// A tree in one row of cells, each container followed by its parts. So a value takes at most 13 bytes for each
/// byte it came from, its depth costs no stack, not even to drop it, and it is read from front to back.
///
/// ```
/// use gob::{Decoder, View};
///
/// let stream = b"\x1f\xff\x81\x03\x01\x01\x05Point\x01\xff\x82\x00\x01\x02\x01\x01X\x01\x04\x00\x01\x01Y\x01\x04\x00\x00\x00\
///                \x07\xff\x82\x01\x2c\x01\x42\x00";
/// let point = gob::value_from_slice(stream)?;
/// assert_eq!(point.root().field("Y").map(|y| y.view()), Some(View::Int(33)));
/// assert_eq!(format!("{point:?}"), "Point { X: 22, Y: 33 }");
/// # Ok::<(), gob::Error>(())
/// ```
#[derive(Clone)]
pub struct Value {
    cells: Vec<Cell>,
    /// The structs that occur.
    shapes: Vec<Arc<Shape>>,
    /// Strings, bytes and names.
    text: Vec<u8>,
}

/// A place in a [`Value`]: the value itself, or a part of it.
#[derive(Clone, Copy)]
pub struct Part<'v> {
    value: &'v Value,
    at: u32,
}

/// What is at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View<'v> {
    /// A nil interface, or a nil map among elements.
    Nil,
    /// `bool`.
    Bool(bool),
    /// Any signed integer.
    Int(i64),
    /// Any unsigned integer.
    Uint(u64),
    /// Any float.
    Float(f64),
    /// Any complex number: real and imaginary part.
    Complex(f64, f64),
    /// A string, which in Go need not be UTF-8.
    String(&'v [u8]),
    /// `[]byte`.
    Bytes(&'v [u8]),
    /// A slice or an array.
    List(Parts<'v>),
    /// Keys and their values in turn.
    Map(Parts<'v>),
    /// The fields that were sent.
    Struct(Parts<'v>),
    /// The value of an interface.
    Interface {
        /// The name its type is registered under.
        name: &'v [u8],
        /// The type's id on its stream; 0 if the value does not come from a stream.
        id: TypeId,
        /// The value.
        value: Part<'v>,
    },
    /// What a type that encodes itself has written.
    Opaque(&'v [u8]),
}

/// The parts of a container, in order.
#[derive(Clone, Copy)]
pub struct Parts<'v> {
    value: &'v Value,
    /// Where the container is.
    container: u32,
    at: u32,
    end: u32,
}

/// One item, or the start of a container. Twelve bytes, since an item can be as short as one byte on the wire.
#[derive(Debug, Clone, Copy)]
struct Cell {
    kind: CellKind,
    /// In a struct, the number of the field that this is.
    tag: [u8; 3],
    payload: [u32; 2],
}

impl Cell {
    /// A number; an offset (above) and a length of text; or how many cells it is to the end of a container, and
    /// above that its shape or type id.
    fn payload(&self) -> u64 {
        u64::from(self.payload[0]) << 32 | u64::from(self.payload[1])
    }

    fn high(&self) -> usize {
        self.payload[0] as usize
    }

    fn low(&self) -> usize {
        self.payload[1] as usize
    }

    fn tag(&self) -> usize {
        let [a, b, c] = self.tag;
        u32::from_be_bytes([0, a, b, c]) as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Nil,
    Bool,
    Int,
    Uint,
    Float,
    /// Followed by a Float, the imaginary part.
    Complex,
    String,
    Bytes,
    Opaque,
    List,
    Map,
    Struct,
    /// Followed by a String, its name, and its value.
    Interface,
}

impl Value {
    /// The value itself.
    pub fn root(&self) -> Part<'_> {
        Part { value: self, at: 0 }
    }

    /// How many items it has, of all kinds.
    pub(crate) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>() + self.text.capacity()
    }
}

impl<'v> Part<'v> {
    /// What is here.
    pub fn view(self) -> View<'v> {
        let Some(cell) = self.cell() else { return View::Nil };
        match cell.kind {
            CellKind::Nil => View::Nil,
            CellKind::Bool => View::Bool(cell.payload() != 0),
            CellKind::Int => View::Int(cell.payload() as i64),
            CellKind::Uint => View::Uint(cell.payload()),
            CellKind::Float => View::Float(f64::from_bits(cell.payload())),
            CellKind::Complex => View::Complex(
                f64::from_bits(cell.payload()),
                f64::from_bits(self.ahead(1).cell().map_or(0, Cell::payload)),
            ),
            CellKind::String => View::String(self.text(cell)),
            CellKind::Bytes => View::Bytes(self.text(cell)),
            CellKind::Opaque => View::Opaque(self.text(cell)),
            CellKind::List => View::List(self.parts()),
            CellKind::Map => View::Map(self.parts()),
            CellKind::Struct => View::Struct(self.parts()),
            CellKind::Interface => View::Interface {
                name: self.ahead(1).cell().map_or(&[], |name| self.text(name)),
                id: TypeId(cell.high() as i32),
                value: self.ahead(2),
            },
        }
    }

    fn cell(self) -> Option<&'v Cell> {
        self.value.cells.get(self.at as usize)
    }

    fn ahead(self, cells: u32) -> Part<'v> {
        Part { at: self.at + cells, ..self }
    }

    /// In a struct, the field of that name, if it was sent.
    pub fn field(self, name: &str) -> Option<Part<'v>> {
        let View::Struct(fields) = self.view() else { return None };
        fields.named().find(|(known, _)| *known == name).map(|(_, part)| part)
    }

    /// The name of a struct's type, which may be empty; `None` for other types, whose names are not kept.
    pub fn struct_name(self) -> Option<&'v str> {
        self.shape().map(|shape| &*shape.name)
    }

    fn shape(self) -> Option<&'v Shape> {
        let cell = self.cell().filter(|cell| cell.kind == CellKind::Struct)?;
        self.value.shapes.get(cell.high()).map(|shape| &**shape)
    }

    fn text(self, cell: &Cell) -> &'v [u8] {
        self.value.text.get(cell.high()..cell.high() + cell.low()).unwrap_or_default()
    }

    fn parts(self) -> Parts<'v> {
        Parts { value: self.value, container: self.at, at: self.at + 1, end: self.end() }
    }

    /// Whether two parts hold the same, perhaps of different values.
    pub(crate) fn same(self, other: Part<'_>) -> bool {
        let (from, to) = (self.end() - self.at, other.end() - other.at);
        from == to
            && (0..from).all(|step| {
                let (this, that) = (self.ahead(step), other.ahead(step));
                match (this.cell(), that.cell()) {
                    (Some(one), Some(two)) => one.kind == two.kind && this.same_cell(one, that, two),
                    (one, two) => one.is_none() && two.is_none(),
                }
            })
    }

    fn same_cell(self, one: &Cell, that: Part<'_>, two: &Cell) -> bool {
        match one.kind {
            CellKind::String | CellKind::Bytes | CellKind::Opaque => self.text(one) == that.text(two),
            CellKind::Struct => {
                let names = |part: Part<'v>| part.parts().named().map(|(name, _)| name);
                let mut others = that.parts().named().map(|(name, _)| name);
                self.end() - self.at == that.end() - that.at
                    && names(self).all(|name| others.next() == Some(name))
                    && others.next().is_none()
            }
            CellKind::Interface => one.low() == two.low(), // a type's id hangs on the stream
            _ => one.payload == two.payload,
        }
    }

    /// Where the part behind this one starts.
    fn end(self) -> u32 {
        let Some(cell) = self.cell() else { return self.at + 1 };
        match cell.kind {
            CellKind::List | CellKind::Map | CellKind::Struct | CellKind::Interface => {
                self.at + cell.payload[1]
            }
            CellKind::Complex => self.at + 2,
            _ => self.at + 1,
        }
    }
}

impl<'v> Parts<'v> {
    /// The fields of a struct with their names.
    pub fn named(self) -> impl Iterator<Item = (&'v str, Part<'v>)> {
        let shape = Part { value: self.value, at: self.container }.shape();
        self.map(move |part| {
            let name = part.cell().and_then(|cell| shape?.fields.get(cell.tag()));
            (name.map_or("", |name| &**name), part)
        })
    }

    /// The next field of a struct with its name.
    pub fn next_named(&mut self) -> Option<(&'v str, Part<'v>)> {
        let found = self.named().next();
        self.next();
        found
    }

    /// The entries of a map.
    pub fn pairs(mut self) -> impl Iterator<Item = (Part<'v>, Part<'v>)> {
        std::iter::from_fn(move || Some((self.next()?, self.next()?)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at >= self.end
    }
}

impl<'v> Iterator for Parts<'v> {
    type Item = Part<'v>;

    fn next(&mut self) -> Option<Part<'v>> {
        if self.at >= self.end {
            return None;
        }
        let part = Part { value: self.value, at: self.at };
        self.at = part.end().max(self.at + 1);
        Some(part)
    }
}

/// Values are the same if the same was sent, in the same order; floats by their bits.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.root().same(other.root())
    }
}

impl Eq for Value {}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts", self.count())
    }
}

impl PartialEq for Parts<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.value, other.value) && self.at == other.at
    }
}

impl PartialEq for Part<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.value, other.value) && self.at == other.at
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.root(), f)
    }
}

/// As Rust would write it; deep values are cut short.
impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(*self, f, 0)
    }
}

fn debug(part: Part<'_>, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    if depth > 64 {
        return f.write_str("…");
    }
    let list = |f: &mut fmt::Formatter<'_>, parts: Parts<'_>| {
        f.write_str("[")?;
        for (at, part) in parts.enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            debug(part, f, depth + 1)?;
        }
        f.write_str("]")
    };
    match part.view() {
        View::Nil => f.write_str("nil"),
        View::Bool(it) => write!(f, "{it}"),
        View::Int(it) => write!(f, "{it}"),
        View::Uint(it) => write!(f, "{it}"),
        View::Float(it) => write!(f, "{it:?}"),
        View::Complex(re, im) => write!(f, "({re:?}, {im:?}i)"),
        View::String(it) => write!(f, "{:?}", String::from_utf8_lossy(it)),
        View::Bytes(it) | View::Opaque(it) => write!(f, "b\"{}\"", it.escape_ascii()),
        View::List(parts) => list(f, parts),
        View::Map(parts) => {
            f.write_str("{")?;
            for (at, (key, value)) in parts.pairs().enumerate() {
                f.write_str(if at == 0 { "" } else { ", " })?;
                debug(key, f, depth + 1)?;
                f.write_str(": ")?;
                debug(value, f, depth + 1)?;
            }
            f.write_str("}")
        }
        View::Struct(fields) => {
            let name = part.struct_name().filter(|name| !name.is_empty());
            write!(f, "{} {{", name.unwrap_or("struct").escape_debug())?;
            for (at, (name, value)) in fields.named().enumerate() {
                f.write_str(if at == 0 { " " } else { ", " })?;
                write!(f, "{}: ", name.escape_debug())?;
                debug(value, f, depth + 1)?;
            }
            f.write_str(if fields.is_empty() { "}" } else { " }" })
        }
        View::Interface { name, value, .. } => {
            write!(f, "{}(", String::from_utf8_lossy(name).escape_debug())?;
            debug(value, f, depth + 1)?;
            f.write_str(")")
        }
    }
}

/// Builds a [`Value`] from front to back.
///
/// ```
/// use gob::ValueBuilder;
///
/// let mut value = ValueBuilder::new();
/// let point = value.structure("Point", ["X", "Y"]);
/// value.field(0).int(22);
/// value.field(1).int(33);
/// value.end(point);
/// assert_eq!(format!("{:?}", value.finish()?), "Point { X: 22, Y: 33 }");
/// # Ok::<(), gob::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ValueBuilder {
    cells: Vec<Cell>,
    shapes: Vec<Arc<Shape>>,
    text: Vec<u8>,
    /// The number of the field that comes next.
    tag: u32,
}

/// A container that was begun in a [`ValueBuilder`] and has to be ended there.
#[derive(Debug)]
#[must_use = "a container has to be ended"]
pub struct Begun(usize);

impl Begun {
    /// Where the container begins.
    pub(crate) fn place(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn at(place: u32) -> Begun {
        Begun(place as usize)
    }
}

impl ValueBuilder {
    /// Nothing yet.
    pub fn new() -> ValueBuilder {
        ValueBuilder::default()
    }

    /// As many cells as may be needed at most, at once: growing would need more for a while.
    pub(crate) fn with_capacity(cells: usize, text: usize) -> ValueBuilder {
        ValueBuilder { cells: Vec::with_capacity(cells), text: Vec::with_capacity(text), ..Self::default() }
    }

    /// Within a struct: says which field the next value is, by its number among the names.
    pub fn field(&mut self, number: u32) -> &mut Self {
        self.tag = number;
        self
    }

    /// A nil interface or map; fields that are nil are left out.
    pub fn nil(&mut self) {
        self.push(CellKind::Nil, 0);
    }

    /// A `bool`.
    pub fn bool(&mut self, value: bool) {
        self.push(CellKind::Bool, u64::from(value));
    }

    /// A signed integer.
    pub fn int(&mut self, value: i64) {
        self.push(CellKind::Int, value as u64);
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        self.push(CellKind::Uint, value);
    }

    /// A float.
    pub fn float(&mut self, value: f64) {
        self.push(CellKind::Float, value.to_bits());
    }

    /// A complex number.
    pub fn complex(&mut self, real: f64, imaginary: f64) {
        self.push(CellKind::Complex, real.to_bits());
        self.push(CellKind::Float, imaginary.to_bits());
    }

    /// A string, which need not be UTF-8.
    pub fn string(&mut self, value: impl AsRef<[u8]>) {
        self.push_text(CellKind::String, value.as_ref());
    }

    /// `[]byte`.
    pub fn bytes(&mut self, value: impl AsRef<[u8]>) {
        self.push_text(CellKind::Bytes, value.as_ref());
    }

    /// What a type that encodes itself has written.
    pub fn opaque(&mut self, value: impl AsRef<[u8]>) {
        self.push_text(CellKind::Opaque, value.as_ref());
    }

    /// Begins a slice or an array: its elements follow.
    pub fn list(&mut self) -> Begun {
        self.begin(CellKind::List, 0)
    }

    /// Begins a map: keys and values follow in turn.
    pub fn map(&mut self) -> Begun {
        self.begin(CellKind::Map, 0)
    }

    /// Begins a struct: values follow, each after [`ValueBuilder::field`]. Fields that are left out are zero.
    pub fn structure<'n>(&mut self, name: &str, fields: impl IntoIterator<Item = &'n str>) -> Begun {
        let shape = Shape { name: name.into(), fields: fields.into_iter().map(Into::into).collect() };
        let index = self.shape(&Arc::new(shape));
        self.begin_struct(index)
    }

    /// Begins an interface's value, which follows.
    pub fn interface(&mut self, name: impl AsRef<[u8]>) -> Begun {
        self.begin_interface(name.as_ref(), TypeId(0))
    }

    pub(crate) fn begin_interface(&mut self, name: &[u8], id: TypeId) -> Begun {
        let begun = self.begin(CellKind::Interface, id.0 as u32);
        self.push_text(CellKind::String, name);
        begun
    }

    /// The number of a shape in this value; the caller remembers it.
    pub(crate) fn shape(&mut self, shape: &Arc<Shape>) -> u32 {
        self.shapes.push(Arc::clone(shape));
        self.shapes.len() as u32 - 1
    }

    pub(crate) fn begin_struct(&mut self, shape: u32) -> Begun {
        self.begin(CellKind::Struct, shape)
    }

    fn begin(&mut self, kind: CellKind, shape: u32) -> Begun {
        self.push(kind, u64::from(shape) << 32);
        Begun(self.cells.len() - 1)
    }

    /// Ends a container.
    pub fn end(&mut self, begun: Begun) {
        let span = self.cells.len() - begun.0;
        if let Some(cell) = self.cells.get_mut(begun.0) {
            cell.payload[1] = span as u32;
        }
    }

    /// Copies a part of another value.
    pub(crate) fn copy(&mut self, part: Part<'_>) {
        let mut shapes = std::collections::HashMap::new();
        for at in part.at..part.end() {
            let from = Part { at, ..part };
            let Some(mut cell) = from.cell().copied() else { break };
            match cell.kind {
                CellKind::String | CellKind::Bytes | CellKind::Opaque => {
                    let text = from.text(&cell);
                    cell.payload[0] = self.text.len() as u32;
                    self.text.extend_from_slice(text);
                }
                CellKind::Struct => {
                    cell.payload[0] = *shapes.entry(cell.high()).or_insert_with(|| {
                        match part.value.shapes.get(cell.high()) {
                            Some(shape) => self.shape(shape),
                            None => 0,
                        }
                    });
                }
                _ => {}
            }
            if at == part.at {
                cell.tag = tag(self.tag);
            }
            self.cells.push(cell);
        }
        self.tag = 0;
    }

    fn push_text(&mut self, kind: CellKind, text: &[u8]) {
        self.push(kind, (self.text.len() as u64) << 32 | text.len() as u64);
        self.text.extend_from_slice(text);
    }

    #[inline]
    fn push(&mut self, kind: CellKind, payload: u64) {
        let tag = tag(std::mem::take(&mut self.tag));
        self.cells.push(Cell { kind, tag, payload: [(payload >> 32) as u32, payload as u32] });
    }

    /// The value. An error if it is too large: 4 GiB of text, or 4 G cells.
    pub fn finish(self) -> Result<Value, Error> {
        if self.text.len() > u32::MAX as usize || self.cells.len() > u32::MAX as usize {
            return Err(Error::new(ErrorKind::Limit, "gob: the value is too large"));
        }
        Ok(Value { cells: self.cells, shapes: self.shapes, text: self.text })
    }
}

/// A field's number; of more than there can be in [`crate::Limits::definitions`], the last bits.
fn tag(number: u32) -> [u8; 3] {
    let [_, a, b, c] = number.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_12_bytes() {
        assert_eq!(size_of::<Cell>(), 12);
    }
}
