//! Questions with routes of their own.
//!
//! Each answers with what stands under `result` on its route. An entity that refers to something that does
//! not exist is no error to any of them.

mod mails;
mod orders;
mod report;

pub use mails::SentMails;
pub use orders::{DeliveredOrders, UnbilledOrders, UnshippedOrders};
pub use report::{OrderReport, Report};

use kernel::{Failure, Tables};
use serde::Serialize;
use serde_json::Value;

/// A topic's rows as JSON, with their keys, in key order.
fn values<'t>(tables: &'t Tables, topic: &str) -> Result<Vec<(&'t str, Value)>, Failure> {
    let parse = |(key, row): (&'t str, &str)| {
        let value = serde_json::from_str(row).map_err(|error| Failure(format!("{topic} {key}: {error}")))?;
        Ok((key, value))
    };
    tables.rows(topic).map(parse).collect()
}

fn json(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure(error.to_string()))
}

#[cfg(test)]
mod tests;
