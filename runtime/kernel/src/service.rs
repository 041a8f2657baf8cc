//! How services decide: the part of every command that is the same for all entities and journals.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use crate::{
    Change, Command, Decision, Entity, Event, Failure, Intent, Kind, Refusal, Rejection, Topic, TopicKind,
    canonical::Complaint,
};

pub(crate) type Decide = fn(&Topic, &Command, &mut Decision<'_>) -> Result<Value, Refusal>;

pub(crate) fn decide_entity<E: Entity>(
    topic: &Topic,
    command: &Command,
    decision: &mut Decision<'_>,
) -> Result<Value, Refusal> {
    match &command.intent {
        Intent::Create(members) => create::<E>(topic, members, decision),
        Intent::Update { id, fields } => {
            let from = existing::<E>(decision, id)?;
            let row = topic.admit_update(id, fields.get()).map_err(rejection)?;
            let to: E = typed(topic, &row, decision)?;
            E::check(&Change::Update { from: &from, to: &to }, decision)?;
            decision.update(&to)?;
            Ok(Value::Bool(true))
        }
        Intent::Delete { id } => {
            let entity = existing::<E>(decision, id)?;
            E::check(&Change::Delete(&entity), decision)?;
            decision.delete(&entity)?;
            Ok(Value::Bool(true))
        }
        Intent::Record(_) => Err(Failure(format!("{} is no journal to record in", topic.name)).into()),
    }
}

fn create<E: Entity>(topic: &Topic, members: &[Box<RawValue>], decision: &mut Decision<'_>) -> Result<Value, Refusal> {
    if members.is_empty() {
        return Err(Rejection::refused(format!("a list of {} to create must not be empty", topic.plural)).into());
    }
    let one = |(index, member): (usize, &RawValue)| -> Result<Value, Refusal> {
        let id = decision.derive(&format!("entity {index}"));
        let created = topic.admit_new(Some(&id), member.get()).map_err(rejection).and_then(|row| {
            let entity = typed::<E>(topic, &row, decision)?;
            E::check(&Change::Create(&entity), decision)?;
            Ok(decision.create(&entity)?)
        });
        created.map(|()| Value::String(id)).map_err(|refusal| match refusal {
            Refusal::Rejected(rejection) => Refusal::Rejected(Rejection { member: Some(index), ..rejection }),
            failed @ Refusal::Failed(_) => failed,
        })
    };
    members.iter().map(AsRef::as_ref).enumerate().map(one).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

pub(crate) fn decide_journal(topic: &Topic, command: &Command, decision: &mut Decision<'_>) -> Result<Value, Refusal> {
    match (&command.intent, topic.kind) {
        (Intent::Record(data), TopicKind::Journal { action }) => {
            let data = topic.admit_new(None, data.get()).map_err(rejection)?;
            decision.append(topic.name, action, data)?;
            Ok(Value::Bool(true))
        }
        _ => Err(Rejection::refused(format!("{} can only be recorded", topic.plural)).into()),
    }
}

fn existing<E: Entity>(decision: &mut Decision<'_>, id: &str) -> Result<E, Refusal> {
    decision.get::<E>(id)?.ok_or_else(|| Rejection::not_found(E::TOPIC, id).into())
}

/// Checks that references exist and gives the entity its type.
fn typed<E: Entity>(topic: &Topic, row: &str, decision: &mut Decision<'_>) -> Result<E, Refusal> {
    for (field, target, id) in referred(topic, row) {
        if !decision.exists(target, &id)? {
            let message = format!("{field} names {target} {id}, which does not exist");
            return Err(Rejection::field(field, message).into());
        }
    }
    serde_json::from_str(row)
        .map_err(|error| Failure(format!("{row} does not fit the type of {}: {error}", E::TOPIC)).into())
}

/// Every id that a row refers to, lists included, with its field and the topic it is of.
fn referred(topic: &Topic, row: &str) -> Vec<(&'static str, &'static str, String)> {
    let values: BTreeMap<String, Value> = serde_json::from_str(row).unwrap_or_default();
    let mut referred = Vec::new();
    for field in &topic.fields {
        match (field.kind, values.get(field.name)) {
            (Kind::Reference(target), Some(Value::String(id))) => referred.push((field.name, target, id.clone())),
            (Kind::References(target), Some(Value::Array(ids))) => {
                referred.extend(ids.iter().filter_map(Value::as_str).map(|id| (field.name, target, id.to_owned())));
            }
            _ => {}
        }
    }
    referred
}

fn rejection(complaint: Complaint) -> Refusal {
    Rejection { field: complaint.field, ..Rejection::refused(complaint.message) }.into()
}

/// The entity, if the text is just what this program writes of it: then it is canonical, and needs no second look.
pub(crate) fn as_written<E: Entity>(data: &str) -> Option<E> {
    let entity = serde_json::from_str(data).ok()?;
    (serde_json::to_string(&entity).ok()? == data).then_some(entity)
}

/// The row that an event carries, whatever it does with it.
pub(crate) fn canonical_row<E: Entity>(event: &Event) -> Result<String, Failure> {
    Ok(E::topic().row(event)?)
}
