use proptest::prelude::*;

use super::*;

type Field<'f> = (&'f [u8], &'f [u8]);

/// An answer as a server writes it.
fn answer(entries: &[(&str, &[Field<'_>])]) -> Vec<u8> {
    fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend(format!("${}\r\n", bytes.len()).bytes());
        out.extend(bytes);
        out.extend(b"\r\n");
    }
    let mut out = format!("*{}\r\n", entries.len()).into_bytes();
    for (id, fields) in entries {
        out.extend(b"*2\r\n");
        bulk(&mut out, id.as_bytes());
        out.extend(format!("*{}\r\n", 2 * fields.len()).bytes());
        for (name, value) in *fields {
            bulk(&mut out, name);
            bulk(&mut out, value);
        }
    }
    out
}

/// Takes an answer in, so many bytes at a time.
fn page(answer: &[u8], at_a_time: usize) -> Result<(Page, bool), Malformed> {
    let mut page = Page::default();
    let mut whole = false;
    for part in answer.chunks(at_a_time.max(1)) {
        page.room()[..part.len()].copy_from_slice(part);
        whole = page.arrived(part.len())?;
    }
    Ok((page, whole))
}

fn seen(fields: &[Field<'_>]) -> String {
    let (page, whole) = page(&answer(&[("17-3", fields)]), usize::MAX).unwrap();
    assert!(whole);
    match page.seen(0, "order").unwrap() {
        Seen::Event(event) => format!(
            "{} {} {:?} {} {} {} {:?}",
            event.topic, event.position, event.number, event.id, event.action, event.data, event.meta.command
        ),
        Seen::Junk(junk) => format!("{} {} {:?}: {}", junk.topic, junk.position, junk.number, junk.reason),
    }
}

const ID: Field<'_> = (b"event_id", b"a");
const ACTION: Field<'_> = (b"event_action", b"x");
const DATA: Field<'_> = (b"event_data", b"{\"b\": \"\xc3\xa4\r\n\"}");
const NUMBER: Field<'_> = (b"event_number", b"7");

#[test]
fn the_fields_of_an_entry_are_found_in_any_order_and_of_a_name_given_twice_the_last_counts() {
    assert_eq!(seen(&[ID, ACTION, DATA]), "order 17-3 None a x {\"b\": \"ä\r\n\"} None");
    let meta: Field<'_> = (b"event_meta", br#"{"command":"c","more":1}"#);
    let fields = [meta, (b"more", b""), NUMBER, DATA, (b"event_id", b"z"), ACTION, ID];
    assert_eq!(seen(&fields), "order 17-3 Some(Number(7)) a x {\"b\": \"ä\r\n\"} Some(\"c\")");
}

#[test]
fn what_is_no_event_is_junk_that_keeps_its_place_and_says_why() {
    assert_eq!(seen(&[]), "order 17-3 None: event_id is missing");
    assert_eq!(seen(&[ID, DATA, NUMBER]), "order 17-3 Some(Number(7)): event_action is missing");
    assert_eq!(seen(&[ID, ACTION]), "order 17-3 None: event_data is missing");
    let wrong = "order 17-3 None: event_data is no UTF-8: invalid utf-8 sequence of 1 bytes from index 1";
    assert_eq!(seen(&[ID, ACTION, (b"event_data", b"a\xff")]), wrong);
    assert_eq!(seen(&[ID, ACTION, DATA, (b"event_number", b"x")]), "order 17-3 None: event_number is no number");
    let wrong = "order 17-3 Some(Number(7)): event_meta can't be read: EOF while parsing an object at line 1 column 1";
    assert_eq!(seen(&[ID, ACTION, DATA, NUMBER, (b"event_meta", b"{")]), wrong);
}

#[test]
fn an_answer_that_is_no_list_of_entries_is_named_with_the_byte() {
    let refused = |answer: &[u8]| page(answer, usize::MAX).unwrap_err().to_string();
    assert_eq!(refused(b"-NOAUTH Authentication required.\r\n"), "NOAUTH Authentication required.");
    assert_eq!(refused(b"+OK\r\n"), "byte 0 of the answer is not the length of a list that should stand there");
    assert_eq!(refused(b"*-1\r\n"), "byte 1 of the answer is not the length of a list that should stand there");
    assert_eq!(
        refused(b"*1\r\n*3\r\n"),
        "byte 4 of the answer is not the list of an entry's two parts that should stand there"
    );
    assert_eq!(
        refused(b"*1\r\n*2\r\n$3\r\n1-x\r\n"),
        "byte 8 of the answer is not the id of an entry that should stand there"
    );
    assert_eq!(
        refused(b"*1\r\n*2\r\n$3\r\n1-1xx"),
        "byte 15 of the answer is not the end of a string that should stand there"
    );
    assert_eq!(refused(b"*0\r\n*0\r\n"), "byte 4 of the answer is not the end that should stand there");
    assert_eq!(refused(b"*1\r\n*2\r\n$99999999999\r\n"), "the answer is longer than 4 GiB");
    assert_eq!(
        refused(b"*99999999999999999999999999\r\n"),
        "byte 20 of the answer is not the length of a list that should stand there"
    );
}

#[test]
fn no_entries_are_an_answer_too() {
    let (page, whole) = page(b"*0\r\n", 1).unwrap();
    assert!(whole && page.is_empty() && page.seen(0, "order").is_none());
}

fn field() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let known = ["event_id", "event_action", "event_data", "event_number", "event_meta", "other"];
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    (proptest::sample::select(known.to_vec()), bytes).prop_map(|(name, value)| (name.into(), value))
}

proptest! {
    #[test]
    fn however_an_answer_is_cut_it_reads_the_same(
        entries in proptest::collection::vec((any::<(u64, u64)>(), proptest::collection::vec(field(), 0..8)), 0..6),
        at_a_time in 1_usize..64,
    ) {
        let ids: Vec<_> = entries.iter().map(|((ms, seq), _)| Position::new(*ms, *seq).to_string()).collect();
        let fields: Vec<Vec<Field<'_>>> =
            entries.iter().map(|(_, fields)| fields.iter().map(|(name, value)| (&**name, &**value)).collect()).collect();
        let written: Vec<_> = ids.iter().map(String::as_str).zip(fields.iter().map(Vec::as_slice)).collect();
        let bytes = answer(&written);
        let (at_once, whole) = page(&bytes, usize::MAX).unwrap();
        prop_assert!(whole);
        prop_assert_eq!(at_once.len(), entries.len());
        let (in_parts, whole) = page(&bytes, at_a_time).unwrap();
        prop_assert!(whole);
        for (index, id) in ids.iter().enumerate() {
            prop_assert_eq!(at_once.seen(index, "t"), in_parts.seen(index, "t"));
            prop_assert_eq!(at_once.position(index).unwrap().to_string(), id.clone());
        }
        // One byte short, it is not whole; nor is any part of it.
        let (_, whole) = page(&bytes[..bytes.len() - 1], at_a_time).unwrap();
        prop_assert!(!whole);
    }

    #[test]
    fn nothing_that_arrives_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at_a_time in 1_usize..64) {
        let _ = page(&bytes, at_a_time);
        let mut framed = b"*2\r\n*2\r\n$3\r\n1-1\r\n*4\r\n".to_vec();
        framed.extend(bytes);
        if let Ok((page, _)) = page(&framed, at_a_time) {
            (0..page.len()).for_each(|index| drop(page.seen(index, "t")));
        }
    }
}
