//! Redis is killed, shut down and slow to come back, under load.

use testkit::{APPENDING, RedisServer};

use super::roles;
use crate::common::{Http, Store, until};
use crate::load::Shop;

/// How many clients order at the same time.
const CLIENTS: usize = 4;

/// How long loading takes, in microseconds.
const SLOW: u64 = 3_000_000;

/// Why the gateway calls itself not ready, or nothing while it is.
fn reasons(http: &Http) -> Option<Vec<String>> {
    let answer = http.try_get("/readyz");
    let reasons: Vec<String> = serde_json::from_value(answer.body["reasons"].clone()).unwrap();
    assert_eq!((answer.status == 200, &answer.body["ready"]), (reasons.is_empty(), &reasons.is_empty().into()));
    (!reasons.is_empty()).then_some(reasons)
}

/// Waits until the gateway is not ready because the store is away, for this reason among others.
fn until_away(http: &Http, url: &str, reason: &str) {
    until(&format!("it is not ready: {reason}"), || {
        let reasons = reasons(http)?;
        for told in &reasons {
            let about =
                ["the log can't be followed: ", "the log can't be reached: ", "the read model can't be reached: "];
            assert!(about.iter().any(|about| told.starts_with(about)), "{told}");
            assert!(told.contains(&format!("store {url} ")), "{told}");
        }
        reasons.iter().any(|told| told.contains(reason)).then_some(())
    });
}

#[test]
fn a_store_that_dies_under_load_and_comes_back_loses_nothing_and_doubles_nothing() {
    let mut server = RedisServer::start_with(APPENDING);
    let url = server.url();
    let store = Store::Url(url.clone());
    let processes = roles(&store);
    let http = processes[3].http();
    let shop = Shop::open(http);
    let promised = shop.during(CLIENTS, |load| {
        load.go_on(20);
        server.kill();
        until_away(http, &url, "is unavailable: ");
        server.restart_with(APPENDING);
        load.go_on(20);
        until("it is ready again", || reasons(http).is_none().then_some(()));

        server.shut_down();
        until_away(http, &url, "is unavailable: ");
        // Every command in the file takes a little: about three seconds in all, in which it can be asked thirty times.
        server.append(30 * 1_024);
        let delay = (SLOW / (server.commands_appended() + 1)).to_string();
        server.restart_with(&[APPENDING, &["--key-load-delay", &delay]].concat());
        until_away(http, &url, "it is still loading its data");
        load.go_on(20);
        until("it is ready again", || reasons(http).is_none().then_some(()));

        server.freeze();
        until_away(http, &url, "did not answer");
        server.thaw();
        load.go_on(20);
        until("it is ready again", || reasons(http).is_none().then_some(()));
    });
    println!("answers by status: {:?}", promised.answers);
    shop.check(&store, &promised);
    for process in processes {
        process.terminate();
        let (code, said) = process.ended_having_said();
        assert_eq!(code, Some(0));
        // Whoever reads it at night sees each outage begin and end, and not much else; a freeze may pass unnoticed.
        let [began, over] = ["WARN the log can't be followed error=", "WARN over: the log can't be followed attempts="]
            .map(|line| said.lines().filter(|told| told.contains(line)).count());
        assert!(began == over && (2..=9).contains(&began), "{began} outages, {over} over:\n{said}");
        assert!(said.lines().count() < 200, "{said}");
    }
}
