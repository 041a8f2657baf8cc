//! The fold's reading of events at its plainest, slow and step by step, and that the fold agrees with it.

use proptest::{collection::vec, prelude::*, sample::select};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};

use super::{
    cases::{mails, things},
    *,
};

/// An object's members in the order that they were written in.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Whole)
    }
}

impl Members {
    fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("not a JSON object: {error}"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(other, _)| other == name).map(|(_, value)| value.get())
    }
}

/// A value in canonical form.
fn value(field: &Field, raw: &str) -> Result<String, String> {
    let number = || raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
    let text = || serde_json::from_str::<String>(raw).ok();
    let written = match field.kind {
        Kind::Text | Kind::Reference(_) => text().and_then(|text| serde_json::to_string(&text).ok()),
        Kind::Choice(choices) => {
            text().filter(|text| choices.contains(&&**text)).and_then(|text| serde_json::to_string(&text).ok())
        }
        Kind::Integer { .. } => serde_json::from_str::<i64>(number()).ok().map(|number| number.to_string()),
        Kind::Seconds => serde_json::from_str::<serde_json::Number>(number()).ok().map(|number| number.to_string()),
        Kind::References(_) => {
            serde_json::from_str::<Vec<String>>(raw).ok().and_then(|ids| serde_json::to_string(&ids).ok())
        }
    };
    written.ok_or_else(|| {
        let cut: String = raw.chars().take(60).collect();
        let cut = if cut == raw { cut } else { format!("{cut}…") };
        format!("{} must be {}, not {cut}", field.name, field.kind.wanted())
    })
}

fn written(topic: &Topic, members: &Members) -> Result<String, String> {
    let one = |field: &Field| {
        let raw = members.get(field.name).or(field.initially).ok_or_else(|| format!("{} is missing", field.name))?;
        Ok(format!(",\"{}\":{}", field.name, value(field, raw)?))
    };
    topic.fields.iter().map(one).collect()
}

fn step(topic: &Topic, event: &Event) -> Result<Keyed, String> {
    let members = Members::read(&event.data)?;
    if let TopicKind::Journal { .. } = topic.kind {
        written(topic, &members)?;
        let (action, data) = (Value::from(&*event.action), Value::from(&*event.data));
        let row = format!("{{\"event_action\":{action},\"event_data\":{data},\"event_id\":\"{}\"}}", event.id);
        return Ok(Keyed { key: event.position.to_string().into(), step: Step::Put(row.into()) });
    }
    let id = members.get(ENTITY_ID).and_then(|raw| serde_json::from_str::<String>(raw).ok());
    let id = id.filter(|id| !id.is_empty()).ok_or("entity_id is missing or no text")?;
    let row = || written(topic, &members).map(|row| format!("{{\"entity_id\":{}{row}}}", Value::from(&*id)).into());
    let step = match event.action.as_str() {
        CREATED => Step::Put(row()?),
        UPDATED => Step::Replace(row()?),
        _ => Step::Remove,
    };
    Ok(Keyed { key: id.into(), step })
}

const NAMES: &[&str] =
    &["entity_id", "cart_id", "name", "amount", "at", "ids", "status", "to", "count", "more", "", "n\\u0061me"];

const VALUES: &[&str] = &[
    "\"o\"",
    "\"\"",
    "\" \"",
    "\"CREATED\"",
    "\"IN_STOCK\"",
    "\"\\u0043REATED\"",
    "\"LOST\"",
    "\"a\\\"b\\\\\\/\\n\"",
    "\"\\ud83d\\ude00 Zoë\"",
    "\"\\ud83d\"",
    "\"\u{7f}\"",
    "0",
    "-0",
    "7",
    "-7",
    "1.0",
    "12.5",
    "1e3",
    "1E400",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "01",
    "\"7\"",
    "\" 7 \"",
    "\"-1.50\"",
    "\"\\u0037\"",
    "\"7x\"",
    "\"1795341913.5462878\"",
    "1795341913.5462878",
    "null",
    "true",
    "tru",
    "[]",
    "[\"a\",\"b\"]",
    "[ \"a\" , \"\\u0061\\\"\" ]",
    "[\"a\",1]",
    "[[\"a\"]]",
    "[\"\\ud83d\"]",
    "[\"a\",]",
    "{}",
    "{\"entity_id\":\"x\",\"a\":[1,{}]}",
    "\"\t\"",
    "\"\\x\"",
];

/// A value that the member of this name is happy with.
fn fitting(name: &str) -> &'static str {
    match name {
        "amount" | "count" => "3",
        "at" => "12.5",
        "ids" => "[\"a\", \"b\"]",
        "status" => "\"IN_STOCK\"",
        _ => "\"7f1f3f0a-8c3f-5a53-9c55-0b1f7a3ed0aa\"",
    }
}

/// An object of members that mostly fit; some are missing, odd or given twice, in any order and spacing.
fn objects() -> impl Strategy<Value = String> {
    let member = (select(NAMES), select(VALUES), 0..8).prop_map(|(name, odd, luck)| {
        let value = if luck == 0 { odd } else { fitting(name) };
        (name, value)
    });
    let whole = Just(NAMES[..9].iter().map(|name| (*name, fitting(name))).collect::<Vec<_>>());
    let members =
        (whole, vec(member, 0..4), 0..4, any::<bool>()).prop_perturb(|(mut members, more, lost, mix), mut rng| {
            for _ in 1..lost {
                members.remove(rng.random_range(0..members.len()));
            }
            for member in more {
                let at = if mix { rng.random_range(0..=members.len()) } else { members.len() };
                members.insert(at, member);
            }
            members
        });
    let spaces = select(&[("", ":", ","), ("", ": ", ", "), (" ", " : ", " ,\n\t"), ("\r\n", ":", ",")][..]);
    (members, spaces).prop_map(|(members, (edge, colon, comma))| {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\"{colon}{value}")).collect();
        format!("{edge}{{{edge}{}{edge}}}{edge}", members.join(comma))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_fold_reads_events_as_the_plain_reader_does(
        data in objects(),
        action in select(&[CREATED, CREATED, UPDATED, DELETED][..]),
        cut in prop_oneof![9 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)],
    ) {
        let cut = cut.map_or(data.len(), |index| index.index(data.len() + 1));
        let data: String = data.char_indices().take_while(|(at, _)| *at < cut).map(|(_, c)| c).collect();
        let entity = event(action, &data);
        prop_assert_eq!(things().step(&entity).map_err(|unreadable| unreadable.0), step(&things(), &entity));
        let journal = event("mail_sent", &data);
        prop_assert_eq!(mails().step(&journal).map_err(|unreadable| unreadable.0), step(&mails(), &journal));
    }
}
