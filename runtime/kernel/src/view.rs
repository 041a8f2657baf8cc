//! Entities folded in memory from the log, up to a position.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Domain, Draft, Entry, Event, Number, Position, Row, Step, Topic, TopicKind, Unreadable};

/// Entities folded from the log up to a position, in log order, with an index over references.
///
/// A view may also run ahead: effects of a saga's own earlier reactions stand in front of the rows until
/// the log has reached them ([`View::stage`]), and in front of those, effects that it has asked for and not
/// heard of yet ([`View::speculate`]).
#[derive(Clone, Debug)]
pub struct View {
    tables: BTreeMap<&'static str, Table>,
    position: Position,
    number: Number,
    ahead: Overlay,
    speculation: Overlay,
}

#[derive(Clone, Debug)]
struct Table {
    topic: Topic,
    rows: BTreeMap<Arc<str>, Row>,
    /// Ids by reference field and the id referred to.
    referring: BTreeMap<(&'static str, Arc<str>), BTreeSet<Arc<str>>>,
}

/// Rows that stand in front of a view's own, each until the log has reached a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<(&'static str, Arc<str>), Staged>,
    /// No row goes before the log has reached this; saves looking at all of them for every event.
    soonest: Position,
}

/// A row, or that there is none, until the log has reached a position.
#[derive(Clone, Debug)]
struct Staged {
    until: Position,
    row: Option<Row>,
}

impl View {
    /// A view of nothing that will fold `topics`' entities.
    #[must_use]
    pub fn new<'t>(topics: impl IntoIterator<Item = &'t Topic>) -> Self {
        let entities = topics.into_iter().filter(|topic| topic.kind == TopicKind::Entity);
        let table = |topic: &Topic| Table { topic: topic.clone(), rows: BTreeMap::new(), referring: BTreeMap::new() };
        Self {
            tables: entities.map(|topic| (topic.name, table(topic))).collect(),
            position: Position::ZERO,
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
            let before = table.rows.get(key).cloned();
            table.set(&Arc::from(key), before.as_ref(), Some(row.into()));
        }
    }

    /// The same rows, standing at `position`: what the log holds up to there is passed over from now on.
    #[must_use]
    pub const fn at(mut self, position: Position) -> Self {
        self.position = position;
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
    /// Entries at or before the view's position are passed over: reading twice changes nothing.
    ///
    /// # Errors
    /// When the entry is junk or its topic can't read it; the view then stands behind it, unchanged.
    pub fn apply(&mut self, entry: &Entry) -> Result<Option<Row>, Unreadable> {
        if entry.position() <= self.position {
            return Ok(None);
        }
        self.position = entry.position();
        self.number = entry.number().unwrap_or(self.number);
        self.ahead.expire(self.position);
        match entry {
            Entry::Event(event) => self.fold(event),
            Entry::Junk(junk) => Err(Unreadable(junk.reason.clone())),
        }
    }

    fn fold(&mut self, event: &Event) -> Result<Option<Row>, Unreadable> {
        let Some(table) = self.tables.get_mut(&*event.topic) else { return Ok(None) };
        let keyed = table.topic.step(event)?;
        let before = table.rows.get(&keyed.key).cloned();
        table.set(&keyed.key, before.as_ref(), keyed.step.fold(before.as_ref()));
        Ok(before)
    }

    /// Puts an event of the viewer's own, committed at `position`, in front of the view until the log has
    /// reached it.
    ///
    /// # Errors
    /// When the draft's topic can't read it.
    pub fn stage(&mut self, draft: &Draft, position: Position) -> Result<(), Unreadable> {
        if position <= self.position {
            return Ok(());
        }
        let mut ahead = std::mem::take(&mut self.ahead);
        let staged = ahead.stage(self, draft, position);
        self.ahead = ahead;
        staged
    }

    /// Puts an event of the viewer's own that is on its way to the log in front of everything, until
    /// [`View::end_speculation`].
    ///
    /// # Errors
    /// When the draft's topic can't read it.
    pub fn speculate(&mut self, draft: &Draft) -> Result<(), Unreadable> {
        let mut speculation = std::mem::take(&mut self.speculation);
        let staged = speculation.stage(self, draft, Position::MAX);
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
        let table = self.tables.get(topic);
        let mut rows = table.map(|table| table.rows.clone()).unwrap_or_default();
        for ((name, id), staged) in self.ahead.rows.iter().chain(&self.speculation.rows) {
            if *name == topic {
                match &staged.row {
                    Some(row) => rows.insert(id.clone(), row.clone()),
                    None => rows.remove(id),
                };
            }
        }
        rows.into_iter()
    }

    /// How many entities the view holds, staged ones left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.values().map(|table| table.rows.len()).sum()
    }

    /// Whether the view holds no entity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row as the log holds it, whatever stands in front.
    pub(crate) fn logged(&self, topic: &str, id: &str) -> Option<Row> {
        self.tables.get(topic)?.rows.get(id).cloned()
    }

    pub(crate) fn row_behind(&self, overlays: &[&Overlay], topic: &str, id: &str) -> Option<Row> {
        let table = self.tables.get(topic)?;
        let key = (table.topic.name, Arc::from(id));
        let own = [&self.speculation, &self.ahead];
        let staged = overlays.iter().chain(&own).find_map(|overlay| overlay.rows.get(&key));
        match staged {
            Some(staged) => staged.row.clone(),
            None => table.rows.get(id).cloned(),
        }
    }

    /// Rows, in id order, whose reference `field` names `target`; `None` where the topic has no such field.
    pub(crate) fn referring(
        &self,
        overlays: &[&Overlay],
        topic: &str,
        field: &str,
        target: &str,
    ) -> Option<Vec<(Arc<str>, Row)>> {
        let table = self.tables.get(topic)?;
        let field = table.topic.reference(field)?;
        let mut ids = table.referring.get(&(field, Arc::from(target))).cloned().unwrap_or_default();
        let own = [&self.speculation, &self.ahead];
        for overlay in overlays.iter().chain(&own) {
            ids.extend(overlay.rows.keys().filter(|(name, _)| *name == topic).map(|(_, id)| id.clone()));
        }
        let refers = |row: &Row| table.topic.references(row).iter().any(|(name, id)| *name == field && id == target);
        let rows = ids.into_iter().filter_map(|id| Some((id.clone(), self.row_behind(overlays, topic, &id)?)));
        Some(rows.filter(|(_, row)| refers(row)).collect())
    }
}

impl Table {
    fn set(&mut self, key: &Arc<str>, before: Option<&Row>, after: Option<Row>) {
        for (field, target) in before.map(|row| self.topic.references(row)).unwrap_or_default() {
            let entry = (field, Arc::from(&*target));
            if let Some(ids) = self.referring.get_mut(&entry) {
                ids.remove(key);
                if ids.is_empty() {
                    self.referring.remove(&entry);
                }
            }
        }
        match after {
            Some(row) => {
                for (field, target) in self.topic.references(&row) {
                    self.referring.entry((field, Arc::from(&*target))).or_default().insert(key.clone());
                }
                self.rows.insert(key.clone(), row);
            }
            None => {
                self.rows.remove(key);
            }
        }
    }
}

impl Overlay {
    /// Folds a draft in front of `view`, to stand there until the log has reached `until`.
    pub(crate) fn stage(&mut self, view: &View, draft: &Draft, until: Position) -> Result<(), Unreadable> {
        let Some(table) = view.tables.get(&*draft.topic) else { return Ok(()) };
        let keyed = table.topic.step(&draft.at(until))?;
        let row = match keyed.step {
            // Who updates an entity has seen it, even if this view has not come that far yet.
            Step::Replace(row) => Some(row),
            step @ (Step::Put(_) | Step::Remove) => step.fold(None),
        };
        let staged = Staged { until, row };
        self.soonest = if self.rows.is_empty() { until } else { self.soonest.min(until) };
        self.rows.insert((table.topic.name, keyed.key), staged);
        Ok(())
    }

    /// Drops the rows that the log has reached.
    fn expire(&mut self, reached: Position) {
        if self.soonest <= reached && !self.rows.is_empty() {
            self.rows.retain(|_, staged| staged.until > reached);
            self.soonest = self.rows.values().map(|staged| staged.until).min().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
