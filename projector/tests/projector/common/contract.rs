//! The same cases on each kind of read model, and the writes that they make.

use std::collections::BTreeMap;

use kernel::{Checkpoint, Digest, Epoch, Number, Position};
use projector::{Change, Changes, ModelState, ReadModel};

/// A test of each case on each kind.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        contract!(on memory: $($case)+);
        contract!(on redis: $($case)+);
        contract!(on sqlite: $($case)+);
    };
    (on $kind:ident: $($case:ident)+) => {
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::common::Place::$kind()).await;
                }
            )+
        }
    };
}
pub(crate) use contract;

/// The state that the `n`th write brings a model to.
pub fn state(n: u64) -> ModelState {
    let mut digest = Digest::default();
    digest.add("tree", "any", &n.to_string());
    let checkpoint =
        Checkpoint { epoch: Epoch("e1".into()), position: Position::new(1_795_341_904_000, n), number: Number(n) };
    ModelState { checkpoint, digest, version: 1, generation: 1 }
}

pub fn change(topic: &'static str, key: &str, row: Option<&str>) -> Change {
    Change { topic, key: key.into(), row: row.map(Into::into) }
}

/// The `n`th write, counted from 1.
pub fn changes(n: u64, rows: Vec<Change>) -> Changes {
    let from = if n == 1 { ModelState::default() } else { state(n - 1) };
    Changes { from, to: state(n), rows }
}

pub async fn write(model: &ReadModel, n: u64, rows: Vec<Change>) {
    assert!(model.write(&changes(n, rows)).await.unwrap(), "write {n} goes through");
}

pub fn table(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
    rows.iter().map(|(key, row)| ((*key).to_owned(), (*row).to_owned())).collect()
}
