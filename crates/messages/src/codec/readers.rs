//! [`Readers`]: the schemas that others write with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::{Mutex, RwLock};
use serde_avro_fast::Schema;
use velox_kernel::{Clock, Timestamp};

use super::decode::DecodeError;
use super::meanings;
use crate::registry::{RegistryError, SchemaId, SchemaRegistry};
use crate::topic::Topic;

/// Schemas held at most; a topic sees one for each release of each of its writers.
const MOST: usize = 1_000;
/// How long an id is not asked for again that gave no schema: a writer registers its schema before it writes, but one
/// of several registries may hear of it later.
const UNREADABLE_FOR: Duration = Duration::from_secs(5);

/// What is known of an id.
#[derive(Clone)]
enum Known {
    Readable(Arc<Schema>),
    Unreadable { reason: Arc<str>, until: Timestamp },
}

/// What a schema is kept under: what it must mean depends on the topic.
type Key = (Topic, SchemaId);
/// A schema that is being asked for, by all who want it at once.
type Asked = Shared<BoxFuture<'static, Result<Known, Arc<str>>>>;

/// The schemas that others write a topic with, by the registry's ids. Each is asked for once, however many wait for it,
/// and kept.
pub(super) struct Readers {
    registry: Arc<dyn SchemaRegistry>,
    clock: Arc<dyn Clock>,
    kept: Arc<RwLock<HashMap<Key, Known>>>,
    asked: Mutex<HashMap<Key, Asked>>,
}

impl Readers {
    pub(super) fn new(registry: Arc<dyn SchemaRegistry>, clock: Arc<dyn Clock>) -> Self {
        Self { registry, clock, kept: Arc::default(), asked: Mutex::default() }
    }

    /// Takes in the schema of a topic as this release has it, without asking.
    pub(super) fn know(&self, topic: Topic, id: SchemaId) {
        if let Ok(schema) = topic.schema().parse() {
            keep(&self.kept, (topic, id), Known::Readable(Arc::new(schema)), self.clock.now());
        }
    }

    /// The schema of an id, fit to read messages of a topic.
    pub(super) async fn schema(&self, topic: Topic, id: SchemaId) -> Result<Arc<Schema>, DecodeError> {
        let key = (topic, id);
        let known = match self.known(key) {
            Some(known) => known,
            None => self.ask(key).await.map_err(|reason| DecodeError::RegistryAway(reason.to_string()))?,
        };
        match known {
            Known::Readable(schema) => Ok(schema),
            Known::Unreadable { reason, .. } => Err(DecodeError::Unreadable(reason.to_string())),
        }
    }

    fn known(&self, key: Key) -> Option<Known> {
        let known = self.kept.read().get(&key).cloned();
        known.filter(|known| !matches!(known, Known::Unreadable { until, .. } if *until <= self.clock.now()))
    }

    async fn ask(&self, key: Key) -> Result<Known, Arc<str>> {
        let asked = {
            let mut asked = self.asked.lock();
            // Somebody may have heard the answer since this was looked up.
            if let Some(known) = self.known(key) {
                return Ok(known);
            }
            if asked.len() >= MOST {
                // Questions whose askers have gone; those who still wait have theirs in hand.
                asked.clear();
            }
            let ask = || look_up(Arc::clone(&self.registry), Arc::clone(&self.clock), Arc::clone(&self.kept), key);
            asked.entry(key).or_insert_with(|| ask().boxed().shared()).clone()
        };
        let answer = asked.await;
        self.asked.lock().remove(&key);
        answer
    }
}

async fn look_up(
    registry: Arc<dyn SchemaRegistry>,
    clock: Arc<dyn Clock>,
    kept: Arc<RwLock<HashMap<Key, Known>>>,
    (topic, id): Key,
) -> Result<Known, Arc<str>> {
    let answer = registry.schema(id).await;
    let now = clock.now();
    let SchemaId(number) = id;
    let read = match answer {
        Ok(text) => read(&text, topic),
        Err(RegistryError::Unknown) => Err("the registry does not know it".to_owned()),
        Err(RegistryError::Unusable(reason)) => Err(reason),
        // Wrong credentials, say, are no fault of the record.
        Err(error) => return Err(error.to_string().into()),
    };
    let known = match read {
        Ok(schema) => Known::Readable(Arc::new(schema)),
        Err(reason) => {
            Known::Unreadable { reason: format!("schema {number}: {reason}").into(), until: now.plus(UNREADABLE_FOR) }
        }
    };
    keep(&kept, (topic, id), known.clone(), now);
    Ok(known)
}

fn read(text: &str, topic: Topic) -> Result<Schema, String> {
    let schema = text.parse().map_err(|error| format!("it is no Avro schema: {error}"))?;
    match meanings::first_difference(text, topic.schema()) {
        None => Ok(schema),
        Some(field) => Err(format!("the field {field} has another logical type than ours")),
    }
}

/// Keeps what is known of an id, in place of what matters less where there is no room.
fn keep(kept: &RwLock<HashMap<Key, Known>>, key: Key, known: Known, now: Timestamp) {
    let mut kept = kept.write();
    if kept.len() >= MOST && !kept.contains_key(&key) {
        kept.retain(|_, known| !matches!(known, Known::Unreadable { until, .. } if *until <= now));
    }
    if kept.len() >= MOST && !kept.contains_key(&key) {
        let unreadable = kept.iter().find(|(_, known)| matches!(known, Known::Unreadable { .. }));
        let least = unreadable.or_else(|| kept.iter().next()).map(|(key, _)| *key);
        least.and_then(|least| kept.remove(&least));
    }
    kept.insert(key, known);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_a_bound_and_unreadable_ids_make_room_first() {
        let (kept, now) = (RwLock::default(), Timestamp::EPOCH);
        let unreadable = |seconds| Known::Unreadable { reason: "no".into(), until: Timestamp::from_seconds(seconds) };
        let key = |number| (Topic::Orders, SchemaId(number));
        let schema = Topic::Orders.schema().parse().map(Arc::new);
        let Ok(schema) = schema else { panic!("our schema is one") };
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        keep(&kept, key(0), Known::Readable(schema), now);
        for number in 1..3 * most {
            keep(&kept, key(number), unreadable(1), now);
        }
        assert_eq!(kept.read().len(), MOST);
        assert!(matches!(kept.read().get(&key(0)), Some(Known::Readable(_))));
        keep(&kept, key(3 * most), unreadable(9), Timestamp::from_seconds(2));
        assert_eq!(kept.read().len(), 2, "what may be asked again is forgotten together");
    }
}
