//! `/mails/sent`

use kernel::{Failure, Journal, Position, Query, Tables};
use serde_json::{Value, json};

use super::values;
use crate::Mail;

/// Every mail, `[position, {event_id, event_action, event_data}]`, in the order they were sent in.
pub struct SentMails;

impl Query for SentMails {
    const PATH: &'static str = "/mails/sent";

    fn topics() -> &'static [&'static str] {
        &[Mail::TOPIC]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let mut mails = Vec::new();
        for (key, row) in values(tables, Mail::TOPIC)? {
            let position: Position = key.parse().map_err(|error| Failure(format!("{} {key}: {error}", Mail::TOPIC)))?;
            mails.push((position, json!([key, row])));
        }
        mails.sort_by_key(|(position, _)| *position);
        Ok(mails.into_iter().map(|(_, mail)| mail).collect())
    }
}
