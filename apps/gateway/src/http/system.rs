//! Probes, figures, version and documents.

mod get_docs;
mod get_docs_file;
mod get_error_docs;
mod get_health;
mod get_livez;
mod get_metrics;
mod get_openapi;
mod get_readyz;
mod get_version;

use super::table::{Access::Public, Limit, Row};
use crate::row;

/// The system's routes.
#[must_use]
pub fn rows() -> Vec<Row> {
    vec![
        row!(GET "/livez", Public, get_livez).bare(),
        row!(GET "/readyz", Public, get_readyz).limit(Limit::None),
        row!(GET "/health", Public, get_health).limit(Limit::None),
        row!(GET "/metrics", Public, get_metrics).limit(Limit::None),
        row!(GET "/v1/version", Public, get_version),
        row!(GET "/v1/openapi.json", Public, get_openapi),
        row!(GET "/docs", Public, get_docs).limit(Limit::None).undocumented(),
        row!(GET "/docs/errors", Public, get_error_docs).limit(Limit::None).undocumented(),
        row!(GET "/docs/{file:.*}", Public, get_docs_file).limit(Limit::None).undocumented(),
    ]
}
