//! What is decided now against what the log holds.

use std::{borrow::Cow, collections::BTreeMap};

use kernel::{CREATED, Domain, Draft, ENTITY_ID, Effect, Event, Position, TopicKind};
use projector::field_changes::{self, FieldChange};

use super::report::{Difference, Told};
use crate::causes::Match;

/// An effect, wherever it is from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'e> {
    pub(super) id: &'e str,
    pub(super) topic: &'e str,
    pub(super) action: &'e str,
    pub(super) data: &'e str,
    pub(super) position: Option<Position>,
    /// How it was found out what it is of, where it does not say.
    pub(super) inferred: Option<Match>,
}

/// How closely what is decided is held against the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// As what this program wrote: all is the same.
    Own,
    /// As what another program wrote: it gives events and what is new ids of its own, and writes to different rows in
    /// an order of its own.
    Foreign,
}

impl<'e> Side<'e> {
    pub(super) fn held(event: &'e Event) -> Self {
        let Event { id, topic, action, data, position, .. } = event;
        Self { id, topic, action, data, position: Some(*position), inferred: None }
    }

    /// An event that is asked for; commands are answered later.
    pub(super) fn asked(effect: &'e Effect) -> Option<Self> {
        match effect {
            Effect::Append(draft) => Some(Self::decided(draft)),
            Effect::Send(_) => None,
        }
    }

    pub(super) fn decided(draft: &'e Draft) -> Self {
        let Draft { id, topic, action, data, .. } = draft;
        Self { id, topic, action, data, position: None, inferred: None }
    }

    pub(super) fn says_the_same(&self, other: &Self, domain: &Domain) -> bool {
        (self.topic, self.action) == (other.topic, other.action)
            && (self.data == other.data || self.row(domain) == other.row(domain))
    }

    fn is_met_by(&self, log: &Self, rule: Rule, domain: &Domain) -> bool {
        self.says_the_same(log, domain)
            || (rule == Rule::Foreign
                && self.is_new()
                && (self.topic, self.action) == (log.topic, log.action)
                && self.fields_besides(log, domain).is_empty())
    }

    fn is_new(&self) -> bool {
        self.action == CREATED
    }

    /// What is not the same in the rows, besides their ids.
    fn fields_besides(&self, now: &Self, domain: &Domain) -> Vec<FieldChange> {
        let mut fields = field_changes::fields(Some(&self.row(domain)), Some(&now.row(domain)));
        fields.retain(|change| change.field != ENTITY_ID);
        fields
    }

    /// Its content in canonical form, as far as its topic can read it.
    pub(super) fn row(&self, domain: &Domain) -> Cow<'e, str> {
        let event = Event {
            topic: self.topic.into(),
            position: Position::MAX,
            number: None,
            id: self.id.to_owned(),
            action: self.action.to_owned(),
            data: self.data.to_owned(),
            meta: kernel::Meta::default(),
        };
        let row = domain.topic(self.topic).and_then(|topic| topic.row(&event).ok());
        row.map_or(Cow::Borrowed(self.data), Cow::Owned)
    }

    pub(super) fn key(&self, domain: &Domain) -> Option<String> {
        let topic = domain.topic(self.topic).filter(|topic| topic.kind == TopicKind::Entity)?;
        let data = field_changes::members(Some(&self.row(domain)));
        let id = data.into_iter().find(|(name, _)| topic.kind == TopicKind::Entity && name == kernel::ENTITY_ID)?;
        id.1.as_str().map(str::to_owned)
    }

    pub(super) fn told(&self, domain: &Domain) -> Told {
        Told {
            id: self.id.to_owned(),
            topic: self.topic.to_owned(),
            action: self.action.to_owned(),
            key: self.key(domain),
            position: self.position,
            inferred: self.inferred,
            data: serde_json::from_str(&self.row(domain)).unwrap_or_else(|_| self.data.into()),
        }
    }

    fn changed(&self, now: &Self, rule: Rule, domain: &Domain) -> Difference {
        if rule == Rule::Foreign && self.is_new() {
            return Difference::Changed { effect: self.told(domain), fields: self.fields_besides(now, domain) };
        }
        let mut fields = field_changes::fields(Some(&self.row(domain)), Some(&now.row(domain)));
        if fields.is_empty() && self.id != now.id {
            let (before, after) = (Some(self.id.into()), Some(now.id.into()));
            fields.push(field_changes::FieldChange { field: "event_id".to_owned(), before, after });
        }
        Difference::Changed { effect: self.told(domain), fields }
    }
}

/// What is not the same in what is decided and what is held; nothing when all is.
pub(super) fn differences(domain: &Domain, rule: Rule, decided: &[Side<'_>], held: &[Side<'_>]) -> Vec<Difference> {
    let same = |(now, log): (&Side<'_>, &Side<'_>)| now.id == log.id && now.says_the_same(log, domain);
    if decided.len() == held.len() && decided.iter().zip(held).all(same) {
        return Vec::new();
    }
    let (mut now, mut log) = (decided.to_vec(), held.to_vec());
    let mut pairs = Vec::new();
    pair(&mut now, &mut log, &mut pairs, |now, log| now.is_met_by(log, rule, domain));
    if now.is_empty() && log.is_empty() {
        if rule == Rule::Foreign && in_order_by_row(domain, decided, held) {
            return Vec::new();
        }
        let in_order = decided.iter().zip(held).all(|(now, log)| now.says_the_same(log, domain));
        if in_order {
            let moved = decided.iter().zip(held).filter(|(now, log)| now.id != log.id);
            return moved.map(|(now, log)| log.changed(now, rule, domain)).collect();
        }
        let told = |sides: &[Side<'_>]| sides.iter().map(|side| side.told(domain)).collect();
        return vec![Difference::Reordered { log: told(held), now: told(decided) }];
    }
    pairs.clear();
    pair(&mut now, &mut log, &mut pairs, |now, log| {
        (now.topic, now.action, now.key(domain)) == (log.topic, log.action, log.key(domain))
    });
    pair(&mut now, &mut log, &mut pairs, |now, log| {
        // What is about another row that was there before is another effect.
        (now.topic, now.action) == (log.topic, log.action) && now.is_new()
    });
    let changed = pairs.iter().map(|(now, log)| log.changed(now, rule, domain));
    let missing = now.iter().map(|now| Difference::Missing(now.told(domain)));
    let extra = log.iter().map(|log| Difference::Extra(log.told(domain)));
    changed.chain(missing).chain(extra).collect()
}

/// Whether the same happens to each row that was there before, one after the other.
fn in_order_by_row(domain: &Domain, decided: &[Side<'_>], held: &[Side<'_>]) -> bool {
    let by_row = |sides: &[Side<'_>]| {
        let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for side in sides.iter().filter(|side| !side.is_new()) {
            let row = (side.topic.to_owned(), side.key(domain));
            rows.entry(row).or_default().push((side.action.to_owned(), side.row(domain).into_owned()));
        }
        rows
    };
    by_row(decided) == by_row(held)
}

/// Takes those away that belong together, first come first served.
fn pair<'e>(
    now: &mut Vec<Side<'e>>,
    log: &mut Vec<Side<'e>>,
    pairs: &mut Vec<(Side<'e>, Side<'e>)>,
    belong: impl Fn(&Side<'e>, &Side<'e>) -> bool,
) {
    now.retain(|side| match log.iter().position(|other| belong(side, other)) {
        Some(index) => {
            pairs.push((*side, log.remove(index)));
            false
        }
        None => true,
    });
}
