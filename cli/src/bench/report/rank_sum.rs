//! Whether two samples differ by more than chance: the rank-sum test of Mann, Whitney and Wilcoxon.
//!
//! It asks only that values can be ordered, and times of a benchmark are anything but normally distributed.

use super::super::statistics::{Quartiles, Sample};

/// Up to so many values in all, the exact distribution is counted out; above, the normal one is close.
const EXACT: usize = 40;

/// How `new` differs from `old`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    /// The median of all ratios of a new value to an old one (Hodges and Lehmann's estimate, of logarithms), and
    /// the ends of its 95 % confidence interval. Values below zero have no such ratio: they are left out.
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How likely so large a difference of ranks is, either way, if there is none.
    pub(crate) p: f64,
    /// The least `p` that so few values could have.
    pub(crate) least_p: f64,
}

impl Difference {
    /// None if one of them has no value above zero.
    pub(crate) fn between(old: &[f64], new: &[f64]) -> Option<Difference> {
        let positive = |values: &[f64]| Sample::of(values.iter().copied().filter(|value| *value > 0.0));
        let (old, new) = (thinned(positive(old)?), thinned(positive(new)?));
        let ratios = Sample::of(new.iter().flat_map(|new| old.iter().map(move |old| new / old)))?;
        let (n, m) = (new.len() as f64, old.len() as f64);
        // As many ratios lie outside on each side as the rank sum may be off by, in 95 % of all cases; with the same
        // correction for steps as the test, or one would call chance what the other does not.
        let outside = n * m / 2.0 - 0.5 - 1.96 * (n * m * (n + m + 1.0) / 12.0).sqrt();
        let ratios = ratios.values();
        let outside = (outside.max(0.0) as usize).min((ratios.len() - 1) / 2);
        Some(Difference {
            ratio: (ratios[(ratios.len() - 1) / 2] + ratios[ratios.len() / 2]) / 2.0,
            low: ratios[outside],
            high: ratios[ratios.len() - 1 - outside],
            p: p(&old, &new),
            least_p: 2.0 / choose(old.len() + new.len(), old.len()),
        })
    }

    pub(crate) fn quartiles(&self) -> Quartiles {
        Quartiles { lower: self.low, median: self.ratio, upper: self.high }
    }
}

/// Pairs are formed of all values: of more than some hundreds, evenly spaced ones say as much.
fn thinned(sample: Sample) -> Vec<f64> {
    const MOST: usize = 400;
    match sample.values().len() {
        ..=MOST => sample.values().to_vec(),
        _ => (0..MOST).map(|at| sample.quantile(at as f64 / (MOST - 1) as f64)).collect(),
    }
}

/// Two-sided.
fn p(old: &[f64], new: &[f64]) -> f64 {
    // Twice the ranks, so that those of equal values, which share their places, are whole numbers too.
    let mut all: Vec<(f64, bool)> = old.iter().map(|value| (*value, false)).collect();
    all.extend(new.iter().map(|value| (*value, true)));
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks: Vec<usize> = Vec::new();
    let (mut sum, mut ties) = (0, 0.0);
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let rank = 2 * ranks.len() + group.len() + 1;
        ranks.extend(group.iter().map(|_| rank));
        sum += rank * group.iter().filter(|(_, is_new)| *is_new).count();
        ties += (group.len() as f64).powi(3) - group.len() as f64;
    }
    if ranks.len() <= EXACT { exact(&ranks, new.len(), sum) } else { normal(old.len(), new.len(), sum, ties) }
}

/// Counts, of all ways to choose so many of the ranks, those whose sum is as small as this one or smaller, and as large
/// or larger: twice the fewer.
fn exact(ranks: &[usize], chosen: usize, sum: usize) -> f64 {
    let total: usize = ranks.iter().sum();
    // ways[k][s]: to choose k of the ranks looked at so far with the sum s.
    let mut ways = vec![vec![0.0_f64; total + 1]; chosen + 1];
    ways[0][0] = 1.0;
    for rank in ranks {
        for k in (1..=chosen).rev() {
            let (fewer, same) = ways.split_at_mut(k);
            for s in *rank..=total {
                same[0][s] += fewer[k - 1][s - rank];
            }
        }
    }
    let ways = &ways[chosen];
    let (below, above): (f64, f64) = (ways[..=sum].iter().sum(), ways[sum..].iter().sum());
    (2.0 * below.min(above) / ways.iter().sum::<f64>()).min(1.0)
}

/// With corrections for equal values, and for steps where there should be none.
fn normal(old: usize, new: usize, doubled_sum: usize, ties: f64) -> f64 {
    let (m, n) = (old as f64, new as f64);
    let all = m + n;
    let u = doubled_sum as f64 / 2.0 - n * (n + 1.0) / 2.0;
    let deviation = (m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))).sqrt();
    if deviation == 0.0 {
        return 1.0;
    }
    let z = ((u - m * n / 2.0).abs() - 0.5).max(0.0) / deviation;
    libm::erfc(z / std::f64::consts::SQRT_2)
}

fn choose(all: usize, some: usize) -> f64 {
    (0..some.min(all - some)).map(|at| (all - at) as f64 / (at + 1) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &[f64], new: &[f64], expected: f64) {
        for (old, new) in [(old, new), (new, old)] {
            let found = p(old, new);
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    /// Expected: `scipy.stats.mannwhitneyu(…, method="exact")`, with equal values `method=PermutationMethod()`.
    #[test]
    fn few_values_are_counted_out() {
        check(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0, 7.0], 2.0 / 35.0);
        check(&[19.0, 22.0, 16.0, 29.0, 24.0], &[20.0, 11.0, 17.0, 12.0], 0.111_111_111_111_111_1);
        check(
            &[43.1, 42.7, 44.0, 43.3, 42.9, 43.6, 43.8, 42.5],
            &[45.2, 44.4, 43.5, 46.1, 45.0, 44.8, 43.9, 45.7],
            0.001_864_801_864_801_864_8,
        );
        check(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 4.0, 4.0, 5.0], 0.111_111_111_111_111_1);
        check(&[5.0; 4], &[5.0; 3], 1.0);
    }

    /// Expected: the same with `method="asymptotic"`.
    #[test]
    fn many_values_are_close_to_normal() {
        let old: Vec<f64> = (0..30).map(|i| 40.0 + f64::from(i * 37 % 61) / 10.0).collect();
        let new: Vec<f64> = (0..32).map(|i| 41.0 + f64::from(i * 29 % 61) / 10.0).collect();
        check(&old, &new, 0.018_636_103_282_074_077);
        let old: Vec<f64> = (0..40).map(|i| f64::from(i % 7)).collect();
        let new: Vec<f64> = (0..45).map(|i| f64::from(i * 3 % 9)).collect();
        check(&old, &new, 0.842_936_299_058_715_1);
        check(&[1.0; 40], &[1.0; 40], 1.0);
    }

    /// By hand: the nine ratios are 0.5, 0.75, 1, 1.5, 2, 2, 3, 4, 8.
    #[test]
    fn the_ratio_is_the_median_of_all() {
        let difference = Difference::between(&[1.0, 2.0, 4.0], &[2.0, 3.0, 8.0]).unwrap();
        assert_eq!((difference.ratio, difference.low, difference.high), (2.0, 0.5, 8.0));
        assert_eq!(difference.least_p, 0.1);
        assert_eq!(Difference::between(&[0.0, f64::NAN], &[1.0]), None);
        assert_eq!(Difference::between(&[1.0], &[]), None);
    }

    /// However values lie among as many others: what is chance by the test has 1 in its interval. (Of three and three,
    /// all ratios are less than 95 %.)
    #[test]
    fn the_interval_holds_no_less_than_the_test_does() {
        for n in 4..=8_u32 {
            for chosen in (0..1_u32 << (2 * n)).filter(|chosen| chosen.count_ones() == n) {
                let place = |is_new: bool| (0..2 * n).filter(move |at| (chosen >> at & 1 == 1) == is_new);
                let [old, new] =
                    [false, true].map(|is_new| place(is_new).map(|at| f64::from(at + 1)).collect::<Vec<_>>());
                let Difference { low, high, p, .. } = Difference::between(&old, &new).unwrap();
                assert!(p <= 0.05 || (low <= 1.0 && high >= 1.0), "{old:?} {new:?}: {p} [{low}, {high}]");
                // Few of them cannot be told apart at all.
                if n > 4 && p < 0.02 {
                    assert!(low > 1.0 || high < 1.0, "{old:?} {new:?}: {p} [{low}, {high}]");
                }
            }
        }
    }

    /// Most of them too large to be a number: an interval of those that are left.
    #[test]
    fn ratios_beyond_all_numbers_are_left_out() {
        let old: Vec<f64> = [[1e-200; 20], [1.0; 20]].concat();
        let new: Vec<f64> = [[1e200; 35], [2.0; 35]].concat();
        let difference = Difference::between(&old, &new).unwrap();
        assert!(difference.low <= difference.ratio && difference.ratio <= difference.high, "{difference:?}");
        let few = Difference::between(&[[1e-200; 30].to_vec(), vec![1.0]].concat(), &[1e200; 30]).unwrap();
        assert_eq!((few.low, few.high), (1e200, 1e200));
    }

    #[test]
    fn many_values_take_no_more_time_than_some() {
        let values: Vec<f64> = (1..200_000).map(f64::from).collect();
        let difference = Difference::between(&values, &values).unwrap();
        assert!((difference.ratio - 1.0).abs() < 1e-9 && difference.p > 0.99, "{difference:?}");
    }
}
