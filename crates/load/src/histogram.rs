//! Times in logarithmic buckets: no sample is kept, and no quantile is off by more than 0.8 %.

use std::time::Duration;

/// Bits of a value that tell buckets of the same magnitude apart: 64 buckets for every doubling, each at most 1/64 wide,
/// read at its middle.
const STEPS_BITS: u32 = 6;
const STEPS: u64 = 1 << STEPS_BITS;
/// Values below this have a bucket each.
const EXACT: u64 = STEPS * 2;
/// Up to 2^40 ns, 18 minutes; longer ones count as that.
const MAX_BITS: u32 = 40;

/// How often each time occurred. Times are counted in nanoseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; bucket(u64::MAX) + 1], count: 0, sum: 0, longest: 0 }
    }
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
        }
        self.count += 1;
        self.sum += u128::from(nanoseconds);
        self.longest = self.longest.max(nanoseconds);
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time that this share of all times (0 to 1) does not exceed; zero when nothing was counted.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(middle(bucket).min(self.longest));
            }
        }
        self.longest()
    }

    /// The mean; zero when nothing was counted.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or_default();
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The longest time, exactly.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }
}

fn bucket(value: u64) -> usize {
    let value = value.min((1 << MAX_BITS) - 1);
    if value < EXACT {
        return value as usize;
    }
    // The leading bit and the STEPS_BITS behind it.
    let shift = value.ilog2() - STEPS_BITS;
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket - shift * STEPS) << shift) + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_rise_without_gaps_and_are_narrow() {
        let mut last = 0;
        for value in (0..5_000).chain((13..39).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1]))
        {
            let own = bucket(value);
            assert!(own == last || own == last + 1 || value > 5_000, "{value}: {last} {own}");
            assert!(own >= last, "{value}");
            let off = middle(own).abs_diff(value) as f64 / value.max(1) as f64;
            assert!(off <= 0.008, "{value} is read as {}", middle(own));
            last = own;
        }
        assert_eq!(bucket(u64::MAX), bucket((1 << MAX_BITS) - 1));
    }

    #[test]
    fn quantiles_of_a_thousand_times() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.mean()), (Duration::ZERO, Duration::ZERO));
        for microseconds in 1..=1_000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        for (share, expected) in [(0.0, 1), (0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1_000)] {
            let read = histogram.quantile(share).as_nanos() as f64 / 1_000.0;
            assert!((read / f64::from(expected) - 1.0).abs() < 0.008, "{share}: {read}");
        }
        assert_eq!(histogram.longest(), Duration::from_millis(1));
        assert_eq!(histogram.mean(), Duration::from_nanos(500_500));
    }

    #[test]
    fn merging_is_counting_together() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_micros(1));
        other.record(Duration::from_secs(7_200));
        one.merge(&other);
        assert_eq!((one.count(), one.longest()), (2, Duration::from_secs(7_200)));
        assert_eq!(one.quantile(0.5).as_nanos() / 10, 100);
    }
}
