//! Row 23: SIGTERM under load.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::{
    common::{Http, Store, invariants, until},
    torturing::{victim::Victim, world},
};

fn run(store: &Store, role: &str, fault: Option<&str>) -> Victim {
    Victim::start(store.command(&["run", role]).args(["--listen", "127.0.0.1:0"]), fault)
}

fn ann(http: &Http, name: &str) -> u16 {
    let body = json!({"name": name, "email": "ann@shop.example"}).to_string();
    http.send_with("POST", "/customer", &body, &[("idempotency-key", name)]).status
}

/// What hangs on the gateway is a request whose command nobody takes.
fn asked<'s>(scope: &'s std::thread::Scope<'s, '_>, http: &Http) -> std::thread::ScopedJoinHandle<'s, Option<u16>> {
    let http = http.clone();
    let body = json!({"name": "Ann", "email": "ann@shop.example"}).to_string();
    scope.spawn(move || http.try_send("POST", "/customer", &body, &[]).ok().map(|answer| answer.status))
}

#[test]
fn a_gateway_is_not_ready_any_more_and_answers_what_it_was_asked() {
    let store = Store::redis();
    let _projector = store.roles(&["projector"]);
    let mut gateway = run(&store, "gateway", None).up();
    let http = gateway.http();
    assert_eq!(http.try_get("/readyz").body, json!({"ready": true, "reasons": []}));
    std::thread::scope(|scope| {
        let asked = asked(scope, &http);
        until("the command waits", || {
            let queues = http.get("/api/v1/queues");
            queues.as_array().unwrap().iter().any(|queue| queue["waiting"] == 1).then_some(())
        });
        gateway.terminate();
        let reason = until("it is not ready", || {
            let ready = Http::new(&http.base).try_get("/readyz");
            (ready.status == 503).then_some(ready.body)
        });
        assert_eq!(reason, json!({"ready": false, "reasons": ["the gateway is stopping"]}));
        assert_eq!(Http::new(&http.base).try_get("/customers").status, 503, "new requests are turned away");
        let _services = run(&store, "services", None).up();
        assert_eq!(asked.join().unwrap(), Some(200), "what was asked before is answered");
        assert_eq!(gateway.ends().code(), Some(0), "{}", gateway.said());
    });
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let store = Store::redis();
    let mut gateway = run(&store, "gateway", None).up();
    let http = gateway.http();
    std::thread::scope(|scope| {
        let asked = asked(scope, &http);
        until("the command waits", || {
            let queues = http.get("/api/v1/queues");
            queues.as_array().unwrap().iter().any(|queue| queue["waiting"] == 1).then_some(())
        });
        gateway.terminate();
        until("it is stopping", || (Http::new(&http.base).try_get("/readyz").status == 503).then_some(()));
        gateway.terminate();
        assert_eq!(gateway.ends().code(), Some(1));
        gateway.says("stopped at once, by a second signal");
        assert_eq!(asked.join().unwrap(), None, "nobody answered");
    });
}

/// What is claimed, waits and is dead, of all services.
fn queues(store: &Store) -> [u64; 3] {
    let output = store.command(&["status", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    ["claimed", "waiting", "dead"]
        .map(|what| status["queues"].as_array().unwrap().iter().map(|queue| queue[what].as_u64().unwrap()).sum())
}

#[test]
fn services_hand_their_claims_back_at_once_and_others_go_on() {
    let store = Store::redis();
    let front = store.roles(&["gateway", "sagas", "projector"]);
    let http = front.http();
    let stop = AtomicBool::new(false);
    let created = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut created = 0;
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(ann(http, &format!("{client}-{created}")), 200);
                        created += 1;
                    }
                    created
                })
            })
            .collect();
        for round in 0..5 {
            let before = http.get("/api/v1/status")["head"]["number"].as_u64().unwrap();
            // Told to stop with claims in its hands, the first of which it has just got.
            let mut services = run(&store, "services", Some(&format!("worker.claimed:{}:freeze", 1 + 3 * round)));
            services.freezes();
            services.terminate();
            services.thaw();
            assert_eq!(services.ends().code(), Some(0), "{}", services.said());
            let [claimed, _, dead] = queues(&store);
            assert_eq!([claimed, dead], [0, 0], "handed back, without waiting for a lease to run out");
            assert!(http.get("/api/v1/status")["head"]["number"].as_u64().unwrap() >= before);
        }
        let services = run(&store, "services", None).up();
        stop.store(true, Ordering::Relaxed);
        let created: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
        assert!(!services.said().contains("taken back"), "nobody had to wait for a lease: {}", services.said());
        let log = invariants::at_rest(&store, http);
        assert_eq!(log.iter().filter(|event| &*event.topic == "customer").count(), created);
        assert_eq!(log.len(), 2 * created, "each was welcomed once");
        created
    });
    println!("{created} commands over five stops");
    world::audited(&store);
}

#[test]
fn up_stops_under_load_with_exit_0_and_loses_nothing() {
    let store = Store::sqlite();
    let up = || Victim::start(store.command(&["up"]).args(["--listen", "127.0.0.1:0"]), None).up();
    let mut first = up();
    let http = first.http();
    let acknowledged: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let http = http.clone();
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    for count in 0.. {
                        let body = json!({"name": format!("{client}-{count}"), "email": "a@b"}).to_string();
                        let answer = http.try_send("POST", "/customer", &body, &[]).ok();
                        match answer.filter(|answer| answer.status == 200) {
                            Some(answer) => acknowledged.push(answer.body["result"][0].as_str().unwrap().to_owned()),
                            None => break,
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        until("there is something to lose", || (http.get("/customers").as_array().unwrap().len() > 20).then_some(()));
        first.terminate();
        assert_eq!(first.ends().code(), Some(0), "{}", first.said());
        // Who decides what was asked ends after those who were asked.
        assert!(!first.said().contains("cut off"), "{}", first.said());
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let second = up();
    let log = invariants::at_rest(&store, &second.http());
    invariants::acknowledged(&log, &second.http(), &acknowledged, &[]);
    world::audited(&store);
}
