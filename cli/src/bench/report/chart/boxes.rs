//! Distributions: the shape of all values, a box from quartile to quartile, whiskers within the fences, dots beyond.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::scale::{Kind, Scale};
use super::style::Style;
use super::{Drawing, WIDTH, axis, row};
use crate::bench::report::unit::Unit;
use crate::bench::statistics::{Quartiles, Sample};

#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) style: Style,
    pub(crate) sample: Sample,
}

const STRIP: f64 = 30.0;
const BOX: f64 = 12.0;
/// Fewer values than that have no shape: each is a dot.
const SHAPED: usize = 20;
const BINS: usize = 95;

pub(crate) fn draw(rows: &[Row<'_>], unit: Unit, title: &str) -> Drawing {
    let ends = rows.iter().flat_map(|row| {
        let values = row.sample.values();
        [values[0], values[values.len() - 1]]
    });
    let scale = Scale::over(Kind::Close, ends, [6.0, WIDTH - 6.0]);
    let (mut inside, mut y) = (Drawing::default(), 0.0);
    for row in rows {
        let value = unit.spread(row.sample.quartiles());
        let strip = row::head(&mut inside, y, row.name, Some(row.style), &value);
        self::row(&mut inside, row, &scale, strip);
        y = strip + STRIP + 12.0;
    }
    let mut drawing = Drawing::default();
    let title = format!("{title}{}", scale.remark());
    let ticks = axis::labelled(&scale.ticks(), unit);
    drawing.height = axis::horizontal(&mut drawing, &scale, &ticks, [0.0, y], &title);
    drawing.body += &inside.body;
    drawing
}

fn row(drawing: &mut Drawing, Row { style, sample, .. }: &Row<'_>, scale: &Scale, top: f64) {
    let middle = top + STRIP / 2.0;
    let Quartiles { lower, median, upper } = sample.quartiles();
    let within = sample.within();
    let class = style.class();
    if sample.values().len() >= SHAPED {
        drawing.add(format_args!("<path class=\"shape {class}\" d=\"{}\"/>", shape(sample, scale, middle)));
        dots(drawing, sample.outliers(), scale, middle, &class);
    } else {
        dots(drawing, sample.values().iter().copied(), scale, middle, &class);
    }
    let [low, left, centre, right, high] =
        [within[0], lower, median, upper, within[within.len() - 1]].map(|value| scale.place(value));
    drawing.line(format_args!("whisker {class}"), [low, middle], [left, middle]);
    drawing.line(format_args!("whisker {class}"), [right, middle], [high, middle]);
    let corner = [left, middle - BOX / 2.0];
    drawing.rectangle(format_args!("box {class}"), corner, [(right - left).max(0.5), BOX]);
    drawing.line("median", [centre, middle - BOX / 2.0 - 3.0], [centre, middle + BOX / 2.0 + 3.0]);
}

/// How many values lie where, mirrored.
fn shape(sample: &Sample, scale: &Scale, middle: f64) -> String {
    let mut bins = [0.0; BINS];
    for value in sample.values() {
        let at = scale.place(*value) / WIDTH * BINS as f64;
        bins[(at as usize).min(BINS - 1)] += 1.0;
    }
    // Smooth enough that the eye does not count the bins.
    for _ in 0..2 {
        let rough = bins;
        for at in 0..BINS {
            let beside = |at: Option<usize>| at.and_then(|at| rough.get(at)).unwrap_or(&0.0);
            bins[at] = (beside(at.checked_sub(1)) + 2.0 * rough[at] + beside(Some(at + 1))) / 4.0;
        }
    }
    let most = bins.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let edge = |at: usize, side: f64| {
        let x = (at as f64 + 0.5) * WIDTH / BINS as f64;
        (x, middle + side * bins[at] / most * STRIP / 2.0)
    };
    let mut path = String::new();
    let there_and_back = (0..BINS).map(|at| edge(at, -1.0)).chain((0..BINS).rev().map(|at| edge(at, 1.0)));
    for (at, (x, y)) in there_and_back.enumerate() {
        _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
    }
    path + "z"
}

/// One for each place, however many values lie there.
fn dots(drawing: &mut Drawing, values: impl Iterator<Item = f64>, scale: &Scale, y: f64, class: &str) {
    let places: BTreeSet<i32> = values.map(|value| (scale.place(value) * 2.0).round() as i32).collect();
    for place in places {
        let x = f64::from(place) / 2.0;
        drawing.add(format_args!("<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>"));
    }
}
