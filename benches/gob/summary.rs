//! The measurements as tables.

use std::fmt::Write as _;

use crate::contestant::{Mode, Operation};
use crate::measure::Cell;
use crate::statistics::Quartiles;

/// Who may take part, in the order of columns.
pub(crate) const CONTESTANTS: [&str; 4] = ["ours, fixed", "ours, serde", "Go", "gobwire"];

/// One operation on one workload, a line for each contestant.
pub(crate) fn lines(cell: &Cell) -> String {
    let mut text = String::new();
    for (index, name) in cell.contestants.iter().enumerate() {
        let title = format!("{} {} {}", cell.workload, cell.operation.name(), cell.mode.name());
        let row = Row::of(cell, index);
        let Row { time, least, speed, to_go, to_gobwire } = row;
        _ = writeln!(
            text,
            "{title:<28} {name:<12} {time:>32} {least:>10} {speed:>8} {to_go:>18} {to_gobwire:>18}"
        );
    }
    text
}

/// The whole of it.
pub(crate) fn details(cells: &[Cell]) -> String {
    let mut text = String::new();
    for (mode, title) in MODES {
        for operation in [Operation::Encode, Operation::Decode] {
            let mut cells =
                cells.iter().filter(|cell| (cell.mode, cell.operation) == (mode, operation)).peekable();
            if cells.peek().is_none() {
                continue;
            }
            _ = writeln!(text, "\n### {}, {title}\n", operation.name());
            text += "| workload | bytes | | ns/op: median [p25–p75] | fastest | MB/s | ÷ Go | ÷ gobwire |\n";
            text += "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n";
            for cell in cells {
                for (index, name) in cell.contestants.iter().enumerate() {
                    let workload = if index == 0 { cell.workload } else { "" };
                    let bytes = if index == 0 { cell.bytes.to_string() } else { String::new() };
                    let Row { time, least, speed, to_go, to_gobwire } = Row::of(cell, index);
                    let bold = if name.starts_with("ours") { "**" } else { "" };
                    _ = writeln!(
                        text,
                        "| {workload} | {bytes} | {bold}{name}{bold} | {time} | {least} | {speed} | {to_go} | {to_gobwire} |"
                    );
                }
            }
        }
    }
    text
}

/// Ratios alone: below 1, ours is faster.
pub(crate) fn overview(cells: &[Cell]) -> String {
    let mut text = String::from(
        "Time of ours as a part of the other's: below 1, ours is faster. Median of the rounds' ratios.\n\n\
         | workload | ours | encode: ÷ Go | ÷ gobwire | decode: ÷ Go | ÷ gobwire | first, encode: ÷ Go | ÷ gobwire \
         | first, decode: ÷ Go | ÷ gobwire |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut workloads: Vec<_> = cells.iter().map(|cell| cell.workload).collect();
    workloads.dedup();
    for workload in workloads {
        for ours in CONTESTANTS.iter().filter(|name| name.starts_with("ours")) {
            let mut row = String::new();
            for (mode, _) in MODES {
                for operation in [Operation::Encode, Operation::Decode] {
                    let wanted = (workload, operation, mode);
                    let cell = cells.iter().find(|cell| (cell.workload, cell.operation, cell.mode) == wanted);
                    for rival in ["Go", "gobwire"] {
                        let Some(ratio) = cell.and_then(|cell| ratio(cell, ours, rival)) else { continue };
                        _ = write!(row, " {} |", short(ratio.median));
                    }
                }
            }
            if !row.is_empty() {
                _ = writeln!(text, "| {workload} | {} |{row}", ours.trim_start_matches("ours, "));
            }
        }
    }
    text
}

/// `one`'s time as a part of `other`'s, if both took part.
pub(crate) fn ratio(cell: &Cell, one: &str, other: &str) -> Option<Quartiles> {
    Some(Quartiles::of(cell.ratios(cell.index(one)?, cell.index(other)?)))
}

pub(crate) const MODES: [(Mode, &str); 2] =
    [(Mode::Stream, "on a stream that is in use"), (Mode::First, "first message, with its definitions")];

struct Row {
    time: String,
    least: String,
    speed: String,
    to_go: String,
    to_gobwire: String,
}

impl Row {
    fn of(cell: &Cell, index: usize) -> Row {
        let name = cell.contestants[index];
        let Quartiles { least, lower, median, upper } = Quartiles::of(cell.times(index));
        let against = |rival: &str| match ratio(cell, name, rival) {
            Some(Quartiles { lower, median, upper, .. }) if name != rival => {
                format!("{} [{}–{}]", short(median), short(lower), short(upper))
            }
            _ => String::new(),
        };
        // Where the payload is not touched, its size says nothing.
        let by_reference = name == "ours, fixed";
        Row {
            time: format!("{} [{}–{}]", grouped(median), grouped(lower), grouped(upper)),
            least: grouped(least),
            speed: if by_reference {
                "–".into()
            } else {
                format!("{:.0}", cell.bytes as f64 / median * 1e3)
            },
            to_go: against("Go"),
            to_gobwire: against("gobwire"),
        }
    }
}

/// Nanoseconds: one decimal where it matters, and groups of three digits.
pub(crate) fn grouped(nanoseconds: f64) -> String {
    if nanoseconds < 100.0 {
        return format!("{nanoseconds:.1}");
    }
    let digits = format!("{nanoseconds:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A ratio in two or three digits that count.
pub(crate) fn short(ratio: f64) -> String {
    match ratio {
        ..0.001 => format!("{ratio:.0e}"),
        ..0.1 => format!("{ratio:.3}"),
        _ => format!("{ratio:.2}"),
    }
}
