//! What must hold once everything has come to rest: I1 to I8.

use std::collections::BTreeMap;

use kernel::{Entry, Event, Outcome};
use projector::audit::audit;
use replay::{
    reactions::Scope,
    verify::{Until, verify},
};
use runtime::{
    CommandState, Engine,
    host::MOST_ATTEMPTS,
    invariants::{self, Rest},
};
use serde_json::Value;

use super::{
    World,
    client::{Asked, DEADLY},
};

/// All that is wrong.
pub async fn at_rest(world: &World, asked: &[Asked]) -> Vec<String> {
    let engine = world.engine();
    let head = engine.head().await.unwrap();
    let mut wrong = Vec::new();
    let report = invariants::check(&engine, &world.domain.services(), Rest::Expected).await.unwrap();
    wrong.extend(report.violations.iter().map(ToString::to_string));
    let audit = audit(world.domain.clone(), &engine, &[world.read_model()], None).await.unwrap();
    if !audit.is_clean() {
        wrong.push(format!("I4: {audit:?}"));
    }
    let entries = world.log().await;
    wrong.extend(
        entries
            .windows(2)
            .filter(|pair| pair[0].position() >= pair[1].position())
            .map(|pair| format!("I3: {} comes before {}", pair[0].position(), pair[1].position())),
    );
    let mut events = Vec::new();
    for entry in &entries {
        match entry {
            Entry::Event(event) => events.push(event),
            Entry::Junk(junk) => wrong.push(format!("{junk:?}")),
        }
    }
    for asked in asked {
        outcome(&engine, asked, &events, &mut wrong).await;
    }
    bank(world, &events, &mut wrong).await;
    replayed(world, &entries, &mut wrong).await;
    let after = engine.head().await.unwrap();
    if after != head {
        wrong.push(format!("I8: the log has grown from {head} to {after}"));
    }
    wrong
}

/// I1 and I2: what a client was told is in the log, once.
async fn outcome(engine: &Engine, asked: &Asked, events: &[&Event], wrong: &mut Vec<String>) {
    let Asked { command, tries, amount, outcome } = asked;
    let own: Vec<_> = events.iter().filter(|event| event.meta.command.as_ref() == Some(command)).collect();
    match outcome {
        Outcome::Done { result, position } => {
            if own.last().map(|event| event.position) != *position {
                wrong.push(format!("I1: {command} ended at {position:?}, and its events are {own:?}"));
            }
            let ids: Vec<String> = serde_json::from_value(result.clone()).unwrap_or_default();
            for id in ids {
                let id = format!(r#""entity_id":"{id}""#);
                let made = events.iter().filter(|event| event.action == kernel::CREATED && event.data.contains(&id));
                if made.count() != 1 {
                    wrong.push(format!("I1: {id} of {command} was not made once"));
                }
            }
            if command.starts_with(DEADLY) || amount.is_some_and(|amount| matches!(amount, 13 | 14 | 99)) {
                wrong.push(format!("{command} is done, and can't be"));
            }
        }
        Outcome::Rejected(_) | Outcome::Dead { .. } => {
            if !own.is_empty() {
                wrong.push(format!("I2: {command} ended as {outcome:?}, and has events: {own:?}"));
            }
        }
    }
    match engine.command(command).await.unwrap() {
        Some(record) => {
            if record.state != CommandState::Ended(outcome.clone()) {
                wrong.push(format!("I2: {command} ended as {outcome:?} and as {:?}", record.state));
            }
            let is_dead = matches!(outcome, Outcome::Dead { .. });
            if record.failed > MOST_ATTEMPTS || is_dead != (record.failed == MOST_ATTEMPTS) {
                wrong.push(format!("I6: {command} ended as {outcome:?} after {} failed attempts", record.failed));
            }
        }
        None => wrong.push(format!("I1: {command} is not known any more")),
    }
    for other in tries.iter().filter(|other| *other != command) {
        if engine.command(other).await.unwrap().is_some() {
            wrong.push(format!("I2: {command} was taken as {other} too"));
        }
    }
}

/// What must hold of the bank: no money made or lost, every transfer ended, every done one told once.
async fn bank(world: &World, events: &[&Event], wrong: &mut Vec<String>) {
    let (tables, _) = world.read_model().tables(&["account", "transfer", "notice"]).await.unwrap();
    let rows =
        |topic| tables.rows(topic).map(|(_, row)| serde_json::from_str::<Value>(row).unwrap()).collect::<Vec<_>>();
    let balances: Vec<_> = rows("account").iter().filter_map(|account| account["balance"].as_i64()).collect();
    if balances.iter().any(|balance| *balance < 0)
        || balances.iter().sum::<i64>() != 20 * i64::try_from(balances.len()).unwrap()
    {
        wrong.push(format!("money was made or lost: {balances:?}"));
    }
    let mut statuses: BTreeMap<(String, bool), u64> = BTreeMap::new();
    for transfer in rows("transfer") {
        let status = transfer["status"].as_str().unwrap_or_default().to_owned();
        *statuses.entry((status, transfer["amount"] == 17)).or_default() += 1;
    }
    let count =
        |status: &str, uncountable| statuses.get(&(status.to_owned(), uncountable)).copied().unwrap_or_default();
    let parked = world.engine().parked(None, usize::MAX).await.unwrap();
    let can_not_count = "the teller can't count to 17";
    if count("ASKED", false) > 0
        || parked.len() as u64 != count("ASKED", true)
        || parked.iter().any(|parked| parked.reason != can_not_count || parked.consumer != "saga/teller")
    {
        wrong.push(format!("transfers are left: {statuses:?}, parked {parked:?}"));
    }
    let letters = world.engine().dead_letters(&["notice-service"]).await.unwrap();
    let notices = events.iter().filter(|event| &*event.topic == "notice").count();
    if (notices + letters.len()) as u64 != count("DONE", false) {
        wrong.push(format!("{notices} notices and {} dead letters of {statuses:?}", letters.len()));
    }
}

/// I7: decided again, the log is the same, and it is as another engine's.
async fn replayed(world: &World, entries: &[Entry], wrong: &mut Vec<String>) {
    let history = Engine::of_history("simulated".into(), entries.to_vec());
    let one = verify(&world.domain, &world.engine(), Scope::default(), Until::End).await.unwrap();
    let other = verify(&world.domain, &history, Scope::default(), Until::End).await.unwrap();
    // What the clerk asked for and nobody could do is missing in the log, and among the dead letters.
    let letters = world.engine().dead_letters(&["notice-service"]).await.unwrap().len() as u64;
    let missing = one.divergences.iter().filter(|divergence| divergence.handler == "clerk").count() as u64;
    if missing != letters
        || (one.divergent - missing, one.consequences, one.waiting, one.on_their_way, one.unchecked) != (0, 0, 0, 0, 0)
    {
        wrong.push(format!("I7: decided again it differs: {one:?}"));
    }
    // A history does not say what was parked: a saga fails on that again, or has not come to it at the log's end.
    let parked = world.engine().parked_count().await.unwrap();
    let told = (other.entries, other.decisions - other.failing, other.failing + other.waiting, other.divergent);
    if told != (one.entries, one.decisions, parked, one.divergent) {
        wrong.push(format!("I7: as a history it is decided otherwise: {one:?} {other:?}"));
    }
}
