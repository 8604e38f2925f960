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
use crate::registry::{RegistryError, SchemaId, SchemaRegistry};

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

/// An id that is being asked for, by all who want it at once.
type Asked = Shared<BoxFuture<'static, Result<Known, Arc<str>>>>;

/// The schemas that others write with, by the registry's ids. Each is asked for once, however many wait for it, and kept.
pub(super) struct Readers {
    registry: Arc<dyn SchemaRegistry>,
    clock: Arc<dyn Clock>,
    kept: Arc<RwLock<HashMap<u32, Known>>>,
    asked: Mutex<HashMap<u32, Asked>>,
}

impl Readers {
    pub(super) fn new(registry: Arc<dyn SchemaRegistry>, clock: Arc<dyn Clock>) -> Self {
        Self { registry, clock, kept: Arc::default(), asked: Mutex::default() }
    }

    /// Takes in a schema without asking.
    pub(super) fn know(&self, SchemaId(id): SchemaId, text: &str) {
        if let Ok(schema) = text.parse() {
            keep(&self.kept, id, Known::Readable(Arc::new(schema)), self.clock.now());
        }
    }

    /// The schema of an id.
    pub(super) async fn schema(&self, id: u32) -> Result<Arc<Schema>, DecodeError> {
        let known = match self.known(id) {
            Some(known) => known,
            None => self.ask(id).await.map_err(|reason| DecodeError::RegistryAway(reason.to_string()))?,
        };
        match known {
            Known::Readable(schema) => Ok(schema),
            Known::Unreadable { reason, .. } => Err(DecodeError::Unreadable(reason.to_string())),
        }
    }

    fn known(&self, id: u32) -> Option<Known> {
        let known = self.kept.read().get(&id).cloned();
        known.filter(|known| !matches!(known, Known::Unreadable { until, .. } if *until <= self.clock.now()))
    }

    async fn ask(&self, id: u32) -> Result<Known, Arc<str>> {
        let asked = {
            let mut asked = self.asked.lock();
            // Somebody may have heard the answer since this was looked up.
            if let Some(known) = self.known(id) {
                return Ok(known);
            }
            if asked.len() >= MOST {
                // Questions whose askers have gone; those who still wait have theirs in hand.
                asked.clear();
            }
            let ask = || look_up(Arc::clone(&self.registry), Arc::clone(&self.clock), Arc::clone(&self.kept), id);
            asked.entry(id).or_insert_with(|| ask().boxed().shared()).clone()
        };
        let answer = asked.await;
        self.asked.lock().remove(&id);
        answer
    }
}

async fn look_up(
    registry: Arc<dyn SchemaRegistry>,
    clock: Arc<dyn Clock>,
    kept: Arc<RwLock<HashMap<u32, Known>>>,
    id: u32,
) -> Result<Known, Arc<str>> {
    let answer = registry.schema(SchemaId(id)).await;
    let now = clock.now();
    let unreadable = |reason: String| Known::Unreadable { reason: reason.into(), until: now.plus(UNREADABLE_FOR) };
    let known = match answer {
        Ok(text) => match text.parse() {
            Ok(schema) => Known::Readable(Arc::new(schema)),
            Err(error) => unreadable(format!("the schema {id} is no Avro schema: {error}")),
        },
        Err(RegistryError::Unknown) => unreadable(format!("the registry knows no schema {id}")),
        Err(RegistryError::Unusable(reason)) => unreadable(format!("the schema {id} cannot be used: {reason}")),
        // Wrong credentials, say, are no fault of the record.
        Err(error) => return Err(error.to_string().into()),
    };
    keep(&kept, id, known.clone(), now);
    Ok(known)
}

/// Keeps what is known of an id, in place of what matters less where there is no room.
fn keep(kept: &RwLock<HashMap<u32, Known>>, id: u32, known: Known, now: Timestamp) {
    let mut kept = kept.write();
    if kept.len() >= MOST && !kept.contains_key(&id) {
        kept.retain(|_, known| !matches!(known, Known::Unreadable { until, .. } if *until <= now));
    }
    if kept.len() >= MOST && !kept.contains_key(&id) {
        let unreadable = kept.iter().find(|(_, known)| matches!(known, Known::Unreadable { .. }));
        let least = unreadable.or_else(|| kept.iter().next()).map(|(id, _)| *id);
        least.and_then(|least| kept.remove(&least));
    }
    kept.insert(id, known);
}
