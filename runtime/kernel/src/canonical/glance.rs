//! Sees at one glance that an event is a usual one: its data can be read, and this is whose it is.
//!
//! Most events are usual, and a rebuild asks no more of most of them. A glance only ever says yes: it accepts
//! nothing that reading with care ([`scan`](super::scan), then [`check`](super::check)) would not, and leaves
//! it to that to read what is odd and to say what is wrong.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::object::{Name, NameSeed};
use crate::{Field, Kind};

/// Topics with more fields are always read with care: a glance ticks fields off in one number.
const MOST: usize = u64::BITS as usize;

/// A usual event's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glance<'de> {
    /// The text that `entity_id` holds.
    pub(crate) id: Option<&'de str>,
}

/// Looks at an event's data; `None` where it takes more than a glance.
pub(crate) fn glance<'de>(fields: &[Field], json: &'de str) -> Option<Glance<'de>> {
    if fields.len() > MOST {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let glance = reader.deserialize_map(Usual(fields)).ok()?;
    reader.end().ok()?;
    Some(glance)
}

/// The error that says no more than "not at a glance".
fn odd<E: Error>() -> E {
    E::custom("odd")
}

struct Usual<'f>(&'f [Field]);

impl<'de> Visitor<'de> for Usual<'_> {
    type Value = Glance<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(fields) = self;
        let (mut id, mut seen, mut next) = (None, 0_u64, 0);
        while let Some(name) = map.next_key_seed(NameSeed { fields, next })? {
            match name {
                Name::Id => id = Some(map.next_value()?),
                // Of a field given twice both values must fit, and so the last does, which counts.
                Name::Field(index) => {
                    map.next_value_seed(Fits(fields[index].kind))?;
                    seen |= 1 << index;
                    next = index + 1;
                }
                Name::Unknown(_) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let missing = |(index, field): (usize, &Field)| field.initially.is_none() && seen & (1 << index) == 0;
        if fields.iter().enumerate().any(missing) { Err(odd()) } else { Ok(Glance { id }) }
    }
}

/// Accepts values of a kind, looking at each only where it stands.
struct Fits(Kind);

impl<'de> DeserializeSeed<'de> for Fits {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            Kind::Text | Kind::Reference(_) | Kind::Choice(_) => deserializer.deserialize_str(self),
            Kind::References(_) => deserializer.deserialize_seq(self),
            Kind::Integer { .. } | Kind::Seconds => deserializer.deserialize_any(self),
        }
    }
}

/// Whether the unescaped text of a JSON string is a number in JSON.
fn holds<'de, N: Deserialize<'de>, E: Error>(text: &'de str) -> Result<(), E> {
    serde_json::from_str::<N>(text).map(|_| ()).map_err(|_| odd())
}

impl<'de> Visitor<'de> for Fits {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of its kind")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        match self.0 {
            Kind::Integer { .. } => holds::<i64, E>(text),
            Kind::Seconds => holds::<serde_json::Number, E>(text),
            Kind::Text | Kind::Reference(_) | Kind::References(_) | Kind::Choice(_) => self.visit_str(text),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let fits = match self.0 {
            Kind::Text | Kind::Reference(_) => true,
            Kind::Choice(choices) => choices.contains(&text),
            Kind::Integer { .. } | Kind::Seconds | Kind::References(_) => false,
        };
        if fits { Ok(()) } else { Err(odd()) }
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        let fits = matches!(self.0, Kind::Seconds) || i64::try_from(number).is_ok();
        if fits { Ok(()) } else { Err(odd()) }
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        if matches!(self.0, Kind::Seconds) { Ok(()) } else { Err(odd()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // Where a number belongs, a list has no place.
        if !matches!(self.0, Kind::References(_)) {
            return Err(odd());
        }
        while list.next_element_seed(Fits(Kind::Text))?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
