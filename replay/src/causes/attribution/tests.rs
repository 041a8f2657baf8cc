use std::time::Duration;

use kernel::{CREATED, DELETED, Junk, Meta, UPDATED};
use testkit::bank;

use super::*;

/// The history of a bank that some other program runs, beginning with two accounts of ten each; each event is named
/// for its millisecond.
struct Bank {
    entries: Vec<Entry>,
    window: Window,
}

const fn at(ms: u64) -> Position {
    Position::new(1_700_000_000_000 + ms, 0)
}

impl Bank {
    fn open() -> Self {
        let bank = Self { entries: Vec::new(), window: Window::default() };
        bank.account(1, CREATED, "ann", 10).account(2, CREATED, "bob", 10)
    }

    fn happens(mut self, ms: u64, topic: &str, action: &str, data: String) -> Self {
        let (topic, action, meta) = (topic.into(), action.to_owned(), Meta::default());
        let (position, number, id) = (at(ms), None, ms.to_string());
        self.entries.push(Entry::Event(Event { topic, position, number, id, action, data, meta }));
        self
    }

    fn account(self, ms: u64, action: &str, id: &str, balance: i64) -> Self {
        let data = format!(r#"{{"entity_id":"{id}","owner":"{id}","balance":{balance}}}"#);
        self.happens(ms, "account", action, data)
    }

    fn transfer(self, ms: u64, id: &str, amount: i64, status: &str) -> Self {
        let action = if status == "ASKED" { CREATED } else { UPDATED };
        let ends = r#""from_id":"ann","to_id":"bob""#;
        let data = format!(r#"{{"entity_id":"{id}",{ends},"amount":{amount},"status":"{status}"}}"#);
        self.happens(ms, "transfer", action, data)
    }

    fn notice(self, ms: u64, text: &str) -> Self {
        self.happens(ms, "notice", "notice_sent", format!(r#"{{"recipient":"ann","text":"{text}"}}"#))
    }

    /// A transfer and all that comes of it, within five milliseconds.
    fn done(self, ms: u64, id: &str, amount: i64, balances: (i64, i64)) -> Self {
        let bank = self.transfer(ms, id, amount, "ASKED").account(ms + 1, UPDATED, "ann", balances.0);
        let bank = bank.account(ms + 2, UPDATED, "bob", balances.1).transfer(ms + 3, id, amount, "DONE");
        bank.notice(ms + 4, &format!("{amount} of {id} left for bob"))
    }

    fn attributed(self) -> Vec<Attributed> {
        let mut attribution = Attribution::new(&bank::domain(), self.window);
        let mut out = Vec::new();
        self.entries.into_iter().for_each(|entry| attribution.take(entry, &mut |next| out.push(next)));
        attribution.end(&mut |next| out.push(next));
        out
    }

    /// What was found, by the milliseconds of events.
    fn found(self) -> Vec<String> {
        let found = self.attributed().into_iter().filter_map(|next| match next {
            Attributed::Entry(Entry::Event(Event { id, meta, .. }), Some(found)) => {
                let (cause, handler) = (meta.cause?, meta.handler?);
                Some(format!("{id}: {handler} on {cause} as of {}, {found:?}", meta.as_of?.ms() - at(0).ms()))
            }
            Attributed::Entry(..) => None,
            Attributed::Decided { cause, handler, as_of } => {
                Some(format!("{handler} on {cause} as of {}", as_of.ms() - at(0).ms()))
            }
        });
        found.collect()
    }
}

#[test]
fn what_does_not_say_where_it_came_from_is_given_its_cause() {
    let bank = Bank::open().done(10, "t", 3, (7, 13));
    let entries = bank.entries.clone();
    let out = bank.attributed();
    let origins: Vec<_> = out
        .iter()
        .zip(&entries)
        .map(|(next, before)| {
            let Attributed::Entry(Entry::Event(event), found) = next else { unreachable!("{next:?}") };
            assert_eq!(Entry::Event(Event { meta: Meta::default(), ..event.clone() }), *before, "else it is as it was");
            (event.meta.clone(), *found)
        })
        .collect();
    let origin = |cause: &str, handler: &str, as_of: u64, command: Option<&str>| {
        let meta = Meta {
            cause: Some(cause.into()),
            handler: Some(handler.into()),
            as_of: Some(at(as_of)),
            command: command.map(str::to_owned),
            ..Meta::default()
        };
        (meta, Some(Match::Exact))
    };
    let nobody = || (Meta::default(), None);
    let teller = || origin("10", "teller", 10, None);
    let command = origins[6].0.command.as_deref();
    assert!(command.is_some(), "it is the answer to a command");
    let clerk = origin("13", "clerk", 13, command);
    assert_eq!(origins, [nobody(), nobody(), nobody(), teller(), teller(), teller(), clerk]);
}

#[test]
fn what_is_recorded_is_left_alone() {
    let mut bank = Bank::open().done(10, "t", 3, (7, 13));
    for entry in &mut bank.entries {
        let Entry::Event(event) = entry else { continue };
        event.meta.command = Some(format!("command {}", event.id));
    }
    let entries = bank.entries.clone();
    let out: Vec<_> = entries.into_iter().map(|entry| Attributed::Entry(entry, None)).collect();
    assert_eq!(bank.attributed(), out);
}

#[test]
fn what_fits_only_a_later_decision_was_decided_right_before() {
    let bank = Bank::open().transfer(10, "t", 3, "ASKED").transfer(11, "u", 4, "ASKED");
    let bank = bank.account(20, UPDATED, "ann", 7).account(21, UPDATED, "bob", 13).transfer(22, "t", 3, "DONE");
    let bank = bank.account(23, UPDATED, "ann", 3).account(24, UPDATED, "bob", 17).transfer(25, "u", 4, "DONE");
    let exact = |ms: u64, cause: &str, as_of: u64| format!("{ms}: teller on {cause} as of {as_of}, Exact");
    let (first, second) = ([20, 21, 22].map(|ms| exact(ms, "10", 10)), [23, 24, 25].map(|ms| exact(ms, "11", 22)));
    assert_eq!(bank.found(), [first, second].concat());
}

#[test]
fn what_would_not_be_done_any_more_may_not_have_been() {
    let transfer = |bank: Bank| {
        let bank = bank.transfer(10, "t", 3, "ASKED").account(11, UPDATED, "ann", 7).account(12, UPDATED, "bob", 13);
        bank.transfer(13, "t", 3, "DONE")
    };
    let silent = transfer(Bank::open()).account(14, DELETED, "ann", 7).account(15, CREATED, "eve", 10);
    let found = silent.found();
    assert_eq!(found.last().map(String::as_str), Some("clerk on 13 as of 14"));
    assert_eq!(found.len(), 4);
    let passed = transfer(Bank::open()).transfer(14, "u", 1, "ASKED").transfer(15, "u", 1, "DONE");
    let passed = passed.notice(16, "1 of u left for bob").account(17, DELETED, "ann", 7).account(18, CREATED, "eve", 1);
    assert!(!passed.found().iter().any(|found| found.starts_with("clerk")), "it was over by then");
}

#[test]
fn what_is_done_otherwise_in_several_steps_is_one_reaction() {
    let bank = Bank::open().done(10, "t", 3, (7, 13)).transfer(20, "u", 3, "ASKED");
    let bank = bank.account(21, UPDATED, "ann", 6).account(22, UPDATED, "ann", 5).account(23, UPDATED, "bob", 16);
    // The teller has never taken more than three milliseconds.
    let found = bank.account(24, UPDATED, "ann", 9).found();
    let is = |ms: u64, found: &str| format!("{ms}: teller on 20 as of 20, {found}");
    assert_eq!(found[4..], [is(21, "Alike"), is(22, "Beside"), is(23, "Exact")]);
}

#[test]
fn what_was_taken_for_an_effect_is_not_once_it_comes() {
    let bank = Bank::open().transfer(10, "t", 3, "ASKED").account(11, UPDATED, "ann", 9);
    let bank = bank.account(12, UPDATED, "ann", 7).account(13, UPDATED, "bob", 13).transfer(14, "t", 3, "DONE");
    let exact = |ms: u64| format!("{ms}: teller on 10 as of 10, Exact");
    assert_eq!(bank.found(), [12, 13, 14].map(exact), "a client had taken one");
}

#[test]
fn what_says_so_itself_is_all_there_is() {
    let mut bank = Bank::open().transfer(10, "t", 3, "ASKED").account(11, UPDATED, "ann", 7);
    bank = bank.account(12, UPDATED, "bob", 13).account(13, UPDATED, "ann", 6);
    let Some(Entry::Event(event)) = bank.entries.get_mut(4) else { unreachable!() };
    (event.meta.cause, event.meta.handler) = (Some("10".into()), Some("teller".into()));
    assert_eq!(bank.found(), [""; 0], "clients did the others");
}

#[test]
fn it_all_comes_out_in_order_however_little_is_waited_for() {
    let junk = || Entry::Junk(Junk { topic: "transfer".into(), position: at(30), number: None, reason: "torn".into() });
    for (time, most) in [(Duration::ZERO, 1), (Duration::from_millis(2), 4), (Duration::from_secs(10), 4_096)] {
        let mut bank = Bank::open().done(10, "t", 3, (7, 13)).done(20, "u", 2, (5, 15));
        bank.entries.push(junk());
        let mut bank = bank.done(40, "v", 1, (4, 16));
        bank.window = Window { time, most };
        let positions: Vec<_> = bank.entries.iter().map(Entry::position).collect();
        let out = bank.attributed().into_iter().filter_map(|next| match next {
            Attributed::Entry(entry, _) => Some(entry.position()),
            Attributed::Decided { .. } => None,
        });
        assert_eq!(out.collect::<Vec<_>>(), positions, "{time:?} {most}");
    }
}
