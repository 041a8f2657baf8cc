use super::*;
use crate::Domain;

#[test]
fn chance_is_the_published_generator() {
    let mut chance = Chance(0);
    let first: Vec<_> = std::iter::repeat_with(|| chance.next()).take(3).collect();
    assert_eq!(first, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
}

#[test]
fn seed_and_index_each_give_another_chance() {
    let mut firsts: Vec<_> =
        (0..20).flat_map(|seed| (0..20).map(move |index| Chance::new(seed, index).next())).collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 400);
    assert_eq!(Chance::new(7, 3).next(), Chance::new(7, 3).next());
}

#[test]
fn every_number_below_the_end_comes_up_and_no_other() {
    let mut chance = Chance::new(1, 0);
    let mut seen = [0; 6];
    for _ in 0..6_000 {
        seen[usize::try_from(chance.below(6)).unwrap()] += 1;
    }
    assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
    assert_eq!(chance.below(0), 0);
    assert!((0..1_000).all(|_| chance.percent(100) && !chance.percent(0)));
}

#[test]
fn a_pick_is_one_of_them_or_nothing() {
    let mut chance = Chance::new(1, 0);
    assert!((0..100).all(|_| ["a", "b"].contains(chance.pick(&["a", "b"]).unwrap())));
    assert_eq!(chance.pick::<u8>(&[]), None);
}

struct Knocker {
    door: u64,
    open: bool,
}

impl Scenario for Knocker {
    fn new(seed: u64, index: u64) -> Self {
        Self { door: seed + index, open: false }
    }

    fn next(&mut self, now_ms: u64) -> Request {
        match self.open {
            false => Request::get("knock", format!("/door/{}", self.door)),
            true => Request::put("enter", format!("/door/{}", self.door), now_ms.into()),
        }
    }

    fn answered(&mut self, status: u16, _: &Value) {
        self.open = status == 200;
    }
}

#[test]
fn a_domain_hands_out_its_scenario() {
    assert!(Domain::new("void").scenario(1, 2).is_none());
    let mut knocker = Domain::new("house").demo::<Knocker>().scenario(40, 2).unwrap();
    assert_eq!(knocker.next(5), Request::get("knock", "/door/42"));
    knocker.answered(504, &Value::Null);
    assert_eq!(knocker.next(6), Request::get("knock", "/door/42"));
    knocker.answered(200, &Value::Null);
    assert_eq!(knocker.next(7), Request::put("enter", "/door/42", 7.into()));
    assert_eq!(
        [Method::Get, Method::Post, Method::Put, Method::Delete].map(Method::name).join(" "),
        "GET POST PUT DELETE"
    );
}
