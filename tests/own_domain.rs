//! A domain that is not the shop, run by the binary of `examples/hotel.rs`.

use std::{path::Path, process::Command};

use crate::common::{Http, Process, Store, until};
use serde_json::{Value, json};

/// The hotel's binary, which is built with all tests.
fn hotel() -> Command {
    let built = Path::new(env!("CARGO_BIN_EXE_retrace")).with_file_name("examples").join("hotel");
    assert!(built.exists(), "there is no {}; build it with `cargo build --example hotel`", built.display());
    let mut command = Command::new(built);
    command.env_remove("REDIS_URL").env_remove("RETRACE_TOKEN").env_remove("RETRACE_LOG");
    command
}

fn up(store: &Store) -> Process {
    Process::start(hotel().args(["up", "--listen", "127.0.0.1:0"]).args(store.args()))
}

fn create(http: &Http, path: &str, body: &Value) -> String {
    http.create(path, body).remove(0)
}

/// A hotel with one room and one guest: their ids.
fn opened(http: &Http) -> (String, String) {
    let room = create(http, "/room", &json!({ "name": "Blue", "price": 90 }));
    let guest = create(http, "/guest", &json!({ "name": "Ann", "email": "ann@hotel.example" }));
    (room, guest)
}

fn state(http: &Http, room: &str) -> Value {
    http.get(&format!("/room/{room}"))["state"].clone()
}

#[test]
fn the_page_holds_the_program_that_runs_here() {
    let page = include_str!("../docs/own-domain.md");
    let (_, rest) = page.split_once("```rust,no_run\n").unwrap();
    let (program, _) = rest.split_once("```\n").unwrap();
    assert_eq!(program, include_str!("../examples/hotel.rs"));
}

#[test]
fn a_stay_takes_its_room_and_ends_with_a_bill() {
    let (store, end) = (Store::sqlite(), json!("OVER"));
    let hotel = up(&store);
    let http = hotel.http();
    let (room, guest) = opened(http);
    let blue = json!({ "entity_id": room, "name": "Blue", "price": 90, "state": "READY" });
    assert_eq!(http.get("/rooms/free"), json!([blue]));

    let mut stay = json!({ "guest_id": guest, "room_id": room, "nights": 3 });
    let id = create(http, "/stay", &stay);
    until("the room is taken", || (state(http, &room) == "TAKEN").then_some(()));
    assert_eq!(http.get("/rooms/free"), json!([]));

    stay["status"] = end;
    assert_eq!(http.put(&format!("/stay/{id}"), &stay), json!(true));
    until("the room is to be cleaned", || (state(http, &room) == "TO_CLEAN").then_some(()));
    let bills = until("the bill is sent", || Some(http.get("/bills/sent")).filter(|bills| bills[0].is_object()));
    let bill: Value = serde_json::from_str(bills[0]["event_data"].as_str().unwrap()).unwrap();
    let text = "Dear Ann, 3 nights are € 270. Come again!";
    assert_eq!(bill, json!({ "recipient": "ann@hotel.example", "text": text }));
    assert!(hotel.stop().success());
    assert_eq!(state(up(&store).http(), &room), "TO_CLEAN", "after a restart");
}

#[test]
fn rules_of_the_hotel_and_of_the_kernel_are_kept() {
    let store = Store::sqlite();
    let hotel = up(&store);
    let http = hotel.http();
    let (room, guest) = opened(http);
    let stay = |room: &str, nights: i64| json!({ "guest_id": guest, "room_id": room, "nights": nights });
    let refused = |path: &str, body: &Value| {
        let answer = http.send("POST", path, &body.to_string());
        (answer.error().0, answer.error().1.to_owned(), answer.body["field"].clone())
    };
    let no = |sentence: &str, field: &str| (422, sentence.to_owned(), json!(field));
    assert_eq!(refused("/stay", &stay(&room, 0)), no("a stay has at least one night", "nights"));
    assert_eq!(refused("/stay", &stay("x", 1)), no("room_id names room x, which does not exist", "room_id"));
    assert_eq!(refused("/room", &json!({ "name": "", "price": 1 })), no("name must not be empty", "name"));

    let id = create(http, "/stay", &stay(&room, 1));
    assert_eq!(refused("/stay", &stay(&room, 1)), no("room Blue is not free", "room_id"));
    let kept = http.send("DELETE", &format!("/stay/{id}"), "");
    assert_eq!(kept.error(), (422, "a stay is kept, even when it is over"));
}

#[test]
fn of_many_who_ask_for_a_room_at_once_one_gets_it() {
    let store = Store::sqlite();
    let hotel = up(&store);
    let http = hotel.http();
    let (room, guest) = opened(http);
    let stay = json!({ "guest_id": guest, "room_id": room, "nights": 1 }).to_string();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || http.send("POST", "/stay", &stay).status;
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(200), count(422)), (1, 15), "{answers:?}");
    assert_eq!(http.get("/stays").as_array().unwrap().len(), 1);
}

#[test]
fn nothing_of_the_shop_is_there() {
    let store = Store::sqlite();
    let hotel_up = up(&store);
    assert!(hotel_up.said.iter().any(|line| line == "hotel is up"), "{:?}", hotel_up.said);
    let http = hotel_up.http();
    for path in ["/customers", "/orders", "/order/1", "/report", "/mails/sent"] {
        assert_eq!(http.try_get(path).status, 404, "{path}");
    }
    let described = http.try_get("/openapi.json").body.to_string();
    assert!(described.contains("/rooms/free"));
    for word in ["order", "cart", "shop", "mail"] {
        assert!(!described.contains(&format!("/{word}")), "{word}");
    }
    let demo = hotel().args(["demo", "--url", &http.base]).output().unwrap();
    let message = String::from_utf8(demo.stderr).unwrap();
    assert_eq!(demo.status.code(), Some(64), "{message}");
    assert!(message.contains("hotel brings no simulated clients"), "{message}");
}
