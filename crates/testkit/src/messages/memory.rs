//! [`MemoryRegistry`].

use std::collections::{BTreeMap, BTreeSet};

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility as Reads, SchemaCompatibility};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;
use velox_messages::{Compatibility, RegistryError, SchemaId, SchemaRegistry};

/// A registry in memory. It checks compatibility as real ones do, and counts what it is asked.
#[derive(Default)]
pub struct MemoryRegistry {
    state: Mutex<State>,
    held: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// By id, which begins at 1.
    schemas: Vec<Kept>,
    /// The ids of a subject's schemas, oldest first.
    subjects: BTreeMap<String, Vec<SchemaId>>,
    rules: BTreeMap<String, Compatibility>,
    away: bool,
    /// Subjects whose requests it says that it cannot do now.
    overcome_by: BTreeSet<String>,
    forgetful_of_rules: bool,
    asked: Asked,
}

struct Kept {
    text: String,
    schema: Schema,
}

/// How often a registry was asked for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// To register a schema.
    pub register: u32,
    /// For a schema.
    pub schema: u32,
    /// To set a rule.
    pub set_compatibility: u32,
}

impl MemoryRegistry {
    /// From now on it is away, or back.
    pub fn set_away(&self, away: bool) {
        self.state.lock().away = away;
    }

    /// From now on it says of this subject, and no other one, that it cannot now.
    pub fn is_overcome_by(&self, subject: &str) {
        self.state.lock().overcome_by.insert(subject.to_owned());
    }

    /// From now on it answers questions for schemas only once this is false again.
    pub fn hold_answers(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// From now on it knows subjects only once they have a schema, as some registries do.
    pub fn take_rules_of_known_subjects_only(&self) {
        self.state.lock().forgetful_of_rules = true;
    }

    /// How often it was asked for what, also while it was away.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.state.lock().asked
    }

    /// The rule that a subject's schemas must keep to.
    #[must_use]
    pub fn rule(&self, subject: &str) -> Option<Compatibility> {
        self.state.lock().rules.get(subject).copied()
    }

    /// Takes in a schema without looking at its subject's other ones, as a registry does that somebody else filled.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] when it is no Avro schema.
    pub fn put(&self, subject: &str, text: &str) -> Result<SchemaId, RegistryError> {
        self.state.lock().keep(subject, text)
    }
}

impl State {
    fn keep(&mut self, subject: &str, text: &str) -> Result<SchemaId, RegistryError> {
        let schema = Schema::parse_str(text).map_err(|error| RegistryError::Refused(error.to_string()))?;
        let place = self.schemas.iter().position(|kept| kept.text == text).unwrap_or(self.schemas.len());
        if place == self.schemas.len() {
            self.schemas.push(Kept { text: text.to_owned(), schema });
        }
        let id = SchemaId(u32::try_from(place + 1).unwrap_or(u32::MAX));
        let ids = self.subjects.entry(subject.to_owned()).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
        Ok(id)
    }

    fn kept(&self, SchemaId(id): SchemaId) -> Option<&Kept> {
        self.schemas.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    fn answer(&self) -> Result<(), RegistryError> {
        if self.away { Err(RegistryError::Away("as the test wants it".to_owned())) } else { Ok(()) }
    }

    fn answer_of(&self, subject: &str) -> Result<(), RegistryError> {
        if self.overcome_by.contains(subject) {
            return Err(RegistryError::Away(format!("it cannot do {subject} now")));
        }
        self.answer()
    }
}

#[async_trait]
impl SchemaRegistry for MemoryRegistry {
    async fn register(&self, subject: &str, text: &str) -> Result<SchemaId, RegistryError> {
        let mut state = self.state.lock();
        state.asked.register += 1;
        state.answer_of(subject)?;
        let schema = Schema::parse_str(text).map_err(|error| RegistryError::Refused(error.to_string()))?;
        if let Some(Compatibility::FullTransitive) = state.rules.get(subject) {
            let ids = state.subjects.get(subject).into_iter().flatten();
            let stranger =
                ids.filter_map(|id| state.kept(*id)).find_map(|kept| {
                    match SchemaCompatibility::mutual_read(&kept.schema, &schema) {
                        Ok(Reads::Full) => None,
                        Ok(Reads::Partial) => Some("only some values can be read".to_owned()),
                        Err(error) => Some(error.to_string()),
                    }
                });
            if let Some(reason) = stranger {
                return Err(RegistryError::Incompatible(reason));
            }
        }
        state.keep(subject, text)
    }

    async fn schema(&self, id: SchemaId) -> Result<String, RegistryError> {
        self.state.lock().asked.schema += 1;
        // It ends only with the registry itself.
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let state = self.state.lock();
        state.answer()?;
        state.kept(id).map(|kept| kept.text.clone()).ok_or(RegistryError::Unknown)
    }

    async fn set_compatibility(&self, subject: &str, rule: Compatibility) -> Result<(), RegistryError> {
        let mut state = self.state.lock();
        state.asked.set_compatibility += 1;
        state.answer_of(subject)?;
        if state.forgetful_of_rules && !state.subjects.contains_key(subject) {
            return Err(RegistryError::Unknown);
        }
        state.rules.insert(subject.to_owned(), rule);
        Ok(())
    }
}
