//! Two runs compared: what got slower, by how much, and whether that can be chance.
//!
//! Who is not the baseline is judged by its ratio to it, round by round: a machine that is slower today slows both. The
//! baseline itself is judged only if it is alone, by its times. Times of another machine say nothing.

use std::collections::{BTreeSet, HashMap};

use super::super::event::size_name;
use super::super::results::Results;
use super::super::statistics::{Quartiles, medians};
use super::line::line;
use super::rank_sum::Difference;
use super::unit::Unit;
use crate::error::Error;

/// A smaller difference is not worth a word, however certain it is.
pub(crate) const SIZE: f64 = 0.05;
/// How likely a false alarm may be, in all of the comparison.
const CHANCE: f64 = 0.05;

#[derive(Debug)]
pub(crate) struct Comparison {
    /// When the earlier run was.
    pub(crate) earlier: String,
    pub(crate) baseline: String,
    /// In the order of the new run.
    pub(crate) changes: Vec<Change>,
    /// What makes the runs hard to compare.
    pub(crate) notes: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) contestant: String,
    pub(crate) what: String,
    /// Medians, in microseconds.
    pub(crate) before: f64,
    pub(crate) now: f64,
    /// Of what is judged.
    pub(crate) difference: Option<Difference>,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Slower,
    Faster,
    Same,
    /// So many rounds cannot tell.
    TooFew,
    /// The baseline: what the others are measured by.
    Yardstick,
    /// Times without a yardstick, on another processor.
    Elsewhere,
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Verdict::Slower => "slower",
            Verdict::Faster => "faster",
            Verdict::Same => "no change",
            Verdict::TooFew => "too few rounds",
            Verdict::Yardstick => "yardstick",
            Verdict::Elsewhere => "another machine",
        }
    }
}

impl Comparison {
    pub(crate) fn of(earlier: &Results, now: &Results) -> Comparison {
        // An echo and a handler that works have nothing in common, whatever they are called.
        let before = if earlier.echo == now.echo { Figures::of(earlier) } else { Figures::default() };
        let after = Figures::of(now);
        let same_baseline = earlier.baseline == now.baseline;
        let same_processor = earlier.machine.cpu == now.machine.cpu;
        let mut measured_of: HashMap<&str, usize> = HashMap::new();
        for (_, what) in &after.order {
            *measured_of.entry(what).or_default() += 1;
        }
        let (mut changes, mut others) = (Vec::new(), BTreeSet::new());
        for (contestant, what) in &after.order {
            let Some(old) = before.values(contestant, what) else { continue };
            let Some(new) = after.values(contestant, what) else { continue };
            if let Some(other) = after.other_event(&before, contestant, what) {
                others.insert(other);
                continue;
            }
            let yardsticks = before.values(&now.baseline, what).zip(after.values(&now.baseline, what));
            let yardsticks = yardsticks.filter(|_| same_baseline);
            let is_baseline = *contestant == now.baseline;
            let is_alone = measured_of.get(what.as_str()) == Some(&1);
            let (difference, verdict) = match yardsticks {
                Some((old_base, new_base)) if !is_baseline => {
                    (Difference::between(&divided(old, old_base), &divided(new, new_base)), Verdict::Same)
                }
                _ => (
                    Difference::between(old, new),
                    match (is_baseline && same_baseline && !is_alone, same_processor) {
                        (true, _) => Verdict::Yardstick,
                        (false, true) => Verdict::Same,
                        (false, false) => Verdict::Elsewhere,
                    },
                ),
            };
            let median =
                |values: &[f64]| Quartiles::of(values.iter().copied()).map_or(f64::NAN, |q| q.median);
            changes.push(Change {
                contestant: line(contestant),
                what: what.clone(),
                before: median(old),
                now: median(new),
                difference,
                verdict,
            });
        }
        judge(&mut changes);
        let mut notes = notes(earlier, now);
        let otherwise = measured_otherwise(earlier, now);
        let moved: Vec<String> = changes.iter().filter_map(moved).collect();
        if !moved.is_empty() {
            notes.push(format!(
                "The baseline itself is not what it was: {}. {}.",
                listed(&moved),
                match otherwise.is_empty() {
                    true => "The machine has changed, or what all contestants share",
                    false => "It was measured otherwise, which alone may be why",
                }
            ));
        }
        notes.extend(otherwise);
        if earlier.echo != now.echo {
            let handler = |results: &Results| if results.echo { "the echo" } else { "one of the user's" };
            notes.push(format!("Not the same handler: {} before, {} now.", handler(earlier), handler(now)));
        }
        if !others.is_empty() {
            let others: Vec<String> = others.into_iter().collect();
            notes.push(format!("Not compared, as the events are others: {}.", listed(&others)));
        }
        let lost = before.order.iter().filter(|(name, what)| after.values(name, what).is_none());
        let lost: Vec<String> = lost.map(|(name, what)| format!("{} ({what})", line(name))).collect();
        if !lost.is_empty() {
            notes.push(format!("Not in this run, but in the earlier one: {}.", listed(&lost)));
        }
        Comparison { earlier: line(&earlier.started), baseline: line(&now.baseline), changes, notes }
    }

    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.changes.iter().filter(|change| change.verdict == verdict).count()
    }

    /// Whether there is anything that could have become slower.
    pub(crate) fn is_any_judged(&self) -> bool {
        self.changes.iter().any(Change::is_judged)
    }

    /// An error if something got slower, or nothing could be seen to.
    pub(crate) fn verdict(&self) -> Result<(), Error> {
        if !self.is_any_judged() {
            return Err(Error::input(format!(
                "nothing in this run can be compared with the run of {}: {}",
                self.earlier,
                if self.notes.is_empty() {
                    "they measured different things".to_owned()
                } else {
                    self.notes.join(" ")
                }
            ))
            .with_help("measure both with the same flags, on the same machine"));
        }
        let slower = self.changes.iter().filter(|change| change.verdict == Verdict::Slower);
        let slower: Vec<String> = slower
            .filter_map(|change| {
                let ratio = Unit::Ratio.show(change.difference?.ratio);
                Some(format!("\n  {}: {}, {ratio} × what it was", change.contestant, change.what))
            })
            .collect();
        if slower.is_empty() {
            return Ok(());
        }
        Err(Error::failed(format!("slower than in the run of {}:{}", self.earlier, slower.concat()))
            .with_help("measure both again, by turns, before believing it"))
    }
}

impl Change {
    fn is_judged(&self) -> bool {
        self.difference.is_some() && !matches!(self.verdict, Verdict::Yardstick | Verdict::Elsewhere)
    }
}

/// Says what is more than chance: the surest first, each among as many as are left (Holm).
fn judge(changes: &mut [Change]) {
    let mut judged: Vec<(&mut Change, Difference)> = changes
        .iter_mut()
        .filter(|change| change.is_judged())
        .filter_map(|change| change.difference.map(|difference| (change, difference)))
        .collect();
    judged.sort_by(|(_, a), (_, b)| a.p.total_cmp(&b.p));
    let all = judged.len();
    let mut is_certain = true;
    for (at, (change, difference)) in judged.iter_mut().enumerate() {
        is_certain &= difference.p * (all - at) as f64 <= CHANCE;
        change.verdict = match (is_large(difference), is_certain) {
            (true, true) if difference.ratio > 1.0 => Verdict::Slower,
            (true, true) => Verdict::Faster,
            (true, false) if difference.least_p * all as f64 > CHANCE => Verdict::TooFew,
            _ => Verdict::Same,
        };
    }
}

/// A yardstick that is longer or shorter than before.
fn moved(Change { what, difference, verdict, .. }: &Change) -> Option<String> {
    let difference = (*difference)?;
    let is_moved = *verdict == Verdict::Yardstick && is_large(&difference) && difference.p <= CHANCE;
    is_moved.then(|| format!("{what} {} ×", Unit::Ratio.show(difference.ratio)))
}

fn is_large(difference: &Difference) -> bool {
    !(1.0 / (1.0 + SIZE)..=1.0 + SIZE).contains(&difference.ratio)
}

/// One value a round (or a start) of everything that is a time.
#[derive(Default)]
struct Figures {
    order: Vec<(String, String)>,
    values: HashMap<(String, String), Vec<f64>>,
    /// Of what each is, by name and size; none where that is not known.
    events: HashMap<(String, String), (String, u64)>,
}

impl Figures {
    fn of(results: &Results) -> Figures {
        let mut figures = Figures::default();
        for latency in &results.latency {
            let event = named(&latency.event, latency.concurrency);
            let sent = (&*latency.event, latency.event_bytes);
            figures.add(&latency.contestant, format!("latency, {event}"), sent, medians(&latency.rounds));
            figures.add(&latency.contestant, format!("CPU, {event}"), sent, latency.cpu.clone());
        }
        for starts in &results.cold_start {
            let sent = (&*starts.event, starts.event_bytes);
            figures.add(&starts.contestant, "cold start".to_owned(), sent, starts.values.clone());
        }
        for throughput in &results.throughput {
            let event = named(&size_name(throughput.event_bytes), throughput.concurrency);
            // As a time, so that more is worse everywhere.
            let each = throughput.per_second.iter().map(|rate| 1e6 / rate).collect();
            figures.add(&throughput.contestant, format!("full load, {event}"), ("", 0), each);
        }
        figures
    }

    fn add(&mut self, contestant: &str, what: String, (event, bytes): (&str, u64), values: Vec<f64>) {
        if values.iter().any(|value| value.is_finite() && *value > 0.0) {
            let key = (contestant.to_owned(), what);
            if !event.is_empty() {
                self.events.insert(key.clone(), (event.to_owned(), bytes));
            }
            if self.values.insert(key.clone(), values).is_none() {
                self.order.push(key);
            }
        }
    }

    fn values(&self, contestant: &str, what: &str) -> Option<&[f64]> {
        self.values.get(&(contestant.to_owned(), what.to_owned())).map(Vec::as_slice)
    }

    /// What was sent before and is sent now, if that is not the same: then neither are the times of it.
    fn other_event(&self, before: &Figures, contestant: &str, what: &str) -> Option<String> {
        let key = (contestant.to_owned(), what.to_owned());
        let (old, new) = (before.events.get(&key)?, self.events.get(&key)?);
        let told = |(event, bytes): &(String, u64)| match size_name(*bytes) {
            size if size == *event => size,
            size => format!("{} of {size}", line(event)),
        };
        (old != new).then(|| format!("{what} ({} before, {} now)", told(old), told(new)))
    }
}

fn named(event: &str, concurrency: usize) -> String {
    match concurrency {
        1 => line(event),
        several => format!("{}, {several} at a time", line(event)),
    }
}

fn divided(values: &[f64], by: &[f64]) -> Vec<f64> {
    values.iter().zip(by).map(|(value, by)| value / by).collect()
}

fn notes(earlier: &Results, now: &Results) -> Vec<String> {
    let (before, after) = (&earlier.machine, &now.machine);
    let mut notes = Vec::new();
    for (what, before, after) in [
        ("processor", &before.cpu, &after.cpu),
        ("kernel", &before.kernel, &after.kernel),
        ("processors used", &before.cpus_allowed, &after.cpus_allowed),
        ("congestion control", &before.congestion_control, &after.congestion_control),
        ("baseline", &earlier.baseline, &now.baseline),
    ] {
        if before != after {
            notes.push(format!("Not the same {what}: {} before, {} now.", line(before), line(after)));
        }
    }
    let versions =
        |results: &Results| results.machine.versions.clone().into_iter().collect::<HashMap<_, _>>();
    let (old, new) = (versions(earlier), versions(now));
    let mut changed: Vec<String> = new
        .iter()
        .filter_map(|(tool, new)| Some((tool, old.get(tool)?, new)))
        .filter(|(_, old, new)| old != new)
        .map(|(tool, old, new)| format!("{} {} → {}", line(tool), line(old), line(new)))
        .collect();
    changed.sort_unstable();
    if !changed.is_empty() {
        notes.push(format!("Versions: {}.", listed(&changed)));
    }
    for (results, which) in [(earlier, "earlier"), (now, "new")] {
        if !results.complete {
            notes.push(format!("The {which} run was ended early."));
        }
    }
    notes
}

/// Who else took turns, and how long they were: a call after a pause takes longer than one after another.
fn measured_otherwise(earlier: &Results, now: &Results) -> Vec<String> {
    let mut notes = Vec::new();
    let names = |results: &Results| -> BTreeSet<String> {
        results.contestants.iter().map(|contestant| line(&contestant.name)).collect()
    };
    let (before, after) = (names(earlier), names(now));
    if before != after {
        let list = |names: BTreeSet<String>| listed(&names.into_iter().collect::<Vec<_>>());
        notes.push(format!("Not the same contestants: {} before, {} now.", list(before), list(after)));
    }
    let before: HashMap<&str, usize> = earlier.calls_a_turn().into_iter().collect();
    let changed = |(event, now): &(&str, usize)| {
        let before = *before.get(event)?;
        let is_other = before.abs_diff(*now) as f64 > CALLS_PART * before as f64;
        is_other.then(|| format!("{} {before} → {now}", line(event)))
    };
    let changed: Vec<String> = now.calls_a_turn().iter().filter_map(changed).collect();
    if !changed.is_empty() {
        notes.push(format!("Not as many calls a turn: {}.", listed(&changed)));
    }
    notes
}

/// Turns may differ by this part; they always do by a little.
const CALLS_PART: f64 = 0.25;

/// The first few, by name.
pub(crate) fn listed(all: &[String]) -> String {
    const NAMED: usize = 8;
    let named = all[..all.len().min(NAMED)].join("; ");
    if all.len() > NAMED { format!("{named}; and {} more", all.len() - NAMED) } else { named }
}
