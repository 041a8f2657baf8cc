//! The tree of the events that were gathered.

use std::collections::{BTreeSet, HashSet};

use kernel::Domain;

use crate::life::Mention;

use super::{DEEPEST, Node, What, chain::Chain};

/// What has been told of a tree.
#[derive(Debug)]
pub(super) struct Telling<'c> {
    chain: &'c Chain<'c>,
    domain: &'c Domain,
    asked: &'c str,
    /// Each event is told once, even where they caused each other.
    told: HashSet<&'c str>,
    /// Whether something lies too deep to be told.
    pub(super) is_cut: bool,
}

impl<'c> Telling<'c> {
    pub(super) fn new(chain: &'c Chain<'c>, domain: &'c Domain, asked: &'c str) -> Self {
        Self { chain, domain, asked, told: HashSet::new(), is_cut: false }
    }

    /// How many events have been told.
    pub(super) fn events(&self) -> usize {
        self.told.len()
    }

    /// The event with this identifier; nothing if it was told already.
    pub(super) fn event(&mut self, id: &str, level: usize) -> Option<Node> {
        let event = self.chain.events.values().find(|event| event.id == id)?;
        if self.told.contains(id) || self.is_too_deep(level) {
            return None;
        }
        self.told.insert(&event.id);
        let inferred = self.chain.causes.get(&(event.topic.clone(), event.position));
        let by_service = event.meta.command.is_some();
        let handler = event.meta.handler.clone().or_else(|| inferred.map(|cause| cause.handler.to_owned()));
        let what = What::Event {
            event: Mention::of(self.domain, event),
            handler: handler.filter(|_| !by_service),
            inferred: inferred.map(|cause| cause.fit),
        };
        Some(Node { what, asked: id == self.asked, effects: self.effects(id, level + 1) })
    }

    /// A command, with the saga that sent it; nothing if all of it was told already.
    pub(super) fn command(&mut self, id: &str, handler: Option<String>, level: usize) -> Option<Node> {
        if self.is_too_deep(level) {
            return None;
        }
        let of_it = self.chain.events.values().filter(|event| event.meta.command.as_deref() == Some(id));
        let effects: Vec<_> = of_it.filter_map(|event| self.event(&event.id, level + 1)).collect();
        let what = What::Command { id: id.to_owned(), handler };
        (!effects.is_empty()).then(|| Node { what, asked: id == self.asked, effects })
    }

    /// An event that is not in the log, above those that name it.
    pub(super) fn missing(&mut self, id: &str) -> Option<Node> {
        let effects = self.effects(id, 2);
        Some(Node { what: What::Missing { id: id.to_owned() }, asked: id == self.asked, effects })
    }

    /// What came of an event, in log order.
    fn effects(&mut self, id: &str, level: usize) -> Vec<Node> {
        let mut effects = Vec::new();
        let mut commands = BTreeSet::new();
        for effect in self.chain.events.values().filter(|effect| self.chain.cause(effect) == Some(id)) {
            match &effect.meta.command {
                Some(command) if commands.insert(command) => {
                    effects.extend(self.command(command, effect.meta.handler.clone(), level));
                }
                Some(_) => {}
                None => effects.extend(self.event(&effect.id, level)),
            }
        }
        effects
    }

    fn is_too_deep(&mut self, level: usize) -> bool {
        let is_too_deep = level > DEEPEST;
        self.is_cut |= is_too_deep;
        is_too_deep
    }
}
