//! How latency, CPU time and memory grow with the event; or with one size of events, what memory is held.

use std::collections::BTreeSet;

use super::super::chart::ScaleKind;
use super::super::chart::lines::Axis;
use super::super::table::{Kind, Table};
use super::super::unit::Unit;
use super::super::view::{View, median, spread};
use super::{Curves, Section, bare, point};
use crate::bench::results::Memory;

/// None if events had one size only, whose latency has a section of its own, and nothing is known of memory.
pub(super) fn section<'a>(view: &View<'a>) -> Option<Section> {
    let memory = &view.results.memory;
    let cell =
        |name: &'a String, bytes: u64, event: &'a str| (view.number(name), bytes, event, name.as_str());
    let measured = view.alone().map(|latency| cell(&latency.contestant, latency.event_bytes, &latency.event));
    let held =
        memory.iter().map(|memory| cell(&memory.contestant, memory.event_bytes, event_of(view, memory)));
    let cells: BTreeSet<_> = measured.chain(held).collect();
    let sizes: BTreeSet<u64> = cells.iter().map(|(_, bytes, ..)| *bytes).collect();
    let is_one = sizes.len() < 2;
    if is_one && memory.is_empty() {
        return None;
    }
    let names: Vec<_> = sizes.into_iter().map(|bytes| (bytes as f64, view.size(bytes))).collect();
    let columns = [
        ("contestant", Kind::Name),
        ("event", Kind::Number),
        ("latency [quartiles]", Kind::Number),
        ("CPU", Kind::Number),
        ("PSS", Kind::Number),
        ("of it, first process", Kind::Number),
    ];
    let mut table = Table::new("Cost by size of events", &columns);
    let [mut latencies, mut cpu, mut pss, mut own] = [const { Curves(Vec::new()) }; 4];
    for (_, bytes, event, contestant) in cells {
        let is_it = |name: &str, of: &str| name == contestant && of == event;
        let (mut times, mut busy) = (Vec::new(), Vec::new());
        for latency in view.alone().filter(|latency| is_it(&latency.contestant, &latency.event)) {
            times.extend(latency.rounds.iter().flatten().copied());
            busy.extend(latency.cpu.iter().copied());
        }
        let held = memory
            .iter()
            .find(|memory| memory.event_bytes == bytes && is_it(&memory.contestant, event_of(view, memory)));
        let x = bytes as f64;
        let show =
            |bytes: Option<u64>| bytes.map_or_else(String::new, |bytes| Unit::Bytes.show(bytes as f64));
        table.row([
            contestant.to_owned(),
            view.name(event, bytes),
            spread(Unit::Time, times.iter().copied()),
            median(Unit::Time, &busy),
            show(held.map(|held| held.pss_bytes)),
            show(held.map(|held| held.own_pss_bytes)),
        ]);
        latencies.add(contestant, point(x, times));
        cpu.add(contestant, point(x, busy));
        if let Some(held) = held {
            pss.add(contestant, bare(x, held.pss_bytes as f64));
            own.add(contestant, bare(x, held.own_pss_bytes as f64));
        }
    }
    let figure = |curves: Curves<'_>, title: &str, up: &str, unit| {
        let across = Axis::new("size of the event", Unit::Bytes, ScaleKind::Exact);
        let across = Axis { names: names.clone(), ..across };
        let up = Axis::new(up, unit, ScaleKind::Logarithmic);
        curves.figure(view, title.to_owned(), across, up)
    };
    let figures = [
        figure(latencies, "Latency by payload", "Median latency", Unit::Time),
        figure(cpu, "CPU time per invocation by payload", "CPU time per invocation", Unit::Time),
        figure(pss, "Memory (PSS) of all processes by payload", "PSS of all processes", Unit::Bytes),
        figure(own, "Memory (PSS) of the first process by payload", "PSS of the first process", Unit::Bytes),
    ];
    let axes = if is_one { "" } else { "Both axes are logarithmic. " };
    let words = format!(
        "{axes}PSS: memory that is shared counts in parts. The first process is bootstrap, where there is a bridge."
    );
    Some(Section {
        id: "payload",
        title: "Cost by payload".to_owned(),
        words: vec![words],
        tables: vec![table.without_empty_columns()],
        figures: figures.into_iter().flatten().collect(),
        is_detail: true,
    })
}

/// The event's name, by its size where an older go1x has not told it.
fn event_of<'a>(view: &View<'a>, memory: &'a Memory) -> &'a str {
    let mut same = view.alone().filter(|latency| latency.event_bytes == memory.event_bytes);
    match &*memory.event {
        "" => same.next().map_or("", |latency| &*latency.event),
        event => event,
    }
}
