//! The pool of sessions.

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, PoolError, QueueMode, Timeouts};
use tokio::time::Instant;
use velox_sql::Failure;

use crate::lease::Lease;
use crate::session::Sessions;
use crate::{AddressError, PostgresOptions, Server};

/// What the session is called that shows that a process is there.
const PRESENCE: &str = "velox presence";

/// How the pool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that are open, at work or not.
    pub size: usize,
    /// Connections that nobody uses now.
    pub available: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
}

/// Hears of the pool. It must not block.
pub trait PoolObserver: Send + Sync {
    /// Somebody got a connection after so long a wait; a new connection's making is part of it.
    fn leased(&self, waited: Duration);
}

/// The pool.
#[derive(Clone)]
pub(crate) struct Pool {
    sessions: managed::Pool<Sessions>,
    observer: Option<Arc<dyn PoolObserver>>,
}

impl Pool {
    /// A pool; no connection is made yet.
    pub(crate) fn new(url: &str, read_only: bool, options: &PostgresOptions) -> Result<Self, AddressError> {
        Ok(Self { observer: options.pool_observer.clone(), ..Self::of(url, read_only, options, "velox")? })
    }

    /// One session, on which a process says which part of which role it has: it waits for no request's.
    pub(crate) fn of_roles(url: &str, options: &PostgresOptions) -> Result<Self, AddressError> {
        let options = PostgresOptions { connections: 1, ..options.clone() };
        Self::of(url, false, &options, PRESENCE)
    }

    fn of(url: &str, read_only: bool, options: &PostgresOptions, name: &str) -> Result<Self, AddressError> {
        let mut server = Server::parse(url)?.connect_within(options.connect);
        let config = &mut server.config;
        // The plans of the store's statements do not depend on their values, and planning the large one anew for each
        // batch would cost more than running it; no statement reads so much that compiling it or a scan would pay. A
        // bitmap has no order: a page that is read by one reads all of its list.
        let settings = format!(
            "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={} -c plan_cache_mode=force_generic_plan \
             -c jit=off -c enable_seqscan=off -c enable_bitmapscan=off",
            config.get_options().unwrap_or_default(),
            options.statement.as_millis(),
            options.idle_in_transaction.as_millis(),
        );
        config.options(settings.trim());
        // So that whoever looks at the server's sessions knows what they are for.
        if config.get_application_name().is_none() || name == PRESENCE {
            config.application_name(name);
        }
        let timeouts =
            Timeouts { wait: Some(options.wait), create: Some(options.connect), recycle: Some(options.connect) };
        let sessions = managed::Pool::builder(Sessions { server, read_only })
            .max_size(options.connections)
            // The session that was used last still has in the processor's caches what a statement needs; the others rest.
            .queue_mode(QueueMode::Lifo)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| AddressError::Malformed(error.to_string()))?;
        Ok(Self { sessions, observer: None })
    }

    /// How a session is made, for one that is not of the pool.
    pub(crate) fn server(&self) -> &Server {
        &self.sessions.manager().server
    }

    /// A session, when one is free in time.
    pub(crate) async fn lease(&self) -> Result<Lease, Failure> {
        let asked = Instant::now();
        match self.sessions.get().await {
            Ok(session) => {
                if let Some(observer) = &self.observer {
                    observer.leased(asked.elapsed());
                }
                Ok(Lease::new(session))
            }
            Err(PoolError::Timeout(managed::TimeoutType::Wait)) => Err(Failure::Overloaded),
            Err(PoolError::Backend(failure)) => Err(failure),
            Err(error) => Err(Failure::Unavailable(error.to_string())),
        }
    }

    /// A session in a transaction.
    pub(crate) async fn begin(&self, deadline: Duration) -> Result<Lease, Failure> {
        let mut lease = self.lease().await?;
        match lease.begin(deadline).await {
            Err(Failure::Disconnected(_)) => {
                drop(lease);
                lease = self.lease().await?;
                lease.begin(deadline).await?;
            }
            begun => begun?,
        }
        Ok(lease)
    }

    /// How it stands now.
    pub(crate) fn status(&self) -> PoolStatus {
        let managed::Status { size, available, waiting, .. } = self.sessions.status();
        PoolStatus { size, available, waiting }
    }

    /// Closes every session that is not leased, and gives out no more.
    pub(crate) fn close(&self) {
        self.sessions.close();
    }
}
