//! The reader of what a Redis server answers.

use std::cell::RefCell;

use runtime::wire::{Malformed, Page};

use crate::{bounded, fuzz};

/// What came of an answer that arrived in parts of a size: whether it was whole, and its entries.
type Read = Result<(bool, Vec<String>), Malformed>;

fn read(page: &mut Page, answer: &[u8], at_a_time: usize) -> Read {
    page.clear();
    let (mut whole, mut arrived) = (false, 0);
    while arrived < answer.len() {
        if whole {
            return Err(Malformed::Unexpected { at: arrived, wanted: "end" });
        }
        let part = &answer[arrived..(arrived + at_a_time).min(answer.len())];
        page.room()[..part.len()].copy_from_slice(part);
        arrived += part.len();
        whole = page.arrived(part.len())?;
        assert_eq!(page.size(), arrived);
    }
    Ok((whole, (0..page.len()).map(|index| format!("{:?}", page.seen(index, "topic").unwrap())).collect()))
}

fn check(page: &mut Page, answer: &[u8]) -> String {
    let at_once = bounded(answer, 64, || read(page, answer, usize::MAX));
    // Byte by byte takes long with a long entry, which is looked at again from its beginning each time.
    let least = if answer.len() <= 256 { 1 } else { 16 };
    for at_a_time in [least, least + answer.iter().fold(0, |sum, byte| sum ^ usize::from(*byte)) % 61, 97] {
        assert_eq!(read(page, answer, at_a_time), at_once, "{at_a_time} bytes at a time");
    }
    if let Err(Malformed::Unexpected { at, .. }) = at_once {
        assert!(at < answer.len(), "the byte that is named is there");
    }
    match at_once {
        Err(error) => error.to_string(),
        Ok((whole, entries)) => format!("{whole} {}", entries.join(" ")),
    }
}

#[test]
fn an_answer_of_the_server_reads_the_same_however_it_is_cut() {
    let words = ["*", "$", "-", "\r\n", "*2\r\n", "*10\r\n", "$8\r\nevent_id\r\n", "$12\r\nevent_action\r\n"];
    let more = ["$10\r\nevent_data\r\n", "$12\r\nevent_number\r\n", "$10\r\nevent_meta\r\n", "$3\r\n1-1\r\n", "\u{e4}"];
    // In a debug build the room for what arrives takes longer to make than to fill.
    let page = RefCell::new(Page::default());
    fuzz("wire").words(&words).words(&more).run(|answer| check(&mut page.borrow_mut(), answer));
}
