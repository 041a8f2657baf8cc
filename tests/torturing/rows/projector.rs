//! Rows 6 and 8: the projector dies in mid-batch, and two of them are on one read model.

use std::time::Duration;

use ::projector::ReadModel;
use serde_json::json;
use testkit::RedisServer;

use crate::{
    common::{self, Http, Store, invariants, until},
    rebuilding::whole,
    torturing::{victim::Victim, world},
};

/// Customers that come with one command.
const BATCH: usize = 150;

fn come(http: &Http) -> Result<u16, ureq::Error> {
    let ann = json!({"name": "Ann", "email": "ann@shop.example"});
    let batch = vec![ann; BATCH];
    http.try_send("POST", "/customers", &serde_json::to_string(&batch).unwrap(), &[]).map(|answer| answer.status)
}

async fn model(store: &Store) -> ReadModel {
    match store {
        Store::Sqlite(folder) => ReadModel::sqlite_reading(&folder.path().join("ordershop.db.model")).await.unwrap(),
        Store::Redis { namespace } => {
            let url = RedisServer::shared().url().parse().unwrap();
            ReadModel::redis(&url, &namespace.parse().unwrap()).await.unwrap()
        }
        Store::Url(_) | Store::Memory => unreachable!(),
    }
}

/// Rows and checkpoint stand at the same event: the digest is that of the rows, and both are those of a fresh fold.
fn one_cut(store: &Store) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, state) = runtime.block_on(async { whole(&model(store).await).await });
    world::audited(store);
    state.checkpoint.number.0
}

fn projector(store: &Store, fault: Option<&str>) -> Victim {
    Victim::start(store.command(&["run", "projector"]).env("RETRACE_LOG", "info"), fault)
}

/// Waits until nobody has anything left to do, and all that has happened shows; gives how many events there are.
fn shows_all(http: &Http) -> u64 {
    until("the read model shows all", || {
        let status = http.get("/api/v1/status");
        let none = |of: &str, what: &str| status[of].as_array().unwrap().iter().all(|one| one[what] == 0);
        let idle = none("queues", "waiting") && none("queues", "claimed") && none("consumers", "lag");
        let is_so = idle && status["read_model"]["lag"] == 0;
        (is_so && http.get("/api/v1/status")["head"] == status["head"])
            .then(|| status["head"]["number"].as_u64().unwrap())
    })
}

#[test]
fn dies_in_mid_batch_over_redis_and_rows_and_checkpoint_move_together() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "services", "sagas"]);
    let mut stood = 0;
    let usual = ["projector.folded:3", "projector.written:1"];
    let more = ["projector.folded:1", "projector.written:2", "projector.folded:8", "projector.written:8"];
    for fault in if common::long() { [&usual[..], &more].concat() } else { usual.to_vec() } {
        let mut first = projector(&store, Some(fault));
        until("it has died", || {
            assert_eq!(come(front.http()).unwrap(), 200);
            first.ended(Duration::from_millis(200))
        });
        first.dies();
        let stands = one_cut(&store);
        assert!(stands >= stood, "{fault}: it stood at {stood} and stands at {stands}");
        stood = stands;
    }
    let _last = projector(&store, None).up();
    let all = shows_all(front.http());
    assert_eq!(one_cut(&store), all);
}

#[test]
fn dies_in_mid_batch_over_a_file_and_rows_and_checkpoint_move_together() {
    let store = Store::sqlite();
    let up = |fault| Victim::start(store.command(&["up"]).args(["--listen", "127.0.0.1:0"]), fault);
    let mut stood = 0;
    for fault in ["projector.folded:2", "projector.uncommitted:1", "projector.uncommitted:3", "projector.written:2"] {
        let first = up(Some(fault));
        if let Some(address) = first.address() {
            let http = Http::new(&address);
            until("it has died", || come(&http).is_err().then_some(()));
        }
        first.dies();
        let stands = one_cut(&store);
        assert!(stands >= stood, "{fault}: it stood at {stood} and stands at {stands}");
        stood = stands;
    }
    let last = up(None).up();
    let all = shows_all(&last.http());
    assert_eq!(one_cut(&store), all);
}

#[test]
fn of_two_one_works_and_the_other_waits_and_one_that_comes_late_is_fenced() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "services", "sagas"]);
    let http = front.http();
    let see = |name: &str| {
        let ids = http.create("/customer", &json!({"name": name, "email": "a@shop.example"}));
        until("it shows", || (http.get(&format!("/customer/{}", ids[0]))["name"] == *name).then_some(()));
    };
    let first = projector(&store, Some("projector.folded:4:freeze")).up();
    see("ann");
    let second = projector(&store, None).up();
    second.says("another projector is at work; waiting for it to go");
    // Both live, and one of them works.
    assert!(!second.said().contains("going on from where it stands"));
    until("the first has frozen", || {
        assert_eq!(http.send("POST", "/customers", r#"[{"name":"Bob","email":"b@c"}]"#).status, 200);
        first.said().contains("the process freezes here").then_some(())
    });
    first.freezes();
    // The second takes over once the first's lease has run out.
    see("cy");
    // Nobody has anything to write any more, but for the first, who is late.
    invariants::at_rest(&store, http);
    let stood = http.get("/api/v1/status")["read_model"].clone();
    first.thaw();
    first.says("another projector has moved the read model; going on from where it stands");
    assert_eq!(http.get("/api/v1/status")["read_model"], stood, "its late write changed nothing");
    one_cut(&store);
    second.kill();
    see("dan");
    shows_all(http);
    one_cut(&store);
}
