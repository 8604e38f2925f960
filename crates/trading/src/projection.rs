//! [`Projection`]: the rows of the read tables that a run of events changes.

use std::collections::{BTreeMap, BTreeSet};

use velox_kernel::{
    AccountId, ClientOrderId, ConnectionId, Currency, FillId, OrderId, OrgId, StrategyId, Symbol, Timestamp,
};

use crate::account::{Account, InvalidHistory};
use crate::balance::Balance;
use crate::command::HaltMode;
use crate::event::{Event, Fact};
use crate::fill::Fill;
use crate::limits::RiskLimits;
use crate::order::Order;
use crate::order_fold;
use crate::position::Position;

/// The rows that a run of events changes, each as it is afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    /// The account's own row.
    pub account: Option<AccountRow>,
    /// Orders that began or changed, by id.
    pub orders: Vec<Order>,
    /// Fills that were added.
    pub fills: Vec<RecordedFill>,
    /// Positions that changed.
    pub positions: Vec<PositionRow>,
    /// Ledgers that changed.
    pub balances: Vec<Balance>,
    /// Whether positions and ledgers that are not named here are to be removed first: the account was reset.
    pub reset: bool,
}

/// A row of the accounts' table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub id: AccountId,
    /// The tenant.
    pub org: OrgId,
    /// The broker connection.
    pub connection: ConnectionId,
    /// Its name.
    pub name: String,
    /// Whether its money is play money.
    pub paper: bool,
    /// What its cash is in.
    pub currency: Currency,
    /// How far it is halted.
    pub halt: Option<HaltMode>,
    /// Its limits.
    pub limits: RiskLimits,
    /// When it was opened, in market time.
    pub opened_at: Timestamp,
}

/// A fill and the event that told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFill {
    /// The fill.
    pub fill: Fill,
    /// The account's event.
    pub seq: u64,
}

/// A position, of the account or of one of its strategies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionRow {
    /// The strategy; `None` for the account's own, net of all strategies.
    pub strategy: Option<StrategyId>,
    /// The position.
    pub position: Position,
}

impl AccountRow {
    /// The row of an account; `None` before it was opened.
    #[must_use]
    pub fn of(account: &Account) -> Option<Self> {
        let profile = account.profile()?;
        Some(Self {
            id: account.id(),
            org: profile.org,
            connection: profile.connection,
            name: profile.name.clone(),
            paper: profile.paper,
            currency: profile.currency,
            halt: account.halt(),
            limits: account.limits().clone(),
            opened_at: profile.opened_at,
        })
    }
}

/// Collects what a run of one account's events changes, while they are applied.
#[derive(Debug, Default)]
pub struct Projector {
    orders: BTreeMap<OrderId, Order>,
    names: BTreeMap<ClientOrderId, OrderId>,
    fills: Vec<RecordedFill>,
    positions: BTreeSet<(Option<StrategyId>, Symbol)>,
    balances: BTreeSet<Currency>,
    account: bool,
    reset: bool,
}

impl Projector {
    /// Applies an event to the account and notes the rows it changes. `closed` is the order that a late fill is of.
    ///
    /// # Errors
    /// As [`Account::apply`]; the account and the projector must then be dropped.
    pub fn apply(
        &mut self,
        account: &mut Account,
        event: &Event,
        closed: Option<&Order>,
    ) -> Result<(), InvalidHistory> {
        self.recall(account, event, closed);
        account.apply(event)?;
        self.note(account, event, account.seq())
    }

    /// Notes the rows that a command's events change, which led from one account to the other. `closed` is as in
    /// [`Projector::apply`].
    ///
    /// # Errors
    /// As [`Projector::apply`].
    pub fn note_all(
        &mut self,
        before: &Account,
        events: &[Event],
        after: &Account,
        closed: Option<&Order>,
    ) -> Result<(), InvalidHistory> {
        for (seq, event) in (before.seq() + 1..).zip(events) {
            self.recall(before, event, closed);
            self.note(after, event, seq)?;
        }
        Ok(())
    }

    /// Takes up the order that an event is about as it was before, unless it is held already.
    fn recall(&mut self, before: &Account, event: &Event, closed: Option<&Order>) {
        if let Some(id) = event.fact.order()
            && !self.orders.contains_key(&id)
            && let Some(order) = before.open_order(id).or(closed.filter(|order| order.id == id))
        {
            self.begin(order.clone());
        }
    }

    /// Notes what an event changed. Of the account only its id and its ledgers' currencies are looked at.
    fn note(&mut self, account: &Account, event: &Event, seq: u64) -> Result<(), InvalidHistory> {
        let step = |source| InvalidHistory::Order { seq, source };
        match &event.fact {
            Fact::OrderAccepted(placed) => {
                self.begin(order_fold::accepted(account.id(), placed, event.at, seq));
            }
            Fact::OrderDenied { order, denial } => {
                self.begin(order_fold::denied(account.id(), order, denial, event.at, seq));
            }
            fact => {
                if let Some(id) = fact.order() {
                    let order = self.orders.get_mut(&id).ok_or(InvalidHistory::MissingOrder { seq, order: id })?;
                    order_fold::step(order, event, seq).map_err(step)?;
                }
            }
        }
        match &event.fact {
            Fact::OrderReplaced { order_id, by, broker_order_id } => {
                self.begin(order_fold::replacing(account.id(), by, *order_id, *broker_order_id, event.at, seq));
            }
            Fact::OrderFilled(fill) => {
                self.fills.push(RecordedFill { fill: Fill::clone(fill), seq });
                self.positions.insert((None, fill.symbol));
                if let Some(strategy) = fill.strategy {
                    self.positions.insert((Some(strategy), fill.symbol));
                }
                self.balances.extend([fill.currency, fill.fee_currency]);
            }
            Fact::CashMoved { currency, .. } => {
                self.balances.insert(*currency);
            }
            Fact::AccountOpened(opened) => {
                self.account = true;
                self.balances.insert(opened.currency);
            }
            Fact::AccountReset { .. } => {
                self.reset = true;
                self.positions.clear();
                self.balances = account.balances().map(|balance| balance.currency).collect();
            }
            Fact::LimitsChanged { .. } | Fact::AccountHalted { .. } | Fact::AccountResumed => self.account = true,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, order: Order) {
        self.names.insert(order.client_order_id, order.id);
        self.orders.insert(order.id, order);
    }

    /// An order that began or changed so far.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// The same by the client's name for it.
    #[must_use]
    pub fn order_by_client_id(&self, id: ClientOrderId) -> Option<&Order> {
        self.names.get(&id).and_then(|order| self.orders.get(order))
    }

    /// Whether this fill was added so far.
    #[must_use]
    pub fn has_fill(&self, id: FillId) -> bool {
        self.fills.iter().any(|recorded| recorded.fill.id == id)
    }

    /// The rows as they are after the events applied.
    #[must_use]
    pub fn finish(self, account: &Account) -> Projection {
        let Self { orders, names: _, fills, positions, balances, account: account_changed, reset } = self;
        let position = |(strategy, symbol): (Option<StrategyId>, Symbol)| {
            let position = match strategy {
                Some(strategy) => account.strategy_position(strategy, symbol),
                None => account.position(symbol),
            };
            position.map(|position| PositionRow { strategy, position: position.clone() })
        };
        Projection {
            account: if account_changed { AccountRow::of(account) } else { None },
            orders: orders.into_values().collect(),
            fills,
            positions: positions.into_iter().filter_map(position).collect(),
            balances: balances.into_iter().filter_map(|currency| account.balance(currency).cloned()).collect(),
            reset,
        }
    }
}
