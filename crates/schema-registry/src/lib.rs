//! Schemas in a registry that speaks Confluent's API over HTTP
//! (<https://docs.confluent.io/platform/current/schema-registry/develop/api.html>).

mod address;
mod answer;
mod http_registry;

pub use address::InvalidRegistryUrl;
pub use http_registry::{HttpRegistry, RegistryDeadlines};
