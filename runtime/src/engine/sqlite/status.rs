//! Reading everything but the log.

use std::collections::BTreeMap;

use kernel::{Checkpoint, Outcome};
use sqlx::{Row as _, SqlitePool};

use super::{bulk::signed, failure::Failure, known};
use crate::{
    CommandRecord, CommandState, DeadLetter, Parked, ParkedId, QueueStatus,
    parking::{place, position_at},
};

pub(super) async fn command(readers: &SqlitePool, id: &str) -> Result<Option<CommandRecord>, Failure> {
    let sql = "SELECT failed, error, outcome FROM commands WHERE id = ?";
    let Some(row) = sqlx::query(sql).bind(id).fetch_optional(readers).await? else { return Ok(None) };
    let outcome = row.try_get::<Option<&str>, _>(2)?.map(serde_json::from_str::<Outcome>).transpose();
    let outcome = outcome.map_err(|error| Failure::corrupt(format!("the outcome of command {id}"), error))?;
    let state = outcome.map_or(CommandState::Pending, CommandState::Ended);
    Ok(Some(CommandRecord { id: id.to_owned(), state, failed: row.try_get(0)?, error: row.try_get(1)? }))
}

pub(super) async fn queues(readers: &SqlitePool, services: &[&str]) -> Result<Vec<QueueStatus>, Failure> {
    let mut queues = Vec::with_capacity(services.len());
    for service in services {
        let row = sqlx::query(include_str!("queue.sql")).bind(*service).fetch_one(readers).await?;
        let count = |index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
        let (waiting, claimed, dead) = (count(0)?, count(1)?, count(2)?);
        queues.push(QueueStatus { service: (*service).to_owned(), waiting, claimed, dead });
    }
    Ok(queues)
}

pub(super) async fn dead_letters(readers: &SqlitePool, services: &[&str]) -> Result<Vec<DeadLetter>, Failure> {
    let mut letters = Vec::new();
    for service in services {
        for row in sqlx::query(include_str!("dead.sql")).bind(*service).fetch_all(readers).await? {
            let corrupt = |error| Failure::corrupt(format!("a dead letter of {service}"), error);
            letters.push(DeadLetter {
                service: (*service).to_owned(),
                command: serde_json::from_str(row.try_get(0)?).map_err(corrupt)?,
                error: row.try_get(1)?,
                failed: row.try_get(2)?,
            });
        }
    }
    Ok(letters)
}

pub(super) async fn checkpoints(readers: &SqlitePool) -> Result<BTreeMap<String, Checkpoint>, Failure> {
    let rows = sqlx::query("SELECT consumer, checkpoint FROM checkpoints").fetch_all(readers).await?;
    let checkpoint = |row: &sqlx::sqlite::SqliteRow| {
        let consumer: String = row.try_get(0)?;
        let checkpoint = known::checkpoint(&consumer, row.try_get(1)?)?;
        Ok((consumer, checkpoint))
    };
    rows.iter().map(checkpoint).collect()
}

/// Parked entries after `after`; of one consumer those that shall be tried again, if one is given.
pub(super) async fn parked(
    readers: &SqlitePool,
    after: Option<&ParkedId>,
    retry_of: Option<&str>,
    limit: usize,
) -> Result<Vec<Parked>, Failure> {
    let (consumer, place, topic) = address(after);
    let sql = match retry_of {
        None => include_str!("parked_after.sql"),
        Some(_) => include_str!("parked_to_retry.sql"),
    };
    let query = sqlx::query(sql).bind(retry_of.unwrap_or(&consumer)).bind(place).bind(topic).bind(signed(limit as u64));
    query.fetch_all(readers).await?.iter().map(read_parked).collect()
}

pub(super) async fn parked_count(readers: &SqlitePool) -> Result<u64, Failure> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM parked").fetch_one(readers).await?;
    Ok(count.cast_unsigned())
}

pub(super) async fn parked_one(readers: &SqlitePool, id: &ParkedId) -> Result<Option<Parked>, Failure> {
    let (consumer, place, topic) = address(Some(id));
    let query = sqlx::query(include_str!("parked_one.sql")).bind(consumer).bind(place).bind(topic);
    query.fetch_optional(readers).await?.as_ref().map(read_parked).transpose()
}

pub(super) async fn unparked(
    readers: &SqlitePool,
    after: Option<&ParkedId>,
    limit: usize,
) -> Result<Vec<ParkedId>, Failure> {
    let (consumer, place, topic) = address(after);
    let query = sqlx::query(include_str!("unparked_after.sql")).bind(consumer).bind(place).bind(topic);
    query.bind(signed(limit as u64)).fetch_all(readers).await?.iter().map(parked_id).collect()
}

/// Where an entry stands in the tables; before all others where there is none.
fn address(id: Option<&ParkedId>) -> (String, String, String) {
    id.map_or_else(Default::default, |id| (id.consumer.clone(), place(id.position), id.topic.clone()))
}

/// Reads what begins with consumer, place and topic.
pub(super) fn parked_id(row: &sqlx::sqlite::SqliteRow) -> Result<ParkedId, Failure> {
    let (consumer, place) = (row.try_get::<String, _>(0)?, row.try_get::<&str, _>(1)?);
    let position = position_at(place).ok_or_else(|| {
        Failure::corrupt(format!("what {consumer} parked"), format!("\"{place}\" is no place in a log"))
    })?;
    Ok(ParkedId { consumer, position, topic: row.try_get(2)? })
}

fn read_parked(row: &sqlx::sqlite::SqliteRow) -> Result<Parked, Failure> {
    let ParkedId { consumer, position, topic } = parked_id(row)?;
    let (reason, attempts, since_ms) = (row.try_get(3)?, row.try_get(4)?, row.try_get::<i64, _>(5)?.cast_unsigned());
    Ok(Parked { consumer, topic, position, reason, attempts, since_ms, retry: row.try_get(6)? })
}
