//! The timeline's file, and reading it: everything that one answer needs is read in one cut.

mod counts;
mod page;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use kernel::{Checkpoint, Epoch, Number, Position, Row, Topic, TopicKind};
use runtime::StoreError;
use sqlx::{Sqlite, Transaction};
use tokio::task::JoinError;

use super::{
    Version,
    block::{self, Packed},
    changes::{Before, Touched},
    gather::{self, Gathered},
    mentions,
};
use crate::file::{File, Layout};
use counts::Known;

/// `RTTL` marks the file in its header.
const LAYOUT: Layout = Layout {
    what: "timeline",
    application: 0x5254_544C,
    format: 2,
    page: 16_384,
    schema: include_str!("schema.sql"),
    remedy: "`retrace rebuild --timeline` makes it anew",
    upgrade: Some(include_str!("upgrade_1.sql")),
};

/// How many runs are looked into at a time for a row that no recent one has.
const RUNS: u32 = 64;

/// The timeline in a SQLite file.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) file: File,
    known: Known,
}

/// Where the file stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Version of the projection that made the versions.
    pub(super) version: u32,
    /// It holds every version up to here.
    pub(super) checkpoint: Checkpoint,
    /// The number of the last run; none is used twice.
    pub(super) runs: u32,
    /// The number of the last block, likewise.
    pub(super) blocks: u32,
    /// The number of the last keyframe.
    pub(super) base: u32,
    /// Versions of entities since then.
    pub(super) since: u64,
    /// From before this, old versions were dropped.
    pub(super) floor: Position,
}

/// The runs that hold the rows as of a position.
#[derive(Clone, Copy, Debug)]
struct Reach {
    base: u32,
    last: u32,
}

/// The file as it stands at one moment.
#[derive(Debug)]
pub(super) struct Cut {
    transaction: Transaction<'static, Sqlite>,
    file: File,
    known: Known,
    pub(super) state: State,
}

impl Disk {
    /// Opens the file, making it when it is missing.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: File::open(path, &LAYOUT).await?, known: Known::default() })
    }

    /// Opens the file to read it, beside whoever keeps it.
    pub(super) async fn open_reading(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: File::open_reading(path, &LAYOUT).await?, known: Known::default() })
    }

    /// How many runs there are, keyframes among them.
    pub(super) async fn runs(&self) -> Result<u32, StoreError> {
        let runs = sqlx::query_scalar("SELECT count(*) FROM run").fetch_one(&self.file.readers).await;
        runs.map_err(|error| self.file.error(error))
    }

    /// How many bytes the file takes.
    pub(super) async fn bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 =
            sqlx::query_scalar(sql).fetch_one(&self.file.readers).await.map_err(|error| self.file.error(error))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    pub(super) async fn state(&self) -> Result<State, StoreError> {
        Ok(self.cut().await?.state)
    }

    /// What the file holds now, whatever is written meanwhile.
    pub(super) async fn cut(&self) -> Result<Cut, StoreError> {
        let mut transaction = self.file.readers.begin().await.map_err(|error| self.file.error(error))?;
        let state = state_in(&self.file, &mut transaction).await?;
        Ok(Cut { transaction, file: self.file.clone(), known: self.known.clone(), state })
    }
}

type StateRow = (u32, String, Vec<u8>, i64, u32, u32, u32, i64, Vec<u8>);

/// Where the file stands, as a transaction sees it.
pub(super) async fn state_in(file: &File, transaction: &mut Transaction<'_, Sqlite>) -> Result<State, StoreError> {
    let sql = "SELECT version, epoch, position, number, runs, blocks, base, since, floor FROM state";
    let row = sqlx::query_as(sql).fetch_optional(&mut **transaction).await.map_err(|error| file.error(error))?;
    let Some((version, epoch, position, number, runs, blocks, base, since, floor)): Option<StateRow> = row else {
        return Ok(State::default());
    };
    let state = || {
        Some(State {
            version,
            checkpoint: Checkpoint {
                epoch: Epoch(epoch),
                position: read_position(&position)?,
                number: Number(u64::try_from(number).ok()?),
            },
            runs,
            blocks,
            base,
            since: u64::try_from(since).ok()?,
            floor: read_position(&floor)?,
        })
    };
    state().ok_or_else(|| file.corrupt("state", "it is no state of a timeline"))
}

/// A position as the file holds it: it sorts as positions do.
pub(super) fn bytes(position: Position) -> Vec<u8> {
    [position.ms().to_be_bytes(), position.seq().to_be_bytes()].concat()
}

pub(super) fn read_position(bytes: &[u8]) -> Option<Position> {
    let (ms, seq) = bytes.split_at_checked(8)?;
    Some(Position::new(u64::from_be_bytes(ms.try_into().ok()?), u64::from_be_bytes(seq.try_into().ok()?)))
}

impl Cut {
    fn failed(&self) -> impl Fn(sqlx::Error) -> StoreError {
        |error| self.file.error(error)
    }

    fn corrupt(file: &File) -> StoreError {
        file.corrupt("block", "its versions can't be unpacked")
    }

    /// The runs that hold the rows as of `at`, which the file must reach.
    async fn reach(&mut self, at: Position) -> Result<Reach, StoreError> {
        // A keyframe that stands right there has all that exists: what comes before it may be dropped.
        let sql = "SELECT base, id FROM run WHERE until >= ?1 AND (base <> id OR until = ?1) \
                   ORDER BY until, id DESC LIMIT 1";
        let found = sqlx::query_as(sql).bind(bytes(at)).fetch_optional(&mut *self.transaction).await;
        let found: Option<(u32, u32)> = found.map_err(self.failed())?;
        Ok(found.map_or(Reach { base: 0, last: 0 }, |(base, last)| Reach { base, last }))
    }

    /// The last version of a row up to `at`, which the file must reach.
    pub(super) async fn last(&mut self, topic: &str, key: &str, at: Position) -> Result<Option<Version>, StoreError> {
        let Reach { base, last } = self.reach(at).await?;
        // What exists is found down to the keyframe; further down, only when it came to its end.
        let (mut low, mut high) = (base, last);
        while high > 0 {
            let blocks = sqlx::query_scalar(include_str!("last.sql")).bind(topic).bind(key).bind(bytes(at));
            let blocks = blocks.bind(low).bind(high).bind(block::mark(key).to_vec());
            let blocks: Vec<Vec<u8>> = blocks.fetch_all(&mut *self.transaction).await.map_err(self.failed())?;
            for packed in blocks {
                if let Some(version) = self.versions_in(&packed, key, at)?.pop() {
                    return Ok(Some(version));
                }
            }
            high = low.saturating_sub(1);
            low = high.saturating_sub(RUNS - 1).max(1);
        }
        Ok(None)
    }

    /// All versions of a row up to `until`, which the file must reach, in log order.
    pub(super) async fn versions(
        &mut self,
        topic: &str,
        key: &str,
        until: Position,
    ) -> Result<Vec<Version>, StoreError> {
        let Reach { last, .. } = self.reach(until).await?;
        let blocks = sqlx::query_scalar(include_str!("versions.sql")).bind(topic).bind(key).bind(last);
        let blocks = blocks.bind(block::mark(key).to_vec()).fetch_all(&mut *self.transaction).await;
        let blocks: Vec<Vec<u8>> = blocks.map_err(self.failed())?;
        let mut found = Vec::new();
        for packed in blocks {
            found.extend(self.versions_in(&packed, key, until)?);
        }
        Ok(found)
    }

    /// A block's versions of a row up to `until`.
    fn versions_in(&self, packed: &[u8], key: &str, until: Position) -> Result<Vec<Version>, StoreError> {
        let text = block::unpack(packed).ok_or_else(|| Self::corrupt(&self.file))?;
        let is_wanted = |version: &Packed<'_>| version.key == key && version.position <= until;
        let versions = block::versions(&text).filter(|version| version.as_ref().is_none_or(is_wanted));
        let versions: Option<Vec<_>> = versions.map(|version| Some(version?.to_version())).collect();
        versions.ok_or_else(|| Self::corrupt(&self.file))
    }

    /// What came of work on another thread.
    fn worked<T>(&self, worked: Result<T, JoinError>) -> Result<T, StoreError> {
        let url = self.file.url.clone();
        worked.map_err(|error| StoreError::Unavailable { url, reason: format!("reading it died: {error}") })
    }

    /// A topic's rows as of `at`, which the file must reach, written out.
    pub(super) async fn table(&mut self, topic: &Topic, at: Position) -> Result<BTreeMap<String, String>, StoreError> {
        let rows = self.rows(topic, at).await?;
        let owned = tokio::task::spawn_blocking(move || {
            let rows = rows.rows().filter_map(|(_, version)| Some((version.key.to_owned(), version.row?.to_owned())));
            rows.collect()
        });
        self.worked(owned.await)
    }

    /// A topic's rows as of `at`, which the file must reach.
    pub(super) async fn rows(&mut self, topic: &Topic, at: Position) -> Result<Gathered, StoreError> {
        let runs = self.runs_of(topic, at).await?;
        self.gather(topic.name, runs, at).await
    }

    /// The first and the last run that hold a topic's rows as of `at`, which the file must reach.
    async fn runs_of(&mut self, topic: &Topic, at: Position) -> Result<(u32, u32), StoreError> {
        let Reach { base, last } = self.reach(at).await?;
        Ok(match topic.kind {
            TopicKind::Entity => (base, last),
            // What a journal has once had it has for ever; keyframes leave it out.
            TopicKind::Journal { .. } => (1, last),
        })
    }

    async fn gather(&mut self, topic: &str, runs: (u32, u32), at: Position) -> Result<Gathered, StoreError> {
        let blocks = sqlx::query_as(include_str!("table.sql")).bind(topic).bind(runs.0).bind(runs.1);
        let blocks: Vec<(u32, Vec<u8>)> = blocks.fetch_all(&mut *self.transaction).await.map_err(self.failed())?;
        let gathered = tokio::task::spawn_blocking(move || gather::gather(&blocks, at)).await;
        self.worked(gathered)?.ok_or_else(|| Self::corrupt(&self.file))
    }

    /// Adds the rows of a topic that were touched after `from`, up to and at `to`, which the file must reach; tells
    /// whether that was done in no more than `most` runs.
    pub(super) async fn touched(
        &mut self,
        topic: &'static str,
        (from, to): (Position, Position),
        most: u32,
        touched: &mut Touched,
    ) -> Result<bool, StoreError> {
        let (first, last) = (self.reach(from).await?.last, self.reach(to).await?.last);
        if last.saturating_sub(first) > most {
            return Ok(false);
        }
        let blocks = sqlx::query_scalar(include_str!("stretch.sql")).bind(topic).bind(first).bind(last);
        let blocks: Vec<Vec<u8>> = blocks.fetch_all(&mut *self.transaction).await.map_err(self.failed())?;
        let found = tokio::task::spawn_blocking(move || gather::touched(&blocks, (from, to))).await;
        for (key, before, row) in self.worked(found)?.ok_or_else(|| Self::corrupt(&self.file))? {
            // Of several versions the first says what was before, and the last what is after.
            touched.entry((topic, key)).or_insert((Before::In(before), None)).1 = row;
        }
        Ok(true)
    }

    /// The last versions of rows up to `at` in the blocks named beside them; those whose block was dropped are left
    /// out.
    pub(super) async fn in_blocks(
        &mut self,
        wanted: HashSet<(u32, String)>,
        at: Position,
    ) -> Result<HashMap<(u32, String), Option<Row>>, StoreError> {
        let ids: HashSet<_> = wanted.iter().map(|(block, _)| *block).collect();
        // Numbers can't fail to be written.
        let json = serde_json::to_string(&ids).unwrap_or_default();
        let sql = "SELECT id, packed FROM block WHERE id IN (SELECT value FROM json_each(?))";
        let blocks = sqlx::query_as(sql).bind(json).fetch_all(&mut *self.transaction).await;
        let blocks: Vec<(u32, Vec<u8>)> = blocks.map_err(self.failed())?;
        let found = tokio::task::spawn_blocking(move || gather::pick(&blocks, &wanted, at)).await;
        self.worked(found)?.ok_or_else(|| Self::corrupt(&self.file))
    }

    /// Where events stand that mention one of these identifiers, told by their hashes, up to `until`.
    pub(super) async fn mentions(&mut self, ids: &HashSet<u64>, until: Position) -> Result<Vec<Position>, StoreError> {
        let Reach { last, .. } = self.reach(until).await?;
        let mut parts: BTreeMap<u32, HashSet<u64>> = BTreeMap::new();
        for id in ids {
            parts.entry(mentions::part(*id)).or_default().insert(*id);
        }
        let mut found = Vec::new();
        for (part, ids) in parts {
            let sql = "SELECT packed FROM mention WHERE part = ? AND run <= ?";
            let packed = sqlx::query_scalar(sql).bind(part).bind(last).fetch_all(&mut *self.transaction).await;
            let packed: Vec<Vec<u8>> = packed.map_err(self.failed())?;
            let finding = tokio::task::spawn_blocking(move || {
                packed.iter().map(|packed| mentions::find(packed, &ids)).collect::<Option<Vec<_>>>()
            });
            let mentions = self.worked(finding.await)?;
            found.extend(mentions.ok_or_else(|| self.file.corrupt("mention", "its mentions can't be read"))?.concat());
        }
        found.retain(|position| *position <= until);
        Ok(found)
    }
}

impl Packed<'_> {
    /// A version of its own.
    pub(super) fn to_version(self) -> Version {
        Version { position: self.position, row: self.row.map(Into::into) }
    }
}
