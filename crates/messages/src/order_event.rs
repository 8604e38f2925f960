//! [`OrderEvent`]: see `schemas/avro/orders.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};
use velox_trading::{Fact, RecordedEvent};

use crate::account_step::AccountStep;
use crate::event_id;
use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Id, Moment, Word};
use crate::wire_order::{WireCash, WireFill, WireLimits, WireOrder};
use crate::words;

/// An event of an account's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    pub event_id: Id,
    pub account_id: Id,
    pub org_id: Id,
    pub seq: u64,
    #[serde(rename = "type")]
    pub kind: Word,
    pub version: u16,
    pub market_time: Moment,
    pub recorded_at: Moment,
    pub actor: Word,
    pub actor_user_id: Option<Id>,
    pub command_id: Id,
    pub request_id: Option<Id>,
    pub order_id: Option<Id>,
    pub order: Option<WireOrder>,
    pub replacement: Option<WireOrder>,
    pub fill: Option<WireFill>,
    pub cash: Option<WireCash>,
    pub halt_mode: Option<Word>,
    pub halt_reason: Option<String>,
    pub limits: Option<WireLimits>,
    pub detail: String,
}

impl OrderEvent {
    /// What is told of an account's event; every one is told.
    #[must_use]
    pub fn of(step: &AccountStep<'_>) -> Self {
        let AccountStep { recorded, event, profile, changes } = *step;
        let RecordedEvent {
            account,
            seq,
            kind,
            version,
            market_time,
            recorded_at,
            actor,
            cause,
            request,
            prev_hash: _,
            hash,
            payload,
            trace: _,
        } = recorded;
        let (actor, actor_user_id) = words::actor(*actor);
        let mut message = Self {
            event_id: event_id::of_hash(*hash),
            account_id: (*account).into(),
            org_id: profile.org.into(),
            seq: *seq,
            kind: kind.clone(),
            version: *version,
            market_time: (*market_time).into(),
            recorded_at: (*recorded_at).into(),
            actor,
            actor_user_id,
            command_id: (*cause).into(),
            request_id: request.map(Into::into),
            order_id: event.fact.order().map(Into::into),
            order: step.order().map(Into::into),
            replacement: None,
            fill: None,
            cash: None,
            halt_mode: None,
            halt_reason: None,
            limits: None,
            // It was read as JSON to get at the event: it is UTF-8.
            detail: String::from_utf8_lossy(payload).into_owned(),
        };
        match &event.fact {
            Fact::AccountOpened(opened) => {
                message.cash = Some(WireCash { currency: opened.currency, amount: opened.cash.into() });
                message.limits = Some((&opened.limits).into());
            }
            Fact::CashMoved { currency, amount } => {
                message.cash = Some(WireCash { currency: *currency, amount: (*amount).into() });
            }
            Fact::AccountReset { cash } => {
                message.cash = Some(WireCash { currency: profile.currency, amount: (*cash).into() });
            }
            Fact::LimitsChanged { limits } => message.limits = Some(limits.into()),
            Fact::AccountHalted { mode, reason, basis: _ } => {
                message.halt_mode = Some(words::halt_mode(*mode).into());
                message.halt_reason = Some(reason.clone());
            }
            Fact::OrderFilled(fill) => message.fill = Some(fill.as_ref().into()),
            Fact::OrderReplaced { by, .. } => {
                message.replacement = changes.orders.iter().find(|order| order.id == by.order_id).map(Into::into);
            }
            // The order after it says what it did.
            Fact::AccountResumed
            | Fact::OrderAccepted(_)
            | Fact::OrderDenied { .. }
            | Fact::OrderRouted { .. }
            | Fact::OrderAcknowledged { .. }
            | Fact::OrderCancelRequested { .. }
            | Fact::OrderCancelRejected { .. }
            | Fact::OrderCanceled { .. }
            | Fact::OrderExpired { .. }
            | Fact::OrderRejected { .. }
            | Fact::OrderReplaceRequested { .. }
            | Fact::OrderReplaceRejected { .. }
            | Fact::OrderUnknown { .. }
            | Fact::OrderMissed { .. } => {}
        }
        message
    }
}

impl Message for OrderEvent {
    const TOPIC: Topic = Topic::Orders;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        self.account_id.to_string()
    }
}
