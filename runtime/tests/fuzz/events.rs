//! The reader of what happened: of an event's data, and of what a command wants.

use kernel::{CREATED, Content, DELETED, Domain, Event, Meta, Position, Step, Topic, TopicKind};

use crate::{bounded, fuzz};

/// The row that an event with this data makes, and its key.
fn made(topic: &Topic, data: &str) -> Result<(String, String), String> {
    let event = Event {
        topic: topic.name.into(),
        position: Position::new(17, 3),
        number: None,
        id: "i".into(),
        action: action(topic).into(),
        data: data.into(),
        meta: Meta::default(),
    };
    let borrowed = event.as_ref();
    let touch = topic.touch(&borrowed).map_err(|error| error.to_string())?;
    let Step::Put(content) = touch.step else { panic!("{touch:?}") };
    let row = topic.write_row(&content);
    if let Content::Entity(_) = content {
        assert_eq!(topic.row(&event), Ok(row.clone()), "a glance sees what a careful reader does");
        let ended = Event { action: DELETED.into(), ..event.clone() };
        assert_eq!(*topic.step(&ended).unwrap().key, *touch.key);
    }
    Ok((touch.key.into_owned(), row))
}

fn action(topic: &Topic) -> &'static str {
    match topic.kind {
        TopicKind::Entity => CREATED,
        TopicKind::Journal { action } => action,
    }
}

fn check(domain: &Domain, input: &[u8]) -> String {
    let Ok(data) = std::str::from_utf8(input) else { return "no text".to_owned() };
    let mut ways = Vec::new();
    for topic in domain.topics() {
        let made = |data: &str| made(topic, data);
        let is_entity = topic.kind == TopicKind::Entity;
        match bounded(input, 64, || made(data)) {
            Ok((key, row)) => {
                assert!(serde_json::from_str::<serde_json::Value>(&row).is_ok(), "{row}");
                let again = if is_entity { made(&row) } else { Ok((key.clone(), row.clone())) };
                assert_eq!(again, Ok((key, row.clone())), "a row is its own event");
                let _ = topic.references(&row);
                ways.push("made".to_owned());
            }
            // What stands behind is what was given.
            Err(error) => ways.push(error.split(", not ").next().unwrap_or_default().to_owned()),
        }
        if let Ok(admitted) = topic.admit_new(is_entity.then_some("k"), data) {
            let (_, row) = made(&admitted).expect("what is admitted can be read");
            if is_entity {
                assert_eq!(row, admitted, "what is admitted is a row already");
                assert_eq!(topic.admit_update("k", &admitted), Ok(admitted));
            }
        }
    }
    ways.join(" ")
}

#[test]
fn a_row_is_read_as_it_is_written() {
    let words =
        ["{", "}", "\"", ":", ",", "null", "true", "\\u00e4", "\\ud83d\\ude00", "1e400", "-0.0", "[", "]", "\t"];
    let more =
        ["\"entity_id\":", "\"owner\":", "\"balance\":", "\"from_id\":", "\"to_id\":", "\"amount\":", "\"status\":"];
    let domain = testkit::bank::domain();
    fuzz("events").words(&words).words(&more).run(|input| check(&domain, input));
}
