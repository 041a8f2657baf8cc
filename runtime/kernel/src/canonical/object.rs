//! Finds an object's members: one pass, nothing copied.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::{SmallVec, smallvec};

use super::{Complaint, ENTITY_ID, value};
use crate::Field;

/// Fields that a scan finds room for without allocating; more may be declared.
const USUAL: usize = 8;

/// An object's raw values, by field.
#[derive(Clone, Debug)]
pub struct Scanned<'de> {
    id: Option<&'de RawValue>,
    values: SmallVec<[Option<&'de RawValue>; USUAL]>,
    /// The last member that is no field.
    pub(super) unknown: Option<Cow<'de, str>>,
    /// A field that is given twice.
    pub(super) repeated: Option<&'static str>,
}

impl<'de> Scanned<'de> {
    /// The JSON text that `entity_id` holds.
    #[must_use]
    pub fn raw_id(&self) -> Option<&'de str> {
        self.id.map(RawValue::get)
    }

    /// The entity's id, if it is a text.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'de, str>> {
        value::read_text(self.raw_id()?)
    }

    /// The JSON text that the field at `index` holds.
    #[must_use]
    pub fn value(&self, index: usize) -> Option<&'de str> {
        self.values.get(index).copied().flatten().map(RawValue::get)
    }
}

/// Finds the raw value of each field; of members given twice the last counts.
///
/// # Errors
/// When the text is not one JSON object.
pub fn scan<'de>(fields: &[Field], json: &'de str) -> Result<Scanned<'de>, Complaint> {
    let mut reader = serde_json::Deserializer::from_str(json);
    ObjectSeed(fields)
        .deserialize(&mut reader)
        .and_then(|scanned| reader.end().map(|()| scanned))
        .map_err(|error| Complaint::whole(format!("not a JSON object: {error}")))
}

struct ObjectSeed<'f>(&'f [Field]);

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Scanned<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Scanned<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(fields) = self;
        let mut scanned = Scanned { id: None, values: smallvec![None; fields.len()], unknown: None, repeated: None };
        let mut next = 0;
        while let Some(name) = map.next_key_seed(NameSeed { fields, next })? {
            let value: &'de RawValue = map.next_value()?;
            match name {
                Name::Id => scanned.id = Some(value),
                Name::Field(index) => {
                    next = index + 1;
                    if scanned.values[index].replace(value).is_some() {
                        scanned.repeated = Some(fields[index].name);
                    }
                }
                Name::Unknown(name) => scanned.unknown = Some(name),
            }
        }
        Ok(scanned)
    }
}

pub(super) enum Name<'de> {
    Id,
    Field(usize),
    Unknown(Cow<'de, str>),
}

pub(super) struct NameSeed<'f> {
    pub(super) fields: &'f [Field],
    /// The field that comes next if the members are in declared order, as they mostly are.
    pub(super) next: usize,
}

impl NameSeed<'_> {
    fn find(&self, name: &str) -> Option<Name<'static>> {
        if self.fields.get(self.next).is_some_and(|field| field.name == name) {
            return Some(Name::Field(self.next));
        }
        if name == ENTITY_ID {
            return Some(Name::Id);
        }
        self.fields.iter().position(|field| field.name == name).map(Name::Field)
    }
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed<'_> {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(self.find(name).unwrap_or(Name::Unknown(Cow::Borrowed(name))))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.find(name).unwrap_or_else(|| Name::Unknown(Cow::Owned(name.to_owned()))))
    }
}
