//! How long the first answer takes.

use super::super::chart::bars;
use super::super::table::{Kind, Table};
use super::super::unit::{Unit, count};
use super::super::view::View;
use super::{Figure, Section};
use crate::bench::report::line::line;
use crate::bench::statistics::{Sample, ratio};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let columns = [
        ("contestant", Kind::Name),
        ("median [quartiles]", Kind::Number),
        ("slowest", Kind::Number),
        ("outliers", Kind::Number),
        ("ratio [quartiles]", Kind::Number),
    ];
    let mut table = Table::new("Cold start", &columns);
    let mut rows = Vec::new();
    let baseline = view.cold_starts(&view.results.baseline);
    for starts in &view.results.cold_start {
        let Some(sample) = Sample::of(starts.values.iter().copied()) else { continue };
        let ratio = baseline.and_then(|baseline| ratio(&starts.values, baseline));
        let ratio = match ratio {
            Some(_) if starts.contestant == view.results.baseline => "1".to_owned(),
            Some(ratio) => Unit::Ratio.spread(ratio),
            None => String::new(),
        };
        table.row([
            starts.contestant.clone(),
            Unit::Time.spread(sample.quartiles()),
            Unit::Time.show(sample.quantile(1.0)),
            format!("{}/{}", count(sample.outliers().count()), count(sample.values().len())),
            ratio,
        ]);
        rows.push((line(&starts.contestant), view.style(&starts.contestant), sample.quartiles()));
    }
    if rows.is_empty() {
        return None;
    }
    let names: Vec<&str> = rows.iter().map(|(name, ..)| &**name).collect();
    let description = format!("Bars of median times with their quartiles: {}.", names.join(", "));
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, style, quartiles)| bars::Row { name, style: *style, quartiles: *quartiles })
        .collect();
    let figure = Figure {
        title: "Cold start".to_owned(),
        description,
        drawing: bars::draw(&rows, Unit::Time, "time to the first response"),
        legend: Vec::new(),
    };
    let first = view.results.cold_start.iter().find(|starts| !starts.event.is_empty());
    let event =
        first.map(|starts| format!(", to the event {}", view.name(&starts.event, starts.event_bytes)));
    let words = vec![format!(
        "From starting the process to the last byte of the first response{}.",
        event.unwrap_or_default()
    )];
    Some(Section {
        id: "cold-start",
        title: "Cold start".to_owned(),
        words,
        tables: vec![table.without_empty_columns()],
        figures: vec![figure],
        is_detail: false,
    })
}
