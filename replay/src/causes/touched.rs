//! What has changed lately.

use std::collections::BTreeMap;

use kernel::{Domain, Kind, Position, Read};
use serde_json::Value;

use super::content::Content;

/// How many texts are kept before the first look at which may go.
const FEW: usize = 1_024;

/// Where each text was last mentioned that a decision may have asked for: an entity's id, or one referred to.
#[derive(Debug, Default)]
pub(super) struct Touched {
    mentions: BTreeMap<Read, Position>,
    /// How many there were when the last look was taken.
    kept: usize,
}

impl Touched {
    /// Takes note of what an event mentions.
    pub(super) fn note(&mut self, domain: &Domain, content: &Content, position: Position) {
        let Some(topic) = domain.topic(&content.topic) else { return };
        let mut mention = |text: &str| {
            self.mentions.insert(Read::of(topic.name, text), position);
        };
        mention(&content.id);
        for field in &topic.fields {
            match (field.kind, content.fields.get(field.name)) {
                (Kind::Reference(_), Some(Value::String(id))) => mention(id),
                (Kind::References(_), Some(Value::Array(ids))) => {
                    ids.iter().filter_map(Value::as_str).for_each(&mut mention);
                }
                _ => {}
            }
        }
    }

    /// Whether anything that was read has changed after `as_of`.
    pub(super) fn since(&self, as_of: Position, reads: &[Read]) -> bool {
        reads.iter().any(|read| self.mentions.get(read).is_some_and(|at| *at > as_of))
    }

    /// Forgets what no decision will ask about; looks only now and then.
    pub(super) fn forget_before(&mut self, oldest: Position) {
        if self.mentions.len() > FEW.max(2 * self.kept) {
            self.mentions.retain(|_, at| *at > oldest);
            self.kept = self.mentions.len();
        }
    }
}
