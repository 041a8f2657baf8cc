//! The real hosts over a log in memory in a simulated world: whatever fails when, decided by a seed, nothing is lost
//! and nothing happens twice.
//!
//! `RETRACE_TEST_SEED=s` runs one seed and shows what was done to it; `RETRACE_TEST_SEEDS=n` runs more of them.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod simulating;

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use simulating::{Run, run};

/// How many seeds a CI run takes.
const SEEDS: u64 = 2_000;

/// How many a long one takes: some eight minutes on two cores.
const LONG: u64 = 20_000;

/// Seeds that have found something once: a claim whose answer was lost; a lease that an hour's jump back made last an
/// hour; a claim of a worker that had been taken for dead; a process that was to stop before it had come up; a saga
/// that two processes ran for a moment, one on a view that was half its own.
const REGRESSIONS: &[u64] = &[2, 27, 210, 2_447, 6_371];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Runs seeds on all cores, until one goes wrong or all have gone well.
fn all(seeds: &[u64], check: impl Fn(u64) -> Result<Run, String> + Sync) -> Vec<Run> {
    let next = AtomicU64::new(0);
    let failed = Mutex::new(None);
    let runs = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let index = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    let Some(seed) = seeds.get(index) else { break };
                    match check(*seed) {
                        Ok(run) => runs.lock().unwrap().push(run),
                        Err(wrong) => *failed.lock().unwrap() = Some((index, *seed, wrong)),
                    }
                }
            });
        }
    });
    if let Some((index, seed, wrong)) = failed.into_inner().unwrap() {
        panic!("seed {seed} (number {}), RETRACE_TEST_SEED={seed} runs it again: {wrong}", index + 1);
    }
    runs.into_inner().unwrap()
}

#[test]
fn whatever_fails_when_nothing_is_lost_and_nothing_happens_twice() {
    simulating::expect_panics();
    let seeds: Vec<_> = match number("RETRACE_TEST_SEED") {
        Some(seed) => vec![seed],
        None => {
            let long = std::env::var_os("RETRACE_TEST_LONG").is_some();
            let count = number("RETRACE_TEST_SEEDS").unwrap_or(if long { LONG } else { SEEDS });
            let before = REGRESSIONS.iter().copied().filter(|seed| *seed > count);
            before.chain(1..=count).collect()
        }
    };
    let checked = |seed| {
        let run = run(seed);
        // What is only there to be told is not kept: there are many.
        if run.wrong.is_empty() { Ok(Run { trace: Vec::new(), ..run }) } else { Err(run.told()) }
    };
    let runs = all(&seeds, checked);
    let sum = |count: fn(&Run) -> u64| runs.iter().map(count).sum::<u64>();
    println!(
        "{} seeds: {} events, {} calls, {} faults, {} deaths, {} dead letters, {} h of simulated time",
        runs.len(),
        sum(|run| run.log.len() as u64),
        sum(|run| run.calls),
        sum(|run| run.faults),
        sum(|run| run.deaths),
        sum(|run| run.dead),
        sum(|run| run.elapsed.as_secs()) / 3_600,
    );
}

#[test]
fn the_same_seed_is_the_same_run() {
    simulating::expect_panics();
    let seeds: Vec<_> = (1..=24).collect();
    all(&seeds, |seed| {
        let (one, other) = (run(seed), run(seed));
        let first = one.trace.iter().zip(&other.trace).position(|(one, other)| one != other);
        if one.log == other.log && one.trace == other.trace {
            return Ok(one);
        }
        let around = |run: &Run| {
            let at = first.unwrap_or(0);
            run.trace[at.saturating_sub(8)..run.trace.len().min(at + 4)].join("\n")
        };
        Err(format!("two runs differ; the one:\n{}\nthe other:\n{}", around(&one), around(&other)))
    });
}
