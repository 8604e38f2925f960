//! [`Brokers`]: the ports that the use cases of this domain work through.

use std::sync::Arc;

use velox_kernel::{Clock, Ids};

use crate::{BrokerStore, Catalog, ConnectionAccounts, ConnectionProbe, SecretBox};

/// What the use cases of broker connections work with.
#[derive(Clone)]
pub struct Brokers {
    /// Where connections are kept.
    pub store: Arc<dyn BrokerStore>,
    /// What keeps credentials unreadable.
    pub secret_box: Arc<dyn SecretBox>,
    /// The accounts of connections.
    pub accounts: Arc<dyn ConnectionAccounts>,
    /// Tries connections out.
    pub probe: Arc<dyn ConnectionProbe>,
    /// Which brokers there are.
    pub catalog: Arc<Catalog>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}
