//! [`order_before`]: an order as it was before one of its events, out of the log.

use velox_kernel::OrderId;

use crate::event::Fact;
use crate::log::RecordedEvent;
use crate::order::Order;
use crate::order_fold;
use crate::store::{StoreError, TradingLog};

/// Events read at a time.
const PAGE: u32 = 500;

/// An order as it was before event number `seq` of its account. `now` is any later form of it. `None` when the log does
/// not tell of it: it is damaged then.
///
/// An account remembers open orders alone; this is for the rare event about one that was closed already, a late fill. It
/// reads the account's log from the order's first event on.
///
/// # Errors
/// [`StoreError`] when the log could not be read.
pub async fn order_before(log: &dyn TradingLog, now: &Order, seq: u64) -> Result<Option<Order>, StoreError> {
    let mut order = None;
    let mut after = now.first_seq.saturating_sub(1);
    loop {
        let page = log.events(now.account, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(order) };
        after = last.seq;
        for record in &page {
            if record.seq >= seq {
                return Ok(order);
            }
            if fold(&mut order, now.id, record).is_none() {
                return Ok(None);
            }
        }
    }
}

/// Lets an event change the order if it is about it; `None` when it cannot.
fn fold(order: &mut Option<Order>, id: OrderId, record: &RecordedEvent) -> Option<()> {
    let event = record.event().ok()?;
    let (account, at, seq) = (record.account, event.at, record.seq);
    match &event.fact {
        Fact::OrderAccepted(placed) if placed.order_id == id => {
            *order = Some(order_fold::accepted(account, placed, at, seq));
        }
        Fact::OrderReplaced { order_id, by, broker_order_id } if by.order_id == id => {
            *order = Some(order_fold::replacing(account, by, *order_id, *broker_order_id, at, seq));
        }
        fact if fact.order() == Some(id) => order_fold::step(order.as_mut()?, &event, seq).ok()?,
        _ => {}
    }
    Some(())
}
