//! `bring_risk_settings`: a user's risk settings become the limits of their organisation's accounts.

use velox_identity::{Identity, RiskSettings, reread_me};
use velox_kernel::{Actor, Origin, PageRequest};
use velox_trading::{
    AccountChange, ChangeAccountError, HaltMode, Refused, RiskLimits, StoreError, Trading, change_account,
    list_accounts,
};

/// How often settings that changed meanwhile are brought again.
const ROUNDS: usize = 4;

/// Why an account may still have the limits it had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BringLimitsError {
    /// The accounts could not be listed.
    #[error(transparent)]
    List(#[from] StoreError),
    /// The user could not be read again.
    #[error(transparent)]
    User(#[from] velox_identity::StoreError),
    /// One account was not changed, or may not have been; those before it were.
    #[error(transparent)]
    Change(#[from] ChangeAccountError),
}

/// The limits that risk settings stand for. How many orders may be open is the account's own affair.
///
/// `max_position_notional` and `reduce_only` have no rule of an account behind them: the edge does not take them. An
/// account is made reduce-only by halting it.
#[must_use]
pub fn limits_of(settings: &RiskSettings, max_open_orders: u32) -> RiskLimits {
    let RiskSettings {
        max_order_quantity,
        max_order_notional,
        max_position_quantity,
        max_position_notional: _,
        price_collar_percent,
        max_daily_loss,
        max_daily_trades,
        reduce_only: _,
    } = settings;
    RiskLimits {
        max_order_quantity: *max_order_quantity,
        max_order_notional: *max_order_notional,
        max_position: *max_position_quantity,
        price_collar: *price_collar_percent,
        daily_loss: *max_daily_loss,
        daily_trades: *max_daily_trades,
        max_open_orders,
    }
}

/// Brings settings that the actor has just changed to the accounts of the actor's organisation.
///
/// When they change again meanwhile, the newer ones are brought too: of two changes that cross, the accounts end with
/// what the user ends with. It may be repeated.
///
/// # Errors
/// The first [`BringLimitsError`].
pub async fn bring_risk_settings(
    actor: &Actor,
    identity: &Identity,
    trading: &Trading,
    changed: &RiskSettings,
    origin: Origin,
) -> Result<(), BringLimitsError> {
    let mut settings = changed.clone();
    for _ in 0..ROUNDS {
        bring_limits(actor, trading, &settings, origin).await?;
        // Past the memory: another process may have changed them, and brought its change before this one.
        match reread_me(identity, actor).await? {
            Some(user) if user.risk_settings != settings => settings = user.risk_settings,
            _ => break,
        }
    }
    Ok(())
}

/// Gives every open account of the actor's organisation the limits, and says how many it changed. It may be repeated:
/// an account that has them already is left alone.
///
/// # Errors
/// The first [`BringLimitsError`].
async fn bring_limits(
    actor: &Actor,
    trading: &Trading,
    settings: &RiskSettings,
    origin: Origin,
) -> Result<usize, BringLimitsError> {
    let mut changed = 0;
    let mut page = PageRequest::first();
    loop {
        let accounts = list_accounts(actor, trading, &page).await?;
        for account in accounts.items.iter().filter(|account| account.halt != Some(HaltMode::Closed)) {
            let limits = limits_of(settings, account.limits.max_open_orders);
            if limits == account.limits {
                continue;
            }
            match change_account(actor, trading, account.id, AccountChange::SetLimits(limits), origin).await {
                Ok(_) => changed += 1,
                // It was closed since the list was read.
                Err(ChangeAccountError::Refused(Refused::Closed)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match accounts.next {
            Some(next) => page.after = Some(next),
            None => return Ok(changed),
        }
    }
}
