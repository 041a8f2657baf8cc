//! Commands as they stand in a queue.

use sqlx::{Row as _, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::failure::Failure;
use crate::{Listed, Listing, QueueStatus, Queued, Standing};

/// A page of a service's commands, all of it as of one moment.
pub(super) async fn listed(readers: &SqlitePool, service: &str, listing: &Listing) -> Result<Listed, Failure> {
    let Listing { only, after, limit } = listing;
    let mut cut = readers.begin().await?;
    let status = status(&mut cut, service).await?;
    let asked: Vec<_> = Standing::ALL.into_iter().filter(|at| only.is_none_or(|only| only == *at)).collect();
    let mut from = (0, None);
    if let Some(after) = after {
        for (index, standing) in asked.iter().enumerate() {
            if stands(&mut cut, service, *standing, after).await? {
                from = (index, Some(after.as_str()));
            }
        }
    }
    let (first, mut after) = from;
    let mut commands: Vec<Queued> = Vec::new();
    for standing in &asked[first..] {
        // One more than is asked for tells whether there are more.
        let left = limit.saturating_add(1).saturating_sub(commands.len());
        if left > 0 {
            commands.extend(page(&mut cut, service, *standing, after.take(), left).await?);
        }
    }
    let more = commands.len() > *limit;
    commands.truncate(*limit);
    Ok(Listed { status, commands, more })
}

async fn status(cut: &mut SqliteConnection, service: &str) -> Result<QueueStatus, Failure> {
    let row = sqlx::query(include_str!("queue.sql")).bind(service).fetch_one(cut).await?;
    let count = |index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
    let (waiting, claimed, dead) = (count(0)?, count(1)?, count(2)?);
    Ok(QueueStatus { service: service.to_owned(), waiting, claimed, dead })
}

/// Whether a command stands there.
async fn stands(cut: &mut SqliteConnection, service: &str, at: Standing, command: &str) -> Result<bool, Failure> {
    let sql = match at {
        Standing::Claimed => "SELECT 1 FROM claimed WHERE service = ? AND command = ?",
        Standing::Waiting => "SELECT 1 FROM waiting WHERE service = ? AND command = ?",
        Standing::Dead => "SELECT 1 FROM dead WHERE service = ? AND command = ?",
    };
    Ok(sqlx::query(sql).bind(service).bind(command).fetch_optional(cut).await?.is_some())
}

async fn page(
    cut: &mut SqliteConnection,
    service: &str,
    standing: Standing,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Queued>, Failure> {
    let sql = match standing {
        Standing::Claimed => include_str!("listed_claimed.sql"),
        Standing::Waiting => include_str!("listed_waiting.sql"),
        Standing::Dead => include_str!("listed_dead.sql"),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(service).bind(after).bind(limit).fetch_all(cut).await?;
    let queued = |row: &SqliteRow| {
        Ok(Queued {
            id: row.try_get(0)?,
            standing,
            body: row.try_get(1)?,
            failed: row.try_get(2)?,
            error: row.try_get(3)?,
            worker: row.try_get(4)?,
            lease_ends_ms: row.try_get::<Option<i64>, _>(5)?.map(i64::cast_unsigned),
        })
    };
    rows.iter().map(queued).collect()
}
