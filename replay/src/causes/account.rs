//! What came of a reaction, and which of its decisions that speaks for.

use kernel::Position;

use super::{Fit, content::Content, reaction::Prediction};

/// What came of a reaction.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) effects: Vec<Effect>,
    /// The places of events that were taken for effects before what fits exactly came, or what says so itself.
    pub(super) mistaken: Vec<u64>,
    /// Whether an effect says so itself, and so would all.
    pub(super) is_recorded: bool,
    /// Whether its saga is known to have reacted to a later event.
    pub(super) is_passed: bool,
    /// The two decisions that its first effect may be of.
    either: Option<Either>,
    /// Where it would have done nothing any more.
    silent: Option<Position>,
}

/// An event that was taken for an effect.
#[derive(Debug)]
pub(super) struct Effect {
    /// Its place in the log.
    pub(super) seq: u64,
    /// What was predicted, or what happened where nothing was.
    content: Content,
    fit: Option<Fit>,
}

/// What a decision as of the event asks for, and one made later.
#[derive(Debug)]
struct Either {
    later: Position,
    then: Vec<Content>,
    now: Vec<Content>,
}

impl Account {
    /// Takes note that the event at `seq`, right behind `before`, meets a prediction of the reaction.
    pub(super) fn note(&mut self, seq: u64, before: Position, predictions: &[Prediction], met: usize, fit: Fit) {
        let of = |is_of: fn(&Prediction) -> bool| {
            let predictions = predictions.iter().filter(|prediction| is_of(prediction));
            predictions.map(|prediction| prediction.content.clone()).collect()
        };
        self.either.get_or_insert_with(|| Either {
            later: before,
            then: of(Prediction::is_then),
            now: of(Prediction::is_now),
        });
        let content = predictions[met].content.clone();
        if fit == Fit::Exact {
            let is_mistaken =
                |effect: &mut Effect| effect.fit != Some(Fit::Exact) && effect.content.is_about_the_same(&content);
            self.mistaken.extend(self.effects.extract_if(.., is_mistaken).map(|effect| effect.seq));
        }
        self.push(Effect { seq, content, fit: Some(fit) });
    }

    /// Takes note that the event at `seq` is an effect that nothing predicted.
    pub(super) fn note_beside(&mut self, seq: u64, content: Content) {
        self.push(Effect { seq, content, fit: None });
    }

    fn push(&mut self, effect: Effect) {
        if self.is_recorded {
            self.mistaken.push(effect.seq);
        } else {
            self.effects.push(effect);
        }
    }

    /// Takes note that an effect says so itself: what does not is none.
    pub(super) fn note_recorded(&mut self) {
        self.is_recorded = true;
        self.mistaken.extend(self.effects.drain(..).map(|effect| effect.seq));
    }

    /// Takes note that it would do nothing as of `as_of`, though it would have as of the event.
    ///
    /// What a saga is behind can't be decided again, whatever becomes of what it read.
    pub(super) fn is_silent(&mut self, as_of: Position) {
        if !self.is_passed && self.effects.is_empty() {
            self.silent.get_or_insert(as_of);
        }
    }

    /// When it was decided, as far as that can be known: at `event`, its event, unless what came of it speaks for later.
    pub(super) fn as_of(&self, event: Position) -> Position {
        match &self.either {
            Some(either) if either.then == either.now => event,
            Some(either) if self.off(&either.then) < self.off(&either.now) => event,
            Some(either) => either.later,
            None if self.effects.is_empty() => self.silent.unwrap_or(event),
            None => event,
        }
    }

    /// How much of a decision did not come true, or came besides.
    fn off(&self, decision: &[Content]) -> usize {
        let mut left: Vec<_> = decision.iter().collect();
        let mut beside = 0;
        for effect in &self.effects {
            let is_met = |left: &&Content| match effect.fit {
                Some(Fit::Exact) => **left == effect.content,
                Some(Fit::Alike) => left.is_about_the_same(&effect.content),
                None => false,
            };
            match left.iter().position(is_met) {
                Some(index) => drop(left.remove(index)),
                None => beside += 1,
            }
        }
        left.len() + beside
    }
}
