//! What is decided beside what the log holds, effect by effect.

use std::{collections::HashMap, sync::Arc};

use kernel::{CREATED, Domain, ENTITY_ID, Event, Intent, Meta, Position, Row, TopicKind};
use projector::field_changes;

use super::{Decision, Effect, Mark, Verdict, rows::Rows};
use crate::reactions::{Reaction, Standing};

/// A reaction, and the rows that were decided on.
#[derive(Debug)]
pub(super) struct Reacted {
    pub(super) reaction: Reaction,
    /// What is decided, each with the row that it replaces.
    decided: Vec<(Side, Option<Row>)>,
    /// Whether another program reacted.
    is_foreign: bool,
}

/// The event that a command led to, or one that belongs to no reaction.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) handler: &'static str,
    pub(super) event: Arc<Event>,
    /// Whether it was found by content what it came of.
    pub(super) is_inferred: bool,
}

/// An effect, wherever it is from.
#[derive(Debug)]
struct Side {
    id: String,
    topic: String,
    action: String,
    key: Option<String>,
    row: Row,
    position: Option<Position>,
    is_command: bool,
    /// Whether it was found by content what it came of.
    is_inferred: bool,
}

/// Whether what says the same must have the same identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    Compared,
    PassedOver,
}

/// A decision that can't be made again.
pub(super) const fn unchecked(handler: &'static str) -> Decision {
    Decision { handler, as_of: None, verdict: Verdict::Unchecked, fails: None, effects: Vec::new() }
}

impl Reacted {
    /// Looks up what the effects replace, before that is forgotten.
    pub(super) fn new(domain: &Domain, reaction: Reaction, rows: &Rows, is_foreign: bool) -> Self {
        // Between a decision and its commit nothing changes that it read; what the saga had in front is there by then.
        let until = reaction.held.first().map_or(reaction.as_of, |first| first.position.predecessor());
        let effects = reaction.outcome.as_ref().map(|decided| decided.effects.as_slice()).unwrap_or_default();
        let mut left: HashMap<(&str, String), Row> = HashMap::new();
        let mut decided = Vec::with_capacity(effects.len());
        for effect in effects {
            let side = Side::decided(domain, effect);
            let topic = domain.topic(&side.topic).map(|topic| topic.name);
            let place = topic.zip(side.key.clone());
            // What an effect leaves is what the next one finds.
            let before =
                place.as_ref().and_then(|place| left.get(place).cloned().or_else(|| rows.at(place.0, &place.1, until)));
            if let Some(place) = place {
                left.insert(place, side.row.clone());
            }
            decided.push((side, before));
        }
        let is_foreign = is_foreign && (reaction.held.is_empty() || !reaction.inferred.is_empty());
        Self { reaction, decided, is_foreign }
    }
}

/// What a reaction comes to. A command without an event is lost once later ones have overtaken it.
pub(super) fn decision(
    domain: &Domain,
    Reacted { reaction, decided, is_foreign }: Reacted,
    answers: &[Answer],
    is_overtaken: impl Fn(&str) -> bool,
) -> Decision {
    let is_over = reaction.standing == Standing::Over;
    let mut held: Vec<_> = reaction.held.iter().map(|event| Side::held(domain, event)).collect();
    for (index, _) in &reaction.inferred {
        held.get_mut(*index).into_iter().for_each(|side| side.is_inferred = true);
    }
    held.extend(answers.iter().map(|answer| Side::answer(domain, answer)));
    let order: Vec<_> = held.iter().map(|side| side.id.clone()).collect();
    let partners = partners(&decided, &mut held, is_foreign);
    let verdict_of_order = order_of(&decided, &partners, &order, is_foreign);
    // An identifier is of an effect's place among the others: where these differ, it says nothing more.
    let is_met = |((now, _), log): (&(Side, _), &Option<Side>)| {
        log.as_ref().is_some_and(|log| now.says_the_same(log, is_foreign))
    };
    let is_whole = held.is_empty() && verdict_of_order == Verdict::Same && decided.iter().zip(&partners).all(is_met);
    let mut effects: Vec<_> = decided
        .into_iter()
        .zip(partners)
        .map(|((now, before), log)| {
            let is_lost = is_over && (!now.is_command || is_overtaken(&now.topic));
            let ids = if is_whole && !is_foreign { Ids::Compared } else { Ids::PassedOver };
            now.beside(log, before, (is_foreign, ids), is_lost)
        })
        .collect();
    effects.extend(held.into_iter().map(Side::extra));
    let fails = reaction.outcome.err().map(|failure| failure.0);
    let has = |marks: &[Mark]| effects.iter().any(|effect| marks.contains(&effect.mark));
    let verdict = match () {
        () if has(&[Mark::Changed, Mark::Missing, Mark::Extra]) && !reaction.is_exact => Verdict::Unchecked,
        () if has(&[Mark::Changed, Mark::Missing, Mark::Extra]) => Verdict::Different,
        () if fails.is_some() && reaction.is_recorded => Verdict::Different,
        () if fails.is_some() || has(&[Mark::Unrecorded]) => Verdict::Unrecorded,
        () => verdict_of_order,
    };
    let as_of = Some(reaction.as_of).filter(|as_of| *as_of > reaction.event.position);
    Decision { handler: reaction.handler, as_of, verdict, fails, effects }
}

/// Takes away what the log holds for each effect: what says the same first, then what is about the same entity, then
/// what is of the same kind.
fn partners(decided: &[(Side, Option<Row>)], held: &mut Vec<Side>, is_foreign: bool) -> Vec<Option<Side>> {
    let fits: [fn(&Side, &Side, bool) -> bool; 4] = [
        |log, now, _| log.is_command && log.id == now.id,
        |log, now, is_foreign| now.says_the_same(log, is_foreign),
        |log, now, _| log.key == now.key && log.key.is_some(),
        // Of another program's, what is about another row is another effect.
        |_, now, is_foreign| !is_foreign || now.action == CREATED,
    ];
    let mut partners: Vec<Option<Side>> = decided.iter().map(|_| None).collect();
    for fits in fits {
        for ((now, _), partner) in decided.iter().zip(&mut partners).filter(|(_, partner)| partner.is_none()) {
            let index = held.iter().position(|log| now.is_alike(log) && fits(log, now, is_foreign));
            *partner = index.map(|index| held.remove(index));
        }
    }
    partners
}

/// Whether what both have is in the same order; another program's need be only for each row.
fn order_of(decided: &[(Side, Option<Row>)], partners: &[Option<Side>], order: &[String], is_foreign: bool) -> Verdict {
    let place = |side: &Side| order.iter().position(|id| *id == side.id);
    let both = decided.iter().zip(partners).filter_map(|((now, _), log)| Some((now, place(log.as_ref()?)?)));
    // A service appends when it comes to it.
    let both: Vec<_> = both.filter(|(now, _)| !now.is_command).collect();
    let is_turned = |(index, (now, place)): (usize, &(&Side, usize))| {
        let is_same_row = |other: &Side| (&other.topic, &other.key) == (&now.topic, &now.key);
        both[..index].iter().any(|(other, earlier)| earlier > place && (!is_foreign || is_same_row(other)))
    };
    if both.iter().enumerate().any(is_turned) { Verdict::Reordered } else { Verdict::Same }
}

impl Side {
    fn of(domain: &Domain, id: &str, (topic, action): (&str, &str), data: &str) -> Self {
        let event = Event {
            topic: topic.into(),
            position: Position::MAX,
            number: None,
            id: id.to_owned(),
            action: action.to_owned(),
            data: data.to_owned(),
            meta: Meta::default(),
        };
        let of = domain.topic(topic);
        let row: Row = of.and_then(|topic| topic.row(&event).ok()).map_or_else(|| data.into(), Into::into);
        let is_entity = of.is_some_and(|topic| topic.kind == TopicKind::Entity);
        let members = if is_entity { field_changes::members(Some(&row)) } else { Vec::new() };
        let id = members.into_iter().find(|(name, _)| name == ENTITY_ID);
        let key = id.and_then(|(_, id)| id.as_str().map(str::to_owned));
        let Event { id, action, .. } = event;
        let (position, is_command, is_inferred) = (None, false, false);
        Self { id, topic: topic.to_owned(), action, key, row, position, is_command, is_inferred }
    }

    fn decided(domain: &Domain, effect: &kernel::Effect) -> Self {
        let command = match effect {
            kernel::Effect::Append(draft) => {
                return Self::of(domain, &draft.id, (&draft.topic, &draft.action), &draft.data);
            }
            kernel::Effect::Send(command) => command,
        };
        let fact = match &command.intent {
            Intent::Record(fact) => fact.get().to_owned(),
            other @ (Intent::Create(_) | Intent::Update { .. } | Intent::Delete { .. }) => {
                serde_json::to_string(other).unwrap_or_default()
            }
        };
        let action = match domain.topic(&command.topic).map(|topic| topic.kind) {
            Some(TopicKind::Journal { action }) => action,
            Some(TopicKind::Entity) | None => "",
        };
        Self { is_command: true, ..Self::of(domain, &command.id, (&command.topic, action), &fact) }
    }

    /// What the log holds.
    fn held(domain: &Domain, event: &Event) -> Self {
        let side = Self::of(domain, &event.id, (&event.topic, &event.action), &event.data);
        Self { position: Some(event.position), ..side }
    }

    /// What the log holds; what a command led to goes by the command's id.
    fn answer(domain: &Domain, Answer { event, is_inferred, .. }: &Answer) -> Self {
        let side = Self { is_inferred: *is_inferred, ..Self::held(domain, event) };
        match &event.meta.command {
            Some(command) => Self { id: command.clone(), is_command: true, ..side },
            None => side,
        }
    }

    fn is_alike(&self, log: &Self) -> bool {
        (&self.topic, &self.action, self.is_command) == (&log.topic, &log.action, log.is_command)
    }

    /// Whether the log holds just this. Another program gives what is new an id of its own, and words of its own to
    /// what it tells people.
    fn says_the_same(&self, log: &Self, is_foreign: bool) -> bool {
        let besides_ids = || {
            let changes = field_changes::fields(Some(&log.row), Some(&self.row));
            changes.iter().all(|change| change.field == ENTITY_ID)
        };
        let is_worded = self.is_command && log.is_command && log.id == self.id && log.is_inferred;
        log.row == self.row || is_worded || (is_foreign && self.action == CREATED && besides_ids())
    }

    fn beside(self, log: Option<Self>, before: Option<Row>, (is_foreign, ids): (bool, Ids), is_lost: bool) -> Effect {
        let is_inferred = log.as_ref().is_some_and(|log| log.is_inferred);
        let mark = match &log {
            Some(log) if ids == Ids::Compared && log.id != self.id => Mark::Changed,
            Some(log) if self.says_the_same(log, is_foreign) => Mark::Same,
            Some(_) => Mark::Changed,
            None if is_lost => Mark::Missing,
            None => Mark::Unrecorded,
        };
        let Self { id, topic, action, key, row, is_command, .. } = self;
        let position = log.as_ref().and_then(|log| log.position);
        let (log, log_id) = log.map(|log| (log.row, log.id)).unzip();
        Effect { mark, is_command, is_inferred, id, log_id, topic, action, key, position, before, now: Some(row), log }
    }

    fn extra(self) -> Effect {
        let Self { id, topic, action, key, row, position, is_command, is_inferred } = self;
        let (before, now, log, log_id) = (None, None, Some(row), Some(id.clone()));
        Effect {
            mark: Mark::Extra,
            is_command,
            is_inferred,
            id,
            log_id,
            topic,
            action,
            key,
            position,
            before,
            now,
            log,
        }
    }
}
