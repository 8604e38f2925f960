//! The pre-trade rules, each with its limit, its use and its headroom.

use std::time::Duration;

use velox_kernel::{Decimal, DecimalError, Money, Price, Quantity, Rounding, Timestamp};

use super::valuation::{open_loss, reserve};
use super::{Account, Exposure};
use crate::command::HaltMode;
use crate::context::{Context, MarketPrice, Prices};
use crate::denial::{Basis, Denial, Rule, RuleCheck, UsedPrice};
use crate::order::{Order, OrderKind, OrderTerms, Side};
use crate::position::Position;
use crate::rules::reserve_price;

/// The rules' verdicts on one order, and the prices they looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// One verdict a rule, in the order of [`Rule::ALL`].
    pub checks: Vec<RuleCheck>,
    /// The prices looked at; the order's own instrument first.
    pub prices: Vec<UsedPrice>,
    /// What a unit of the order would reserve.
    pub reserve_price: Price,
}

impl Verdict {
    /// The first rule that the order breaks.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.checks.iter().find(|check| !check.passed).map(|check| Denial { check: *check })
    }

    /// What is kept in the event.
    #[must_use]
    pub fn basis(&self) -> Basis {
        let checks = self.checks.iter().filter(|check| check.limit.is_some() || !check.passed).copied().collect();
        Basis { prices: self.prices.clone(), checks }
    }
}

impl Account {
    /// Asks every rule about an order. `replaced` is the order whose place it would take.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when an amount does not fit.
    pub(super) fn judge(
        &self,
        terms: &OrderTerms,
        replaced: Option<&Order>,
        context: &Context<'_>,
    ) -> Result<Verdict, DecimalError> {
        let market = context.prices.price(terms.symbol);
        let reference = market.map_or_else(|| own_price(terms.kind), |market| market.meets(terms.side));
        let case = Case {
            account: self,
            terms,
            market,
            reference,
            reserve_price: reserve_price(terms.kind, terms.side, reference),
            held: self.position(terms.symbol).map_or(Quantity::ZERO, |position| position.quantity),
            others: self.exposure_without(terms, replaced)?,
        };
        let mut prices: Vec<UsedPrice> = market
            .map(|market| UsedPrice { symbol: terms.symbol, price: reference, at: market.at })
            .into_iter()
            .collect();
        let checks = vec![
            case.account_state(),
            case.price_stale(context),
            case.price_collar()?,
            case.max_order_quantity(),
            case.max_order_notional()?,
            case.max_position()?,
            case.reduce_only()?,
            case.short_selling()?,
            case.buying_power(replaced, context, &mut prices)?,
            case.daily_loss(context)?,
            case.daily_trades(replaced.is_some(), context),
            case.max_open_orders(replaced.is_some()),
        ];
        Ok(Verdict { checks, prices, reserve_price: case.reserve_price })
    }

    /// The loss of the trading day that holds `at`, against its limit: what was realised, less fees, and the loss (never the
    /// gain) of what is held, in the account's currency. It passes while it is below the limit, and where there is none.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when an amount does not fit.
    pub fn daily_loss(&self, at: Timestamp, prices: &dyn Prices) -> Result<RuleCheck, DecimalError> {
        self.daily_loss_at(at, prices, |_| {})
    }

    /// [`Account::daily_loss`], telling each price it looked at.
    pub(super) fn daily_loss_at(
        &self,
        at: Timestamp,
        prices: &dyn Prices,
        mut looked_at: impl FnMut(UsedPrice),
    ) -> Result<RuleCheck, DecimalError> {
        let Some(limit) = self.limits().daily_loss else {
            return Ok(RuleCheck::unlimited(Rule::DailyLoss));
        };
        let day = self.trading_day(at);
        let mut result = day.realised.minus(day.fees)?;
        let own = self.profile().map(|profile| profile.currency);
        let held = |position: &&Position| Some(position.currency) == own && !position.quantity.is_zero();
        for position in self.positions().filter(held) {
            let market = prices.price(position.symbol);
            if let Some(market) = market {
                looked_at(UsedPrice { symbol: position.symbol, price: market.last, at: market.at });
            }
            result = result.plus(open_loss(position, market.map(|market| market.last))?)?;
        }
        let loss = result.negated().max(Money::ZERO).decimal();
        let mut check = RuleCheck::measured(Rule::DailyLoss, limit.decimal(), loss, loss);
        check.passed = loss < limit.decimal();
        Ok(check)
    }

    fn exposure_without(&self, terms: &OrderTerms, replaced: Option<&Order>) -> Result<Exposure, DecimalError> {
        let mut exposure = self.exposure(terms.symbol);
        if let Some(order) = replaced {
            let (quantity, value) = order.reserved()?;
            match order.terms.side {
                Side::Buy => {
                    exposure.buy_quantity = exposure.buy_quantity.minus(quantity)?;
                    exposure.buy_value = exposure.buy_value.minus(value)?;
                }
                Side::Sell => {
                    exposure.sell_quantity = exposure.sell_quantity.minus(quantity)?;
                    exposure.sell_value = exposure.sell_value.minus(value)?;
                }
            }
        }
        Ok(exposure)
    }
}

fn own_price(kind: OrderKind) -> Price {
    kind.limit_price().or(kind.stop_price()).unwrap_or(Price::ZERO)
}

/// One order before the rules.
struct Case<'a> {
    account: &'a Account,
    terms: &'a OrderTerms,
    market: Option<MarketPrice>,
    /// What the order would meet; its own price where the market has none.
    reference: Price,
    reserve_price: Price,
    /// The position it meets.
    held: Quantity,
    /// The other open orders of its instrument.
    others: Exposure,
}

impl Case<'_> {
    fn opposes_position(&self) -> bool {
        !self.held.is_zero() && (self.terms.side == Side::Buy) == self.held.is_negative()
    }

    /// What is left of the position for this order to close, beside the other open orders of its side.
    fn closable(&self) -> Result<Quantity, DecimalError> {
        if !self.opposes_position() {
            return Ok(Quantity::ZERO);
        }
        let (others, _) = self.others.side(self.terms.side);
        Ok(self.held.abs().minus(others)?.max(Quantity::ZERO))
    }

    fn only_reduces(&self) -> bool {
        self.closable().is_ok_and(|closable| self.terms.quantity <= closable)
    }

    fn account_state(&self) -> RuleCheck {
        let passed = match self.account.halt() {
            None => true,
            Some(HaltMode::ReduceOnly) => self.only_reduces(),
            Some(HaltMode::Halted | HaltMode::Closed) => false,
        };
        RuleCheck::verdict(Rule::AccountState, passed)
    }

    fn price_stale(&self, context: &Context<'_>) -> RuleCheck {
        let limit = seconds(context.price_bound);
        match self.market {
            Some(market) => {
                let age = seconds(context.market_time.since(market.at));
                RuleCheck::measured(Rule::PriceStale, limit, Decimal::ZERO, age)
            }
            None => RuleCheck { limit: Some(limit), ..RuleCheck::verdict(Rule::PriceStale, false) },
        }
    }

    /// `|price − reference| ÷ reference × 100`, for orders that name a price.
    fn price_collar(&self) -> Result<RuleCheck, DecimalError> {
        let own = self.terms.kind.limit_price().or(self.terms.kind.stop_price());
        match (self.account.limits().price_collar, own, self.market) {
            (Some(limit), Some(price), Some(_)) if !self.reference.is_zero() => {
                let distance = price.minus(self.reference)?.abs().decimal();
                let percent = distance.times_over(Decimal::from_int(100), self.reference.decimal(), Rounding::Up)?;
                Ok(RuleCheck::measured(Rule::PriceCollar, limit, Decimal::ZERO, percent))
            }
            _ => Ok(RuleCheck::unlimited(Rule::PriceCollar)),
        }
    }

    fn max_order_quantity(&self) -> RuleCheck {
        self.account.limits().max_order_quantity.map_or(RuleCheck::unlimited(Rule::MaxOrderQuantity), |limit| {
            let used = self.terms.quantity.decimal();
            RuleCheck::measured(Rule::MaxOrderQuantity, limit.decimal(), Decimal::ZERO, used)
        })
    }

    fn max_order_notional(&self) -> Result<RuleCheck, DecimalError> {
        let Some(limit) = self.account.limits().max_order_notional else {
            return Ok(RuleCheck::unlimited(Rule::MaxOrderNotional));
        };
        let value = self.reserve_price.value(self.terms.quantity)?;
        Ok(RuleCheck::measured(Rule::MaxOrderNotional, limit.decimal(), Decimal::ZERO, value.decimal()))
    }

    /// The position if this and every open order on its side filled. An order that only reduces always may.
    fn max_position(&self) -> Result<RuleCheck, DecimalError> {
        let Some(limit) = self.account.limits().max_position else {
            return Ok(RuleCheck::unlimited(Rule::MaxPosition));
        };
        let (others, _) = self.others.side(self.terms.side);
        let signed = self.terms.side.signed(Quantity::new(Decimal::ONE)).decimal();
        let towards = self.held.scaled(signed, Rounding::HalfEven)?;
        let before = towards.plus(others)?;
        let after = before.plus(self.terms.quantity)?;
        let mut check = RuleCheck::measured(
            Rule::MaxPosition,
            limit.decimal(),
            before.max(Quantity::ZERO).decimal(),
            after.decimal(),
        );
        check.passed |= self.only_reduces();
        Ok(check)
    }

    fn reduce_only(&self) -> Result<RuleCheck, DecimalError> {
        if !self.terms.reduce_only {
            return Ok(RuleCheck::unlimited(Rule::ReduceOnly));
        }
        let limit = self.closable()?.decimal();
        Ok(RuleCheck::measured(Rule::ReduceOnly, limit, Decimal::ZERO, self.terms.quantity.decimal()))
    }

    fn short_selling(&self) -> Result<RuleCheck, DecimalError> {
        let allowed = self.account.profile().is_some_and(|profile| profile.allow_short);
        if allowed || self.terms.side == Side::Buy {
            return Ok(RuleCheck::unlimited(Rule::ShortSelling));
        }
        let limit = self.held.max(Quantity::ZERO).decimal();
        let before = self.others.sell_quantity;
        let used = before.plus(self.terms.quantity)?;
        Ok(RuleCheck::measured(Rule::ShortSelling, limit, before.decimal(), used.decimal()))
    }

    /// What the order adds to the reservations, against what may still be added.
    fn buying_power(
        &self,
        replaced: Option<&Order>,
        context: &Context<'_>,
        prices: &mut Vec<UsedPrice>,
    ) -> Result<RuleCheck, DecimalError> {
        let valuation = self.account.value_with(self.terms.currency, context.prices, prices)?;
        let freed = match replaced {
            Some(_) => {
                let now = reserve(&self.account.exposure(self.terms.symbol), self.held)?;
                now.minus(reserve(&self.others, self.held)?)?
            }
            None => Money::ZERO,
        };
        let limit = valuation.buying_power.plus(freed)?.decimal();
        let mut with = self.others;
        let value = self.reserve_price.value(self.terms.quantity)?;
        match self.terms.side {
            Side::Buy => {
                with.buy_quantity = with.buy_quantity.plus(self.terms.quantity)?;
                with.buy_value = with.buy_value.plus(value)?;
            }
            Side::Sell => {
                with.sell_quantity = with.sell_quantity.plus(self.terms.quantity)?;
                with.sell_value = with.sell_value.plus(value)?;
            }
        }
        let used = reserve(&with, self.held)?.minus(reserve(&self.others, self.held)?)?.max(Money::ZERO);
        let mut check = RuleCheck::measured(Rule::BuyingPower, limit, Decimal::ZERO, used.decimal());
        // What adds nothing is always allowed: a losing account must be able to close.
        check.passed |= used.is_zero();
        Ok(check)
    }

    /// What only reduces is allowed however much was lost.
    fn daily_loss(&self, context: &Context<'_>) -> Result<RuleCheck, DecimalError> {
        let mut check = self.account.daily_loss(context.market_time, context.prices)?;
        check.passed |= self.only_reduces();
        Ok(check)
    }

    /// A replacement is no new trade.
    fn daily_trades(&self, replaces: bool, context: &Context<'_>) -> RuleCheck {
        self.account.limits().daily_trades.map_or(RuleCheck::unlimited(Rule::DailyTrades), |limit| {
            let before = self.account.trading_day(context.market_time).trades;
            let mut check = counted(Rule::DailyTrades, limit, before, u32::from(!replaces));
            check.passed |= replaces || self.only_reduces();
            check
        })
    }

    fn max_open_orders(&self, replaces: bool) -> RuleCheck {
        let open = u32::try_from(self.account.orders.len()).unwrap_or(u32::MAX);
        let mut check = counted(Rule::MaxOpenOrders, self.account.limits().max_open_orders, open, u32::from(!replaces));
        check.passed |= replaces;
        check
    }
}

fn counted(rule: Rule, limit: u32, before: u32, added: u32) -> RuleCheck {
    let whole = |count: u32| Decimal::from_units(i128::from(count) * 1_000_000_000_000).unwrap_or(Decimal::MAX);
    RuleCheck::measured(rule, whole(limit), whole(before), whole(before.saturating_add(added)))
}

/// A duration in seconds, to the microsecond.
fn seconds(duration: Duration) -> Decimal {
    let micros = i128::try_from(duration.as_micros()).unwrap_or(i128::MAX / 1_000_000);
    Decimal::from_units(micros.saturating_mul(1_000_000)).unwrap_or(Decimal::MAX)
}
