//! The composition root: which adapter stands behind which port, and the tasks that run for the life of the process.

mod execution;
mod feed_health;
mod feed_right;
mod feeds;
mod first_start;
mod identity_settings;
mod kafka;
mod market_parts;
mod market_task;
mod openings;
mod paper;
mod paper_desk;
mod peer_news;
mod peers;
mod platform;
mod pruning;
mod replica_health;
mod risk;
mod settings;
mod starting;
mod store_health;
mod stores;
mod tasks;
mod tidying;

pub use first_start::{OWNER_EMAIL, Welcome};
pub use kafka::InvalidKafka;
pub(crate) use kafka::{kafka_options, schema_registry, topic_codec};
pub(crate) use peers::redis_server;
pub use platform::Platform;
pub use starting::{StartError, prepare_data_dir};
pub(crate) use stores::database_file;
pub use stores::{PoolLook, StoreOpenError, Stores};
pub use tasks::TaskEnded;
