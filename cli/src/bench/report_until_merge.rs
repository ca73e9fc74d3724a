//! A stand-in for the reports: `results.json`, and medians as text. The reports proper take its place.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::results::Results;
use crate::error::Error;

/// Where the results go.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// A folder for all reports and the raw data.
    pub(crate) folder: Option<PathBuf>,
    /// On stdout: JSON in place of text.
    pub(crate) json: bool,
    /// Results of an earlier run, to be compared with.
    pub(crate) baseline: Option<PathBuf>,
}

pub(crate) fn write(results: &Results, outputs: &Outputs) -> Result<(), Error> {
    let json = serde_json::to_string(results).map_err(Error::failed)?;
    if let Some(folder) = &outputs.folder {
        let cannot = |path: &Path, error: io::Error| {
            Error::input(format_args!("{} cannot be written: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
        let path = folder.join("results.json");
        fs::write(&path, &json).map_err(|error| cannot(&path, error))?;
    }
    let mut out = io::stdout().lock();
    if outputs.json {
        writeln!(out, "{json}")?;
        return Ok(());
    }
    for latency in &results.latency {
        let base = results.latency.iter().find(|other| {
            other.contestant == results.baseline
                && other.event == latency.event
                && other.concurrency == latency.concurrency
        });
        let own = median(latency.rounds.iter().flatten().copied().collect());
        let base = base.map_or(f64::NAN, |base| median(base.rounds.iter().flatten().copied().collect()));
        writeln!(
            out,
            "{:>10} x{:<3} {:16} {own:9.1} µs  {:6.3}  CPU {:8.1}  n {}",
            latency.event,
            latency.concurrency,
            latency.contestant,
            own / base,
            median(latency.cpu.clone()),
            latency.rounds.iter().map(Vec::len).sum::<usize>()
        )?;
    }
    for samples in &results.cold_start {
        writeln!(out, "cold start {:16} {:9.1} µs", samples.contestant, median(samples.values.clone()))?;
    }
    for one in &results.throughput {
        writeln!(
            out,
            "throughput x{:<3} {:16} {:9.0}/s CPU {:8.1} PSS {} KiB",
            one.concurrency,
            one.contestant,
            median(one.per_second.clone()),
            median(one.cpu.clone()),
            one.pss_bytes >> 10
        )?;
    }
    for memory in &results.memory {
        writeln!(
            out,
            "PSS {:>8} {:16} {} KiB, first process {} KiB",
            memory.event_bytes,
            memory.contestant,
            memory.pss_bytes >> 10,
            memory.own_pss_bytes >> 10
        )?;
    }
    for calls in &results.system_calls {
        let total: f64 = calls.calls.iter().map(|(_, calls)| calls).sum();
        writeln!(out, "calls {:>8} {:16} {total:.2} {:?}", calls.event_bytes, calls.contestant, calls.calls)?;
    }
    for stages in &results.stages {
        writeln!(out, "stages {:>8} {:16} {:?}", stages.event_bytes, stages.contestant, stages.stages)?;
    }
    for endurance in &results.endurance {
        writeln!(out, "{} over {}: {:?}", endurance.contestant, endurance.over, endurance.points)?;
    }
    for contestant in &results.contestants {
        writeln!(
            out,
            "{:16} {} B, zip {} B",
            contestant.name, contestant.program_bytes, contestant.zip_bytes
        )?;
    }
    for note in &results.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(out, "{:?} {:.1} s complete {}", results.machine, results.seconds, results.complete)?;
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
