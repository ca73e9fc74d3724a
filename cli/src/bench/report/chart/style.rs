//! How one contestant differs from the next: by colour, and for those who do not see it, by a mark and a dash.

use std::fmt::Write as _;

use super::Drawing;

/// Colours of the page.
#[derive(Debug)]
pub(crate) struct Palette {
    pub(crate) ground: &'static str,
    /// Behind tables' heads and warnings.
    pub(crate) shade: &'static str,
    pub(crate) text: &'static str,
    pub(crate) quiet: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) link: &'static str,
    pub(crate) good: &'static str,
    pub(crate) bad: &'static str,
    /// After Okabe and Ito, darker or lighter as the ground needs it.
    pub(crate) series: [&'static str; COLOURS],
}

/// As many as there are contestants of go1x's own.
const COLOURS: usize = 8;
/// Nine, so that colour and mark together repeat after 72.
const MARKS: usize = 9;
const DASHES: [&str; COLOURS] = ["none", "7 3", "2 3", "9 3 2 3", "14 4", "4 6", "9 3 2 3 2 3", "2 7"];

pub(crate) const LIGHT: Palette = Palette {
    ground: "#ffffff",
    shade: "#f1f4f6",
    text: "#1c2126",
    quiet: "#545e68",
    rule: "#d5dade",
    link: "#005a9e",
    good: "#00664a",
    bad: "#a8280a",
    series: ["#0067a8", "#b14400", "#007050", "#963f85", "#776000", "#3f474f", "#8410f0", "#0c0078"],
};

pub(crate) const DARK: Palette = Palette {
    ground: "#15191d",
    shade: "#20262c",
    text: "#e6e9ec",
    quiet: "#a6b0ba",
    rule: "#39424b",
    link: "#7cc4f5",
    good: "#4fd1a5",
    bad: "#ff9a7a",
    series: ["#5cb6f0", "#f59a4c", "#35c796", "#e293cf", "#e5d04a", "#c3cad1", "#d830fc", "#fc2454"],
};

/// As variables of CSS.
pub(crate) fn variables(palette: &Palette) -> String {
    let Palette { ground, shade, text, quiet, rule, link, good, bad, series } = *palette;
    let names = ["ground", "shade", "text", "quiet", "rule", "link", "good", "bad"];
    let mut css = String::new();
    for (name, colour) in names.iter().zip([ground, shade, text, quiet, rule, link, good, bad]) {
        _ = write!(css, "--{name}:{colour};");
    }
    for (at, colour) in series.iter().enumerate() {
        _ = write!(css, "--series-{at}:{colour};");
    }
    css
}

/// The look of the contestant (or stage) with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style(pub(crate) usize);

impl Style {
    /// The class that has its colour.
    pub(crate) fn class(self) -> String {
        format!("s{}", self.0 % COLOURS)
    }

    pub(super) fn dash(self) -> &'static str {
        DASHES[self.0 % DASHES.len()]
    }

    pub(super) fn mark(self, drawing: &mut Drawing, [x, y]: [f64; 2], r: f64) {
        let path = match self.0 % MARKS {
            0 | 7 => format!("M{:.1} {y:.1}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z", x - r, d = 2.0 * r),
            1 => format!("M{:.1} {:.1}h{d:.1}v{d:.1}h-{d:.1}z", x - 0.9 * r, y - 0.9 * r, d = 1.8 * r),
            2 => format!(
                "M{x:.1} {:.1}l{w:.1} {h:.1}h-{:.1}z",
                y - 1.2 * r,
                2.3 * r,
                w = 1.15 * r,
                h = 2.0 * r
            ),
            3 | 8 => format!(
                "M{x:.1} {:.1}l{d:.1} {d:.1}l-{d:.1} {d:.1}l-{d:.1} -{d:.1}z",
                y - 1.3 * r,
                d = 1.3 * r
            ),
            4 => format!(
                "M{x:.1} {:.1}l{w:.1} -{h:.1}h-{:.1}z",
                y + 1.2 * r,
                2.3 * r,
                w = 1.15 * r,
                h = 2.0 * r
            ),
            5 => cross([x, y], r, [[1.0, 0.0], [0.0, 1.0]]),
            _ => cross([x, y], r, [[0.8, 0.8], [0.8, -0.8]]),
        };
        let class = self.class();
        let open = if self.0 % MARKS >= 5 { " open" } else { "" };
        drawing.add(format_args!("<path class=\"mark {class}{open}\" d=\"{path}\"/>"));
    }

    /// A piece of the line with its mark, for a legend.
    pub(crate) fn sample(self) -> String {
        let mut drawing = Drawing::default();
        let (class, dash) = (self.class(), self.dash());
        drawing
            .add(format_args!("<path class=\"curve {class}\" stroke-dasharray=\"{dash}\" d=\"M1 7H31\"/>"));
        self.mark(&mut drawing, [16.0, 7.0], 4.0);
        format!(
            "<svg viewBox=\"0 0 32 14\" width=\"32\" height=\"14\" aria-hidden=\"true\">{}</svg>",
            drawing.body
        )
    }

    /// A field of the colour, for a legend of areas; its number is in it.
    pub(crate) fn field(self) -> String {
        let (class, number) = (self.class(), self.0 + 1);
        format!(
            "<svg viewBox=\"0 0 24 16\" width=\"24\" height=\"16\" aria-hidden=\"true\">\
             <rect class=\"area {class}\" width=\"24\" height=\"16\"/>\
             <text class=\"on\" x=\"12\" y=\"12\" text-anchor=\"middle\">{number}</text></svg>"
        )
    }
}

fn cross([x, y]: [f64; 2], r: f64, arms: [[f64; 2]; 2]) -> String {
    let arm = |[dx, dy]: [f64; 2]| {
        format!("M{:.1} {:.1}L{:.1} {:.1}", x - dx * r, y - dy * r, x + dx * r, y + dy * r)
    };
    arms.map(arm).concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// WCAG 2's relative luminance.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// WCAG 2.2 AA: 4.5 for text; numbers stand on the series' colours in that of the ground.
    #[test]
    fn everything_can_be_read_in_both_modes() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
        for palette in [LIGHT, DARK] {
            let Palette { ground, shade, text, quiet, link, good, bad, series, .. } = palette;
            for ground in [ground, shade] {
                for colour in [text, quiet, link, good, bad] {
                    assert!(contrast(colour, ground) >= 4.5, "{colour} on {ground}");
                }
            }
            for colour in series {
                assert!(contrast(colour, ground) >= 4.5, "{colour} on {ground}");
            }
        }
    }

    /// Whoever does not see one of the three, on paper say, has the others.
    #[test]
    fn eight_differ_in_colour_and_in_mark_and_in_dash() {
        let mark = |at: usize| {
            let mut drawing = Drawing::default();
            Style(at).mark(&mut drawing, [0.0, 0.0], 4.0);
            drawing.body.replace(&Style(at).class(), "")
        };
        let marks: BTreeSet<String> = (0..8).map(mark).collect();
        let dashes: BTreeSet<&str> = (0..8).map(|at| Style(at).dash()).collect();
        assert_eq!((marks.len(), dashes.len()), (8, 8));
        for palette in [LIGHT, DARK] {
            let colours: BTreeSet<&str> = (0..8).map(|at| palette.series[at]).collect();
            assert_eq!(colours.len(), 8);
        }
        for at in 0..8 {
            let rule = format!(".s{at}{{--c:var(--series-{at})}}");
            assert!(include_str!("../page.css").contains(&rule), "{rule}");
            assert_eq!(Style(at).class(), format!("s{at}"));
        }
    }

    #[test]
    fn no_two_of_seventy_two_look_alike() {
        let looks: BTreeSet<String> = (0..72).map(|at| Style(at).sample()).collect();
        assert_eq!(looks.len(), 72);
    }
}
