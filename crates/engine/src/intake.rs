//! [`Intake`]: the ports that taking an order in needs, and the request as it comes from the edge.

use std::sync::Arc;

use serde::Serialize;
use velox_kernel::{AccountId, ClientOrderId, Quantity, StrategyId, Symbol, Tag};
use velox_trading::{InstrumentRules, OrderKind, OrderTerms, Side, TimeInForce, Trading};

use crate::instruments::{InstrumentError, Instruments, rules_of};

/// The ports that taking an order in needs.
#[derive(Clone)]
pub struct Intake {
    /// The trading domain's.
    pub trading: Trading,
    /// Where orders learn what their instrument asks of them.
    pub instruments: Arc<dyn Instruments>,
}

/// An order as a client asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRequest {
    /// Through which account.
    pub account: AccountId,
    /// The client's name for it; the order's own id when `None`.
    pub client_order_id: Option<ClientOrderId>,
    /// Of which instrument.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    pub kind: OrderKind,
    /// How much.
    pub quantity: Quantity,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// The strategy that its fills belong to.
    pub strategy: Option<StrategyId>,
    /// The client's own marks.
    pub tags: Vec<Tag>,
}

impl OrderRequest {
    pub(crate) fn terms(&self, rules: &InstrumentRules) -> OrderTerms {
        OrderTerms {
            symbol: self.symbol,
            currency: rules.currency,
            side: self.side,
            kind: self.kind,
            quantity: self.quantity,
            time_in_force: self.time_in_force,
            reduce_only: self.reduce_only,
            strategy: self.strategy,
            tags: self.tags.clone(),
        }
    }
}

impl Intake {
    /// The rules of an instrument; `None` when there is none, or it takes no orders.
    pub(crate) async fn rules(&self, symbol: Symbol) -> Result<Option<InstrumentRules>, InstrumentError> {
        Ok(self.instruments.instrument(symbol).await?.as_ref().and_then(rules_of))
    }
}
