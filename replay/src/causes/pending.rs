//! Reactions that are waited for.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use kernel::{Domain, Event, Position, Read, UPDATED, View};

use super::{Fit, content::Content, reaction::Reaction, touched::Touched};

/// Reactions that are waited for, in the order of their causes.
#[derive(Debug, Default)]
pub(super) struct Pending {
    reactions: VecDeque<Reaction>,
    /// The last event that was met exactly, and whose effect it was.
    last: Option<(Position, Place)>,
    /// What is not waited for any more and has not been told.
    over: Vec<Reaction>,
    /// By saga and topic the longest that an update took that fitted exactly, in microseconds.
    known: BTreeMap<(&'static str, String), u64>,
}

/// Which reaction: the position of its cause, and the saga.
type Place = (Position, &'static str);

/// Where an event stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) position: Position,
    /// Which entry of the log it is.
    pub(super) seq: u64,
    /// Where the entry before it stands.
    pub(super) before: Position,
}

/// What an event was found to be an effect of.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) event: Arc<Event>,
    pub(super) handler: &'static str,
    /// Nothing when the reaction would have done nothing, and so nothing like it.
    pub(super) fit: Option<Fit>,
    /// The command that would have led to it, if it takes one.
    pub(super) command: Option<String>,
}

impl Pending {
    /// How many predictions are waited for; a reaction that predicts nothing yet counts as one.
    pub(super) fn weight(&self) -> usize {
        self.reactions.iter().map(weight).sum()
    }

    /// Where the cause of the oldest reaction stands; behind everything when there is none.
    pub(super) fn oldest(&self) -> Position {
        self.reactions.front().map_or(Position::MAX, |reaction| reaction.event.position)
    }

    pub(super) fn push(&mut self, reaction: Reaction) {
        self.reactions.push_back(reaction);
    }

    /// Gives up what has been waited for longer than `time`.
    pub(super) fn expire(&mut self, now: Position, time: Duration) {
        let late = |reaction: &Reaction| u128::from(between(reaction.event.position, now)) > time.as_micros();
        let late = self.reactions.iter().take_while(|reaction| late(reaction)).count();
        self.over.extend(self.reactions.drain(..late));
    }

    /// Gives up all reactions to events up to and at `until`.
    pub(super) fn give_up(&mut self, until: Position) {
        let count = self.reactions.iter().take_while(|reaction| reaction.event.position <= until).count();
        self.over.extend(self.reactions.drain(..count));
    }

    /// Decides what was given up without an effect a last time, where what it read has changed.
    pub(super) fn decide_over(&mut self, domain: &Domain, view: &View, touched: &Touched) {
        for reaction in self.over.iter_mut().filter(|reaction| reaction.account.effects.is_empty()) {
            if touched.since(reaction.as_of, &reaction.reads) {
                // What fails only now may not have failed when it was decided.
                let _ = reaction.decide_again(domain, view);
            }
        }
    }

    /// What was given up or has had all its effects since this was last asked.
    pub(super) fn over(&mut self) -> Vec<Reaction> {
        std::mem::take(&mut self.over)
    }

    /// Gives up the oldest reactions until no more than `most` predictions are left.
    pub(super) fn limit(&mut self, most: usize) {
        let mut weight = self.weight();
        while weight > most
            && let Some(oldest) = self.reactions.pop_front()
        {
            weight -= self::weight(&oldest);
            self.over.push(oldest);
        }
    }

    /// Reactions none of whose effects has been met, so that they may still be decided otherwise.
    pub(super) fn undecided(&mut self) -> impl Iterator<Item = &mut Reaction> {
        self.reactions.iter_mut().filter(|reaction| !reaction.begun)
    }

    /// Takes the prediction away that an event of recorded cause fulfils.
    pub(super) fn use_up(&mut self, domain: &Domain, happened: &Content, (cause, handler): (&str, &str)) {
        let Some(topic) = domain.topic(&happened.topic) else { return };
        let is_meant = |reaction: &Reaction| reaction.event.id == cause && reaction.saga.name == handler;
        let Some(at) = self.reactions.iter().position(is_meant) else { return };
        self.reactions[at].account.note_recorded();
        self.come_to(at);
        let predictions = self.reactions[at].predictions.iter().enumerate();
        let fitting =
            predictions.filter_map(|(index, prediction)| Some((prediction.content.likeness(happened, topic)?, index)));
        if let Some((_, index)) = fitting.min() {
            self.reactions[at].meet(index);
            self.retire(at);
        }
    }

    /// Chooses the prediction that fits an event best, and takes it away if it fits exactly.
    ///
    /// What only looks alike stays, for what fits exactly may still come, but nothing else that looks alike takes
    /// it again. `changes` says whether the event changes anything: what changes nothing is only ever an effect
    /// that would have changed nothing, or did until something else had the same effect.
    pub(super) fn choose(
        &mut self,
        domain: &Domain,
        happened: &Content,
        Spot { position, seq, before }: Spot,
        changes: bool,
    ) -> Option<Chosen> {
        let topic = domain.topic(&happened.topic)?;
        let last = self.last.filter(|(at, _)| !position.is_foreign() && at.successor() == position);
        let mut best = None;
        for (at, reaction) in self.reactions.iter().enumerate() {
            // The effects of one decision are committed at once, one behind the other.
            let elsewhere = last.is_none_or(|(_, place)| place != self::place(reaction));
            for (index, prediction) in reaction.predictions.iter().enumerate() {
                let Some(likeness) = prediction.content.likeness(happened, topic) else { continue };
                let fits = match likeness.fit {
                    Fit::Exact => !(prediction.idle && changes),
                    Fit::Alike => prediction.is_open(),
                };
                if fits {
                    let rank =
                        (likeness.fit, prediction.idle, elsewhere, likeness, reaction.standing(prediction), at, index);
                    best = Some(best.map_or(rank, |best| rank.min(best)));
                }
            }
        }
        let (fit, .., at, index) = best?;
        let reaction = &mut self.reactions[at];
        let command = reaction.predictions[index].command.clone();
        let chosen = reaction.chosen(Some(fit), command);
        reaction.account.note(seq, before, &reaction.predictions, index, fit);
        self.come_to(at);
        match fit {
            Fit::Exact => {
                self.last = Some((position, place(&self.reactions[at])));
                self.learn(at, happened, position);
                self.reactions[at].meet(index);
                self.retire(at);
            }
            Fit::Alike => self.reactions[at].meet_alike(index),
        }
        Some(chosen)
    }

    /// Chooses the reaction that an update is of which no prediction fits: the latest that would have done nothing and
    /// has read the row, or has done something else to it than it would.
    ///
    /// It comes no later than the slowest of the saga's effects that fitted, so that what clients write is not taken
    /// for it.
    pub(super) fn choose_beside(
        &mut self,
        happened: &Content,
        domain: &Domain,
        Spot { position, seq, .. }: Spot,
    ) -> Option<Chosen> {
        if happened.action != UPDATED {
            return None;
        }
        let topic = domain.topic(&happened.topic)?;
        let row = Read::of(topic.name, &happened.id);
        let is_meant = |reaction: &Reaction| {
            let known = self.known.get(&(reaction.saga.name, happened.topic.clone()));
            let is_soon = known.is_some_and(|slowest| between(reaction.event.position, position) <= *slowest);
            is_soon && (reaction.did_otherwise(happened) || (reaction.does_nothing() && reaction.reads.contains(&row)))
        };
        let at = self.reactions.iter().rposition(is_meant)?;
        self.reactions[at].account.note_beside(seq, happened.clone());
        self.come_to(at);
        Some(self.reactions[at].chosen(None, None))
    }

    /// Takes note that a saga has come to a reaction: what it had to react to before is behind it.
    fn come_to(&mut self, at: usize) {
        let saga = self.reactions[at].saga.name;
        let before = self.reactions.iter_mut().take(at).filter(|reaction| reaction.saga.name == saga);
        before.for_each(|reaction| reaction.account.is_passed = true);
    }

    /// Takes note of how long a saga took to update something.
    fn learn(&mut self, at: usize, happened: &Content, position: Position) {
        if happened.action == UPDATED {
            let took = between(self.reactions[at].event.position, position);
            let slowest = self.known.entry((self.reactions[at].saga.name, happened.topic.clone())).or_default();
            *slowest = took.max(*slowest);
        }
    }

    /// Lets a reaction go that has had all its effects.
    fn retire(&mut self, at: usize) {
        if self.reactions[at].predictions.is_empty() {
            self.over.extend(self.reactions.remove(at));
        }
    }
}

/// How long after `event` something happened, in microseconds by the wall clock.
const fn between(event: Position, happened: Position) -> u64 {
    happened.unix_micros().saturating_sub(event.unix_micros())
}

fn weight(reaction: &Reaction) -> usize {
    reaction.predictions.len().max(1)
}

fn place(reaction: &Reaction) -> Place {
    (reaction.event.position, reaction.saga.name)
}
