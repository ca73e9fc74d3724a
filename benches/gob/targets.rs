//! What was promised, and whether it is so.

use std::fmt::Write as _;

use crate::contestant::{Mode, Operation};
use crate::measure::Cell;
use crate::statistics::Quartiles;
use crate::summary::{grouped, ratio, short};

/// Nanoseconds for a message whose payload is not touched.
const FIXED: f64 = 60.0;

pub(crate) fn text(cells: &[Cell]) -> String {
    let mut text = String::from("Targets:\n\n");
    for (kind, operation) in [("request", Operation::Encode), ("response", Operation::Decode)] {
        for cell in cells {
            let is_it =
                cell.workload.starts_with(kind) && cell.operation == operation && cell.mode == Mode::Stream;
            let Some(index) = cell.index("ours, fixed").filter(|_| is_it) else { continue };
            let Quartiles { median, least, .. } = Quartiles::of(cell.times(index));
            _ = writeln!(
                text,
                "- {}: {} {}, payload not touched: {} ns (fastest round {}), at most {FIXED:.0}",
                verdict(median <= FIXED),
                operation.name(),
                cell.workload,
                grouped(median),
                grouped(least)
            );
        }
    }
    for rival in ["Go", "gobwire"] {
        let mut slower = Vec::new();
        let mut all = 0;
        for cell in cells {
            let Some(Quartiles { median, .. }) = ratio(cell, "ours, serde", rival) else { continue };
            all += 1;
            if median >= 1.0 {
                let (operation, mode) = (cell.operation.name(), cell.mode.name());
                slower.push(format!("{} {operation} {mode} {}", cell.workload, short(median)));
            }
        }
        if all > 0 {
            let verdict = verdict(slower.is_empty());
            _ = write!(text, "- {verdict}: by serde, ahead of {rival}: {} of {all}", all - slower.len());
            _ = writeln!(text, "{}{}", if slower.is_empty() { "" } else { "; not: " }, slower.join(", "));
        }
    }
    text
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "NOT REACHED" }
}
