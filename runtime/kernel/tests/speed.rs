//! How long the kernel takes for one event; to be looked at, not judged:
//! `cargo test -p kernel --release --test speed -- --ignored --nocapture`.

use std::hint::black_box;

use kernel::{CREATED, Content, Event, Field, Meta, MetaRef, Position, Step, Topic, Touch};

const ROUNDS: u32 = 5_000;
/// The best of these is told, for the others were disturbed.
const TRIES: usize = 400;

#[expect(clippy::disallowed_types, reason = "a measurement has a clock")]
fn measure(what: &str, mut once: impl FnMut()) {
    let mut best = std::time::Duration::MAX;
    for _ in 0..TRIES {
        let begun = std::time::Instant::now();
        (0..ROUNDS).for_each(|_| once());
        best = best.min(begun.elapsed());
    }
    println!("{what:20} {:6} ns", best.as_nanos() / u128::from(ROUNDS));
}

fn created(topic: &Topic, data: &str) -> Event {
    Event {
        topic: topic.name.into(),
        position: Position::new(1_795_341_904_815, 0),
        number: None,
        id: "7f1f3f0a-8c3f-5a53-9c55-0b1f7a3ed0aa".into(),
        action: if topic.name == "mail" { "mail_sent" } else { CREATED }.into(),
        data: data.into(),
        meta: Meta::default(),
    }
}

fn measure_topic(topic: &Topic, data: &str) {
    let event = created(topic, data);
    let borrowed = event.as_ref();
    let Ok(Touch { step: Step::Put(content), .. }) = topic.touch(&borrowed) else { return };
    println!("{}: {data}", topic.name);
    measure("  touch", || drop(black_box(topic.touch(black_box(&borrowed)))));
    let mut out = String::new();
    measure("  write_row_into", || {
        out.clear();
        topic.write_row_into(black_box::<&Content<'_>>(&content), &mut out);
    });
    measure("  write_row", || drop(black_box(topic.write_row(black_box(&content)))));
    measure("  step", || drop(black_box(topic.step(black_box(&event)))));
}

#[test]
#[ignore = "a measurement"]
fn what_an_event_costs() {
    let [a, b] = ["7f1f3f0a-8c3f-5a53-9c55-0b1f7a3ed0aa", "0a1f3f0a-8c3f-5a53-9c55-0b1f7a3ed0bb"];
    let status = Field::choice("status", &["CREATED", "IN_STOCK", "CLEARED"]).initially("\"CREATED\"");
    let order = Topic::entity("order", "orders", "orders", vec![Field::reference("cart_id", "cart"), status]);
    measure_topic(&order, &format!(r#"{{"entity_id": "{a}", "cart_id": "{b}", "status": "IN_STOCK"}}"#));

    let fields = vec![Field::reference("customer_id", "customer"), Field::references("product_ids", "product")];
    let cart = Topic::entity("cart", "carts", "carts", fields);
    let products = [b; 5].map(|id| format!("\"{id}\"")).join(", ");
    measure_topic(&cart, &format!(r#"{{"entity_id": "{a}", "customer_id": "{b}", "product_ids": [{products}]}}"#));

    let customer = Topic::entity("customer", "customers", "crm", vec![Field::text("name"), Field::text("email")]);
    measure_topic(&customer, &format!(r#"{{"entity_id": "{a}", "name": "Ann Example", "email": "ann@example.org"}}"#));

    let fields = vec![Field::amount("amount"), Field::seconds("done")];
    let numbers = Topic::entity("number", "numbers", "numbers", fields);
    measure_topic(&numbers, &format!(r#"{{"entity_id": "{a}", "amount": 12, "done": 1795341913.5462878}}"#));

    let mail = Topic::journal("mail", "mails", "crm", "mail_sent", vec![Field::text("to"), Field::text("text")]);
    measure_topic(&mail, r#"{"to": "ann@example.org", "text": "Your order is on its way."}"#);

    let meta = format!(r#"{{"command":"{a}","as_of":"1795341904815-0","correlation":"{a}"}}"#);
    println!("meta: {meta}");
    measure("  MetaRef", || drop(black_box(serde_json::from_str::<MetaRef<'_>>(black_box(&meta)))));
    measure("  Meta", || drop(black_box(serde_json::from_str::<Meta>(black_box(&meta)))));
}
