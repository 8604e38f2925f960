//! [`SymbolBook`]: one account's orders of one symbol, indexed by what each waits for.

mod arrive;
mod execute;
mod match_tick;

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use velox_kernel::{AccountId, OrderId, Timestamp};
use velox_trading::{Report, ReportKind, Side};

use crate::ended::{Ended, Ending};
use crate::names::broker_order_id;
use crate::settings::{PaperConfig, PaperInstrument};
use crate::standing::Standing;
use crate::working::{Key, Stage, Working};

/// What a step of the book needs beside the orders: the rules, and where to put what it says.
pub(crate) struct Pass<'a> {
    pub(crate) account: AccountId,
    pub(crate) config: &'a PaperConfig,
    pub(crate) ended: &'a mut Ended,
    /// The market time of what is said.
    pub(crate) at: Timestamp,
    /// From when an order must have been live to be filled now.
    pub(crate) cutoff: Timestamp,
    pub(crate) reports: Vec<Report>,
}

impl Pass<'_> {
    /// Says something of an order.
    pub(crate) fn say(&mut self, order: OrderId, kind: ReportKind) {
        self.reports.push(Report { account: self.account, order, kind, at: self.at });
    }

    /// Says that an order works.
    pub(crate) fn acknowledge(&mut self, order: OrderId, triggered: bool) {
        self.say(order, ReportKind::Acknowledged { broker_order_id: broker_order_id(order, triggered) });
    }

    /// Says how an order ended, where its last report did not say so already.
    pub(crate) fn say_ended(&mut self, order: OrderId, ending: Ending) {
        match ending {
            Ending::Filled | Ending::Replaced(_) => {}
            Ending::Canceled(text) => self.say(order, ReportKind::Canceled { text: text.to_owned() }),
            Ending::Expired => self.say(order, ReportKind::Expired),
            Ending::Rejected(text) => self.say(order, ReportKind::Rejected { text: text.to_owned() }),
        }
    }
}

/// An index per side.
#[derive(Debug, Default)]
struct Sides {
    buy: BTreeSet<Key>,
    sell: BTreeSet<Key>,
}

impl Sides {
    fn of(&mut self, side: Side) -> &mut BTreeSet<Key> {
        match side {
            Side::Buy => &mut self.buy,
            Side::Sell => &mut self.sell,
        }
    }
}

/// One account's orders of one symbol.
///
/// Every order stands in exactly one of the four indices of its [`Stage`], so that a tick looks at the orders it
/// reaches and at no other.
#[derive(Debug, Default)]
pub(crate) struct SymbolBook {
    pub(crate) instrument: PaperInstrument,
    pub(crate) standing: Standing,
    orders: HashMap<OrderId, Working>,
    arriving: BTreeSet<Key>,
    taking: BTreeSet<Key>,
    stopped: Sides,
    resting: Sides,
    expiring: BTreeSet<(Timestamp, OrderId)>,
}

impl SymbolBook {
    /// How many orders work.
    pub(crate) fn len(&self) -> usize {
        self.orders.len()
    }

    /// An order that works.
    pub(crate) fn get(&self, order: OrderId) -> Option<&Working> {
        self.orders.get(&order)
    }

    /// The orders that work, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Working> {
        self.orders.values()
    }

    /// Takes an order in; it is on its way.
    pub(crate) fn insert(&mut self, order: Working) {
        if let Some(at) = order.expires_at {
            self.expiring.insert((at, order.id));
        }
        self.index(order.stage, order.side).insert(order.key());
        self.orders.insert(order.id, order);
    }

    /// Takes an order out and remembers how it ended, without a word.
    pub(crate) fn remove(&mut self, id: OrderId, ending: Ending, pass: &mut Pass<'_>) -> Option<Working> {
        let order = self.orders.remove(&id)?;
        self.index(order.stage, order.side).remove(&order.key());
        if let Some(at) = order.expires_at {
            self.expiring.remove(&(at, id));
        }
        pass.ended.remember(id, ending, order.filled, pass.config.remembered);
        Some(order)
    }

    /// Ends an order and says so.
    pub(crate) fn end(&mut self, id: OrderId, ending: Ending, pass: &mut Pass<'_>) {
        if self.remove(id, ending, pass).is_some() {
            pass.say_ended(id, ending);
        }
    }

    /// Ends the orders whose time is up at `now`.
    pub(crate) fn expire(&mut self, now: Timestamp, pass: &mut Pass<'_>) {
        while let Some(&(at, id)) = self.expiring.first() {
            if at > now {
                break;
            }
            self.end(id, Ending::Expired, pass);
        }
    }

    /// Lets `change` move an order to another stage.
    fn restage(&mut self, id: OrderId, change: impl FnOnce(&mut Working)) -> Option<Working> {
        let before = *self.orders.get(&id)?;
        let mut after = before;
        change(&mut after);
        self.index(before.stage, before.side).remove(&before.key());
        self.index(after.stage, after.side).insert(after.key());
        self.orders.insert(id, after);
        Some(after)
    }

    fn index(&mut self, stage: Stage, side: Side) -> &mut BTreeSet<Key> {
        match stage {
            Stage::Arriving => &mut self.arriving,
            Stage::Taking => &mut self.taking,
            Stage::Stopped => self.stopped.of(side),
            Stage::Resting => self.resting.of(side),
        }
    }

    /// The next order of a stage behind `after` whose rank is at most `bound`.
    fn next(&mut self, stage: Stage, side: Side, after: Option<Key>, bound: i128) -> Option<Key> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.index(stage, side).range((from, Bound::Unbounded)).next().filter(|key| key.rank <= bound).copied()
    }
}
