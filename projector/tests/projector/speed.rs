//! Figures, not checks: `cargo test --release -p projector --test projector speed:: -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use crate::common::{DEADLINE, Place, Projector, TOPICS, append, caught_up, event};
use kernel::{CREATED, Checkpoint, Number, Position};
use projector::{Change, Changes, ModelState, ReadModel};
use runtime::{Engine, Namespace, StoreUrl};

const ROWS: u64 = 100_000;
const PAGE: u64 = 1_000;

fn key(n: u64) -> String {
    format!("{:08x}-c29d-5a47-b1f1-{n:012x}", n.wrapping_mul(2_654_435_761) % 0x1_0000_0000)
}

fn state(number: u64) -> ModelState {
    let checkpoint = Checkpoint { position: Position::new(number, 0), number: Number(number), ..Checkpoint::default() };
    ModelState { checkpoint, generation: number.min(1), ..ModelState::default() }
}

/// All kinds, or the one that the environment names.
fn kinds() -> Vec<(&'static str, Place)> {
    let only = std::env::var("KIND").unwrap_or_default();
    let kinds = ["memory", "redis", "sqlite"].into_iter().zip(Place::all());
    kinds.filter(|(kind, _)| kind.contains(&*only)).collect()
}

async fn write_all(model: &ReadModel) -> Duration {
    let row = |n| Change {
        topic: "tree",
        key: key(n).into(),
        row: Some(format!("{{\"entity_id\":\"{}\",\"name\":\"{:0>120}\"}}", key(n), n).into()),
    };
    let start = Instant::now();
    for page in 0..ROWS / PAGE {
        let rows = (page * PAGE..(page + 1) * PAGE).map(row).collect();
        assert!(model.write(&Changes { from: state(page), to: state(page + 1), rows }).await.unwrap());
    }
    start.elapsed()
}

/// Rows to load, in the order that a load takes them.
fn sorted(rows: u64) -> Vec<Change> {
    let row = |n| Change {
        topic: "tree",
        key: format!("{n:08x}-c29d-5a47-b1f1-{n:012x}").into(),
        row: Some(format!("{{\"entity_id\":\"{}\",\"name\":\"{n:0>60}\"}}", key(n)).into()),
    };
    (0..rows).map(row).collect()
}

/// Loads a new generation in pages; tells how long it took.
async fn load_all(model: &ReadModel, generation: u64, rows: &[Change], page: usize) -> Duration {
    let building = model.begin(generation, "speed").await.unwrap();
    let mut from = building.state().await.unwrap();
    let start = Instant::now();
    for (n, rows) in (1..).zip(rows.chunks(page)) {
        let to = ModelState { generation, ..state(n) };
        assert!(building.load(&from, &to, rows).await.unwrap());
        from = to;
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures"]
async fn load() {
    const LOADED: u64 = 1_000_000;
    let rows = sorted(LOADED);
    let bytes = rows.iter().filter_map(|change| change.row.as_ref()).map(|row| row.len()).sum::<usize>() / rows.len();
    for (kind, place) in kinds() {
        let model = place.open().await;
        for (generation, page) in [(2, 1_000_000), (3, 100_000), (4, 20_000)] {
            let took = load_all(&model, generation, &rows, page).await;
            let rate = LOADED as f64 / took.as_secs_f64();
            println!("{kind}: load, {LOADED} rows of {bytes} bytes, {page} at a time: {rate:.0} rows/s");
            let start = Instant::now();
            model.discard(generation).await.unwrap();
            println!("{kind}: discard: {:?}", start.elapsed());
        }
    }
}

async fn read_rows(model: &ReadModel, readers: u64, reads: u64) -> Duration {
    let start = Instant::now();
    let read = |reader: u64| {
        let model = model.clone();
        tokio::spawn(async move {
            for n in 0..reads {
                assert!(model.row("tree", &key((n * readers + reader) * 7 % ROWS)).await.unwrap().is_some());
            }
        })
    };
    let tasks: Vec<_> = (0..readers).map(read).collect();
    for task in tasks {
        task.await.unwrap();
    }
    start.elapsed()
}

async fn live(place: &Place) -> (Duration, Duration) {
    const EVENTS: u64 = 100_000;
    let engine = Engine::open(&StoreUrl::Memory, &Namespace::default(), &TOPICS).await.unwrap();
    let model = place.open().await;
    let events = (0..EVENTS).map(|n| event("tree", CREATED, &key(n % 20_000), &format!("{n:0>120}")));
    append(&engine, events.collect()).await;
    let start = Instant::now();
    let projector = Projector::start(&engine, &model).await;
    caught_up(&engine, &model).await;
    let behind = start.elapsed();
    let mut single = Vec::new();
    for n in 0..500 {
        let start = Instant::now();
        let position = append(&engine, vec![event("tree", CREATED, &key(n), "oak")]).await;
        assert!(model.reached(position, DEADLINE).await.unwrap());
        single.push(start.elapsed());
    }
    single.sort_unstable();
    projector.stop().await.unwrap();
    (behind / u32::try_from(EVENTS / 1_000).unwrap(), single[single.len() / 2])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures"]
async fn figures() {
    for (kind, place) in kinds() {
        let model = place.open().await;
        let written = write_all(&model).await;
        println!("{kind}: write, {PAGE} rows each: {:.0} rows/s", ROWS as f64 / written.as_secs_f64());
        for (readers, reads) in [(1, 20_000), (8, 10_000), (64, 2_000)] {
            let took = read_rows(&model, readers, reads).await;
            let rate = (readers * reads) as f64 / took.as_secs_f64();
            println!("{kind}: row, {readers} readers: {:?} each, {rate:.0}/s", took / u32::try_from(reads).unwrap());
        }
        for _ in 0..3 {
            let start = Instant::now();
            let (tables, _) = model.tables(&["tree"]).await.unwrap();
            println!("{kind}: tables, {} rows: {:?}", tables.0["tree"].len(), start.elapsed());
        }
    }
    for (kind, place) in kinds() {
        let (behind, single) = live(&place).await;
        println!(
            "{kind}: live, behind: {:.0} events/s; one event: {single:?} (median)",
            1_000.0 / behind.as_secs_f64()
        );
    }
}
