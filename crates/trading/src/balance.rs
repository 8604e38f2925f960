//! [`Balance`]: the ledger of one currency.

use serde::{Deserialize, Serialize};
use velox_kernel::{Currency, DecimalError, Money};

/// The ledger of one currency: `cash = deposited + realised − fees`, always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The currency.
    pub currency: Currency,
    /// What was paid in, less what was paid out.
    pub deposited: Money,
    /// Profit and loss of closed positions, before fees.
    pub realised: Money,
    /// Fees paid.
    pub fees: Money,
}

impl Balance {
    /// An empty ledger.
    #[must_use]
    pub const fn empty(currency: Currency) -> Self {
        Self { currency, deposited: Money::ZERO, realised: Money::ZERO, fees: Money::ZERO }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it does not fit.
    pub fn cash(&self) -> Result<Money, DecimalError> {
        self.deposited.plus(self.realised)?.minus(self.fees)
    }
}
