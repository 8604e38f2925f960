//! The composition root: which adapter stands behind which port, and the tasks that run for the life of the process.

mod feed_health;
mod feeds;
mod first_start;
mod market_task;
mod paper;
mod platform;
mod store_health;
mod stores;

pub use first_start::{OWNER_EMAIL, Welcome};
pub use platform::{Platform, StartError, prepare_data_dir};
pub(crate) use stores::database_file;
pub use stores::{StoreOpenError, Stores};
