//! One saga's reaction to one event.

use std::sync::Arc;

use kernel::{
    CREATED, Command, DELETED, Decided, Domain, Draft, Effect, Event, Failure, Intent, Position, Read, Row,
    SagaHandler, Then, TopicKind, UPDATED, View,
};

use super::{Fit, account::Account, content::Content, pending::Chosen};
use crate::reactions::decide;

/// What a saga would do about an event, as of the event and as of now.
#[derive(Debug)]
pub(super) struct Reaction {
    pub(super) saga: SagaHandler,
    pub(super) event: Arc<Event>,
    before: Option<Row>,
    then: Then,
    /// Where the view stood that was decided on last.
    pub(super) as_of: Position,
    /// What that decision read.
    pub(super) reads: Vec<Read>,
    /// What has not been met yet.
    pub(super) predictions: Vec<Prediction>,
    /// Whether an effect was met exactly: the decision is made, and can't be made again.
    pub(super) begun: bool,
    /// Whether it would have done nothing at some time, and so may be long over.
    quiet: bool,
    pub(super) account: Account,
}

/// An effect that may be met.
#[derive(Clone, Debug)]
pub(super) struct Prediction {
    pub(super) content: Content,
    /// The command that leads to it, if it takes one.
    pub(super) command: Option<String>,
    pub(super) side: Side,
    /// Whether it updates an entity to what it is already.
    pub(super) idle: bool,
    /// Whether something like it was met; what fits exactly may still come.
    pub(super) met_alike: bool,
}

/// Which decision a prediction is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Both.
    Both,
    /// The one that would be made now, in place of something else.
    Now,
    /// The one that would be made now, which goes further than the one as of the event.
    Further,
    /// The one as of the event: what was sent then and comes late, or what a program did that reads less than
    /// ours does.
    Then,
}

impl Reaction {
    /// The reaction to an event on the view right after it.
    pub(super) fn new(
        saga: SagaHandler,
        event: &Arc<Event>,
        before: Option<&Row>,
        domain: &Domain,
        view: &View,
    ) -> Result<Self, Failure> {
        let (event, before) = (Arc::clone(event), before.cloned());
        let decided = decide(&saga, &event, before.as_ref(), Then::default(), view)?;
        let predictions = predictions(domain, view, &decided.effects, Side::Both);
        let Decided { as_of, reads, then, .. } = decided;
        let quiet = predictions.is_empty();
        let account = Account::default();
        Ok(Self { saga, event, before, then, as_of, reads, predictions, begun: false, quiet, account })
    }

    /// Decides as of now; what it would have done as of the event is kept beside.
    pub(super) fn decide_again(&mut self, domain: &Domain, view: &View) -> Result<(), Failure> {
        let again = decide(&self.saga, &self.event, self.before.as_ref(), self.then.clone(), view);
        self.as_of = view.position();
        let mut now = match &again {
            Ok(decided) => predictions(domain, view, &decided.effects, Side::Now),
            Err(_) => Vec::new(),
        };
        if now.is_empty() && !self.quiet && again.is_ok() {
            self.account.is_silent(self.as_of);
        }
        self.quiet |= now.is_empty();
        let mut earlier = std::mem::take(&mut self.predictions);
        for prediction in &mut now {
            let same = |old: &&Prediction| old.content.is_about_the_same(&prediction.content);
            prediction.met_alike = earlier.iter().find(same).is_some_and(|old| old.met_alike);
            let same = |old: &Prediction| old.is_then() && old.content == prediction.content;
            let replaced = |old: &Prediction| old.is_then() && old.content.is_about_the_same(&prediction.content);
            if let Some(index) = earlier.iter().position(same) {
                earlier.remove(index);
                prediction.side = Side::Both;
            } else if !earlier.iter().any(replaced) {
                prediction.side = Side::Further;
            }
        }
        let left = earlier.into_iter().filter(Prediction::is_then);
        now.extend(left.map(|old| Prediction { side: Side::Then, ..old }));
        self.predictions = now;
        self.reads = again?.reads;
        Ok(())
    }

    /// Whether it would have done nothing at any time, and has not been found to have done anything.
    pub(super) fn does_nothing(&self) -> bool {
        self.predictions.is_empty() && !self.begun
    }

    /// Whether it has done something to a row, and nothing that it would have done.
    pub(super) fn did_otherwise(&self, happened: &Content) -> bool {
        self.predictions.iter().any(|prediction| prediction.met_alike && prediction.content.is_about_the_same(happened))
    }

    /// This as what an event is an effect of.
    pub(super) fn chosen(&self, fit: Option<Fit>, command: Option<String>) -> Chosen {
        Chosen { event: Arc::clone(&self.event), handler: self.saga.name, fit, command }
    }

    /// How likely a prediction is; the likelier is the smaller.
    ///
    /// What a reaction would do besides, once it has been made or may have been, is rather what the reaction to a
    /// later event did.
    pub(super) fn standing(&self, prediction: &Prediction) -> u8 {
        match prediction.side {
            Side::Both | Side::Now => u8::from(self.quiet),
            Side::Further => u8::from(self.quiet || self.begun),
            Side::Then => 2,
        }
    }

    /// Takes note that the prediction at `index` was met exactly: what the other decision would have done has not
    /// been done.
    pub(super) fn meet(&mut self, index: usize) {
        let met = self.predictions.remove(index);
        if !self.begun {
            self.begun = true;
            let other = if met.side == Side::Then { Prediction::is_now_only } else { Prediction::is_then_only };
            self.predictions.retain(|prediction| !other(prediction));
        }
    }

    /// Takes note that something like the prediction at `index` was met, whichever decision it is of.
    pub(super) fn meet_alike(&mut self, index: usize) {
        let met = self.predictions[index].content.clone();
        let same = self.predictions.iter_mut().filter(|prediction| prediction.content.is_about_the_same(&met));
        same.for_each(|prediction| prediction.met_alike = true);
    }
}

impl Prediction {
    /// Whether the decision as of the event asks for it.
    pub(super) const fn is_then(&self) -> bool {
        !self.is_now_only()
    }

    /// Whether the one that would be made now does.
    pub(super) const fn is_now(&self) -> bool {
        !self.is_then_only()
    }

    const fn is_now_only(&self) -> bool {
        matches!(self.side, Side::Now | Side::Further)
    }

    const fn is_then_only(&self) -> bool {
        matches!(self.side, Side::Then)
    }

    /// Whether what merely looks alike may take it.
    pub(super) const fn is_open(&self) -> bool {
        !self.idle && !self.met_alike
    }
}

/// What the log would hold next if these effects came about.
fn predictions(domain: &Domain, view: &View, effects: &[Effect], side: Side) -> Vec<Prediction> {
    let mut predicted: Vec<Prediction> = Vec::new();
    for (effect, content) in effects.iter().flat_map(|effect| contents(domain, view, effect)) {
        let about =
            |earlier: &&Prediction| (&earlier.content.topic, &earlier.content.id) == (&content.topic, &content.id);
        let earlier = predicted.iter().rfind(about);
        let idle = earlier.map_or_else(|| content.is_in(view), |earlier| earlier.content == content);
        let command = match effect {
            Effect::Send(command) => Some(command.id.clone()),
            Effect::Append(_) => None,
        };
        predicted.push(Prediction { content, command, side, idle, met_alike: false });
    }
    predicted
}

/// The events that an effect leads to; what its topic can't read or its service would refuse leads to none.
fn contents<'e>(domain: &Domain, view: &View, effect: &'e Effect) -> Vec<(&'e Effect, Content)> {
    let read = |draft: &Draft| {
        let content = Content::of(domain.topic(&draft.topic)?, &draft.at(Position::MAX)).ok()?;
        Some((effect, content))
    };
    match effect {
        Effect::Append(draft) => read(draft).into_iter().collect(),
        Effect::Send(command) => drafts(domain, view, command).iter().filter_map(read).collect(),
    }
}

/// The events that a service would make of a command, if it does what is asked.
fn drafts(domain: &Domain, view: &View, command: &Command) -> Vec<Draft> {
    let Some(topic) = domain.topic(&command.topic) else { return Vec::new() };
    let draft = |action: &str, data: String| {
        let (topic, id, action) = (command.topic.clone(), String::new(), action.to_owned());
        Draft { topic, id, action, data, meta: None, keep: None }
    };
    match (&command.intent, topic.kind) {
        (Intent::Create(members), TopicKind::Entity) => {
            // The id is the service's choice and never compared, but a creation must have one.
            let rows = members.iter().filter_map(|member| topic.admit_new(Some("new"), member.get()).ok());
            rows.map(|row| draft(CREATED, row)).collect()
        }
        (Intent::Update { id, fields }, TopicKind::Entity) => {
            topic.admit_update(id, fields.get()).map(|row| draft(UPDATED, row)).into_iter().collect()
        }
        (Intent::Delete { id }, TopicKind::Entity) => {
            view.row(topic.name, id).map(|row| draft(DELETED, row.to_string())).into_iter().collect()
        }
        (Intent::Record(fact), TopicKind::Journal { action }) => vec![draft(action, fact.get().to_owned())],
        _ => Vec::new(),
    }
}
