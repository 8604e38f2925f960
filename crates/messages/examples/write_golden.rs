//! Writes the schemas and sample messages of this release into a new folder of `tests/golden`, where every later
//! release must be able to read them: `cargo run -p velox-messages --example write_golden -- v2`. A folder that is there
//! is never written again: what it holds is out in the world.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a developer's command")]

#[path = "../tests/it/samples.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod samples;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use samples::ForEach;
use velox_messages::{Codec, Formats, Message, Topic, TopicNames};
use velox_testkit::TestClock;
use velox_testkit::messages::MemoryRegistry;

struct Write {
    folder: PathBuf,
    codec: Codec,
}

impl ForEach for Write {
    fn topic<M: Message + PartialEq + std::fmt::Debug>(&mut self, messages: &[M; 2]) {
        let write = |ending: &str, text: String| {
            std::fs::write(self.folder.join(format!("{}.{ending}", M::TOPIC)), text).unwrap();
        };
        // Without the frame: the schema's id is the registry's.
        let datum = |message| format!("{}\n", hex::encode(&self.codec.encode(message).unwrap()[5..]));
        write("avsc", M::TOPIC.schema().to_owned());
        write("avro.hex", messages.iter().map(datum).collect());
        write("json", messages.iter().map(|message| serde_json::to_string(message).unwrap() + "\n").collect());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Some(name) = std::env::args().nth(1).filter(|name| is_version(name)) else {
        panic!("name the release's folder: v1, v2, …");
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    assert!(!folder.exists(), "{} is there: what was released stays as it is", folder.display());
    std::fs::create_dir_all(&folder).unwrap();
    let registry = Arc::new(MemoryRegistry::default());
    let clock = Arc::new(TestClock::default());
    let codec = Codec::new(TopicNames::default(), Formats::default(), Some(registry), clock).unwrap();
    codec.register(&Topic::ALL).await.unwrap();
    samples::for_each(Write { folder, codec });
}

fn is_version(name: &str) -> bool {
    name.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok())
}
