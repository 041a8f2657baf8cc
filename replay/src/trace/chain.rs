//! The events of a tree, gathered: up to what started it all, and down to everything that came of that.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use kernel::{DECISIONS, Domain, Entry, Event, Position};
use projector::timeline::Timeline;
use runtime::StoreError;

use crate::inferred::{self, Causes, SOON};

use super::{DEEPEST, MOST};

/// How long after what started it all it is looked for what that caused, where nobody wrote it down.
const AROUND: Duration = Duration::from_secs(10);

/// How many causes up it is looked at most: what was asked for has to be in the tree, and between two events there may
/// be a command.
const HIGHEST: usize = DEEPEST / 2 - 1;

/// What started it all.
#[derive(Debug)]
pub(super) enum Root {
    /// A client's command.
    Command(String),
    /// An event that nothing is known to have caused.
    Event(String),
    /// An event that is not in the log.
    Missing(String),
}

/// The events of a tree.
#[derive(Debug)]
pub(super) struct Chain<'t> {
    timeline: &'t Timeline,
    domain: &'t Domain,
    until: Position,
    /// By position and topic: in log order.
    pub(super) events: BTreeMap<(Position, String), Event>,
    /// What was inferred, where nothing is recorded.
    pub(super) causes: Causes,
    /// Whether there is more than was gathered.
    pub(super) is_cut: bool,
    /// Whether causes that nobody wrote down were looked for everywhere.
    pub(super) is_searched: bool,
}

impl Root {
    pub(super) fn id(&self) -> &str {
        let (Self::Command(id) | Self::Event(id) | Self::Missing(id)) = self;
        id
    }
}

impl<'t> Chain<'t> {
    pub(super) fn new(timeline: &'t Timeline, domain: &'t Domain, until: Position) -> Self {
        let (events, causes) = (BTreeMap::new(), Causes::new());
        Self { timeline, domain, until, events, causes, is_cut: false, is_searched: true }
    }

    /// Goes from what was asked for up to what started it; the events on the way are in the tree, however much
    /// there is.
    pub(super) async fn climb(&mut self, id: &str) -> Result<Option<Root>, StoreError> {
        let mentioning = self.mentioning(&[id]).await?;
        let is_it = |event: &&Event| event.id == id;
        let is_of_it = |event: &&Event| event.meta.command.as_deref() == Some(id);
        let found = mentioning.iter().find(is_it).or_else(|| mentioning.iter().find(is_of_it));
        let Some(mut event) = found.cloned() else {
            return Ok((!mentioning.is_empty()).then(|| Root::Missing(id.to_owned())));
        };
        let mut seen = HashSet::new();
        loop {
            self.keep(event.clone());
            let Some(cause) = self.find_cause(&event).await? else { break };
            // Programs may write anything, even that two events caused each other.
            if !seen.insert(cause.clone()) {
                break;
            }
            if seen.len() > HIGHEST {
                self.is_cut = true;
                break;
            }
            let Some(above) = self.event(&cause).await? else { return Ok(Some(Root::Missing(cause))) };
            event = above;
        }
        if is_silent(&event) || !self.causes.is_empty() {
            let stretch = (inferred::before(event.position, SOON), inferred::after(event.position, AROUND));
            for (place, cause) in self.infer(stretch).await? {
                self.causes.entry(place).or_insert(cause);
            }
        }
        Ok(Some(match event.meta.command.filter(|_| event.meta.cause.is_none()) {
            Some(command) => Root::Command(command),
            None => Root::Event(event.id),
        }))
    }

    /// Gathers what came of the root.
    pub(super) async fn descend(&mut self, root: &str) -> Result<(), StoreError> {
        let mut frontier = vec![root.to_owned()];
        let mut asked = BTreeSet::new();
        for _ in 0..DEEPEST {
            if frontier.is_empty() {
                break;
            }
            let wanted: Vec<_> = frontier.iter().map(String::as_str).collect();
            let mut found = self.mentioning(&wanted).await?;
            found.extend(self.inferred_effects(&wanted).await?);
            asked.extend(frontier.drain(..));
            for event in found {
                let ids = [Some(&event.id), event.meta.command.as_ref()];
                let ids: Vec<_> = ids.into_iter().flatten().filter(|id| !asked.contains(*id)).cloned().collect();
                if !self.keep(event) {
                    self.is_cut = true;
                    return Ok(());
                }
                frontier.extend(ids);
            }
            frontier.sort_unstable();
            frontier.dedup();
        }
        Ok(())
    }

    /// The identifier of the event that caused this one, as far as it was found.
    pub(super) fn cause<'e>(&'e self, event: &'e Event) -> Option<&'e str> {
        let recorded = event.meta.cause.as_deref();
        recorded.or_else(|| Some(&*self.causes.get(&(event.topic.clone(), event.position))?.id))
    }

    async fn mentioning(&self, ids: &[&str]) -> Result<Vec<Event>, StoreError> {
        let mut events = self.timeline.mentioning(ids, self.until).await?;
        // That a saga decided to do nothing had no effect.
        events.retain(|event| &*event.topic != DECISIONS);
        Ok(events)
    }

    /// The event with this identifier.
    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError> {
        Ok(self.mentioning(&[id]).await?.into_iter().find(|event| event.id == id))
    }

    /// Adds an event unless there are too many already.
    fn keep(&mut self, event: Event) -> bool {
        let place = (event.position, event.topic.to_string());
        let has_room = self.events.contains_key(&place) || self.events.len() < MOST;
        if has_room {
            self.events.insert(place, event);
        }
        has_room
    }

    /// The identifier of the event that caused this one: recorded, or inferred where nothing is.
    async fn find_cause(&mut self, event: &Event) -> Result<Option<String>, StoreError> {
        if is_silent(event) {
            let place = (event.topic.clone(), event.position);
            let mut causes = self.infer((inferred::before(event.position, SOON), event.position)).await?;
            self.causes.extend(causes.remove(&place).map(|cause| (place, cause)));
        }
        Ok(self.cause(event).map(str::to_owned))
    }

    /// What probably caused the events in a stretch of the log.
    async fn infer(&mut self, (begin, end): (Position, Position)) -> Result<Causes, StoreError> {
        let found = inferred::causes(self.timeline, self.domain, vec![(begin, end.min(self.until))]).await?;
        self.is_searched &= found.is_complete;
        Ok(found.causes)
    }

    /// The events that were inferred to be effects of these.
    async fn inferred_effects(&self, wanted: &[&str]) -> Result<Vec<Event>, StoreError> {
        let is_wanted = |event: &Event| {
            let cause = self.causes.get(&(event.topic.clone(), event.position));
            cause.is_some_and(|cause| wanted.contains(&&*cause.id))
        };
        let effects = self.causes.iter().filter(|(_, cause)| wanted.contains(&&*cause.id));
        let positions: Vec<_> = effects.map(|((_, position), _)| *position).collect();
        let entries = self.timeline.engine().entries_at(&positions).await?;
        let events = entries.into_iter().filter_map(|entry| match entry {
            Entry::Event(event) => is_wanted(&event).then_some(event),
            Entry::Junk(_) => None,
        });
        Ok(events.collect())
    }
}

/// Whether it does not say where it came from.
const fn is_silent(event: &Event) -> bool {
    event.meta.cause.is_none() && event.meta.command.is_none()
}
