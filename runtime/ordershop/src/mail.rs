//! Mails: a journal, for what was sent can't be changed.

use kernel::{Field, Journal, Topic};
use serde::{Deserialize, Serialize};

/// A mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The address it went to.
    pub recipient: String,
    /// What it said.
    pub message: String,
}

impl Journal for Mail {
    const TOPIC: &'static str = "mail";

    fn topic() -> Topic {
        Topic::journal(
            Self::TOPIC,
            "mails",
            "mail-service",
            "mail_sent",
            vec![Field::text("recipient").personal(), Field::text("message")],
        )
    }
}
