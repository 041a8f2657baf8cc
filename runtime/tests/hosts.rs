//! Services and sagas over a log: each command and each reaction takes effect once, whatever stops when.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "hosts/harness.rs"]
mod harness;

use std::collections::BTreeMap;

use harness::Bank;
use kernel::{Checkpoint, Outcome, RejectionKind};
use runtime::{Advance, Commit, Holder, Parked, Refused};
use serde_json::json;

/// Each case on each engine.
macro_rules! on_each_engine {
    ($($case:ident),+ $(,)?) => {
        on_each_engine!(on memory: $($case)+);
        on_each_engine!(on redis: $($case)+);
        on_each_engine!(on sqlite: $($case)+);
    };
    (on $engine:ident: $($case:ident)+) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (engine, _alive) = crate::harness::open::$engine().await;
                    crate::$case(crate::Bank::new(engine).await).await;
                }
            )+
        }
    };
}

on_each_engine! {
    a_command_becomes_an_event_and_an_outcome,
    rejections_tell_why_and_write_nothing,
    a_failing_or_panicking_service_ends_in_dead_letters_and_the_rest_goes_on,
    racing_transfers_lose_no_money,
    an_event_that_a_saga_fails_on_is_parked_and_the_rest_goes_on,
    what_was_parked_is_tried_again_and_takes_effect_once,
    whatever_dies_when_a_retry_takes_effect_once,
    two_hosts_do_not_react_twice,
    sagas_that_somebody_took_over_are_taken_over_again_before_the_next_step,
    whatever_stops_when_each_thing_happens_once,
    sagas_that_are_far_behind_catch_up_with_every_decision_on_record,
}

async fn a_command_becomes_an_event_and_an_outcome(mut bank: Bank) {
    bank.start().await;
    let ids = bank.create("account", &[json!({"owner": "ann", "balance": 5}), json!({"owner": "bob"})]).await;
    assert_eq!(ids.len(), 2);
    let events = bank.events().await;
    assert_eq!(events.len(), 2);
    let data = |owner: &str, id: &str, balance: i64| {
        format!(r#"{{"entity_id":"{id}","owner":"{owner}","balance":{balance}}}"#)
    };
    assert_eq!((events[0].data.clone(), events[1].data.clone()), (data("ann", &ids[0], 5), data("bob", &ids[1], 0)));
    assert!(events.iter().all(|event| event.meta.command.is_some() && event.meta.as_of.is_some()));
    bank.stop().await;
}

async fn rejections_tell_why_and_write_nothing(mut bank: Bank) {
    bank.start().await;
    let ann = bank.create("account", &[json!({"owner": "ann", "balance": 5})]).await.remove(0);
    let transfer = |amount| json!({"from_id": ann, "to_id": ann, "amount": amount});
    let nobody = json!({"from_id": "nobody", "to_id": ann, "amount": 1});
    let batch = [transfer(1), transfer(9)];
    let refused = bank.rejected("transfer", &batch).await;
    assert_eq!((refused.member, refused.field.as_deref()), (Some(1), Some("amount")));
    assert_eq!(refused.message, format!("account {ann} holds 5, not 9"));
    let refused = bank.rejected("transfer", &[nobody]).await;
    assert_eq!(refused.message, "from_id names account nobody, which does not exist");
    let outcome = bank.delete("account", "nobody").await;
    assert!(matches!(outcome, Outcome::Rejected(rejection) if rejection.kind == RejectionKind::NotFound));
    assert_eq!(bank.events().await.len(), 1);
    bank.stop().await;
}

async fn a_failing_or_panicking_service_ends_in_dead_letters_and_the_rest_goes_on(mut bank: Bank) {
    bank.start().await;
    let ann = bank.create("account", &[json!({"owner": "ann", "balance": 50})]).await.remove(0);
    let transfer = |amount| json!({"from_id": ann, "to_id": ann, "amount": amount});
    let dead = |error: &str| Outcome::Dead { error: error.into() };
    assert_eq!(bank.outcome_of("transfer", &[transfer(13)]).await, dead("the counting machine is out of order"));
    let panicked = bank.outcome_of("transfer", &[transfer(14)]).await;
    assert!(
        matches!(panicked, Outcome::Dead { error } if error.starts_with("panicked: ") && error.contains("explodes"))
    );
    bank.create("transfer", &[transfer(1)]).await;
    let letters = bank.engine.dead_letters(&["transfer-service"]).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.failed).collect::<Vec<_>>(), [3, 3]);
    bank.stop().await;
}

async fn racing_transfers_lose_no_money(mut bank: Bank) {
    bank.start().await;
    bank.race(60).await;
    bank.settled().await;
    bank.check().await;
    bank.stop().await;
}

async fn an_event_that_a_saga_fails_on_is_parked_and_the_rest_goes_on(mut bank: Bank) {
    bank.start().await;
    let ann = bank.create("account", &[json!({"owner": "ann", "balance": 50})]).await.remove(0);
    let transfer = |amount| json!({"from_id": ann, "to_id": ann, "amount": amount});
    bank.create("transfer", &[transfer(1), transfer(17), transfer(2)]).await;
    bank.come_to_rest().await;
    let parked = bank.engine.parked(None, usize::MAX).await.unwrap();
    assert_eq!((parked.len(), parked[0].consumer.as_str(), parked[0].topic.as_str()), (1, "saga/teller", "transfer"));
    assert_eq!(parked[0].reason, "the teller can't count to 17");
    assert_eq!(bank.statuses().await, BTreeMap::from([("ASKED".to_owned(), 1), ("DONE".to_owned(), 2)]));
    bank.stop().await;
}

async fn what_was_parked_is_tried_again_and_takes_effect_once(mut bank: Bank) {
    bank.start().await;
    let ann = bank.create("account", &[json!({"owner": "ann", "balance": 50})]).await.remove(0);
    let transfer = |amount| json!({"from_id": ann, "to_id": ann, "amount": amount});
    bank.create("transfer", &[transfer(1), transfer(17), transfer(2)]).await;
    bank.come_to_rest().await;
    let first = bank.parked().await.remove(0);
    // The program is what it was: the entry stays where it is, and nothing else happens.
    let before = bank.events().await.len();
    bank.retry_all().await;
    let parked = bank.parked_become(|parked| parked[0].attempts == 2).await;
    assert_eq!(parked, [Parked { attempts: 2, ..first.clone() }]);
    assert_eq!(bank.events().await.len(), before);

    bank.stop().await;
    bank.mended();
    bank.retry_all().await;
    bank.start().await;
    bank.parked_become(<[Parked]>::is_empty).await;
    bank.come_to_rest().await;
    assert_eq!(bank.statuses().await, BTreeMap::from([("DONE".to_owned(), 3)]));
    assert_eq!(bank.engine.unparked(None, 9).await.unwrap(), [first.id()]);
    // As every late decision, it says when it was made: on everything that was there.
    let events = bank.events().await;
    let asked = events.iter().find(|event| event.position == first.position).unwrap();
    let late: Vec<_> = events[before..].iter().filter(|event| event.meta.cause.as_ref() == Some(&asked.id)).collect();
    assert_eq!(late.len(), 3, "two accounts and the transfer: {late:?}");
    assert!(late.iter().all(|event| event.meta.as_of == Some(events[before - 1].position)), "{late:?}");

    // A restart changes nothing.
    bank.stop().await;
    let before = bank.events().await;
    bank.start().await;
    bank.create("transfer", &[transfer(3)]).await;
    bank.come_to_rest().await;
    assert_eq!(bank.events().await[..before.len()], before);
    assert_eq!(bank.statuses().await, BTreeMap::from([("DONE".to_owned(), 4)]));
    bank.stop().await;
}

async fn whatever_dies_when_a_retry_takes_effect_once(mut bank: Bank) {
    bank.start().await;
    let accounts = bank.accounts(2).await;
    let transfer = |n: usize| json!({"from_id": accounts[n % 2], "to_id": accounts[(n + 1) % 2], "amount": 17});
    let all: Vec<_> = (0..8).map(transfer).collect();
    bank.create("transfer", &all).await;
    bank.come_to_rest().await;
    assert_eq!(bank.parked().await.len(), 8);
    bank.stop().await;
    bank.mended();
    bank.retry_all().await;
    for round in 0..8 {
        bank.start().await;
        bank.send_transfers(&accounts, 2).await;
        bank.kill_after(round % 4 * 2).await;
    }
    bank.start().await;
    bank.parked_become(<[Parked]>::is_empty).await;
    bank.settled().await;
    bank.check_state().await;
    bank.stop().await;
}

async fn two_hosts_do_not_react_twice(mut bank: Bank) {
    bank.start().await;
    let mut other = Bank::new(bank.engine.clone()).await;
    other.start().await;
    bank.race(30).await;
    bank.stop().await;
    other.settled().await;
    other.check().await;
    other.stop().await;
}

async fn sagas_that_somebody_took_over_are_taken_over_again_before_the_next_step(mut bank: Bank) {
    bank.start().await;
    bank.race(3).await;
    bank.settled().await;
    let step = |consumer: &str, holder: Holder, at: &Checkpoint| {
        let advance = Advance { consumer: consumer.to_owned(), holder, from: at.clone(), to: at.clone() };
        Commit { advance: Some(advance), ..Commit::default() }
    };
    let checkpoints = bank.engine.checkpoints().await.unwrap();
    assert_eq!(checkpoints.keys().collect::<Vec<_>>(), ["saga/clerk", "saga/teller"]);
    for (consumer, at) in &checkpoints {
        bank.engine.commit_one(step(consumer, Holder::Taking("somebody".into()), at)).await.unwrap();
    }
    bank.race(3).await;
    bank.settled().await;
    bank.check().await;
    for (consumer, at) in bank.engine.checkpoints().await.unwrap() {
        let late = step(&consumer, Holder::Holding("somebody".into()), &at);
        let answers = bank.engine.commit(&[late]).await.unwrap();
        assert_eq!(answers, [Err(Refused::TakenOver { consumer })]);
    }
    bank.stop().await;
}

async fn whatever_stops_when_each_thing_happens_once(mut bank: Bank) {
    bank.start().await;
    let accounts = bank.accounts(3).await;
    for round in 0..12 {
        bank.send_transfers(&accounts, 8).await;
        bank.kill_after(round * 2).await;
        bank.start().await;
    }
    bank.settled().await;
    bank.check().await;
    bank.stop().await;
}

async fn sagas_that_are_far_behind_catch_up_with_every_decision_on_record(mut bank: Bank) {
    bank.start_services().await;
    let accounts = bank.accounts(5).await;
    bank.send_batches(&accounts, 4).await;
    bank.sent_has_ended().await;
    assert!(bank.engine.head().await.unwrap().number.0 > 2_000);
    bank.start_sagas().await;
    bank.settled().await;
    bank.check().await;
    bank.stop().await;
}
