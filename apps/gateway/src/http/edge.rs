//! [`Edge`]: what the frame around every handler needs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Data};
use metrics_exporter_prometheus::PrometheusHandle;
use velox_kernel::{Clock, Ids, RateLimiter};

use super::auth::Authenticator;
use super::cors::Cors;
use super::health::HealthChecks;
use super::limiter::{Limiters, TrustedProxies};
use super::openapi;
use super::table::RouteTable;
use crate::config::Config;
use crate::replicas::Replica;
use crate::shutdown::Shutdown;

/// The ports and bounds of the HTTP edge, shared by all workers.
pub struct Edge {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// New request ids.
    pub ids: Arc<dyn Ids>,
    /// Knows access tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// What `/readyz` and `/health` ask.
    pub health: HealthChecks,
    /// Whether the process is leaving.
    pub shutdown: Shutdown,
    /// The rate limits.
    pub limiters: Limiters,
    /// Whose word about the sender is taken.
    pub proxies: TrustedProxies,
    /// A replica of the store: whoever has done something is told the position from which it shows it.
    pub replica: Option<Arc<Replica>>,
    /// Which origins may call from a browser.
    pub cors: Cors,
    /// How long a handler may take.
    pub request_timeout: Duration,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The largest body, in bytes, unless the row says otherwise.
    pub max_body: usize,
    /// Renders `/metrics`.
    pub metrics: PrometheusHandle,
    table: RouteTable,
    openapi: OnceLock<Bytes>,
    /// Connections that are open.
    pub connections: Arc<Connections>,
}

impl Edge {
    /// The edge as configured, in front of the table.
    #[must_use]
    pub fn new(config: &Config, ports: EdgePorts, table: RouteTable) -> Self {
        Self {
            clock: ports.clock,
            ids: ports.ids,
            authenticator: ports.authenticator,
            health: ports.health,
            shutdown: ports.shutdown,
            limiters: Limiters::new(&config.limits, ports.limits.as_ref()),
            proxies: TrustedProxies::new(&config.server.trusted_proxies),
            replica: ports.replica,
            cors: Cors::new(&config.server.cors_origins),
            request_timeout: Duration::from_millis(config.server.request_timeout_ms),
            body_timeout: Duration::from_millis(config.server.body_timeout_ms),
            max_body: config.server.max_body_bytes,
            metrics: super::metrics::recorder(),
            table,
            openapi: OnceLock::new(),
            connections: Arc::default(),
        }
    }

    /// The routes.
    #[must_use]
    pub const fn table(&self) -> &RouteTable {
        &self.table
    }

    /// The OpenAPI document: serialised when it is first asked for, then shared.
    #[must_use]
    pub fn openapi(&self) -> Bytes {
        self.openapi.get_or_init(|| Bytes::from(openapi::to_text(&self.table))).clone()
    }

    /// The edge that serves this request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Data<Self>>().map(|edge| edge.get_ref())
    }
}

/// What the composition root hands to the edge.
pub struct EdgePorts {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Knows access tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// What `/readyz` and `/health` ask.
    pub health: HealthChecks,
    /// Whether the process is leaving.
    pub shutdown: Shutdown,
    /// Counts requests for all processes together, where several share one installation.
    pub limits: Option<Arc<dyn RateLimiter>>,
    /// A replica of the store that lists are read from.
    pub replica: Option<Arc<Replica>>,
}

/// Counts open connections and requests in flight, for the drain and for `/metrics`.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    in_flight: AtomicUsize,
}

impl Connections {
    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Requests that have no answer yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn connect(self: &Arc<Self>) -> OpenConnection {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    pub(super) fn request(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }
}

/// Counts one connection for as long as it lives.
pub(super) struct OpenConnection(Arc<Connections>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one request for as long as it lives.
pub(super) struct InFlight<'a>(&'a Connections);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
