use super::*;

const FIRST: &str =
    r#"{"stream":"events:order","id":"5-1","fields":{"event_id":"a","event_action":"x","event_data":"{}"}}"#;

fn reading(text: &str) -> Result<Vec<Entry>, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.jsonl");
    std::fs::write(&path, text).unwrap();
    read(&path)
}

#[track_caller]
fn corrupt(line: &str, expected_at: &str, expected: &str) {
    match reading(&format!("{FIRST}\n{line}")) {
        Err(StoreError::Corrupt { at, reason, .. }) => {
            assert_eq!(at, expected_at);
            assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
        }
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_line_that_is_no_entry_is_named_with_the_reason() {
    corrupt(&FIRST[..40], "line 2", "EOF while parsing");
    corrupt("\n", "line 2", "EOF while parsing");
    corrupt("7", "line 2", "invalid type");
    corrupt(&FIRST.replace("5-1", "5"), "line 2", "\"5\" is not a position");
    corrupt(&FIRST.replace("events:order", "order"), "line 2", "stream \"order\" is not named events:<topic>");
    corrupt(&FIRST.replace("event_action", "action"), "line 2", "missing field `event_action`");
    corrupt(&FIRST.replace("\"id\"", "\"more\":1,\"id\""), "line 2", "unknown field `more`");
    corrupt(FIRST, "line 2", "position 5-1 of topic order stands in line 1 already");
}

#[test]
fn lines_come_out_in_log_order_and_ties_by_topic() {
    let line = |topic: &str, id: &str| FIRST.replace("order", topic).replace("5-1", id);
    let text = [line("order", "5-3"), line("order", "6-0"), line("b", "5-10"), line("a", "5-10"), line("cart", "5-2")]
        .join("\n");
    let read: Vec<_> =
        reading(&text).unwrap().iter().map(|entry| format!("{} {}", entry.position(), entry.topic())).collect();
    assert_eq!(read, ["5-2 cart", "5-3 order", "5-10 a", "5-10 b", "6-0 order"]);
}

#[test]
fn an_entry_with_unreadable_extras_is_junk_that_keeps_its_place() {
    let text = FIRST.replace("\"event_id\"", "\"event_number\":\"7\",\"event_meta\":\"{\",\"event_id\"");
    match reading(&text).unwrap().remove(0) {
        Entry::Junk(junk) => {
            assert_eq!((junk.position, junk.number), (Position::new(5, 1), Some(Number(7))));
            assert!(junk.reason.starts_with("event_meta can't be read"), "{}", junk.reason);
        }
        Entry::Event(event) => panic!("{event:?}"),
    }
}

#[test]
fn a_line_written_reads_back_as_the_same_event() {
    let text = FIRST
        .replace("\"event_id\"", "\"event_number\":\"7\",\"event_meta\":\"{\\\"cause\\\":\\\"c\\\"}\",\"event_id\"");
    for text in [FIRST.to_owned(), text] {
        let read = reading(&text).unwrap();
        let Entry::Event(event) = &read[0] else { panic!("{read:?}") };
        assert_eq!(reading(&write_line(event)).unwrap(), read);
    }
}
