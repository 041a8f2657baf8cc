//! Divergences by what they have in common.

use super::report::{Cause, Difference, Divergence, Group};

/// Differences that have all but the entities in common, those found first first.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<Group>);

impl Groups {
    pub(super) fn add(&mut self, divergence: &Divergence, follows: bool) {
        for difference in &divergence.differences {
            let group = self.of(divergence, difference);
            let count = if follows { &mut group.following } else { &mut group.divergent };
            *count += 1;
        }
    }

    /// Takes note that a divergence, which was thought to stand by itself, follows from another one.
    pub(super) fn demote(&mut self, divergence: &Divergence) {
        for difference in &divergence.differences {
            let group = self.of(divergence, difference);
            group.divergent -= 1;
            group.following += 1;
        }
    }

    pub(super) fn told(self) -> Vec<Group> {
        self.0
    }

    fn of(&mut self, divergence: &Divergence, difference: &Difference) -> &mut Group {
        let (on, first) = match &divergence.event {
            Cause::Known(event) => (Some(format!("{} {}", event.topic, event.action)), Some(event.position)),
            Cause::Unknown { .. } => (None, None),
        };
        let (effect, fields) = match difference {
            Difference::Missing(told) | Difference::Extra(told) => (Some(told), Vec::new()),
            Difference::Changed { effect, fields } => {
                (Some(effect), fields.iter().map(|change| change.field.clone()).collect())
            }
            Difference::Reordered { .. } | Difference::Fails { .. } => (None, Vec::new()),
        };
        let effect = effect.map(|told| format!("{} {}", told.topic, told.action));
        let (handler, kind) = (divergence.handler.clone(), difference.kind());
        let group = Group { handler, on, kind, effect, fields, divergent: 0, following: 0, first };
        let alike = |other: &Group| {
            (&other.handler, &other.on, other.kind, &other.effect, &other.fields)
                == (&group.handler, &group.on, group.kind, &group.effect, &group.fields)
        };
        let index = self.0.iter().position(alike).unwrap_or_else(|| {
            self.0.push(group);
            self.0.len() - 1
        });
        &mut self.0[index]
    }
}
