//! Medians, quartiles, outliers and ratios.

/// Median and quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quartiles {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Quartiles {
    /// None if none of the values is a finite number.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Quartiles> {
        Sample::of(values).map(|sample| sample.quartiles())
    }
}

/// Larger ones measure nothing, and their differences are no numbers.
const LARGEST: f64 = 1e300;

/// Values in order; at least one, and all of them finite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// What is no finite number is left out. None if nothing is left.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Sample> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.abs() <= LARGEST).collect();
        values.sort_unstable_by(f64::total_cmp);
        (!values.is_empty()).then_some(Sample(values))
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    /// The value below which so large a part of the others lies, between two of them in proportion.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let place = (self.0.len() - 1) as f64 * part.clamp(0.0, 1.0);
        let (below, above) = (self.0[place.floor() as usize], self.0[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn quartiles(&self) -> Quartiles {
        Quartiles { lower: self.quantile(0.25), median: self.median(), upper: self.quantile(0.75) }
    }

    /// Tukey's fences: what lies more than one and a half times the quartiles' distance outside them is an outlier.
    fn fences(&self) -> (f64, f64) {
        let Quartiles { lower, upper, .. } = self.quartiles();
        let reach = 1.5 * (upper - lower);
        (lower - reach, upper + reach)
    }

    /// The values within the fences. Never empty: the median's neighbours are among them.
    pub(crate) fn within(&self) -> &[f64] {
        let (low, high) = self.fences();
        let begin = self.0.partition_point(|value| *value < low);
        let end = self.0.partition_point(|value| *value <= high);
        &self.0[begin..end]
    }

    /// The values beyond the fences.
    pub(crate) fn outliers(&self) -> impl Iterator<Item = f64> {
        let (low, high) = self.fences();
        self.0.iter().copied().filter(move |value| *value < low || *value > high)
    }
}

/// `ours` as a part of `baseline`, round by round: what disturbs the machine for longer than a round disturbs both.
/// None if there is no round that both have, or nothing to divide by.
pub(crate) fn ratio(ours: &[f64], baseline: &[f64]) -> Option<Quartiles> {
    Quartiles::of(ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline))
}

/// The median of each round, in order; not a number for a round without values.
pub(crate) fn medians(rounds: &[Vec<f64>]) -> Vec<f64> {
    let median = |round: &Vec<f64>| Sample::of(round.iter().copied()).map_or(f64::NAN, |s| s.median());
    rounds.iter().map(median).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `numpy.percentile` has it.
    #[test]
    fn quartiles_lie_between_values() {
        let quartiles = |values: &[f64]| Quartiles::of(values.iter().copied());
        assert_eq!(
            quartiles(&[7.0, 1.0, 3.0, 10.0]),
            Some(Quartiles { lower: 2.5, median: 5.0, upper: 7.75 })
        );
        assert_eq!(quartiles(&[4.0]), Some(Quartiles { lower: 4.0, median: 4.0, upper: 4.0 }));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        assert_eq!(Sample::of([]), None);
        assert_eq!(Sample::of([f64::NAN, f64::INFINITY]), None);
        assert_eq!(Sample::of([2.0, f64::NAN, 1.0]).unwrap().values(), [1.0, 2.0]);
    }

    /// A file may say anything; what is read from one is summed up all the same.
    #[test]
    fn the_largest_numbers_have_quartiles_and_fences() {
        for largest in [1e300, f64::MAX] {
            for values in [vec![-largest, largest], vec![-largest, 1.0, largest, largest]] {
                let Some(sample) = Sample::of(values) else { continue };
                let Quartiles { lower, median, upper } = sample.quartiles();
                assert!(lower <= median && median <= upper && upper.is_finite(), "{sample:?}");
                assert!(!sample.within().is_empty(), "{sample:?}");
            }
        }
    }

    #[test]
    fn outliers_are_beyond_the_fences() {
        let sample = Sample::of([10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 22.0, 23.0, 1.0]).unwrap();
        // Quartiles 11.25 and 15.75: fences at 4.5 and 22.5.
        assert_eq!(sample.outliers().collect::<Vec<_>>(), [1.0, 23.0]);
        assert_eq!(sample.within().first(), Some(&10.0));
        assert_eq!(sample.within().last(), Some(&22.0));
        let same = Sample::of([5.0; 9].into_iter().chain([6.0])).unwrap();
        assert_eq!((same.within().len(), same.outliers().collect::<Vec<_>>()), (9, vec![6.0]));
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine was twice as slow in the second round.
        let ratio = ratio(&[9.0, 18.0, 27.0], &[10.0, 20.0, 30.0, 40.0]).unwrap();
        assert_eq!(ratio, Quartiles { lower: 0.9, median: 0.9, upper: 0.9 });
        assert_eq!(super::ratio(&[1.0, 2.0], &[0.0, f64::NAN]), None);
        assert_eq!(super::ratio(&[], &[1.0]), None);
    }

    #[test]
    fn rounds_keep_their_places() {
        let medians = medians(&[vec![3.0, 1.0, 2.0], vec![], vec![5.0]]);
        assert_eq!((medians[0], medians[1].is_nan(), medians[2]), (2.0, true, 5.0));
    }
}
