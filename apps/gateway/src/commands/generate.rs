//! `velox generate`: the documents that are made from the code and committed.

use std::io::{self, Write};

use clap::ValueEnum;

use crate::config::{to_json_schema, to_markdown};
use crate::http::{error_docs, openapi, routes};

/// Documents generated from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// docs/config.md
    ConfigDocs,
    /// schemas/config.schema.json
    ConfigSchema,
    /// schemas/openapi.json
    Openapi,
    /// docs/errors.md
    ErrorCodes,
}

/// Writes a document.
///
/// # Errors
/// The output cannot be written.
pub fn generate(document: Document, out: &mut dyn Write) -> io::Result<()> {
    let text = match document {
        Document::ConfigDocs => to_markdown(),
        Document::ConfigSchema => to_json_schema(),
        Document::Openapi => openapi::to_text(&routes()) + "\n",
        Document::ErrorCodes => error_docs::to_markdown(),
    };
    out.write_all(text.as_bytes())
}
