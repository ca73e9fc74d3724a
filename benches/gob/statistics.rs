//! Medians, quartiles and the least.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quartiles {
    pub(crate) least: f64,
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Quartiles {
    /// Of one number or more.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Quartiles {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| {
            let place = (numbers.len() - 1) as f64 * part;
            let (below, above) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Quartiles { least: at(0.0), lower: at(0.25), median: at(0.5), upper: at(0.75) }
    }
}
