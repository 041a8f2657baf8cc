use std::cell::RefCell;

use testkit::fuzz::Fuzz;

use super::*;
use crate::wire::Page;

/// What is read entry by entry is what is read where it stands.
fn check(page: &mut Page, answer: &[u8]) -> String {
    page.clear();
    for part in answer.chunks(1 << 16) {
        page.room()[..part.len()].copy_from_slice(part);
        match page.arrived(part.len()) {
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
    if !page.arrived(0).unwrap_or_default() {
        return "more is to come".to_owned();
    }
    let value = redis::parse_redis_value(answer).expect("the client can read it too");
    let read = entries(&"topic".into(), value).expect("a list of entries");
    let seen: Vec<_> =
        (0..page.len()).filter_map(|index| page.seen(index, "topic")).map(|seen| seen.to_entry()).collect();
    assert_eq!(read, seen);
    read.iter().map(|entry| if let Entry::Junk(junk) = entry { &junk.reason } else { "event " }).collect()
}

#[test]
fn both_readers_of_a_server_s_answer_read_the_same() {
    let words = ["*", "$", "-", "\r\n", "*2\r\n", "*10\r\n", "$8\r\nevent_id\r\n", "$12\r\nevent_action\r\n", "+7"];
    let more =
        ["$10\r\nevent_data\r\n", "$12\r\nevent_number\r\n", "$10\r\nevent_meta\r\n", "$3\r\n1-1\r\n", "$1\r\n{\r\n"];
    // In a debug build the room for what arrives takes longer to make than to fill.
    let page = RefCell::new(Page::default());
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/decoding");
    Fuzz::with(kept).words(&words).words(&more).run(|answer| check(&mut page.borrow_mut(), answer));
}
