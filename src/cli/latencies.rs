//! Durations, counted so that percentiles cost little room: a histogram with buckets that grow.

use std::time::Duration;

/// Buckets per doubling, as a power of two: a percentile is off by less than 1 in 64.
const FINENESS: u32 = 6;

/// Longer durations, of some twelve days, are counted as this.
const MOST: u64 = 1 << 40;

/// How often which duration was seen, in microseconds.
///
/// The buckets are those of HdrHistogram (Gil Tene): exact up to 128, then 64 for each doubling.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
}

impl Latencies {
    pub(super) fn add(&mut self, duration: Duration) {
        let bucket = bucket(u64::try_from(duration.as_micros()).unwrap_or(MOST).min(MOST));
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), 0);
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, others)| *own += others);
        self.count += other.count;
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The duration, in milliseconds, that `percent` of 100 did not exceed; nothing was seen: nothing.
    pub(super) fn percentile_ms(&self, percent: u64) -> Option<f64> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(largest(bucket) as f64 / 1_000.0)
    }
}

fn bucket(micros: u64) -> usize {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(FINENESS + 1);
    // At most 64 doublings of 64 buckets.
    ((u64::from(shift) << FINENESS) + (micros >> shift)) as usize
}

/// The largest duration that a bucket counts.
const fn largest(bucket: usize) -> u64 {
    let shift = (bucket >> FINENESS).saturating_sub(1) as u32;
    let top = bucket as u64 - ((shift as u64) << FINENESS);
    ((top + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        micros.into_iter().for_each(|micros| latencies.add(Duration::from_micros(micros)));
        latencies
    }

    #[test]
    fn every_duration_is_in_a_bucket_that_ends_at_it_or_a_64th_above() {
        let some = (0..40).flat_map(|power| [1_u64 << power, (1 << power) + 1, (3 << power) - 1]);
        for micros in (0..1_000).chain(some) {
            let end = largest(bucket(micros));
            assert!(end >= micros && end - micros <= micros / 64, "{micros} counts as {end}");
            assert_eq!(bucket(end + 1), bucket(micros) + 1);
        }
    }

    #[test]
    fn percentiles_are_the_least_that_so_many_did_not_exceed() {
        let hundred = of(1..=100);
        assert_eq!([1, 50, 99, 100].map(|percent| hundred.percentile_ms(percent)), [0.001, 0.05, 0.099, 0.1].map(Some));
        assert_eq!(of([7]).percentile_ms(0), Some(0.007));
        assert_eq!(of([]).percentile_ms(50), None);
    }

    #[test]
    fn merged_counts_are_as_if_counted_together() {
        let mut merged = of(1..=50);
        merged.merge(&of(51..=100));
        assert_eq!((merged.count(), merged.percentile_ms(99)), (100, Some(0.099)));
    }
}
