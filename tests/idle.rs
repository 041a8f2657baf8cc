//! Very many clients of live events that only listen: what they cost, and that there is an end to them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

use common::{Http, Store, process::within_shell, until};
use serde_json::json;

/// How many clients there may be at most: `Settings::most_live`.
const MOST: usize = 10_000;

/// What a client may cost the gateway, in bytes, the system's buffers aside.
const COST: u64 = 64 << 10;

/// By how much the gateway may grow while they all are told of events, in bytes for each.
const GROWTH: u64 = 8 << 10;

/// How many events they are told of.
const TOLD: usize = 5;

fn clients() -> usize {
    if common::long() { MOST } else { 1_000 }
}

/// Bytes of memory that a process has.
fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Lets this process have as many connections as the system allows, which must be enough.
fn take_descriptors(least: usize) {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let hard: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(hard > least + 100, "{hard} files may be open at most, which is not enough for {least} clients");
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args([&format!("--nofile={hard}:{hard}"), "--pid", &pid]).status().unwrap();
    assert!(raised.success());
}

/// A client that follows the events from now on, or what it was answered instead.
fn follow(http: &Http) -> Result<TcpStream, String> {
    let address = http.base.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).unwrap();
    let ask = format!(
        "GET /ws HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(ask.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(socket.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    if head.starts_with("HTTP/1.1 101") { Ok(socket) } else { Err(head) }
}

/// Reads messages until this text has come.
fn read_until(socket: &mut TcpStream, text: &str) {
    let mut all = Vec::new();
    let mut bytes = [0; 4_096];
    while !String::from_utf8_lossy(&all).contains(text) {
        let length = socket.read(&mut bytes).unwrap();
        assert!(length > 0, "it was let go: {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&bytes[..length]);
    }
}

fn until_there_are(http: &Http, clients: usize) {
    let line = format!("retrace_live_clients{{kind=\"websocket\"}} {clients}");
    until(&format!("there are {clients} clients"), || {
        let metrics = http.try_get("/metrics").body;
        metrics.as_str().unwrap().lines().any(|found| found == line).then_some(())
    });
}

#[test]
fn clients_that_only_listen_cost_little_and_the_cost_stays() {
    let clients = clients();
    take_descriptors(clients);
    let store = Store::Memory;
    // As many as a shell grants at first: the gateway takes what it may have.
    let mut command = within_shell("ulimit -Sn 512", &store.command(&["up", "--listen", "127.0.0.1:0"]));
    let up = common::Process::start(&mut command);
    let http = up.http();
    http.create("/customer", &json!({"name": "first", "email": "f@shop.example"}));
    let before = memory(up.pid());
    let mut sockets: Vec<_> = (0..clients).map(|_| follow(http).unwrap()).collect();
    until_there_are(http, clients);
    let idle = memory(up.pid());
    for n in 0..TOLD {
        http.create("/customer", &json!({"name": format!("customer {n}"), "email": "c@shop.example"}));
    }
    let last = format!("customer {}\"", TOLD - 1);
    sockets.iter_mut().for_each(|socket| read_until(socket, &last));
    let told = memory(up.pid());
    let each = |bytes: u64| bytes / clients as u64;
    println!(
        "{clients} clients: {} KiB each, {} KiB each after {TOLD} events and their reactions; {} MiB in all",
        each(idle - before) >> 10,
        each(told.saturating_sub(before)) >> 10,
        told >> 20
    );
    assert!(each(idle - before) < COST, "{} bytes for each client", each(idle - before));
    assert!(each(told.saturating_sub(idle)) < GROWTH, "{} bytes more for each client", each(told - idle));
    if clients == MOST {
        let refusal = follow(http).unwrap_err();
        assert!(refusal.starts_with("HTTP/1.1 503") && refusal.contains("retry-after: 5"), "{refusal}");
    }
    drop(sockets);
    until_there_are(http, 0);
    assert!(up.stop().success());
}
