//! Logs: pretty for people, JSON for machines, to standard error.

use std::fmt;
use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::span::Record;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, JsonFields, Writer};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::util::TryInitError;

use velox_telemetry::Telemetry;

use crate::config::{LogConfig, LogFormat};

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be read.
    #[error("log.filter is not a filter such as `info,velox::http=debug`: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else has set up logging.
    #[error("logging is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets up logging for the process, and spans for the telemetry, if there is one; panics are logged like other
/// failures.
///
/// # Errors
/// [`LoggingError`] for a filter that cannot be read, and when it was set up before.
pub fn start(config: &LogConfig, telemetry: Option<&Telemetry>) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let terminal = std::io::stderr().is_terminal();
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !terminal,
    };
    match telemetry {
        // A filter for the whole subscriber costs less than one for each of its layers.
        None if json => tracing_subscriber::registry().with(json_lines()).with(filter).try_init()?,
        None => tracing_subscriber::registry().with(pretty_lines(terminal)).with(filter).try_init()?,
        Some(telemetry) => {
            let lines = if json { json_lines().boxed() } else { pretty_lines(terminal).boxed() };
            tracing_subscriber::registry().with(lines.with_filter(filter)).with(telemetry.layer()).try_init()?;
        }
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic: {}", panic.payload_as_str().unwrap_or("without a message"));
    }));
    Ok(())
}

/// The span's members stand beside the event's, so that a line can be searched by request id or account.
fn json_lines<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> + Send + Sync {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
    lines.fmt_fields(SplicedFields::default())
}

fn pretty_lines<S: Subscriber + for<'span> LookupSpan<'span>>(terminal: bool) -> impl Layer<S> + Send + Sync {
    tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal).with_target(false)
}

/// A span's members as a JSON object. [`JsonFields`] reads the object and writes it anew for each member that is recorded
/// later, which every request does twice; here new members are put before its end. No member may be recorded twice.
#[derive(Default)]
struct SplicedFields(JsonFields);

impl<'writer> FormatFields<'writer> for SplicedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut more = String::new();
        self.0.format_fields(Writer::new(&mut more), fields)?;
        splice(&mut current.fields, &more);
        Ok(())
    }
}

/// Puts the members of one JSON object behind those of another.
fn splice(object: &mut String, more: &str) {
    let Some(members) = more.strip_prefix('{').filter(|members| *members != "}") else { return };
    match object.pop() {
        // It was empty, or no object: then it is one now.
        None => object.push('{'),
        Some(_) if object.len() == 1 => {}
        Some(_) => object.push(','),
    }
    object.push_str(members);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_recorded_later_stand_behind_the_first() {
        for (object, more, both) in [
            (r#"{"a":1}"#, r#"{"b":"}"}"#, r#"{"a":1,"b":"}"}"#),
            ("{}", r#"{"b":2}"#, r#"{"b":2}"#),
            (r#"{"a":1}"#, "{}", r#"{"a":1}"#),
            ("", r#"{"b":2}"#, r#"{"b":2}"#),
        ] {
            let mut spliced = object.to_owned();
            splice(&mut spliced, more);
            assert_eq!(spliced, both);
        }
    }
}
