//! Ticks and their labels, as many as there is room for.

use super::letters::width;
use super::scale::Scale;
use super::{Anchor, Drawing, SMALL, WIDTH};
use crate::bench::report::unit::Unit;

/// Between two labels.
const GAP: f64 = 6.0;

/// Below a plot, from `top` to `bottom`: lines through it, labels, a title. Returns where it ends.
pub(super) fn horizontal(
    drawing: &mut Drawing,
    scale: &Scale,
    ticks: &[(f64, String)],
    [top, bottom]: [f64; 2],
    title: &str,
) -> f64 {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    // The ends matter most.
    let last = ticks.len().saturating_sub(1);
    let by_weight = [0, last].into_iter().chain(1..last).filter_map(|at| ticks.get(at));
    for (value, label) in by_weight {
        let x = scale.place(*value);
        drawing.line("grid", [x, top], [x, bottom]);
        let half = width(label, SMALL) / 2.0;
        let middle = x.clamp(half, (WIDTH - half).max(half));
        let (left, right) = (middle - half, middle + half);
        if taken.iter().all(|(begin, end)| right + GAP <= *begin || left >= end + GAP) {
            drawing.text("tick", Anchor::Middle, [middle, bottom + 14.0], label);
            taken.push((left, right));
        }
    }
    drawing.text("tick", Anchor::Middle, [WIDTH / 2.0, bottom + 30.0], title);
    bottom + 36.0
}

/// Left of a plot that begins at `left`.
pub(super) fn vertical(
    drawing: &mut Drawing,
    scale: &Scale,
    labels: &[(f64, String)],
    [left, right]: [f64; 2],
) {
    let mut free = f64::INFINITY;
    for (value, label) in labels {
        let y = scale.place(*value);
        drawing.line("grid", [left, y], [right, y]);
        if y + SMALL <= free {
            drawing.text("tick", Anchor::End, [left - 6.0, y + 4.0], label);
            free = y;
        }
    }
}

/// The places of values, each with about how much it is, if that tells them apart.
pub(super) fn about(places: &[f64], unit: Unit) -> Vec<(f64, String)> {
    let brief: Vec<(f64, String)> = places.iter().map(|value| (*value, unit.about(*value))).collect();
    let are_apart = brief.windows(2).all(|pair| pair[0].1 != pair[1].1);
    if are_apart { brief } else { labelled(places, unit) }
}

/// Each with its label; two that lie close together have more digits.
pub(super) fn labelled(ticks: &[f64], unit: Unit) -> Vec<(f64, String)> {
    let labels = |show: &dyn Fn(f64) -> String| ticks.iter().map(|value| (*value, show(*value))).collect();
    let mut labelled: Vec<(f64, String)> = labels(&|value| unit.tick(value));
    for decimals in 2..=6 {
        if labelled.windows(2).all(|pair| pair[0].1 != pair[1].1) {
            break;
        }
        labelled = labels(&|value| unit.exact(value, decimals));
    }
    labelled
}
