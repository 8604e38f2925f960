//! Each release reads what each other wrote. `tests/golden` has a folder for each release whose schemas were new:
//! schemas, and messages as that release wrote them. See `examples/write_golden.rs`.

use std::path::PathBuf;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use velox_messages::{Compatibility, Formats, Message, SchemaRegistry as _};
use velox_testkit::messages::MemoryRegistry;

use crate::codec::bench;
use crate::samples::{ForEach, for_each};

/// The folders of the releases, oldest first.
fn releases() -> Vec<PathBuf> {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut releases: Vec<_> = std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    releases.sort_by_key(|path| path.file_name().unwrap().to_str().unwrap()[1..].parse::<u32>().unwrap());
    assert!(!releases.is_empty());
    releases
}

/// What a release wrote of a topic.
struct Released {
    schema: String,
    datums: Vec<Vec<u8>>,
    json: Vec<String>,
}

fn released(release: &std::path::Path, topic: velox_messages::Topic) -> Released {
    let read = |ending: &str| {
        let path = release.join(format!("{topic}.{ending}"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    Released {
        schema: read("avsc"),
        datums: read("avro.hex").lines().map(|line| hex::decode(line).unwrap()).collect(),
        json: read("json").lines().map(str::to_owned).collect(),
    }
}

/// A schema for [`elsewhere`], with plain bytes in place of decimals: `apache-avro` 0.22 refuses, where a reader's schema
/// is given, a decimal in fewer bytes than its precision may need, which every other writer writes, too.
fn plain(schema: &str) -> Schema {
    let decimal = r#"{ "type": "bytes", "logicalType": "decimal", "precision": 28, "scale": 12 }"#;
    let plain = schema.replace(decimal, r#""bytes""#);
    assert!(!plain.contains(r#""decimal""#));
    Schema::parse_str(&plain).unwrap()
}

/// A value as somebody reads it who knows nothing of ours.
fn elsewhere(datum: &[u8], writer: &Schema, reader: Option<&Schema>) -> Value {
    let read = GenericDatumReader::builder(writer).maybe_reader_schema(reader).build().unwrap();
    let mut rest = datum;
    let value = read.read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
    value
}

#[tokio::test]
async fn the_newest_release_is_this_one() {
    struct Newest(velox_messages::Codec);
    impl ForEach for Newest {
        fn topic<M: Message + PartialEq + std::fmt::Debug>(&mut self, messages: &[M; 2]) {
            let golden = released(releases().last().unwrap(), M::TOPIC);
            assert_eq!(golden.schema, M::TOPIC.schema(), "{}: a changed schema is a new release", M::TOPIC);
            let datums = messages.iter().map(|message| self.0.encode(message).unwrap()[5..].to_vec());
            assert_eq!(datums.collect::<Vec<_>>(), golden.datums, "{}", M::TOPIC);
            let json = messages.iter().map(|message| serde_json::to_string(message).unwrap());
            assert_eq!(json.collect::<Vec<_>>(), golden.json, "{}", M::TOPIC);
        }
    }
    for_each(Newest(bench(Formats::default()).await.codec));
}

#[tokio::test(flavor = "multi_thread")]
async fn this_release_reads_what_each_has_written() {
    struct Ours(velox_messages::Codec, Arc<MemoryRegistry>, PathBuf);
    impl ForEach for Ours {
        fn topic<M: Message + PartialEq + std::fmt::Debug>(&mut self, messages: &[M; 2]) {
            let Self(codec, registry, release) = self;
            let golden = released(release, M::TOPIC);
            assert_eq!((golden.datums.len(), golden.json.len()), (messages.len(), messages.len()));
            let id = registry.put(&codec.names().subject(M::TOPIC), &golden.schema).unwrap();
            for ((message, datum), json) in messages.iter().zip(golden.datums).zip(golden.json) {
                let framed = [&[0], &id.0.to_be_bytes()[..], &datum].concat();
                for value in [framed, json.into_bytes()] {
                    let read = tokio::task::block_in_place(|| {
                        tokio::runtime::Handle::current().block_on(codec.decode::<M>(&value))
                    });
                    assert_eq!(&read.unwrap(), message, "{} of {}", M::TOPIC, release.display());
                }
            }
        }
    }
    for release in releases() {
        let bench = bench(Formats::default()).await;
        for_each(Ours(bench.codec, bench.registry, release));
    }
}

#[tokio::test]
async fn each_release_reads_what_this_one_writes_and_an_independent_reader_finds_the_same() {
    struct Theirs(velox_messages::Codec, PathBuf);
    impl ForEach for Theirs {
        fn topic<M: Message + PartialEq + std::fmt::Debug>(&mut self, messages: &[M; 2]) {
            let golden = released(&self.1, M::TOPIC);
            let (today, then) = (plain(M::TOPIC.schema()), plain(&golden.schema));
            for (message, old) in messages.iter().zip(golden.datums) {
                let new = &self.0.encode(message).unwrap()[5..];
                let old_as_then = elsewhere(&old, &then, None);
                assert_eq!(elsewhere(new, &today, Some(&then)), old_as_then, "{}", M::TOPIC);
                assert_eq!(elsewhere(&old, &then, Some(&today)), elsewhere(new, &today, None), "{}", M::TOPIC);
            }
        }
    }
    for release in releases() {
        for_each(Theirs(bench(Formats::default()).await.codec, release));
    }
}

#[tokio::test]
async fn all_releases_are_compatible_with_each_other() {
    let registry = MemoryRegistry::default();
    for topic in velox_messages::Topic::ALL {
        let subject = topic.as_str();
        registry.set_compatibility(subject, Compatibility::FullTransitive).await.unwrap();
        for release in releases() {
            registry.register(subject, &released(&release, topic).schema).await.unwrap();
        }
        registry.register(subject, topic.schema()).await.unwrap();
    }
}
