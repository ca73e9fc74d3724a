//! Results, looked up: who is there, and what was measured of whom.

use std::collections::HashMap;

use super::super::results::{Latency, Results};
use super::super::statistics::{medians, ratio};
use super::chart::style::Style;
use super::line::line;
use super::unit::Unit;
use crate::bench::event::size_name;
use crate::bench::statistics::Quartiles;

#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) results: &'a Results,
    /// Numbers of contestants, in the order of columns and legends.
    numbers: HashMap<&'a str, usize>,
    /// Of the invocations that latencies are mostly told of: one at a time, if that was measured.
    pub(crate) concurrency: usize,
}

impl<'a> View<'a> {
    pub(crate) fn of(results: &'a Results) -> View<'a> {
        let declared = results.contestants.iter().map(|contestant| &contestant.name);
        let measured = results.latency.iter().map(|latency| &latency.contestant);
        let others = results.cold_start.iter().map(|samples| &samples.contestant);
        let throughput = results.throughput.iter().map(|throughput| &throughput.contestant);
        let mut numbers = HashMap::new();
        for name in declared.chain(measured).chain(others).chain(throughput) {
            let next = numbers.len();
            numbers.entry(name.as_str()).or_insert(next);
        }
        let concurrency = results.latency.iter().map(|latency| latency.concurrency).min().unwrap_or(1);
        View { results, numbers, concurrency }
    }

    /// A contestant's place in the order of all; after them, who was never named.
    pub(crate) fn number(&self, contestant: &str) -> usize {
        self.numbers.get(contestant).copied().unwrap_or(self.numbers.len())
    }

    pub(crate) fn style(&self, contestant: &str) -> Style {
        Style(self.number(contestant))
    }

    /// Events with their sizes, small ones first.
    pub(crate) fn events(&self) -> Vec<(u64, &'a str)> {
        let mut events: Vec<_> = self.alone().map(|latency| (latency.event_bytes, &*latency.event)).collect();
        events.sort_unstable();
        events.dedup();
        events
    }

    /// An event's size, by the event's name if there is one.
    pub(crate) fn size(&self, bytes: u64) -> String {
        let mut named = self.results.latency.iter().filter(|latency| latency.event_bytes == bytes);
        let Some(first) = named.next() else { return size_name(bytes) };
        if named.all(|other| other.event == first.event) { line(&first.event) } else { size_name(bytes) }
    }

    /// An event's name, or where an older go1x has not told it, its size.
    pub(crate) fn name(&self, event: &str, bytes: u64) -> String {
        if event.is_empty() { self.size(bytes) } else { line(event) }
    }

    /// The latencies that are mostly told of.
    pub(crate) fn alone(&self) -> impl Iterator<Item = &'a Latency> + use<'a> {
        let (results, concurrency) = (self.results, self.concurrency);
        results.latency.iter().filter(move |latency| latency.concurrency == concurrency)
    }

    /// Of one event.
    pub(crate) fn with(&self, event: (u64, &str)) -> impl Iterator<Item = &'a Latency> {
        self.alone().filter(move |latency| (latency.event_bytes, &*latency.event) == event)
    }

    /// A contestant's latency as a part of another's, of the same event at the same concurrency.
    pub(crate) fn latency_ratio(&self, ours: &Latency, rival: &str) -> Option<Quartiles> {
        let all = self.results.latency.iter();
        let same = all.filter(|l| (l.event_bytes, l.concurrency) == (ours.event_bytes, ours.concurrency));
        let rival = same.filter(|l| l.event == ours.event).find(|l| l.contestant == rival)?;
        ratio(&medians(&ours.rounds), &medians(&rival.rounds))
    }

    /// The same as text; nothing for the baseline itself.
    pub(crate) fn to_baseline(&self, ours: &Latency) -> String {
        match self.latency_ratio(ours, &self.results.baseline) {
            Some(ratio) if ours.contestant != self.results.baseline => Unit::Ratio.spread(ratio),
            Some(_) => "1".to_owned(),
            None => String::new(),
        }
    }

    /// The starts of a contestant.
    pub(crate) fn cold_starts(&self, contestant: &str) -> Option<&'a [f64]> {
        let mut all = self.results.cold_start.iter();
        all.find(|samples| samples.contestant == contestant).map(|samples| &*samples.values)
    }
}

/// The median with its quartiles, or nothing.
pub(crate) fn spread(unit: Unit, values: impl IntoIterator<Item = f64>) -> String {
    Quartiles::of(values).map_or_else(String::new, |quartiles| unit.spread(quartiles))
}

/// The median alone, or nothing.
pub(crate) fn median(unit: Unit, values: &[f64]) -> String {
    let quartiles = Quartiles::of(values.iter().copied());
    quartiles.map_or_else(String::new, |quartiles| unit.show(quartiles.median))
}
