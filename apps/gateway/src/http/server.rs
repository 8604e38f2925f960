//! The listener: binding, workers, and leaving in good order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::client_socket::ClientSocket;
use super::edge::Edge;
use super::listening::Listening;
use super::mount::Mounted;
use crate::config::ServerConfig;

/// How often the drain looks whether the connections are gone.
const LOOK: Duration = Duration::from_millis(10);
/// How long connections that have begun get to be accepted before others are refused.
const SETTLE: Duration = Duration::from_millis(20);
/// How long idle keep-alive connections get to send one more request, which is answered with `Connection: close`.
const LINGER: Duration = Duration::from_millis(300);

/// A server that listens.
pub struct Server {
    /// Where it listens: the real port when 0 was asked for.
    pub address: SocketAddr,
    edge: Arc<Edge>,
    listening: Listening,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source} (server.bind and server.port say where)")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The listener broke.
    #[error("the listener failed: {0}")]
    Listener(#[from] io::Error),
}

impl Server {
    /// Starts serving the edge's table. `wire` adds the app data that handlers ask for, in every worker.
    ///
    /// # Errors
    /// [`ListenError`] when the address cannot be bound.
    pub fn start<W>(config: &ServerConfig, edge: Arc<Edge>, wire: W) -> Result<Self, ListenError>
    where
        W: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let wanted = SocketAddr::new(config.bind, config.port);
        let listener = TcpListener::bind(wanted).map_err(|source| ListenError::Bind { address: wanted, source })?;
        let address = listener.local_addr()?;
        let listening = Listening::of(&listener)?;
        let app_edge = Arc::clone(&edge);
        let mounted = Arc::new(Mounted::new(edge.table()));
        let connections = Arc::clone(&edge.connections);
        let workers = if config.workers == 0 {
            std::thread::available_parallelism().map_or(1, Into::into)
        } else {
            config.workers
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::from(Arc::clone(&app_edge)))
                .configure(wire.clone())
                .configure(|app| mounted.configure(app, &app_edge))
        })
        .workers(workers)
        .on_connect(move |stream, extensions| {
            extensions.insert(connections.connect());
            if let Some(socket) = ClientSocket::of(stream) {
                extensions.insert(socket);
            }
        })
        .keep_alive(Duration::from_millis(config.keep_alive_ms))
        .client_request_timeout(Duration::from_millis(config.head_timeout_ms))
        .client_disconnect_timeout(Duration::from_secs(1))
        .max_connections(config.max_connections.div_ceil(workers))
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        Ok(Self { address, edge, listening, handle, task: tokio::spawn(server) })
    }

    /// Leaves in good order: readiness goes off, new connections are refused, requests in flight finish, keep-alive
    /// connections are told to close; after `within` whatever is left is cut.
    ///
    /// # Errors
    /// When the listener had failed before.
    pub async fn drain(self, within: Duration) -> io::Result<()> {
        self.edge.shutdown.begin();
        // A balancer may send a command to another gateway when this one refuses the connection, and must not when it
        // takes one and resets it.
        self.listening.hold();
        tokio::time::sleep(SETTLE).await;
        self.handle.pause().await;
        self.listening.close();
        let started = Instant::now();
        let connections = &self.edge.connections;
        let gone = async {
            let mut look = tokio::time::interval(LOOK);
            while connections.open() > 0 && (connections.in_flight() > 0 || started.elapsed() < LINGER) {
                look.tick().await;
            }
        };
        if timeout_at(started + within, gone).await.is_err() {
            tracing::warn!(in_flight = connections.in_flight(), "the drain ran out of time (server.drain_ms)");
        }
        self.handle.stop(true).await;
        self.task.await.unwrap_or_else(|failed| Err(io::Error::other(failed)))
    }
}
