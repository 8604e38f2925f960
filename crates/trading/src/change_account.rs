//! Halting and resuming an account, changing its limits, moving a paper account's cash and resetting it.

use velox_kernel::{AccountId, Actor, Origin};

use crate::account::Account;
use crate::command::Command;
use crate::refused::Refused;
use crate::trading::Trading;
use crate::writer::ExecuteError;

/// Why an account was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeAccountError {
    /// The tenant has no such account.
    #[error("there is no such account")]
    NotFound,
    /// The account says no.
    #[error(transparent)]
    Refused(Refused),
    /// The command was not carried out, or may not have been.
    #[error(transparent)]
    Execute(ExecuteError),
}

impl From<ExecuteError> for ChangeAccountError {
    fn from(error: ExecuteError) -> Self {
        match error {
            // The writer takes another tenant's account for none.
            ExecuteError::Refused(Refused::NotOpen) => Self::NotFound,
            ExecuteError::Refused(refused) => Self::Refused(refused),
            other => Self::Execute(other),
        }
    }
}

/// A change of an account as a whole.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// Stop trading, or let it only make positions smaller.
    Halt {
        /// How far.
        mode: crate::command::HaltMode,
        /// In the actor's words.
        reason: String,
        /// Whether open orders are cancelled too.
        cancel_open: bool,
    },
    /// Trade again.
    Resume,
    /// Change the limits.
    SetLimits(crate::limits::RiskLimits),
    /// Put a paper account back to a fresh start.
    Reset {
        /// With this cash, in its currency.
        cash: velox_kernel::Money,
    },
}

impl From<AccountChange> for Command {
    fn from(change: AccountChange) -> Self {
        match change {
            AccountChange::Halt { mode, reason, cancel_open } => Self::Halt { mode, reason, cancel_open },
            AccountChange::Resume => Self::Resume,
            AccountChange::SetLimits(limits) => Self::SetLimits(limits),
            AccountChange::Reset { cash } => Self::Reset { cash },
        }
    }
}

/// Changes an account as a whole, and gives it as it is then.
///
/// # Errors
/// [`ChangeAccountError`].
pub async fn change_account(
    actor: &Actor,
    trading: &Trading,
    account: AccountId,
    change: AccountChange,
    origin: Origin,
) -> Result<Account, ChangeAccountError> {
    let cause = trading.cause(actor, origin);
    Ok(trading.writer.execute_for(actor.org, account, change.into(), cause).await?.account)
}
