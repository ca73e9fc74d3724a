//! `results.json`: all that was measured, written and read again.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write};
use std::path::Path;

use serde::Deserialize;

use super::super::results::{FORMAT, Results};
use crate::error::Error;

/// No run is as large, and what is read is held in memory.
const LIMIT: u64 = 1 << 30;

const WHERE: &str = "results are in results.json, in the folder of --report";

#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// What is no number (an infinity, 0 ÷ 0) has no place in JSON: the lists are written without it.
pub(crate) fn print(results: &Results, out: &mut dyn Write) -> io::Result<()> {
    let mut results = results.clone();
    finite(&mut results);
    serde_json::to_writer(&mut *out, &results)?;
    writeln!(out)
}

pub(crate) fn read(path: &Path) -> Result<Results, Error> {
    let name = path.display();
    let cannot = |error: io::Error| Error::input(format!("cannot read {name}: {error}")).with_help(WHERE);
    let mut text = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    BufReader::new(file).take(LIMIT + 1).read_to_end(&mut text).map_err(cannot)?;
    if text.len() as u64 > LIMIT {
        return Err(Error::input(format!("{name} is larger than {LIMIT} bytes: no results of `go1x bench`"))
            .with_help(WHERE));
    }
    let foreign = |error: serde_json::Error| {
        Error::input(format!("{name} has no results of `go1x bench`: {error}")).with_help(WHERE)
    };
    let head: Head = serde_json::from_slice(&text).map_err(foreign)?;
    if head.format > FORMAT {
        let theirs = head.format;
        return Err(Error::input(format!("{name} has format {theirs}, and this go1x reads up to {FORMAT}"))
            .with_help("a newer go1x wrote it, and can read it"));
    }
    serde_json::from_slice(&text).map_err(foreign)
}

fn finite(results: &mut Results) {
    let list = |values: &mut Vec<f64>| values.retain(|value| value.is_finite());
    let number = |value: &mut f64| *value = if value.is_finite() { *value } else { 0.0 };
    number(&mut results.seconds);
    number(&mut results.machine.load_before);
    number(&mut results.machine.load_after);
    for latency in &mut results.latency {
        latency.rounds.iter_mut().for_each(list);
        list(&mut latency.cpu);
    }
    results.cold_start.iter_mut().for_each(|samples| list(&mut samples.values));
    for throughput in &mut results.throughput {
        list(&mut throughput.per_second);
        list(&mut throughput.cpu);
    }
    for counted in &mut results.system_calls {
        counted.calls.retain(|(_, calls)| calls.is_finite());
    }
    for stages in &mut results.stages {
        stages.stages.retain(|(_, median)| median.is_finite());
    }
    for endurance in &mut results.endurance {
        endurance.points.retain(|point| point.at.is_finite());
        for point in &mut endurance.points {
            number(&mut point.median);
            number(&mut point.cpu);
            list(&mut point.values);
        }
    }
}
