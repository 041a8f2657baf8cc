//! Given facts, when a command or an event, then events and mails, or a rejection.

use kernel::{
    CREATED, Command, DELETED, Decided, Draft, Effect, Entity, Entry, Event, Intent, Journal as _, Meta, Occurrence,
    Position, Refusal, Rejection, RejectionKind, Row, Saga, SagaHandler, Then, UPDATED, View,
};
use serde_json::{Value, value::RawValue};

use crate::{Billing, Cart, Customer, Inventory, Mail, Order, Product, Shipping, Status, domain};

/// What happened, or shall happen, without where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) topic: String,
    pub(crate) action: String,
    pub(crate) data: String,
}

fn fact<E: Entity>(action: &str, entity: &E) -> Fact {
    Fact { topic: E::TOPIC.into(), action: action.into(), data: serde_json::to_string(entity).unwrap() }
}

pub(crate) fn created<E: Entity>(entity: &E) -> Fact {
    fact(CREATED, entity)
}

pub(crate) fn updated<E: Entity>(entity: &E) -> Fact {
    fact(UPDATED, entity)
}

pub(crate) fn deleted<E: Entity>(entity: &E) -> Fact {
    fact(DELETED, entity)
}

impl Fact {
    /// The fact as the `index`th event of a log that begins late in 2023, a second apart.
    pub(crate) fn at(self, index: usize) -> Event {
        let Self { topic, action, data } = self;
        let id = format!("event {index}");
        let draft = Draft { topic, id, action, data, meta: Some(Meta::default()), keep: None };
        draft.at(Position::new(1_700_000_000_000 + 1_000 * index as u64, 0))
    }
}

impl From<&Effect> for Fact {
    fn from(effect: &Effect) -> Self {
        match effect {
            Effect::Append(Draft { topic, action, data, .. }) => {
                Self { topic: topic.clone(), action: action.clone(), data: data.clone() }
            }
            Effect::Send(Command { topic, intent: Intent::Record(data), .. }) => {
                Self { topic: topic.clone(), action: "record".into(), data: data.get().into() }
            }
            Effect::Send(other) => panic!("the shop sends nothing but mails: {other:?}"),
        }
    }
}

pub(crate) fn customer(id: &str) -> Customer {
    Customer { entity_id: id.into(), name: id.to_uppercase(), email: format!("{id}@shop.example") }
}

pub(crate) fn product(id: &str, price: i64) -> Product {
    Product { entity_id: id.into(), name: id.to_uppercase(), price }
}

pub(crate) fn inventory(id: &str, product: &str, amount: i64) -> Inventory {
    Inventory { entity_id: id.into(), product_id: product.into(), amount }
}

pub(crate) fn cart(id: &str, customer: &str, products: &[&str]) -> Cart {
    let product_ids = products.iter().map(|id| (*id).to_owned()).collect();
    Cart { entity_id: id.into(), customer_id: customer.into(), product_ids }
}

pub(crate) fn order(id: &str, cart: &str, status: Status) -> Order {
    Order { entity_id: id.into(), cart_id: cart.into(), status }
}

pub(crate) fn billing(id: &str, order: &str, amount: i64) -> Billing {
    Billing { entity_id: id.into(), order_id: order.into(), amount }
}

pub(crate) fn shipping(id: &str, order: &str, delivered: u64) -> Shipping {
    Shipping { entity_id: id.into(), order_id: order.into(), delivered: delivered.into() }
}

/// What had happened before.
pub(crate) struct Given(Vec<Fact>);

pub(crate) fn given(facts: impl IntoIterator<Item = Fact>) -> Given {
    Given(facts.into_iter().collect())
}

impl Given {
    pub(crate) fn and(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.0.extend(facts);
        self
    }

    /// A client wants this created; its `entity_id` is left out of the command.
    pub(crate) fn creating<E: Entity>(&self, entity: &E) -> Answered {
        self.creating_all([entity])
    }

    pub(crate) fn creating_all<'e, E: Entity>(&self, entities: impl IntoIterator<Item = &'e E>) -> Answered {
        self.asked(E::TOPIC, Intent::Create(entities.into_iter().map(without_id).collect()))
    }

    /// A client wants an entity, the one with this `entity_id`, to be like this.
    pub(crate) fn updating<E: Entity>(&self, entity: &E) -> Answered {
        let fields = serde_json::value::to_raw_value(entity).unwrap();
        self.asked(E::TOPIC, Intent::Update { id: id_of(entity), fields })
    }

    pub(crate) fn deleting<E: Entity>(&self, entity: &E) -> Answered {
        self.asked(E::TOPIC, Intent::Delete { id: id_of(entity) })
    }

    pub(crate) fn asked(&self, topic: &str, intent: Intent) -> Answered {
        let domain = domain();
        let view = fold(View::new(domain.topics()), &self.0, 0);
        let command = command(topic, intent);
        let mut decision = domain.decision(&command, &view);
        match domain.decide(&command, &mut decision) {
            Ok(result) => Answered(Ok((result, facts(&decision.finish())))),
            Err(Refusal::Rejected(rejection)) => Answered(Err(rejection)),
            Err(Refusal::Failed(failure)) => panic!("{failure}"),
        }
    }

    /// This happens, and the saga reacts at once.
    pub(crate) fn when<S: Saga>(&self, event: Fact) -> Reacted {
        self.when_late::<S>(event, [])
    }

    /// This happens, and the saga reacts only after more has happened.
    pub(crate) fn when_late<S: Saga>(&self, event: Fact, meanwhile: impl IntoIterator<Item = Fact>) -> Reacted {
        let domain = domain();
        let saga = saga::<S>();
        let mut view = fold(saga.view(&domain), &self.0, 0);
        let event = event.at(self.0.len());
        assert!(saga.wants(&event), "{} does not react to {} of {}", S::NAME, event.action, event.topic);
        let before = view.apply(&Entry::Event(event.clone())).unwrap();
        let at_once = react(&saga, &event, before.as_ref(), &view, Then::default());
        let view = fold(view, &meanwhile.into_iter().collect::<Vec<_>>(), self.0.len() + 1);
        Reacted(facts(&react(&saga, &event, before.as_ref(), &view, at_once.then)))
    }
}

pub(crate) fn saga<S: Saga>() -> SagaHandler {
    *domain().sagas().iter().find(|saga| saga.name == S::NAME).unwrap()
}

pub(crate) fn react(saga: &SagaHandler, event: &Event, before: Option<&Row>, view: &View, then: Then) -> Decided {
    let mut decision = saga.decision(event, view).recalling(then);
    saga.react(&Occurrence { event, before }, &mut decision).unwrap();
    decision.finish()
}

/// The id that the `index`th entity of a creating command is given.
pub(crate) fn assigned<E: Entity>(index: usize) -> String {
    let view = View::new([]);
    domain().decision(&command(E::TOPIC, Intent::Create(Vec::new())), &view).derive(&format!("entity {index}"))
}

fn command(topic: &str, intent: Intent) -> Command {
    Command { id: "command".into(), topic: topic.into(), intent, issued_ms: 1_700_000_000_000, meta: Meta::default() }
}

fn fold(mut view: View, facts: &[Fact], first: usize) -> View {
    for (index, fact) in facts.iter().enumerate() {
        view.apply(&Entry::Event(fact.clone().at(first + index))).unwrap();
    }
    view
}

fn facts(decided: &Decided) -> Vec<Fact> {
    decided.effects.iter().map(Fact::from).collect()
}

fn id_of<E: Entity>(entity: &E) -> String {
    serde_json::to_value(entity).unwrap()[kernel::ENTITY_ID].as_str().unwrap().to_owned()
}

fn without_id<E: Entity>(entity: &E) -> Box<RawValue> {
    let mut value = serde_json::to_value(entity).unwrap();
    value.as_object_mut().unwrap().remove(kernel::ENTITY_ID).unwrap();
    serde_json::value::to_raw_value(&value).unwrap()
}

/// What became of a command.
#[must_use]
pub(crate) struct Answered(Result<(Value, Vec<Fact>), Rejection>);

impl Answered {
    /// It leads to these events, in this order, and no others.
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = Fact>) {
        let (_, facts) = self.0.unwrap();
        assert_eq!(facts, expected.into_iter().collect::<Vec<_>>());
    }

    /// The client is told this.
    #[track_caller]
    pub(crate) fn then_told(self, result: Value) {
        assert_eq!(self.0.map(|(result, _)| result), Ok(result));
    }

    /// A rule of the domain says no, for the whole and no one field's fault.
    #[track_caller]
    pub(crate) fn then_refused(self, message: &str) {
        let rejection = self.rejection();
        assert_eq!((rejection.message.as_str(), rejection.field), (message, None));
    }

    /// A rule of the domain says no to this field.
    #[track_caller]
    pub(crate) fn then_refused_for(self, field: &str, message: &str) {
        let rejection = self.rejection();
        assert_eq!((rejection.message.as_str(), rejection.field.as_deref()), (message, Some(field)));
    }

    #[track_caller]
    pub(crate) fn rejection(self) -> Rejection {
        let rejection = self.0.unwrap_err();
        assert_eq!(rejection.kind, RejectionKind::Refused);
        rejection
    }
}

/// What a saga asked for.
#[must_use]
pub(crate) struct Reacted(Vec<Fact>);

impl Reacted {
    /// These events, in this order, and nothing else.
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = Fact>) {
        assert_eq!(self.0, expected.into_iter().collect::<Vec<_>>());
    }

    #[track_caller]
    pub(crate) fn then_nothing(self) {
        self.then([]);
    }

    /// One mail, and nothing else.
    #[track_caller]
    pub(crate) fn then_mail(self) -> Mail {
        let [fact] = self.0.as_slice() else { panic!("not one mail: {:?}", self.0) };
        assert_eq!((fact.topic.as_str(), fact.action.as_str()), (Mail::TOPIC, "record"));
        serde_json::from_str(&fact.data).unwrap()
    }
}
