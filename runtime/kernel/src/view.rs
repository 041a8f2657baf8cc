//! Entities folded in memory from the log, up to a position.

use std::{collections::BTreeMap, sync::Arc};

mod key;
mod overlay;
mod table;

pub(crate) use overlay::Overlay;
use table::Table;

use crate::{Domain, Draft, Entry, Event, EventRef, Number, Position, Row, Topic, TopicKind, Unreadable};

/// Entities folded from the log up to a position, in log order, with an index over references.
///
/// A view may also run ahead: effects of a saga's own earlier reactions stand in front of the rows until
/// the log has reached them ([`View::stage`]), and in front of those, effects that it has asked for and not
/// heard of yet ([`View::speculate`]).
#[derive(Clone, Debug)]
pub struct View {
    tables: BTreeMap<&'static str, Table>,
    position: Position,
    /// Of which topic the last entry there was; nothing when all that stand there are folded.
    last: Option<Arc<str>>,
    number: Number,
    ahead: Overlay,
    speculation: Overlay,
}

/// What stands in front of a view's rows: effects of a saga's own earlier reactions, staged.
///
/// Several sagas may decide on one view, each with its own in front: [`View::swap_ahead`].
#[derive(Clone, Debug, Default)]
pub struct Ahead(Overlay);

impl View {
    /// A view of nothing that will fold `topics`' entities.
    #[must_use]
    pub fn new<'t>(topics: impl IntoIterator<Item = &'t Topic>) -> Self {
        let entities = topics.into_iter().filter(|topic| topic.kind == TopicKind::Entity);
        Self {
            tables: entities.map(|topic| (topic.name, Table::new(topic))).collect(),
            position: Position::ZERO,
            last: None,
            number: Number::ZERO,
            ahead: Overlay::default(),
            speculation: Overlay::default(),
        }
    }

    /// A view that will fold the entities of these topics of `domain`.
    #[must_use]
    pub fn of(domain: &Domain, topics: &[&str]) -> Self {
        Self::new(domain.topics().filter(|topic| topics.contains(&topic.name)))
    }

    /// Puts a row in its place: how a view begins from rows that were kept, instead of from the log's beginning.
    ///
    /// The rows must be those as of one position, which [`View::at`] then gives. Rows of topics that the view does
    /// not fold are passed over.
    pub fn restore(&mut self, topic: &str, key: &str, row: impl Into<Row>) {
        if let Some(table) = self.tables.get_mut(topic) {
            table.set(&Arc::from(key), Some(&row.into()));
        }
    }

    /// The same rows, standing at `position`: what the log holds up to there is passed over from now on.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        (self.position, self.last) = (position, None);
        self
    }

    /// The position that the view stands at.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The number of the last numbered entry that was folded in.
    #[must_use]
    pub const fn number(&self) -> Number {
        self.number
    }

    /// Folds the next entry of the log in and gives the row as it was before.
    ///
    /// Entries at or before the last one are passed over: reading twice changes nothing. Where several stand at one
    /// position, as in logs of other programs, they come in the order of their topics.
    ///
    /// # Errors
    /// When the entry is junk or its topic can't read it; the view then stands behind it, unchanged.
    pub fn apply(&mut self, entry: &Entry) -> Result<Option<Row>, Unreadable> {
        match entry {
            Entry::Event(event) => self.apply_event(event),
            Entry::Junk(junk) => {
                let is_new = self.pass(junk.position, &junk.topic, junk.number);
                if is_new { Err(Unreadable(junk.reason.clone())) } else { Ok(None) }
            }
        }
    }

    /// As [`View::apply`], of an entry that is an event.
    ///
    /// # Errors
    /// When its topic can't read it; the view then stands behind it, unchanged.
    pub fn apply_event(&mut self, event: &Event) -> Result<Option<Row>, Unreadable> {
        if !self.pass(event.position, &event.topic, event.number) {
            return Ok(None);
        }
        let Some(table) = self.tables.get_mut(&*event.topic) else { return Ok(None) };
        let keyed = table.topic.step(event)?;
        let existed = table.row(&keyed.key).is_some();
        Ok(table.set(&keyed.key, keyed.step.onto(existed).as_ref()))
    }

    /// Moves behind an entry; tells whether it was in front until now.
    fn pass(&mut self, position: Position, topic: &Arc<str>, number: Option<Number>) -> bool {
        let is_there = position == self.position && self.last.as_ref().is_some_and(|last| last < topic);
        if position <= self.position && !is_there {
            return false;
        }
        self.last = Some(Arc::clone(topic));
        self.position = position;
        self.number = number.unwrap_or(self.number);
        self.ahead.expire(position);
        true
    }

    /// Puts an event of the viewer's own, committed at `position`, in front of the view until the log has
    /// reached it.
    ///
    /// # Errors
    /// When the draft's topic can't read it.
    pub fn stage(&mut self, draft: &Draft, position: Position) -> Result<(), Unreadable> {
        self.stage_event(&draft.as_event(position))
    }

    /// As [`View::stage`], of an event that the log holds, until it has reached it.
    ///
    /// # Errors
    /// When its topic can't read it.
    pub fn stage_event(&mut self, event: &EventRef<'_>) -> Result<(), Unreadable> {
        if event.position <= self.position {
            return Ok(());
        }
        let mut ahead = std::mem::take(&mut self.ahead);
        let staged = ahead.stage(self, event);
        self.ahead = ahead;
        staged
    }

    /// Exchanges what stands in front of the rows, without what the log has reached by now.
    pub fn swap_ahead(&mut self, other: &mut Ahead) {
        std::mem::swap(&mut self.ahead, &mut other.0);
        self.ahead.expire(self.position);
    }

    /// Puts an event of the viewer's own that is on its way to the log in front of everything, until
    /// [`View::end_speculation`].
    ///
    /// # Errors
    /// When the draft's topic can't read it.
    pub fn speculate(&mut self, draft: &Draft) -> Result<(), Unreadable> {
        let mut speculation = std::mem::take(&mut self.speculation);
        let staged = speculation.stage(self, &draft.as_event(Position::MAX));
        self.speculation = speculation;
        staged
    }

    /// Forgets what was speculated on: it is in the log and staged by now, or it was refused.
    pub fn end_speculation(&mut self) {
        self.speculation = Overlay::default();
    }

    /// Whether the view folds `topic`.
    #[must_use]
    pub fn holds(&self, topic: &str) -> bool {
        self.tables.contains_key(topic)
    }

    /// The row of an entity.
    #[must_use]
    pub fn row(&self, topic: &str, id: &str) -> Option<Row> {
        self.row_behind(&[], topic, id)
    }

    /// The rows of a topic's entities in id order, the viewer's own effects included.
    pub fn rows(&self, topic: &str) -> impl Iterator<Item = (Arc<str>, Row)> {
        let mut rows: BTreeMap<_, _> = self.tables.get(topic).into_iter().flat_map(Table::rows).collect();
        for (id, row) in self.ahead.rows(topic).chain(self.speculation.rows(topic)) {
            match row {
                Some(row) => rows.insert(Arc::clone(id), Arc::clone(row)),
                None => rows.remove(id),
            };
        }
        rows.into_iter()
    }

    /// How many entities the view holds, staged ones left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.values().map(Table::len).sum()
    }

    /// Whether the view holds no entity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row as the log holds it, whatever stands in front.
    pub(crate) fn logged(&self, topic: &str, id: &str) -> Option<Row> {
        self.tables.get(topic)?.row(id).cloned()
    }

    /// The description of a topic that the view folds.
    pub(crate) fn topic(&self, name: &str) -> Option<&Topic> {
        self.tables.get(name).map(|table| &table.topic)
    }

    /// The row of an entity with `front` before everything else.
    pub(crate) fn row_behind(&self, front: &[&Overlay], topic: &str, id: &str) -> Option<Row> {
        let table = self.tables.get(topic)?;
        let staged = self.overlays(front).find_map(|overlay| overlay.row(topic, id));
        staged.map_or_else(|| table.row(id).cloned(), |staged| staged.row.clone())
    }

    /// Rows, in id order, whose reference `field` names `target`; `None` where the topic has no such field.
    pub(crate) fn referring(
        &self,
        front: &[&Overlay],
        topic: &str,
        field: &str,
        target: &str,
    ) -> Option<Vec<(Arc<str>, Row)>> {
        let table = self.tables.get(topic)?;
        let field = table.topic.reference(field)?;
        let mut ids: Vec<_> = table.referring(field, target).cloned().collect();
        let logged = ids.len();
        let mut is_overlaid = false;
        for referring in self.overlays(front).filter_map(|overlay| overlay.referring(topic, field, target)) {
            is_overlaid = true;
            ids.extend(referring.cloned());
        }
        if ids.len() > logged {
            ids.sort_unstable();
            ids.dedup();
        }
        let row = |id: Arc<str>| {
            let mut overlays = self.overlays(front).filter(|_| is_overlaid);
            let row = match overlays.find_map(|overlay| overlay.row(topic, &id)) {
                Some(staged) => staged.row.clone().filter(|_| staged.refers(field, target)),
                None => table.row(&id).cloned(),
            };
            Some((id, row?))
        };
        Some(ids.into_iter().filter_map(row).collect())
    }

    fn overlays<'v>(&'v self, front: &'v [&'v Overlay]) -> impl Iterator<Item = &'v Overlay> {
        front.iter().copied().chain([&self.speculation, &self.ahead])
    }
}

#[cfg(test)]
mod tests;
