//! [`SchemaRegistry`]: the port to where schemas are kept.

use async_trait::async_trait;

/// What a registry calls a schema; it stands before each Avro value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

/// What a new schema of a subject must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// Each schema of the subject reads what each other wrote.
    FullTransitive,
}

impl Compatibility {
    /// The registries' word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

/// Why a registry did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached, does not answer in time, or says that it cannot now. Asking again may help.
    #[error("the schema registry is away: {0}")]
    Away(String),
    /// It will not: the credentials are wrong, the schema is none, or it does not do such a thing. Somebody must change
    /// something.
    #[error("the schema registry refuses: {0}")]
    Refused(String),
    /// The schema would not keep to the subject's compatibility.
    #[error("the schema is incompatible with one that is registered: {0}")]
    Incompatible(String),
    /// What it has under that id is nothing that we can read with: another kind of schema, or a huge one.
    #[error("the schema registry has something else: {0}")]
    Unusable(String),
    /// It has no such schema, or no such subject.
    #[error("the schema registry does not know it")]
    Unknown,
}

/// Keeps schemas under ids that never change their meaning.
#[async_trait]
pub trait SchemaRegistry: Send + Sync {
    /// Registers an Avro schema as the subject's newest, unless the subject has it. The same schema has the same id.
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`], or as its variants say, within the registry's own deadline.
    async fn register(&self, subject: &str, schema: &str) -> Result<SchemaId, RegistryError>;

    /// The text of a schema.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`], or as its variants say, within the registry's own deadline.
    async fn schema(&self, id: SchemaId) -> Result<String, RegistryError>;

    /// Says what new schemas of a subject must keep to. Some registries know only subjects that have a schema.
    ///
    /// # Errors
    /// [`RegistryError::Unknown`], or as its variants say, within the registry's own deadline.
    async fn set_compatibility(&self, subject: &str, compatibility: Compatibility) -> Result<(), RegistryError>;
}
