use kernel::{CREATED, Entry, Event as Fact, Meta, Number, Position, UPDATED};
use ratatui::{Terminal, backend::TestBackend};
use replay::steps::steps_of;
use serde_json::{Value, json};
use testkit::bank;

use super::{state::Mode, *};

/// What would steer a terminal, and what is wide or put together.
const STRANGE: &str = "\u{1b}[2J日本\u{202e}e\u{301}👩\u{200d}🚀\u{9b}\n";

/// A bank's log: each line is a topic, an action, data and where it came from.
fn log(lines: &[(&str, &str, Value, Meta)]) -> Vec<Entry> {
    let event = |((topic, action, data, meta), number): (&(&str, &str, Value, Meta), u64)| {
        Entry::Event(Fact {
            topic: (*topic).into(),
            position: Position::new(1_795_341_904_815 + 40 * number, 0),
            number: Some(Number(number)),
            id: format!("e{number}"),
            action: (*action).to_owned(),
            data: data.to_string(),
            meta: meta.clone(),
        })
    };
    lines.iter().zip(1..).map(event).collect()
}

/// Ann gives Bob 30, of which the log has that she gave 31, and 5, of which the log says nothing yet.
fn bank_log() -> Vec<Entry> {
    let account = |id: &str, owner: &str, balance: u64| json!({"entity_id": id, "owner": owner, "balance": balance});
    let transfer = |id: &str, amount: u64, status: &str| json!({"entity_id": id, "from_id": "ann", "to_id": "bob", "amount": amount, "status": status});
    let client = || Meta { command: Some("c1".into()), ..Meta::default() };
    let teller = || Meta { cause: Some("e3".into()), handler: Some("teller".into()), ..Meta::default() };
    log(&[
        ("account", CREATED, account("ann", "Ann", 100), client()),
        ("account", CREATED, account("bob", STRANGE, 0), client()),
        ("transfer", CREATED, transfer("t1", 30, "ASKED"), client()),
        ("account", UPDATED, account("ann", "Ann", 69), teller()),
        ("account", UPDATED, account("bob", STRANGE, 30), teller()),
        ("transfer", UPDATED, transfer("t1", 30, "DONE"), teller()),
        ("transfer", CREATED, transfer("t2", 5, "ASKED"), client()),
        ("transfer", "transfer_lost", transfer("t2", 5, "ASKED"), Meta::default()),
    ])
}

fn state_of(entries: Vec<Entry>) -> State {
    let steps = steps_of(&bank::domain(), entries, Scope::default());
    State::new("bank.jsonl", steps, None, read_moment)
}

fn read_moment(text: &str) -> Result<kernel::Moment, runtime::moment::UnreadableMoment> {
    runtime::moment::read(text, &Zoned::new(jiff::Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC))
}

fn state() -> State {
    state_of(bank_log())
}

/// Types characters; where the state is afterwards, by its event's number.
#[track_caller]
fn typed(state: &mut State, keys: &str) -> u64 {
    for c in keys.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '⌫' => Key::Backspace,
            c => Key::Character(c),
        };
        assert_eq!(state.press(key), Flow::Stay, "{keys}");
    }
    state.step().unwrap().event.number.unwrap()
}

fn screen(state: &mut State, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, Colours::Some)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_divergence_on_a_small_terminal() {
    let mut state = state();
    assert_eq!(typed(&mut state, "d"), 3);
    insta::assert_snapshot!("a_divergence_on_80x24", screen(&mut state, (80, 24)));
}

#[test]
fn the_keys_are_explained() {
    let mut state = state();
    typed(&mut state, "?");
    insta::assert_snapshot!("help_on_80x24", screen(&mut state, (80, 24)));
    typed(&mut state, "x");
    assert_eq!(state.mode, Mode::Stepping, "any key ends it");
}

#[test]
fn what_an_event_holds_is_shown_and_steers_nothing() {
    let mut state = state();
    typed(&mut state, "j");
    let shown = screen(&mut state, (80, 24));
    assert_eq!(shown.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}'), None, "{shown:?}");
    insta::assert_snapshot!("strange_characters_on_60x12", screen(&mut state, (60, 12)));
}

#[test]
fn a_large_terminal_needs_no_scrolling_and_a_tiny_one_says_what_it_needs() {
    let mut state = state();
    typed(&mut state, "d");
    let shown = screen(&mut state, (200, 60));
    assert!(shown.lines().all(|line| !line.contains(", J")), "{shown}");
    assert!(shown.contains("changed account ann changed:"), "{shown}");
    assert!(screen(&mut state, (20, 5)).contains("needs 40x10"));
    for size in [(40, 10), (41, 11), (1, 1), (80, 10), (40, 60), (500, 200)] {
        screen(&mut state, size);
    }
}

#[test]
fn keys_step_on_and_back() {
    let mut state = state();
    assert_eq!(
        [typed(&mut state, "j"), typed(&mut state, "n"), typed(&mut state, " "), typed(&mut state, "k")],
        [2, 3, 4, 3]
    );
    for (key, number) in [
        (Key::Next, 4),
        (Key::Previous, 3),
        (Key::End, 8),
        (Key::Next, 8),
        (Key::PageUp, 1),
        (Key::Previous, 1),
        (Key::PageDown, 8),
        (Key::Home, 1),
    ] {
        assert_eq!(state.press(key), Flow::Stay);
        assert_eq!(typed(&mut state, ""), number, "{key:?}");
    }
    state.page = 3;
    state.press(Key::PageDown);
    assert_eq!(typed(&mut state, ""), 4);
    state.press(Key::End);
    typed(&mut state, "j");
    assert_eq!(state.note.as_deref(), Some("this is the last step"));
    assert_eq!([Key::Character('q'), Key::Escape, Key::Interrupt].map(|key| state.press(key)), [Flow::Quit; 3]);
}

#[test]
fn what_differs_is_gone_to_on_and_back() {
    let mut state = state();
    assert_eq!(state.differing, [2]);
    assert_eq!([typed(&mut state, "d"), typed(&mut state, "d")], [3, 3]);
    assert_eq!(state.note.as_deref(), Some("no later decision differs"));
    state.press(Key::End);
    assert_eq!([typed(&mut state, "D"), typed(&mut state, "D")], [3, 3]);
    assert_eq!(state.note.as_deref(), Some("no earlier decision differs"));
    let mut sound = state_of(bank_log().into_iter().take(2).collect());
    typed(&mut sound, "d");
    assert_eq!(sound.note.as_deref(), Some("nothing is decided otherwise than the log has it"));
    let mut foreign = state_of(bank_log().into_iter().take(3).collect());
    typed(&mut foreign, "d");
    assert_eq!(foreign.note.as_deref(), Some("none differs; the log says nothing of 1 decision"));
}

#[test]
fn a_search_finds_what_is_told_and_begins_anew_at_the_end() {
    let mut state = state();
    let mut found = |keys: &str| (typed(&mut state, keys), state.note.clone());
    assert_eq!(found("/TRANSFER\n"), (3, None), "what is decided about it is told as well");
    assert_eq!(found("/\n"), (6, None), "the same again");
    assert_eq!(found("/e8\n"), (8, None), "an identifier");
    assert_eq!(found("/日本\n"), (2, Some("\"日本\": went on from the beginning".to_owned())));
    assert_eq!(found("/lossT⌫⌫t\n"), (8, None), "what was typed can be mended");
    assert_eq!(found("/lost\n"), (8, Some("\"lost\": only here".to_owned())));
    assert_eq!(found("/nowhere\n"), (8, Some("\"nowhere\" is in no step".to_owned())));
    assert_eq!(found("/⌫k"), (7, None), "nothing left to mend ends it");
    let escaped = ["/ann", "gq"].map(|keys| {
        typed(&mut state, keys);
        let typed = state.mode.clone();
        assert_eq!(state.press(Key::Escape), Flow::Stay);
        (typed, state.mode == Mode::Stepping)
    });
    assert_eq!(escaped, [(Mode::Search("ann".into()), true), (Mode::Go("q".into()), true)]);
    typed(&mut state, "/\u{1b}\u{202e}");
    typed(&mut state, &"x".repeat(1_000));
    assert_eq!(state.mode, Mode::Search("x".repeat(200)));
    assert!(screen(&mut state, (40, 10)).contains("x▏"));
}

#[test]
fn a_place_is_gone_to_by_number_position_or_time() {
    let mut state = state();
    let mut gone = |text: &str| (typed(&mut state, &format!("g{text}\n")), state.note.clone());
    assert_eq!(gone("5"), (5, None));
    assert_eq!(gone("1795341904935-0"), (3, None));
    assert_eq!(gone("1795341904936-0"), (4, None), "the first at or after");
    assert_eq!(gone(" 2026-11-22T10:05:05.055Z "), (6, None));
    assert_eq!(gone(""), (6, None));
    assert_eq!(gone("e2"), (2, None), "an identifier");
    assert_eq!(gone("6"), (6, None));
    assert_eq!(gone("99"), (6, Some("no step is at or after 99".to_owned())));
    let no_moment = "no number, position, time (as 2026-11-22 15:04) or id that is here: soon";
    assert_eq!(gone("soon"), (6, Some(no_moment.to_owned())));
    for step in &mut state.steps {
        step.event.number = None;
    }
    "g50".chars().for_each(|c| assert_eq!(state.press(Key::Character(c)), Flow::Stay));
    state.press(Key::Enter);
    assert_eq!(state.note.as_deref(), Some("this history has no event numbers; g takes a position or a time"));
    assert_eq!(state.at, 5);
}

#[test]
fn an_event_is_followed_to_what_it_came_of() {
    let mut state = state();
    assert_eq!(typed(&mut state, "g5\n"), 5);
    let shown = screen(&mut state, (120, 24));
    assert!(shown.contains("because of event 3 (1795341904935-0), by saga teller"), "{shown}");
    assert_eq!((typed(&mut state, "c"), state.note.clone()), (3, None));
    assert_eq!(typed(&mut state, "c"), 3);
    assert_eq!(state.note.as_deref(), Some("the log names no event that this one came of"));
    assert_eq!(typed(&mut state, "g5\n"), 5);
    state.steps[2].event.id = "other".to_owned();
    assert_eq!(typed(&mut state, "c"), 5);
    assert_eq!(state.note.as_deref(), Some("not among these steps: event 3 (1795341904935-0)"));
}

#[test]
fn what_does_not_fit_is_scrolled() {
    let mut state = state();
    typed(&mut state, "d");
    let top = screen(&mut state, (60, 12));
    assert!(top.contains("lines more, J") && top.contains("transfer t1 created"), "{top}");
    typed(&mut state, "JJJ");
    let below = screen(&mut state, (60, 12));
    assert!(!below.contains("created:"), "{below}");
    typed(&mut state, &"J".repeat(100));
    let end = screen(&mut state, (60, 12));
    assert!(!end.contains(", J") && end.contains("status \"ASKED\" → \"DONE\""), "{end}");
    typed(&mut state, "K");
    assert_eq!(state.scrolled, state.most_scrolled - 1);
    typed(&mut state, "kj");
    assert_eq!(state.scrolled, 0, "another step begins at its top");
}

#[test]
fn what_happened_is_seen_in_the_list_however_long_the_key() {
    let id = "735fef3c-7faa-52d0-a058-471a84940597";
    let row = |status: &str| json!({"entity_id": id, "from_id": "a", "to_id": "b", "amount": 1, "status": status});
    let mut entries = log(&[
        ("transfer", CREATED, row("ASKED"), Meta::default()),
        ("transfer", UPDATED, row("DONE"), Meta::default()),
        ("transfer", kernel::DELETED, row("DONE"), Meta::default()),
    ]);
    for entry in &mut entries {
        if let Entry::Event(event) = entry {
            event.number = None;
        }
    }
    let shown = screen(&mut state_of(entries), (80, 24));
    let list: Vec<_> = shown.lines().skip(3).take(3).map(|line| line[1..].split('│').next().unwrap().trim()).collect();
    let expected = ["! +0.000 s + transfer 735fef…", "+0.040 s ~ transfer 735fef…", "+0.080 s - transfer 735fef…"];
    assert_eq!(list, expected);
}

/// The first steps of more.
fn part(steps: usize, all: Option<u64>) -> State {
    let mut held = state().steps;
    held.truncate(steps);
    let outside = Outside { next: Position::new(1_795_382_731_128, 1), all };
    State::new("bank.jsonl", held, Some(outside), read_moment)
}

#[test]
fn nothing_is_said_of_steps_that_are_not_here() {
    const REST: &str = "steps; the rest with --from 1795382731128-1";
    let mut state = part(2, Some(146_525));
    assert_eq!(state.note, Some(format!("only the first 2 steps are here{}", &REST[5..])));
    let mut said = |keys: &str| {
        typed(&mut state, keys);
        state.note.clone().unwrap_or_default()
    };
    assert_eq!(said("d"), format!("none in the first 2 {REST}"));
    assert_eq!(said("D"), format!("none in the first 2 {REST}"));
    assert_eq!(said("g140000\n"), format!("not in the first 2 {REST}"));
    assert_eq!(said("/nowhere\n"), format!("not in the first 2 {REST}"));
    assert_eq!(said("/ann\n"), format!("only here in the first 2 {REST}"));
    assert_eq!(said("jj"), format!("the last of the first 2 {REST}"));
    assert_eq!(said("/ann\n"), format!("again from the beginning of the first 2 {REST}"));
    assert_eq!((state.press(Key::End), state.at), (Flow::Stay, 1));
    assert_eq!(state.note, Some(format!("the last of the first 2 {REST}")));
    typed(&mut state, "k");
    let shown = screen(&mut state, (80, 24));
    assert!(shown.contains(" 1 of first 2 of 146,525, 0 decisions differ"), "{shown}");

    let mut differing = part(3, None);
    assert_eq!(typed(&mut differing, "dd"), 3);
    assert_eq!(differing.note, Some(format!("no later one in the first 3 {REST}")));
    let shown = screen(&mut differing, (80, 24));
    assert!(shown.contains(" step 3 of the first 3, 1 decision differs"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_steps_are_held_and_the_others_counted() {
    let domain = bank::domain();
    let mut lines: Vec<(&str, &str, Value, Meta)> = Vec::new();
    for number in 0..12 {
        let data = json!({"entity_id": format!("a{number}"), "owner": "Ann", "balance": 100});
        lines.push(("account", CREATED, data, Meta { command: Some("c1".into()), ..Meta::default() }));
    }
    for number in 0..8 {
        let id = format!("t{number}");
        let data = json!({"entity_id": id, "from_id": "a0", "to_id": "a1", "amount": 1, "status": "ASKED"});
        lines.push(("transfer", CREATED, data, Meta { command: Some("c2".into()), ..Meta::default() }));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.jsonl");
    let text = |entry: Entry| match entry {
        Entry::Event(event) => format!("{}\n", runtime::history::write_line(&event)),
        Entry::Junk(junk) => panic!("{junk:?}"),
    };
    std::fs::write(&file, log(&lines).into_iter().map(text).collect::<String>()).unwrap();
    let engine = Engine::open_history(&file, &domain).unwrap();
    let (all, none) = gather(&domain, &engine, Scope::default(), 20).await.unwrap();
    assert_eq!((all.len(), none), (20, None));
    let accounts = Scope { topic: Some("account".to_owned()), ..Scope::default() };
    let teller = Scope { handler: Some("teller".to_owned()), ..Scope::default() };
    let from = Scope { from: all[4].event.position, to: all[13].event.position, ..Scope::default() };
    for (scope, count) in [(Scope::default(), Some(20)), (accounts, Some(12)), (teller, None), (from, Some(10))] {
        let (whole, _) = gather(&domain, &engine, scope.clone(), 20).await.unwrap();
        let (held, outside) = gather(&domain, &engine, scope, 5).await.unwrap();
        assert_eq!((held.len(), outside), (5, Some(Outside { next: whole[5].event.position, all: count })));
    }
}

#[test]
fn a_history_without_events_is_shown_as_such() {
    let mut state = state_of(Vec::new());
    for key in "jkdD/x\ngx\n?JK ".chars() {
        state.press(if key == '\n' { Key::Enter } else { Key::Character(key) });
        screen(&mut state, (80, 24));
    }
    for key in [Key::PageDown, Key::PageUp, Key::Home, Key::End] {
        state.press(key);
    }
    assert!(screen(&mut state, (80, 24)).contains("no events"));
}

#[test]
fn text_is_folded_at_spaces_and_no_wider_than_there_is_room() {
    use super::draw::fold;
    assert_eq!(fold("aa bb cc", 5, 0), ["aa bb", "  cc"]);
    assert_eq!(fold("aaaaaaaa", 5, 1), [" aaaa", "  aaa", "  a"].map(str::to_owned)[..].to_vec());
    assert_eq!(fold("日本日本", 5, 0), ["日本", "  日", "  本"]);
    assert_eq!(fold("", 5, 2), [""]);
    let sentence = "no row changes: the domain does not have the topic";
    assert_eq!(fold(sentence, 36, 4), ["    no row changes: the domain does", "      not have the topic"]);
}

#[test]
fn keys_of_a_terminal_are_understood() {
    let plain = |code| key(KeyEvent::new(code, KeyModifiers::NONE));
    assert_eq!([KeyCode::Right, KeyCode::Down].map(plain), [Some(Key::Next); 2]);
    assert_eq!([plain(KeyCode::Char('D')), plain(KeyCode::F(1))], [Some(Key::Character('D')), None]);
    let control = |c| key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
    assert_eq!([control('c'), control('d')], [Some(Key::Interrupt), None]);
}
