//! Which events a part is about: an entity's own, what led to them, and what came of all that.

use std::{
    collections::{BTreeSet, HashSet},
    ops::ControlFlow,
};

use kernel::{Checkpoint, Domain, EventRef, Position, Seen};
use runtime::{Engine, StoreError, Stretch};

use super::Window;
use crate::apart::apart;
use crate::causes::{self, Inference};

/// The events that a part of a log is about.
///
/// Whatever an own event led to is own as well, so a decision about one has all its effects beside it.
#[derive(Clone, Debug, Default)]
pub struct Own {
    ids: HashSet<String>,
    /// Own events that came of something outside the window.
    pub(super) cut: HashSet<String>,
    /// Rows that own events are about, by topic and key.
    pub(super) rows: BTreeSet<(String, String)>,
    /// How many own events don't say what caused them, so that it was inferred.
    pub inferred: u64,
}

impl Own {
    /// Whether the event with this identifier is own: the decisions about it are part of the part.
    #[must_use]
    pub fn holds(&self, event: &str) -> bool {
        self.ids.contains(event) && !self.cut.contains(event)
    }

    /// As [`Own::holds`], those included that are there as they are, nobody being asked about them.
    pub(super) fn has(&self, event: &str) -> bool {
        self.ids.contains(event)
    }

    /// How many of the events are there as they are, nobody being asked about them: what caused them is not among them.
    #[must_use]
    pub fn given(&self) -> usize {
        self.cut.len()
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// What to begin with.
#[derive(Clone, Debug)]
pub(super) enum Seed {
    /// Events about one row, by topic and key.
    Row(String, String),
    /// All that happened in the window.
    All,
    /// Only what is own besides.
    Nothing,
}

/// Finds the own events of a window of a log; `more` are own besides, with all that belongs to them.
///
/// It looks through the log until nothing is added: once for each step that a cause is away from the seed.
pub(super) async fn own(
    domain: &Domain,
    engine: &Engine,
    seed: &Seed,
    window: Window,
    more: &HashSet<String>,
) -> Result<Own, StoreError> {
    let mut search = Search {
        domain: domain.clone(),
        seed: seed.clone(),
        window,
        own: Own::default(),
        wanted: more.clone(),
        inference: None,
    };
    loop {
        let before = search.own.ids.len();
        search = search.pass(engine).await?;
        let unseen = search.wanted.difference(&search.own.ids).next().is_some();
        if !unseen || search.own.ids.len() == before {
            return Ok(search.own);
        }
    }
}

#[derive(Debug)]
struct Search {
    domain: Domain,
    seed: Seed,
    window: Window,
    own: Own,
    /// Causes of own events, and whatever else has to be own.
    wanted: HashSet<String>,
    /// For logs of programs that write no causes down.
    inference: Option<Inference>,
}

impl Search {
    async fn pass(mut self, engine: &Engine) -> Result<Self, StoreError> {
        (self.own.cut, self.own.inferred, self.inference) = Default::default();
        apart(engine, "recording", move |reader| {
            let mut is_first = true;
            let stretch = Stretch { after: Checkpoint::default(), until: self.window.to };
            reader.scan(&stretch, &mut |seen| {
                if std::mem::take(&mut is_first) && seen.position().is_foreign() {
                    self.inference = Some(Inference::new(&self.domain, causes::Window::default()));
                }
                self.take(seen);
                ControlFlow::Continue(())
            })?;
            Ok(self)
        })
        .await
    }

    fn take(&mut self, seen: &Seen<'_>) {
        let inferred = self.inference.as_mut().and_then(|inference| inference.take(&seen.to_entry()));
        let inferred = inferred.map(|cause| cause.id);
        let Seen::Event(event) = seen else { return };
        if event.position < self.window.from || event.position == Position::ZERO {
            return;
        }
        let cause = event.meta.cause.as_deref().or(inferred.as_deref());
        let key = self.key(event);
        let belongs = self.own.ids.contains(event.id)
            || self.is_seed(event, key.as_deref())
            || cause.is_some_and(|cause| self.own.ids.contains(cause))
            || self.wanted.contains(event.id);
        if !belongs {
            return;
        }
        if let Some(cause) = cause {
            if !self.own.ids.contains(cause) {
                self.wanted.insert(cause.to_owned());
            }
            if !self.own.holds(cause) {
                self.own.cut.insert(event.id.to_owned());
            }
        }
        self.own.inferred += u64::from(inferred.is_some());
        self.own.rows.extend(key.map(|key| (event.topic.to_owned(), key)));
        self.own.ids.insert(event.id.to_owned());
    }

    /// The row that an event is about, as far as its topic can read it.
    fn key(&self, event: &EventRef<'_>) -> Option<String> {
        let topic = self.domain.topic(event.topic)?;
        topic.touch(event).ok().map(|touch| touch.key.into_owned())
    }

    fn is_seed(&self, event: &EventRef<'_>, key: Option<&str>) -> bool {
        match &self.seed {
            Seed::All => true,
            Seed::Nothing => false,
            Seed::Row(topic, wanted) => topic == event.topic && key == Some(wanted),
        }
    }
}
