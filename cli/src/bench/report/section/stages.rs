//! Where the time goes between the event and the answer.

use std::collections::{BTreeMap, HashMap};

use super::super::chart::stacks;
use super::super::chart::style::Style;
use super::super::table::{Kind, Table};
use super::super::unit::Unit;
use super::super::view::View;
use super::{Figure, Key, Section};
use crate::bench::report::line::line;
use crate::bench::results::Stages;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let measured: Vec<&Stages> =
        view.results.stages.iter().filter(|stages| !stages.stages.is_empty()).collect();
    // In the order in which they are passed through; somebody may have one that others do not have.
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for (name, _) in measured.iter().flat_map(|stages| &stages.stages) {
        let next = numbers.len();
        numbers.entry(name).or_insert(next);
    }
    let mut events: Vec<_> = measured.iter().map(|stages| (stages.event_bytes, &*stages.event)).collect();
    events.sort_unstable();
    events.dedup();
    let (mut tables, mut figures) = (Vec::new(), Vec::new());
    for (bytes, event) in events {
        let is_it = |stages: &&Stages| (stages.event_bytes, &*stages.event) == (bytes, event);
        let title = format!("Where the time goes, {}", view.name(event, bytes));
        let columns = [
            ("contestant", Kind::Name),
            ("stage", Kind::Name),
            ("median", Kind::Number),
            ("part", Kind::Number),
        ];
        let mut table = Table::new(title.clone(), &columns);
        let (mut rows, mut shown) = (Vec::new(), BTreeMap::new());
        for stages in measured.iter().copied().filter(is_it) {
            let amount = |value: f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
            let whole: f64 = stages.stages.iter().map(|(_, value)| amount(*value)).sum();
            let mut parts = Vec::new();
            for (name, value) in &stages.stages {
                let percent = format!("{:.0} %", 100.0 * amount(*value) / whole.max(f64::MIN_POSITIVE));
                table.row([stages.contestant.clone(), name.clone(), Unit::Time.show(*value), percent]);
                let number = numbers.get(name.as_str()).copied().unwrap_or_default();
                shown.insert(number, name.as_str());
                parts.push((Style(number), amount(*value)));
            }
            rows.push((line(&stages.contestant), parts));
        }
        let rows: Vec<_> =
            rows.iter().map(|(name, parts)| stacks::Row { name, parts: parts.clone() }).collect();
        let whose: Vec<&str> = rows.iter().map(|row| row.name).collect();
        figures.push(Figure {
            title,
            description: format!("Bars of stages, one behind the other, for {}.", whose.join(", ")),
            drawing: stacks::draw(&rows, Unit::Time, "medians of the stages, one behind the other"),
            legend: shown.iter().map(|(number, name)| field(*number, name)).collect(),
        });
        tables.push(table);
    }
    let mut words = vec!["Medians of each stage; the median of the whole need not be their sum.".to_owned()];
    let part = |stages: &&Stages| {
        let (watched, seen) = stages.watched.filter(|(watched, seen)| seen < watched)?;
        let (name, size) = (line(&stages.contestant), view.name(&stages.event, stages.event_bytes));
        Some(format!("{name}, {size}: {seen} of {watched}"))
    };
    let parts: Vec<String> = measured.iter().filter_map(part).collect();
    if !parts.is_empty() {
        words.push(format!("Not all invocations were seen from end to end; {}.", parts.join("; ")));
    }
    (!tables.is_empty()).then(|| Section {
        id: "stages",
        title: "Where the time goes".to_owned(),
        words,
        tables,
        figures,
        is_detail: true,
    })
}

/// What an area stands for.
fn field(number: usize, name: &str) -> Key {
    Key { name: line(name), sample: Style(number).field() }
}
