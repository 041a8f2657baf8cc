//! What only a read model in a file can meet: damage, other programs' files, other processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{DEADLINE, Place};
use kernel::{Checkpoint, Number, Position};
use projector::{Change, Changes, ModelState};
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

async fn sql(place: &Place, sql: &'static str) {
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
