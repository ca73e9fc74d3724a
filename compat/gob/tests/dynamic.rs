//! Types that are known at run time: how received values go into a schema's types, and how they are sent from them.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use gob::{
    Decoder, Encode, Encoder, ErrorKind, FieldInfo, Fields, Kind, Limits, Reader, Schema, StructWriter,
    TypeId, ValueBuilder, View, Width, Writer,
};

fn stream(schema: &Schema, build: impl FnOnce(&mut ValueBuilder)) -> Vec<u8> {
    let (mut value, mut out) = (ValueBuilder::new(), Vec::new());
    build(&mut value);
    Encoder::new().value(schema, schema.root(), &value.finish().unwrap(), &mut out).unwrap();
    out
}

/// Two types of the sender may stand for one type of the receiver.
#[test]
fn fields_of_one_type_here_may_be_of_two_types_there() {
    let there = Schema::build(|types| {
        let int = types.int();
        let (one, two) = (
            types.structure("P1", [("X", int), ("Y", int)]),
            types.structure("P2", [("Y", int), ("X", int)]),
        );
        let (one, two) = (types.slice(one), types.slice(two));
        types.structure("R", [("A", one), ("B", two)])
    });
    let sent = stream(&there, |value| {
        let record = value.structure("R", ["A", "B"]);
        for field in 0..2 {
            let list = value.field(field).list();
            let point = value.structure("P", ["X", "Y"]);
            value.field(0).int(1);
            value.field(1).int(2);
            value.end(point);
            value.end(list);
        }
        value.end(record);
    });
    let here = Schema::build(|types| {
        let int = types.int();
        let point = types.structure("P", [("X", int), ("Y", int)]);
        let points = types.slice(point);
        types.structure("S", [("A", points), ("B", points)])
    });
    let mut reader = Reader::new(&sent[..]);
    let value = reader.next_value().unwrap().unwrap().value_as(&here, here.root()).unwrap();
    for field in ["A", "B"] {
        let View::List(mut points) = value.root().field(field).unwrap().view() else { panic!("no list") };
        let point = points.next().unwrap();
        assert_eq!(point.field("X").unwrap().view(), View::Int(1), "{value:?}");
        assert_eq!(point.field("Y").unwrap().view(), View::Int(2), "{value:?}");
    }
}

/// Go's rule: of two fields at one depth neither counts, even if both are of one struct that is embedded twice.
#[test]
fn a_promoted_field_has_to_be_the_only_one() {
    let sent = stream(
        &Schema::build(|types| {
            let int = types.int();
            types.structure("Flat", [("B", int), ("C", int)])
        }),
        |value| {
            let flat = value.structure("Flat", ["B", "C"]);
            value.field(0).int(1);
            value.field(1).int(2);
            value.end(flat);
        },
    );
    let here = Schema::build(|types| {
        let int = types.int();
        let embed = |name: &str, ty| FieldInfo { name: name.into(), ty, embedded: true };
        let of = |fields| Kind::Struct(Fields { sent: fields, ..Fields::default() });
        let base = types.structure("Base", [("B", int)]);
        let left = types.named("Left", |_, _| of(vec![embed("Base", base)]));
        let right = types.named("Right", |_, _| of(vec![embed("Base", base)]));
        let own = types.structure("Own", [("C", int)]);
        types.named("R", |_, _| of(vec![embed("Left", left), embed("Right", right), embed("Own", own)]))
    });
    let value = Reader::new(&sent[..]).next_value().unwrap().unwrap().value_as(&here, here.root()).unwrap();
    assert_eq!(format!("{value:?}"), "R { Own: Own { C: 2 } }");
}

#[test]
fn a_number_too_large_for_its_type_is_not_sent() {
    let check = |kind: Kind, build: fn(&mut ValueBuilder)| {
        let schema = Schema::build(|types| types.add(kind));
        let (mut value, mut out) = (ValueBuilder::new(), Vec::new());
        build(&mut value);
        let result = Encoder::new().value(&schema, schema.root(), &value.finish().unwrap(), &mut out);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TypeMismatch);
        assert!(out.is_empty());
    };
    check(Kind::Int(Width::Bits(8)), |value| value.int(128));
    check(Kind::Uint(Width::Bits(16)), |value| value.uint(65_536));
    check(Kind::Float(32), |value| value.float(1e300));
    check(Kind::Complex(64), |value| value.complex(0.0, -1e300));
}

#[test]
fn slices_of_bytes_are_bytes() {
    let schema = Schema::build(|types| {
        let byte = types.named("main.Byte", |_, _| Kind::Uint(Width::Bits(8)));
        types.slice(byte)
    });
    assert_eq!(schema.kind(schema.root()), &Kind::Bytes);
}

/// A definition may come with the message after the name (`decoder.go`, decodeTypeSequence).
#[test]
fn a_message_may_end_behind_an_interfaces_name() {
    let stream = b"\x15\xff\x81\x03\x01\x01\x01S\x01\xff\x82\x00\x01\x01\x01\x01I\x01\x10\x00\x00\x00\
                   \x07\xff\x82\x01\x03int\x05\x04\x02\x00\x0e\x00";
    assert_eq!(format!("{:?}", gob::value_from_slice(stream).unwrap()), "S { I: int(7) }");
}

#[test]
fn a_value_that_grows_too_large_costs_itself_alone() {
    let mut limits = Limits::default();
    limits.message = 100;
    let mut decoder = Decoder::with_limits(limits);
    let definition = b"\xff\x81\x03\x01\x01\x01S\x01\xff\x82\x00\x01\x01\x01\x01I\x01\x10\x00\x00\x00";
    assert!(decoder.message(definition).unwrap().is_none());
    assert!(decoder.message(b"\xff\x82\x01\x03int").unwrap().is_none());
    assert_eq!(decoder.message(&[0; 101]).unwrap_err().kind(), ErrorKind::Limit);
    let value = decoder.message(b"\x04\x00\x0e").unwrap().unwrap().value().unwrap();
    assert_eq!(value.root().view(), View::Int(7));
}

struct Holed(u64);

static HOLED: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
    Schema::build(|types| {
        let bytes = types.bytes();
        types.structure("Holed", [("Payload", bytes)])
    })
});

impl Encode for Holed {
    fn schema(&self) -> &Schema {
        &HOLED
    }

    fn encode(&self, fields: &mut StructWriter<'_>) {
        fields.hole(0, self.0);
    }
}

#[test]
fn a_hole_that_nobody_can_fill_is_one_that_no_peer_takes() {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    assert_eq!(encoder.encode(&Holed(u64::MAX), &mut out).unwrap().length, u64::MAX);
    let definition = gob::frame(&out).unwrap().unwrap();
    let error = gob::frame(definition.after(&out)).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::BadLength, "invalid message length"));
}

#[test]
fn a_broken_stream_stays_broken() {
    let mut writer = Writer::new(Vec::new());
    assert_eq!(writer.encode(&Holed(3)).unwrap_err().kind(), ErrorKind::Unsendable);
    assert_eq!(writer.encode(&Holed(0)).unwrap_err().kind(), ErrorKind::Unsendable);
    assert!(writer.get_ref().is_empty());

    struct FailsOnce(bool, Vec<u8>);
    impl std::io::Write for FailsOnce {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match std::mem::replace(&mut self.0, true) {
                false => Err(std::io::Error::other("full")),
                true => self.1.write(bytes),
            }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(FailsOnce(false, Vec::new()));
    assert_eq!(writer.serialize(&7_i64).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(writer.serialize(&7_i64).unwrap_err().to_string(), "full");
    assert!(writer.into_inner().1.is_empty());
}

#[test]
fn what_is_written_is_read() {
    let mut writer = Writer::new(Vec::new());
    for number in [1_i64, -200, i64::MAX] {
        writer.serialize(&number).unwrap();
    }
    writer.serialize("text").unwrap();
    let stream = writer.into_inner();
    let mut reader = Reader::new(&stream[..]);
    let mut values = Vec::new();
    while let Some(value) = reader.next_value().unwrap() {
        values.push(format!("{:?}", value.value().unwrap()));
    }
    assert_eq!(values, ["1", "-200", "9223372036854775807", "\"text\""]);
}

#[test]
fn ids_that_are_gos_own_are_not_given() {
    let schema = Schema::build(|types| types.structure("main.P", []));
    let (mut value, mut out) = (ValueBuilder::new(), Vec::new());
    let empty = value.structure("P", []);
    value.end(empty);
    let value = value.finish().unwrap();
    Encoder::with_first_id(TypeId(3)).value(&schema, schema.root(), &value, &mut out).unwrap();
    let mut reader = Reader::new(&out[..]);
    assert_eq!(reader.next_value().unwrap().unwrap().id(), TypeId(64));
}
