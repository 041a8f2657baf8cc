//! What only the engine itself can bring about: a disk that is full.

use kernel::{CREATED, Draft, Number};
use tokio::sync::oneshot;

use super::*;
use crate::{Advance, Engine, Holder, Namespace, StoreUrl};

/// A commit of one event of `bytes` bytes and what else a commit can hold.
fn commit(id: usize, bytes: usize) -> Commit {
    let data = "x".repeat(bytes);
    let draft =
        Draft { topic: "cart".into(), id: id.to_string(), action: CREATED.into(), data, meta: None, keep: None };
    let command = testkit::command(&format!("k{id}"), "cart", kernel::Intent::Delete { id: "c".into() });
    Commit {
        append: vec![draft],
        enqueue: vec![crate::Enqueue { command, service: "s".into(), idempotency: None }],
        ..Commit::default()
    }
}

async fn limit(engine: &Sqlite, pages: i64) {
    engine.ask(|reply| Request::Limit { pages, reply }).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_undoes_the_group_and_is_got_over() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("log.db"));
    let engine = Engine::open(&url, &Namespace::default(), &[]).await.unwrap();
    let Engine::Sqlite(sqlite) = &engine else { unreachable!() };
    let before = engine.commit(&[commit(1, 10)]).await.unwrap().remove(0).unwrap().head;
    let step = |holder| {
        let (consumer, from, to) = ("saga/crm".into(), Checkpoint::default(), Checkpoint::default());
        Commit { advance: Some(Advance { consumer, holder, from, to }), ..Commit::default() }
    };
    engine.commit_one(step(Holder::Taking("me".into()))).await.unwrap();
    limit(sqlite, 40).await;

    // One of the two would fit; they are one batch, and what was told to nobody is not there.
    let error = engine.commit(&[commit(2, 10), commit(3, 1 << 20)]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Full { .. }) && error.is_transient(), "{error}");
    assert_eq!(engine.head().await.unwrap(), before);
    assert_eq!(engine.read(&Checkpoint::default(), 10).await.unwrap().entries.len(), 1);
    assert_eq!(engine.queues(&["s"]).await.unwrap()[0].waiting, 1);
    assert!(engine.command("k2").await.unwrap().is_none());
    engine.commit_one(step(Holder::Holding("me".into()))).await.unwrap();

    // Requests of one group share its fate, and are told so; those of the next do not.
    let (reply, refused) = oneshot::channel();
    let (other, heartbeat) = oneshot::channel();
    let deadline_ms = deadline(Duration::from_secs(60));
    let mut permits = sqlite.writer().unwrap().reserve_many(2).await.unwrap();
    permits.next().unwrap().send(Request::Heartbeat { worker: "w".into(), deadline_ms, reply: other });
    permits.next().unwrap().send(Request::Commit { commits: vec![commit(4, 1 << 20)], reply });
    assert!(matches!(refused.await.unwrap(), Err(StoreError::Full { .. })));
    let _ = heartbeat.await.unwrap();
    assert_eq!(engine.commit(&[commit(5, 10)]).await.unwrap().remove(0).unwrap().head.number, Number(2));

    limit(sqlite, 1 << 30).await;
    let after = engine.commit(&[commit(6, 10), commit(7, 1 << 20)]).await.unwrap().remove(1).unwrap().head;
    assert_eq!(after.number, Number(4));
    let claims = engine.claimer("s", "w").await.unwrap().claim(10, Duration::ZERO).await.unwrap();
    assert_eq!(claims.iter().map(|claim| &*claim.token.command).collect::<Vec<_>>(), ["k1", "k5", "k6", "k7"]);
}
