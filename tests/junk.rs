//! Row 15: junk written straight into a stream is set aside with topic, position and reason; everything else goes on,
//! and memory stays bounded.

use crate::common::{
    Process, Store,
    process::talk,
    shop::{cart, customer, stocked, until_order_is},
    until,
};
use kernel::{CREATED, Position};
use serde_json::{Value, json};
use testkit::RedisServer;

/// A field of 64 MB, as no commit makes one.
const HUGE: usize = 64 << 20;

/// Long enough not to be read.
const LONG: usize = (16 << 20) + 1;

/// How much memory a process with everything in it may have had at most, with such a field in its log: a page that
/// holds it is read by up to eight at a time when everything begins, and is twice as large while it arrives.
const MOST_MEMORY: u64 = 1 << 30;

/// The fields of an entry, and why it can't be read.
type Junk = (Vec<(&'static str, Vec<u8>)>, String);

/// What is written.
fn junk() -> Vec<Junk> {
    let event = |data: &[u8]| {
        vec![("event_id", b"f".to_vec()), ("event_action", CREATED.as_bytes().to_vec()), ("event_data", data.to_vec())]
    };
    let order = br#"{"entity_id":"o","cart_id":"c","status":"CREATED"}"#;
    let mut shouted = event(order);
    shouted[1].1 = b"order_shouted".to_vec();
    let mut newer = event(order);
    newer.push(("event_meta", br#"{"schema":9}"#.to_vec()));
    let mut whole = event(order);
    whole.push(("event_meta", vec![b'x'; LONG]));
    let long = |name: &str, length: usize| format!("{name} is {length} bytes long; at most 16777216 are read");
    vec![
        (event(b"{"), "not a JSON object: EOF while parsing an object at line 1 column 1".into()),
        (event(b"\xff{}"), "event_data is no UTF-8: invalid utf-8 sequence of 1 bytes from index 0".into()),
        (vec![("hello", b"world".to_vec())], "event_id is missing".into()),
        (shouted, "unknown action order_shouted; order knows entity_created, entity_updated, entity_deleted".into()),
        (newer, "event format 9 is newer than 1, the newest known here".into()),
        (event(&vec![b'x'; HUGE]), long("event_data", HUGE)),
        (whole, long("event_meta", LONG)),
    ]
}

/// Writes entries into the stream of orders as another program would, right behind the log's head.
fn write(store: &Store, up: &Process, entries: &[Junk]) -> Vec<Position> {
    let Store::Redis { namespace } = store else { panic!("{store:?}") };
    let client = redis::Client::open(RedisServer::shared().url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let head: Position = up.http().get("/api/v1/status")["head"]["position"].as_str().unwrap().parse().unwrap();
    let mut positions = Vec::new();
    for (place, (fields, _)) in entries.iter().enumerate() {
        let position = Position::new(head.ms() + 1, place as u64);
        let mut add = redis::cmd("XADD");
        add.arg(format!("{{{namespace}}}:events:order")).arg(position.to_string());
        for (name, value) in fields {
            add.arg(*name).arg(value.as_slice());
        }
        add.query::<String>(&mut connection).unwrap();
        positions.push(position);
    }
    positions
}

/// The most memory that a process has had, in bytes.
fn peak(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() << 10
}

/// An order from nothing to its end.
fn order(up: &Process, name: &str) {
    let product = stocked(up.http(), 100, 5);
    let cart = cart(up.http(), &customer(up.http(), name), &[&product]);
    let http = up.http();
    let order = http.create("/order", &json!({"cart_id": cart})).remove(0);
    until_order_is(http, &order, "IN_STOCK");
    http.create("/billing", &json!({"order_id": order, "amount": 100}));
    let mut shipping = until("there is a shipping", || {
        let all = http.get("/shippings");
        all.as_array().unwrap().iter().find(|shipping| shipping["order_id"] == order).cloned()
    });
    shipping["delivered"] = json!(1_795_341_913);
    http.put(&format!("/shipping/{}", shipping["entity_id"].as_str().unwrap()), &shipping);
    until_order_is(http, &order, "DELIVERED");
}

/// All that is set aside: consumer, position and reason.
fn parked(up: &Process) -> Vec<(String, String, String)> {
    let page = up.http().get("/api/v1/parked?limit=500");
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(page["count"], entries.len());
    assert!(entries.iter().all(|entry| entry["topic"] == "order" && entry["attempts"] == 1), "{page:#}");
    entries.iter().map(|entry| (text(entry, "consumer"), text(entry, "position"), text(entry, "reason"))).collect()
}

#[test]
fn junk_in_a_stream_is_set_aside_in_sight_and_the_rest_goes_on() {
    let store = Store::redis();
    let up = store.up();
    order(&up, "ada");
    let junk = junk();
    let positions = write(&store, &up, &junk);
    // Everybody who reads orders says so.
    let mut expected = Vec::new();
    for consumer in ["projector", "saga/crm", "saga/inventory", "saga/order", "saga/shipping"] {
        for (position, (_, reason)) in positions.iter().zip(&junk) {
            expected.push((consumer.to_owned(), position.to_string(), reason.clone()));
        }
    }
    until("everybody has set aside what was written", || (parked(&up).len() >= expected.len()).then_some(()));
    assert_eq!(parked(&up), expected);
    order(&up, "bea");
    assert_eq!(parked(&up), expected, "only what can't be read is set aside");
    assert_eq!(up.http().get("/api/v1/status")["parked"], expected.len());
    let output = store.command(&["parked", "list", "--limit", "1"]).env("RETRACE_LOG", "off").output().unwrap();
    let first = format!("projector  {}  order: {}\nand {} more\n", positions[0], junk[0].1, expected.len() - 1);
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), first, "{}", talk(&output));
    let running = peak(&up);
    println!("{} MiB at most while it came", running >> 20);
    assert!(running < MOST_MEMORY, "{} MiB", running >> 20);
    up.kill();

    // Whoever begins again reads past it again, and sets it aside no second time.
    let up = store.up();
    order(&up, "cleo");
    assert_eq!(parked(&up), expected);
    let restarted = peak(&up);
    println!("{} MiB at most after a restart", restarted >> 20);
    assert!(restarted < MOST_MEMORY, "{} MiB", restarted >> 20);
}
