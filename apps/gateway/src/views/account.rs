//! [`AccountView`] and its larger kin: an account in a list, in detail, and with what it holds.

use serde::Serialize;
use utoipa::ToSchema;
use velox_engine::AccountAt;
use velox_kernel::{AccountId, ConnectionId, Currency, Timestamp};
use velox_trading::{AccountRow, RiskLimits, TradingDay, Valuation};

use super::{BalanceView, HaltModeWord, OrderView, PositionView};
use crate::http::Problem;
use crate::http::wire::{WireDecimal, WireMoney, WireNumber, WireQuantity};

/// Open orders shown with an account's state; there is a list for all of them.
const MOST_OPEN_ORDERS: usize = 500;

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    /// Its id.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    pub id: AccountId,
    /// The broker connection it trades through.
    #[schema(value_type = String, example = "brk_01h455vb4pex5vsknk084sn02q")]
    pub connection_id: ConnectionId,
    /// Its name.
    #[schema(example = "Paper")]
    pub name: String,
    /// Whether its money is play money.
    #[schema(example = true)]
    pub paper: bool,
    /// What its cash is in.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// How far it is halted; `null` when it trades.
    #[schema(example = json!(null))]
    pub halt: Option<HaltModeWord>,
    /// Its limits.
    pub limits: LimitsView,
    /// When it was opened, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub opened_at: Timestamp,
}

/// An account, what is in its ledgers and what it may still do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccountDetail)]
pub struct AccountDetailView {
    /// Its id.
    #[schema(value_type = String, example = "acc_01h455vb4pex5vsknk084sn02q")]
    pub id: AccountId,
    /// The broker connection it trades through.
    #[schema(value_type = String, example = "brk_01h455vb4pex5vsknk084sn02q")]
    pub connection_id: ConnectionId,
    /// Its name.
    #[schema(example = "Paper")]
    pub name: String,
    /// Whether its money is play money.
    #[schema(example = true)]
    pub paper: bool,
    /// What its cash is in.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// Exposure it may hold for each unit of equity.
    pub leverage: WireDecimal,
    /// Whether it may sell what it does not hold.
    #[schema(example = false)]
    pub allow_short: bool,
    /// How far it is halted; `null` when it trades.
    #[schema(example = json!(null))]
    pub halt: Option<HaltModeWord>,
    /// Its limits.
    pub limits: LimitsView,
    /// Its ledgers, by currency.
    pub balances: Vec<BalanceView>,
    /// What it is worth, by currency.
    pub valuations: Vec<ValuationView>,
    /// The trading day.
    pub day: DayView,
    /// The number of its newest event.
    #[schema(example = 5)]
    pub seq: u64,
    /// When it was opened, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:00Z")]
    pub opened_at: Timestamp,
    /// The market time of its newest event.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:01Z")]
    pub updated_at: Timestamp,
}

/// An account as it is, or was at a moment, with what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AccountState)]
pub struct AccountStateView {
    /// The moment, in market time.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T12:00:01Z")]
    pub at: Timestamp,
    /// The account.
    pub account: AccountDetailView,
    /// Its positions that are not flat, net of strategies, marked at that moment's prices.
    pub positions: Vec<PositionView>,
    /// Its newest open orders, up to 500.
    pub open_orders: Vec<OrderView>,
    /// How many orders are open.
    #[schema(example = 1)]
    pub open_order_count: usize,
}

/// What an account is worth in one currency: `buying power = equity × leverage − margin used − reserved`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Valuation)]
pub struct ValuationView {
    /// The currency.
    #[schema(value_type = String, example = "USD")]
    pub currency: Currency,
    /// What is in the ledger.
    pub cash: WireMoney,
    /// Profit and loss of what is held.
    pub unrealised: WireMoney,
    /// Cash and unrealised profit and loss.
    pub equity: WireMoney,
    /// The value of what is held, long and short alike.
    pub margin_used: WireMoney,
    /// What open orders would add to it.
    pub reserved: WireMoney,
    /// What may still be added; below zero when the market moved against the account.
    pub buying_power: WireMoney,
}

/// What happened in the trading day (UTC, market time), in the account's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TradingDay)]
pub struct DayView {
    /// When it began.
    #[schema(value_type = String, format = DateTime, example = "2026-01-05T00:00:00Z")]
    pub began_at: Timestamp,
    /// Profit and loss realised, before fees.
    pub realised: WireMoney,
    /// Fees paid.
    pub fees: WireMoney,
    /// Orders accepted.
    #[schema(example = 1)]
    pub orders: u32,
}

/// An account's limits; `null` means that the rule sets none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Limits)]
pub struct LimitsView {
    /// Units in one order.
    pub max_order_quantity: Option<WireQuantity>,
    /// The value of one order, in the instrument's currency.
    pub max_order_notional: Option<WireMoney>,
    /// Units in one position, if every open order on its side filled.
    pub max_position: Option<WireQuantity>,
    /// The greatest distance of an order's price from the reference price, in percent.
    pub price_collar: Option<WireDecimal>,
    /// The greatest loss in a trading day, in the account's currency.
    pub daily_loss: Option<WireMoney>,
    /// Orders accepted in a trading day.
    #[schema(example = 100)]
    pub daily_trades: Option<u32>,
    /// Orders open at once.
    #[schema(example = 10_000)]
    pub max_open_orders: u32,
}

impl From<&AccountRow> for AccountView {
    fn from(row: &AccountRow) -> Self {
        let AccountRow { id, org: _, connection, name, paper, currency, halt, limits, opened_at } = row;
        Self {
            id: *id,
            connection_id: *connection,
            name: name.clone(),
            paper: *paper,
            currency: *currency,
            halt: halt.map(Into::into),
            limits: limits.into(),
            opened_at: *opened_at,
        }
    }
}

impl TryFrom<&AccountAt> for AccountDetailView {
    type Error = Problem;

    /// # Errors
    /// `internal` when the account has no beginning or an amount does not fit.
    fn try_from(state: &AccountAt) -> Result<Self, Problem> {
        let AccountAt { account, at, prices, positions: _ } = state;
        let profile = account.profile().ok_or_else(|| Problem::internal("an account without its opening"))?;
        let balances: Result<Vec<BalanceView>, _> = account.balances().map(BalanceView::try_from).collect();
        let valuations: Result<Vec<_>, _> =
            account.balances().map(|balance| account.valuation(balance.currency, prices)).collect();
        Ok(Self {
            id: account.id(),
            connection_id: profile.connection,
            name: profile.name.clone(),
            paper: profile.paper,
            currency: profile.currency,
            leverage: WireNumber(profile.leverage),
            allow_short: profile.allow_short,
            halt: account.halt().map(Into::into),
            limits: account.limits().into(),
            balances: balances.map_err(Problem::internal)?,
            valuations: valuations.map_err(Problem::internal)?.iter().map(Into::into).collect(),
            day: account.trading_day(*at).into(),
            seq: account.seq(),
            opened_at: profile.opened_at,
            updated_at: account.last_time(),
        })
    }
}

impl TryFrom<&AccountAt> for AccountStateView {
    type Error = Problem;

    /// # Errors
    /// As [`AccountDetailView`].
    fn try_from(state: &AccountAt) -> Result<Self, Problem> {
        let open: Vec<_> = state.account.open_orders().collect();
        Ok(Self {
            at: state.at,
            account: state.try_into()?,
            positions: state.positions.iter().map(Into::into).collect(),
            open_orders: open.iter().rev().take(MOST_OPEN_ORDERS).map(|order| OrderView::from(*order)).collect(),
            open_order_count: open.len(),
        })
    }
}

impl From<&Valuation> for ValuationView {
    fn from(valuation: &Valuation) -> Self {
        let Valuation { currency, cash, unrealised, equity, margin_used, reserved, buying_power } = *valuation;
        Self {
            currency,
            cash: WireNumber(cash),
            unrealised: WireNumber(unrealised),
            equity: WireNumber(equity),
            margin_used: WireNumber(margin_used),
            reserved: WireNumber(reserved),
            buying_power: WireNumber(buying_power),
        }
    }
}

impl From<TradingDay> for DayView {
    fn from(trading_day: TradingDay) -> Self {
        let TradingDay { day, realised, fees, trades } = trading_day;
        Self {
            began_at: Timestamp::from_seconds(day.saturating_mul(86_400)),
            realised: WireNumber(realised),
            fees: WireNumber(fees),
            orders: trades,
        }
    }
}

impl From<&RiskLimits> for LimitsView {
    fn from(limits: &RiskLimits) -> Self {
        let RiskLimits {
            max_order_quantity,
            max_order_notional,
            max_position,
            price_collar,
            daily_loss,
            daily_trades,
            max_open_orders,
        } = limits;
        Self {
            max_order_quantity: max_order_quantity.map(WireNumber),
            max_order_notional: max_order_notional.map(WireNumber),
            max_position: max_position.map(WireNumber),
            price_collar: price_collar.map(WireNumber),
            daily_loss: daily_loss.map(WireNumber),
            daily_trades: *daily_trades,
            max_open_orders: *max_open_orders,
        }
    }
}
