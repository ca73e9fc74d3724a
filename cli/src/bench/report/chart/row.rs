//! The head of a row: whose it is on the left, what came out on the right. The row itself has the whole width.

use super::letters::{width, wrap};
use super::style::Style;
use super::{Anchor, Drawing, TEXT, WIDTH};

const LINE: f64 = 16.0;
const MARK: f64 = 18.0;
/// Names are bold, and a good tenth wider for it.
const NAME: f64 = 1.13 * TEXT;

/// Returns where the head ends.
pub(super) fn head(drawing: &mut Drawing, top: f64, name: &str, style: Option<Style>, value: &str) -> f64 {
    let indent = if style.is_some() { MARK } else { 0.0 };
    let beside = WIDTH - indent - width(value, TEXT) - 12.0;
    // A name that fills several lines leaves the value a line to itself.
    let has_room = width(name, NAME) <= beside;
    let lines = wrap(name, NAME, if has_room { beside } else { WIDTH - indent });
    let mut baseline = top + 12.0;
    if let Some(style) = style {
        style.mark(drawing, [6.0, baseline - 4.0], 4.5);
    }
    for line in &lines {
        drawing.text("name", Anchor::Start, [indent, baseline], line);
        baseline += LINE;
    }
    if has_room {
        baseline -= LINE;
    }
    for line in wrap(value, TEXT, WIDTH) {
        drawing.text("value", Anchor::End, [WIDTH, baseline], &line);
        baseline += LINE;
    }
    baseline - LINE + 6.0
}
