//! Closing a position: a reduce-only market order for what no open order closes already.

use super::Account;
use crate::command::ClosePosition;
use crate::context::Context;
use crate::event::Fact;
use crate::order::{OrderKind, OrderTerms, Side, TimeInForce};
use crate::refused::Refused;

impl Account {
    pub(super) fn decide_close_position(
        &self,
        close: &ClosePosition,
        context: &Context<'_>,
    ) -> Result<Vec<Fact>, Refused> {
        self.refuse_taken_id(close.client_order_id, close.fingerprint, context)?;
        let position = self.position(close.symbol).filter(|p| !p.quantity.is_zero()).ok_or(Refused::NoPosition)?;
        let side = if position.quantity.is_negative() { Side::Buy } else { Side::Sell };
        let (closing, _) = self.exposure(close.symbol).side(side);
        let quantity = position.quantity.abs().minus(closing)?;
        if !quantity.is_positive() {
            return Err(Refused::ClosingAlready);
        }
        let terms = OrderTerms {
            symbol: close.symbol,
            currency: position.currency,
            side,
            kind: OrderKind::Market,
            quantity,
            time_in_force: TimeInForce::Gtc,
            reduce_only: true,
            strategy: None,
            tags: vec![],
        };
        self.decide_new_order(close.order, close.client_order_id, close.fingerprint, &terms, &close.rules, context)
    }
}
