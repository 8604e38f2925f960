//! The row of a ledger.

use velox_kernel::{AccountId, Currency, Money, OrgId};
use velox_trading::Balance;

use crate::record::record;
use crate::types::{Amount, Id, Word};

record! {
    /// A ledger of an account.
    BalanceRecord, BalanceRecords in balances {
        account_id: AccountId = Id, "uuid";
        currency: Currency = Word, "text";
        org_id: OrgId = Id, "uuid";
        deposited: Money = Amount, "numeric";
        realised: Money = Amount, "numeric";
        fees: Money = Amount, "numeric";
    }
    on conflict " ON CONFLICT (account_id, currency) DO UPDATE SET \
        deposited = excluded.deposited, realised = excluded.realised, fees = excluded.fees"
}

impl BalanceRecord {
    /// The row of a ledger.
    #[must_use]
    pub const fn new(account_id: AccountId, org_id: OrgId, balance: &Balance) -> Self {
        let Balance { currency, deposited, realised, fees } = balance;
        Self { account_id, currency: *currency, org_id, deposited: *deposited, realised: *realised, fees: *fees }
    }
}

impl From<BalanceRecord> for Balance {
    fn from(record: BalanceRecord) -> Self {
        let BalanceRecord { account_id: _, currency, org_id: _, deposited, realised, fees } = record;
        Self { currency, deposited, realised, fees }
    }
}
