//! [`run_to_end`]: work that a client which hangs up, or a deadline, must not leave half done.

use std::future::Future;

use tracing::Instrument;

use super::Problem;

/// Runs the work in a task of its own and waits for it. When nobody waits any more, it goes on.
///
/// # Errors
/// `internal`, of unknown outcome, when the work panicked.
pub async fn run_to_end<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, Problem> {
    actix_web::rt::spawn(work.in_current_span()).await.map_err(Problem::internal)
}
