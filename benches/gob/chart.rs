//! Times relative to Go's as bars, on a stream that is in use.

use std::fmt::Write as _;

use crate::contestant::{Mode, Operation};
use crate::measure::Cell;
use crate::summary::{ratio, short};

/// Who has a bar, and its colour. Go is the line at 1.
const BARS: [(&str, &str); 3] =
    [("ours, fixed", "#0b6e4f"), ("ours, serde", "#3aa17e"), ("gobwire", "#b08968")];
/// The axis is logarithmic. What is below it is cut off and has its number all the same.
const LEAST: f64 = 0.01;
const MOST: f64 = 3.0;
const LEFT: f64 = 150.0;
const WIDTH: f64 = 260.0;
/// From one operation's axis to the next one's.
const COLUMN: f64 = WIDTH + 60.0;
const BAR: f64 = 9.0;

pub(crate) fn svg(cells: &[Cell]) -> String {
    // Numbers come first: their white rims cover the lines, and the bars cover the rims.
    let (mut numbers, mut bars) = (String::new(), String::new());
    let mut workloads: Vec<_> = cells.iter().map(|cell| cell.workload).collect();
    workloads.dedup();
    let mut y = 62.0;
    for workload in workloads {
        let of_workload = cells.iter().filter(|cell| cell.workload == workload && cell.mode == Mode::Stream);
        let mut height = 0.0_f64;
        for cell in of_workload {
            let left = if cell.operation == Operation::Encode { LEFT } else { LEFT + COLUMN };
            let ratios =
                BARS.iter().filter_map(|(name, colour)| Some((ratio(cell, name, "Go")?.median, colour)));
            for (at, (ratio, colour)) in ratios.enumerate() {
                let top = y + at as f64 * BAR;
                let width = place(ratio).max(1.0);
                let thickness = BAR - 1.0;
                _ = writeln!(
                    bars,
                    "<rect x=\"{left}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{thickness}\" fill=\"{colour}\"/>"
                );
                _ = writeln!(
                    numbers,
                    "<text x=\"{:.1}\" y=\"{:.1}\" class=\"n\">{}</text>",
                    left + width + 3.0,
                    top + BAR - 2.0,
                    short(ratio)
                );
                height = height.max((at + 1) as f64 * BAR);
            }
        }
        _ = writeln!(
            bars,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{workload}</text>",
            LEFT - 8.0,
            y + 10.0
        );
        y += height + 9.0;
    }
    let mut head = String::new();
    for (column, title) in ["encode", "decode"].iter().enumerate() {
        let left = LEFT + column as f64 * COLUMN;
        _ = writeln!(head, "<text x=\"{left}\" y=\"36\" font-weight=\"bold\">{title}</text>");
        for (tick, label) in [(0.01, "0.01"), (0.1, "0.1"), (1.0, "Go")] {
            let x = left + place(tick);
            let class = if tick == 1.0 { "go" } else { "tick" };
            _ = writeln!(
                head,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"54\" y2=\"{y:.1}\" class=\"{class}\"/>\
                 <text x=\"{x:.1}\" y=\"50\" class=\"n\" text-anchor=\"middle\">{label}</text>"
            );
        }
    }
    for (at, (name, colour)) in BARS.iter().enumerate() {
        let x = LEFT + at as f64 * 110.0;
        _ = writeln!(
            head,
            "<rect x=\"{x}\" y=\"10\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"19\">{name}</text>",
            x + 14.0
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1:.0}\" width=\"{0}\" height=\"{1:.0}\">\n\
         <style>text{{font:12px sans-serif;fill:#222}}.n{{font-size:9px;fill:#555;paint-order:stroke;stroke:#fff;stroke-width:4.5px}}.tick{{stroke:#ddd}}\
         .go{{stroke:#c1121f}}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"19\">time ÷ Go's time</text>\n{head}{numbers}{bars}</svg>\n",
        LEFT + 2.0 * COLUMN,
        y + 8.0
    )
}

fn place(ratio: f64) -> f64 {
    (ratio.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln() * WIDTH
}
