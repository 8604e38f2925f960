//! [`PositionEvent`]: see `schemas/avro/positions.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};
use velox_kernel::{Currency, Symbol};
use velox_trading::{Balance, Fact, Position, PositionRow};

use crate::account_step::AccountStep;
use crate::event_id;
use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Amount, Id, Moment, Word};
use crate::words;

/// What an event of an account did to its positions and ledgers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionEvent {
    pub event_id: Id,
    pub account_id: Id,
    pub org_id: Id,
    pub seq: u64,
    #[serde(rename = "type")]
    pub kind: Word,
    pub market_time: Moment,
    pub recorded_at: Moment,
    pub actor: Word,
    pub actor_user_id: Option<Id>,
    pub command_id: Id,
    pub request_id: Option<Id>,
    pub reset: bool,
    #[serde(default)]
    pub positions: Vec<WirePosition>,
    #[serde(default)]
    pub balances: Vec<WireBalance>,
}

/// A net position of the account or of one of its strategies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePosition {
    pub strategy_id: Option<Id>,
    pub symbol: Symbol,
    pub currency: Currency,
    pub quantity: Amount,
    pub cost: Amount,
    pub realised: Amount,
    pub fees: Amount,
    pub updated_at: Moment,
}

/// The ledger of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireBalance {
    pub currency: Currency,
    pub deposited: Amount,
    pub realised: Amount,
    pub fees: Amount,
    pub cash: Option<Amount>,
}

impl PositionEvent {
    /// What is told of an account's event; `None` when it touches neither positions nor ledgers.
    #[must_use]
    pub fn of(step: &AccountStep<'_>) -> Option<Self> {
        let AccountStep { recorded, event, profile, changes } = *step;
        let touches = matches!(
            event.fact,
            Fact::AccountOpened(_) | Fact::CashMoved { .. } | Fact::AccountReset { .. } | Fact::OrderFilled(_)
        );
        if !touches {
            return None;
        }
        let (actor, actor_user_id) = words::actor(recorded.actor);
        Some(Self {
            event_id: event_id::of_hash(recorded.hash),
            account_id: recorded.account.into(),
            org_id: profile.org.into(),
            seq: recorded.seq,
            kind: recorded.kind.clone(),
            market_time: recorded.market_time.into(),
            recorded_at: recorded.recorded_at.into(),
            actor,
            actor_user_id,
            command_id: recorded.cause.into(),
            request_id: recorded.request.map(Into::into),
            reset: changes.reset,
            positions: changes.positions.iter().map(Into::into).collect(),
            balances: changes.balances.iter().map(Into::into).collect(),
        })
    }
}

impl From<&PositionRow> for WirePosition {
    fn from(row: &PositionRow) -> Self {
        let PositionRow { strategy, position } = row;
        let Position { symbol, currency, quantity, cost, realised, fees, updated_at } = position;
        Self {
            strategy_id: strategy.map(Into::into),
            symbol: *symbol,
            currency: *currency,
            quantity: (*quantity).into(),
            cost: (*cost).into(),
            realised: (*realised).into(),
            fees: (*fees).into(),
            updated_at: (*updated_at).into(),
        }
    }
}

impl From<&Balance> for WireBalance {
    fn from(balance: &Balance) -> Self {
        let Balance { currency, deposited, realised, fees } = balance;
        Self {
            currency: *currency,
            deposited: (*deposited).into(),
            realised: (*realised).into(),
            fees: (*fees).into(),
            cash: balance.cash().ok().map(Into::into),
        }
    }
}

impl Message for PositionEvent {
    const TOPIC: Topic = Topic::Positions;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        self.account_id.to_string()
    }
}
