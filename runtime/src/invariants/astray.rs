//! Checkpoints that are where they can't be (I5).

use kernel::{Checkpoint, Epoch};
use serde::Serialize;

/// A checkpoint that is where it can't be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Astray {
    /// It says that more was read than there is.
    #[error("{who} stands at {at}, ahead of the log, which ends at {head}")]
    Ahead {
        /// Whose it is: `consumer saga/crm`.
        who: String,
        /// Where it stands.
        at: Checkpoint,
        /// The log's head.
        head: Checkpoint,
    },
    /// It belongs to a log that was here before.
    #[error("{who} stands in epoch \"{epoch}\", and the log has epoch \"{current}\": it was begun again")]
    OtherEpoch {
        /// Whose it is: `consumer saga/crm`.
        who: String,
        /// The checkpoint's epoch.
        epoch: Epoch,
        /// The log's epoch.
        current: Epoch,
    },
}

impl Astray {
    /// What is wrong with the checkpoint of `who` in a log that ends at `head`; nothing where it is sound.
    #[must_use]
    pub fn check(who: &str, at: &Checkpoint, head: &Checkpoint) -> Option<Self> {
        let who = || who.to_owned();
        // Where there is no epoch, somebody only knew a position.
        if !at.epoch.0.is_empty() && at.epoch != head.epoch {
            return Some(Self::OtherEpoch { who: who(), epoch: at.epoch.clone(), current: head.epoch.clone() });
        }
        let is_ahead = at.position > head.position || at.number > head.number;
        is_ahead.then(|| Self::Ahead { who: who(), at: at.clone(), head: head.clone() })
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Number, Position};

    use super::*;

    fn at(epoch: &str, ms: u64, number: u64) -> Checkpoint {
        Checkpoint { epoch: Epoch(epoch.into()), position: Position::new(ms, 0), number: Number(number) }
    }

    #[test]
    fn a_checkpoint_is_sound_up_to_the_head_and_in_its_epoch() {
        let said = |checkpoint| Astray::check("x", &checkpoint, &at("e", 9, 3)).map(|astray| astray.to_string());
        assert_eq!([at("", 0, 0), at("e", 9, 3), at("e", 8, 3), at("", 9, 0)].map(said), [None, None, None, None]);
        let ahead = |at: &str| Some(format!("x stands at {at}, ahead of the log, which ends at 9-0 (event 3)"));
        assert_eq!(said(at("e", 10, 3)), ahead("10-0 (event 3)"));
        assert_eq!(said(at("e", 9, 4)), ahead("9-0 (event 4)"));
        assert_eq!(said(at("", 10, 0)), ahead("10-0 (event 0)"));
        let other = "x stands in epoch \"d\", and the log has epoch \"e\": it was begun again";
        assert_eq!(said(at("d", 1, 1)).as_deref(), Some(other));
    }
}
