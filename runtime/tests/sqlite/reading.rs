//! A second process reads the file that the first writes.

use std::{path::Path, time::Duration};

use kernel::{Checkpoint, Number};
use runtime::{CommitError, Engine, Namespace, StoreError, StoreUrl};

use super::{append, draft, enqueue, open, sql};

/// Longer than anything takes that is going to happen.
const PATIENCE: Duration = Duration::from_secs(60);

async fn try_read(path: &Path) -> Result<Engine, StoreError> {
    Engine::open_reading(&StoreUrl::Sqlite(path.to_owned()), &Namespace::default(), &[]).await
}

#[track_caller]
fn refused<T: std::fmt::Debug>(path: &Path, answer: Result<T, StoreError>) {
    match answer {
        Err(StoreError::ReadOnly(said)) => assert_eq!(
            said,
            format!("store sqlite://{} was opened for reading; nothing is written to it from here", path.display())
        ),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn who_reads_sees_each_commit_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let writing = open(&path).await;
    let reading = try_read(&path).await.unwrap();
    let mut bell = reading.bell().await.unwrap();
    let mut at = Checkpoint::default();
    assert_eq!(reading.head().await.unwrap(), at);
    for number in 1..=3 {
        let commit = runtime::Commit {
            enqueue: vec![enqueue(&number.to_string())],
            ..append(vec![draft("cart", &number.to_string())])
        };
        let head = writing.commit_one(commit).await.unwrap().head;
        bell.wait(at.position, PATIENCE).await.unwrap();
        assert_eq!(reading.head().await.unwrap(), head);
        let page = reading.read(&at, 10).await.unwrap();
        assert_eq!((page.entries.len(), page.entries[0].number()), (1, Some(Number(number))));
        assert_eq!(page.entries, writing.read(&at, 10).await.unwrap().entries);
        assert_eq!(reading.queues(&["s"]).await.unwrap(), writing.queues(&["s"]).await.unwrap());
        assert!(reading.command(&number.to_string()).await.unwrap().is_some());
        at = head;
    }
    bell.wait(at.position, Duration::from_millis(1)).await.unwrap();

    match reading.commit_one(append(vec![draft("cart", "c")])).await {
        Err(CommitError::Store(error)) => refused(&path, Err::<(), _>(error)),
        other => panic!("not refused: {other:?}"),
    }
    refused(&path, reading.claimer("s", "w").await.unwrap().claim(1, PATIENCE).await);
    refused(&path, reading.hold("projector", "me", PATIENCE).await);
    refused(&path, reading.discard("s", "1").await);

    writing.close().await.unwrap();
    assert_eq!(reading.head().await.unwrap(), at, "it is read on when nobody writes any more");
    let again = open(&path).await;
    let head = again.commit_one(append(vec![draft("cart", "c")])).await.unwrap().head;
    assert_eq!(reading.read(&at, 10).await.unwrap().head, head);
    reading.close().await.unwrap();
    assert!(reading.head().await.unwrap_err().to_string().ends_with("it has been closed"));
}

#[tokio::test]
async fn what_is_not_there_is_not_made_for_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/log.db");
    match try_read(&path).await {
        Err(error @ StoreError::Unavailable { .. }) => assert_eq!(
            error.to_string(),
            format!("store sqlite://{} is unavailable: there is no such file", path.display())
        ),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let unusable = async |path: &Path| match try_read(path).await {
        Err(StoreError::Unusable { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    };
    let path = folder.path().join("log.db");
    std::fs::write(&path, "").unwrap();
    assert_eq!(unusable(&path).await, "it is empty; nobody has begun a log in it yet");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    open(&path).await.close().await.unwrap();
    sql(&path, "PRAGMA user_version = 3").await;
    assert_eq!(unusable(&path).await, "it was written by a newer Retrace (format 3, this one knows 2)");
}
