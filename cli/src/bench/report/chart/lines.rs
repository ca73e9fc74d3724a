//! Curves: how something grows with something else.

use std::fmt::Write as _;

use super::letters::width;
use super::scale::{Kind, Scale};
use super::style::Style;
use super::{Drawing, SMALL, WIDTH, axis};
use crate::bench::report::unit::Unit;

#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) kind: Kind,
    /// What places on it are called, if not by numbers; few, and in few letters.
    pub(crate) names: Vec<(f64, String)>,
}

impl Axis {
    pub(crate) fn new(title: &str, unit: Unit, kind: Kind) -> Axis {
        Axis { title: title.to_owned(), unit, kind, names: Vec::new() }
    }
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) style: Style,
    /// From left to right.
    pub(crate) points: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Its quartiles, if it has some.
    pub(crate) spread: Option<(f64, f64)>,
}

const HEIGHT: f64 = 240.0;
const TOP: f64 = 8.0;
/// More places than that on the horizontal axis are not named one by one.
pub(crate) const NAMED: usize = 12;

pub(crate) fn draw(series: &[Series], across: &Axis, up: &Axis) -> Drawing {
    let points = || series.iter().flat_map(|series| &series.points);
    let heights = points().flat_map(|point| {
        let (low, high) = point.spread.unwrap_or((point.y, point.y));
        [point.y, low, high]
    });
    let y = Scale::over(up.kind, heights, [HEIGHT, TOP]);
    let labels = axis::labelled(&y.ticks(), up.unit);
    let longest = labels.iter().map(|(_, label)| width(label, SMALL)).fold(0.0, f64::max);
    let left = longest + 8.0;
    let x = Scale::over(across.kind, points().map(|point| point.x), [left + 8.0, WIDTH - 10.0]);

    let mut drawing = Drawing::default();
    axis::vertical(&mut drawing, &y, &labels, [left, WIDTH]);
    let mut places: Vec<f64> = points().map(|point| point.x).collect();
    places.sort_unstable_by(f64::total_cmp);
    places.dedup();
    let is_short = |(_, name): &(f64, String)| width(name, SMALL) < 60.0;
    let has_names = (1..=NAMED).contains(&across.names.len()) && across.names.iter().all(is_short);
    let ticks = if has_names {
        across.names.clone()
    } else if places.len() <= NAMED {
        axis::about(&places, across.unit)
    } else {
        axis::labelled(&x.ticks(), across.unit)
    };
    let title = format!("{}{}", across.title, x.remark());
    drawing.height = axis::horizontal(&mut drawing, &x, &ticks, [TOP, HEIGHT], &title);
    for Series { style, points } in series {
        let class = style.class();
        let mut path = String::new();
        for (at, point) in points.iter().enumerate() {
            let (x, y) = (x.place(point.x), y.place(point.y));
            _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { "L" });
        }
        let dash = style.dash();
        drawing.add(format_args!("<path class=\"curve {class}\" stroke-dasharray=\"{dash}\" d=\"{path}\"/>"));
        for point in points {
            let place = x.place(point.x);
            if let Some((low, high)) = point.spread {
                drawing.line(format_args!("whisker {class}"), [place, y.place(low)], [place, y.place(high)]);
            }
            style.mark(&mut drawing, [place, y.place(point.y)], 3.5);
        }
    }
    drawing
}
