//! Charts as SVG, drawn for a width at which a telephone shows letters as they are.
//!
//! `scale.rs` and `axis.rs` say where a value lies, `letters.rs` how much room a text takes, `style.rs` how one
//! contestant differs from the next. `boxes.rs`, `bars.rs` and `stacks.rs` have a row for each contestant, headed by
//! its name (`row.rs`); `lines.rs` has a curve for each.

mod axis;
pub(crate) mod bars;
pub(crate) mod boxes;
mod letters;
pub(crate) mod lines;
mod row;
mod scale;
pub(crate) mod stacks;
pub(crate) mod style;

use std::fmt::{Display, Write as _};

use minijinja::HtmlEscape;

pub(crate) use scale::Kind as ScaleKind;

/// Of all charts, in their own units.
pub(crate) const WIDTH: f64 = 380.0;
/// Heights of letters, as in `page.css`: of names and values, and of what stands at an axis.
const TEXT: f64 = 13.0;
const SMALL: f64 = 11.0;

/// The inside of an `svg` element, and its height.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Drawing {
    pub(crate) body: String,
    pub(crate) height: f64,
}

impl Drawing {
    /// Markup, as it is.
    fn add(&mut self, markup: impl Display) {
        _ = writeln!(self.body, "{markup}");
    }

    fn line(&mut self, class: impl Display, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        self.add(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    fn rectangle(&mut self, class: impl Display, [x, y]: [f64; 2], [width, height]: [f64; 2]) {
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    fn text(&mut self, class: &str, anchor: Anchor, [x, y]: [f64; 2], text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = HtmlEscape(text);
        self.add(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{text}</text>"));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Start,
    Middle,
    End,
}
