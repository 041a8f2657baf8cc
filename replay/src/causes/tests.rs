use kernel::{CREATED, Junk, Meta, UPDATED};
use testkit::bank;

use super::*;

const NOTICE: &str = "notice_sent";

/// The history of a bank that some other program runs, an entry each ten milliseconds, beginning at 1000.
struct Bank {
    inference: Inference,
    entries: Vec<Entry>,
    now: Position,
    meta: Meta,
}

impl Bank {
    fn new(window: Window) -> Self {
        let inference = Inference::new(&bank::domain(), window);
        Self { inference, entries: Vec::new(), now: native(990), meta: Meta::default() }
    }

    /// Two customers with ten each.
    fn open() -> Self {
        let mut bank = Self::new(Window::default());
        for id in ["ann", "bob"] {
            assert_eq!(bank.account(CREATED, id, 10), None);
        }
        bank
    }

    fn account(&mut self, action: &str, id: &str, balance: i64) -> Option<String> {
        self.happens("account", action, &account(id, balance))
    }

    fn transfer(&mut self, id: &str, from: &str, to: &str, amount: i64) {
        let asked = self.happens("transfer", CREATED, &transfer(id, from, to, amount, "ASKED"));
        assert_eq!(asked, None);
    }

    fn happens(&mut self, topic: &str, action: &str, data: &str) -> Option<String> {
        self.now = Position::new(self.now.ms() + 10, 0);
        self.happens_now(topic, action, data)
    }

    /// Each event is named for its position.
    fn happens_now(&mut self, topic: &str, action: &str, data: &str) -> Option<String> {
        let (id, action, data) = (self.now.to_string(), action.to_owned(), data.to_owned());
        let (topic, position, number, meta) = (topic.into(), self.now, None, std::mem::take(&mut self.meta));
        let entry = Entry::Event(Event { topic, position, number, id, action, data, meta });
        let cause = self.inference.take(&entry);
        self.entries.push(entry);
        let Cause { event, topic, id, handler, fit } = cause?;
        assert_eq!(event.to_string(), id);
        Some(format!("{handler} on {topic} {}, {fit:?}", event.ms()))
    }
}

const fn native(ms: u64) -> Position {
    Position::new(1_700_000_000_000 + ms, 0)
}

fn account(id: &str, balance: i64) -> String {
    format!(r#"{{"entity_id":"{id}","owner":"{id}","balance":{balance}}}"#)
}

fn transfer(id: &str, from: &str, to: &str, amount: i64, status: &str) -> String {
    format!(r#"{{"entity_id":"{id}","from_id":"{from}","to_id":"{to}","amount":"{amount}","status":"{status}"}}"#)
}

fn because(ms: u64, rest: &str) -> Option<String> {
    let (handler, fit) = rest.split_once(", ").unwrap();
    Some(format!("{handler} on transfer {}, {fit}", native(ms).ms()))
}

#[test]
fn effects_are_found_by_what_they_say() {
    let mut bank = Bank::open();
    bank.transfer("t", "ann", "bob", 3);
    assert_eq!(bank.account(UPDATED, "bob", 13), because(1020, "teller, Exact"), "in any order");
    assert_eq!(bank.account(UPDATED, "ann", 7), because(1020, "teller, Exact"));
    let done = transfer("t", "ann", "bob", 3, "DONE");
    assert_eq!(bank.happens("transfer", UPDATED, &done), because(1020, "teller, Exact"));
    let text = r#"{"recipient":"ann","text":"3 of t left for bob"}"#;
    assert_eq!(bank.happens("notice", NOTICE, text), because(1050, "clerk, Exact"));
    assert_eq!(bank.happens("notice", NOTICE, text), None, "each effect comes once");
    assert_eq!((bank.inference.waiting(), bank.inference.failures()), (0, 0));
}

#[test]
fn what_differs_in_more_than_what_it_is_about_is_only_alike() {
    let mut bank = Bank::open();
    bank.transfer("t", "ann", "bob", 3);
    assert_eq!(bank.account(UPDATED, "ann", 6), because(1020, "teller, Alike"), "a fee was taken");
    assert_eq!(bank.account(UPDATED, "ann", 5), None, "once");
    assert_eq!(bank.account(UPDATED, "ann", 2), because(1020, "teller, Exact"), "what fits may still come");
    let other = transfer("t", "bob", "bob", 3, "DONE");
    assert_eq!(bank.happens("transfer", UPDATED, &other), None, "references are the same or it is something else");
}

#[test]
fn of_texts_the_one_about_the_same_numbers_is_meant() {
    let mut bank = Bank::open();
    for (id, amount) in [("t1", 1), ("t2", 2)] {
        bank.transfer(id, "ann", "bob", amount);
        bank.happens("transfer", UPDATED, &transfer(id, "ann", "bob", amount, "DONE")).unwrap();
    }
    let notice = |whom: &str, text: &str| format!(r#"{{"recipient":"{whom}","text":"{text}"}}"#);
    let mut noticed = |whom: &str, text: &str| bank.happens("notice", NOTICE, &notice(whom, text));
    assert_eq!(noticed("eve", "t2"), None, "nothing in it is the same");
    assert_eq!(noticed("ann", "bob has t2, € 2."), because(1050, "clerk, Alike"));
    assert_eq!(noticed("ann", "something has gone"), because(1030, "clerk, Alike"));
    assert_eq!(noticed("ann", "something has gone"), None);
}

#[test]
fn what_was_read_and_has_changed_is_decided_again() {
    let mut bank = Bank::open();
    bank.transfer("t1", "ann", "bob", 3);
    bank.transfer("t2", "ann", "bob", 4);
    bank.transfer("t3", "ann", "bob", 8);
    assert_eq!(bank.account(UPDATED, "ann", 7), because(1020, "teller, Exact"));
    assert_eq!(bank.account(UPDATED, "bob", 13), because(1020, "teller, Exact"));
    assert_eq!(bank.account(UPDATED, "ann", 3), because(1030, "teller, Exact"), "7 - 4, not 10 - 4");
    assert_eq!(bank.account(UPDATED, "bob", 17), because(1030, "teller, Exact"));
    let refused = transfer("t3", "ann", "bob", 8, "REFUSED");
    assert_eq!(bank.happens("transfer", UPDATED, &refused), because(1040, "teller, Exact"), "8 were there once");
    assert_eq!(bank.account(UPDATED, "ann", 2), None, "so nothing is left of that");
}

#[test]
fn effects_of_one_commit_stay_together() {
    let mut bank = Bank::open();
    bank.account(CREATED, "eve", 10);
    bank.transfer("t1", "eve", "bob", 1);
    bank.transfer("t2", "ann", "bob", 1);
    assert_eq!(bank.account(UPDATED, "ann", 9), because(1040, "teller, Exact"));
    bank.now = bank.now.successor();
    let next = bank.happens_now("account", UPDATED, &account("bob", 11));
    assert_eq!(next, because(1040, "teller, Exact"), "though the first transfer would do the same");
}

#[test]
fn of_two_that_would_have_done_it_the_earlier_has() {
    let mut bank = Bank::open();
    bank.account(CREATED, "eve", 10);
    bank.transfer("t1", "eve", "bob", 1);
    bank.transfer("t2", "ann", "bob", 1);
    assert_eq!(bank.account(UPDATED, "bob", 11), because(1030, "teller, Exact"));
}

#[test]
fn the_earlier_has_done_it_even_if_it_could_not_at_first() {
    let mut bank = Bank::open();
    bank.account(CREATED, "eve", 0);
    bank.transfer("t1", "eve", "bob", 1);
    bank.transfer("t2", "ann", "bob", 1);
    assert_eq!(bank.account(UPDATED, "eve", 5), None, "somebody's own money");
    assert_eq!(bank.account(UPDATED, "bob", 11), because(1030, "teller, Exact"));
}

#[test]
fn what_would_change_nothing_is_only_found_in_what_changes_nothing() {
    let mut bank = Bank::open();
    bank.transfer("t", "ann", "bob", 0);
    assert_eq!(bank.account(UPDATED, "ann", 50), None);
    assert_eq!(bank.account(UPDATED, "ann", 10), None, "that changes something");
    assert_eq!(bank.account(UPDATED, "bob", 10), because(1020, "teller, Exact"));
}

#[test]
fn what_says_itself_where_it_came_from_is_believed_and_used_up() {
    let mut bank = Bank::open();
    bank.transfer("t", "ann", "bob", 3);
    bank.meta = Meta { command: Some("c".into()), ..Meta::default() };
    assert_eq!(bank.account(UPDATED, "ann", 7), None, "somebody asked for it");
    let (cause, handler) = (Some(native(1020).to_string()), Some("teller".to_owned()));
    bank.meta = Meta { cause, handler, ..Meta::default() };
    assert_eq!(bank.account(UPDATED, "bob", 13), None, "it says so itself");
    assert_eq!(bank.account(UPDATED, "bob", 13), None, "that was it");
    assert_eq!(bank.account(UPDATED, "ann", 7), because(1020, "teller, Exact"), "as much as is left");
}

#[test]
fn effects_are_waited_for_as_long_as_the_window_says() {
    let window = Window { time: Duration::from_millis(50), ..Window::default() };
    for (late, cause) in [(1060, because(1010, "teller, Exact")), (1061, None)] {
        let mut bank = Bank::new(window);
        bank.account(CREATED, "ann", 10);
        bank.transfer("t", "ann", "nobody", 11);
        bank.now = native(late - 10);
        assert_eq!(bank.happens("transfer", UPDATED, &transfer("t", "ann", "nobody", 11, "REFUSED")), cause, "{late}");
    }
}

#[test]
fn what_is_only_given_causes_nothing_and_has_no_cause() {
    let given = || Meta { given: true, ..Meta::default() };
    let mut bank = Bank::open();
    bank.meta = given();
    bank.transfer("t", "ann", "bob", 3);
    assert_eq!((bank.inference.waiting(), bank.account(UPDATED, "ann", 7)), (0, None));
    bank.transfer("u", "bob", "ann", 3);
    bank.meta = given();
    assert_eq!(bank.account(UPDATED, "bob", 7), None);
    assert_eq!(bank.account(UPDATED, "bob", 7), because(1040, "teller, Exact"));
}

#[test]
fn the_oldest_are_given_up_when_too_many_are_waited_for() {
    let mut bank = Bank::new(Window { most: 6, ..Window::default() });
    bank.account(CREATED, "ann", 10);
    bank.account(CREATED, "bob", 10);
    bank.transfer("t1", "ann", "bob", 1);
    bank.transfer("t2", "ann", "bob", 2);
    assert_eq!(bank.inference.waiting(), 6);
    bank.transfer("t3", "ann", "bob", 3);
    assert_eq!(bank.inference.waiting(), 6);
    assert_eq!(bank.happens("transfer", UPDATED, &transfer("t1", "ann", "bob", 1, "DONE")), None);
    let second = bank.happens("transfer", UPDATED, &transfer("t2", "ann", "bob", 2, "DONE"));
    assert_eq!(second, None, "the clerk's reaction to the first counts too");
    let third = bank.happens("transfer", UPDATED, &transfer("t3", "ann", "bob", 3, "DONE"));
    assert_eq!(third, because(1040, "teller, Exact"));
}

#[test]
fn what_fails_or_cannot_be_read_predicts_nothing_and_is_counted() {
    let mut bank = Bank::open();
    bank.transfer("t", "ann", "bob", 17);
    assert_eq!(bank.happens("transfer", CREATED, "{"), None);
    assert_eq!(bank.happens("notice", "notice_lost", "{}"), None);
    assert_eq!(bank.happens("of no topic", CREATED, "{"), None);
    let (topic, position) = ("transfer".into(), native(2_000));
    let junk = Entry::Junk(Junk { topic, position, number: None, reason: "torn".into() });
    assert_eq!(bank.inference.take(&junk), None);
    assert_eq!((bank.inference.waiting(), bank.inference.failures()), (0, 4));
}

#[test]
fn it_begins_from_rows_as_it_does_from_the_log() {
    let mut bank = Bank::open();
    let rows = |id: &str| (id.to_owned(), account(id, 10));
    let tables = Tables([("account".to_owned(), ["ann", "bob"].map(rows).into())].into());
    bank.transfer("before", "bob", "ann", 3);
    let mut later = Inference::from_state(&bank::domain(), &tables, bank.now, Window::default());
    bank.transfer("t", "ann", "bob", 3);
    assert_eq!(bank.account(UPDATED, "ann", 7), because(1030, "teller, Exact"));
    assert_eq!(bank.account(UPDATED, "ann", 10), because(1020, "teller, Exact"));
    let found: Vec<_> = bank.entries.iter().map(|entry| later.take(entry).map(|cause| cause.fit)).collect();
    assert_eq!(found, [None, None, None, None, Some(Fit::Exact), None], "what is in the rows is passed over");
    assert_eq!(later.failures(), 0);
}
