//! [`Trading`]: the ports that the use cases of this domain need.

use std::sync::Arc;

use velox_kernel::{Actor, CommandId, Ids, OrderId, Origin};

use crate::context::Prices;
use crate::live::Moments;
use crate::log::Cause;
use crate::store::{TradingLists, TradingLog, TradingQueries};
use crate::writer::AccountWriter;

/// The ports that the use cases of this domain need.
#[derive(Clone)]
pub struct Trading {
    /// Where commands go.
    pub writer: Arc<dyn AccountWriter>,
    /// The log.
    pub log: Arc<dyn TradingLog>,
    /// The read tables.
    pub queries: Arc<dyn TradingQueries>,
    /// Their lists, which a copy of the store may answer.
    pub lists: Arc<dyn TradingLists>,
    /// The market's prices.
    pub prices: Arc<dyn Prices>,
    /// The clocks.
    pub moments: Arc<dyn Moments>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

impl Trading {
    /// The envelope of what an actor's command brings about.
    #[must_use]
    pub fn cause(&self, actor: &Actor, origin: Origin) -> Cause {
        let Origin { request, trace } = origin;
        Cause { actor: actor.principal(), command: CommandId::new(self.ids.next()), request, trace }
    }

    /// An id for a new order.
    #[must_use]
    pub fn new_order_id(&self) -> OrderId {
        OrderId::new(self.ids.next())
    }
}
