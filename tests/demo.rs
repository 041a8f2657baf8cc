//! Simulated clients and measurements, run as a person would.

use std::process::{Child, Command, Output, Stdio};

use crate::common::{Http, Process, Retrace, Store, process::talk, until};
use serde_json::Value;
use testkit::RedisServer;

fn demo(http: &Http, args: &[&str]) -> Output {
    Retrace::run(&[&["demo", "--url", &http.base, "--seed", "1"], args].concat())
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", talk(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_demo_peoples_the_shop_and_nothing_fails() {
    let store = Store::sqlite();
    let shop = store.up();
    let figures = json(&demo(shop.http(), &["--requests", "400", "--rate", "1000", "--json"]));
    assert_eq!((&figures["requests"], &figures["failed"]), (&400.into(), &0.into()), "{figures}");
    assert!(figures["labels"]["place order"]["requests"].as_u64() > Some(5), "{figures}");
    assert_eq!(shop.http().get("/products").as_array().unwrap().len(), 24);
    let status = shop.http().get("/api/v1/status");
    assert_eq!(status["parked"], 0, "{status}");
    assert!(shop.stop().success());
}

#[test]
fn figures_come_as_a_table_and_nothing_is_drawn_where_there_is_no_terminal() {
    let store = Store::Memory;
    let shop = store.up();
    let output = demo(shop.http(), &["--for", "1s", "--shoppers", "2", "--rate", "50"]);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(table.lines().any(|line| line.starts_with("all ")), "{table}");
    assert!(!talk(&output).contains('\r'), "{}", talk(&output));
}

#[test]
fn a_gateway_that_is_not_there_is_named() {
    let output = Retrace::run(&["demo", "--url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(69));
    let said = talk(&output);
    assert!(said.starts_with("retrace: nothing answers at http://127.0.0.1:1: "), "{said}");
    assert!(said.trim_end().ends_with("; start a gateway with `retrace up`"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// A demo that has begun to do something.
fn begun(shop: &Process, args: &[&str]) -> Child {
    let mut demo = Retrace::command();
    demo.args(["demo", "--url", &shop.http().base]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let demo = demo.spawn().unwrap();
    until("the shop is stocked", || (!shop.http().get("/inventories").as_array().unwrap().is_empty()).then_some(()));
    demo
}

#[test]
fn requests_that_fail_make_the_demo_fail_once_it_is_through() {
    let store = Store::Memory;
    let shop = store.up();
    let demo = begun(&shop, &["--requests", "600", "--rate", "200"]);
    shop.kill();
    let output = demo.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", talk(&output));
    assert!(talk(&output).contains(" of 600 requests failed; the last one: "), "{}", talk(&output));
}

#[test]
fn ctrl_c_ends_a_demo_with_its_figures() {
    let store = Store::Memory;
    let shop = store.up();
    let demo = begun(&shop, &["--json"]);
    let interrupted = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let figures = json(&demo.wait_with_output().unwrap());
    assert!(figures["requests"].as_u64() > Some(0), "{figures}");
}

/// A measurement small enough for a test.
fn bench(args: &[&str]) -> Output {
    let small = ["bench", "http", "--seconds", "1", "--connections", "2", "--entities", "50", "--json"];
    Retrace::run(&[&small, args].concat())
}

#[test]
fn a_measurement_tells_every_figure() {
    let figures = json(&bench(&["--store", "memory:"]));
    for figure in ["/post/per_second", "/get_10/per_second", "/get_many/p99_ms", "/get_flatness", "/machine/cores"] {
        assert!(figures.pointer(figure).and_then(Value::as_f64) > Some(0.0), "{figure}: {figures}");
    }
    assert_eq!((&figures["topic"], &figures["peers"]["write"]), (&"customer".into(), &Value::Null));
    let in_stock = |reaction: &&Value| reaction["on"] == "order_created" && reaction["then"] == "order_updated";
    let reactions = figures["reactions"].as_array().unwrap();
    assert!(reactions.iter().find(in_stock).is_some_and(|reaction| reaction["count"].as_u64() > Some(0)), "{figures}");
}

#[test]
fn a_measurement_leaves_nothing_of_its_own_behind() {
    let server = RedisServer::start();
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    redis::cmd("SET").arg("{bench-of-mine}:kept").arg(1).exec(&mut connection).unwrap();
    let figures = json(&bench(&["--store", &server.url()]));
    assert!(figures["peers"]["write"]["per_second"].as_f64() > Some(0.0), "{figures}");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert_eq!(keys, ["{bench-of-mine}:kept"]);
}

#[test]
fn a_store_that_is_somebodys_is_not_measured_on() {
    let output = bench(&["--store", "sqlite://shop.db"]);
    assert_eq!(output.status.code(), Some(64));
    let sentence = "sqlite://shop.db is not measured on: give a redis:// URL, or nothing for an embedded store";
    assert!(talk(&output).contains(sentence), "{}", talk(&output));
}

/// Deciding a demo's log again, small enough for a test.
fn bench_replay(args: &[&str]) -> Output {
    Retrace::run(&[&["bench", "replay", "--events", "2000", "--rounds", "2", "--json"], args].concat())
}

#[test]
fn a_demos_log_is_decided_the_same_again_and_every_figure_is_told() {
    let figures = json(&bench_replay(&[]));
    assert_eq!((&figures["same"], &figures["unchecked"], &figures["seed"]), (&true.into(), &0.into(), &1.into()));
    assert!(figures["events"].as_u64() >= Some(2_000), "{figures}");
    for figure in [
        "/scan/events_per_second",
        "/scan/ms",
        "/verify/events_per_second",
        "/verify/runs_ms/1",
        "/verify_to_scan",
        "/driven_s",
        "/decisions",
        "/memory_before_bytes",
        "/memory_peak_bytes",
        "/rows/order",
        "/machine/cores",
    ] {
        assert!(figures.pointer(figure).and_then(Value::as_f64) > Some(0.0), "{figure}: {figures}");
    }
    assert!(figures["late"].is_u64() && figures["verify_cores"].is_f64(), "{figures}");
    assert_eq!((&figures["rows"]["product"], &figures["rows"]["mail"]), (&24.into(), &Value::Null), "{figures}");
}

#[test]
fn a_log_in_memory_ends_with_its_system_and_can_not_be_decided_again() {
    let output = bench_replay(&["--store", "memory:"]);
    assert_eq!(output.status.code(), Some(64));
    let sentence = "a log in memory is not asked from another process; give redis:// or nothing";
    assert!(talk(&output).contains(sentence), "{}", talk(&output));
}

#[test]
fn a_demos_log_in_redis_is_decided_the_same_again_and_nothing_of_it_stays() {
    let server = RedisServer::start();
    let figures = json(&bench_replay(&["--store", &server.url()]));
    assert_eq!((&figures["same"], &figures["unchecked"]), (&true.into(), &0.into()), "{figures}");
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert_eq!(keys, [""; 0]);
}
