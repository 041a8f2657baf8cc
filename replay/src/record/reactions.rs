//! Decisions of a log made again, for whoever wants what they read.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use kernel::{Decided, Domain, Draft, Entry, Event, Failure, Occurrence, Position, Row, SagaHandler, Then, View};
use runtime::{Engine, StoreError, host::guarded};

/// A decision about an event, made again as of when it was made.
#[derive(Debug)]
pub(super) struct Reaction {
    pub(super) event: Arc<Event>,
    pub(super) handler: &'static str,
    pub(super) as_of: Position,
    pub(super) outcome: Result<Decided, Failure>,
    /// What the log has as the reaction, what services did left out.
    pub(super) held: Vec<Arc<Event>>,
}

/// Shows the reactions of a log, each saga's in log order.
pub(super) async fn of_log(
    domain: &Domain,
    engine: &Engine,
    until: Position,
    visit: &mut (dyn FnMut(Reaction) + Send),
) -> Result<(), StoreError> {
    let mut entries = Vec::new();
    let mut after = kernel::Checkpoint::default();
    loop {
        let page = engine.read(&after, 4_096).await?;
        let Some(last) = page.entries.last() else { break };
        after.position = last.position();
        entries.extend(page.entries.into_iter().filter(|entry| entry.position() <= until));
    }
    of_entries(domain, &entries, visit);
    Ok(())
}

/// As [`of_log`], of entries that are there already.
pub(super) fn of_entries(domain: &Domain, entries: &[Entry], visit: &mut dyn FnMut(Reaction)) {
    domain.sagas().iter().for_each(|saga| of_saga(*saga, domain, entries, visit));
}

struct Late {
    as_of: Position,
    index: usize,
    before: Option<Row>,
    then: Then,
}

fn of_saga(saga: SagaHandler, domain: &Domain, entries: &[Entry], visit: &mut dyn FnMut(Reaction)) {
    let events = || {
        entries.iter().enumerate().filter_map(|(index, entry)| match entry {
            Entry::Event(event) => Some((index, event)),
            Entry::Junk(_) => None,
        })
    };
    let places: HashMap<&str, usize> =
        events().filter(|(_, event)| saga.wants(event)).map(|(index, event)| (&*event.id, index)).collect();
    let mut held: HashMap<usize, Vec<Arc<Event>>> = HashMap::new();
    let mut own: VecDeque<(Position, usize, Draft)> = VecDeque::new();
    let mut view = saga.view(domain);
    for (_, event) in events() {
        let is_effect = event.meta.handler.as_deref() == Some(saga.name) && event.meta.command.is_none();
        let Some(cause) = event.meta.cause.as_deref().filter(|_| is_effect).and_then(|cause| places.get(cause)) else {
            continue;
        };
        held.entry(*cause).or_default().push(Arc::new(event.clone()));
        if view.holds(&event.topic) {
            own.push_back((event.position, *cause, runtime::history::draft(event.clone())));
        }
    }
    let mut done: BTreeMap<usize, (Position, Result<Decided, Failure>)> = BTreeMap::new();
    let mut late: VecDeque<Late> = VecDeque::new();
    let mut decide = |view: &mut View, index: usize, before: Option<&Row>, then: Then| {
        let Entry::Event(event) = &entries[index] else { return Err(Failure("it is no event".to_owned())) };
        let at = view.position();
        while own.front().is_some_and(|(position, ..)| *position <= at) {
            own.pop_front();
        }
        for (_, _, draft) in own.iter().filter(|(_, cause, _)| *cause < index) {
            let _ = view.speculate(draft);
        }
        let mut decision = saga.decision(event, view).recalling(then);
        let decided = guarded(|| {
            saga.react(&Occurrence { event, before }, &mut decision)?;
            Ok(decision.finish())
        });
        view.end_speculation();
        decided
    };
    for (index, entry) in entries.iter().enumerate() {
        while let Some(next) = late.front().filter(|late| late.as_of < entry.position()) {
            let decided = decide(&mut view, next.index, next.before.as_ref(), next.then.clone());
            done.insert(next.index, (next.as_of, decided));
            late.pop_front();
        }
        let Ok(before) = view.apply(entry) else { continue };
        let Entry::Event(event) = entry else { continue };
        if !saga.wants(event) {
            continue;
        }
        let before = before.filter(|_| saga.reads.contains(&&*event.topic));
        let decided = decide(&mut view, index, before.as_ref(), Then::default());
        let as_of = held.get(&index).and_then(|held| held.first()?.meta.as_of).unwrap_or(event.position);
        if as_of > event.position {
            let then = decided.map(|decided| decided.then).unwrap_or_default();
            late.push_back(Late { as_of, index, before, then });
        } else {
            done.insert(index, (as_of, decided));
        }
    }
    for next in late {
        let decided = decide(&mut view, next.index, next.before.as_ref(), next.then);
        done.insert(next.index, (next.as_of, decided));
    }
    for (index, (as_of, outcome)) in done {
        let Entry::Event(event) = &entries[index] else { continue };
        let held = held.remove(&index).unwrap_or_default();
        visit(Reaction { event: Arc::new(event.clone()), handler: saga.name, as_of, outcome, held });
    }
}
