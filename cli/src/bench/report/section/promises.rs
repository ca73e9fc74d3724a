//! What was promised, and what came out.

use super::super::promise::{Measure, PROMISES, Promise};
use super::super::table::{Kind, Table};
use super::super::unit::{Unit, digits};
use super::super::view::View;
use super::Section;
use crate::bench::event::{EVENT_LIMIT, size_name};
use crate::bench::results::{Latency, Memory};
use crate::bench::statistics::{Quartiles, ratio};

/// None for a handler of the user's own, which does something: its time is not that of what stands around it.
pub(super) fn section(view: &View<'_>) -> Option<Section> {
    if !view.results.echo {
        return None;
    }
    let columns = [
        ("contestant", Kind::Name),
        ("against", Kind::Name),
        ("what", Kind::Words),
        ("at most", Kind::Number),
        ("measured [quartiles]", Kind::Number),
        ("verdict", Kind::Verdict),
    ];
    let mut table = Table::new("Promises", &columns);
    let mut is_any_measured = false;
    for promise in PROMISES {
        let unit = if promise.rival.is_some() { Unit::Ratio } else { Unit::Bytes };
        let measured = measured(view, &promise);
        is_any_measured |= measured.is_some();
        let verdict = match measured {
            Some(_) if !view.results.optimised || has_few(view, &promise) => "not judged",
            Some(measured) if measured.median <= promise.limit => "reached",
            Some(_) => "not reached",
            None => "–",
        };
        let limit = match promise.rival {
            Some(_) => format!("{} ×", digits(promise.limit)),
            None => unit.show(promise.limit),
        };
        table.row([
            promise.contestant.to_owned(),
            promise.rival.unwrap_or("–").to_owned(),
            words(&promise),
            limit,
            measured.map_or_else(|| "not measured".to_owned(), |measured| unit.spread(measured)),
            verdict.to_owned(),
        ]);
    }
    let words = vec![
        "What go1x is built to reach, with an echo: the contestant's part of the other's, at most. Measured are \
         medians of the ratios within each round, on this machine; the median decides, if there are ten rounds and \
         go1x was built with optimisation. Time is latency, one invocation at a time; a cold start is one to an event \
         of 16 KiB at most; own PSS is the memory of the first process, where it is most, and 6 MiB is among the \
         sizes."
            .to_owned(),
    ];
    is_any_measured.then(|| Section {
        id: "promises",
        title: "Promised and measured".to_owned(),
        words,
        tables: vec![table],
        figures: Vec::new(),
        is_detail: false,
    })
}

fn words(promise: &Promise) -> String {
    match promise.measure {
        Measure::Latency(bytes) => format!("time, {}", size_name(bytes)),
        Measure::Cpu(bytes) => format!("CPU, {}", size_name(bytes)),
        Measure::ColdStart => "cold start".to_owned(),
        Measure::OwnMemory => "own PSS".to_owned(),
    }
}

fn measured(view: &View<'_>, Promise { contestant, rival, measure, .. }: &Promise) -> Option<Quartiles> {
    match measure {
        Measure::Latency(bytes) => view.latency_ratio(latency(view, contestant, *bytes)?, (*rival)?),
        Measure::Cpu(bytes) => {
            let ours = latency(view, contestant, *bytes)?;
            ratio(&ours.cpu, &latency(view, (*rival)?, ours.event_bytes)?.cpu)
        }
        Measure::ColdStart => ratio(starts(view, contestant)?, starts(view, (*rival)?)?),
        Measure::OwnMemory => {
            largest(view, contestant)?;
            let of_it = own(view, contestant).filter_map(Quartiles::of);
            of_it.max_by(|one, other| one.median.total_cmp(&other.median))
        }
    }
}

/// Whether too few rounds or starts were measured to say anything by their median.
fn has_few(view: &View<'_>, promise: &Promise) -> bool {
    let contestant = promise.contestant;
    let values = match promise.measure {
        Measure::Latency(bytes) => latency(view, contestant, bytes).map(|latency| latency.rounds.len()),
        Measure::Cpu(bytes) => latency(view, contestant, bytes).map(|latency| latency.cpu.len()),
        Measure::ColdStart => starts(view, contestant).map(<[f64]>::len),
        Measure::OwnMemory => own(view, contestant).map(|readings| readings.len()).min(),
    };
    values.is_some_and(|values| values < ENOUGH)
}

/// Cold starts, unless it is their event that takes the time.
fn starts<'a>(view: &View<'a>, contestant: &str) -> Option<&'a [f64]> {
    let mut of_it = view.results.cold_start.iter().filter(|starts| starts.contestant == contestant);
    of_it.find(|starts| starts.event_bytes <= SMALL).map(|starts| &*starts.values)
}

/// The first process's memory, of each event: readings.
fn own<'a>(view: &View<'a>, contestant: &'a str) -> impl Iterator<Item = Vec<f64>> {
    let of_it = view.results.memory.iter().filter(move |memory| memory.contestant == contestant);
    of_it.filter(|memory| memory.own_pss_bytes > 0).map(|memory| match &memory.readings[..] {
        [] => vec![memory.own_pss_bytes as f64],
        readings => readings.iter().map(|(_, own)| *own as f64).collect(),
    })
}

/// What holds at any size is seen with the largest event that there is.
fn largest<'a>(view: &View<'a>, contestant: &str) -> Option<&'a Memory> {
    let mut of_it = view.results.memory.iter().filter(|memory| memory.contestant == contestant);
    of_it.find(|memory| memory.event_bytes == EVENT_LIMIT as u64)
}

/// An event of so many bytes takes no part of a start that could be seen.
const SMALL: u64 = 16 << 10;

/// Rounds, starts, or readings.
const ENOUGH: usize = 10;

/// That of the event that comes closest: 10 kB will do for 10 KiB, a tenth less will not. With several invocations at a
/// time it has the waiting in it, which nothing is promised of.
fn latency<'a>(view: &View<'a>, contestant: &str, bytes: u64) -> Option<&'a Latency> {
    let off = |latency: &&Latency| latency.event_bytes.abs_diff(bytes);
    let alone = view.results.latency.iter().filter(|latency| latency.concurrency == 1);
    let close = alone.filter(|latency| off(latency) < bytes / 10);
    close.filter(|latency| latency.contestant == contestant).min_by_key(off)
}
