use kernel::{CREATED, UPDATED};
use serde_json::{Value, json};
use testkit::bank;

use crate::{
    life::{Life, Part, life},
    sample::Log,
};

use super::*;

const NATIVE: u64 = 1_795_341_904_815;
const FOREIGN: u64 = 1_795_341_904;

#[test]
fn a_length_of_time_is_the_same_on_either_ruler() {
    let (native, foreign) = (Position::new(NATIVE, 7), Position::new(FOREIGN, 815_123));
    assert_eq!(before(native, SOON), Position::new(NATIVE - 2_001, u64::MAX));
    assert_eq!(after(native, SOON), Position::new(NATIVE + 2_000, u64::MAX));
    assert_eq!(before(foreign, SOON), Position::new(FOREIGN - 2, 815_122));
    assert_eq!(after(foreign, SOON), Position::new(FOREIGN + 2, 815_123));
    let half = Duration::from_millis(900);
    assert_eq!(before(foreign, half), Position::new(FOREIGN - 1, 915_122));
    assert_eq!(after(foreign, half), Position::new(FOREIGN + 1, 715_123));
    assert_eq!(before(Position::new(1, 5), SOON), Position::ZERO);
    assert_eq!(before(Position::ZERO, SOON), Position::ZERO);
}

#[test]
fn stretches_that_touch_are_one() {
    let at = |ms: u64| Position::new(NATIVE + ms, 3);
    let from = |ms: u64| Position::new(NATIVE + ms - 2_001, u64::MAX);
    let of = |ms: &[u64]| stretches(ms.iter().map(|ms| at(*ms)));
    assert_eq!(of(&[]), []);
    assert_eq!(of(&[5_000]), [(from(5_000), at(5_000))]);
    assert_eq!(of(&[5_000, 5_000, 6_000, 8_000]), [(from(5_000), at(8_000))], "each begins within the one before");
    assert_eq!(
        of(&[5_000, 7_002, 20_000]),
        [(from(5_000), at(5_000)), (from(7_002), at(7_002)), (from(20_000), at(20_000))]
    );
    let foreign = Position::new(FOREIGN, 1);
    let both = stretches([foreign, at(0)]);
    assert_eq!(both, [(before(foreign, SOON), foreign), (before(at(0), SOON), at(0))], "a foreign log that goes on");
}

/// The life of an account that was changed once, after so many other entries within a second.
async fn changed_after(entries: u64) -> Life {
    let mut log = Log::default();
    for (index, owner) in ["ann", "bob"].into_iter().enumerate() {
        log.account(&format!("{}-{index}", NATIVE - 5_000), CREATED, owner, 10);
    }
    for entry in 0..entries {
        log.notice(&format!("{NATIVE}-{entry}"), &format!("n{entry}"), &json!({"command": "c"}));
    }
    let transfer = json!({"entity_id": "t", "from_id": "ann", "to_id": "bob", "amount": 3, "status": "ASKED"});
    log.event(&format!("{NATIVE}-{entries}"), ("transfer", CREATED), "asked", &transfer, &Value::Null);
    log.account(&format!("{}-0", NATIVE + 1), UPDATED, "ann", 7);
    let timeline = log.timeline().await;
    let domain = bank::domain();
    let part = Part { after: Position::ZERO, until: Position::MAX, limit: 10 };
    life(&timeline, &domain, (domain.topic("account").unwrap(), "ann"), part).await.unwrap()
}

#[tokio::test]
async fn what_comes_exactly_so_late_has_its_cause() {
    for [opened, asked, paid, later] in [
        ["1795341900000-0", "1795341904815-0", "1795341906815-9", "1795341906816-0"],
        ["1795341900-0", "1795341904-815123", "1795341906-815123", "1795341906-815124"],
    ] {
        for (paid, is_found) in [(paid, true), (later, false)] {
            let mut log = Log::default();
            log.account(opened, CREATED, "ann", 10);
            let bob = opened.parse::<Position>().unwrap().successor().to_string();
            log.account(&bob, CREATED, "bob", 10);
            let transfer = json!({"entity_id": "t", "from_id": "ann", "to_id": "bob", "amount": 3, "status": "ASKED"});
            log.event(asked, ("transfer", CREATED), "asked", &transfer, &Value::Null);
            log.account(paid, UPDATED, "ann", 7);
            let timeline = log.timeline().await;
            let stretches = stretches([paid.parse().unwrap()]);
            let found = causes(&timeline, &bank::domain(), stretches).await.unwrap();
            assert_eq!((found.causes.len(), found.is_complete), (usize::from(is_found), true), "{paid}");
        }
    }
}

#[tokio::test]
async fn what_was_not_looked_for_is_told() {
    for (entries, is_searched) in [(0, true), (MOST - 4, true), (MOST - 1, false)] {
        let Life { chapters, more, searched } = changed_after(entries).await;
        assert_eq!((chapters.len(), more, searched), (2, false, is_searched), "{entries}");
        let origin = &chapters[1].origin;
        let cause = origin.cause.as_ref().map(|cause| cause.id.as_str());
        assert_eq!(cause, is_searched.then_some("asked"), "{entries}");
        assert_eq!(origin.handler.as_deref(), is_searched.then_some("teller"), "{entries}");
    }
}
