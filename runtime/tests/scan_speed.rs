//! How fast a log is read from its first entry to its last. Only figures:
//! `cargo test --release -p runtime --test scan_speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs::File,
    hint::black_box,
    io::{BufWriter, Write as _},
    ops::ControlFlow,
    path::Path,
    time::Instant,
};

use kernel::{Checkpoint, Draft, Meta, Position, Seen, UPDATED};
use runtime::{Commit, Engine, Namespace, StoreUrl, Stretch, history};

const EVENTS: u64 = 1_000_000;
/// How many events a commit has while the log is made.
const COMMIT: u64 = 1_000;
/// How often each log is read; the quickest counts, as others may use the machine.
const ROUNDS: u32 = 5;

/// An event as a shop has them, some 500 bytes with all that belongs to it.
fn draft(n: u64) -> Draft {
    let uuid = |n: u64| format!("3189276b-3bb1-4d53-bb76-{n:012}");
    let data = format!(
        r#"{{"entity_id":"{}","cart_id":"{}","status":"CREATED","total":{n},"product_ids":["{}","{}"]}}"#,
        uuid(n / 4),
        uuid(n / 2),
        uuid(n % 100),
        uuid(n % 99)
    );
    let meta = Meta {
        command: Some(uuid(n)),
        cause: Some(uuid(n)),
        correlation: Some(uuid(n)),
        handler: Some("order".into()),
        as_of: Some(Position::new(1_795_341_904_815, n)),
        ..Meta::default()
    };
    let topic = ["order", "cart", "shipping"][(n % 3) as usize].to_owned();
    Draft { topic, id: uuid(n), action: UPDATED.into(), data, meta: Some(meta), keep: None }
}

fn drafts() -> impl Iterator<Item = Vec<Draft>> {
    (0..EVENTS / COMMIT).map(|commit| (0..COMMIT).map(|n| draft(commit * COMMIT + n)).collect())
}

/// Scans all of it some times, and tells the best.
async fn scan(name: &'static str, engine: &Engine) {
    let engine = engine.clone();
    let scanning = tokio::task::spawn_blocking(move || {
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let (mut count, mut junk) = (0, 0);
            let stretch = Stretch { after: Checkpoint::default(), until: Position::MAX };
            let ended = engine.scan(&stretch, &mut |seen| {
                count += 1;
                junk += u64::from(matches!(black_box(seen), Seen::Junk(_)));
                ControlFlow::Continue(())
            });
            ended.unwrap();
            assert_eq!((count, junk), (EVENTS, 0));
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{name}: {:.0} events/s", EVENTS as f64 / best);
    });
    scanning.await.unwrap();
}

async fn open(url: StoreUrl) -> Engine {
    Engine::open(&url, &Namespace::default(), &[]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures only"]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(StoreUrl::Sqlite(folder.path().join("log.db"))).await;
    for append in drafts() {
        engine.commit_one(Commit { append, ..Commit::default() }).await.unwrap();
    }
    scan("SQLite", &engine).await;
    let start = Instant::now();
    let mut after = Checkpoint::default();
    while let Some(last) = engine.read(&after, 4_096).await.unwrap().entries.last() {
        after.position = last.position();
    }
    println!("SQLite, read in pages: {:.0} events/s", EVENTS as f64 / start.elapsed().as_secs_f64());
}

fn write(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for (draft, n) in drafts().flatten().zip(1..) {
        let event = kernel::Event { number: Some(kernel::Number(n)), ..draft.at(Position::new(1_795_341_904_815, n)) };
        writeln!(file, "{}", history::write_line(&event)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures only"]
async fn a_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    write(&path);
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let engine = open(StoreUrl::History(path.clone())).await;
        best = best.min(start.elapsed().as_secs_f64());
        drop(engine);
    }
    println!("history, opened: {:.0} lines/s", EVENTS as f64 / best);
    scan("history", &open(StoreUrl::History(path)).await).await;
}
