//! What became of a row, field by field.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::{Value, value::RawValue};

use crate::timeline::RowChange;

/// A field that is not the same in two versions of a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// What it held; nothing where the row, or the field in it, was not there.
    pub before: Option<Value>,
    /// What it holds; nothing where the row, or the field in it, is not there.
    pub after: Option<Value>,
}

/// The fields that are not the same in two versions of a row, in the order that rows have them, which is that of
/// the topic; with one version, all of its fields.
///
/// What is no row, which is no JSON object, has no fields.
#[must_use]
pub fn fields(before: Option<&str>, after: Option<&str>) -> Vec<FieldChange> {
    let [mut before, after] = [before, after].map(members);
    let mut changes = Vec::new();
    for (field, after) in after {
        let at = before.iter().position(|(name, _)| *name == field);
        let before = at.map(|at| before.remove(at).1);
        if before.as_ref() != Some(&after) {
            changes.push(FieldChange { field, before, after: Some(after) });
        }
    }
    let gone = before.into_iter().map(|(field, before)| FieldChange { field, before: Some(before), after: None });
    changes.extend(gone);
    changes
}

/// The members of a row, in its order.
pub fn members(row: Option<&str>) -> Vec<(String, Value)> {
    row.and_then(|row| serde_json::from_str::<Members>(row).ok()).map(|members| members.0).unwrap_or_default()
}

/// A JSON object whose members keep their order.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It came into being.
    Created,
    /// It has other fields.
    Changed,
    /// It is gone.
    Deleted,
}

impl RowChange {
    /// What became of the row.
    #[must_use]
    pub const fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, _) => ChangeKind::Created,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (Some(_), None) => ChangeKind::Deleted,
        }
    }

    /// The fields that are not the same, in the order of the topic.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldChange> {
        fields(self.before.as_deref(), self.after.as_deref())
    }
}

/// For programs: rows as they are, and each field that is another one with both its values.
impl Serialize for RowChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = |row: &Option<kernel::Row>| row.as_deref().and_then(|row| RawValue::from_string(row.to_owned()).ok());
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("topic", self.topic)?;
        map.serialize_entry("key", &self.key)?;
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("before", &raw(&self.before))?;
        map.serialize_entry("after", &raw(&self.after))?;
        map.serialize_entry("fields", &Fields(&self.fields()))?;
        map.end()
    }
}

/// `{name: [old, new]}`
struct Fields<'f>(&'f [FieldChange]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|change| (&change.field, [&change.before, &change.after])))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OLD: &str = r#"{"entity_id":"1","status":"NEW","amount":1.0,"gone":null}"#;
    const NEW: &str = r#"{"entity_id":"1","status":"PAID","came":[2],"amount":1.0}"#;

    fn told(before: Option<&str>, after: Option<&str>) -> Vec<(String, Option<Value>, Option<Value>)> {
        fields(before, after).into_iter().map(|change| (change.field, change.before, change.after)).collect()
    }

    #[test]
    fn fields_that_are_others_are_told_in_the_order_of_the_row() {
        let expected = [
            ("status".to_owned(), Some(json!("NEW")), Some(json!("PAID"))),
            ("came".to_owned(), None, Some(json!([2]))),
            ("gone".to_owned(), Some(Value::Null), None),
        ];
        assert_eq!(told(Some(OLD), Some(NEW)), expected);
        assert_eq!(told(Some(OLD), Some(OLD)), []);
        let names = |changes: Vec<FieldChange>| changes.into_iter().map(|change| change.field).collect::<Vec<_>>();
        assert_eq!(names(fields(None, Some(NEW))), ["entity_id", "status", "came", "amount"]);
        assert_eq!(names(fields(Some(OLD), None)), ["entity_id", "status", "amount", "gone"]);
        assert_eq!(told(Some("7"), Some("nonsense")), []);
    }

    #[test]
    fn a_change_is_written_with_its_rows_as_they_are() {
        let change = RowChange { topic: "order", key: "1".into(), before: Some(OLD.into()), after: Some(NEW.into()) };
        let expected = format!(
            r#"{{"topic":"order","key":"1","kind":"changed","before":{OLD},"after":{NEW},"fields":{{"status":["NEW","PAID"],"came":[null,[2]],"gone":[null,null]}}}}"#
        );
        assert_eq!(serde_json::to_string(&change).unwrap(), expected);
        let created = RowChange { before: None, ..change.clone() };
        let deleted = RowChange { after: None, ..change };
        assert_eq!([created.kind(), deleted.kind()], [ChangeKind::Created, ChangeKind::Deleted]);
    }
}
