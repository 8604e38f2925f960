//! The row of a fill.

use diesel::sql_types::{BigInt, Nullable};
use velox_kernel::{
    AccountId, Currency, FillId, Money, OrderId, OrgId, Price, Quantity, StrategyId, Symbol, Timestamp,
};
use velox_trading::{FeedPosition, Fill, Liquidity, RecordedFill, Side};

use super::{signed, unsigned};
use crate::failure::Failure;
use crate::record::record;
use crate::types::{Amount, Id, Moment, Word};

record! {
    /// A fill.
    FillRecord, FillRecords in fills {
        account_id: AccountId = Id, "uuid";
        id: FillId = Word, "text";
        org_id: OrgId = Id, "uuid";
        seq: i64 = BigInt, "int8";
        order_id: OrderId = Id, "uuid";
        symbol: Symbol = Word, "text";
        currency: Currency = Word, "text";
        side: Side = Word, "text";
        quantity: Quantity = Amount, "numeric";
        price: Price = Amount, "numeric";
        fee: Money = Amount, "numeric";
        fee_currency: Currency = Word, "text";
        liquidity: Liquidity = Word, "text";
        strategy_id: Option<StrategyId> = Nullable<Id>, "uuid";
        feed_epoch: Option<i64> = Nullable<BigInt>, "int8";
        feed_offset: Option<i64> = Nullable<BigInt>, "int8";
        at: Timestamp = Moment, "timestamptz";
    }
    on conflict ""
}

impl FillRecord {
    /// The row of a fill.
    ///
    /// # Errors
    /// [`Failure::Corrupt`] for a number that no database counts to.
    pub fn new(org_id: OrgId, recorded: &RecordedFill) -> Result<Self, Failure> {
        let RecordedFill { fill, seq } = recorded;
        let Fill {
            id,
            account,
            order,
            symbol,
            currency,
            side,
            quantity,
            price,
            fee,
            fee_currency,
            liquidity,
            strategy,
            caused_by,
            at,
        } = fill;
        Ok(Self {
            account_id: *account,
            id: *id,
            org_id,
            seq: signed(*seq)?,
            order_id: *order,
            symbol: *symbol,
            currency: *currency,
            side: *side,
            quantity: *quantity,
            price: *price,
            fee: *fee,
            fee_currency: *fee_currency,
            liquidity: *liquidity,
            strategy_id: *strategy,
            feed_epoch: caused_by.map(|position| signed(position.epoch)).transpose()?,
            feed_offset: caused_by.map(|position| signed(position.offset)).transpose()?,
            at: *at,
        })
    }
}

impl TryFrom<FillRecord> for RecordedFill {
    type Error = Failure;

    fn try_from(record: FillRecord) -> Result<Self, Failure> {
        let FillRecord {
            account_id,
            id,
            org_id: _,
            seq,
            order_id,
            symbol,
            currency,
            side,
            quantity,
            price,
            fee,
            fee_currency,
            liquidity,
            strategy_id,
            feed_epoch,
            feed_offset,
            at,
        } = record;
        let caused_by = match (feed_epoch, feed_offset) {
            (Some(epoch), Some(offset)) => Some(FeedPosition { epoch: unsigned(epoch)?, offset: unsigned(offset)? }),
            _ => None,
        };
        let fill = Fill {
            id,
            account: account_id,
            order: order_id,
            symbol,
            currency,
            side,
            quantity,
            price,
            fee,
            fee_currency,
            liquidity,
            strategy: strategy_id,
            caused_by,
            at,
        };
        Ok(Self { fill, seq: unsigned(seq)? })
    }
}
