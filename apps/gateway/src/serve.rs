//! `velox serve`: from a configuration to a server that listens, and its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Role};
use crate::http::{Edge, ListenError, Server, probes, routes};
use crate::shutdown::Shutdown;
use crate::wiring::{Platform, StartError, StoreOpenError, Stores, TaskEnded, Welcome};

/// Why serving ended in failure.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// Something behind the edge cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It could not start to listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It broke while serving.
    #[error("serving failed: {0}")]
    Io(#[from] io::Error),
    /// Something that lives as long as the process ended before it was told to.
    #[error(transparent)]
    Task(#[from] TaskEnded),
}

/// Serves until the process is told to end, then drains.
///
/// # Errors
/// [`ServeError`] when it cannot start or listen, or when the listener or a task breaks.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    // The recorder comes first: what stores count before it is installed is not counted.
    let _ = crate::http::recorder();
    crate::wiring::prepare_data_dir(&config)?;
    let stores = Stores::open(&config).await?;
    serve_on(config, stores).await
}

/// [`serve`] on stores that are open already.
///
/// # Errors
/// As [`serve`].
pub async fn serve_on(config: Config, stores: Stores) -> Result<(), ServeError> {
    let _ = crate::http::recorder();
    let shutdown = Shutdown::default();
    let mut platform = Platform::start(&config, stores, shutdown).await?;
    let routes = if config.process.roles.has(Role::Gateway) { routes() } else { probes() };
    let edge = Arc::new(Edge::new(&config, platform.edge_ports(), routes));
    let server = Server::start(&config.server, edge, platform.wire())?;
    greet(&server, platform.welcome.as_ref());
    let broken = tokio::select! {
        told = told_to_end() => { told?; None }
        broken = platform.broken() => Some(broken),
    };
    if let Some(broken) = &broken {
        tracing::error!("{broken}");
    }
    tracing::info!("draining");
    server.drain(Duration::from_millis(config.server.drain_ms)).await?;
    platform.end().await;
    tracing::info!("ended");
    broken.map_or(Ok(()), |broken| Err(broken.into()))
}

/// Says where to go; on a first start also where the sign-in is.
fn greet(server: &Server, welcome: Option<&Welcome>) {
    tracing::info!(address = %server.address, "listening on http://{0}, reference at http://{0}/docs/", server.address);
    match welcome {
        Some(Welcome::Written(path)) => {
            tracing::info!(file = %path.display(), "the sign-in made for this installation is in a file that only you can read");
        }
        Some(Welcome::Shown) => tracing::info!("the sign-in made for this installation was shown above, once"),
        None => {}
    }
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
