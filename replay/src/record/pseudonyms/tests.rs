use kernel::{Meta, Position};
use serde_json::{Value, json};
use testkit::bank;

use super::*;

fn event(topic: &str, data: &str) -> Event {
    Event {
        topic: topic.into(),
        position: Position::new(1_700_000_000_000, 0),
        number: None,
        id: "ann".to_owned(),
        action: "entity_created".to_owned(),
        data: data.to_owned(),
        meta: Meta { correlation: Some("ann".into()), ..Meta::default() },
    }
}

fn account(owner: &str) -> Event {
    event("account", &json!({"entity_id": "ann", "owner": owner, "balance": 10}).to_string())
}

fn key() -> Key {
    Key::new("a key for tests only").unwrap()
}

fn pseudonyms(owners: &[&str]) -> Pseudonyms {
    let mut gathered = Gathered::new(&bank::domain(), key());
    owners.iter().for_each(|owner| gathered.note(&account(owner).as_ref()));
    gathered.finish().unwrap()
}

/// A notice's text with these people's names replaced.
fn replaced(owners: &[&str], text: &str) -> String {
    let notice = event("notice", &json!({"recipient": "nobody", "text": text}).to_string());
    let data: Value = serde_json::from_str(&pseudonyms(owners).event(notice).data).unwrap();
    data["text"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_key_gives_the_same_and_another_key_another() {
    // As another program works them out from RFC 2104.
    assert_eq!(key().pseudonym("Ann Lee"), "Goboja Votavekoso");
    assert_eq!(key().pseudonym("ann@lee.example"), "lolola.donavekewe@people.example");
    assert_eq!(key().pseudonym("+44 20 7946 0018"), "+999 49083687999814");
    assert_eq!(key().pseudonym("12 High Street"), "66 Solokawomoroziji Street");
    assert_eq!(Key::new("another").unwrap().pseudonym("Ann Lee"), "Wewizo Wiwesogazi");
    assert_eq!(Key::new("").unwrap_err().to_string(), "a key for pseudonyms must not be empty");
    assert_eq!(format!("{:?}", key()), "Key");
}

#[test]
fn only_what_is_personal_is_replaced_and_all_else_stays_byte_for_byte() {
    let data = r#"{ "balance" : 1e1, "entity_id":"Ann Lee","owner" :"Ann Lee" ,"Ann Lee": null}"#;
    let before = event("account", data);
    let after = pseudonyms(&["Ann Lee"]).event(before.clone());
    let name = key().pseudonym("Ann Lee");
    let data = format!(r#"{{ "balance" : 1e1, "entity_id":"Ann Lee","owner" :"{name}" ,"Ann Lee": null}}"#);
    assert_eq!(after, Event { data, ..before });
}

#[test]
fn references_and_choices_stay_whatever_they_look_like() {
    let data = r#"{"entity_id":"DONE","from_id":"ann","to_id":"DONE","amount":3,"status":"DONE"}"#;
    let transfer = event("transfer", data);
    assert_eq!(pseudonyms(&["ann", "DONE"]).event(transfer.clone()), transfer);
    let decided = event(DECISIONS, r#"{"cause":"ann","handler":"DONE"}"#);
    assert_eq!(pseudonyms(&["ann", "DONE"]).event(decided.clone()), decided);
}

#[test]
fn names_are_found_in_texts_as_whole_words() {
    let ann = key().pseudonym("Ann");
    for (text, expected) in [
        ("Dear Ann,\n\nyours", format!("Dear {ann},\n\nyours")),
        ("Ann", ann.clone()),
        ("Ann's \"Ann\" (Ann)", format!("{ann}'s \"{ann}\" ({ann})")),
        ("Annual Hannah Ann_ 1Ann Ann1", "Annual Hannah Ann_ 1Ann Ann1".to_owned()),
        ("ÉAnn Anné Ann\u{301}", "ÉAnn Anné Ann\u{301}".to_owned()),
        ("亲爱的Ann，", format!("亲爱的{ann}，")),
        ("ann ANN", "ann ANN".to_owned()),
    ] {
        assert_eq!(replaced(&["Ann"], text), expected);
    }
    assert_eq!(replaced(&["王伟"], "亲爱的王伟先生"), format!("亲爱的{}先生", key().pseudonym("王伟")));
    assert_eq!(replaced(&["Zoë Ørsted"], "an Zoë Ørsted!"), format!("an {}!", key().pseudonym("Zoë Ørsted")));
    assert_eq!(replaced(&["-", " "], "a - b"), "a - b", "what has no letter is no name");
}

#[test]
fn the_longest_is_replaced_and_of_what_overlaps_nothing_is_left() {
    let names = ["Ann", "Ann Lee", "Lee Marlowe", "ann@lee.example", "Lee"];
    let [ann, ann_lee, lee_marlowe, mail, lee] = names.map(|name| key().pseudonym(name));
    assert_eq!(replaced(&names, "Ann Lee and Ann"), format!("{ann_lee} and {ann}"));
    assert_eq!(replaced(&names, "Ann Leeward, Lee"), format!("{ann} Leeward, {lee}"));
    assert_eq!(replaced(&names, "<ann@lee.example>"), format!("<{mail}>"));
    // Which of the two is meant nobody knows; neither is told.
    assert_eq!(replaced(&names, "Ann Lee Marlowe!"), format!("{ann_lee} {lee_marlowe}!"));
}

#[test]
fn escapes_and_json_within_json_hide_nothing() {
    let name = key().pseudonym("Zoë \"Z\" Ørsted");
    let data = r#"{"recipient":"Zo\u00eb \"Z\" \u00d8rsted","text":"to Zo\u00eb \"Z\" \u00d8rsted \ud83d\ude00"}"#;
    let people = pseudonyms(&["Zoë \"Z\" Ørsted"]);
    let after = people.event(event("notice", data)).data;
    assert_eq!(after, format!(r#"{{"recipient":"{name}","text":"to {name} 😀"}}"#));
    let nested = json!({"text": json!({"to": ["Zoë \"Z\" Ørsted", {"Zoë": 1}]}).to_string()}).to_string();
    let after = people.event(event("notice", &nested)).data;
    assert_eq!(after, json!({"text": json!({"to": [name, {"Zoë": 1}]}).to_string()}).to_string());
    let torn = "{\"recipient\": \"Zoë \"Z\" Ørsted\"";
    assert_eq!(people.event(event("notice", torn)).data, format!("{{\"recipient\": \"{name}\""));
    let unknown = json!({"note": "Zoë \"Z\" Ørsted"}).to_string();
    assert_eq!(people.event(event("of no topic", &unknown)).data, json!({"note": name}).to_string());
}

#[test]
fn no_two_get_the_same() {
    let names: Vec<_> = (0..20_000).map(|index| format!("Ann {index} Lee{index}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(pseudonyms(&names).len(), 20_000);
    let pseudonym = key().pseudonym("Ann Lee");
    let mut gathered = Gathered::new(&bank::domain(), key());
    gathered.note(&account("Ann Lee").as_ref());
    gathered.note(&account(&pseudonym).as_ref());
    assert_eq!(gathered.finish().unwrap_err(), PseudonymError::Clash(pseudonym));
}
