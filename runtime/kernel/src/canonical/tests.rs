use proptest::prelude::*;

use super::*;

const FIELDS: &[Field] = &[
    Field::text("name"),
    Field::amount("price"),
    Field::seconds("delivered").initially("0"),
    Field::references("product_ids", "product"),
];

fn read(json: &str, reading: Reading) -> Result<String, Complaint> {
    scan(FIELDS, json).and_then(|scanned| write(FIELDS, &scanned, None, reading))
}

fn complaint(json: &str) -> String {
    read(json, Reading::Create).unwrap_err().message
}

#[test]
fn the_canonical_form_has_declared_order_no_space_and_plain_escapes() {
    let json = r#" { "product_ids" : [ "a" , "b" ], "price": 3, "name": "\u0041nn\u00e9", "delivered": 12.5 } "#;
    assert_eq!(
        read(json, Reading::Create).unwrap(),
        r#"{"name":"Anné","price":3,"delivered":12.5,"product_ids":["a","b"]}"#
    );
}

#[test]
fn events_may_hold_numbers_as_texts_and_break_bounds() {
    let json = r#"{"name":"","price":"-3","delivered":"1795341913.5462878","product_ids":[],"more":1}"#;
    assert_eq!(
        read(json, Reading::Event).unwrap(),
        r#"{"name":"","price":-3,"delivered":1795341913.5462878,"product_ids":[]}"#
    );
}

#[test]
fn a_date_is_no_time_in_seconds() {
    let json = r#"{"name":"n","price":1,"delivered":"2024-05-01","product_ids":[]}"#;
    let complaint = read(json, Reading::Event).unwrap_err();
    assert_eq!(complaint.message, "delivered must be a time in Unix seconds, or 0, not \"2024-05-01\"");
}

#[test]
fn a_command_is_told_what_is_wrong_with_it() {
    let with = |name: &str, price: &str, ids: &str| format!(r#"{{"name":{name},"price":{price},"product_ids":{ids}}}"#);
    assert_eq!(complaint(&with("7", "1", r#"["a"]"#)), "name must be a text, not 7");
    assert_eq!(complaint(&with("\" \"", "1", r#"["a"]"#)), "name must not be empty");
    assert_eq!(complaint(&with("\"n\"", "\"1\"", r#"["a"]"#)), "price must be a whole number of at least 0, not \"1\"");
    assert_eq!(complaint(&with("\"n\"", "-1", r#"["a"]"#)), "price must be a whole number of at least 0, not -1");
    assert_eq!(complaint(&with("\"n\"", "1.5", r#"["a"]"#)), "price must be a whole number of at least 0, not 1.5");
    assert_eq!(complaint(&with("\"n\"", "1", "[]")), "product_ids must not be empty");
    assert_eq!(complaint(&with("\"n\"", "1", "[1]")), "product_ids must be a list of ids of a product, not [1]");
    assert_eq!(complaint(r#"{"name":"n"}"#), "price is missing");
    assert_eq!(complaint(r#"{"name":"n","name":"m"}"#), "name is given twice");
    assert_eq!(complaint(r#"{"nmae":"n"}"#), "unknown field nmae; the fields are name, price, delivered, product_ids");
    assert_eq!(complaint("[1]"), "not a JSON object: invalid type: sequence, expected an object at line 1 column 0");
}

#[test]
fn an_update_gives_every_field() {
    let json = r#"{"name":"n","price":1,"product_ids":["a"]}"#;
    assert_eq!(read(json, Reading::Create).unwrap(), r#"{"name":"n","price":1,"delivered":0,"product_ids":["a"]}"#);
    assert_eq!(read(json, Reading::Update).unwrap_err().message, "delivered is missing");
}

#[test]
fn what_is_written_after_something_leaves_it_alone() {
    let mut out = String::from("{}");
    let good = scan(FIELDS, r#"{"name":"n","price":1,"product_ids":["a"]}"#).unwrap();
    write_into(&mut out, FIELDS, &good, Some("i"), Reading::Create).unwrap();
    let whole = r#"{}{"entity_id":"i","name":"n","price":1,"delivered":0,"product_ids":["a"]}"#;
    assert_eq!(out, whole);
    let bad = scan(FIELDS, r#"{"name":"n","price":1,"product_ids":["a",1]}"#).unwrap();
    write_into(&mut out, FIELDS, &bad, Some("i"), Reading::Create).unwrap_err();
    assert_eq!(out, whole);
}

#[test]
fn more_fields_than_usual_are_read_the_same() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let fields = names.map(Field::integer);
    let json = |names: &[&str]| names.iter().map(|name| format!("\"{name}\":1")).collect::<Vec<_>>().join(",");
    let backwards: Vec<_> = names.iter().rev().copied().collect();
    let scanned = format!("{{{}}}", json(&backwards));
    let scanned = scan(&fields, &scanned).unwrap();
    assert_eq!(write(&fields, &scanned, None, Reading::Update).unwrap(), format!("{{{}}}", json(&names)));
}

proptest! {
    #[test]
    fn texts_are_written_as_serde_json_writes_them(text in "(?s).*|[ -~]*|[\\x00-\\x7f]*") {
        let mut out = String::new();
        push_text(&mut out, &text);
        prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
    }
}
