//! What a report consists of, as data: words, tables and charts. One file for each section; what was not measured has
//! none.

mod changes;
mod cold_start;
mod concurrency;
mod endurance;
mod latency;
mod payload;
mod promises;
mod setting;
mod sizes;
mod stages;
mod system_calls;

use super::chart::Drawing;
use super::chart::lines::{self, Axis, Point, Series};
use super::comparison::Comparison;
use super::line::line;
use super::table::Table;
use super::view::View;
use crate::bench::results::Results;

pub(crate) use setting::{setting, warnings};

#[derive(Debug)]
pub(crate) struct Section {
    /// Its place in a page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) words: Vec<String>,
    /// All that the figures show is in them.
    pub(crate) tables: Vec<Table>,
    pub(crate) figures: Vec<Figure>,
    /// Whether the tables are for those alone who look for them.
    pub(crate) is_detail: bool,
}

#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) title: String,
    /// What is to be seen, for those who do not see it.
    pub(crate) description: String,
    pub(crate) drawing: Drawing,
    /// What stands for whom, where the drawing does not say so itself.
    pub(crate) legend: Vec<Key>,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) sample: String,
}

/// All that there is something to say in.
pub(crate) fn sections(results: &Results, comparison: Option<&Comparison>) -> Vec<Section> {
    let view = View::of(results);
    let sections = [
        comparison.map(changes::section),
        promises::section(&view),
        latency::section(&view),
        cold_start::section(&view),
        stages::section(&view),
        payload::section(&view),
        concurrency::section(&view),
        endurance::section(&view),
        system_calls::section(&view),
        sizes::section(&view),
    ];
    sections.into_iter().flatten().collect()
}

/// Points of a curve and whose it is, in any order.
#[derive(Debug, Default)]
struct Curves<'a>(Vec<(&'a str, Vec<Point>)>);

impl<'a> Curves<'a> {
    fn add(&mut self, contestant: &'a str, point: Point) {
        if !point.y.is_finite() {
            return;
        }
        match self.0.iter_mut().find(|(name, _)| *name == contestant) {
            Some((_, points)) => points.push(point),
            None => self.0.push((contestant, vec![point])),
        }
    }

    /// None if there are not even two points side by side.
    fn figure(mut self, view: &View<'_>, title: String, across: Axis, up: Axis) -> Option<Figure> {
        self.0.sort_by_key(|(name, _)| view.number(name));
        let first = self.0.iter().find_map(|(_, points)| points.first())?.x;
        if self.0.iter().flat_map(|(_, points)| points).all(|point| point.x == first) {
            return None;
        }
        let legend =
            self.0.iter().map(|(name, _)| Key { name: line(name), sample: view.style(name).sample() });
        let legend = legend.collect();
        let names: Vec<String> = self.0.iter().map(|(name, _)| line(name)).collect();
        let series = self.0.into_iter().map(|(name, mut points)| {
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series { style: view.style(name), points }
        });
        let series: Vec<Series> = series.collect();
        let description =
            format!("{} against {}, a curve for each of {}.", up.title, across.title, names.join(", "));
        Some(Figure { title, description, drawing: lines::draw(&series, &across, &up), legend })
    }
}

/// A point with quartiles; of no height if there are no values.
fn point(x: f64, values: impl IntoIterator<Item = f64>) -> Point {
    match crate::bench::statistics::Quartiles::of(values) {
        Some(quartiles) => Point { x, y: quartiles.median, spread: Some((quartiles.lower, quartiles.upper)) },
        None => Point { x, y: f64::NAN, spread: None },
    }
}

/// A single measurement; nothing measured is no height.
fn bare(x: f64, y: f64) -> Point {
    Point { x, y: if y > 0.0 { y } else { f64::NAN }, spread: None }
}
