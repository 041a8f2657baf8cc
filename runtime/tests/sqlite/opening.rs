//! Which files are opened, and what is said of those that are not.

use std::{
    fs,
    time::{Duration, Instant},
};

use runtime::{Engine, Namespace, Parked, StoreError, StoreUrl};

use super::{append, draft, open, sql, try_open};

/// What opening is refused with; names the file.
async fn refusal(path: &std::path::Path) -> String {
    match try_open(path).await {
        Err(StoreError::Unusable { url, reason }) => {
            assert_eq!(url, format!("sqlite://{}", path.display()));
            reason
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_second_opening_is_refused_and_names_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    let pid = std::process::id();
    let expected = format!("it is in use by process {pid}; one process at a time can write to a SQLite store");
    assert_eq!(refusal(&path).await, expected);
    #[cfg(unix)]
    {
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(refusal(&link).await, expected, "by another name");
    }
    engine.commit_one(append(vec![draft("cart", "c")])).await.unwrap();
    engine.close().await.unwrap();
    open(&path).await;
}

#[tokio::test]
async fn dropping_the_last_clone_closes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    let clone = engine.clone();
    clone.commit_one(append(vec![draft("cart", "c")])).await.unwrap();
    drop(engine);
    assert!(try_open(&path).await.is_err(), "a clone still has it");
    drop(clone);
    let until = Instant::now() + Duration::from_secs(30);
    while let Err(error) = try_open(&path).await {
        assert!(Instant::now() < until, "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_closed_engine_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("log.db")).await;
    engine.close().await.unwrap();
    engine.close().await.unwrap();
    let errors = [
        engine.commit(&[]).await.map(drop).unwrap_err(),
        engine.checkpoints().await.map(drop).unwrap_err(),
        engine.claimer("s", "w").await.unwrap().claim(1, Duration::ZERO).await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, StoreError::Unavailable { reason, .. } if reason == "it has been closed"), "{error}");
    }
    let wal = fs::metadata(folder.path().join("log.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "all is in the file itself");
}

#[tokio::test]
async fn what_is_no_log_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(refusal(folder.path()).await, "it is a folder, not a database file");

    let garbage = "this is a letter to my aunt, and no database at all. ".repeat(100);
    fs::write(path("letter"), &garbage).unwrap();
    assert_eq!(refusal(&path("letter")).await, "the file is no SQLite database");
    assert_eq!(fs::read_to_string(path("letter")).unwrap(), garbage);

    let reason = refusal(&path("letter/log.db")).await;
    assert!(reason.starts_with("its folder can't be made: "), "{reason}");

    sql(&path("other.db"), "CREATE TABLE aunts (name TEXT)").await;
    let before = fs::read(path("other.db")).unwrap();
    assert_eq!(refusal(&path("other.db")).await, "it is another program's database");
    assert_eq!(fs::read(path("other.db")).unwrap(), before);
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    open(&path).await.close().await.unwrap();
    sql(&path, "PRAGMA user_version = 3").await;
    assert_eq!(refusal(&path).await, "it was written by a newer Retrace (format 3, this one knows 2)");
}

#[tokio::test]
async fn format_1_is_brought_up_to_date_with_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let engine = open(&path).await;
    let head = engine.commit_one(super::append(vec![super::draft("order", "a")])).await.unwrap().head;
    engine.close().await.unwrap();
    sql(
        &path,
        "DROP TABLE parked; DROP TABLE unparked;
         CREATE TABLE parked (consumer TEXT NOT NULL, position TEXT NOT NULL, topic TEXT NOT NULL,
             reason TEXT NOT NULL, PRIMARY KEY (consumer, position)) STRICT, WITHOUT ROWID;
         INSERT INTO parked VALUES ('saga/a', '10-9', 'order', 'r'), ('saga/a', '9-10', 'cart', 's');
         PRAGMA user_version = 1",
    )
    .await;
    let reading = Engine::open_reading(&StoreUrl::Sqlite(path.clone()), &Namespace::default(), &[]).await;
    let refused = reading.map(drop).unwrap_err().to_string();
    assert!(refused.ends_with("whatever writes to it, such as `retrace up`, brings it up to date"), "{refused}");
    let engine = open(&path).await;
    let parked = engine.parked(None, 10).await.unwrap();
    let told: Vec<_> = parked.iter().map(|parked| (parked.id().to_string(), parked.reason.as_str())).collect();
    assert_eq!(told, [("cart 9-10 of saga/a".to_owned(), "s"), ("order 10-9 of saga/a".to_owned(), "r")]);
    assert_eq!(engine.head().await.unwrap(), head);
    engine.commit_one(Parked::dropped(parked[0].id())).await.unwrap();
    assert_eq!(engine.parked(None, 10).await.unwrap(), parked[1..]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn namespaces_are_apart() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("log.db"));
    let lock: Namespace = "lock".parse().unwrap();
    let one = Engine::open(&url, &Namespace::default(), &[]).await.unwrap();
    let two = Engine::open(&url, &lock, &[]).await.unwrap();
    one.commit_one(append(vec![draft("cart", "c")])).await.unwrap();
    assert_eq!((one.head().await.unwrap().number.0, two.head().await.unwrap().number.0), (1, 0));
    assert_eq!(two.url(), format!("{url}@lock"));
}
