//! What a saga had in front: its own effects that the log had not reached yet.

use std::{collections::VecDeque, sync::Arc};

use kernel::{Ahead, Event, Position, View};

use super::slots::Turn;

/// A saga's own effects that the view has not reached, in log order.
#[derive(Debug, Default)]
pub(super) struct Own {
    effects: VecDeque<(Turn, Arc<Event>)>,
    /// How many of them are staged.
    staged: usize,
    /// Those of reactions before the one that is decided next.
    ahead: Ahead,
}

impl Own {
    /// Takes note of an effect of a reaction.
    pub(super) fn push(&mut self, cause: Turn, event: &Arc<Event>) {
        self.effects.push_back((cause, Arc::clone(event)));
    }

    /// Decides about an event that was just reached, on what was there and all effects of earlier reactions.
    pub(super) fn in_front<T>(&mut self, turn: Turn, view: &mut View, decide: impl FnOnce(&View) -> T) -> T {
        self.pass(view.position());
        view.swap_ahead(&mut self.ahead);
        while let Some((cause, event)) = self.effects.get(self.staged)
            && *cause < turn
        {
            // What can't be read changes no row.
            let _ = view.stage_event(&Event::as_ref(event));
            self.staged += 1;
        }
        let decided = decide(view);
        view.swap_ahead(&mut self.ahead);
        decided
    }

    /// Decides about an event that lies behind the view: what later ones led to is not in front yet.
    pub(super) fn later<T>(&mut self, turn: Turn, view: &mut View, decide: impl FnOnce(&View) -> T) -> T {
        self.pass(view.position());
        let mut ahead = Ahead::default();
        view.swap_ahead(&mut ahead);
        for (_, event) in self.effects.iter().take_while(|(cause, _)| *cause < turn) {
            let _ = view.stage_event(&Event::as_ref(event));
        }
        let decided = decide(view);
        view.swap_ahead(&mut ahead);
        decided
    }

    /// Forgets what the log has reached.
    pub(super) fn pass(&mut self, position: Position) {
        while self.effects.front().is_some_and(|(_, event)| event.position <= position) {
            self.effects.pop_front();
            self.staged = self.staged.saturating_sub(1);
        }
    }
}
