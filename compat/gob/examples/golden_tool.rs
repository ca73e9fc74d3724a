//! A whole program over the crate's dynamic side: it reads and writes streams for types that it learns at run time.
//!
//! `checkcli` and `randomcheck` (`tests/golden/gen`) drive it to compare the crate with real Go. What the JSON looks
//! like is told in `tests/golden/README.md`.
//!
//! ```text
//! golden_tool inspect STREAM        all definitions and values
//! golden_tool decode SPEC STREAM    the values as the types that SPEC asks for
//! golden_tool encode SPEC           a stream of the values in SPEC
//! ```

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gob::{
    Codec, Decoder, Definition, Encoder, Error, ErrorKind, FieldInfo, Fields, Kind, Part, Parts, Received,
    Schema, SchemaBuilder, TypeId, TypeRef, Value, ValueBuilder, View, Width, WireType,
};
use serde_json::Value as Json;

fn main() -> ExitCode {
    // What the JSON nests, its reader nests too: on a stack that takes what a golden case may hold.
    let run = || {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let mut out = BufWriter::new(io::stdout().lock());
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["inspect", stream] => inspect(&read(stream)?, &mut out)?,
            ["decode", spec, stream] => decode(&Spec::read(spec)?, &read(stream)?, &mut out)?,
            ["encode", spec] => out.write_all(&encode(&Spec::read(spec)?)?)?,
            _ => bail!("usage: golden_tool inspect STREAM | decode SPEC STREAM | encode SPEC"),
        }
        Ok(out.flush()?)
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(run);
    match thread.map(|thread| thread.join()) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        _ => ExitCode::from(3),
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    match path {
        "-" => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut io::stdin(), &mut bytes)?;
            Ok(bytes)
        }
        path => std::fs::read(path).with_context(|| format!("cannot read {path}")),
    }
}

// ---------------------------------------------------------------------------------------------------------------
// inspect

fn inspect(stream: &[u8], out: &mut impl Write) -> Result<()> {
    let mut rest = Stream::new(stream);
    let (mut defined, mut first) = (0, true);
    write!(out, "{{\"messages\":[")?;
    let error = loop {
        let at = rest.rest;
        let next = match rest.next() {
            Ok(received) => {
                let id = received.id();
                received.value().map(|value| (id, value)).map_err(End::Gob)
            }
            Err(end) => Err(end),
        };
        for definition in &rest.decoder.types().definitions()[defined..] {
            write!(out, "{}", if std::mem::take(&mut first) { "" } else { "," })?;
            write_definition(out, definition)?;
        }
        defined = rest.decoder.types().definitions().len();
        match next {
            Ok((id, value)) => {
                write!(out, "{}", if std::mem::take(&mut first) { "" } else { "," })?;
                write!(out, "{{\"id\":{},\"value\":", id.0)?;
                write_value(out, None, Task::Sent(value.root()))?;
                write!(out, "}}")?;
            }
            // To look at, a message of no bytes is nothing, and ids that start again are another encoder's.
            Err(End::Gob(error)) if error.kind() == ErrorKind::ShortMessage && at.first() == Some(&0) => {}
            Err(End::Gob(error)) if error.kind() == ErrorKind::DuplicateType && defined > 0 => {
                (rest, defined) = (Stream::new(at), 0);
            }
            Err(end) => break end,
        }
    };
    write!(out, "],\"error\":")?;
    let text = match error {
        End::Eof => String::new(),
        error => error.text(),
    };
    serde_json::to_writer(&mut *out, &text)?;
    Ok(writeln!(out, "}}")?)
}

fn write_definition(out: &mut impl Write, definition: &Definition) -> Result<()> {
    let kind = match &definition.wire_type {
        WireType::Array { .. } => "array",
        WireType::Slice { .. } => "slice",
        WireType::Map { .. } => "map",
        WireType::Struct { .. } => "struct",
        WireType::GobEncoder { .. } => "gobencoder",
        WireType::BinaryMarshaler { .. } => "binarymarshaler",
        WireType::TextMarshaler { .. } => "textmarshaler",
        WireType::Nothing => "",
    };
    let (id, inner) = (definition.id.0, definition.inner.0);
    write!(out, "{{\"def\":{{\"id\":{id},\"commonId\":{inner},\"kind\":\"{kind}\",\"name\":")?;
    serde_json::to_writer(&mut *out, definition.wire_type.name())?;
    match &definition.wire_type {
        WireType::Array { elem, len, .. } => write!(out, ",\"elem\":{},\"len\":{len}", elem.0)?,
        WireType::Slice { elem, .. } => write!(out, ",\"elem\":{}", elem.0)?,
        WireType::Map { key, elem, .. } => write!(out, ",\"key\":{},\"elem\":{}", key.0, elem.0)?,
        WireType::Struct { fields, .. } => {
            write!(out, ",\"fields\":[")?;
            for (at, field) in fields.iter().enumerate() {
                write!(out, "{}{{\"name\":", if at == 0 { "" } else { "," })?;
                serde_json::to_writer(&mut *out, &*field.name)?;
                write!(out, ",\"id\":{}}}", field.id.0)?;
            }
            write!(out, "]")?;
        }
        _ => {}
    }
    Ok(write!(out, "}}}}")?)
}

// ---------------------------------------------------------------------------------------------------------------
// decode

fn decode(spec: &Spec, stream: &[u8], out: &mut impl Write) -> Result<()> {
    write!(out, "{{\"runs\":[")?;
    for (at, run) in spec.json["runs"].as_array().unwrap_or(&Vec::new()).iter().enumerate() {
        write!(out, "{}{{\"name\":{},\"steps\":[", if at == 0 { "" } else { "," }, run["name"])?;
        let mut rest = Stream::new(stream);
        for (at, step) in run["steps"].as_array().unwrap_or(&Vec::new()).iter().enumerate() {
            if at > 0 {
                write!(out, ",")?;
            }
            if step["newDecoder"] == true {
                rest.decoder = Decoder::new();
            }
            decode_step(spec, step, &mut rest, out)?;
        }
        write!(out, "]}}")?;
    }
    Ok(writeln!(out, "]}}")?)
}

fn decode_step(spec: &Spec, step: &Json, rest: &mut Stream<'_>, out: &mut impl Write) -> Result<()> {
    let receiver = step.get("recv").map(|recv| spec.types.place(recv)).transpose()?;
    let before = match (receiver, step.get("init")) {
        (Some(ty), Some(init)) => Some(spec.value(ty, init)?),
        _ => None,
    };
    let value = rest.next().and_then(|received| {
        let value = match (receiver, &before) {
            (None, _) => received.skip().map(|()| None),
            (Some(ty), None) => received.value_as(&spec.schema, ty).map(Some),
            (Some(ty), Some(before)) => received.value_onto(&spec.schema, ty, before).map(Some),
        };
        value.map_err(End::Gob)
    });
    match (value, receiver) {
        (Ok(Some(value)), Some(ty)) => {
            write!(out, "{{\"value\":")?;
            write_value(out, Some(&spec.schema), Task::Typed(ty, Some(value.root())))?;
            Ok(write!(out, "}}")?)
        }
        (Ok(_), _) => Ok(write!(out, "{{}}")?),
        (Err(end), _) => {
            let json = serde_json::json!({ "error": end.text(), "class": end.class() });
            Ok(serde_json::to_writer(out, &json)?)
        }
    }
}

/// A stream in memory, as Go's Decoder goes through it.
struct Stream<'b> {
    decoder: Decoder,
    rest: &'b [u8],
}

/// Why there is no value.
enum End {
    Eof,
    UnexpectedEof,
    Gob(Error),
}

impl<'b> Stream<'b> {
    fn new(stream: &'b [u8]) -> Self {
        Stream { decoder: Decoder::new(), rest: stream }
    }

    /// The next value; after an error the next message is next.
    fn next<'a>(&'a mut self) -> std::result::Result<Received<'a>, End>
    where
        'b: 'a,
    {
        let mut clean = self.decoder.is_between_values();
        loop {
            let frame = match gob::frame(self.rest) {
                Ok(Some(frame)) if frame.total() <= self.rest.len() => frame,
                Ok(_) if self.rest.is_empty() && clean => return Err(End::Eof),
                Ok(_) => {
                    self.rest = &[];
                    return Err(End::UnexpectedEof);
                }
                Err(error) => {
                    self.rest = &self.rest[1..];
                    return Err(End::Gob(error));
                }
            };
            clean = false;
            let message = frame.message(self.rest);
            self.rest = frame.after(self.rest);
            if self.decoder.accept(message).map_err(End::Gob)? {
                return self.decoder.received(message).ok_or(End::Eof);
            }
        }
    }
}

impl End {
    fn text(&self) -> String {
        match self {
            End::Eof => "EOF".into(),
            End::UnexpectedEof => "unexpected EOF".into(),
            End::Gob(error) => error.to_string(),
        }
    }

    fn class(&self) -> &'static str {
        let End::Gob(error) = self else {
            return if matches!(self, End::Eof) { "eof" } else { "unexpected-eof" };
        };
        match error.kind() {
            ErrorKind::ShortMessage => "short-message",
            ErrorKind::UnexpectedEof => "unexpected-eof",
            ErrorKind::BadLength => "bad-length",
            ErrorKind::DuplicateType => "duplicate-type",
            ErrorKind::UnknownType => "unknown-type",
            ErrorKind::BadField => "bad-field",
            ErrorKind::TypeMismatch => "type-mismatch",
            ErrorKind::Overflow => "overflow",
            ErrorKind::NotRegistered => "not-registered",
            ErrorKind::NotAssignable => "not-assignable",
            _ => "corrupt",
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// encode

fn encode(spec: &Spec) -> Result<Vec<u8>> {
    let stream = encode_from(spec, TypeId::FIRST_USER)?;
    let Some(first) = spec.json["firstId"].as_i64() else { return Ok(stream) };
    // That is the first id on the stream. What is sent first may have its number after its parts.
    match first_defined(&stream)? {
        Some(id) if i64::from(id.0) != first => {
            encode_from(spec, TypeId(TypeId::FIRST_USER.0 + (first - i64::from(id.0)) as i32))
        }
        _ => Ok(stream),
    }
}

fn first_defined(stream: &[u8]) -> Result<Option<TypeId>> {
    let mut rest = Stream::new(stream);
    loop {
        let end = rest.next().err();
        if let Some(definition) = rest.decoder.types().definitions().first() {
            return Ok(Some(definition.id));
        }
        match end {
            Some(End::Gob(error)) => return Err(error.into()),
            Some(_) => return Ok(None),
            None => {}
        }
    }
}

fn encode_from(spec: &Spec, first: TypeId) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let (mut encoder, mut current) = (Encoder::with_first_id(first), 0);
    for call in spec.json["encode"].as_array().unwrap_or(&Vec::new()) {
        if call["encoder"] != current {
            // In Go all encoders of a process share its type ids.
            (encoder, current) = (encoder.next_stream(), call["encoder"].as_i64().unwrap_or_default());
        }
        let Some(ty) = call.get("type").filter(|ty| !ty.is_null()) else { continue };
        let ty = spec.types.place(ty)?;
        let value = match spec.value(ty, &call["value"]) {
            Ok(value) => value,
            Err(error) if call.get("error").is_none() && call.get("panic").is_none() => return Err(error),
            Err(_) => continue,
        };
        // Go refuses some of the values too; then nothing of them is on the stream.
        if let Err(error) = encoder.value(&spec.schema, ty, &value, &mut out)
            && call.get("error").is_none()
            && call.get("panic").is_none()
        {
            bail!("{error}");
        }
    }
    Ok(out)
}

// ---------------------------------------------------------------------------------------------------------------
// types and values in JSON

struct Spec {
    json: Json,
    schema: Schema,
    types: Places,
}

/// Where the types of a SPEC are in its schema.
#[derive(Default)]
struct Places {
    by_json: HashMap<String, TypeRef>,
}

impl Places {
    fn place(&self, ty: &Json) -> Result<TypeRef> {
        self.by_json.get(&ty.to_string()).copied().with_context(|| format!("unknown type {ty}"))
    }
}

impl Spec {
    fn read(path: &str) -> Result<Spec> {
        let bytes = read(path)?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        json.disable_recursion_limit();
        let json: Json = serde::Deserialize::deserialize(&mut json)?;
        let mut types = Places::default();
        let schema = Schema::build(|builder| {
            let mut add = |ty: &Json| {
                let place = describe(builder, &json["types"], ty);
                types.by_json.insert(ty.to_string(), place);
                place
            };
            let all = |member: &str| json[member].as_array().cloned().unwrap_or_default();
            for call in all("encode").iter().filter_map(|call| call.get("type")).filter(|ty| !ty.is_null()) {
                add(call);
            }
            for run in all("runs") {
                for step in run["steps"].as_array().into_iter().flatten() {
                    if let Some(ty) = step.get("recv") {
                        add(ty);
                    }
                }
            }
            for it in all("registered") {
                let ty = describe(builder, &json["types"], &it["type"]);
                builder.register(it["name"].as_str().unwrap_or_default(), ty);
            }
            builder.bool()
        });
        Ok(Spec { json, schema, types })
    }

    fn value(&self, ty: TypeRef, json: &Json) -> Result<Value> {
        let mut out = ValueBuilder::new();
        let addressable = matches!(self.schema.kind(ty), Kind::Pointer(_));
        build(&self.schema, ty, json, addressable, &mut out)?;
        Ok(out.finish()?)
    }
}

/// Adds a TYPE to a schema.
fn describe(types: &mut SchemaBuilder, named: &Json, ty: &Json) -> TypeRef {
    if let Some(key) = ty["ref"].as_str() {
        let definition = &named[key];
        let name = definition["name"].as_str().unwrap_or_default();
        let spelled = definition["go"].as_str().unwrap_or(key);
        let place = types.named_as(key, name, spelled, |types, _| kind(types, named, definition));
        methods(types, place, definition);
        return place;
    }
    let place = match ty["name"].as_str() {
        None if ty["methods"].is_array() => types.named_as(&ty.to_string(), "", "", |_, _| Kind::Interface),
        Some(name) => types.named_as(&ty.to_string(), name, name, |types, _| kind(types, named, ty)),
        None => {
            let kind = kind(types, named, ty);
            types.add(kind)
        }
    };
    if let Some(spelled) = ty["go"].as_str() {
        types.spelled(place, spelled);
    }
    methods(types, place, ty);
    place
}

/// Which methods a type has, as far as they matter.
fn methods(types: &mut SchemaBuilder, place: TypeRef, ty: &Json) {
    if ty["methods"].is_array() {
        types.with_methods(place);
    }
    if ty.get("enc").is_some() || ty.get("dec").is_some() {
        types.decodes_as(place, codec(&ty["dec"]));
    }
}

fn codec(json: &Json) -> Option<Codec> {
    match json.as_str() {
        Some("gob") => Some(Codec::Gob),
        Some("binary") => Some(Codec::Binary),
        _ => None,
    }
}

fn kind(types: &mut SchemaBuilder, named: &Json, ty: &Json) -> Kind {
    let mut part = |member: &str| describe(types, named, &ty[member]);
    match ty["kind"].as_str().unwrap_or_default() {
        "bool" => Kind::Bool,
        "int" => Kind::Int(Width::Word),
        "int8" => Kind::Int(Width::Bits(8)),
        "int16" => Kind::Int(Width::Bits(16)),
        "int32" => Kind::Int(Width::Bits(32)),
        "int64" => Kind::Int(Width::Bits(64)),
        "uint" => Kind::Uint(Width::Word),
        "uint8" => Kind::Uint(Width::Bits(8)),
        "uint16" => Kind::Uint(Width::Bits(16)),
        "uint32" => Kind::Uint(Width::Bits(32)),
        "uint64" => Kind::Uint(Width::Bits(64)),
        "uintptr" => Kind::Uint(Width::Pointer),
        "float32" => Kind::Float(32),
        "float64" => Kind::Float(64),
        "complex64" => Kind::Complex(64),
        "complex128" => Kind::Complex(128),
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "interface" => Kind::Interface,
        "slice" => Kind::Slice(part("elem")),
        "array" => Kind::Array(ty["len"].as_u64().unwrap_or_default(), part("elem")),
        "map" => Kind::Map(part("key"), part("elem")),
        "ptr" => Kind::Pointer(part("elem")),
        "opaque" => codec(&ty["enc"]).map_or(Kind::Unsendable, Kind::Opaque),
        "struct" => {
            let mut fields = Fields::default();
            for field in ty["fields"].as_array().into_iter().flatten() {
                fields.sent.push(FieldInfo {
                    name: field["name"].as_str().unwrap_or_default().into(),
                    ty: describe(types, named, &field["type"]),
                    embedded: field["embedded"] == true,
                });
            }
            for text in ty["notSent"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                match text.split(' ').next() {
                    Some(name) if text.ends_with("(chan)") || text.ends_with("(func)") => {
                        fields.unsendable.push(name.into());
                    }
                    _ => fields.hidden = true,
                }
            }
            Kind::Struct(fields)
        }
        _ => Kind::Unsendable,
    }
}

/// Adds a VALUE. What is nil or left out is not added to structs.
fn build(schema: &Schema, ty: TypeRef, json: &Json, addressable: bool, out: &mut ValueBuilder) -> Result<()> {
    let zero = Json::from("0");
    // Go finds nothing under a key that is NaN, and so a SPEC has nothing there.
    let json = match schema.kind(ty) {
        Kind::Int(_) | Kind::Uint(_) if json.is_null() => &zero,
        _ => json,
    };
    let text = || json.as_str().with_context(|| format!("{json} for {}", schema.spell(ty)));
    match schema.kind(ty) {
        Kind::Pointer(elem) => match json {
            Json::Null => out.nil(),
            // A value under a pointer's registered name is written without the pointer.
            json => return build(schema, *elem, json.get("ptr").unwrap_or(json), addressable, out),
        },
        Kind::Bool => out.bool(json.as_bool().context("no bool")?),
        Kind::Int(_) => out.int(text()?.parse()?),
        Kind::Uint(_) => out.uint(text()?.parse()?),
        Kind::Float(_) => out.float(float(json)?),
        Kind::Complex(_) => out.complex(float(&json[0])?, float(&json[1])?),
        Kind::String => match (json.as_str(), json["b64"].as_str()) {
            (Some(text), _) => out.string(text),
            (_, Some(text)) => out.string(BASE64.decode(text)?),
            _ => out.string(pattern(json, "strPattern")?),
        },
        Kind::Bytes => match json {
            Json::Null => out.bytes([]),
            Json::String(text) => out.bytes(BASE64.decode(text)?),
            json => out.bytes(pattern(json, "pattern")?),
        },
        Kind::Opaque(_) => out.opaque(BASE64.decode(json["opaque"].as_str().context("no opaque value")?)?),
        Kind::Slice(elem) | Kind::Array(_, elem) => {
            let begun = out.list();
            for part in json.as_array().into_iter().flatten() {
                build(schema, *elem, part, addressable, out)?;
            }
            out.end(begun);
        }
        Kind::Map(..) if json.is_null() => out.nil(),
        Kind::Map(key, elem) => {
            let begun = out.map();
            for pair in json["map"].as_array().into_iter().flatten() {
                build(schema, *key, &pair[0], false, out)?;
                build(schema, *elem, &pair[1], false, out)?;
            }
            out.end(begun);
        }
        Kind::Interface => match json["type"].as_str() {
            None => out.nil(),
            Some(name) => {
                let Some(ty) = schema.registered(name) else { bail!("{name} is not registered") };
                let begun = out.interface(name);
                build(schema, ty, &json["value"], false, out)?;
                out.end(begun);
            }
        },
        Kind::Struct(fields) => {
            let names = fields.sent.iter().map(|field| &*field.name);
            let begun = out.structure(schema.name(ty), names);
            for (number, field) in fields.sent.iter().enumerate() {
                let mut value = &json[&*field.name];
                let mut ty = field.ty;
                while let (Kind::Pointer(elem), Some(inner)) = (schema.kind(ty), value.get("ptr")) {
                    (ty, value) = (*elem, inner);
                }
                if value.is_null()
                    && ty != field.ty
                    && matches!(schema.kind(ty), Kind::Slice(_) | Kind::Bytes)
                {
                    out.field(number as u32);
                    build(schema, ty, value, addressable, out)?; // a pointer to an empty slice
                    continue;
                }
                // Any other pointer to nil is as good as nil.
                if value.is_null() || ty == field.ty && is_zero(schema, ty, value, addressable) {
                    continue;
                }
                out.field(number as u32);
                build(schema, ty, value, addressable, out)?;
            }
            out.end(begun);
        }
        _ => bail!("{} cannot be sent", schema.spell(ty)),
    }
    Ok(())
}

/// Whether a self-encoding field is to be left out. Go leaves out what is zero where the method has a value receiver.
/// A SPEC tells neither, so this goes by what is usual: a method with a pointer receiver needs a value that can be
/// addressed, and zero is written as zeros.
fn is_zero(schema: &Schema, ty: TypeRef, json: &Json, addressable: bool) -> bool {
    let Some(bytes) = json["opaque"].as_str().and_then(|text| BASE64.decode(text).ok()) else { return false };
    match zero(schema.spell(ty)) {
        Some(zero) => bytes == zero,
        None => !addressable && bytes.iter().all(|byte| *byte == 0),
    }
}

/// What the zero value of a type of Go's own library writes, where the library's source says so.
fn zero(spelled: &str) -> Option<&'static [u8]> {
    Some(match spelled {
        "time.Time" => &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        "netip.AddrPort" => &[0, 0],
        "netip.Prefix" => &[0xff],
        "netip.Addr" | "url.URL" => &[],
        _ => return None,
    })
}

fn float(json: &Json) -> Result<f64> {
    Ok(f64::from_bits(u64::from_str_radix(json.as_str().context("no float")?, 16)?))
}

/// Long data: byte i is `i*a + (i>>8)*b + c`.
fn pattern(json: &Json, member: &str) -> Result<Vec<u8>> {
    let number = |at: usize| json[member][at].as_u64().with_context(|| format!("no value: {json}"));
    let (a, b, c, length) = (number(0)?, number(1)?, number(2)?, json["len"].as_u64().context("no length")?);
    Ok((0..length).map(|i| (i * a + (i >> 8) * b + c) as u8).collect())
}

/// Something that is yet to be written. Depth costs a row of these, and none of the stack.
enum Task<'v> {
    Text(&'static str),
    /// What was sent, and nothing else.
    Sent(Part<'v>),
    /// The rest of a container's parts, and what to write before the next.
    SentParts(Parts<'v>, &'static str),
    SentPairs(Parts<'v>, &'static str),
    SentFields(Parts<'v>, &'static str),
    /// A value of a type; if nothing was sent for it, it is zero.
    Typed(TypeRef, Option<Part<'v>>),
    Elements(TypeRef, Option<Parts<'v>>, u64, bool),
    Pairs(TypeRef, TypeRef, Parts<'v>, bool),
    Fields(TypeRef, Option<Part<'v>>, usize),
}

fn write_value(out: &mut impl Write, schema: Option<&Schema>, task: Task<'_>) -> Result<()> {
    let mut tasks = vec![task];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Text(text) => out.write_all(text.as_bytes())?,
            Task::Sent(part) => match part.view() {
                View::List(parts) => tasks.push(Task::SentParts(parts, "[")),
                View::Map(parts) => tasks.push(Task::SentPairs(parts, "{\"map\":[")),
                View::Struct(parts) => tasks.push(Task::SentFields(parts, "{")),
                View::Interface { name, id, value } => {
                    write!(out, "{{\"type\":")?;
                    write_string(out, name)?;
                    write!(out, ",\"id\":{},\"value\":", id.0)?;
                    tasks.extend([Task::Text("}"), Task::Sent(value)]);
                }
                simple => write_simple(out, simple)?,
            },
            Task::SentParts(mut parts, before) => {
                write!(out, "{}", if parts.is_empty() && before == "," { "" } else { before })?;
                match parts.next() {
                    Some(part) => tasks.extend([Task::SentParts(parts, ","), Task::Sent(part)]),
                    None => write!(out, "]")?,
                }
            }
            Task::SentPairs(mut parts, before) => {
                write!(out, "{}", if parts.is_empty() && before == "," { "" } else { before })?;
                match (parts.next(), parts.next()) {
                    (Some(key), Some(value)) => {
                        tasks.extend([Task::SentPairs(parts, ","), Task::Text("]"), Task::Sent(value)]);
                        tasks.extend([Task::Text(","), Task::Sent(key), Task::Text("[")]);
                    }
                    _ => write!(out, "]}}")?,
                }
            }
            Task::SentFields(mut parts, before) => {
                write!(out, "{}", if parts.is_empty() && before == "," { "" } else { before })?;
                match parts.next_named() {
                    Some((name, part)) => {
                        serde_json::to_writer(&mut *out, name)?;
                        write!(out, ":")?;
                        tasks.extend([Task::SentFields(parts, ","), Task::Sent(part)]);
                    }
                    None => write!(out, "}}")?,
                }
            }
            Task::Typed(ty, part) => {
                let Some(schema) = schema else { continue };
                write_typed(out, schema, ty, part, &mut tasks)?;
            }
            Task::Elements(elem, mut parts, left, first) => {
                if left > 0 {
                    let part = parts.as_mut().and_then(Iterator::next);
                    tasks.extend([Task::Elements(elem, parts, left - 1, false), Task::Typed(elem, part)]);
                    tasks.push(comma(first));
                }
            }
            Task::Pairs(key, elem, mut parts, first) => {
                if let (Some(k), Some(v)) = (parts.next(), parts.next()) {
                    tasks.extend([
                        Task::Pairs(key, elem, parts, false),
                        Task::Text("]"),
                        Task::Typed(elem, Some(v)),
                    ]);
                    tasks.extend([Task::Text(","), Task::Typed(key, Some(k)), Task::Text("["), comma(first)]);
                }
            }
            Task::Fields(ty, part, number) => {
                let Some(Kind::Struct(fields)) = schema.map(|schema| schema.kind(ty)) else { continue };
                let Some(field) = fields.sent.get(number) else { continue };
                write!(out, "{}", if number == 0 { "" } else { "," })?;
                serde_json::to_writer(&mut *out, &*field.name)?;
                write!(out, ":")?;
                let value = part.and_then(|part| part.field(&field.name));
                tasks.extend([Task::Fields(ty, part, number + 1), Task::Typed(field.ty, value)]);
            }
        }
    }
    Ok(())
}

fn comma<'v>(first: bool) -> Task<'v> {
    Task::Text(if first { "" } else { "," })
}

fn write_typed<'v>(
    out: &mut impl Write,
    schema: &Schema,
    ty: TypeRef,
    part: Option<Part<'v>>,
    tasks: &mut Vec<Task<'v>>,
) -> Result<()> {
    let view = part.map(Part::view).filter(|view| *view != View::Nil);
    let base = schema.base(ty).map(|base| schema.kind(base));
    match (schema.kind(ty), view) {
        // Where nil was sent, it is not the pointer that is nil: those cannot be sent.
        (Kind::Pointer(elem), None)
            if part.is_some() && matches!(base, Some(Kind::Interface | Kind::Map(..))) =>
        {
            write!(out, "{{\"ptr\":")?;
            tasks.extend([Task::Text("}"), Task::Typed(*elem, part)]);
        }
        (Kind::Pointer(_) | Kind::Interface | Kind::Map(..) | Kind::Slice(_) | Kind::Bytes, None) => {
            write!(out, "null")?
        }
        (Kind::Pointer(elem), Some(_)) => {
            write!(out, "{{\"ptr\":")?;
            tasks.extend([Task::Text("}"), Task::Typed(*elem, part)]);
        }
        (Kind::Interface, Some(View::Interface { name, value, .. })) => {
            write!(out, "{{\"type\":")?;
            write_string(out, name)?;
            write!(out, ",\"value\":")?;
            let ty =
                schema.registered(&String::from_utf8_lossy(name)).context("a type that is not registered")?;
            tasks.extend([Task::Text("}"), Task::Typed(ty, Some(value))]);
        }
        (Kind::Struct(_), _) => tasks.extend([Task::Text("}"), Task::Fields(ty, part, 0), Task::Text("{")]),
        (Kind::Array(len, elem), None) => {
            tasks.extend([Task::Text("]"), Task::Elements(*elem, None, *len, true), Task::Text("[")]);
        }
        (Kind::Slice(elem) | Kind::Array(_, elem), Some(View::List(parts))) => {
            let task = Task::Elements(*elem, Some(parts), parts.count() as u64, true);
            tasks.extend([Task::Text("]"), task, Task::Text("[")]);
        }
        (Kind::Map(key, elem), Some(View::Map(parts))) => {
            tasks.extend([Task::Text("]}"), Task::Pairs(*key, *elem, parts, true), Task::Text("{\"map\":[")]);
        }
        (Kind::Bool, None) => write!(out, "false")?,
        (Kind::Int(_) | Kind::Uint(_), None) => write!(out, "\"0\"")?,
        (Kind::Float(_), None) => write_simple(out, View::Float(0.0))?,
        (Kind::Complex(_), None) => write_simple(out, View::Complex(0.0, 0.0))?,
        (Kind::String, None) => write!(out, "\"\"")?,
        (Kind::Opaque(_), None) => {
            write_simple(out, View::Opaque(zero(schema.spell(ty)).unwrap_or_default()))?
        }
        (_, Some(simple)) => write_simple(out, simple)?,
        (_, None) => write!(out, "null")?,
    }
    Ok(())
}

fn write_simple(out: &mut impl Write, view: View<'_>) -> Result<()> {
    match view {
        View::Bool(it) => write!(out, "{it}")?,
        View::Int(it) => write!(out, "\"{it}\"")?,
        View::Uint(it) => write!(out, "\"{it}\"")?,
        View::Float(it) => write!(out, "\"{:016x}\"", it.to_bits())?,
        View::Complex(re, im) => write!(out, "[\"{:016x}\",\"{:016x}\"]", re.to_bits(), im.to_bits())?,
        View::String(it) => write_string(out, it)?,
        View::Bytes(it) => write!(out, "\"{}\"", BASE64.encode(it))?,
        View::Opaque(it) => write!(out, "{{\"opaque\":\"{}\"}}", BASE64.encode(it))?,
        _ => write!(out, "null")?,
    }
    Ok(())
}

/// Go's strings need not be UTF-8, JSON's have to.
fn write_string(out: &mut impl Write, bytes: &[u8]) -> Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::to_writer(out, text)?,
        Err(_) => write!(out, "{{\"b64\":\"{}\"}}", BASE64.encode(bytes))?,
    }
    Ok(())
}
