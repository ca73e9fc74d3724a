//! What several invocations at a time bring, and cost.

use std::collections::BTreeSet;

use super::super::chart::ScaleKind;
use super::super::chart::lines::Axis;
use super::super::table::{Kind, Table};
use super::super::unit::{Unit, count};
use super::super::view::{View, median, spread};
use super::{Curves, Section, bare, point};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let (throughput, latency) = (&view.results.throughput, &view.results.latency);
    let several = latency.iter().filter(|latency| latency.concurrency != view.concurrency);
    // Sizes that there is more to say of than in the section on latency.
    let mut sizes: BTreeSet<u64> = several.map(|latency| latency.event_bytes).collect();
    sizes.extend(throughput.iter().map(|throughput| throughput.event_bytes));
    let (mut tables, mut figures) = (Vec::new(), Vec::new());
    for size in sizes {
        let shown = view.size(size);
        let columns = [
            ("contestant", Kind::Name),
            ("at a time", Kind::Number),
            ("invocations", Kind::Number),
            ("latency [quartiles]", Kind::Number),
            ("CPU", Kind::Number),
            ("PSS", Kind::Number),
        ];
        let mut table = Table::new(format!("Cost by concurrency, {shown}"), &columns);
        let [mut rates, mut latencies, mut cpu, mut pss] = [const { Curves(Vec::new()) }; 4];
        let rated = throughput.iter().filter(|throughput| throughput.event_bytes == size);
        let timed = latency.iter().filter(|latency| latency.event_bytes == size);
        let mut cells: BTreeSet<_> = rated.clone().map(|cell| (&cell.contestant, cell.concurrency)).collect();
        cells.extend(timed.clone().map(|cell| (&cell.contestant, cell.concurrency)));
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.sort_by_key(|(name, concurrency)| (view.number(name), *concurrency));
        for (contestant, concurrency) in cells {
            let is_it = |name: &str, at_a_time: usize| name == contestant && at_a_time == concurrency;
            let (mut times, mut busy) = (Vec::new(), Vec::new());
            for cell in timed.clone().filter(|cell| is_it(&cell.contestant, cell.concurrency)) {
                times.extend(cell.rounds.iter().flatten().copied());
                busy.extend(cell.cpu.iter().copied());
            }
            let rate = rated.clone().find(|cell| is_it(&cell.contestant, cell.concurrency));
            let per_second = rate.map_or(&[][..], |rate| &rate.per_second);
            // At full load it is another one.
            if let Some(rate) = rate.filter(|rate| !rate.cpu.is_empty()) {
                busy = rate.cpu.clone();
            }
            let held =
                rate.map(|rate| rate.pss_bytes as f64).filter(|bytes| *bytes > 0.0).unwrap_or(f64::NAN);
            let x = concurrency as f64;
            table.row([
                contestant.clone(),
                count(concurrency),
                median(Unit::PerSecond, per_second),
                spread(Unit::Time, times.iter().copied()),
                median(Unit::Time, &busy),
                Unit::Bytes.show(held),
            ]);
            rates.add(contestant, point(x, per_second.iter().copied()));
            latencies.add(contestant, point(x, times));
            cpu.add(contestant, point(x, busy));
            pss.add(contestant, bare(x, held));
        }
        if table.rows.is_empty() {
            continue;
        }
        let figure = |curves: Curves<'_>, title: &str, unit| {
            let across = Axis::new("invocations at a time", Unit::Count, ScaleKind::Exact);
            let up = Axis::new(title, unit, ScaleKind::Wide);
            curves.figure(view, format!("{title} by concurrency, {shown}"), across, up)
        };
        let of_size = [
            figure(rates, "Invocations a second", Unit::PerSecond),
            figure(latencies, "Latency", Unit::Time),
            figure(cpu, "CPU time per invocation", Unit::Time),
            figure(pss, "Memory (PSS) of all processes", Unit::Bytes),
        ];
        figures.extend(of_size.into_iter().flatten());
        tables.push(table.without_empty_columns());
    }
    let mut words = vec![
        "So many callers are at work at any time: as soon as one is answered, it calls again.".to_owned(),
    ];
    if latency.iter().any(|latency| latency.concurrency > 1) {
        words.push(
            "Latency is from handing out the event if it is one at a time, and else from the caller's call: waiting \
             until the contestant takes the event is part of it."
                .to_owned(),
        );
    }
    (!tables.is_empty()).then(|| Section {
        id: "concurrency",
        title: "Cost by concurrency".to_owned(),
        words,
        tables,
        figures,
        is_detail: true,
    })
}
