//! How many rows the read model's generations have: counted once at a time, and told for a while.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use projector::{Generation, ModelState, ReadModel, Stage};
use runtime::StoreError;
use tokio::sync::Mutex;

/// For how long counts are told.
pub(crate) const KEPT: Duration = Duration::from_secs(5);

/// The rows of each generation, by its number.
type Rows = BTreeMap<u64, u64>;

/// Which generations there are, and how far each has come: counts of others are no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Of {
    served: u64,
    others: Vec<(u64, Stage)>,
}

impl Of {
    pub(crate) fn new(served: &ModelState, others: &[Generation]) -> Self {
        let others = others.iter().map(|other| (other.state.generation, other.stage)).collect();
        Self { served: served.generation, others }
    }
}

/// The counts of one read model. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    last: Arc<Mutex<Option<(Of, Instant, Rows)>>>,
    kept: Duration,
}

impl Counts {
    /// None yet; they are told for as long as `kept`.
    pub(crate) fn new(kept: Duration) -> Self {
        Self { last: Arc::default(), kept }
    }

    /// How many rows each generation of `model` has. A count that nobody waits for any more still comes to its end, and
    /// the next who asks has it.
    pub(crate) async fn of(&self, model: &ReadModel, of: Of) -> Result<Rows, StoreError> {
        let mut last = self.last.clone().lock_owned().await;
        if let Some((known, at, rows)) = &*last
            && *known == of
            && at.elapsed() < self.kept
        {
            return Ok(rows.clone());
        }
        let (url, model) = (model.place(), model.clone());
        let counting = tokio::spawn(async move {
            let rows = model.row_counts().await?;
            *last = Some((of, Instant::now(), rows.clone()));
            Ok(rows)
        });
        counting.await.map_err(|error| StoreError::Unavailable { url, reason: format!("counting died: {error}") })?
    }
}

#[cfg(test)]
mod tests {
    use runtime::{Namespace, StoreUrl};

    use super::*;

    #[tokio::test]
    async fn counts_are_told_for_a_while_and_only_of_what_was_counted() {
        let model = ReadModel::open(&StoreUrl::Memory, &Namespace::default()).await.unwrap();
        let of = async || Of::new(&model.state().await.unwrap(), &model.generations().await.unwrap());
        let (kept, fleeting) = (Counts::new(Duration::MAX), Counts::new(Duration::ZERO));
        let first = of().await;
        let counted = kept.of(&model, first.clone()).await.unwrap();
        assert_eq!(fleeting.of(&model, first.clone()).await.unwrap(), counted);
        model.begin(2, "a plan").await.unwrap();
        let now = model.row_counts().await.unwrap();
        assert_ne!(now, counted);
        assert_eq!(kept.of(&model, first.clone()).await.unwrap(), counted, "it was counted just now");
        assert_eq!(fleeting.of(&model, first).await.unwrap(), now);
        assert_eq!(kept.of(&model, of().await).await.unwrap(), now);
    }

    #[tokio::test]
    async fn a_count_goes_on_when_nobody_waits_for_it() {
        use futures_util::FutureExt as _;

        let model = ReadModel::open(&StoreUrl::Memory, &Namespace::default()).await.unwrap();
        let of = Of::new(&model.state().await.unwrap(), &[]);
        let counts = Counts::new(Duration::MAX);
        assert!(counts.of(&model, of.clone()).now_or_never().is_none());
        assert!(counts.last.try_lock().is_err(), "no other begins meanwhile");
        let rows = counts.of(&model, of).await.unwrap();
        model.begin(2, "a plan").await.unwrap();
        assert_ne!(model.row_counts().await.unwrap(), rows, "what was counted then");
    }
}
