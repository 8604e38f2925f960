//! What the platform needs before it starts, and why it cannot.

use std::os::unix::fs::DirBuilderExt;

use velox_crypto::{KeyRing, KeyRingError};
use velox_market::MarketStoreError;
use velox_redis::InvalidRedisUrl;
use velox_trading::StoreError;

use super::feeds::FeedStartError;
use super::first_start::FirstStartError;
use super::kafka::InvalidKafka;
use super::stores::Stores;
use crate::config::Config;

/// Why the platform cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("data.dir {path}: {source}")]
    DataDir {
        /// The directory.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The keys cannot be read or made.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The keys are gone while the database is there.
    #[error(
        "the database has users, but {0} was not there: without the installation's keys nobody can sign in and no \
         credential can be opened. Restore the file from a backup, or name it in secrets.keys_file"
    )]
    KeysLost(std::path::PathBuf),
    /// The machine does not let threads start.
    #[error("threads for passwords: {0}")]
    Threads(#[from] std::io::Error),
    /// Something could not be read from the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Market data could not be read or kept.
    #[error(transparent)]
    Market(#[from] MarketStoreError),
    /// The feed.
    #[error(transparent)]
    Feed(#[from] FeedStartError),
    /// The first start.
    #[error("the first start: {0}")]
    First(#[from] FirstStartError),
    /// Redis.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] InvalidKafka),
    /// The roles of a process that is alone.
    #[error("process.roles: {0} alone needs a database that other processes share (database.url)")]
    Roles(String),
    /// Identity's store.
    #[error(transparent)]
    Identity(#[from] velox_identity::StoreError),
    /// A built-in name does not fit its own rules.
    #[error("a built-in name is not valid")]
    Name,
}

/// The installation's keys. They are made on the first start alone: a database without its keys is not started anew.
pub(super) async fn open_keys(config: &Config, stores: &Stores) -> Result<KeyRing, StartError> {
    let path = config.secrets.keys_file.clone().unwrap_or_else(|| config.data.dir.join("keys.json"));
    if !path.exists() && !stores.identity.is_empty().await? {
        return Err(StartError::KeysLost(path));
    }
    let (keys, _) = KeyRing::load_or_create(&path)?;
    Ok(keys)
}

/// Makes the data directory, for this user alone; one that is there stays as it is.
///
/// # Errors
/// [`StartError::DataDir`].
pub fn prepare_data_dir(config: &Config) -> Result<(), StartError> {
    let dir = &config.data.dir;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| StartError::DataDir { path: dir.clone(), source })
}
