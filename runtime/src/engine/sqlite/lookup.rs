//! What a run of commits needs to know of the file, asked for once for all of them.

use std::collections::{BTreeSet, HashMap};

use kernel::{Position, Read};
use sqlx::{Row as _, SqliteConnection};

use super::{
    bulk::{Bulk, signed},
    changes::{cells, json},
    failure::Failure,
    status::parked_id,
};
use crate::{Commit, Expect, ParkedId, Token};

/// Where commands are held, and by whom; by command.
pub(super) type Claimed = HashMap<String, Vec<(i64, Token)>>;

/// First command and fingerprint, by Idempotency-Key.
pub(super) type Keys = HashMap<String, (String, String)>;

/// Who holds the commands that the commits settle.
pub(super) async fn claimed(connection: &mut SqliteConnection, batches: &[Vec<Commit>]) -> Result<Claimed, Failure> {
    let mut commands = Bulk::new(include_str!("claimed.sql"));
    for settlement in batches.iter().flatten().filter_map(|commit| commit.settle.as_ref()) {
        commands.push([settlement.token.command.as_str().into()]);
    }
    let mut claimed = Claimed::new();
    for row in commands.fetch(connection).await? {
        let token = Token { service: row.try_get(1)?, worker: row.try_get(2)?, command: row.try_get(3)? };
        claimed.entry(token.command.clone()).or_default().push((row.try_get(0)?, token));
    }
    Ok(claimed)
}

/// Of the entries that the commits set aside no more, those that are.
pub(super) async fn parked(
    connection: &mut SqliteConnection,
    batches: &[Vec<Commit>],
) -> Result<BTreeSet<ParkedId>, Failure> {
    let mut asked = Bulk::new(include_str!("parked.sql"));
    batches.iter().flatten().flat_map(|commit| &commit.unpark).for_each(|id| asked.push(cells(id)));
    asked.fetch(connection).await?.iter().map(parked_id).collect()
}

/// What is known of the Idempotency-Keys that the commits bring.
pub(super) async fn keys(connection: &mut SqliteConnection, batches: &[Vec<Commit>]) -> Result<Keys, Failure> {
    let mut asked = Bulk::new(include_str!("keys.sql"));
    let enqueued = batches.iter().flatten().flat_map(|commit| &commit.enqueue);
    for idempotency in enqueued.filter_map(|enqueue| enqueue.idempotency.as_ref()) {
        asked.push([idempotency.key.as_str().into()]);
    }
    let mut keys = Keys::new();
    for row in asked.fetch(connection).await? {
        keys.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
    }
    Ok(keys)
}

/// R5 in the file: what of `expect`'s reads the first event up to `floor` that mentions one mentions.
pub(super) async fn changed<'e>(
    connection: &mut SqliteConnection,
    expect: &'e Expect,
    floor: Position,
) -> Result<Option<&'e Read>, Failure> {
    let reads: Vec<_> = expect.reads.iter().map(|read| (&read.topic, &read.text)).collect();
    let index: Option<i64> = sqlx::query_scalar(include_str!("changed.sql"))
        .bind(json(&reads)?)
        .bind(signed(expect.as_of.ms()))
        .bind(signed(expect.as_of.seq()))
        .bind(signed(floor.ms()))
        .bind(signed(floor.seq()))
        .bind(&expect.except)
        .fetch_optional(connection)
        .await?;
    Ok(index.and_then(|index| usize::try_from(index).ok()).and_then(|index| expect.reads.get(index)))
}
