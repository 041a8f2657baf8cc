//! What led to an event, and what came of it, as a tree.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use kernel::{DECISIONS, Domain, Event, Position};
use projector::timeline::Timeline;
use runtime::StoreError;
use serde::Serialize;

use crate::{
    causes::Fit,
    inferred::{self, Causes, SOON},
    life::Mention,
};

/// How many events a tree has at most.
pub const MOST: usize = 1_000;

/// How long after an event it is looked for what it caused, where nobody wrote that down.
const AROUND: Duration = Duration::from_secs(10);

/// The causes and effects of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// What started it all.
    pub root: Node,
    /// How many events there are in the tree.
    pub events: usize,
    /// Whether there are more than [`MOST`].
    pub truncated: bool,
}

/// A command or an event, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// What it is.
    #[serde(flatten)]
    pub what: What,
    /// Whether it is what was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// What came of it, in log order.
    pub effects: Vec<Node>,
}

/// A command or an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A command that a service turned into events.
    Command {
        /// Its identifier.
        id: String,
        /// The saga that sent it; nothing for a client.
        #[serde(skip_serializing_if = "Option::is_none")]
        handler: Option<String>,
    },
    /// An event.
    Event {
        /// The event.
        event: Mention,
        /// The saga that appended it; nothing where a service did.
        #[serde(skip_serializing_if = "Option::is_none")]
        handler: Option<String>,
        /// How well it fits as an effect of what is above it, where that is not recorded but inferred.
        #[serde(skip_serializing_if = "Option::is_none")]
        inferred: Option<Fit>,
    },
}

/// The causes and effects of the event or command with this identifier; nothing when no event up to and at `until`
/// mentions it.
///
/// # Errors
/// When a store failed, or the log has lost events (R3).
pub async fn trace(
    timeline: &Timeline,
    domain: &Domain,
    id: &str,
    until: Position,
) -> Result<Option<Trace>, StoreError> {
    let mut chain = Chain { timeline, domain, until, events: BTreeMap::new(), causes: Causes::new() };
    let Some(root) = chain.climb(id).await? else { return Ok(None) };
    let truncated = chain.descend(&root).await?;
    let events = chain.events.len();
    let mut told = HashSet::new();
    let root = match root {
        Root::Command(command) => chain.command(&command, None, id, &mut told),
        Root::Event(event) => chain.node(&event, id, &mut told),
    };
    Ok(root.map(|root| Trace { root, events, truncated }))
}

/// What started it all.
enum Root {
    /// A client's command.
    Command(String),
    /// An event that nothing is known to have caused.
    Event(String),
}

/// The events of a tree.
struct Chain<'t> {
    timeline: &'t Timeline,
    domain: &'t Domain,
    until: Position,
    /// By position and topic: in log order.
    events: BTreeMap<(Position, String), Event>,
    /// What was inferred, where nothing is recorded.
    causes: Causes,
}

impl Chain<'_> {
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

    /// Goes from what was asked for up to what started it.
    async fn climb(&mut self, id: &str) -> Result<Option<Root>, StoreError> {
        let mentioning = self.mentioning(&[id]).await?;
        let is_it = |event: &&Event| event.id == id;
        let is_of_it = |event: &&Event| event.meta.command.as_deref() == Some(id);
        let found = mentioning.iter().find(is_it).or_else(|| mentioning.iter().find(is_of_it));
        let Some(mut event) = found.cloned() else { return Ok(None) };
        let mut seen = HashSet::new();
        while let Some(cause) = self.cause_of(&event).await?
            && seen.insert(cause.clone())
        {
            // Of a log that was cut short, causes may be gone.
            let Some(above) = self.event(&cause).await? else { break };
            event = above;
        }
        Ok(Some(match event.meta.command.filter(|_| event.meta.cause.is_none()) {
            Some(command) => Root::Command(command),
            None => Root::Event(event.id),
        }))
    }

    /// The identifier of the event that caused this one: recorded, or inferred where nothing is.
    async fn cause_of(&mut self, event: &Event) -> Result<Option<String>, StoreError> {
        if event.meta.cause.is_none() && event.meta.command.is_none() && self.causes.is_empty() {
            let begin = inferred::before(event.position, SOON);
            let end = inferred::after(event.position, AROUND).min(self.until);
            self.causes = inferred::causes(self.timeline, self.domain, vec![(begin, end)]).await?.causes;
        }
        Ok(self.cause(event).map(str::to_owned))
    }

    /// Gathers everything that came of the root; tells whether there is more.
    async fn descend(&mut self, root: &Root) -> Result<bool, StoreError> {
        let (Root::Command(id) | Root::Event(id)) = root;
        let mut frontier = vec![id.clone()];
        let mut asked = BTreeSet::new();
        while !frontier.is_empty() {
            let wanted: Vec<_> = frontier.iter().map(String::as_str).collect();
            let mut found = self.mentioning(&wanted).await?;
            let inferred = self.causes.iter().filter(|(_, cause)| wanted.contains(&&*cause.id));
            let positions: Vec<_> = inferred.map(|((_, position), _)| *position).collect();
            let entries = self.timeline.engine().entries_at(&positions).await?;
            found.extend(entries.into_iter().filter_map(|entry| match entry {
                kernel::Entry::Event(event) => {
                    let cause = self.causes.get(&(event.topic.clone(), event.position))?;
                    wanted.contains(&&*cause.id).then_some(event)
                }
                kernel::Entry::Junk(_) => None,
            }));
            asked.extend(frontier.drain(..));
            for event in found {
                if self.events.len() >= MOST {
                    return Ok(true);
                }
                let ids = [Some(&event.id), event.meta.command.as_ref()];
                frontier.extend(ids.into_iter().flatten().filter(|id| !asked.contains(*id)).cloned());
                self.events.insert((event.position, event.topic.to_string()), event);
            }
            frontier.sort_unstable();
            frontier.dedup();
        }
        Ok(false)
    }

    /// The node of the event with this identifier; nothing if it was told already.
    fn node(&self, id: &str, asked: &str, told: &mut HashSet<String>) -> Option<Node> {
        let event = self.events.values().find(|event| event.id == id)?;
        if !told.insert(id.to_owned()) {
            return None;
        }
        let inferred = self.causes.get(&(event.topic.clone(), event.position));
        let by_service = event.meta.command.is_some();
        let handler = event.meta.handler.clone().or_else(|| inferred.map(|cause| cause.handler.to_owned()));
        let what = What::Event {
            event: Mention::of(self.domain, event),
            handler: handler.filter(|_| !by_service),
            inferred: inferred.map(|cause| cause.fit),
        };
        let mut effects = Vec::new();
        let mut commands = BTreeSet::new();
        for effect in self.events.values().filter(|effect| self.cause(effect) == Some(id)) {
            match &effect.meta.command {
                Some(command) if commands.insert(command) => {
                    effects.extend(self.command(command, effect.meta.handler.clone(), asked, told));
                }
                Some(_) => {}
                None => effects.extend(self.node(&effect.id, asked, told)),
            }
        }
        Some(Node { what, asked: id == asked, effects })
    }

    /// The node of a command.
    fn command(&self, id: &str, handler: Option<String>, asked: &str, told: &mut HashSet<String>) -> Option<Node> {
        let of_it = self.events.values().filter(|event| event.meta.command.as_deref() == Some(id));
        let effects: Vec<_> = of_it.filter_map(|event| self.node(&event.id, asked, told)).collect();
        let what = What::Command { id: id.to_owned(), handler };
        (!effects.is_empty()).then(|| Node { what, asked: id == asked, effects })
    }

    /// The identifier of the event that caused this one.
    fn cause<'e>(&'e self, event: &'e Event) -> Option<&'e str> {
        let recorded = event.meta.cause.as_deref();
        recorded.or_else(|| Some(&*self.causes.get(&(event.topic.clone(), event.position))?.id))
    }
}
