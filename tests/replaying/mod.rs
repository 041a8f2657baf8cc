//! Histories from `fixtures/`, and the shop with other sagas.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "tests; each uses a part of this")]

use std::path::{Path, PathBuf};

use kernel::{Domain, Entry, Event};

/// A file of `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The events of a history.
pub fn events(name: &str) -> Vec<Event> {
    let event = |entry| match entry {
        Entry::Event(event) => event,
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    runtime::history::read(&fixture(name)).unwrap().into_iter().map(event).collect()
}

/// The histories that this program wrote, how many entries each has, and how many decisions can be made again.
pub const NATIVE: [(&str, u64, u64); 9] = [
    ("billing-deleted.jsonl", 54, 36),
    ("customer-deleted-after-update.jsonl", 30, 16),
    ("happy-path.jsonl", 51, 33),
    ("older-schema.jsonl", 31, 17),
    ("order-deleted.jsonl", 56, 26),
    ("ordershop-demo.jsonl", 979, 470),
    ("out-of-stock.jsonl", 30, 11),
    ("two-carts-racing.jsonl", 34, 12),
    ("worker-died.jsonl", 47, 21),
];

/// The shop with other sagas in place of its own.
pub fn shop(sagas: impl Fn(Domain) -> Domain) -> Domain {
    let shop = Domain::new("ordershop")
        .entity::<ordershop::Customer>()
        .entity::<ordershop::Product>()
        .entity::<ordershop::Inventory>()
        .entity::<ordershop::Cart>()
        .entity::<ordershop::Order>()
        .entity::<ordershop::Billing>()
        .entity::<ordershop::Shipping>()
        .journal::<ordershop::Mail>();
    sagas(shop)
}
