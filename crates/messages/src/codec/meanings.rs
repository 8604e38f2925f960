//! Whether a writer's schema means what ours means.
//!
//! A registry compares Avro's types alone: a time in milliseconds passes for one in microseconds, since both are a long,
//! and bytes or a text pass for a decimal. Read here, they would be another time and another amount.

use std::collections::HashMap;

use serde_json::Value;

/// The logical types without which a value is another one.
const TELLING: [&str; 2] = ["timestamp-micros", "decimal"];

/// A schema and the records that it names.
struct Named<'a> {
    root: &'a Value,
    records: HashMap<&'a str, &'a Value>,
}

impl<'a> Named<'a> {
    fn of(root: &'a Value) -> Self {
        let mut records = HashMap::new();
        collect(root, &mut records);
        Self { root, records }
    }

    /// What a node is, by its definition where it is a name.
    fn resolve(&self, node: &'a Value) -> &'a Value {
        let by_name = |name: &str| self.records.get(name.rsplit('.').next()?).copied();
        match node {
            Value::String(name) => by_name(name).unwrap_or(node),
            // `{"type": {"type": …}}` is `{"type": …}`.
            Value::Object(members) => match members.get("type") {
                Some(inner) if inner.is_object() => self.resolve(inner),
                _ => node,
            },
            _ => node,
        }
    }

    /// What a value of this node may be, but for null.
    fn branches(&self, node: &'a Value) -> Vec<&'a Value> {
        let all = match node {
            Value::Array(branches) => branches.iter().collect(),
            node => vec![node],
        };
        all.into_iter().filter(|branch| *branch != "null").map(|branch| self.resolve(branch)).collect()
    }
}

fn collect<'a>(node: &'a Value, records: &mut HashMap<&'a str, &'a Value>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| collect(node, records)),
        Value::Object(members) => {
            if let (Some("record"), Some(name)) = (text(node, "type"), text(node, "name")) {
                records.insert(name.rsplit('.').next().unwrap_or(name), node);
            }
            ["type", "fields", "items", "values"]
                .iter()
                .filter_map(|part| members.get(*part))
                .for_each(|node| collect(node, records));
        }
        _ => {}
    }
}

fn text<'a>(node: &'a Value, member: &str) -> Option<&'a str> {
    node.get(member).and_then(Value::as_str)
}

/// The first field, by its path, that another program means differently; `None` when all mean the same. Fields that
/// only one of the two has are no matter.
pub(super) fn first_difference(writer: &str, ours: &str) -> Option<String> {
    let (writer, ours) = (serde_json::from_str(writer).ok()?, serde_json::from_str(ours).ok()?);
    let (writer, ours) = (Named::of(&writer), Named::of(&ours));
    difference(&writer, writer.root, &ours, ours.root, "")
}

/// Goes down ours, which has an end: it names no record within itself.
fn difference(writer: &Named<'_>, written: &Value, ours: &Named<'_>, node: &Value, at: &str) -> Option<String> {
    let (written, nodes) = (writer.branches(written), ours.branches(node));
    nodes.iter().find_map(|node| {
        let telling = text(node, "logicalType").filter(|logical| TELLING.contains(logical));
        written.iter().find_map(|written| {
            if telling.is_some() && text(written, "logicalType") != telling {
                return Some(at.to_owned());
            }
            let inner = |part: &str, at: &str| difference(writer, written.get(part)?, ours, node.get(part)?, at);
            match text(node, "type") {
                Some("record") => fields(node).find_map(|(name, kind)| {
                    let (_, written) = fields(written).find(|(other, _)| *other == name)?;
                    let at = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
                    difference(writer, written, ours, kind, &at)
                }),
                Some("array") => inner("items", at),
                Some("map") => inner("values", at),
                _ => None,
            }
        })
    })
}

fn fields(record: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields = record.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    fields.iter().filter_map(|field| Some((text(field, "name")?, field.get("type")?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Topic;

    #[test]
    fn every_schema_means_what_it_means() {
        for topic in Topic::ALL {
            assert_eq!(first_difference(topic.schema(), topic.schema()), None, "{topic}");
        }
    }

    #[test]
    fn another_unit_is_found_wherever_it_stands() {
        let micros = r#"{ "name": "updated_at", "type": { "type": "long", "logicalType": "timestamp-micros" }"#;
        let decimal = r#"{ "name": "realised", "type": { "type": "bytes", "logicalType": "decimal", "precision": 28, "scale": 12 }"#;
        let positions = Topic::Positions.schema();
        for (was, is, at) in [
            (micros, micros.replace("micros", "millis"), "positions.updated_at"),
            (micros, r#"{ "name": "updated_at", "type": "long""#.to_owned(), "positions.updated_at"),
            (micros, r#"{ "name": "updated_at", "type": ["null", "long"]"#.to_owned(), "positions.updated_at"),
            (decimal, r#"{ "name": "realised", "type": "bytes""#.to_owned(), "positions.realised"),
            (decimal, r#"{ "name": "realised", "type": "string""#.to_owned(), "positions.realised"),
        ] {
            assert!(positions.contains(was), "{was}");
            assert_eq!(first_difference(&positions.replacen(was, &is, 1), positions).as_deref(), Some(at), "{is}");
        }
        let orders = Topic::Orders.schema();
        let expires = orders.find(r#""expires_at""#).map(|at| orders.split_at(at));
        let changed = expires.map(|(before, after)| format!("{before}{}", after.replacen("micros", "millis", 1)));
        let found = changed.and_then(|changed| first_difference(&changed, orders));
        assert_eq!(found.as_deref(), Some("order.expires_at"));
    }

    #[test]
    fn what_only_one_has_is_no_matter() {
        let more = Topic::Signals.schema().replace(
            r#""fields": ["#,
            r#""fields": [ { "name": "mine", "type": { "type": "long", "logicalType": "timestamp-millis" } },"#,
        );
        assert_eq!(first_difference(&more, Topic::Signals.schema()), None);
        assert_eq!(first_difference(Topic::Signals.schema(), &more), None);
        assert_eq!(first_difference(r#""long""#, Topic::Signals.schema()), None, "reading it fails by itself");
    }
}
