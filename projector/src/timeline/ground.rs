//! What an answer stands on: the file as far as it goes, and above it what is in memory or in the log.

use std::{
    collections::{BTreeMap, HashSet},
    ops::ControlFlow,
    time::Duration,
};

use kernel::{Checkpoint, Position, Topic};
use runtime::{StoreError, Stretch};

use super::{
    Shared, Timeline, Version,
    disk::Cut,
    recent::{self, Living, Recent, Scope, Versions},
};

/// How long to wait for the keeper before the log is read instead.
const PATIENCE: Duration = Duration::from_secs(1);

/// The part of an answer that comes from the file.
#[derive(Default)]
pub(super) struct Ground {
    cut: Option<Cut>,
    /// How far the file goes.
    pub(super) base: Checkpoint,
}

impl Ground {
    /// How far the file goes, up to `at`.
    fn up_to(&self, at: Position) -> Position {
        at.min(self.base.position)
    }

    pub(super) async fn last(&mut self, topic: &str, key: &str, at: Position) -> Result<Option<Version>, StoreError> {
        let at = self.up_to(at);
        match &mut self.cut {
            Some(cut) => cut.last(topic, key, at).await,
            None => Ok(None),
        }
    }

    pub(super) async fn versions(
        &mut self,
        topic: &str,
        key: &str,
        until: Position,
    ) -> Result<Vec<Version>, StoreError> {
        let until = self.up_to(until);
        match &mut self.cut {
            Some(cut) => cut.versions(topic, key, until).await,
            None => Ok(Vec::new()),
        }
    }

    pub(super) async fn table(&mut self, topic: &Topic, at: Position) -> Result<BTreeMap<String, String>, StoreError> {
        let at = self.up_to(at);
        let Some(cut) = &mut self.cut else { return Ok(BTreeMap::new()) };
        cut.table(topic, at).await
    }

    pub(super) async fn mentions(&mut self, ids: &HashSet<u64>, until: Position) -> Result<Vec<Position>, StoreError> {
        let until = self.up_to(until);
        match &mut self.cut {
            Some(cut) => cut.mentions(ids, until).await,
            None => Ok(Vec::new()),
        }
    }

    pub(super) const fn cut(&mut self) -> Option<&mut Cut> {
        self.cut.as_mut()
    }
}

impl Shared {
    /// What the file has, if it has all that is needed to tell rows as of `from` and later.
    pub(super) async fn ground(&self, from: Position) -> Result<Ground, StoreError> {
        let Some(disk) = &self.disk else { return Ok(Ground::default()) };
        let cut = disk.cut().await?;
        // Versions that another version of the projection made are no ground to stand on.
        if cut.state.version != self.domain.projection() || from < cut.state.floor {
            return Ok(Ground::default());
        }
        let base = cut.state.checkpoint.clone();
        // R3: what the file holds is what this log says. Who keeps it looks with each entry.
        let is_kept = self.kept.borrow().is_some();
        if !is_kept {
            self.engine.continues_from(&base).await?;
        }
        Ok(Ground { cut: Some(cut), base })
    }

    /// What `read` makes out in the keeper's memory, if that holds everything after `base` up to `at`.
    pub(super) async fn kept<T>(&self, base: &Checkpoint, at: Position, read: impl FnOnce(&Recent) -> T) -> Option<T> {
        if !self.is_kept_up_to(at).await {
            return None;
        }
        let held = self.recent();
        // What was written to the file meanwhile may be in neither.
        let recent = held.as_ref().filter(|recent| recent.after.position <= base.position && at <= recent.at.position);
        recent.map(read)
    }

    /// Waits a little for the keeper, if there is one, to have come to `at`; tells whether it has.
    pub(super) async fn is_kept_up_to(&self, at: Position) -> bool {
        let mut kept = self.kept.subscribe();
        let reached = kept.wait_for(|kept| kept.is_none_or(|kept| kept >= at));
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(Ok(kept)) => kept.is_some(),
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

impl Timeline {
    /// What there is between `ground` and `at`, as `read` makes it out: from what the keeper has in memory, and from
    /// the log where there is none or it is behind. Nothing when the ground goes that far.
    ///
    /// `living` are the rows that exist where the ground ends, of those that `scope` is about.
    pub(super) async fn young<T>(
        &self,
        ground: &mut Ground,
        at: Position,
        scope: Scope,
        versions: Versions,
        living: impl IntoIterator<Item = (&'static str, &str)>,
        read: impl FnOnce(&Recent) -> T,
    ) -> Result<Option<T>, StoreError> {
        // Readers of the file are few, and the log may be long.
        ground.cut = None;
        let base = &ground.base;
        if at <= base.position {
            return Ok(None);
        }
        let mut read = Some(read);
        let kept = self.0.kept(base, at, |recent| read.take().map(|read| read(recent))).await;
        let read = match (kept, read) {
            (Some(kept), _) => return Ok(kept),
            (None, Some(read)) => read,
            (None, None) => return Ok(None),
        };
        let mut known = Living::default();
        living.into_iter().for_each(|(topic, key)| known.set(recent::name(topic, key), Some(0)));
        let recent = Recent::new(&self.0.domain, base.clone(), known, scope, versions);
        let stretch = Stretch { after: base.clone(), until: at };
        let scanned = self.scan(stretch, recent, |recent, seen| {
            recent.take(seen);
            ControlFlow::Continue(())
        });
        Ok(Some(read(&scanned.await?)))
    }
}
