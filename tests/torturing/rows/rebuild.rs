//! Row 7: a rebuild dies, at the swap too, and between the swap and what comes after it.

use std::{collections::BTreeMap, path::Path};

use projector::{ReadModel, Stage};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use crate::{
    common,
    rebuilding::{self, Rows, Sink, command, position, renamed_customers, report, whole},
    torturing::victim::Victim,
};

/// How many events there are, and after how many of them rows and checkpoint are committed.
const EVENTS: u64 = 2_000;
const COMMIT_EVERY: &str = "200";

/// A read model that is rebuilt from a history.
struct Rebuilt {
    args: Vec<String>,
    model: ReadModel,
    /// Where it is, while this lives.
    sink: Sink,
    /// What comes of the whole history.
    fresh: Value,
    rows: Rows,
    _folder: tempfile::TempDir,
}

impl Rebuilt {
    /// One that is served up to the middle of the history, as generation 1.
    async fn half(sink: Sink) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = renamed_customers(folder.path(), EVENTS, 300);
        let history = path.to_str().unwrap();
        let args = [vec!["--store".to_owned(), history.to_owned()], sink.args()].concat();
        let half = position(EVENTS / 2).to_string();
        let borrowed: Vec<_> = args.iter().map(String::as_str).collect();
        assert_eq!(report(&[&*borrowed, &["--to", &half]].concat())["generation"], 1);
        let fresh = report(&["--store", history, "--into", "memory"]);
        let rows = rebuilding::fold(&rebuilding::lines(&path));
        Self { args, model: sink.open().await, sink, fresh, rows, _folder: folder }
    }

    fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).chain(["--commit-every", COMMIT_EVERY]).collect()
    }

    /// Lets a rebuild die at a point.
    fn dies(&self, fault: &str) {
        Victim::start(&mut command(&self.args()), Some(fault)).dies();
    }

    /// Rebuilds to the end.
    fn ends(&self) -> Value {
        let told = report(&self.args());
        assert_eq!((&told["digest"], &told["rows"]), (&self.fresh["digest"], &self.fresh["rows"]));
        told
    }

    /// That all of the history is served, as this generation.
    async fn serves_all(&self, generation: u64) {
        let (rows, state) = whole(&self.model).await;
        assert_eq!((state.generation, &rows), (generation, &self.rows));
        assert_eq!(state.digest.to_string(), self.fresh["digest"].as_str().unwrap());
    }

    /// The generations beside the served one.
    async fn beside(&self) -> BTreeMap<u64, Stage> {
        let generations = self.model.generations().await.unwrap();
        generations.into_iter().map(|generation| (generation.state.generation, generation.stage)).collect()
    }

    /// Dies at these points before the swap, one life after the other: what is served is untouched each time.
    async fn dies_before_the_swap(&self, faults: &[&str]) {
        let before = whole(&self.model).await;
        for fault in faults {
            self.dies(fault);
            assert_eq!(whole(&self.model).await, before, "{fault}");
            let building: Vec<_> = self.beside().await.into_values().collect();
            assert_eq!(building, [Stage::Building], "{fault}: it is kept, to be gone on with");
        }
    }
}

/// The generations that rows are of, whoever knows of them.
async fn left_in(file: &Path) -> Vec<i64> {
    let mut file = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let left = sqlx::query_scalar("SELECT DISTINCT generation FROM rows ORDER BY generation");
    left.fetch_all(&mut file).await.unwrap()
}

#[tokio::test]
async fn dies_anywhere_in_a_file() {
    let rebuilt = Rebuilt::half(Sink::sqlite()).await;
    let before = ["begun:1", "loading:3", "loaded:4", "taken_up:1", "swap:1"].map(|point| format!("rebuild.{point}"));
    let before: Vec<_> = before.iter().map(String::as_str).collect();
    rebuilt.dies_before_the_swap(&before).await;
    let last = rebuilt.ends();
    assert_eq!((&last["resumed"], &last["generation"], &last["events"]), (&json!(true), &json!(2), &json!(0)));
    rebuilt.serves_all(2).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(1, Stage::Kept)]));

    // Between the swap and the discarding of what it makes superfluous.
    rebuilt.dies("rebuild.swapped:1");
    rebuilt.serves_all(3).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(1, Stage::Kept), (2, Stage::Kept)]));

    // In the midst of the discarding: the generation is gone, its rows are not.
    rebuilt.dies("rebuild.discarding:1");
    rebuilt.serves_all(4).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(2, Stage::Kept), (3, Stage::Kept)]));

    assert_eq!(rebuilt.ends()["generation"], 5);
    rebuilt.serves_all(5).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(4, Stage::Kept)]));
    let rows = rebuilt.rows["customer"].len() as u64;
    let counts = rebuilt.model.row_counts().await.unwrap();
    assert_eq!(counts, BTreeMap::from([(4, rows), (5, rows)]));
    assert_eq!(left_in(&rebuilt.sink.file()).await, [4, 5], "nothing is left of the others");
}

#[tokio::test]
async fn dies_anywhere_in_redis() {
    let rebuilt = Rebuilt::half(Sink::redis("dying")).await;
    let usual: &[&str] = &["rebuild.loading:3", "rebuild.taken_up:1"];
    let more: (&[&str], &[&str]) = (&["rebuild.begun:1", "rebuild.loaded:2"], &["rebuild.loading:5", "rebuild.swap:1"]);
    let before = if common::long() { [more.0, usual, more.1].concat() } else { usual.to_vec() };
    rebuilt.dies_before_the_swap(&before).await;
    // Redis gives what is taken up a new number each time; between the two steps of that it has it already.
    let last = rebuilt.ends();
    assert_eq!(last["resumed"], true);
    assert!(last["events"].as_u64().unwrap() < EVENTS, "what was committed is not read again");
    let served = last["generation"].as_u64().unwrap();
    rebuilt.serves_all(served).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(1, Stage::Kept)]));

    rebuilt.dies("rebuild.swapped:1");
    rebuilt.serves_all(served + 1).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(1, Stage::Kept), (served, Stage::Kept)]));
    assert_eq!(rebuilt.ends()["generation"], served + 2);
    rebuilt.serves_all(served + 2).await;
    assert_eq!(rebuilt.beside().await, BTreeMap::from([(served + 1, Stage::Kept)]));
    let rows = rebuilt.rows["customer"].len() as u64;
    let counts = rebuilt.model.row_counts().await.unwrap();
    assert_eq!(counts, BTreeMap::from([(served + 1, rows), (served + 2, rows)]), "nothing is left of the others");
}
