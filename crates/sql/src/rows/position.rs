//! The row of a position.

use uuid::Uuid;
use velox_kernel::{AccountId, Currency, Money, OrgId, Quantity, StrategyId, Symbol, Timestamp};
use velox_trading::{Position, PositionRow};

use crate::record::record;
use crate::types::{Amount, Id, Moment, Word};

record! {
    /// A position of an account or of one of its strategies.
    PositionRecord, PositionRecords in positions {
        account_id: AccountId = Id, "uuid";
        strategy_id: StrategyId = Id, "uuid";
        symbol: Symbol = Word, "text";
        org_id: OrgId = Id, "uuid";
        currency: Currency = Word, "text";
        quantity: Quantity = Amount, "numeric";
        cost: Money = Amount, "numeric";
        realised: Money = Amount, "numeric";
        fees: Money = Amount, "numeric";
        updated_at: Timestamp = Moment, "timestamptz";
    }
    on conflict " ON CONFLICT (account_id, strategy_id, symbol) DO UPDATE SET \
        currency = excluded.currency, quantity = excluded.quantity, cost = excluded.cost, \
        realised = excluded.realised, fees = excluded.fees, updated_at = excluded.updated_at"
}

/// Stands for "no strategy" where a key cannot be null.
const NO_STRATEGY: StrategyId = StrategyId::new(Uuid::nil());

impl PositionRecord {
    /// The row of a position.
    #[must_use]
    pub fn new(account_id: AccountId, org_id: OrgId, row: &PositionRow) -> Self {
        let PositionRow { strategy, position } = row;
        let Position { symbol, currency, quantity, cost, realised, fees, updated_at } = position;
        Self {
            account_id,
            strategy_id: strategy.unwrap_or(NO_STRATEGY),
            symbol: *symbol,
            org_id,
            currency: *currency,
            quantity: *quantity,
            cost: *cost,
            realised: *realised,
            fees: *fees,
            updated_at: *updated_at,
        }
    }
}

impl From<PositionRecord> for PositionRow {
    fn from(record: PositionRecord) -> Self {
        let PositionRecord {
            account_id: _,
            strategy_id,
            symbol,
            org_id: _,
            currency,
            quantity,
            cost,
            realised,
            fees,
            updated_at,
        } = record;
        let strategy = (strategy_id != NO_STRATEGY).then_some(strategy_id);
        Self { strategy, position: Position { symbol, currency, quantity, cost, realised, fees, updated_at } }
    }
}
