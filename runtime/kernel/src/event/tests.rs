use super::*;

/// An event with this meta, owned again.
fn owned(meta: MetaRef<'_>) -> Meta {
    let position = Position::ZERO;
    EventRef { topic: "t", position, number: None, id: "i", action: "a", data: "{}", meta }.to_event().meta
}

#[test]
fn a_borrowed_meta_is_read_just_as_an_owned_one() {
    let good = [
        "{}",
        " { } ",
        r#"{"command":"c","as_of":"1795341904815-0","correlation":"c"}"#,
        r#"{"command":"c","cause":"e","handler":"h","as_of":"5-1","correlation":"r","schema":1,"traceparent":"00-a-b-01"}"#,
        r#"{"command":null,"cause":null,"handler":null,"as_of":null,"correlation":null,"schema":null,"traceparent":null}"#,
        r#"{"given":true,"schema":1}"#,
        r#"{"given":false}"#,
        r#"{"command":"","more":{"command":[1,null]},"schema":4294967295}"#,
        r#"{"command":"a\"b\u0041\n\ud83d\ude00 Zoë","\u0063ause":"e","as_of":"\u0035-1"}"#,
        // As a sequence, which nobody writes.
        "[]",
        r#"["c","e","h","5-1","r",1,"t"]"#,
        r#"["c",null]"#,
    ];
    for json in good {
        let borrowed: MetaRef<'_> = serde_json::from_str(json).unwrap();
        let plain: Meta = serde_json::from_str(json).unwrap();
        assert_eq!(borrowed, plain.as_ref(), "{json}");
        assert_eq!(owned(borrowed), plain, "{json}");
    }
    let bad = [
        "",
        "null",
        "7",
        "{",
        r#"{"command":7}"#,
        r#"{"command":["c"]}"#,
        r#"{"command":"c","command":"c"}"#,
        r#"{"command":"\ud83d"}"#,
        r#"{"cause":true}"#,
        r#"{"as_of":5}"#,
        r#"{"as_of":"5"}"#,
        r#"{"as_of":"99999999999999999999-0"}"#,
        r#"{"as_of":{"ms":5,"seq":1}}"#,
        r#"{"schema":"1"}"#,
        r#"{"schema":-1}"#,
        r#"{"schema":4294967296}"#,
        r#"{"schema":1.0}"#,
        r#"{"traceparent":{}} "#,
        r#"{"given":"true"}"#,
        r#"{"more":}"#,
        "{} {}",
        r#"["c","e","h","5-1","r",1,"t","u"]"#,
        "[7]",
    ];
    for json in bad {
        let borrowed = serde_json::from_str::<MetaRef<'_>>(json).unwrap_err();
        let plain = serde_json::from_str::<Meta>(json).unwrap_err();
        assert_eq!(borrowed.to_string(), plain.to_string(), "{json}");
    }
}

#[test]
fn a_borrowed_meta_copies_only_what_is_escaped() {
    let json = r#"{"command":"c","cause":"e","handler":"h","correlation":"\u0072","traceparent":"t"}"#;
    let meta: MetaRef<'_> = serde_json::from_str(json).unwrap();
    for text in [&meta.command, &meta.cause, &meta.handler, &meta.traceparent] {
        assert!(matches!(text, Some(Cow::Borrowed(_))), "{text:?}");
    }
    assert_eq!(meta.correlation, Some(Cow::Owned("r".to_owned())));
}

#[test]
fn what_is_given_says_so_and_nothing_else_does() {
    let given = Meta { given: true, ..Meta::default() };
    assert_eq!(serde_json::to_string(&given).unwrap(), r#"{"given":true}"#);
    assert_eq!(serde_json::to_string(&Meta::default()).unwrap(), "{}");
    assert_eq!(owned(given.as_ref()), given);
}
