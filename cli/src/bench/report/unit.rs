//! Numbers as people read them: three digits that count, and a unit of the right size.

use super::super::statistics::Quartiles;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Microseconds.
    Time,
    Bytes,
    Ratio,
    /// Something counted, and how often a second.
    Count,
    PerSecond,
    /// For the axis of frozen time.
    Seconds,
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let (scale, suffix) = self.scale(value);
        digits(value / scale) + suffix
    }

    /// A round number, without the zeros behind it.
    pub(crate) fn tick(self, value: f64) -> String {
        let (scale, suffix) = self.scale(value);
        let text = digits(value / scale);
        let text = if text.contains('.') && !text.contains('e') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        text.to_owned() + suffix
    }

    /// About how much: two digits that count.
    pub(crate) fn about(self, value: f64) -> String {
        let places = value.abs().max(f64::MIN_POSITIVE).log10().floor() as i32 - 1;
        let step = 10_f64.powi(places);
        self.tick(if step.is_normal() { (value / step).round() * step } else { value })
    }

    /// For an axis, with so many decimals.
    pub(crate) fn exact(self, value: f64, decimals: usize) -> String {
        let (scale, suffix) = self.scale(value);
        format!("{:.decimals$}{suffix}", value / scale)
    }

    /// `43.1 [42.2–45.0] µs`: all three in the median's unit. A single value has no quartiles.
    pub(crate) fn spread(self, quartiles: Quartiles) -> String {
        let Quartiles { lower, median, upper } = quartiles;
        if lower == upper {
            return self.show(median);
        }
        let (scale, suffix) = self.scale(median);
        let [lower, median, upper] = [lower, median, upper].map(|value| digits(value / scale));
        format!("{median} [{lower}–{upper}]{suffix}")
    }

    /// The largest unit that leaves something before the decimal point.
    fn scale(self, value: f64) -> (f64, &'static str) {
        let units: &[(f64, &str)] = match self {
            Unit::Time => &[(1e6, " s"), (1e3, " ms"), (1.0, " µs"), (1e-3, " ns")],
            Unit::Bytes => &[(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1.0, " B")],
            Unit::Ratio => &[(1.0, "")],
            Unit::Count => &[(1.0, "")],
            Unit::PerSecond => &[(1.0, "/s")],
            Unit::Seconds => &[(1.0, " s"), (1e-3, " ms")],
        };
        // 999.6 µs would be shown as 1000.
        let fits = |(scale, _): &&(f64, &str)| value.abs() >= 0.9995 * scale;
        let zero = (1.0, units.iter().find(|(scale, _)| *scale == 1.0).map_or("", |(_, suffix)| suffix));
        if value == 0.0 { zero } else { *units.iter().find(fits).unwrap_or(&units[units.len() - 1]) }
    }
}

/// Three that count; whole numbers up to a thousand million as they are, in groups.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        ..0.000_95 | 999_999_999.5.. => format!("{value:.1e}"),
        ..0.095 => format!("{value:.4}").trim_end_matches('0').to_owned(),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// Whole numbers.
pub(crate) fn count(value: usize) -> String {
    grouped(&value.to_string())
}

/// A thin gap between thousands, which no line is broken at.
fn grouped(digits: &str) -> String {
    let first = digits.len() % 3;
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && at % 3 == first && digits.as_bytes()[at - 1] != b'-' && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        for (unit, value, text) in [
            (Unit::Time, 43.123, "43.1 µs"),
            (Unit::Time, 999.7, "1.00 ms"),
            (Unit::Time, 10_480.0, "10.5 ms"),
            (Unit::Time, 0.057, "57.0 ns"),
            (Unit::Time, 0.0, "0 µs"),
            (Unit::Time, 1e30, "1.0e24 s"),
            (Unit::Time, -5.0, "-5.00 µs"),
            (Unit::Time, f64::NAN, "–"),
            (Unit::Bytes, 200.0, "200 B"),
            (Unit::Bytes, 1_993_952.0, "1.99 MB"),
            (Unit::Ratio, 0.9249, "0.92"),
            (Unit::Ratio, 0.0123, "0.0123"),
            (Unit::Ratio, 1e-9, "1.0e-9"),
            (Unit::Ratio, 1234.0, "1234"),
            (Unit::PerSecond, 23_456.7, "23\u{202f}457/s"),
        ] {
            assert_eq!(unit.show(value), text);
        }
        assert_eq!(Unit::Time.tick(2000.0), "2 ms");
        assert_eq!(Unit::Bytes.tick(10_240.0), "10.2 kB");
        assert_eq!(Unit::Bytes.about(1_048_576.0), "1 MB");
        assert_eq!(Unit::Bytes.about(6_291_456.0), "6.3 MB");
        assert_eq!(Unit::Count.about(0.0), "0");
        assert_eq!(Unit::Count.about(64.0), "64");
        assert_eq!(Unit::Count.about(1e6), "1\u{202f}000\u{202f}000");
        assert_eq!(Unit::Time.tick(1e17), "1.0e11 s");
        assert_eq!(count(1_000_000), "1\u{202f}000\u{202f}000");
        assert_eq!(count(6000), "6000");
    }

    #[test]
    fn a_spread_has_one_unit() {
        let quartiles = Quartiles { lower: 990.0, median: 1100.0, upper: 12_000.0 };
        assert_eq!(Unit::Time.spread(quartiles), "1.10 [0.99–12.0] ms");
    }
}
