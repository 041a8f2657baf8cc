//! Reading the log backwards: one page of every stream, merged.

use kernel::{Entry, Position};
use redis::Pipeline;

use super::{Redis, read::MOST_ENTRIES};
use crate::StoreError;

impl Redis {
    pub(in crate::engine) async fn entries_before(
        &self,
        before: Position,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        // Up to the head nothing comes in between, so that streams may be read one after the other.
        let mut before = before.min(self.head().await?.position.successor());
        // Another process may have begun a topic since.
        self.learn_topics().await?;
        let (topics, limit) = (self.0.topics.all(), limit.min(MOST_ENTRIES));
        let (mut parts, mut missing) = (Vec::new(), limit);
        while missing > 0 {
            let counts = self.0.shares.counts(&topics, missing);
            let mut ranges = Pipeline::with_capacity(topics.len());
            let from = before.predecessor().to_string();
            for (topic, count) in topics.iter().zip(&counts) {
                ranges.cmd("XREVRANGE").arg(self.keys().stream(topic)).arg(&from).arg("-").arg("COUNT").arg(*count);
            }
            let answers = self.without_errors(self.0.bulk.send_all(&ranges).await?)?;
            let pages = topics.iter().zip(answers).map(|(topic, answer)| self.entries_of(topic, answer));
            let (entries, is_whole) = merge(pages.collect::<Result<_, _>>()?, &counts, missing);
            let Some(first) = entries.first() else { break };
            before = first.position();
            missing = missing.saturating_sub(entries.len());
            parts.push(entries);
            if is_whole {
                break;
            }
        }
        Ok(parts.into_iter().rev().flatten().collect())
    }
}

/// The last `limit` entries of all pages in log order, or fewer where a page does not reach back that far, or more so as
/// not to part equal positions; and whether that is all there is. Pages come latest entry first.
///
/// A page that holds as many entries as were asked for may go on before its first.
fn merge(pages: Vec<Vec<Entry>>, counts: &[usize], limit: usize) -> (Vec<Entry>, bool) {
    let full = pages.iter().zip(counts).filter(|(page, count)| page.len() >= **count);
    let horizon = full.filter_map(|(page, _)| page.last().map(Entry::position)).max();
    let mut entries: Vec<_> = pages.into_iter().flatten().collect();
    entries.retain(|entry| horizon.is_none_or(|horizon| entry.position() >= horizon));
    entries.sort_by(|a, b| (a.position(), a.topic()).cmp(&(b.position(), b.topic())));
    let mut start = entries.len().saturating_sub(limit);
    while start > 0 && entries[start].position() == entries[start - 1].position() {
        start -= 1;
    }
    (entries.split_off(start), horizon.is_none() && start == 0)
}
