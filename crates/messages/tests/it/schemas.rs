//! The schemas and the structs are one.

use serde_json::{Value, json};
use velox_messages::{
    Alert, IndicatorValue, MarketData, Message, OrderEvent, PositionEvent, Signal, StrategyEvent, Topic,
};

use crate::samples;

/// The records of a schema, by name: fields refer to them.
fn records(node: &Value, found: &mut Vec<Value>) {
    match node {
        Value::Array(branches) => branches.iter().for_each(|branch| records(branch, found)),
        Value::Object(members) => {
            if members.get("type") == Some(&json!("record")) {
                found.push(node.clone());
            }
            for name in ["type", "fields", "items", "values"] {
                members.get(name).into_iter().for_each(|inner| records(inner, found));
            }
        }
        _ => {}
    }
}

fn records_of(topic: Topic) -> Vec<Value> {
    let mut found = Vec::new();
    records(&serde_json::from_str(topic.schema()).unwrap(), &mut found);
    found
}

/// What a value of this type is when it is there, without the null of a union; a record by its definition.
fn solid<'a>(records: &'a [Value], mut kind: &'a Value) -> &'a Value {
    if let Value::Array(branches) = kind {
        let [null, other] = branches.as_slice() else { panic!("{kind}: a union is null and one more") };
        assert_eq!(null, "null", "null comes first, so that it can be the default");
        kind = other;
    }
    let named = kind.as_str().and_then(|name| records.iter().find(|record| record["name"] == name));
    named.unwrap_or(kind)
}

/// Each field that a message has, by its JSON pointer, with its part of the schema.
fn fields<'a>(records: &'a [Value], record: &'a Value, value: &Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    let mut named: Vec<_> = record["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    let mut there: Vec<_> = value.as_object().unwrap().keys().collect();
    named.sort_by_key(|name| name.as_str());
    there.sort();
    assert_eq!(there, named, "{at}: the struct has the schema's fields");
    for field in record["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let (at, value) = (format!("{at}/{name}"), &value[name]);
        found.push((at.clone(), field));
        let kind = solid(records, &field["type"]);
        match (kind["type"].as_str(), value) {
            (_, Value::Null) => {}
            (Some("record"), _) => fields(records, kind, value, &at, found),
            (Some("array"), Value::Array(elements)) => {
                let element = solid(records, &kind["items"]);
                if element["type"] == "record" {
                    fields(records, element, &elements[0], &format!("{at}/0"), found);
                }
            }
            _ => {}
        }
    }
}

fn is_mirrored<M: Message>(message: &M) {
    let records = records_of(M::TOPIC);
    let whole = serde_json::to_value(message).unwrap();
    let mut all = Vec::new();
    fields(&records, &records[0], &whole, "", &mut all);
    for (pointer, field) in all {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut without = whole.clone();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        let read = serde_json::from_value::<M>(without);
        match field.get("default") {
            Some(default) => {
                let read = read.unwrap_or_else(|error| panic!("{pointer} has a default: {error}"));
                let read = serde_json::to_value(&read).unwrap();
                assert_eq!(read.pointer(&pointer), Some(default), "{pointer}: the struct's default is the schema's");
            }
            None => assert!(read.is_err(), "{pointer}: what has no default in the schema has none in the struct"),
        }
    }
    let unknown = serde_json::from_value::<M>({
        let mut more = whole.clone();
        more["a_newer_field"] = json!({ "x": [1] });
        more
    });
    assert_eq!(serde_json::to_value(unknown.unwrap()).unwrap(), whole, "what is not known is skipped");
}

#[test]
fn structs_have_the_fields_and_defaults_of_their_schemas() {
    is_mirrored::<MarketData>(&samples::market_data()[0]);
    is_mirrored::<IndicatorValue>(&samples::indicator_values()[0]);
    is_mirrored::<Signal>(&samples::signals()[0]);
    is_mirrored::<OrderEvent>(&samples::order_events()[0]);
    is_mirrored::<PositionEvent>(&samples::position_events()[0]);
    is_mirrored::<Alert>(&samples::alerts()[0]);
    is_mirrored::<StrategyEvent>(&samples::strategy_events()[0]);
}

#[test]
fn fields_stand_in_the_schemas_order() {
    // The writer holds back whatever comes before its turn, and that costs.
    fn orders<M: Message>(message: &M) {
        let schema: Value = serde_json::from_str(M::TOPIC.schema()).unwrap();
        let json = serde_json::to_string(message).unwrap();
        let mut from = 0;
        for field in schema["fields"].as_array().unwrap() {
            let name = format!("\"{}\":", field["name"].as_str().unwrap());
            let place = json[from..].find(&name).unwrap_or_else(|| panic!("{}: {name} is not in its turn", M::TOPIC));
            from += place + name.len();
        }
    }
    orders(&samples::market_data()[1]);
    orders(&samples::indicator_values()[1]);
    orders(&samples::signals()[1]);
    orders(&samples::order_events()[1]);
    orders(&samples::position_events()[1]);
    orders(&samples::alerts()[1]);
    orders(&samples::strategy_events()[1]);
}

#[test]
fn everything_has_words_and_the_logical_type_of_its_name() {
    for topic in Topic::ALL {
        let records = records_of(topic);
        assert_eq!(records[0]["namespace"], "trading.velox.v1");
        for record in &records {
            assert!(record["doc"].as_str().is_some_and(|doc| doc.ends_with('.')), "{topic}: {}", record["name"]);
            for field in record["fields"].as_array().unwrap() {
                let name = field["name"].as_str().unwrap();
                let at = format!("{topic}: {}.{name}", record["name"].as_str().unwrap());
                assert!(field["doc"].as_str().is_some_and(|doc| doc.ends_with('.')), "{at} has words");
                let kind = solid(&records, &field["type"]);
                let is_time =
                    name == "at" || name.ends_with("_at") || name.ends_with("_time") || name == "unknown_since";
                assert_eq!(kind["logicalType"] == "timestamp-micros", is_time, "{at} is a time");
                let floats = ["strength", "parameters", "values"];
                let is_double = kind == "double" || kind["values"] == "double";
                assert_eq!(is_double, floats.contains(&name), "{at}: money is no double");
                if field["type"].is_array() {
                    assert_eq!(field.get("default"), Some(&Value::Null), "{at}: what may be null is null by default");
                }
            }
        }
    }
}
