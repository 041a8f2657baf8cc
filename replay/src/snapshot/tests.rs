use serde_json::json;
use testkit::bank;

use super::*;
use crate::sample::Log;

const SENT: &str = "a7c0-sent";

fn transfer(log: &mut Log, position: &str, (id, amount): (&str, i64), (from, to): (&str, &str)) {
    let data = json!({"entity_id": id, "from_id": from, "to_id": to, "amount": amount, "status": "ASKED"});
    log.event(position, ("transfer", "entity_created"), id, &data, &json!({"command": position}));
}

fn account(log: &mut Log, position: &str, action: &str, (id, owner, balance): (&str, &str, i64)) {
    let data = json!({"entity_id": id, "owner": owner, "balance": balance});
    log.event(position, ("account", action), &format!("{id} {position}"), &data, &json!({"command": position}));
}

/// Two accounts and a transfer that was asked for.
fn bank_log() -> Log {
    let mut log = Log::default();
    account(&mut log, "1795341904000-0", "entity_created", ("1-ann", "Ann", 9));
    account(&mut log, "1795341904000-1", "entity_created", ("2-bob", "Bob", 0));
    transfer(&mut log, "1795341905204-0", (SENT, 4), ("1-ann", "2-bob"));
    log
}

fn told(log: &Log) -> Vec<String> {
    let text = of_entries(&bank::domain(), &log.entries());
    text.lines().map(str::to_owned).collect()
}

#[test]
fn identifiers_are_aliases_and_times_count_from_the_first_event() {
    let mut log = bank_log();
    let (done, meta) = ("entity_updated", json!({"cause": SENT, "handler": "teller", "as_of": "1795341905204-0"}));
    let data = json!({"entity_id": SENT, "from_id": "1-ann", "to_id": "2-bob", "amount": 4, "status": "DONE"});
    log.event("1795343905204-9", ("transfer", done), "done", &data, &meta);
    let expected = [
        r#"+0.000s account#1 entity_created owner: "Ann", balance: 9"#,
        r#"+0.000s account#2 entity_created owner: "Bob", balance: 0"#,
        r#"+1.204s transfer#1 entity_created from_id: account#1, to_id: account#2, amount: 4, status: "ASKED""#,
        "  teller",
        "    account#1 entity_updated balance: 9 → 5",
        "    account#2 entity_updated balance: 0 → 4",
        r#"    transfer#1 entity_updated status: "ASKED" → "DONE""#,
        r#"+2001.204s transfer#1 entity_updated status: "ASKED" → "DONE""#,
        "  clerk",
        r#"    send notice recipient: "Ann", text: "4 of transfer#1 left for account#2""#,
    ];
    assert_eq!(told(&log), expected);
}

#[test]
fn a_saga_has_its_own_effects_in_front() {
    let mut log = bank_log();
    transfer(&mut log, "1795341905205-0", ("b-second", 3), ("1-ann", "2-bob"));
    for (position, cause, balance) in [("1795341905206-0", SENT, 5), ("1795341905206-1", "b-second", 2)] {
        let data = json!({"entity_id": "1-ann", "owner": "Ann", "balance": balance});
        // Decided at its event, before the first one's effect was in the log.
        let at = if cause == SENT { "1795341905204-0" } else { "1795341905205-0" };
        let meta = json!({"cause": cause, "handler": "teller", "as_of": at});
        log.event(position, ("account", "entity_updated"), position, &data, &meta);
    }
    let balances: Vec<_> = told(&log).into_iter().filter(|line| line.contains("account#1 entity_updated")).collect();
    let [decided, logged] = [["9 → 5", "5 → 2"]; 2];
    let expected = decided.iter().map(|change| format!("    account#1 entity_updated balance: {change}"));
    let times = logged.iter().map(|change| format!("+1.206s account#1 entity_updated balance: {change}"));
    assert_eq!(balances, expected.chain(times).collect::<Vec<_>>());
}

#[test]
fn a_decision_made_later_says_as_of_when_and_one_of_nothing_says_so() {
    let mut log = bank_log();
    account(&mut log, "1795341905208-0", "entity_updated", ("1-ann", "Ann", 1));
    let refused = json!({"entity_id": SENT, "from_id": "1-ann", "to_id": "2-bob", "amount": 4, "status": "REFUSED"});
    let meta = json!({"cause": SENT, "handler": "teller", "as_of": "1795341905208-0"});
    log.event("1795341905209-0", ("transfer", "entity_updated"), "refused", &refused, &meta);
    let told = told(&log);
    let became = r#"transfer#1 entity_updated status: "ASKED" → "REFUSED""#;
    assert_eq!(told[3..5], ["  teller, as of +1.208s".to_owned(), format!("    {became}")]);
    assert_eq!(told[6..], [format!("+1.209s {became}"), "  clerk: nothing".to_owned()]);
}

#[test]
fn what_fails_and_what_can_t_be_read_is_told() {
    let mut log = bank_log();
    transfer(&mut log, "1795341905300-0", ("t-17", 17), ("1-ann", "nobody"));
    account(&mut log, "1795341905301-0", "entity_updated", ("3-cy", "Cy", 1));
    account(&mut log, "1795341905302-0", "entity_renamed", ("1-ann", "Ann", 1));
    account(&mut log, "1795341905302-1", "entity_updated", ("1-ann", "Ann", 9));
    log.event("1795341905303-0", ("moon", "risen"), "moon", &json!({}), &json!({"command": "moon"}));
    account(&mut log, "1795341905304-0", "entity_deleted", ("2-bob", "Bob", 0));
    let expected = [
        r#"+1.300s transfer#2 entity_created from_id: account#1, to_id: account#3, amount: 17, status: "ASKED""#,
        "  teller: fails, the teller can't count to 17",
        "+1.301s account#4 entity_updated there is none",
        "+1.302s account entity_renamed, which can't be read: unknown action entity_renamed; account knows \
         entity_created, entity_updated, entity_deleted",
        "+1.302s account#1 entity_updated as it was",
        "+1.303s moon risen, of no topic of the domain",
        r#"+1.304s account#2 entity_deleted owner: "Bob", balance: 0"#,
    ];
    assert_eq!(told(&log)[7..], expected);
}

#[test]
fn a_word_that_only_could_be_an_identifier_stays() {
    let mut log = bank_log();
    account(&mut log, "1795341905300-0", "entity_created", ("ann", "ann and 1-ann, not 1-anna or x1-ann: 2-bob.", 0));
    let line =
        r#"+1.300s account#3 entity_created owner: "ann and account#1, not 1-anna or x1-ann: account#2.", balance: 0"#;
    assert_eq!(told(&log).last().unwrap(), line);
}

#[test]
fn a_part_has_aliases_and_times_of_its_own() {
    let (domain, mut log) = (bank::domain(), bank_log());
    transfer(&mut log, "1795341905304-0", ("c-second", 1), ("2-bob", "1-ann"));
    let (entries, second) = (log.entries(), |event: &Event| event.id == "c-second");
    let part = of_part(&domain, &entries, &reactions(&domain, entries.iter().cloned()), second);
    let expected = [
        r#"+0.000s transfer#1 entity_created from_id: account#1, to_id: account#2, amount: 1, status: "ASKED""#,
        "  teller",
        r#"    transfer#1 entity_updated status: "ASKED" → "REFUSED""#,
    ];
    assert_eq!(part.lines().collect::<Vec<_>>(), expected);
}
