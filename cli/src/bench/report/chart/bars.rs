//! Bars from zero to the median, with the quartiles as a whisker.

use super::scale::{Kind, Scale};
use super::style::Style;
use super::{Drawing, WIDTH, axis, row};
use crate::bench::report::unit::Unit;
use crate::bench::statistics::Quartiles;

#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) style: Style,
    pub(crate) quartiles: Quartiles,
}

const BAR: f64 = 16.0;

pub(crate) fn draw(rows: &[Row<'_>], unit: Unit, title: &str) -> Drawing {
    let scale = Scale::over(Kind::Linear, rows.iter().map(|row| row.quartiles.upper), [0.0, WIDTH - 8.0]);
    let (mut inside, mut y) = (Drawing::default(), 0.0);
    for Row { name, style, quartiles } in rows {
        let top = row::head(&mut inside, y, name, Some(*style), &unit.spread(*quartiles));
        let Quartiles { lower, median, upper } = *quartiles;
        let [lower, median, upper] = [lower, median, upper].map(|value| scale.place(value));
        inside.rectangle(format_args!("area {}", style.class()), [0.0, top], [median.max(1.0), BAR]);
        let middle = top + BAR / 2.0;
        for class in ["rim", "quartiles"] {
            inside.line(class, [lower, middle], [upper, middle]);
            inside.line(class, [lower, middle - 4.0], [lower, middle + 4.0]);
            inside.line(class, [upper, middle - 4.0], [upper, middle + 4.0]);
        }
        y = top + BAR + 12.0;
    }
    let mut drawing = Drawing::default();
    let ticks = axis::labelled(&scale.ticks(), unit);
    drawing.height = axis::horizontal(&mut drawing, &scale, &ticks, [0.0, y], title);
    drawing.body += &inside.body;
    drawing
}
