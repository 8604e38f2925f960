//! Configuration: defaults, then a file, then the environment, then flags; the later one wins.

mod collector;
mod kafka;
mod keys;
mod load;
mod reference;
mod roles;
mod secret;
mod setting;
mod suggest;
mod toml_file;

pub use collector::{CollectorHeaders, CollectorUrl};
pub use kafka::{CompactedTopics, JsonTopics, RegistryUrl};
pub use keys::*;
pub use load::{ConfigError, Entry, Origin, Settings, Sources, load};
pub use reference::{print_effective, to_json_schema, to_markdown};
pub use roles::{Role, Roles};
pub use secret::{DatabaseUrl, Password, RedisUrl};
pub use setting::{Check, Key, Setting};
