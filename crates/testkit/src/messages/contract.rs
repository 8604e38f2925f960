//! What every `SchemaRegistry` keeps to.
#![expect(clippy::panic, reason = "a contract fails by panicking")]

use velox_messages::{Compatibility, RegistryError, SchemaId, SchemaRegistry};

/// A record with these fields.
fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Sample","namespace":"trading.velox.test","fields":[{fields}]}}"#)
}

const ONE: &str = r#"{"name":"one","type":"long","doc":"A field."}"#;
const DEFAULTED: &str = r#"{"name":"two","type":["null","string"],"default":null}"#;
const REQUIRED: &str = r#"{"name":"three","type":"string"}"#;
const OTHER_TYPE: &str = r#"{"name":"one","type":"string"}"#;

/// Checks a registry. `unused` makes the subjects new ones.
///
/// # Panics
/// When the registry breaks the contract.
pub async fn schema_registry_contract(registry: &dyn SchemaRegistry, unused: &str) {
    let (subject, other) = (format!("{unused}.first-value"), format!("{unused}.second-value"));
    let first = record(ONE);
    let Ok(id) = registry.register(&subject, &first).await else { panic!("a new subject takes any schema") };
    assert_eq!(registry.register(&subject, &first).await, Ok(id), "the same schema has the same id");
    let Ok(text) = registry.schema(id).await else { panic!("a registered schema is there") };
    assert!(same(&text, &first), "the schema is the one that was registered: {text}");

    assert_eq!(registry.set_compatibility(&subject, Compatibility::FullTransitive).await, Ok(()));
    assert_eq!(registry.set_compatibility(&subject, Compatibility::FullTransitive).await, Ok(()), "again");
    let second = record(&format!("{ONE},{DEFAULTED}"));
    let Ok(newer) = registry.register(&subject, &second).await else { panic!("a field with a default is compatible") };
    assert_ne!(newer, id);
    assert_eq!(registry.register(&subject, &first).await, Ok(id), "an old one keeps its id when a newer one is there");
    for (fields, why) in [
        (format!("{ONE},{REQUIRED}"), "a field without a default"),
        (REQUIRED.to_owned(), "a field that is gone and had no default"),
        (OTHER_TYPE.to_owned(), "another type"),
        (format!("{ONE},{DEFAULTED},{REQUIRED}"), "a field that the oldest schema does not have"),
    ] {
        let answer = registry.register(&subject, &record(&fields)).await;
        assert!(matches!(answer, Err(RegistryError::Incompatible(_))), "{why}: {answer:?}");
    }

    let Ok(elsewhere) = registry.register(&other, &second).await else { panic!("subjects are apart") };
    assert!(registry.schema(elsewhere).await.is_ok_and(|text| same(&text, &second)));
    let answer = registry.register(&format!("{unused}.third-value"), r#"{"type":"no such type"}"#).await;
    assert!(matches!(answer, Err(RegistryError::Refused(_))), "what is no schema: {answer:?}");
    assert_eq!(registry.schema(SchemaId(i32::MAX.unsigned_abs())).await, Err(RegistryError::Unknown));
}

/// Whether two schemas are the same JSON: a registry may write it anew.
fn same(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    read(one).is_some() && read(one) == read(other)
}
