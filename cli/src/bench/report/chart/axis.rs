//! Ticks and their labels, as many as there is room for.

use super::letters::width;
use super::scale::Scale;
use super::{Anchor, Drawing, SMALL, WIDTH};
use crate::bench::report::unit::Unit;

/// Below a plot, from `top` to `bottom`: lines through it, labels, a title. Returns where it ends.
pub(super) fn horizontal(
    drawing: &mut Drawing,
    scale: &Scale,
    ticks: &[(f64, String)],
    [top, bottom]: [f64; 2],
    title: &str,
) -> f64 {
    let mut free = 0.0;
    for (value, label) in ticks {
        let x = scale.place(*value);
        drawing.line("grid", [x, top], [x, bottom]);
        let half = width(label, SMALL) / 2.0;
        let middle = x.clamp(half, (WIDTH - half).max(half));
        if middle - half >= free {
            drawing.text("tick", Anchor::Middle, [middle, bottom + 14.0], label);
            free = middle + half + 6.0;
        }
    }
    drawing.text("tick", Anchor::Middle, [WIDTH / 2.0, bottom + 30.0], title);
    bottom + 36.0
}

/// Left of a plot that begins at `left`.
pub(super) fn vertical(drawing: &mut Drawing, scale: &Scale, unit: Unit, [left, right]: [f64; 2]) {
    let mut free = f64::INFINITY;
    for value in scale.ticks() {
        let y = scale.place(value);
        drawing.line("grid", [left, y], [right, y]);
        if y + SMALL <= free {
            drawing.text("tick", Anchor::End, [left - 6.0, y + 4.0], &unit.tick(value));
            free = y;
        }
    }
}

/// Each with its label.
pub(super) fn labelled(ticks: &[f64], unit: Unit) -> Vec<(f64, String)> {
    ticks.iter().map(|value| (*value, unit.tick(*value))).collect()
}
