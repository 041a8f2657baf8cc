//! What a demo has done so far, for the terminal and for programs.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::{
    driver::{Sample, Verdict},
    latencies::Latencies,
};

/// Counts by what clients were doing.
#[derive(Debug)]
pub(super) struct Figures {
    begun: Instant,
    lasted: Option<Duration>,
    labels: BTreeMap<&'static str, Tally>,
    last_failure: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    refused: u64,
    failed: u64,
    latencies: Latencies,
}

impl Tally {
    const fn requests(&self) -> u64 {
        self.latencies.count()
    }

    fn json(&self) -> Value {
        json!({
            "requests": self.requests(),
            "refused": self.refused,
            "failed": self.failed,
            "p50_ms": self.latencies.percentile_ms(50),
            "p99_ms": self.latencies.percentile_ms(99),
        })
    }

    fn row(&self, label: &str) -> String {
        let ms =
            |percent| self.latencies.percentile_ms(percent).map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
        let [requests, refused, failed] = [self.requests(), self.refused, self.failed].map(grouped);
        format!("{label:<22}{requests:>10}{refused:>10}{failed:>10}{:>10}{:>10}\n", ms(50), ms(99))
    }
}

impl Figures {
    /// Nothing yet; time starts to run.
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), lasted: None, labels: BTreeMap::new(), last_failure: None }
    }

    /// Time stops; what is still under way may be added.
    pub(super) fn end(&mut self) {
        self.lasted = Some(self.begun.elapsed());
    }

    pub(super) fn add(&mut self, sample: &Sample) {
        let tally = self.labels.entry(sample.label).or_default();
        tally.latencies.add(sample.elapsed);
        match &sample.verdict {
            Verdict::Done => {}
            Verdict::Refused => tally.refused += 1,
            Verdict::Failed(message) => {
                tally.failed += 1;
                self.last_failure = Some(message.clone());
            }
        }
    }

    fn all(&self) -> Tally {
        let mut all = Tally::default();
        for tally in self.labels.values() {
            all.refused += tally.refused;
            all.failed += tally.failed;
            all.latencies.merge(&tally.latencies);
        }
        all
    }

    fn seconds(&self) -> f64 {
        self.lasted.unwrap_or_else(|| self.begun.elapsed()).as_secs_f64()
    }

    fn rate(&self, requests: u64) -> f64 {
        requests as f64 / self.seconds().max(0.001)
    }

    /// Everything on one line of so many characters, the most frequent first.
    pub(super) fn line(&self, width: usize) -> String {
        let all = self.all();
        let ms = |percent| all.latencies.percentile_ms(percent).unwrap_or_default();
        let mut line = format!(
            "{:.1}/s  {} requests  {} refused  {} failed  p50 {:.1} ms  p99 {:.1} ms",
            self.rate(all.requests()),
            grouped(all.requests()),
            grouped(all.refused),
            grouped(all.failed),
            ms(50),
            ms(99)
        );
        let mut labels: Vec<_> = self.labels.iter().collect();
        labels.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.requests()));
        for (label, tally) in labels {
            // Writing to a text can't fail.
            let _ = write!(line, "  {label} {}", grouped(tally.requests()));
        }
        // The last column stays free: some terminals break the line there.
        line.chars().take(width.saturating_sub(1)).collect()
    }

    /// What was done, a line each, and the sum.
    pub(super) fn table(&self) -> String {
        let all = self.all();
        let mut table =
            format!("{:<22}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "requests", "refused", "failed", "p50 ms", "p99 ms");
        table.extend(self.labels.iter().map(|(label, tally)| tally.row(label)));
        table.push_str(&all.row("all"));
        let rate = self.rate(all.requests());
        table + &format!("{:.1} s, {rate:.1} requests/s\n", self.seconds())
    }

    /// The same for programs.
    pub(super) fn json(&self, seed: u64) -> Value {
        let all = self.all();
        let labels: BTreeMap<_, _> = self.labels.iter().map(|(label, tally)| (*label, tally.json())).collect();
        let mut json = all.json();
        json["seed"] = seed.into();
        json["seconds"] = self.seconds().into();
        json["requests_per_second"] = self.rate(all.requests()).into();
        json["labels"] = json!(labels);
        json
    }

    /// How many requests failed, and how the last one did; nothing when none did.
    pub(super) fn failure(&self) -> Option<String> {
        let (all, last) = (self.all(), self.last_failure.as_ref()?);
        Some(format!("{} of {} requests failed; the last one: {last}", grouped(all.failed), grouped(all.requests())))
    }
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let mut figures = Figures::begin();
        let mut add = |label, ms, verdict| figures.add(&Sample { label, elapsed: Duration::from_millis(ms), verdict });
        (0..1_200).for_each(|_| add("look at order", 2, Verdict::Done));
        add("place order", 9, Verdict::Refused);
        add("pay", 30_000, Verdict::Failed("POST /billing was answered 503: the store is away".into()));
        figures.lasted = Some(Duration::from_secs(60));
        figures
    }

    #[test]
    fn the_table_has_a_line_for_everything_and_one_for_all() {
        let expected = "                        requests   refused    failed    p50 ms    p99 ms
look at order              1,200         0         0       2.0       2.0
pay                            1         0         1   30146.6   30146.6
place order                    1         1         0       9.1       9.1
all                        1,202         1         1       2.0       2.0
60.0 s, 20.0 requests/s
";
        assert_eq!(figures().table(), expected);
    }

    #[test]
    fn the_live_line_fits_the_terminal() {
        let line = "20.0/s  1,202 requests  1 refused  1 failed  p50 2.0 ms  p99 2.0 ms  look at order 1,200  p";
        assert_eq!(figures().line(92), line);
        assert_eq!(figures().line(0), "");
    }

    #[test]
    fn json_has_the_same_figures() {
        let json = figures().json(7);
        assert_eq!((&json["seed"], &json["requests"], &json["failed"]), (&7.into(), &1_202.into(), &1.into()));
        assert_eq!(json["labels"]["look at order"]["requests"], 1_200);
        assert_eq!(json["labels"]["place order"]["refused"], 1);
        assert_eq!(json["requests_per_second"].as_f64().map(f64::round), Some(20.0));
    }

    #[test]
    fn failures_are_counted_and_the_last_one_named() {
        let message = "1 of 1,202 requests failed; the last one: POST /billing was answered 503: the store is away";
        assert_eq!(figures().failure().as_deref(), Some(message));
        assert_eq!(Figures::begin().failure(), None);
    }
}
