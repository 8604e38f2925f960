//! `velox serve`: from a configuration to a server that listens, and its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::http::health::HealthChecks;
use crate::http::{Edge, EdgePorts, ListenError, NobodyGetsIn, Server, routes};
use crate::shutdown::Shutdown;
use crate::system::{SystemClock, SystemIds};

/// Why serving ended in failure.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It could not start to listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It broke while serving.
    #[error("serving failed: {0}")]
    Io(#[from] io::Error),
}

/// Serves until the process is told to end, then drains.
///
/// # Errors
/// [`ServeError`] when it cannot listen, or when the listener breaks.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    let ports = EdgePorts {
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        authenticator: Arc::new(NobodyGetsIn),
        health: HealthChecks::default(),
        shutdown: Shutdown::default(),
    };
    let edge = Arc::new(Edge::new(&config, ports, routes()));
    let server = Server::start(&config.server, edge, |_| {})?;
    tracing::info!(address = %server.address, "listening on http://{0}, reference at http://{0}/docs/", server.address);
    told_to_end().await?;
    tracing::info!("draining");
    server.drain(Duration::from_millis(config.server.drain_ms)).await?;
    tracing::info!("ended");
    Ok(())
}

/// Returns on SIGTERM or SIGINT.
async fn told_to_end() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
