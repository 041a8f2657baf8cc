//! A process killed amid its commits loses nothing that it acknowledged.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use kernel::{Checkpoint, Entry};
use runtime::Commit;

use super::{append, draft, enqueue, open, try_open};

/// Tells the process under test, this program again, which file to write to.
const FILE: &str = "RETRACE_CRASH_TEST_FILE";
/// How many commits are acknowledged before the kill, each time.
const ACKNOWLEDGED: usize = 300;
/// How many times the file is opened again and killed over.
const ROUNDS: u32 = 3;
const WRITERS: u32 = 16;

/// Writes until it is killed: two events and a command a commit, and a line for each that went through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_until_killed() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let engine = open(Path::new(&path)).await;
    let round = engine.head().await.unwrap().number;
    let writers = (0..WRITERS).map(|writer| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let id = format!("{round}-{writer}-{n}");
                let drafts = vec![draft("cart", &id), draft("order", &id)];
                let committed =
                    engine.commit_one(Commit { enqueue: vec![enqueue(&id)], ..append(drafts) }).await.unwrap();
                println!("ACK {id} {} {}", committed.positions[0], committed.positions[1]);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Runs [`write_until_killed`] in a process of its own, kills that and tells what it acknowledged.
fn killed(path: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::write_until_killed", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The test harness may have begun the first line.
        if let Some((_, ack)) = line.split_once("ACK ") {
            acknowledged.push(ack.to_owned());
        }
        if acknowledged.len() == ACKNOWLEDGED {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(acknowledged.len() >= ACKNOWLEDGED, "it ended by itself after {}", acknowledged.len());
    // The last line may have been cut.
    acknowledged.retain(|ack| ack.split(' ').count() == 3 && ack.matches('-').count() == 4);
    acknowledged
}

#[tokio::test]
async fn a_kill_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut acknowledged = Vec::new();
    for _ in 0..ROUNDS {
        acknowledged.extend(killed(&path));
        let engine = try_open(&path).await.unwrap();
        let entries = engine.read(&Checkpoint::default(), usize::MAX).await.unwrap().entries;
        let numbers: Vec<_> = entries.iter().map(|entry| entry.number().unwrap().0).collect();
        assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>());
        assert!(entries.is_sorted_by(|a, b| a.position() < b.position()));
        assert_eq!(entries.len() as u64, 2 * engine.queues(&["s"]).await.unwrap()[0].waiting, "commits are whole");
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in entries {
            let Entry::Event(event) = entry else { panic!("junk") };
            let id = event.id.split_once('-').unwrap().1.to_owned();
            found.entry(id).or_default().push(event.position.to_string());
        }
        for line in &acknowledged {
            let mut parts = line.split(' ').map(str::to_owned);
            let id = parts.next().unwrap();
            assert_eq!(found.get(&id), Some(&parts.collect()), "{id} was acknowledged");
        }
        engine.close().await.unwrap();
    }
}
