//! Reading everything but the log.

use std::collections::BTreeMap;

use kernel::{Checkpoint, Outcome};
use sqlx::{Row as _, SqlitePool};

use super::{failure::Failure, known};
use crate::{CommandRecord, CommandState, DeadLetter, Parked, QueueStatus};

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

pub(super) async fn parked(readers: &SqlitePool) -> Result<Vec<Parked>, Failure> {
    let rows = sqlx::query("SELECT consumer, topic, position, reason FROM parked").fetch_all(readers).await?;
    let parked = |row: &sqlx::sqlite::SqliteRow| {
        let (consumer, position) = (row.try_get::<String, _>(0)?, row.try_get::<&str, _>(2)?);
        let position = position.parse().map_err(|error| Failure::corrupt(format!("what {consumer} parked"), error))?;
        Ok(Parked { consumer, topic: row.try_get(1)?, position, reason: row.try_get(3)? })
    };
    let mut parked: Vec<_> = rows.iter().map(parked).collect::<Result<_, Failure>>()?;
    parked.sort_by(|a, b| (&a.consumer, a.position).cmp(&(&b.consumer, b.position)));
    Ok(parked)
}
