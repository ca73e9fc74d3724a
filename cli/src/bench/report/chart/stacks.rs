//! Parts of a whole, one behind the other.

use super::letters::width;
use super::scale::{Kind, Scale};
use super::style::Style;
use super::{Anchor, Drawing, SMALL, WIDTH, axis, row};
use crate::bench::report::unit::Unit;

#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    /// Which part, and how much; none of them below zero.
    pub(crate) parts: Vec<(Style, f64)>,
}

const BAR: f64 = 22.0;

pub(crate) fn draw(rows: &[Row<'_>], unit: Unit, title: &str) -> Drawing {
    let whole = |row: &Row<'_>| row.parts.iter().map(|(_, amount)| amount).sum::<f64>();
    let scale = Scale::over(Kind::Linear, rows.iter().map(whole), [0.0, WIDTH - 8.0]);
    let (mut inside, mut y) = (Drawing::default(), 0.0);
    for row in rows {
        let top = row::head(&mut inside, y, row.name, None, &unit.show(whole(row)));
        let mut before = 0.0;
        for (style, amount) in &row.parts {
            let (left, right) = (scale.place(before), scale.place(before + amount));
            inside.rectangle(format_args!("area {}", style.class()), [left, top], [right - left, BAR]);
            let number = (style.0 + 1).to_string();
            if right - left > width(&number, SMALL) + 4.0 {
                let middle = [(left + right) / 2.0, top + BAR / 2.0 + 4.0];
                inside.text("on", Anchor::Middle, middle, &number);
            }
            before += amount;
        }
        y = top + BAR + 12.0;
    }
    let mut drawing = Drawing::default();
    let ticks = axis::labelled(&scale.ticks(), unit);
    drawing.height = axis::horizontal(&mut drawing, &scale, &ticks, [0.0, y], title);
    drawing.body += &inside.body;
    drawing
}
