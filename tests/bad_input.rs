//! Bad input gets its documented status and a sentence that says what is wrong; nothing is written.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::common::{
    self, Http, Store,
    shop::{cart, customer, id, stocked, until_order_is},
};
use serde_json::{Value, json};

/// What can't be right, and what is said to it.
fn cases(http: &Http) -> Vec<(&'static str, String, String, u16, String)> {
    let product = stocked(http, 7, 3);
    let ann = customer(http, "ann");
    let held = cart(http, &ann, &[&product]);
    let order = http.create("/order", &json!({"cart_id": held})).remove(0);
    until_order_is(http, &order, "IN_STOCK");
    common::until("both mails were sent", || (http.get("/mails/sent").as_array().unwrap().len() == 2).then_some(()));
    let name = |value: &str| format!(r#"{{"name": {value}, "email": "a@b"}}"#);
    let product_with = |price: &str| format!(r#"{{"name": "Pen", "price": {price}}}"#);
    let ids = |ids: &str| format!(r#"{{"customer_id": "{ann}", "product_ids": {ids}}}"#);
    let bill = |amount: i64| json!({"order_id": order, "amount": amount}).to_string();
    let status = |status: &str| json!({"cart_id": held, "status": status}).to_string();
    let good = name("\"Bob\"");
    let case = |method, path: &str, body: String, status, sentence: &str| {
        (method, path.to_owned(), body, status, sentence.to_owned())
    };
    vec![
        case("POST", "/customer", "{".into(), 400, "JSON"),
        case("POST", "/customer", String::new(), 400, "empty"),
        case("POST", "/customer", "{\"name\": \"a\u{0}\"}".into(), 400, "JSON"),
        case("POST", "/customer", "[".repeat(100_000), 422, "nested deeper than 64 levels"),
        case("POST", "/customer", format!("{{\"name\":{}1{}}}", "[".repeat(60), "]".repeat(60)), 422, "name"),
        case("POST", "/customer", "7".into(), 422, "object"),
        case("POST", "/customer", "[]".into(), 422, "empty"),
        case("POST", "/customer", "{}".into(), 422, "name is missing"),
        case("POST", "/customer", name("7"), 422, "name must be a text, not 7"),
        case("POST", "/customer", name("null"), 422, "name must be a text, not null"),
        case("POST", "/customer", name("\"  \""), 422, "name must not be empty"),
        case("POST", "/customer", r#"{"name":"a","email":"b","age":3}"#.into(), 422, "unknown field age"),
        case("POST", "/customer", r#"{"name":"a","email":"b","entity_id":"x"}"#.into(), 422, "entity_id"),
        case("POST", "/customer", format!("[{good},{}]", name("7")), 422, "name must be a text, not 7"),
        case("POST", "/customers", format!("[{good},{}]", name("\"\"")), 422, "name must not be empty"),
        case("POST", "/customers", good.clone(), 422, "list"),
        case("POST", "/customer", format!("{{\"name\": \"{}\"}}", "x".repeat(1_100_000)), 413, "1"),
        case("POST", "/product", product_with("-1"), 422, "price must be a whole number of at least 0, not -1"),
        case("POST", "/product", product_with("1.5"), 422, "price must be"),
        case("POST", "/product", product_with("\"1\""), 422, "price must be"),
        case("POST", "/product", product_with("1e400"), 422, "price"),
        case("POST", "/product", product_with("99999999999999999999"), 422, "price"),
        case("POST", "/inventory", r#"{"product_id":"no","amount":1}"#.into(), 422, "product no, which does not exist"),
        case("POST", "/cart", ids("[]"), 422, "product_ids must not be empty"),
        case("POST", "/cart", ids("[\"no\"]"), 422, "product no, which does not exist"),
        case("POST", "/cart", ids(&json!(vec![&product; 9]).to_string()), 422, "stock"),
        case("PUT", &format!("/cart/{held}"), ids(&json!([product]).to_string()), 422, "order"),
        case("POST", "/order", r#"{"cart_id":"no"}"#.into(), 422, "cart no, which does not exist"),
        case("POST", "/order", json!({"cart_id": held, "status": "SHIPPED"}).to_string(), 422, "CREATED"),
        case("PUT", &format!("/order/{order}"), status("DELIVERED"), 422, "DELIVERED"),
        case("PUT", &format!("/order/{order}"), status("LOST"), 422, "status must be one of CREATED"),
        case("PUT", &format!("/order/{order}"), json!({"cart_id": held}).to_string(), 422, "status is missing"),
        case("POST", "/billing", bill(8), 422, "7"),
        case("POST", "/billing", bill(-7), 422, "amount must be"),
        case("POST", "/billing", r#"{"order_id":"no","amount":1}"#.into(), 422, "order no, which does not exist"),
        case("PUT", "/customer/no", good.clone(), 404, "there is no customer no"),
        case("PUT", &format!("/customer/{ann}"), r#"{"name":"a"}"#.into(), 422, "email is missing"),
        case(
            "PUT",
            &format!("/customer/{ann}"),
            r#"{"name":"a","email":"b","entity_id":"c"}"#.into(),
            422,
            "entity_id is c",
        ),
        case("DELETE", "/customer/no", String::new(), 404, "there is no customer no"),
        case("DELETE", "/customer/%00%FF%2F..", String::new(), 404, ""),
        case("POST", "/nothing", good.clone(), 404, "/nothing"),
        case("GET", "/nothing", String::new(), 404, "/nothing"),
        case("PATCH", "/customers", good, 405, "PATCH"),
        case("GET", "/api/v1/events?after=yesterday", String::new(), 400, "yesterday"),
    ]
}

fn refuses(http: &Http) {
    let cases = cases(http);
    let before = http.get("/report");
    for (method, path, body, status, sentence) in &cases {
        let answer = http.send(method, path, body);
        let shown = &body[..body.len().min(100)];
        assert_eq!(answer.status, *status, "{method} {path} {shown}: {}", answer.body);
        let (_, said) = answer.error();
        assert!(said.contains(sentence.as_str()), "{method} {path} {shown}: {said:?} does not say {sentence:?}");
    }
    assert_eq!(http.get("/report"), before, "nothing was written");
    let member = http.send("POST", "/customer", r#"[{"name":"a","email":"b"},{"name":"a"}]"#);
    assert_eq!((&member.body["member"], &member.body["field"]), (&json!(1), &json!("email")));
}

#[test]
fn bad_input_is_refused_on_the_embedded_store() {
    refuses(Store::sqlite().up().http());
}

#[test]
fn bad_input_is_refused_on_redis() {
    refuses(Store::redis().up().http());
}

#[test]
fn what_is_unknown_reads_as_null_and_strange_texts_are_only_texts() {
    let up = Store::Memory.up();
    let http = up.http();
    for path in ["/customer/no", "/customer/%F0%9F%98%80", "/order/a%2Fb", "/cart/%27%20OR%201=1"] {
        assert_eq!(http.get(path), Value::Null, "{path}");
    }
    for name in [
        "<script>alert(1)</script>",
        "\u{202e}olleh",
        "a_b:c",
        "\u{1F600}\u{0301}",
        "'; DROP TABLE rows;--",
        &"é".repeat(50_000),
    ] {
        let ids = http.create("/customer", &json!({"name": name, "email": "\"quoted\\\" <a@b>"}));
        assert_eq!(http.get(&format!("/customer/{}", ids[0]))["name"], name);
    }
    let all = http.get("/customers");
    assert_eq!(all.as_array().unwrap().iter().map(id).collect::<std::collections::BTreeSet<_>>().len(), 6);
}

#[test]
fn a_body_that_never_comes_hangs_nobody_else() {
    let up = Store::Memory.up();
    let address = up.http().base.trim_start_matches("http://").to_owned();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"POST /customer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{\"name\":").unwrap();
    customer(up.http(), "bob");
    let mut junk = TcpStream::connect(&address).unwrap();
    junk.write_all(b"\x16\x03\x01 not http\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    junk.read_to_end(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    customer(up.http(), "eve");
}

#[test]
fn a_command_that_nobody_takes_times_out_with_its_id() {
    let store = Store::redis();
    let gateway = store.roles(&["gateway", "projector"]);
    let http = gateway.http();
    let answer = http.send("POST", "/customer", r#"{"name":"a","email":"b"}"#);
    assert_eq!(answer.status, 504, "{}", answer.body);
    let command = answer.body["command"].as_str().unwrap();
    let services = store.roles(&["services"]);
    common::until("the command is done", || {
        let fate = http.try_get(&format!("/api/v1/commands/{command}"));
        (fate.body["result"]["status"] == "done").then_some(())
    });
    common::until("it is seen", || (http.get("/customers").as_array().unwrap().len() == 1).then_some(()));
    assert!(services.stop().success());
}
