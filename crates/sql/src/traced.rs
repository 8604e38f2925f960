//! [`traced`]: a question to the store as a span of the trace that asks, where there is one.

use std::future::Future;

use futures_util::TryFutureExt;
use tracing::instrument::{Instrument, Instrumented};
use tracing::{Span, field};

use crate::Failure;

/// The span of a repository function, for [`traced`], named by area and function. It is of a level that logs leave
/// alone: without traces it costs a look at its callsite.
#[macro_export]
macro_rules! statement_span {
    ($system:literal, $area:ident :: $function:ident $(, $($more:tt)+)?) => {
        tracing::trace_span!(
            concat!(stringify!($area), ".", stringify!($function)),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            db.system.name = $system,
            db.operation.name = stringify!($function),
            "error.type" = tracing::field::Empty,
            $($($more)+)?
        )
    };
}

/// Does the work within a span, which says how it failed.
pub fn traced<T, F>(span: Span, work: F) -> Instrumented<impl Future<Output = Result<T, Failure>> + use<T, F>>
where
    F: Future<Output = Result<T, Failure>>,
{
    work.inspect_err(note).instrument(span)
}

/// Where the span is disabled, the current one has no such members, and nothing happens.
fn note(failure: &Failure) {
    let span = Span::current();
    span.record("otel.status_code", "ERROR");
    span.record("error.type", field::display(failure.kind()));
}
