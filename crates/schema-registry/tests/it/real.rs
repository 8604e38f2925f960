//! A real registry.

use std::path::Path;
use std::sync::Arc;

use velox_kernel::Ids as _;
use velox_messages::{Codec, Compatibility, Formats, RegistryError, SchemaRegistry as _, Topic, TopicNames};
use velox_schema_registry::{HttpRegistry, RegistryDeadlines};
use velox_testkit::TestClock;
use velox_testkit::messages::schema_registry_contract;
use velox_testkit::trading::FreshIds;

/// The variable that names a registry.
const URL: &str = "VELOX_TEST_SCHEMA_REGISTRY_URL";

fn registry() -> Arc<HttpRegistry> {
    let url = std::env::var(URL).unwrap_or_else(|_| {
        panic!("{URL} names no schema registry: run the tests with `cargo xtask test`, which starts one")
    });
    Arc::new(HttpRegistry::new(&url.into(), RegistryDeadlines::default()).unwrap())
}

/// A prefix that nobody else uses.
fn prefix() -> String {
    format!("velox-test-{}", FreshIds.next().simple())
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    schema_registry_contract(registry().as_ref(), &prefix()).await;
}

/// The schema of a topic in each release that had a new one.
fn released(topic: Topic) -> Vec<String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../messages/tests/golden");
    let releases = std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path());
    let schemas: Vec<_> =
        releases.map(|release| std::fs::read_to_string(release.join(format!("{topic}.avsc"))).unwrap()).collect();
    assert!(!schemas.is_empty());
    schemas
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_every_schema_of_ours_beside_all_released_ones_and_refuses_an_incompatible_one() {
    let (registry, names) = (registry(), TopicNames::new(&prefix()).unwrap());
    let clock = Arc::new(TestClock::default());
    for topic in Topic::ALL {
        let subject = names.subject(topic);
        for schema in released(topic) {
            registry.register(&subject, &schema).await.unwrap();
            registry.set_compatibility(&subject, Compatibility::FullTransitive).await.unwrap();
        }
    }
    let codec = Codec::new(names.clone(), Formats::default(), Some(registry.clone()), clock).unwrap();
    codec.register(&Topic::ALL).await.unwrap();
    codec.register(&Topic::ALL).await.unwrap();
    for topic in Topic::ALL {
        // Whoever reads this could not read what was written before.
        let changed = topic.schema().replace(r#""name": "event_id""#, r#""name": "another_id""#);
        assert_ne!(changed, topic.schema());
        let answer = registry.register(&names.subject(topic), &changed).await;
        assert!(matches!(answer, Err(RegistryError::Incompatible(_))), "{topic}: {answer:?}");
    }
}
