//! The row of an order.

use std::borrow::Cow;

use bytes::Bytes;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde::{Deserialize, Serialize};
use velox_kernel::{
    AccountId, BrokerOrderId, ClientOrderId, Currency, Digest, Money, OrderId, OrgId, Price, Quantity, StrategyId,
    Symbol, Tag, Timestamp,
};
use velox_trading::{Denial, EndReason, Order, OrderKind, OrderStatus, OrderTerms, Replacement, Side, TimeInForce};

use super::{from_json, signed, to_json, unsigned};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

record! {
    /// An order.
    OrderRecord, OrderRecords in orders {
        id: OrderId = Id, "uuid";
        org_id: OrgId = Id, "uuid";
        account_id: AccountId = Id, "uuid";
        client_order_id: ClientOrderId = Word, "text";
        fingerprint: Digest = Hash, "bytea";
        symbol: Symbol = Word, "text";
        currency: Currency = Word, "text";
        side: Side = Word, "text";
        kind: Cow<'static, str> = Text, "text";
        limit_price: Option<Price> = Nullable<Amount>, "numeric";
        stop_price: Option<Price> = Nullable<Amount>, "numeric";
        quantity: Quantity = Amount, "numeric";
        time_in_force: TimeInForce = Word, "text";
        reduce_only: bool = Bool, "bool";
        strategy_id: Option<StrategyId> = Nullable<Id>, "uuid";
        status: OrderStatus = Word, "text";
        is_open: bool = Bool, "bool";
        filled: Quantity = Amount, "numeric";
        filled_value: Money = Amount, "numeric";
        reserve_price: Price = Amount, "numeric";
        broker_order_id: Option<BrokerOrderId> = Nullable<Word>, "text";
        accepted_at: Timestamp = Moment, "timestamptz";
        placed_at: Timestamp = Moment, "timestamptz";
        updated_at: Timestamp = Moment, "timestamptz";
        expires_at: Option<Timestamp> = Nullable<Moment>, "timestamptz";
        first_seq: i64 = BigInt, "int8";
        last_seq: i64 = BigInt, "int8";
        detail: Option<Bytes> = Nullable<Blob>, "bytea";
    }
    on conflict " ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
        is_open = excluded.is_open, filled = excluded.filled, filled_value = excluded.filled_value, \
        reserve_price = excluded.reserve_price, broker_order_id = excluded.broker_order_id, \
        updated_at = excluded.updated_at, expires_at = excluded.expires_at, last_seq = excluded.last_seq, \
        detail = excluded.detail WHERE orders.account_id = excluded.account_id"
}

/// What no query looks at.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<Box<Replacement>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial: Option<Box<Denial>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<EndReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_since: Option<Timestamp>,
    misses: u32,
}

impl OrderRecord {
    /// The row of an order.
    ///
    /// # Errors
    /// [`Failure::Corrupt`] for a number that no database counts to.
    pub fn new(org_id: OrgId, order: &Order) -> Result<Self, Failure> {
        let Order {
            id,
            account,
            client_order_id,
            fingerprint,
            terms: OrderTerms { symbol, currency, side, kind, quantity, time_in_force, reduce_only, strategy, tags },
            status,
            filled,
            filled_value,
            reserve_price,
            broker_order_id,
            replaces,
            replaced_by,
            pending,
            denial,
            end,
            accepted_at,
            placed_at,
            updated_at,
            expires_at,
            unknown_since,
            misses,
            first_seq,
            last_seq,
        } = order;
        let detail = Detail {
            tags: tags.clone(),
            replaces: *replaces,
            replaced_by: *replaced_by,
            pending: pending.clone(),
            denial: denial.clone(),
            end: end.clone(),
            unknown_since: *unknown_since,
            misses: *misses,
        };
        Ok(Self {
            id: *id,
            org_id,
            account_id: *account,
            client_order_id: *client_order_id,
            fingerprint: *fingerprint,
            symbol: *symbol,
            currency: *currency,
            side: *side,
            kind: Cow::Borrowed(kind.as_str()),
            limit_price: kind.limit_price(),
            stop_price: kind.stop_price(),
            quantity: *quantity,
            time_in_force: *time_in_force,
            reduce_only: *reduce_only,
            strategy_id: *strategy,
            status: *status,
            is_open: status.is_open(),
            filled: *filled,
            filled_value: *filled_value,
            reserve_price: *reserve_price,
            broker_order_id: *broker_order_id,
            accepted_at: *accepted_at,
            placed_at: *placed_at,
            updated_at: *updated_at,
            expires_at: *expires_at,
            first_seq: signed(*first_seq)?,
            last_seq: signed(*last_seq)?,
            detail: if detail == Detail::default() { None } else { Some(to_json(&detail)?) },
        })
    }
}

fn kind_of(word: &str, limit_price: Option<Price>, stop_price: Option<Price>) -> Option<OrderKind> {
    match (word, limit_price, stop_price) {
        ("market", None, None) => Some(OrderKind::Market),
        ("limit", Some(limit_price), None) => Some(OrderKind::Limit { limit_price }),
        ("stop", None, Some(stop_price)) => Some(OrderKind::Stop { stop_price }),
        ("stop_limit", Some(limit_price), Some(stop_price)) => Some(OrderKind::StopLimit { stop_price, limit_price }),
        _ => None,
    }
}

impl TryFrom<OrderRecord> for Order {
    type Error = Failure;

    fn try_from(record: OrderRecord) -> Result<Self, Failure> {
        let OrderRecord {
            id,
            org_id: _,
            account_id,
            client_order_id,
            fingerprint,
            symbol,
            currency,
            side,
            kind,
            limit_price,
            stop_price,
            quantity,
            time_in_force,
            reduce_only,
            strategy_id,
            status,
            is_open: _,
            filled,
            filled_value,
            reserve_price,
            broker_order_id,
            accepted_at,
            placed_at,
            updated_at,
            expires_at,
            first_seq,
            last_seq,
            detail,
        } = record;
        let Detail { tags, replaces, replaced_by, pending, denial, end, unknown_since, misses } = match detail {
            Some(detail) => from_json(&detail, "an order's detail")?,
            None => Detail::default(),
        };
        let kind = kind_of(&kind, limit_price, stop_price)
            .ok_or_else(|| Failure::Corrupt(format!("{id} is of the kind {kind:?}, and its prices do not fit that")))?;
        Ok(Self {
            id,
            account: account_id,
            client_order_id,
            fingerprint,
            terms: OrderTerms {
                symbol,
                currency,
                side,
                kind,
                quantity,
                time_in_force,
                reduce_only,
                strategy: strategy_id,
                tags,
            },
            status,
            filled,
            filled_value,
            reserve_price,
            broker_order_id,
            replaces,
            replaced_by,
            pending,
            denial,
            end,
            accepted_at,
            placed_at,
            updated_at,
            expires_at,
            unknown_since,
            misses,
            first_seq: unsigned(first_seq)?,
            last_seq: unsigned(last_seq)?,
        })
    }
}
