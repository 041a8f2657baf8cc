//! The course of a rebuild: which generation, how far to read, when to compare, how to put it in place.

use std::time::Duration;

use kernel::{Checkpoint, Position};
use runtime::{StoreError, fault};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Approval, Build, Phase, Plan, Progress, Rebuild, RebuildError, Report, plan::rate};
use crate::{Differences, Generation, ModelState, Stage, live};

/// How long the new generation may take to catch up with the served one, which moves on.
const CATCH_UP: Duration = Duration::from_secs(30);

/// The pause before trying again to catch up with the served one.
const PAUSE: Duration = Duration::from_millis(2);

/// How many entries are read at once while catching up; with more to read the log is scanned.
const PAGE: usize = 4_096;

impl Rebuild {
    /// The generation to build: one that an earlier run of the same plan has begun, or a new one.
    pub(super) async fn begin(
        &self,
        served: &ModelState,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Build, RebuildError> {
        let plan = serde_json::to_string(&self.plan).unwrap_or_default();
        let version = self.domain.projection();
        let mut begun = None;
        // A projector that finds nothing served begins generation 1 by itself, also while this one is built.
        let mut newest = served.generation.max(u64::from(self.is_followed));
        for generation in self.model.generations().await? {
            newest = newest.max(generation.state.generation);
            let is_begun = generation.stage != Stage::Kept;
            let goes_on = is_begun
                && begun.is_none()
                && self.goes_on(&generation, &plan, version)
                && self.can_compare(&generation, served)
                && self.continues(&generation.state.checkpoint).await?;
            if goes_on {
                begun = Some(generation);
            } else if is_begun {
                self.model.discard(generation.state.generation).await?;
            }
        }
        let generation = match &begun {
            Some(begun) => self.model.take_up(begun.state.generation, newest + 1).await?,
            None => newest + 1,
        };
        if begun.is_some() {
            fault::point("rebuild.taken_up");
        }
        let model = self.model.begin(generation, &plan).await?;
        fault::point("rebuild.begun");
        let state = model.state().await?;
        let mut build = Build::new(self.engine.clone(), model, state, (&self.domain, self.limits), (progress, stop));
        build.parks = self.is_followed;
        if let Some(begun) = begun {
            build.resumed = build.at.position > Position::ZERO;
            build.is_complete = begun.stage == Stage::Held && !self.can_go_on();
            build.take_over(&begun).await?;
        }
        Ok(build)
    }

    /// Whether a generation that was begun can be gone on with.
    fn goes_on(&self, begun: &Generation, plan: &str, version: u32) -> bool {
        let Generation { state, plan: theirs, stage, .. } = begun;
        let can_go_on = match (stage, self.approval) {
            // One that is held back is for whoever compares again, or allows the differences.
            (Stage::Held, Approval::NotNeeded) | (Stage::Kept, _) => false,
            (Stage::Held, Approval::Given) => true,
            (Stage::Held | Stage::Building, _) => self.can_go_on(),
        };
        can_go_on && theirs == plan && (state.version == version || state.version == 0)
    }

    /// Whether what was begun by this plan and broken off can be gone on with: only its last step knows otherwise
    /// which topics' rows have been taken over, and from where.
    const fn can_go_on(&self) -> bool {
        self.plan.topics.is_empty() && self.plan.from.is_none()
    }

    /// Whether the log goes on from a checkpoint, with nothing lost (R3).
    async fn continues(&self, at: &Checkpoint) -> Result<bool, RebuildError> {
        match self.engine.read(at, 1).await {
            Ok(_) => Ok(true),
            Err(StoreError::Diverged { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a generation that was begun can be compared with the served one, if it is to be: at one position.
    fn can_compare(&self, begun: &Generation, served: &ModelState) -> bool {
        let is_beyond = begun.torn || begun.state.checkpoint.position > served.checkpoint.position;
        self.approval == Approval::NotNeeded || served.generation == 0 || !is_beyond
    }

    /// The generation that was served before, to be served again.
    pub(super) async fn go_back(
        &self,
        progress: &watch::Sender<Progress>,
        stop: &CancellationToken,
    ) -> Result<Build, RebuildError> {
        let generations = self.model.generations().await?;
        let kept = generations.iter().rfind(|generation| generation.stage == Stage::Kept);
        let kept = kept.ok_or_else(|| RebuildError::NothingKept(self.model.place()))?;
        let current = self.domain.projection();
        if kept.state.version != current {
            let ModelState { generation, version, .. } = kept.state;
            return Err(RebuildError::OtherVersion { generation, version, current });
        }
        let model = self.model.begin(kept.state.generation, &kept.plan).await?;
        let mut build =
            Build::new(self.engine.clone(), model, kept.state.clone(), (&self.domain, self.limits), (progress, stop));
        build.head_for(&self.engine.head().await?);
        build.take_over(kept).await?;
        // What was made of a part of the log is served as it was: later events have no place in it.
        let is_whole = serde_json::from_str::<Plan>(&kept.plan).is_ok_and(|plan| plan.is_whole());
        build.is_final = !is_whole && !kept.plan.is_empty() && !self.is_followed;
        Ok(build)
    }

    /// Builds the generation that `begin` has begun.
    pub(super) async fn build(&self, mut build: Build, served: &ModelState) -> Result<Report, RebuildError> {
        let head = self.engine.head().await?;
        let is_of_this_log = self.continues(&served.checkpoint).await?;
        build.is_after_served = is_of_this_log;
        build.head_for(&head);
        if build.is_complete {
            return self.catch_up_and_serve(build).await;
        }
        if !self.plan.topics.is_empty() {
            build.batch.restrict(Some(&self.plan.topics));
        }
        let mut digest_from = None;
        match self.plan.from {
            Some(from) if self.plan.empty => build.at = Checkpoint { position: from, ..Checkpoint::default() },
            Some(from) => {
                build = build.read(from).await?;
                digest_from = Some(build.state.digest);
            }
            None => {}
        }
        if !self.plan.topics.is_empty() {
            match (served.generation > 0 && is_of_this_log, self.is_followed) {
                (true, _) => build = self.take_others_over(build).await?,
                (false, true) => return Err(self.partial("a rebuild of some topics")),
                (false, false) => {}
            }
        }
        let compares = self.approval != Approval::NotNeeded && served.generation > 0;
        let until = match self.plan.to {
            Some(to) => to,
            // Rows are compared at one position, and the served ones can't be taken back to an earlier one.
            None if compares && is_of_this_log => served.checkpoint.position.min(head.position),
            None => head.position,
        };
        build = build.read(until).await?;
        let mut differences = None;
        if compares {
            let compared = self.compare(build, is_of_this_log).await?;
            build = compared.0;
            differences = Some(compared.1);
        }
        let differs = differences.as_ref().is_some_and(|found| found.count > 0);
        let mut report = match self.approval {
            Approval::Needed if differs => {
                self.model.hold_back(build.state.generation).await?;
                self.report(&mut build, None)
            }
            Approval::Needed | Approval::Given | Approval::NotNeeded => self.catch_up_and_serve(build).await?,
        };
        report.differences = differences;
        report.digest_from = digest_from;
        Ok(report)
    }

    /// Brings the topics that are built anew to where the served generation stands, and takes over the rows of
    /// the others from there.
    async fn take_others_over(&self, build: Build) -> Result<Build, RebuildError> {
        let others = self.domain.topics().map(|topic| topic.name);
        let others: Vec<_> = others.filter(|name| !self.plan.topics.iter().any(|topic| topic == name)).collect();
        let (tables, cut) = self.model.tables(&others).await?;
        // Rows of events that the log has lost since must not pass for rows of this log (R3).
        self.engine.read(&cut.checkpoint, 1).await?;
        if cut.version != self.domain.projection() {
            return Err(RebuildError::Stale(self.model.place()));
        }
        let served = cut.checkpoint.position;
        if let Some(to) = self.plan.to.filter(|to| *to < served) {
            return Err(RebuildError::Backwards { place: self.model.place(), served, to });
        }
        let mut build = build.read(served).await?;
        build.batch.restrict(None);
        for (topic, rows) in &tables.0 {
            rows.iter().for_each(|(key, row)| build.table.adopt(topic, key, row));
        }
        Ok(build)
    }

    /// Compares all rows with the served ones at the same position.
    async fn compare(&self, mut build: Build, is_of_this_log: bool) -> Result<(Build, Differences), RebuildError> {
        build.show(Phase::Compare);
        let topics = build.table.topics();
        let (served, cut) = self.model.tables(&topics).await?;
        if is_of_this_log && cut.checkpoint.position > build.at.position {
            build = build.read(cut.checkpoint.position).await?;
        }
        let (built, _) = build.model.tables(&topics).await?;
        Ok((build, Differences::between(&served, &built)))
    }

    /// Reads on until the generation stands no further back than the served one, and serves it.
    pub(super) async fn catch_up_and_serve(&self, mut build: Build) -> Result<Report, RebuildError> {
        let until = Instant::now() + CATCH_UP;
        let replaced = loop {
            // Ahead of the catching up, which then reads at least what these rows were made of: a generation that
            // is given as seen further on than the new one would be replaced all the same.
            let served = self.model.state().await?;
            if served.generation == build.state.generation {
                return Err(RebuildError::Fenced(self.model.place()));
            }
            build.check_stop()?;
            if self.plan.to.is_none() && !build.is_final {
                build = self.catch_up(build).await?;
            }
            if self.is_followed {
                live::park(&self.engine, std::mem::take(&mut build.park)).await?;
            }
            build.show(Phase::Swap);
            fault::point("rebuild.swap");
            let (old, new) = (&served.checkpoint, &build.state.checkpoint);
            let goes_back = self.is_followed && build.is_after_served && old.position > new.position;
            if !goes_back && self.model.serve(&served, &build.state).await? {
                break served.generation;
            }
            if self.plan.to.is_some() {
                let (served, to) = (served.checkpoint.position, build.state.checkpoint.position);
                return Err(RebuildError::Backwards { place: self.model.place(), served, to });
            }
            if Instant::now() > until {
                return Err(RebuildError::Outrun(CATCH_UP));
            }
            tokio::time::sleep(PAUSE).await;
        };
        fault::point("rebuild.swapped");
        let is_of_all = self.plan.is_whole() && self.plan.from.is_none() && !build.resumed;
        if let (true, Some(unread)) = (self.is_followed && is_of_all, &build.unread) {
            // The rows are served: what stays in sight of too much is told again by the next rebuild.
            if let Err(error) = live::unpark_read(&self.engine, build.state.checkpoint.position, unread).await {
                tracing::warn!(%error, "what the rows made anew hold could not be taken off the parked entries");
            }
        }
        for generation in self.model.generations().await? {
            let is_older = generation.stage == Stage::Kept && generation.state.generation != replaced;
            if is_older {
                self.model.discard(generation.state.generation).await?;
            }
        }
        Ok(self.report(&mut build, Some(replaced)))
    }

    async fn catch_up(&self, mut build: Build) -> Result<Build, RebuildError> {
        loop {
            build.show(Phase::CatchUp);
            let page = self.engine.read(&build.at, PAGE).await?;
            if page.entries.len() < PAGE {
                build.follow(&page).await?;
                return Ok(build);
            }
            build = build.read(page.head.position).await?;
        }
    }

    fn report(&self, build: &mut Build, replaced: Option<u64>) -> Report {
        build.show(Phase::Done);
        let ModelState { checkpoint, digest, version, generation } = build.state.clone();
        let elapsed = build.elapsed();
        Report {
            into: self.model.place(),
            generation,
            served: replaced.is_some(),
            replaced: replaced.filter(|replaced| *replaced > 0),
            checkpoint,
            digest,
            version,
            events: build.events,
            rows: build.table.counts().into_iter().map(|(topic, count)| (topic.to_owned(), count)).collect(),
            resumed: build.resumed,
            unreadable: build.unreadable.clone(),
            digest_from: None,
            differences: None,
            phases: build.seconds.clone(),
            seconds: elapsed.as_secs_f64(),
            events_per_second: rate(build.events, elapsed),
        }
    }
}
