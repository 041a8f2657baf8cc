use super::*;
use crate::canonical::{Reading, check, scan};

const FIELDS: &[Field] = &[
    Field::text("name"),
    Field::amount("price"),
    Field::seconds("delivered").initially("0"),
    Field::references("product_ids", "product"),
];

/// What a glance says of `more` after members that fit.
fn id(more: &str) -> Option<Option<String>> {
    let json = format!(r#"{{"name": "n", "price": 1, "product_ids": ["a", "\u0062"]{more}}}"#);
    let glance = glance(FIELDS, &json);
    if glance.is_some() {
        check(FIELDS, &scan(FIELDS, &json).unwrap(), Reading::Event).unwrap();
    }
    glance.map(|glance| glance.id.map(str::to_owned))
}

#[test]
fn what_is_usual_passes() {
    assert_eq!(id(""), Some(None));
    assert_eq!(id(r#", "entity_id": "i""#), Some(Some("i".to_owned())));
    for more in
        [r#""delivered":12.5"#, r#""delivered":"12.5""#, r#""price":"-1""#, r#""name":"\u0041""#, r#""more":{}"#]
    {
        assert_eq!(id(&format!(",{more}")), Some(None), "{more}");
    }
}

#[test]
fn what_is_odd_is_left_to_be_read_with_care() {
    for more in [
        r#""price":9223372036854775808"#,
        r#""price":1.0"#,
        r#""price":"\u0031""#,
        r#""price":[]"#,
        r#""price":["a"]"#,
        r#""delivered":"soon""#,
        r#""delivered":[]"#,
        r#""delivered":{}"#,
        r#""delivered":true"#,
        r#""product_ids":"a""#,
        r#""product_ids":[["a"]]"#,
        r#""product_ids":{}"#,
        r#""name":null"#,
        r#""entity_id":7"#,
        r#""entity_id":"\u0069""#,
        r#""more":}"#,
        "",
    ] {
        assert_eq!(id(&format!(",{more}")), None, "{more}");
    }
    assert_eq!(glance(FIELDS, r#"{"name":"n","price":1}"#), None);
    assert_eq!(glance(FIELDS, "[]"), None);
}

#[test]
fn more_fields_than_a_glance_can_tick_off_are_left_to_be_read_with_care() {
    let field = Field::text("name").initially("\"\"");
    assert!(glance(&vec![field.clone(); MOST], "{}").is_some());
    assert_eq!(glance(&vec![field; MOST + 1], "{}"), None);
}
