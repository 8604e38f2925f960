//! `velox config print`: every key with its value and where that came from.

use std::io::{self, Write};

use crate::config::{Settings, print_effective};

/// Prints the configuration in force.
///
/// # Errors
/// The output cannot be written.
pub fn print_config(settings: &Settings, redacted: bool, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(print_effective(settings, redacted).as_bytes())
}
