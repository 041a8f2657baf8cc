//! The memory engine is the specification: whatever is done, the other engines answer what it answers.
//!
//! One random sequence of operations is done on both, and every answer compared. Positions are compared as
//! the ordinals of their events, and epochs as present or not, because clocks and chance differ.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "model/operation.rs"]
mod operation;
#[path = "model/side.rs"]
mod side;

use operation::{Operation, operations};
use proptest::prelude::*;
use runtime::{Engine, Namespace, StoreUrl};
use side::Side;

/// The topics that the sequences write to.
const TOPICS: &[&str] = &["cart", "order"];

async fn memory() -> Engine {
    Engine::open(&StoreUrl::Memory, &Namespace::default(), TOPICS).await.unwrap()
}

async fn redis() -> (Engine, ()) {
    let namespace = testkit::RedisServer::namespace().parse().unwrap();
    let url = testkit::RedisServer::shared().url().parse().unwrap();
    (Engine::open(&url, &namespace, TOPICS).await.unwrap(), ())
}

/// A file in memory: the sequences are many, and what is on disk after a crash is tested elsewhere.
async fn sqlite() -> (Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("log.db"));
    (Engine::open(&url, &Namespace::default(), TOPICS).await.unwrap(), folder)
}

/// Each engine against memory.
macro_rules! like_memory {
    ($($engine:ident),+ $(,)?) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $engine(operations in operations()) {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let (engine, _alive) = super::$engine().await;
                        compare(engine, &operations).await;
                    });
                }
            )+
        }
    };
}

mod like_memory {
    use super::*;

    like_memory!(redis, sqlite);
}

async fn compare(other: Engine, operations: &[Operation]) {
    let mut specified = Side::of(memory().await);
    let mut given = Side::of(other);
    for (index, operation) in operations.iter().enumerate() {
        let expected = specified.perform(operation).await;
        let found = given.perform(operation).await;
        let done: Vec<_> = operations[..=index].iter().map(|operation| format!("{operation:?}")).collect();
        assert_eq!(found, expected, "after\n{}", done.join("\n"));
    }
}
