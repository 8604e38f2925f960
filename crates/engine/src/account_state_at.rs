//! An account as it is or was at a moment, marked with the prices of that moment.

use std::collections::BTreeMap;

use async_trait::async_trait;
use velox_kernel::{AccountId, Actor, DecimalError, Symbol, Timestamp};
use velox_trading::{Account, AccountStateError, MarkedPosition, MarketPrice, Prices, Trading, account_state};

/// Past prices could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("past prices cannot be read: {0}")]
pub struct PastPricesError(pub String);

/// Where past prices are: the candles' history.
#[async_trait]
pub trait PastPrices: Send + Sync {
    /// The prices of instruments as they were at a moment of market time; one without a price then is left out.
    async fn prices_at(&self, symbols: &[Symbol], at: Timestamp)
    -> Result<Vec<(Symbol, MarketPrice)>, PastPricesError>;
}

/// The prices that an account is marked with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(BTreeMap<Symbol, MarketPrice>);

impl Prices for Marks {
    fn price(&self, symbol: Symbol) -> Option<MarketPrice> {
        self.0.get(&symbol).copied()
    }
}

/// An account at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountAt {
    /// The moment, in market time.
    pub at: Timestamp,
    /// The account.
    pub account: Account,
    /// The prices of what it holds, then.
    pub prices: Marks,
    /// Its positions that are not flat, net of strategies, at those prices.
    pub positions: Vec<MarkedPosition>,
}

/// Why there is no state to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountStateAtError {
    /// There is no such account, or it cannot be read.
    #[error(transparent)]
    State(#[from] AccountStateError),
    /// The prices cannot be read.
    #[error(transparent)]
    Prices(#[from] PastPricesError),
    /// An amount does not fit.
    #[error("an amount {0}")]
    Overflow(#[from] DecimalError),
}

impl AccountAt {
    /// The account as the caller has it, marked with the market's newest prices.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when an amount does not fit.
    pub fn now(account: Account, trading: &Trading) -> Result<Self, DecimalError> {
        let prices = held(&account).into_iter().filter_map(|symbol| Some((symbol, trading.prices.price(symbol)?)));
        let marks = Marks(prices.collect());
        Self::marked(account, marks, trading.moments.now().market_time)
    }

    fn marked(account: Account, prices: Marks, at: Timestamp) -> Result<Self, DecimalError> {
        let mut positions = Vec::new();
        for position in account.positions().filter(|position| !position.quantity.is_zero()) {
            let mark = prices.price(position.symbol).map(|market| market.last);
            positions.push(MarkedPosition {
                account: account.id(),
                strategy: None,
                position: position.clone(),
                mark,
                unrealised: mark.map(|mark| position.unrealised(mark)).transpose()?,
                notional: mark.map(|mark| position.notional(mark)).transpose()?,
            });
        }
        Ok(Self { at, account, prices, positions })
    }
}

/// The account as it is now at the market's newest prices, or as it was at a moment of market time, folded from its
/// log and marked with the prices of that moment.
///
/// # Errors
/// [`AccountStateAtError`].
pub async fn account_state_at(
    actor: &Actor,
    trading: &Trading,
    past: &dyn PastPrices,
    account: AccountId,
    at: Option<Timestamp>,
) -> Result<AccountAt, AccountStateAtError> {
    let state = account_state(actor, trading, account, at).await?;
    let Some(at) = at else {
        return Ok(AccountAt::now(state, trading)?);
    };
    let prices = past.prices_at(&held(&state), at).await?;
    Ok(AccountAt::marked(state, Marks(prices.into_iter().collect()), at)?)
}

fn held(account: &Account) -> Vec<Symbol> {
    account.positions().filter(|position| !position.quantity.is_zero()).map(|position| position.symbol).collect()
}
