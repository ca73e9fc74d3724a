//! Where a value lies between two ends.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From zero.
    Linear,
    Logarithmic,
    /// The same from the least value to the largest, where these have labels.
    Exact,
    /// Logarithmic if the values are more than tenfold apart, else linear, but not from zero.
    Close,
    /// Logarithmic if the values are more than thirtyfold apart, else from zero.
    Wide,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    is_log: bool,
    /// Round numbers, below and above all values.
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// What lies outside is drawn at the end: a logarithm of nothing, and sizes of nothing in this world.
const LEAST: f64 = 1e-9;
const MOST: f64 = 1e18;

impl Scale {
    /// For values, between two places.
    pub(super) fn over(kind: Kind, values: impl IntoIterator<Item = f64>, [from, to]: [f64; 2]) -> Scale {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let least_above = |limit: f64| {
            values.iter().copied().filter(|v| *v >= limit).min_by(f64::total_cmp).map(|v| v.min(MOST))
        };
        let most = values.iter().copied().max_by(f64::total_cmp).unwrap_or(1.0).clamp(0.0, MOST);
        let most = if most < LEAST { 0.0 } else { most };
        let (least, positive) = (least_above(0.0).unwrap_or(0.0).min(most), least_above(LEAST));
        let (is_log, low) = match kind {
            Kind::Linear => (false, 0.0),
            Kind::Logarithmic | Kind::Exact => (true, positive.unwrap_or(LEAST)),
            Kind::Close => (least > 0.0 && most > 10.0 * least, least),
            Kind::Wide => {
                let is_log = least > 0.0 && most > 30.0 * least;
                (is_log, if is_log { least } else { 0.0 })
            }
        };
        if is_log {
            let low = low.max(LEAST);
            let high = most.max(low * 1.1);
            let (low, high) =
                if kind == Kind::Exact { (low, high) } else { (round_down(low), round_up(high)) };
            return Scale { is_log, low, high, from, to };
        }
        // A flat line lies in the middle.
        let high = if most > low { most } else { most + if most == 0.0 { 1.0 } else { 0.1 * most } };
        let step = step(high - low);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Scale { is_log, low, high: if high > low { high } else { low + step }, from, to }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if value.is_finite() { value.clamp(self.low, self.high) } else { self.low };
        let part = if self.is_log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + part * (self.to - self.from)
    }

    /// What a reader has to know of it.
    pub(super) fn remark(&self) -> &'static str {
        match (self.is_log, self.low > 0.0) {
            (true, _) => " (logarithmic)",
            (false, true) => " (does not begin at 0)",
            (false, false) => "",
        }
    }

    /// Round numbers between the ends, a handful.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if !self.is_log {
            let step = step(self.high - self.low);
            let count = ((self.high - self.low) / step).round() as i32;
            return (0..=count).map(|at| self.low + f64::from(at) * step).collect();
        }
        let (first, last) = (exponent(self.low), exponent(self.high));
        let decades = last - first;
        let parts: &[f64] = match decades {
            _ if self.high < 10.5 * self.low => &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            ..=3 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let every = 1 + decades / 8;
        let inside = |value: &f64| *value >= self.low * 0.999 && *value <= self.high * 1.001;
        let decades = (first..=last).filter(|at| (at - first) % every == 0).map(|at| 10_f64.powi(at));
        decades.flat_map(|decade| parts.iter().map(move |part| part * decade)).filter(inside).collect()
    }
}

fn exponent(value: f64) -> i32 {
    (value.log10() + 1e-9).floor() as i32
}

fn round_down(value: f64) -> f64 {
    let decade = 10_f64.powi(exponent(value));
    [5.0, 2.0].into_iter().map(|part| part * decade).find(|round| *round <= value * 1.001).unwrap_or(decade)
}

fn round_up(value: f64) -> f64 {
    let decade = 10_f64.powi(exponent(value));
    let parts = [1.0, 2.0, 5.0].into_iter().map(|part| part * decade);
    parts.into_iter().find(|round| *round >= value * 0.999).unwrap_or(10.0 * decade)
}

/// A round number that fits some five times.
fn step(range: f64) -> f64 {
    round_up(range / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(kind: Kind, values: &[f64]) -> Scale {
        Scale::over(kind, values.iter().copied(), [0.0, 100.0])
    }

    #[test]
    fn ends_are_round_and_everything_is_between_them() {
        let scale = scale(Kind::Logarithmic, &[17.8, 104_800.0]);
        assert_eq!((scale.low, scale.high), (10.0, 200_000.0));
        assert_eq!((scale.place(10.0), scale.place(200_000.0)), (0.0, 100.0));
        assert_eq!(scale.ticks(), [10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
    }

    #[test]
    fn close_values_have_a_scale_of_their_own() {
        let scale = scale(Kind::Close, &[42.0, 57.0]);
        assert_eq!((scale.is_log, scale.low, scale.high), (false, 40.0, 60.0));
        assert_eq!(scale.ticks(), [40.0, 45.0, 50.0, 55.0, 60.0]);
    }

    #[test]
    fn any_values_have_a_scale() {
        let hostile: [&[f64]; 9] = [
            &[],
            &[0.0],
            &[-1.0, -5.0],
            &[f64::NAN, f64::INFINITY],
            &[7.0],
            &[1e-300, 1e300],
            &[0.0, 1.0, 1e6],
            &[f64::MAX, f64::MIN],
            &[5e-324],
        ];
        for values in hostile {
            for kind in [Kind::Linear, Kind::Logarithmic, Kind::Exact, Kind::Close, Kind::Wide] {
                let scale = scale(kind, values);
                for value in values.iter().copied().chain(scale.ticks()) {
                    let place = scale.place(value);
                    assert!((0.0..=100.0).contains(&place), "{value} of {values:?} at {place}: {scale:?}");
                }
                assert!(
                    (if kind == Kind::Exact { 0 } else { 2 }..=20).contains(&scale.ticks().len()),
                    "{values:?}: {scale:?}: {:?}",
                    scale.ticks()
                );
            }
        }
    }
}
