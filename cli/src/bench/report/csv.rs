//! Raw data as CSV: a row for each single value.

use std::io::Write;

use csv::{Error, Terminator, Writer, WriterBuilder};

use super::super::results::Results;

const COLUMNS: [&str; 9] =
    ["what", "contestant", "event", "event_bytes", "concurrency", "round", "sample", "value", "unit"];

/// The columns that say of what a value is.
#[derive(Clone, Copy, Default)]
struct Of<'a> {
    what: &'a str,
    contestant: &'a str,
    event: &'a str,
    event_bytes: Option<u64>,
    concurrency: Option<usize>,
    unit: &'a str,
}

pub(crate) fn write(results: &Results, out: impl Write) -> Result<(), Error> {
    let mut rows = Rows(WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out));
    rows.0.write_record(COLUMNS)?;
    for cell in &results.latency {
        let of = Of {
            what: "latency",
            contestant: &cell.contestant,
            event: &cell.event,
            event_bytes: Some(cell.event_bytes),
            concurrency: Some(cell.concurrency),
            unit: "us",
        };
        for (round, values) in cell.rounds.iter().enumerate() {
            for (sample, value) in values.iter().enumerate() {
                rows.add(of, Some(round), Some(sample), *value)?;
            }
        }
        rows.rounds(Of { what: "cpu", ..of }, &cell.cpu)?;
    }
    for starts in &results.cold_start {
        let of = Of {
            what: "cold_start",
            contestant: &starts.contestant,
            event: &starts.event,
            event_bytes: (!starts.event.is_empty()).then_some(starts.event_bytes),
            unit: "us",
            ..Of::default()
        };
        rows.rounds(of, &starts.values)?;
    }
    for cell in &results.throughput {
        let of = Of {
            what: "throughput",
            contestant: &cell.contestant,
            event_bytes: Some(cell.event_bytes),
            concurrency: Some(cell.concurrency),
            unit: "1/s",
            ..Of::default()
        };
        rows.rounds(of, &cell.per_second)?;
        rows.rounds(Of { what: "throughput_cpu", unit: "us", ..of }, &cell.cpu)?;
        if cell.pss_bytes > 0 {
            rows.add(Of { what: "throughput_pss", unit: "B", ..of }, None, None, cell.pss_bytes as f64)?;
        }
    }
    for cell in &results.memory {
        let of = Of {
            contestant: &cell.contestant,
            event: &cell.event,
            event_bytes: Some(cell.event_bytes),
            unit: "B",
            ..Of::default()
        };
        let readings = match &cell.readings[..] {
            [] => &[(cell.pss_bytes, cell.own_pss_bytes)],
            readings => readings,
        };
        for (reading, (all, own)) in readings.iter().enumerate() {
            rows.add(Of { what: "pss", ..of }, None, Some(reading), *all as f64)?;
            rows.add(Of { what: "own_pss", ..of }, None, Some(reading), *own as f64)?;
        }
    }
    for counted in &results.system_calls {
        for (name, calls) in &counted.calls {
            let what = format!("system_calls {name}");
            let of = Of {
                what: &what,
                contestant: &counted.contestant,
                event: &counted.event,
                event_bytes: Some(counted.event_bytes),
                unit: "1",
                ..Of::default()
            };
            rows.add(of, None, None, *calls)?;
        }
    }
    for stages in &results.stages {
        for (name, median) in &stages.stages {
            let what = format!("stage {name}");
            let of = Of {
                what: &what,
                contestant: &stages.contestant,
                event: &stages.event,
                event_bytes: Some(stages.event_bytes),
                unit: "us",
                ..Of::default()
            };
            rows.add(of, None, None, *median)?;
        }
    }
    for endurance in &results.endurance {
        for point in &endurance.points {
            for (kind, value, unit) in [
                ("latency", point.median, "us"),
                ("cpu", point.cpu, "us"),
                ("pss", point.pss_bytes as f64, "B"),
            ] {
                let what = format!("{kind} after {} {}", point.at, endurance.over);
                let of = Of { what: &what, contestant: &endurance.contestant, unit, ..Of::default() };
                rows.add(of, None, None, value)?;
            }
            let what = format!("values after {} {}", point.at, endurance.over);
            let of = Of { what: &what, contestant: &endurance.contestant, unit: "us", ..Of::default() };
            rows.rounds(of, &point.values)?;
        }
    }
    rows.0.flush().map_err(Error::from)
}

struct Rows<W: Write>(Writer<W>);

impl<W: Write> Rows<W> {
    fn rounds(&mut self, of: Of<'_>, values: &[f64]) -> Result<(), Error> {
        values.iter().enumerate().try_for_each(|(round, value)| self.add(of, Some(round), None, *value))
    }

    fn add(
        &mut self,
        of: Of<'_>,
        round: Option<usize>,
        sample: Option<usize>,
        value: f64,
    ) -> Result<(), Error> {
        let number = |number: Option<usize>| number.map_or_else(String::new, |number| number.to_string());
        self.0.write_record([
            harmless(of.what),
            harmless(of.contestant),
            harmless(of.event),
            of.event_bytes.map_or_else(String::new, |bytes| bytes.to_string()),
            number(of.concurrency),
            number(round),
            number(sample),
            value.to_string(),
            of.unit.to_owned(),
        ])
    }
}

/// A spreadsheet takes what begins like this for a formula, and runs it; behind an apostrophe it is text.
fn harmless(text: &str) -> String {
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}
