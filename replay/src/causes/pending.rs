//! Reactions that are waited for.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kernel::{Domain, Event, Position};

use super::{Fit, content::Content, reaction::Reaction};

/// Reactions that are waited for, in the order of their causes.
#[derive(Debug, Default)]
pub(super) struct Pending {
    reactions: VecDeque<Reaction>,
    /// The last event that was met exactly, and whose effect it was.
    last: Option<(Position, Place)>,
}

/// Which reaction: the position of its cause, and the saga.
type Place = (Position, &'static str);

/// What an event was found to be an effect of.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) event: Arc<Event>,
    pub(super) handler: &'static str,
    pub(super) fit: Fit,
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
        let late = |reaction: &Reaction| {
            let waited = now.unix_micros().saturating_sub(reaction.event.position.unix_micros());
            u128::from(waited) > time.as_micros()
        };
        while self.reactions.front().is_some_and(late) {
            self.reactions.pop_front();
        }
    }

    /// Gives up the oldest reactions until no more than `most` predictions are left.
    pub(super) fn limit(&mut self, most: usize) {
        let mut weight = self.weight();
        while weight > most
            && let Some(oldest) = self.reactions.pop_front()
        {
            weight -= self::weight(&oldest);
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
        let predictions = self.reactions[at].predictions.iter().enumerate();
        let fitting =
            predictions.filter_map(|(index, prediction)| Some((prediction.content.likeness(happened, topic)?, index)));
        if let Some((_, index)) = fitting.min() {
            self.meet(at, index);
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
        position: Position,
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
        let chosen = Chosen { event: Arc::clone(&reaction.event), handler: reaction.saga.name, fit };
        match fit {
            Fit::Exact => {
                self.last = Some((position, place(reaction)));
                self.meet(at, index);
            }
            Fit::Alike => reaction.meet_alike(index),
        }
        Some(chosen)
    }

    fn meet(&mut self, at: usize, index: usize) {
        self.reactions[at].meet(index);
        if self.reactions[at].predictions.is_empty() {
            self.reactions.remove(at);
        }
    }
}

fn weight(reaction: &Reaction) -> usize {
    reaction.predictions.len().max(1)
}

fn place(reaction: &Reaction) -> Place {
    (reaction.event.position, reaction.saga.name)
}
