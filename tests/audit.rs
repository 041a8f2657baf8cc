//! `retrace audit` and `retrace status`, as a person sees them: exit codes and lines.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use crate::common::{Retrace, Store, process::talk};
use kernel::{Checkpoint, Draft, Epoch, Meta};
use projector::{Change, Changes, ModelState, ReadModel};
use runtime::{Advance, Commit, Engine, Enqueue, Holder, Parked};
use serde_json::Value;
use testkit::RedisServer;

/// The last position of the history that the tests import.
const LAST: &str = "1795341913-640795";

/// Its digest.
const DIGEST: &str = "89b2ed77d2456a5b6b8e109e9a791831";

fn history() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ordershop-v2-small.jsonl")
}

/// A store of each kind, with the history and a read model at its end: generation 2, for 1 is the projector's.
fn stores() -> [Store; 2] {
    [Store::redis(), Store::sqlite()].map(|store| {
        store.import(&history());
        let output = store.command(&["rebuild"]).output().unwrap();
        assert!(output.status.success(), "{}", talk(&output));
        store
    })
}

fn run(store: &Store, args: &[&str]) -> Output {
    // The server of the tests keeps nothing, which is worth a warning each time.
    store.command(args).env("RETRACE_LOG", "error").output().unwrap()
}

/// What it printed, with what differs from run to run replaced by a name.
fn printed(output: &Output, store: &Store) -> String {
    let (url, _) = store.location().unwrap();
    let version = format!("{:08x}", ordershop::domain().projection());
    let model = match store {
        Store::Redis { namespace } => format!("{url}, read model of namespace {namespace}"),
        Store::Sqlite(_) | Store::Url(_) | Store::Memory => format!("{url}.model"),
    };
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.replace(&model, "MODEL").replace(&url.to_string(), "STORE").replace(&version, "VERSION")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

/// Writes to the served read model as no program of ours would: rows change, or the state, and not both.
fn write(store: &Store, rows: &[Change], change: impl FnOnce(&mut ModelState)) {
    let (url, namespace) = store.location().unwrap();
    block_on(async {
        let model = ReadModel::open(&url, &namespace).await.unwrap();
        let from = model.state().await.unwrap();
        let mut to = from.clone();
        change(&mut to);
        assert!(model.write(&Changes { from, to, rows: rows.to_vec() }).await.unwrap());
    });
}

/// Commits to the log.
fn commit(store: &Store, commit: impl FnOnce(Checkpoint) -> Commit) {
    let (url, namespace) = store.location().unwrap();
    block_on(async {
        let engine = Engine::open(&url, &namespace, &[]).await.unwrap();
        let commit = commit(engine.head().await.unwrap());
        engine.commit_one(commit).await.unwrap();
        engine.close().await.unwrap();
    });
}

const MODEL: &str = "\
read model MODEL
  generation   2
  position     1795341913-640795 (event 145), 2026-11-22T10:05:13.640795Z
  rows         73: billing 1, cart 10, customer 10, inventory 10, mail 22, order 9, product 10, shipping 1
  version      VERSION
  digest       89b2ed77d2456a5b6b8e109e9a791831
  verdict      equal to a fresh fold of the log up to there
";

const LOG: &str = "\
log STORE
  head         1795341913-640795 (event 145), 2026-11-22T10:05:13.640795Z
  read         145 entries
  I2 once      no event, command or reaction is in the log twice
  I3 order     no event is missing and positions increase
";

#[test]
fn what_is_as_it_should_be_is_said_to_be_and_is_a_success() {
    for store in stores() {
        let output = run(&store, &["audit"]);
        let i5 = "  I5 progress  5 checkpoints, none ahead of the log or of another epoch\n";
        assert_eq!(printed(&output, &store), format!("{MODEL}{LOG}{i5}"));
        assert_eq!((output.status.code(), talk(&output).as_str()), (Some(0), ""));

        let document: Value = serde_json::from_slice(&run(&store, &["audit", "--json"]).stdout).unwrap();
        assert_eq!(document["clean"], true);
        let model = &document["models"][0];
        assert_eq!(model["digest"], DIGEST);
        assert_eq!((&model["recorded"], &model["expected"]), (&model["digest"], &model["digest"]));
        assert_eq!((&model["equal"], &model["stale"]), (&true.into(), &false.into()));
        assert_eq!((&model["checkpoint"]["position"], &document["head"]["number"]), (&LAST.into(), &145.into()));
    }
}

#[test]
fn rows_that_differ_are_shown_with_both_values() {
    for store in stores() {
        let change =
            |key: &str, row: Option<&str>| Change { topic: "order", key: key.into(), row: row.map(Into::into) };
        write(&store, &[change("0", Some("{}"))], |_| ());
        let output = run(&store, &["audit"]);
        let shown = printed(&output, &store);
        let digest = shown.lines().find_map(|line| line.strip_prefix("  digest       ")).unwrap();
        assert_ne!(digest, DIGEST);
        let expected = [
            "  rows         74: billing 1, cart 10, customer 10, inventory 10, mail 22, order 10, product 10, shipping 1",
            &format!("  expected     {DIGEST}"),
            &format!("  recorded     {DIGEST}, which is not that of its rows"),
            "  verdict      DIFFERS from a fresh fold of the log up to there",
            "  1 row differs:",
            "    order 0",
            "      found     {}",
            "      expected  no such row",
        ];
        for line in expected {
            assert!(shown.lines().any(|shown| shown == line), "{line:?} is not in {shown}");
        }
        assert!(
            shown.ends_with(&format!("{LOG}  I5 progress  5 checkpoints, none ahead of the log or of another epoch\n"))
        );
        assert_eq!(output.status.code(), Some(2));
        let sentence = "retrace: 1 read model differs from the log; `retrace rebuild` makes one anew\n";
        assert_eq!(talk(&output), sentence);

        let document: Value = serde_json::from_slice(&run(&store, &["audit", "--json"]).stdout).unwrap();
        let row = serde_json::json!({"topic": "order", "key": "0", "found": "{}", "expected": null});
        assert_eq!(document["models"][0]["differences"], serde_json::json!({"count": 1, "first": [row]}));
        assert_eq!((&document["clean"], &document["models"][0]["digest"]), (&false.into(), &digest.into()));
    }
}

#[test]
fn a_consumer_of_another_log_is_named() {
    for store in stores() {
        commit(&store, |head| {
            let to = Checkpoint { epoch: Epoch("before".into()), ..head };
            let advance = Advance {
                consumer: "saga/lost".into(),
                holder: Holder::Taking("somebody".into()),
                from: Checkpoint::default(),
                to,
            };
            Commit { advance: Some(advance), ..Commit::default() }
        });
        let output = run(&store, &["audit"]);
        let shown = printed(&output, &store);
        let (model_and_log, rest) = shown.split_once("  I5 progress").unwrap();
        assert_eq!(model_and_log, format!("{MODEL}{LOG}"));
        let (first, second) = rest.split_once('\n').unwrap();
        assert_eq!(first, "  VIOLATED by 1 of 6 checkpoints:");
        let second = second.trim_start();
        assert!(
            second.starts_with("consumer saga/lost stands in epoch \"before\", and the log has epoch \""),
            "{second}"
        );
        assert_eq!(output.status.code(), Some(2));
        let sentence = "retrace: 1 checkpoint is not of this log, or ahead of it; the log may have lost its end\n";
        assert_eq!(talk(&output), sentence);

        let status = printed(&run(&store, &["status"]), &store);
        let line = "consumer      saga/lost            DIVERGED: it stands in epoch \"before\"";
        assert!(status.contains(line), "{status}");
    }
}

#[test]
fn what_is_in_the_log_twice_is_named() {
    for store in stores() {
        let by = |command: &str| Some(Meta { command: Some(command.into()), ..Meta::default() });
        let event = |id: &str, command: &str| Draft {
            topic: "mail".into(),
            id: id.into(),
            action: "mail_sent".into(),
            data: r#"{"to":"ann","msg":"hello"}"#.into(),
            meta: by(command),
            keep: None,
        };
        let twice = [event("a", "c1"), event("b", "c2"), event("a", "c3"), event("d", "c1")];
        commit(&store, |_| Commit { append: twice.to_vec(), ..Commit::default() });
        let output = run(&store, &["audit"]);
        let shown = printed(&output, &store);
        let document: Value = serde_json::from_slice(&run(&store, &["audit", "--json"]).stdout).unwrap();
        let [event, command] = document["repeats"]["first"].as_array().unwrap().as_slice() else {
            panic!("{document}")
        };
        let place = |repeat: &Value, at: &str| repeat[at].as_str().unwrap().to_owned();
        let expected = format!(
            "  I2 once      VIOLATED 2 times:
               event a is in the log twice, at {} and at {}
               command c1 has taken effect twice, at {} and at {}
  I3 order     no event is missing and positions increase
",
            place(event, "first"),
            place(event, "again"),
            place(command, "first"),
            place(command, "again"),
        );
        assert!(shown.contains(&expected), "{shown}");
        assert_eq!((&event["kind"], &event["event"]), (&"event".into(), &"a".into()));
        assert_eq!((&command["kind"], &command["command"]), (&"command".into(), &"c1".into()));
        assert_eq!((&document["repeats"]["count"], &document["clean"]), (&2.into(), &false.into()));
        assert_eq!(output.status.code(), Some(2));
        let sentence = "retrace: something is in the log twice, or would be soon, which no program of ours does\n";
        assert_eq!(talk(&output), sentence);
    }
}

#[test]
fn a_gap_in_the_log_is_named() {
    let store = Store::redis();
    store.import(&history());
    assert!(run(&store, &["rebuild"]).status.success());
    let Store::Redis { namespace } = &store else { unreachable!() };
    let events = [("product", "1795341904-805916"), ("product", "1795341904-807807"), ("mail", "1795341913-618588")];
    for (topic, position) in events {
        let delete = format!("XDEL {{{namespace}}}:events:{topic} {position}");
        assert_eq!(RedisServer::shared().answer(&delete), ":1\r\n");
    }
    let output = run(&store, &["audit"]);
    let shown = printed(&output, &store);
    let order = "
  read         142 entries
  I2 once      no event, command or reaction is in the log twice
  I3 order     VIOLATED 2 times:
               events 2 to 3 are missing, between 1795341904-801375 and 1795341904-810997
               event 144 is missing, between 1795341913-590496 and 1795341913-640795
  I5 progress  5 checkpoints, none ahead of the log or of another epoch
";
    assert!(shown.ends_with(order), "{shown}");
    assert!(shown.contains("\n  3 rows differ:\n    mail 1795341913-618588\n"), "{shown}");
    assert!(shown.contains("  verdict      DIFFERS from"), "{shown}");
    assert_eq!(output.status.code(), Some(2));
    assert!(talk(&output).contains("the log is not in order; restore it from a backup"), "{}", talk(&output));
}

#[test]
fn a_model_of_another_version_is_stale_and_what_to_do_is_said() {
    for store in stores() {
        write(&store, &[], |state| state.version = 0x2a);
        let output = run(&store, &["audit"]);
        let shown = printed(&output, &store);
        assert!(shown.contains("  version      0000002a, STALE: this program has VERSION\n"), "{shown}");
        assert_eq!(output.status.code(), Some(0), "its rows are those of the log");
        let status = printed(&run(&store, &["status"]), &store);
        let stale = "\
  version     0000002a
              STALE: this program's projection is version VERSION; the projector makes the read model anew when it \
                     starts, or run `retrace rebuild`
";
        assert!(status.contains(stale), "{status}");
        assert!(run(&store, &["rebuild"]).status.success());
        let status = printed(&run(&store, &["status"]), &store);
        assert!(!status.contains("STALE") && status.contains("  version     VERSION\n"), "{status}");
    }
}

#[test]
fn status_shows_everything_at_a_glance() {
    for store in stores() {
        commit(&store, |head| {
            let command = testkit::command("c1", "customer", kernel::Intent::Delete { id: "x".into() });
            let parked =
                |reason: &str, position: &str| Parked::now("saga/crm", "order", position.parse().unwrap(), reason);
            let reasons = (1..=7).map(|n| parked("no order", &format!("{n}-0")));
            let to = Checkpoint { number: kernel::Number(143), ..head };
            Commit {
                enqueue: vec![Enqueue { command, service: "customer-service".into(), idempotency: None }],
                park: reasons.collect(),
                advance: Some(Advance {
                    consumer: "saga/late".into(),
                    holder: Holder::Taking("somebody".into()),
                    from: Checkpoint::default(),
                    to,
                }),
                ..Commit::default()
            }
        });
        assert!(run(&store, &["rebuild"]).status.success());
        let output = run(&store, &["status"]);
        let expected = "\
domain        ordershop
store         STORE
head          1795341913-640795 (event 145), 2026-11-22T10:05:13.640795Z
read model    MODEL
  generation  3
  position    1795341913-640795 (event 145), 2026-11-22T10:05:13.640795Z, at the head
  digest      89b2ed77d2456a5b6b8e109e9a791831
  version     VERSION
  kept        generation 2, 1795341913-640795 (event 145), 2026-11-22T10:05:13.640795Z; `retrace rebuild --rollback` goes back to it
timeline      none has been made yet; what was is told from the log
consumer      saga/crm             at the head
consumer      saga/inventory       at the head
consumer      saga/late            2 events behind
consumer      saga/order           at the head
consumer      saga/shipping        at the head
queue         billing-service      0 waiting, 0 claimed, 0 dead
queue         cart-service         0 waiting, 0 claimed, 0 dead
queue         customer-service     1 waiting, 0 claimed, 0 dead
queue         inventory-service    0 waiting, 0 claimed, 0 dead
queue         mail-service         0 waiting, 0 claimed, 0 dead
queue         order-service        0 waiting, 0 claimed, 0 dead
queue         product-service      0 waiting, 0 claimed, 0 dead
queue         shipping-service     0 waiting, 0 claimed, 0 dead
dead letters  0
parked        7
              saga/crm: order 1-0: no order
              saga/crm: order 2-0: no order
              saga/crm: order 3-0: no order
              saga/crm: order 4-0: no order
              saga/crm: order 5-0: no order
              and 2 more
";
        assert_eq!(printed(&output, &store), expected);
        assert_eq!((output.status.code(), talk(&output).as_str()), (Some(0), ""));
        let document: Value = serde_json::from_slice(&run(&store, &["status", "--json"]).stdout).unwrap();
        assert_eq!((&document["head"]["number"], &document["read_model"]["lag"]), (&145.into(), &0.into()));
        assert_eq!((&document["parked"], &document["queues"][2]["waiting"]), (&7.into(), &1.into()));
        assert_eq!(document["read_model"]["generations"][0]["stage"], "kept");
    }
}

#[test]
fn a_generation_in_the_making_is_shown_with_its_plan() {
    for store in stores() {
        let (url, namespace) = store.location().unwrap();
        block_on(async {
            let model = ReadModel::open(&url, &namespace).await.unwrap();
            model.begin(7, r#"{"to":"5-0"}"#).await.unwrap();
            let progress = projector::rebuild::Progress { generation: 7, fraction: 0.5, ..Default::default() };
            let progress = projector::rebuild::Progress { phase: projector::rebuild::Phase::Read, ..progress };
            model.tell(Some(&serde_json::to_string(&progress).unwrap())).await;
        });
        let status = printed(&run(&store, &["status"]), &store);
        let expected = "  building    generation 7, before the first event; unless it is under way, the same rebuild goes on with \
                        it\n              \
                        plan {\"to\":\"5-0\"}\n  under way   rebuild of generation 7: read  50 %, 0 events, 0/s\n";
        assert!(status.contains(expected), "{status}");
    }
}

#[test]
fn a_store_in_use_is_audited_and_shown_all_the_same() {
    let store = Store::sqlite();
    let up = store.up();
    up.http().create("/customer", &serde_json::json!({"name": "Ann", "email": "ann@shop.example"}));
    let status = run(&store, &["status"]);
    assert_eq!((status.status.code(), talk(&status).as_str()), (Some(0), ""));
    assert!(printed(&status, &store).contains("\n  generation  1\n"), "{}", printed(&status, &store));
    assert!(
        printed(&status, &store).contains("\ntimeline      STORE.timeline\n  position    "),
        "{}",
        printed(&status, &store)
    );
    let audit = run(&store, &["audit"]);
    assert_eq!((audit.status.code(), talk(&audit).as_str()), (Some(0), ""));
    assert!(up.stop().success());
}

#[test]
fn a_store_without_a_read_model_is_not_given_one() {
    let store = Store::sqlite();
    store.import(&history());
    let output = run(&store, &["audit"]);
    let i5 = "  I5 progress  4 checkpoints, none ahead of the log or of another epoch\n";
    assert_eq!(printed(&output, &store), format!("no read model\n  none has been made of this log\n{LOG}{i5}"));
    assert_eq!(output.status.code(), Some(0));
    assert!(printed(&run(&store, &["status"]), &store).contains("read model    none has been made yet\n"));
    let Store::Sqlite(folder) = &store else { unreachable!() };
    assert!(!folder.path().join("ordershop.db.model").exists());

    let redis = Store::redis();
    redis.import(&history());
    let output = run(&redis, &["audit"]);
    let empty = "read model MODEL\n  verdict      empty, nobody has written to it yet\n";
    let i5 = i5.replace('4', "5");
    assert_eq!(printed(&output, &redis), format!("{empty}{LOG}{i5}"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_place_that_is_not_there_is_an_error_and_is_not_made() {
    let store = Store::sqlite();
    store.import(&history());
    let Store::Sqlite(folder) = &store else { unreachable!() };
    let missing = folder.path().join("no.model");
    let place = format!("sqlite:{}", missing.display());
    let output = run(&store, &["audit", "--model", &place]);
    assert_eq!(output.status.code(), Some(69));
    let said = format!("retrace: store sqlite://{} is unavailable: there is no such file\n", missing.display());
    assert_eq!(talk(&output), said);
    assert!(!missing.exists());

    let output = run(&store, &["audit", "--model", "memory"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(talk(&output).contains("a read model in memory ends with the process that made it; name redis"));
    let output = run(&store, &["audit", "--model", "redis"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(talk(&output), "retrace: which Redis? set REDIS_URL, or say --model redis://HOST\n");

    for subcommand in ["audit", "status"] {
        let nowhere = Store::sqlite();
        let output = run(&nowhere, &[subcommand]);
        assert_eq!(output.status.code(), Some(69));
        assert!(talk(&output).contains("there is no such file"), "{}", talk(&output));
        let Store::Sqlite(folder) = &nowhere else { unreachable!() };
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_model_elsewhere_is_held_against_the_log_and_against_an_export_of_it() {
    for store in stores() {
        let folder = tempfile::tempdir().unwrap();
        let place = format!("sqlite:{}", folder.path().join("other.model").display());
        assert!(run(&store, &["rebuild", "--into", &place]).status.success());
        let output = run(&store, &["audit", "--json", "--model", &place]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let digests: Vec<_> = document["models"].as_array().unwrap().iter().map(|model| &model["digest"]).collect();
        assert_eq!((output.status.code(), digests), (Some(0), vec![&Value::from(DIGEST); 2]));

        let export = folder.path().join("export.jsonl");
        assert!(run(&store, &["export", "--output", export.to_str().unwrap()]).status.success());
        let output = Retrace::run(&["audit", "--store", export.to_str().unwrap(), "--model", &place]);
        assert_eq!((output.status.code(), talk(&output).as_str()), (Some(0), ""));
    }
}
