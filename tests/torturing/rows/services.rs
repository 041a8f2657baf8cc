//! Rows 2 to 4: a worker dies with commands in its hands, dies after the commit, or sleeps past its lease. And of row
//! 9, that one waits for a store that goes away while it begins.

use serde_json::json;
use testkit::RedisServer;

use crate::{
    common::{Http, Store, invariants, until},
    torturing::{victim::Victim, world},
};

fn services(store: &Store, fault: Option<&str>) -> Victim {
    Victim::start(&mut store.command(&["run", "services"]), fault)
}

/// Creates a customer with a key of its own; gives the command's id.
fn create(http: &Http, name: &str) -> String {
    let body = json!({"name": name, "email": format!("{name}@shop.example")}).to_string();
    let answer = http.send_with("POST", "/customer", &body, &[("idempotency-key", name)]);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.headers["retrace-command"].to_str().unwrap().to_owned()
}

/// The names of the customers in the log, and how many mails they got.
fn names(store: &Store, http: &Http) -> (Vec<String>, usize) {
    let log = invariants::at_rest(store, http);
    let name = |event: &kernel::Event| {
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        data["name"].as_str().unwrap().to_owned()
    };
    let customers = log.iter().filter(|event| &*event.topic == "customer").map(name).collect();
    (customers, log.iter().filter(|event| &*event.topic == "mail").count())
}

/// How many workers have a lease.
fn leased(store: &Store) -> String {
    let Store::Redis { namespace } = store else { unreachable!() };
    RedisServer::shared().answer(&format!("ZCARD {{{namespace}}}:retrace:workers")).trim().to_owned()
}

#[test]
fn die_with_commands_in_their_hands_and_others_do_them_once() {
    for fault in ["worker.claimed:1", "worker.decided:1"] {
        let store = Store::redis();
        let front = store.roles(&["gateway", "sagas", "projector"]);
        let first = services(&store, Some(fault));
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| create(front.http(), "ann"));
            first.dies();
            assert_eq!(front.http().get("/api/v1/status")["head"]["number"], 0, "{fault}: nothing was committed");
            let second = services(&store, None).up();
            second.says("taken back from a worker that stopped answering");
            let command = asked.join().unwrap();
            assert_eq!(names(&store, front.http()), (vec!["ann".to_owned()], 1), "{fault}");
            let fate = front.http().get(&format!("/api/v1/commands/{command}"));
            assert_eq!(fate["status"], "done", "{fate}");
        });
        world::audited(&store);
    }
}

#[test]
fn die_after_the_commit_and_nothing_happens_twice() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "sagas", "projector"]);
    let first = services(&store, Some("worker.committed:1"));
    let command = create(front.http(), "ann");
    first.dies();
    let second = services(&store, None).up();
    until("the dead worker's lease has run out", || (leased(&store) == ":1").then_some(()));
    assert!(!second.said().contains("taken back"), "nothing was left in its hands: {}", second.said());
    // The client, who may not have heard, asks again.
    assert_eq!(create(front.http(), "ann"), command, "the same outcome");
    create(front.http(), "bob");
    assert_eq!(names(&store, front.http()), (vec!["ann".to_owned(), "bob".to_owned()], 2));
    world::audited(&store);
}

#[test]
fn freeze_past_their_lease_and_their_late_commit_is_refused() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "sagas", "projector"]);
    let frozen = services(&store, Some("worker.decided:1:freeze"));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| create(front.http(), "ann"));
        frozen.freezes();
        let second = services(&store, None).up();
        asked.join().unwrap();
        second.says("taken back from a worker that stopped answering");
        assert_eq!(names(&store, front.http()), (vec!["ann".to_owned()], 1));
        frozen.thaw();
        let refused = frozen.says("somebody else has it");
        assert!(refused.contains("no longer holds command"), "{refused}");
        assert_eq!(names(&store, front.http()), (vec!["ann".to_owned()], 1), "its late commit changed nothing");
        // It goes on as if nothing had been.
        second.kill();
        create(front.http(), "bob");
        assert_eq!(names(&store, front.http()), (vec!["ann".to_owned(), "bob".to_owned()], 2));
    });
    world::audited(&store);
}

#[test]
fn die_of_the_same_command_three_times_and_it_is_set_aside_until_somebody_requeues_it() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "sagas", "projector"]);
    let http = front.http();
    let command = http.post("/customers", &json!([{"name": "ann", "email": "ann@shop.example"}]));
    // Each takes it back from the one before, and then has it in its own hands.
    (0..3).for_each(|_| services(&store, Some("worker.claimed:1")).dies());
    let last = services(&store, None).up();
    last.says("taken back from a worker that stopped answering");
    let dead = "/api/v1/queues/customer-service/dead";
    let letters = http.get(dead);
    assert_eq!((letters.as_array().unwrap().len(), &letters[0]["failed_attempts"]), (1, &json!(3)), "{letters}");
    assert!(letters[0]["error"].as_str().unwrap().ends_with("stopped answering"), "{letters}");
    // The others go on.
    create(http, "bob");
    assert_eq!(http.post(&format!("{dead}/{}/requeue", command.as_str().unwrap()), &json!(null)), true);
    until("ann is there", || (http.get("/customers").as_array().unwrap().len() == 2).then_some(()));
    assert_eq!(names(&store, http), (vec!["bob".to_owned(), "ann".to_owned()], 2));
}

#[test]
fn begin_while_the_store_goes_away_and_wait_for_it() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes"]);
    let store = Store::Url(server.url());
    let front = store.roles(&["gateway", "sagas", "projector"]);
    let mut services = services(&store, Some("worker.begins:1:freeze"));
    services.freezes();
    server.kill();
    services.thaw();
    services.says("services can't begin");
    server.restart_with(&["--appendonly", "yes"]);
    until("ann is there", || {
        let body = json!({"name": "ann", "email": "ann@shop.example"}).to_string();
        let answer = front.http().send_with("POST", "/customer", &body, &[("idempotency-key", "ann")]);
        assert!([200, 409, 503, 504].contains(&answer.status), "{answer:?}");
        (answer.status == 200).then_some(())
    });
    assert_eq!(names(&store, front.http()), (vec!["ann".to_owned()], 1));
    services.terminate();
    assert_eq!(services.ends().code(), Some(0), "{}", services.said());
}
