//! [`BrokerDesk`]: the brokers as the execution role meets them.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use velox_trading::{Broker, Report};

use super::rights::ExecutionRight;

/// The brokers as the execution role meets them.
pub trait BrokerDesk: Send + Sync {
    /// The broker as whoever has this right may call it. Where what a broker has is rebuilt from the store by whoever takes
    /// the right, it reaches nobody any more once the right was lost, also when this process has taken it again since.
    fn under(&self, right: ExecutionRight) -> Arc<dyn Broker>;

    /// What the brokers say, of all accounts.
    fn reports(&self) -> BoxStream<'static, Report>;
}

/// A broker that keeps its orders itself: whoever has claimed an order may hand it over, and nobody hands it over again.
impl<B: Broker + 'static> BrokerDesk for Arc<B> {
    fn under(&self, _: ExecutionRight) -> Arc<dyn Broker> {
        Self::clone(self)
    }

    fn reports(&self) -> BoxStream<'static, Report> {
        Broker::reports(&**self)
    }
}
