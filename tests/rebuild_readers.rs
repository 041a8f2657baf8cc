//! Readers see no gap and nothing mixed while the read model is rebuilt, swapped and rolled back under writes.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use crate::common::{Http, Store, invariants, until};
use serde_json::{Value, json};

/// How many clients write.
const WRITERS: usize = 8;
/// How many customers each of them owns.
const OWNED: usize = 12;
/// Writes a second, of all of them.
const RATE: u64 = 1_000;
/// How long a poller of single customers waits after each, and one of the list.
const POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// Every so many writes create a customer instead of updating one.
const CREATE_EVERY: u64 = 20;
/// For how long generations come and go.
const TIME: Duration = Duration::from_secs(8);

/// What has been acknowledged, and what was done.
#[derive(Default)]
struct Facts {
    /// By writer and customer, in the order in which its owner writes to them: the last version acknowledged.
    versions: Vec<Vec<AtomicU64>>,
    ids: Vec<Vec<String>>,
    customers: AtomicUsize,
    writes: AtomicU64,
    reads: AtomicU64,
    lists: AtomicU64,
    over: AtomicBool,
}

impl Facts {
    fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    fn acknowledged(&self) -> Vec<Vec<u64>> {
        self.versions.iter().map(|owned| owned.iter().map(|version| version.load(SeqCst)).collect()).collect()
    }
}

fn body(version: u64) -> Value {
    json!({"name": format!("v{version}"), "email": "ann@shop.example"})
}

#[track_caller]
fn version(row: &Value) -> u64 {
    let name = row["name"].as_str().unwrap_or_else(|| panic!("no customer: {row}"));
    name.strip_prefix('v').unwrap().parse().unwrap()
}

/// What a reader gets: 200, of the current projection.
#[track_caller]
fn read(http: &Http, path: &str) -> Value {
    let answer = http.try_get(path);
    assert!(answer.headers.get("retrace-stale").is_none(), "{answer:?}");
    answer.result()
}

/// Updates its customers in turn, each round with a version of its own, and reads each of its writes.
fn write(http: &Http, facts: &Facts, writer: usize) {
    let every = Duration::from_nanos(1_000_000_000 * WRITERS as u64 / RATE);
    let mut next = Instant::now();
    let (ids, versions) = (&facts.ids[writer], &facts.versions[writer]);
    for count in 0_u64.. {
        if facts.is_over() {
            return;
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        // What could not be kept up with is not made up for.
        next = (next + every).max(Instant::now() - every);
        let (id, version) = if count % CREATE_EVERY == 0 {
            let answer = http.send("POST", "/customer", &body(0).to_string());
            assert!(answer.headers.get("retrace-read-model").is_none(), "{answer:?}");
            let id = answer.result()[0].as_str().unwrap().to_owned();
            facts.customers.fetch_add(1, SeqCst);
            (id, 0)
        } else {
            let turn = count - count / CREATE_EVERY - 1;
            let (index, version) = (usize::try_from(turn).unwrap() % OWNED, turn / OWNED as u64 + 1);
            let answer = http.send("PUT", &format!("/customer/{}", ids[index]), &body(version).to_string());
            assert!(answer.headers.get("retrace-read-model").is_none(), "{answer:?}");
            assert_eq!(answer.result(), true);
            versions[index].store(version, SeqCst);
            (ids[index].clone(), version)
        };
        facts.writes.fetch_add(1, SeqCst);
        assert_eq!(self::version(&read(http, &format!("/customer/{id}"))), version, "its own write is read");
    }
}

/// Polls single customers: never gone, never older than acknowledged or seen before.
fn poll(http: &Http, facts: &Facts) {
    let all: Vec<_> = (0..WRITERS * OWNED).map(|n| (n % WRITERS, n / WRITERS)).collect();
    let mut seen = BTreeMap::new();
    while !facts.is_over() {
        for &(writer, index) in &all {
            let least = facts.versions[writer][index].load(SeqCst);
            let now = version(&read(http, &format!("/customer/{}", facts.ids[writer][index])));
            let before = seen.insert((writer, index), now).unwrap_or_default();
            assert!(now >= least.max(before), "{now} after {least} was acknowledged and {before} seen");
            facts.reads.fetch_add(1, SeqCst);
            std::thread::sleep(POLL[0]);
        }
    }
}

/// Polls the list: never short, never older than acknowledged or seen before, and each answer of one moment.
fn list(http: &Http, facts: &Facts) {
    let mut seen: Vec<Vec<u64>> = vec![vec![0; OWNED]; WRITERS];
    let mut most = 0;
    while !facts.is_over() {
        let (customers, acknowledged) = (facts.customers.load(SeqCst), facts.acknowledged());
        let rows = read(http, "/customers");
        let rows = rows.as_array().unwrap();
        assert!(rows.len() >= customers.max(most), "{} rows, {customers} acknowledged, {most} seen", rows.len());
        most = rows.len();
        let versions: BTreeMap<_, _> =
            rows.iter().map(|row| (row["entity_id"].as_str().unwrap(), version(row))).collect();
        assert_eq!(versions.len(), rows.len(), "each once");
        for (writer, ids) in facts.ids.iter().enumerate() {
            let now: Vec<_> = ids.iter().map(|id| versions[id.as_str()]).collect();
            for (index, now) in now.iter().enumerate() {
                let least = acknowledged[writer][index].max(seen[writer][index]);
                assert!(*now >= least, "{now} after {least}");
            }
            // Its owner writes to them in turn: any other picture is put together from more than one moment.
            let in_turn = now.is_sorted_by(|a, b| a >= b) && now[0] - now[OWNED - 1] <= 1;
            assert!(in_turn, "not of one moment: {now:?}");
            seen[writer] = now;
        }
        facts.lists.fetch_add(1, SeqCst);
        std::thread::sleep(POLL[1]);
    }
}

/// Starts a rebuild or a rollback and waits until its generation is served; gives its number.
fn swap(http: &Http, path: &str) -> u64 {
    let started = http.send("POST", path, "{}");
    assert_eq!(started.status, 202, "{started:?}");
    let report = until("the generation is served", || {
        std::thread::sleep(Duration::from_millis(20));
        let rebuilds = http.get("/api/v1/rebuilds");
        rebuilds["current"].is_null().then(|| rebuilds["last"]["report"].clone())
    });
    assert_eq!(report["served"], true, "{report} {}", http.get("/api/v1/rebuilds"));
    report["generation"].as_u64().unwrap()
}

fn readers_see_no_gap(store: &Store) {
    let up = store.up();
    let http = up.http();
    let batch: Vec<_> = (0..WRITERS * OWNED).map(|_| body(0)).collect();
    let ids = http.create("/customer", &Value::from(batch));
    let facts = Facts {
        ids: ids.chunks(OWNED).map(<[String]>::to_vec).collect(),
        versions: (0..WRITERS).map(|_| (0..OWNED).map(|_| AtomicU64::new(0)).collect()).collect(),
        customers: AtomicUsize::new(ids.len()),
        ..Facts::default()
    };
    let began = Instant::now();
    let mut swaps = Vec::new();
    std::thread::scope(|scope| {
        /// Ends the others also when this thread fails.
        struct Over<'f>(&'f Facts);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.over.store(true, SeqCst);
            }
        }
        let facts = &facts;
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let _over = Over(facts);
                write(http, facts, writer);
            });
        }
        for reader in [poll, list] {
            scope.spawn(move || {
                let _over = Over(facts);
                reader(http, facts);
            });
        }
        let _over = Over(facts);
        until("everybody is at work", || (facts.lists.load(SeqCst) > 3).then_some(()));
        while (began.elapsed() < TIME || swaps.len() < 4) && !facts.is_over() {
            swaps.push(swap(http, "/api/v1/rebuilds"));
            swaps.push(swap(http, "/api/v1/rebuilds/rollback"));
            swaps.push(swap(http, "/api/v1/rebuilds"));
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let rate = |count: &AtomicU64| count.load(SeqCst) as f64 / seconds;
    eprintln!(
        "{seconds:.1} s: {:.0} writes/s, {:.0} single reads/s and {:.0} lists/s by the pollers, {} swaps",
        rate(&facts.writes),
        rate(&facts.reads),
        rate(&facts.lists),
        swaps.len()
    );
    assert!(swaps.windows(2).all(|pair| pair[0] != pair[1]), "{swaps:?}");
    let last = swaps.last().unwrap();
    invariants::at_rest(store, http);
    assert_eq!(http.get("/api/v1/rebuilds")["served"]["generation"], *last);
}

#[test]
fn readers_see_no_gap_on_the_embedded_store() {
    readers_see_no_gap(&Store::sqlite());
}

#[test]
fn readers_see_no_gap_on_redis() {
    readers_see_no_gap(&Store::redis());
}
