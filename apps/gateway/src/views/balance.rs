//! [`BalanceView`]: the ledger of one currency.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::{Currency, DecimalError};
use velox_trading::Balance;

use crate::http::wire::{WireMoney, WireNumber};

/// The ledger of one currency: `cash = deposited + realised − fees`, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Balance)]
pub struct BalanceView {
    /// The currency.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// What is there.
    pub cash: WireMoney,
    /// What was paid in, less what was paid out.
    pub deposited: WireMoney,
    /// Profit and loss of closed positions, before fees.
    pub realised: WireMoney,
    /// Fees paid.
    pub fees: WireMoney,
}

impl TryFrom<&Balance> for BalanceView {
    type Error = DecimalError;

    /// # Errors
    /// [`DecimalError::TooLarge`] when the cash does not fit.
    fn try_from(balance: &Balance) -> Result<Self, DecimalError> {
        let Balance { currency, deposited, realised, fees } = balance;
        Ok(Self {
            currency: *currency,
            cash: WireNumber(balance.cash()?),
            deposited: WireNumber(*deposited),
            realised: WireNumber(*realised),
            fees: WireNumber(*fees),
        })
    }
}
