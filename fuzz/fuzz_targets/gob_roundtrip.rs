//! What the encoder writes, the decoder reads, whatever the values are; and the dump finds nothing wrong with it.
#![no_main]

use std::sync::LazyLock;

use gob::dump;
use gob::{Decoder, Encode, Encoder, Error, Kind, Reader, Received, Schema, StructWriter};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize, gob::Gob)]
#[serde(rename_all = "PascalCase")]
struct Record {
    flag: bool,
    int: i64,
    uint: u64,
    /// Bits of a float: by serde sent as a number, otherwise as a float.
    float: u64,
    bytes: Vec<u8>,
    text: String,
    point: Point,
    points: Vec<Point>,
}

#[derive(Arbitrary, Debug, Default, Clone, PartialEq, serde::Serialize, serde::Deserialize, gob::Gob)]
#[serde(rename_all = "PascalCase")]
struct Point {
    x: i64,
    y: String,
}

static RECORD: LazyLock<Schema> = LazyLock::new(|| {
    Schema::build(|types| {
        let (flag, int, uint) = (types.add(Kind::Bool), types.int(), types.uint());
        let (float, bytes, text) = (types.float(), types.bytes(), types.string());
        let point = types.structure("Point", [("X", int), ("Y", text)]);
        let points = types.slice(point);
        types.structure(
            "Record",
            [
                ("Flag", flag),
                ("Int", int),
                ("Uint", uint),
                ("Float", float),
                ("Bytes", bytes),
                ("Text", text),
                ("Point", point),
                ("Points", points),
            ],
        )
    })
});

impl Encode for Record {
    fn schema(&self) -> &Schema {
        &RECORD
    }

    fn encode(&self, out: &mut StructWriter<'_>) {
        out.bool(0, self.flag);
        out.int(1, self.int);
        out.uint(2, self.uint);
        out.float(3, f64::from_bits(self.float));
        out.bytes(4, &self.bytes);
        out.bytes(5, self.text.as_bytes());
        out.structure(6, |out| self.point.write(out));
        out.slice(7, self.points.len(), |out| {
            for point in &self.points {
                out.structure(|out| point.write(out));
            }
        });
    }
}

impl Point {
    fn write(&self, out: &mut StructWriter<'_>) {
        out.int(0, self.x);
        out.bytes(1, self.y.as_bytes());
    }

    fn read(field: gob::Field<'_, '_>) -> Result<Point, Error> {
        let mut point = Point::default();
        field.structure(|name, field| {
            match name {
                "X" => point.x = field.int()?,
                "Y" => point.y = field.string()?,
                _ => panic!("{name}"),
            }
            Ok(())
        })?;
        Ok(point)
    }
}

fuzz_target!(|records: Vec<Record>| {
    let mut stream = Vec::new();
    let mut encoder = Encoder::new();
    for record in &records {
        encoder.encode(record, &mut stream);
    }
    let (mut decoder, mut rest, mut found) = (Decoder::new(), &stream[..], Vec::new());
    while let Some(frame) = gob::frame(rest).expect("a stream of ours") {
        if let Some(value) = decoder.message(frame.message(rest)).expect("a message of ours") {
            found.push(read(value).expect("a value of ours"));
        }
        rest = frame.after(rest);
    }
    by_serde(&records);
    as_values(&stream);
    // A zero is not sent, nor is its sign.
    let sent = |record: Record| match record.float << 1 {
        0 => Record { float: 0, ..record },
        _ => record,
    };
    assert_eq!(found, records.into_iter().map(sent).collect::<Vec<_>>());
    dump::json(&stream, &mut Vec::new()).expect("memory takes everything").expect("a stream of ours");
});

/// Ordinary Rust types come back as they were.
fn by_serde(records: &Vec<Record>) {
    let stream = gob::to_vec(records).expect("records can be sent");
    assert_eq!(&gob::from_slice::<Vec<Record>>(&stream).expect("a stream of ours"), records);
}

/// Values of any type are sent again as the same bytes.
fn as_values(stream: &[u8]) {
    let (mut reader, mut encoder, mut again) = (Reader::new(stream), Encoder::new(), Vec::new());
    while let Some(received) = reader.next_value().expect("a stream of ours") {
        let value = received.value_as(&RECORD, RECORD.root()).expect("a value of ours");
        encoder.value(&RECORD, RECORD.root(), &value, &mut again).expect("it was sent before");
    }
    assert_eq!(again, stream);
}

fn read(value: Received<'_>) -> Result<Record, Error> {
    let mut record = Record::default();
    value.structure(|name, field| {
        match name {
            "Flag" => record.flag = field.bool()?,
            "Int" => record.int = field.int()?,
            "Uint" => record.uint = field.uint()?,
            "Float" => record.float = field.float()?.to_bits(),
            "Bytes" => record.bytes = field.bytes()?.to_vec(),
            "Text" => record.text = field.string()?,
            "Point" => record.point = Point::read(field)?,
            "Points" => {
                return field.list(|field| {
                    record.points.push(Point::read(field)?);
                    Ok(())
                });
            }
            _ => panic!("{name}"),
        }
        Ok(())
    })?;
    Ok(record)
}
