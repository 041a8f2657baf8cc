//! What only a read model in a file can meet: damage, other programs' files, other processes.

use crate::common::{DEADLINE, Place};
use kernel::{Checkpoint, Epoch, Number, Position};
use projector::{Change, Changes, Generation, ModelState, ReadModel, Stage};
use runtime::StoreError;
use sqlx::{ConnectOptions, Connection};

fn written(n: u64) -> Changes {
    let state = |n| ModelState {
        checkpoint: Checkpoint { position: Position::new(n, 0), number: Number(n), ..Checkpoint::default() },
        generation: n.min(1),
        ..ModelState::default()
    };
    let rows = (0..500).map(|key| Change { topic: "tree", key: key.to_string().into(), row: Some("oak".into()) });
    Changes { from: state(n - 1), to: state(n), rows: rows.collect() }
}

async fn sql(place: &Place, sql: impl sqlx::SqlSafeStr) {
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file()).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_is_reached() {
    let place = Place::sqlite();
    let (model, reader) = (place.open().await, place.open().await);
    let waits = tokio::spawn(async move { reader.reached(Position::new(1, 0), DEADLINE).await });
    assert!(model.write(&written(1)).await.unwrap());
    assert!(waits.await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_that_write_one_is_fenced() {
    let place = Place::sqlite();
    for n in 1..50 {
        let models = [place.open().await, place.open().await];
        let writes = models.map(|model| tokio::spawn(async move { model.write(&written(n)).await.unwrap() }));
        let mut through = 0;
        for write in writes {
            through += u32::from(write.await.unwrap());
        }
        assert_eq!(through, 1);
    }
}

#[tokio::test]
async fn a_damaged_file_is_called_damaged() {
    let place = Place::sqlite();
    let model = place.open().await;
    assert!(model.write(&written(1)).await.unwrap());
    drop(model);
    sql(&place, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    let intact = std::fs::read(place.file()).unwrap();
    let damage = |from: usize, to: usize| {
        let mut bytes = intact.clone();
        bytes[from..to].fill(0xA5);
        std::fs::write(place.file(), bytes).unwrap();
    };
    damage(0, 100);
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { .. }) && error.to_string().contains("delete the file"), "{error}");
    damage(8_192, intact.len());
    let error = match place.try_open().await {
        Ok(model) => model.tables(&["tree"]).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(&error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_format_says_so() {
    let place = Place::sqlite();
    drop(place.open().await);
    sql(&place, "PRAGMA user_version = 3").await;
    let error = place.try_open().await.unwrap_err().to_string();
    assert!(error.contains("format 3 of a newer Retrace, and this one knows up to 2"), "{error}");
}

#[tokio::test]
async fn another_programs_file_is_left_alone() {
    let place = Place::sqlite();
    sqlx::SqliteConnection::connect_with(
        &sqlx::sqlite::SqliteConnectOptions::new().filename(place.file()).create_if_missing(true),
    )
    .await
    .unwrap();
    sql(&place, "CREATE TABLE theirs (x)").await;
    let error = place.try_open().await.unwrap_err();
    assert!(matches!(&error, StoreError::Unusable { .. }) && error.to_string().contains("no read model"), "{error}");
}

#[tokio::test]
async fn a_state_that_is_none_is_called_damaged() {
    let place = Place::sqlite();
    let model = place.open().await;
    assert!(model.write(&written(1)).await.unwrap());
    sql(&place, "UPDATE state SET position = 'yesterday'").await;
    let error = model.state().await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { at, .. } if at == "state"), "{error}");
}

/// A file as format 1 left it: generation 2 served, 1 kept, 3 begun.
const FORMAT_1: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA application_id = 1381257805;
    PRAGMA user_version = 1;
    CREATE TABLE rows (
        generation INTEGER NOT NULL,
        topic TEXT NOT NULL,
        key TEXT NOT NULL,
        row TEXT NOT NULL,
        PRIMARY KEY (generation, topic, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE state (
        slot INTEGER PRIMARY KEY,
        epoch TEXT NOT NULL,
        position TEXT NOT NULL,
        number INTEGER NOT NULL,
        digest TEXT NOT NULL,
        version INTEGER NOT NULL,
        generation INTEGER NOT NULL
    ) STRICT;
    INSERT INTO rows VALUES (1, 'tree', 'a', 'old'), (2, 'tree', 'a', 'new');
    INSERT INTO state VALUES
        (0, 'e1', '7-0', 7, '00000000000000000000000000000000', 1, 2),
        (1, 'e1', '5-0', 5, '00000000000000000000000000000000', 1, 1),
        (3, '', '0-0', 0, '00000000000000000000000000000000', 0, 3);
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_format_1_is_brought_up_to_2() {
    let place = Place::sqlite();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file()).create_if_missing(true);
    sqlx::SqliteConnection::connect_with(&options).await.unwrap().close().await.unwrap();
    sql(&place, FORMAT_1).await;
    let state = |generation, version, number| ModelState {
        checkpoint: Checkpoint {
            epoch: Epoch(if number > 0 { "e1".to_owned() } else { String::new() }),
            position: Position::new(number, 0),
            number: Number(number),
        },
        version,
        generation,
        ..ModelState::default()
    };
    let beside = |stage, state| Generation { state, stage, plan: String::new(), torn: false };
    // Several at once, as processes that start together.
    let (first, second) = tokio::join!(place.open(), place.open());
    for model in [first, second, place.open().await] {
        assert_eq!(model.state().await.unwrap(), state(2, 1, 7));
        assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("new"));
        let expected = [beside(Stage::Kept, state(1, 1, 5)), beside(Stage::Building, state(3, 0, 0))];
        assert_eq!(model.generations().await.unwrap(), expected);
        model.tell(Some("{}")).await;
        assert_eq!(model.told().await.unwrap().as_deref(), Some("{}"));
    }
    let mut connection = options.connect().await.unwrap();
    let format: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.unwrap();
    assert_eq!(format, 2);
    connection.close().await.unwrap();
    let model = place.open().await;
    assert!(model.serve(&state(2, 1, 7), &state(1, 1, 5)).await.unwrap(), "back to the one before");
    assert_eq!(model.row("tree", "a").await.unwrap().as_deref(), Some("old"));
}

#[tokio::test]
async fn a_discard_that_was_broken_off_is_ended_before_the_number_is_used_again() {
    let place = Place::sqlite();
    let model = place.open().await;
    let building = model.begin(2, "first").await.unwrap();
    let from = building.state().await.unwrap();
    let to = ModelState { generation: 2, ..written(1).to };
    assert!(building.load(&from, &to, &written(1).rows).await.unwrap());
    sql(&place, "UPDATE state SET slot = -2 WHERE slot = 2").await;
    assert_eq!(model.generations().await.unwrap(), []);
    assert_eq!(building.row("tree", "7").await.unwrap(), None);
    assert!(!building.load(&to, &to, &[]).await.unwrap());
    assert!(!model.serve(&ModelState::default(), &to).await.unwrap());
    let again = model.begin(2, "second").await.unwrap();
    let (tables, at) = again.tables(&["tree"]).await.unwrap();
    assert_eq!((tables.0["tree"].len(), at), (0, from));
}

#[tokio::test]
async fn progress_that_was_told_long_ago_is_not_told_again() {
    let place = Place::sqlite();
    let model = place.open().await;
    for (change, told) in [("-4000", Some("{}")), ("-5001", None), ("+60000", None)] {
        model.tell(Some("{}")).await;
        assert_eq!(model.told().await.unwrap().as_deref(), Some("{}"));
        sql(&place, sqlx::AssertSqlSafe(format!("UPDATE progress SET told_ms = told_ms {change}"))).await;
        assert_eq!(model.told().await.unwrap().as_deref(), told, "{change} ms");
    }
}

/// The lock goes by the file, not by its name.
#[tokio::test]
async fn two_names_of_a_file_have_one_hold() {
    let place = Place::sqlite();
    let model = place.open().await;
    let link = place.file().with_file_name("link");
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    let other = ReadModel::sqlite(&link).await.unwrap();
    let hold = model.hold("first").await.unwrap().unwrap();
    assert_eq!(other.hold("second").await.unwrap().unwrap_err(), "first");
    drop(hold);
    drop(other.hold("second").await.unwrap().unwrap());
    assert_eq!(model.place(), format!("sqlite://{}", place.file().display()));
}
