//! Every process of ours is killed at every fault point, and Redis anywhere, under load: nothing is lost, nothing
//! doubled. `RETRACE_TEST_SEED` says which seed decides, and with `--long` there are `RETRACE_TEST_KILLS` kills.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
mod torturing;

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use common::{Retrace, process::talk, shop::stocked};
use torturing::{
    clients::{self, Promised, STOCK},
    plan::{self, Dice},
    victim::Victim,
    world::World,
};

/// How many clients order at the same time.
const CLIENTS: usize = 8;

/// The roles that are processes of their own, and which points are theirs.
const ROLES: [(&str, &[&str]); 5] = [
    ("gateway", &["gateway"]),
    ("services", &["worker", "reaper"]),
    ("sagas", &["saga"]),
    ("projector", &["projector"]),
    ("rebuild", &["rebuild"]),
];

/// Points that are come to on one store only.
const ONLY_SQLITE: [&str; 2] = ["projector.uncommitted", "rebuild.discarding"];

/// Points that a process comes to once.
const ONCE: [&str; 2] = ["worker.begins", "rebuild.begun"];

/// Parts that `torture_rows.rs` kills, where it can tell what must be where.
const ELSEWHERE: [&str; 1] = ["timeline"];

/// The deaths of a role: each of its points once, as soon as it is come to or a little later.
fn once(role: &str, parts: &[&str], dice: &mut Dice) -> Vec<String> {
    let mut points: Vec<_> = parts.iter().flat_map(|part| plan::points(part)).collect();
    points.retain(|point| !ONLY_SQLITE.contains(point) && *point != "reaper.handed_back");
    let mut faults = Vec::new();
    for point in dice.shuffled(points) {
        let most = if ONCE.contains(&point) { 1 } else { 12 };
        faults.push(format!("{point}:{}", 1 + dice.below(most)));
    }
    if parts.contains(&"reaper") {
        // There is something to hand back only after the other.
        faults.extend(["worker.claimed:1", "reaper.handed_back:1"].map(str::to_owned));
    }
    if role == "rebuild" { vec!["rebuild.swapped:1".to_owned()] } else { faults }
}

/// The next death of a role that dies over and over: some at once, some after it has done a good deal.
fn again(parts: &[&str], never: &[&str], dice: &mut Dice) -> String {
    let mut points: Vec<_> = parts.iter().flat_map(|part| plan::points(part)).collect();
    points.retain(|point| !never.contains(point));
    let point = dice.one_of(&points);
    let most = match parts.first() {
        Some(_) if ONCE.contains(point) => 1,
        // Without it nobody gets to the others.
        Some(&"gateway") => 20,
        Some(_) if point.starts_with("reaper") || point.starts_with("rebuild") => 2,
        Some(_) | None => 15,
    };
    format!("{point}:{}", 1 + dice.below(most))
}

/// A product with plenty of stock, and nobody at work.
fn opened(world: &World) -> String {
    let mut up = world.stays("up");
    let product = stocked(&up.http(), 7, STOCK);
    up.terminate();
    assert!(up.ends().success(), "{}", up.said());
    product
}

/// Runs the workload while `torment` is at work; gives what the clients were promised.
fn under_load<T>(world: &World, product: &str, torment: impl FnOnce() -> T) -> (T, Vec<Promised>) {
    std::thread::scope(|scope| {
        let stopping = world.stopping();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || clients::shop(world, &format!("client{client}"), product)))
            .collect();
        let done = torment();
        drop(stopping);
        (done, clients.into_iter().map(|client| client.join().unwrap()).collect())
    })
}

/// Prints what was done to whom, and what came of it.
fn tell(world: &World, seed: u64, events: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    let tally = &world.tally;
    println!(
        "seed {seed}: {} kills, {} commands acknowledged, {} requeued, {events} events in {seconds:.1} s ({:.0} events/s)",
        tally.kills(),
        tally.acknowledged.load(Ordering::Relaxed),
        tally.requeued.load(Ordering::Relaxed),
        events as f64 / seconds,
    );
    for (point, kills) in tally.by_point() {
        println!("  {kills:>5} {point}");
    }
}

/// Kills all that there is over a Redis, each role in turn with itself and all at the same time.
fn tortured_on_redis(seed: u64) {
    let began = Instant::now();
    let world = World::redis();
    let product = opened(&world);
    let torment = || -> Vec<Victim> {
        std::thread::scope(|scope| {
            let world = &world;
            let roles = ROLES.map(|(role, parts)| {
                scope.spawn(move || {
                    let _breaking = world.breaking();
                    let mut dice = Dice::of(seed, role);
                    if common::long() {
                        while world.tally.kills() < plan::kills() && !world.is_broken() {
                            world.dies(role, &again(parts, &ONLY_SQLITE, &mut dice), true);
                            if role == "rebuild" {
                                // Only now and then: it would keep everybody else from moving on.
                                rest(world, world.tally.kills() + 10);
                            }
                        }
                    } else {
                        once(role, parts, &mut dice).iter().for_each(|fault| world.dies(role, fault, false));
                    }
                    (role != "rebuild").then(|| world.stays(role))
                })
            });
            let server = scope.spawn(move || kill_server(world, &mut Dice::of(seed, "redis")));
            server.join().unwrap();
            roles.into_iter().filter_map(|role| role.join().unwrap()).collect()
        })
    };
    let (_processes, promised) = under_load(&world, &product, torment);
    let http = world.http().unwrap();
    let events = clients::kept(&world, &http, &promised);
    tell(&world, seed, events, began);
}

/// Waits for so many kills.
fn rest(world: &World, kills: u64) {
    while world.tally.kills() < kills.min(plan::kills()) && !world.is_broken() {
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Kills the server after so many more commands, or after a while in which nothing moves.
fn kill_server(world: &World, dice: &mut Dice) {
    let mut kills = 0;
    let _breaking = world.breaking();
    while !world.is_broken() && if common::long() { world.tally.kills() < plan::kills() } else { kills < 2 } {
        let acknowledged = || world.tally.acknowledged.load(Ordering::Relaxed);
        let target = acknowledged() + 20 + dice.below(if common::long() { 100 } else { 60 });
        let until = Instant::now() + Duration::from_secs(if common::long() { 10 } else { 4 });
        while acknowledged() < target && Instant::now() < until && !world.is_broken() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        world.kill_server();
        kills += 1;
    }
}

#[test]
fn killed_anywhere_over_redis_nothing_is_lost_and_nothing_doubled() {
    plan::seeds().into_iter().for_each(tortured_on_redis);
}

/// Kills `up` at all points but those of a rebuild and of the timeline.
fn tortured_in_a_file(seed: u64) {
    let began = Instant::now();
    let world = World::sqlite();
    let product = opened(&world);
    let parts = ["sqlite", "gateway", "worker", "saga", "projector"];
    let torment = || {
        let mut dice = Dice::of(seed, "up");
        if common::long() {
            while world.tally.kills() < plan::kills() / 5 {
                world.dies("up", &again(&parts, &[], &mut dice), true);
            }
        } else {
            // What the last one holds is handed back.
            for point in
                ["sqlite.commit", "sqlite.committed", "projector.uncommitted", "saga.decided", "worker.decided"]
            {
                world.dies("up", &format!("{point}:{}", 1 + dice.below(12)), false);
            }
            world.dies("up", "reaper.handed_back:1", false);
        }
        world.stays("up")
    };
    let (_up, promised) = under_load(&world, &product, torment);
    let http = world.http().unwrap();
    let events = clients::kept(&world, &http, &promised);
    tell(&world, seed, events, began);
}

#[test]
fn killed_anywhere_over_a_file_nothing_is_lost_and_nothing_doubled() {
    plan::seeds().into_iter().for_each(tortured_in_a_file);
}

#[test]
fn no_point_is_left_out() {
    let here = ROLES.iter().flat_map(|(_, parts)| *parts).chain(&["sqlite"]).chain(&ELSEWHERE);
    let reached: BTreeSet<_> = here.flat_map(|part| plan::points(part)).collect();
    let all: BTreeSet<_> = runtime::fault::POINTS.iter().map(|point| point.name).collect();
    assert_eq!(reached, all);
}

#[test]
fn a_fault_that_can_not_be_followed_is_refused() {
    for (asked, sentence) in [
        (
            "worker.claim:1",
            "RETRACE_FAULT names fault point \"worker.claim\", which there is not; the points are gateway",
        ),
        ("saga.read", "RETRACE_FAULT is \"saga.read\"; expected <point>:<hit> or <point>:<hit>:freeze"),
    ] {
        let mut command = Retrace::command();
        let output = command.args(["up", "--store", "memory:"]).env("RETRACE_FAULT", asked).output().unwrap();
        let talk = talk(&output);
        assert_eq!(output.status.code(), Some(64), "{talk}");
        assert!(talk.contains(sentence) && talk.lines().count() == 1, "{talk}");
    }
}
