//! How long an invocation takes, and how that is spread.

use super::super::chart::boxes;
use super::super::table::{Kind, Table};
use super::super::unit::{Unit, count};
use super::super::view::{View, median};
use super::{Figure, Section};
use crate::bench::report::line::line;
use crate::bench::statistics::Sample;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let (mut tables, mut figures) = (Vec::new(), Vec::new());
    for event in view.events() {
        let name = line(event.1);
        let columns = [
            ("contestant", Kind::Name),
            ("median [quartiles]", Kind::Number),
            ("99 %", Kind::Number),
            ("outliers", Kind::Number),
            ("ratio [quartiles]", Kind::Number),
            ("CPU", Kind::Number),
        ];
        let mut table = Table::new(format!("Latency, {name}"), &columns);
        let mut rows = Vec::new();
        for latency in view.with(event) {
            let Some(sample) = Sample::of(latency.rounds.iter().flatten().copied()) else { continue };
            table.row([
                latency.contestant.clone(),
                Unit::Time.spread(sample.quartiles()),
                match sample.values().len() {
                    ..100 => String::new(),
                    _ => Unit::Time.show(sample.quantile(0.99)),
                },
                format!("{}/{}", count(sample.outliers().count()), count(sample.values().len())),
                view.to_baseline(latency),
                median(Unit::Time, &latency.cpu),
            ]);
            rows.push((line(&latency.contestant), view.style(&latency.contestant), sample));
        }
        if rows.is_empty() {
            continue;
        }
        let names: Vec<&str> = rows.iter().map(|(name, ..)| &**name).collect();
        let description =
            format!("Distributions of latency with {name}, one below the other: {}.", names.join(", "));
        let rows: Vec<_> = rows
            .iter()
            .map(|(name, style, sample)| boxes::Row { name, style: *style, sample: sample.clone() })
            .collect();
        figures.push(Figure {
            title: format!("Latency, {name}"),
            description,
            drawing: boxes::draw(&rows, Unit::Time, "latency"),
            legend: Vec::new(),
        });
        tables.push(table.without_empty_columns());
    }
    if tables.is_empty() {
        return None;
    }
    let from = match view.concurrency {
        1 => {
            "From handing out the event to the last byte of the answer, one invocation at a time.".to_owned()
        }
        several => format!(
            "From the caller's call to the last byte of the answer, {several} invocations at a time: waiting until \
             the contestant takes the event is part of it."
        ),
    };
    let words = vec![
        format!(
            "{from} Outliers are farther outside the quartiles than one and a half times their distance: they are \
             counted, drawn as dots, and part of all figures."
        ),
        format!(
            "ratio: to {}, the median of the ratios within each round, with their quartiles. CPU: of all processes, \
             per invocation.",
            line(&view.results.baseline)
        ),
    ];
    Some(Section { id: "latency", title: "Latency".to_owned(), words, tables, figures, is_detail: false })
}
