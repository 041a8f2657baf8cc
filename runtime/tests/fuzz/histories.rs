//! The reader of history files.

use kernel::{Domain, Entry};
use runtime::{
    StoreError,
    history::{read_bytes, write_line},
};

use crate::{bounded, fuzz};

fn check(domain: &Domain, input: &[u8]) -> String {
    match bounded(input, 64, || read_bytes(domain, "a.jsonl", input)) {
        Ok(entries) => {
            let event = |entry: &Entry| match entry {
                Entry::Event(event) => format!("{}\n", write_line(event)),
                Entry::Junk(junk) => panic!("taken: {junk:?}"),
            };
            let written: String = entries.iter().map(event).collect();
            assert_eq!(read_bytes(domain, "b.jsonl", written.as_bytes()).unwrap(), entries, "{written}");
            assert!(entries.is_sorted_by_key(Entry::position));
            format!("{} entries, {}", entries.len(), entries.iter().map(|entry| &**entry.topic()).collect::<String>())
        }
        Err(StoreError::Corrupt { url, at, reason }) => {
            assert_eq!(url, "a.jsonl");
            let lines = input.split_inclusive(|byte| *byte == b'\n').count();
            let line: usize = at.strip_prefix("line ").unwrap().parse().unwrap();
            assert!((1..=lines).contains(&line), "{at} of {lines}");
            assert!(reason.ends_with("; nothing was read; mend the line, or export the log again"), "{reason}");
            reason
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_history_is_read_as_it_is_written_or_refused_with_the_line() {
    let words =
        ["{\"stream\":\"events:account\",\"id\":\"", "\",\"fields\":{", "\"event_id\":\"", "\"event_action\":\""];
    let more =
        ["\"event_number\":\"7\"", "\"event_meta\":\"{}\"", "\"event_data\":\"{}\"", "}}\n", "\r\n", "\n", "\\\""];
    let last = ["\u{feff}", "events:", "17-3", "0-0", "\\u0000", "{\\\"schema\\\":2}", "entity_deleted"];
    let domain = testkit::bank::domain();
    fuzz("histories").words(&words).words(&more).words(&last).run(|input| check(&domain, input));
}
