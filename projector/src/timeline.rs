//! The timeline: the whole system as it stood at any position.
//!
//! It is an index of row versions by position. What is old is in a SQLite file, in runs that are written once and
//! never changed; what is young is in memory, and whatever neither has is folded from the log when somebody asks.
//! So an answer needs no index, it only comes sooner with one; and it is the same either way (R10), because all of
//! it comes from the one fold (R8).
//!
//! Each process that answers keeps a timeline of its own ([`Timeline::keep`]), or reads one that another process on
//! the same machine keeps.

mod block;
mod build;
mod changes;
mod counts;
mod disk;
mod gather;
mod ground;
mod keep;
mod mentions;
mod page;
mod place;
mod recent;
mod run;
mod scan;
mod write;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kernel::{Checkpoint, Domain, Entry, Event, Position, Row, Tables, Topic};
use runtime::{Engine, StoreError};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

pub use build::{BuildError, Built, Way};
pub use changes::RowChange;
pub use keep::Retention;
pub use page::RowPage;
pub use place::beside;

use disk::Disk;
use recent::{Recent, Scope, Versions};

/// The way out where a timeline and its log do not go together.
pub const REMEDY: &str = "`retrace rebuild --timeline` makes a timeline anew that is of another log, or of more of it";

/// One version of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The event that made it.
    pub position: Position,
    /// The row; `None` when the event deleted it.
    pub row: Option<Row>,
}

/// Where a timeline is kept and how far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The file, or `memory:`.
    pub place: String,
    /// Up to here answers come from it; what is later, or was made by another version, comes from the log.
    pub checkpoint: Checkpoint,
    /// From here on old versions are kept; answers about what was before come from the log.
    pub since: Position,
    /// Whether another version of the projection made it.
    pub stale: bool,
    /// Bytes of its file.
    pub bytes: u64,
}

/// Row versions by position, of one log. Clones share it.
#[derive(Clone, Debug)]
pub struct Timeline(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    domain: Arc<Domain>,
    engine: Engine,
    /// The file, where there is one.
    disk: Option<Disk>,
    /// How many entries make a run, at the least.
    run: u64,
    /// What the keeper has read and not written yet; nothing while nobody keeps it here.
    recent: RwLock<Option<Recent>>,
    /// How far the keeper has come, for as long as there is one.
    kept: watch::Sender<Option<Position>>,
    /// Room for stretches of the log that are read because somebody asked.
    scans: Arc<Semaphore>,
    /// There is one keeper at a time here.
    keeping: tokio::sync::Mutex<()>,
}

impl Timeline {
    /// The timeline of a log with nothing written down: in memory, while it is kept.
    #[must_use]
    pub fn in_memory(domain: Arc<Domain>, engine: Engine) -> Self {
        Self::of(domain, engine, None)
    }

    /// Opens the timeline in the file at `path`, making it when it is missing.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, is something else, or is of a newer format.
    pub async fn open(domain: Arc<Domain>, engine: Engine, path: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(domain, engine, Some(Disk::open(path).await?)))
    }

    /// Opens the timeline in the file at `path` to ask it, beside whoever keeps it. Where there is no file, answers
    /// come from the log.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, is something else, or is of a newer format.
    pub async fn open_reading(domain: Arc<Domain>, engine: Engine, path: &Path) -> Result<Self, StoreError> {
        let exists = path.try_exists().unwrap_or(true);
        let disk = if exists { Some(Disk::open_reading(path).await?) } else { None };
        Ok(Self::of(domain, engine, disk))
    }

    fn of(domain: Arc<Domain>, engine: Engine, disk: Option<Disk>) -> Self {
        let (recent, kept, keeping) = Default::default();
        let scans = Arc::new(Semaphore::new(scan::AT_A_TIME));
        Self(Arc::new(Shared { domain, engine, disk, run: run::RUN, recent, kept, scans, keeping }))
    }

    /// The same, but that as few as `entries` entries make a run: for those who want much to happen soon.
    #[must_use]
    pub fn with_runs_of(self, entries: u64) -> Self {
        let Shared { domain, engine, disk, .. } = &*self.0;
        let (domain, engine, disk) = (domain.clone(), engine.clone(), disk.clone());
        let (recent, kept, keeping) = Default::default();
        let scans = Arc::new(Semaphore::new(scan::AT_A_TIME));
        Self(Arc::new(Shared { domain, engine, disk, run: entries, recent, kept, scans, keeping }))
    }

    /// The log that it is the timeline of.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Where it is kept and how far it has come.
    ///
    /// # Errors
    /// When its file can't be read.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let kept = self.0.recent().as_ref().map(|recent| recent.at.clone());
        let place = self.0.disk.as_ref().map_or_else(|| "memory:".to_owned(), |disk| disk.file.url.clone());
        let Some(disk) = &self.0.disk else {
            return Ok(Standing { place, checkpoint: kept.unwrap_or_default(), ..Standing::default() });
        };
        let state = disk.state().await?;
        let is_stale = state.runs > 0 && state.version != self.0.domain.projection();
        let checkpoint = kept.unwrap_or(state.checkpoint);
        Ok(Standing { place, checkpoint, since: state.floor, stale: is_stale, bytes: disk.bytes().await? })
    }

    /// The last version of a row up to and at `at`, whether it exists then or was deleted; nothing when there never
    /// was one, or when its end was dropped with other old versions ([`Retention`]).
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn row(&self, topic: &str, key: &str, at: Position) -> Result<Option<Version>, StoreError> {
        let Some(topic) = self.topic(topic) else { return Ok(None) };
        let mut ground = self.0.ground(at).await?;
        let old = ground.last(topic.name, key, at).await?;
        let scope = Scope::Row(topic.name, key.into());
        let living = old.iter().filter(|version| version.row.is_some()).map(|_| (topic.name, key));
        let young = self.young(&mut ground, at, scope, Versions::Last, living, |recent| {
            recent::last_up_to(recent.versions_of(topic.name, key), at).cloned()
        });
        Ok(young.await?.flatten().or(old))
    }

    /// All rows of some topics as they stood at `at`: one cut.
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn tables(&self, topics: &[&str], at: Position) -> Result<Tables, StoreError> {
        let topics: Vec<_> = topics.iter().filter_map(|topic| self.topic(topic)).collect();
        let mut ground = self.0.ground(at).await?;
        let mut tables = Tables::default();
        for topic in &topics {
            tables.0.insert(topic.name.to_owned(), ground.table(topic, at).await?);
        }
        if at <= ground.base.position {
            return Ok(tables);
        }
        let names: Vec<_> = topics.iter().map(|topic| topic.name).collect();
        let living: Vec<_> =
            topics.iter().flat_map(|topic| tables.rows(topic.name).map(|(key, _)| (topic.name, key))).collect();
        let young = self.young(&mut ground, at, Scope::Topics(names.clone()), Versions::Last, living, |recent| {
            let last = |(key, versions): (&Arc<str>, &[Version])| {
                recent::last_up_to(versions, at).map(|version| (key.to_string(), version.row.clone()))
            };
            names.iter().map(|topic| recent.rows(topic).filter_map(last).collect::<Vec<_>>()).collect::<Vec<_>>()
        });
        for (topic, changes) in names.iter().zip(young.await?.unwrap_or_default()) {
            let rows = tables.0.entry((*topic).to_owned()).or_default();
            for (key, row) in changes {
                match row {
                    Some(row) => rows.insert(key, row.to_string()),
                    None => rows.remove(&key),
                };
            }
        }
        Ok(tables)
    }

    /// All versions of a row up to and at `until`, in log order.
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn versions(&self, topic: &str, key: &str, until: Position) -> Result<Vec<Version>, StoreError> {
        let Some(topic) = self.topic(topic) else { return Ok(Vec::new()) };
        let scope = Scope::Row(topic.name, key.into());
        let mut ground = self.0.ground(Position::ZERO).await?;
        let mut versions = ground.versions(topic.name, key, until).await?;
        let living = versions.last().filter(|version| version.row.is_some()).map(|_| (topic.name, key));
        let base = ground.base.position;
        let young = self.young(&mut ground, until, scope, Versions::All, living, |recent| {
            let versions = recent.versions_of(topic.name, key);
            versions[..versions.partition_point(|version| version.position <= until)].to_vec()
        });
        versions.extend(young.await?.unwrap_or_default().into_iter().filter(|version| version.position > base));
        Ok(versions)
    }

    /// The events up to and at `until` that mention one of these identifiers, in log order: as their own, as that of
    /// the event that caused them, or as that of the command that they came of.
    ///
    /// # Errors
    /// When a store failed, or the log has lost events (R3).
    pub async fn mentioning(&self, ids: &[&str], until: Position) -> Result<Vec<Event>, StoreError> {
        let hashes: HashSet<_> = ids.iter().map(|id| recent::mention(id)).collect();
        let ids: HashSet<_> = ids.iter().copied().collect();
        // Which events there are is kept whatever else is dropped.
        let mut ground = self.0.ground(Position::MAX).await?;
        let mut positions = ground.mentions(&hashes, until).await?;
        let young = self.young(&mut ground, until, Scope::Mentions(hashes.clone()), Versions::Last, None, |recent| {
            let mentions = recent.mentions().iter();
            let mentions = mentions.filter(|(id, position)| *position <= until && hashes.contains(id));
            mentions.map(|(_, position)| *position).collect::<Vec<_>>()
        });
        positions.extend(young.await?.unwrap_or_default());
        positions.sort_unstable();
        positions.dedup();
        let entries = self.0.engine.entries_at(&positions).await?;
        let events = entries.into_iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            Entry::Junk(_) => None,
        });
        let mentions = |event: &Event| {
            let meta = &event.meta;
            let mentioned = [Some(&event.id), meta.cause.as_ref(), meta.command.as_ref()];
            mentioned.into_iter().flatten().any(|id| ids.contains(&**id))
        };
        Ok(events.filter(mentions).collect())
    }

    fn topic(&self, name: &str) -> Option<Topic> {
        self.0.domain.topic(name).cloned()
    }
}

impl Shared {
    fn recent(&self) -> RwLockReadGuard<'_, Option<Recent>> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Option<Recent>> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}
