//! What can be done to a log, over alphabets small enough for things to meet.

use proptest::{collection::vec, option, prelude::*, sample::select};

/// Something done to a log. Events are named by their ordinals, commands and claims by when they came about;
/// an index beyond the last wraps around.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Commit(Vec<Change>),
    Claim { service: &'static str, worker: &'static str, limit: usize },
    Fail { claim: usize, most_attempts: u32 },
    Release(&'static str),
    Expire { worker: &'static str, most_attempts: u32 },
    Requeue { service: &'static str, command: usize },
    Discard { service: &'static str, command: usize },
    Command(usize),
    Read { after: usize, limit: usize },
    Hold { role: &'static str, holder: &'static str, lasts: bool },
    LetGo { role: &'static str, holder: &'static str },
    Everything,
}

/// A commit.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) as_of: usize,
    pub(crate) reads: Vec<(&'static str, &'static str)>,
    pub(crate) except: Option<&'static str>,
    pub(crate) head: Option<usize>,
    pub(crate) append: Vec<Appended>,
    pub(crate) enqueue: Vec<Enqueued>,
    pub(crate) settle: Option<(usize, bool)>,
    pub(crate) advance: Option<Advanced>,
    pub(crate) unpark: Option<Aside>,
    pub(crate) park: Option<(Aside, bool)>,
}

/// Consumer, whether somebody takes it over, who, and the ordinals of the events where it stood and stands.
pub(crate) type Advanced = (&'static str, (bool, &'static str), usize, usize);

/// Consumer, topic and place of an entry that is set aside.
pub(crate) type Aside = (&'static str, &'static str, u64);

/// An event to append.
#[derive(Clone, Debug)]
pub(crate) struct Appended {
    pub(crate) topic: &'static str,
    pub(crate) about: &'static str,
    pub(crate) handler: Option<&'static str>,
    pub(crate) command: bool,
    pub(crate) keep: Option<Keep>,
}

/// A position to keep.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// One as other programs assigned them.
    Foreign(u64),
    /// One that no clock has reached.
    Ahead,
}

/// A command to enqueue, and its Idempotency-Key and fingerprint.
#[derive(Clone, Debug)]
pub(crate) struct Enqueued {
    pub(crate) service: &'static str,
    pub(crate) idempotency: Option<(&'static str, &'static str)>,
}

pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(), 1..40)
}

fn topic() -> impl Strategy<Value = &'static str> {
    select(vec!["cart", "order"])
}

fn service() -> impl Strategy<Value = &'static str> {
    select(vec!["cart-service", "order-service"])
}

fn worker() -> impl Strategy<Value = &'static str> {
    select(vec!["v", "w"])
}

fn text() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "ab"])
}

fn handler() -> impl Strategy<Value = &'static str> {
    select(vec!["crm", "shipping"])
}

fn operation() -> impl Strategy<Value = Operation> {
    let index = 0..64_usize;
    let most_attempts = 1..4_u32;
    let role = select(vec!["projector", "reaper"]);
    prop_oneof![
        8 => vec(change(), 1..4).prop_map(Operation::Commit),
        4 => (service(), worker(), 1..4_usize)
            .prop_map(|(service, worker, limit)| Operation::Claim { service, worker, limit }),
        2 => (index.clone(), most_attempts.clone())
            .prop_map(|(claim, most_attempts)| Operation::Fail { claim, most_attempts }),
        1 => worker().prop_map(Operation::Release),
        1 => (worker(), most_attempts).prop_map(|(worker, most_attempts)| Operation::Expire { worker, most_attempts }),
        1 => (service(), index.clone()).prop_map(|(service, command)| Operation::Requeue { service, command }),
        1 => (service(), index.clone()).prop_map(|(service, command)| Operation::Discard { service, command }),
        1 => index.clone().prop_map(Operation::Command),
        3 => (index, 0..6_usize).prop_map(|(after, limit)| Operation::Read { after, limit }),
        1 => (role.clone(), worker(), any::<bool>())
            .prop_map(|(role, holder, lasts)| Operation::Hold { role, holder, lasts }),
        1 => (role, worker()).prop_map(|(role, holder)| Operation::LetGo { role, holder }),
        2 => Just(Operation::Everything),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let expect = (
        0..64_usize,
        vec((topic(), text()), 0..3),
        option::weighted(0.3, handler()),
        option::weighted(0.1, 0..64_usize),
    );
    let rest = (
        vec(appended(), 0..4),
        vec(enqueued(), 0..3),
        option::weighted(0.4, (0..64_usize, any::<bool>())),
        option::weighted(0.3, advanced()),
        option::weighted(0.2, aside()),
        option::weighted(0.3, (aside(), any::<bool>())),
    );
    (expect, rest).prop_map(|((as_of, reads, except, head), (append, enqueue, settle, advance, unpark, park))| Change {
        as_of,
        reads,
        except,
        head,
        append,
        enqueue,
        settle,
        advance,
        unpark,
        park,
    })
}

fn advanced() -> impl Strategy<Value = Advanced> {
    let holder = (any::<bool>(), worker());
    (select(vec!["saga/crm", "saga/x"]), holder, 0..3_usize, 0..3_usize)
}

fn aside() -> impl Strategy<Value = Aside> {
    (select(vec!["saga/crm", "saga/x"]), select(vec!["cart", "order"]), 9..11_u64)
}

fn appended() -> impl Strategy<Value = Appended> {
    let keep = prop_oneof![8 => (0..99_u64).prop_map(Keep::Foreign), 1 => Just(Keep::Ahead)];
    (topic(), text(), option::of(handler()), any::<bool>(), option::weighted(0.1, keep))
        .prop_map(|(topic, about, handler, command, keep)| Appended { topic, about, handler, command, keep })
}

fn enqueued() -> impl Strategy<Value = Enqueued> {
    let idempotency = (select(vec!["i", "j"]), select(vec!["f", "g"]));
    (service(), option::weighted(0.3, idempotency)).prop_map(|(service, idempotency)| Enqueued { service, idempotency })
}
