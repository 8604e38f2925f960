//! [`PaperBook`]: the orders of one account, matched with the market.

mod restore;

use std::collections::HashMap;

use velox_kernel::{AccountId, OrderId, Symbol, Timestamp};
use velox_trading::{BrokerOrder, FeedPosition, Order, Replacement, Report, ReportKind};

use crate::ended::{Ended, Ending};
use crate::names::broker_order_id;
use crate::settings::{PaperConfig, PaperInstrument};
use crate::standing::cutoff;
use crate::symbol_book::{Pass, SymbolBook};
use crate::tick::Tick;
use crate::working::Working;

/// Said of an order that the book does not have.
const UNKNOWN_ORDER: &str = "the paper broker has no such order";

/// The book of one account: a pure, deterministic state machine without clock or I/O.
///
/// The same orders and ticks in the same order give the same reports, names of fills included. What a call has to
/// say it returns at once, in the order in which it happened; a tick says at most four things of each order that it
/// reaches, and so does a call about one order.
#[derive(Debug)]
pub struct PaperBook {
    account: AccountId,
    config: PaperConfig,
    symbols: HashMap<Symbol, SymbolBook>,
    ended: Ended,
}

impl PaperBook {
    /// The most that placing, cancelling or replacing one order says.
    pub const MOST_REPORTS: usize = 4;

    /// An empty book.
    #[must_use]
    pub fn new(account: AccountId, config: PaperConfig) -> Self {
        Self { account, config, symbols: HashMap::new(), ended: Ended::default() }
    }

    /// Changes the rules, for what happens from now on.
    pub fn configure(&mut self, config: PaperConfig) {
        self.config = config;
    }

    /// Lets a symbol be traded, in its steps.
    pub fn set_instrument(&mut self, symbol: Symbol, instrument: PaperInstrument) {
        self.symbols.entry(symbol).or_default().instrument = instrument;
    }

    /// Passes over all of a symbol's ticks up to `position`, for a feed that tells again what was matched before a
    /// restart.
    pub fn skip_to(&mut self, symbol: Symbol, position: FeedPosition) {
        self.symbols.entry(symbol).or_default().standing.skip_to(position);
    }

    /// Takes an order in, at market time `now`. An order that is there already is acknowledged again; of one that
    /// has ended, its end is told again; neither is filled twice.
    pub fn place(&mut self, order: &Order, now: Timestamp) -> Vec<Report> {
        let (mut pass, symbols) = pass(self.account, &self.config, &mut self.ended, &mut self.symbols, now, now);
        if let Some((ending, _)) = pass.ended.get(order.id) {
            match ending {
                Ending::Filled | Ending::Replaced(_) => pass.acknowledge(order.id, false),
                Ending::Canceled(_) | Ending::Expired | Ending::Rejected(_) => pass.say_ended(order.id, ending),
            }
            return pass.reports;
        }
        let book = symbols.get_mut(&order.terms.symbol);
        let known = book.as_ref().and_then(|book| book.get(order.id));
        if let Some(known) = known {
            pass.acknowledge(order.id, known.triggered);
            return pass.reports;
        }
        let working = Working::placed(order, now, pass.config.latency);
        let refused = match (&book, working.stop.is_some() && working.is_immediate()) {
            (None, _) => Some("the symbol is not traded at the paper broker"),
            (Some(_), true) => Some("a stop order cannot be immediate"),
            (Some(_), false) => (!working.left().is_positive()).then_some("nothing is left to fill"),
        };
        if let Some(text) = refused {
            let ending = Ending::Rejected(text);
            pass.ended.remember(order.id, ending, working.filled, pass.config.remembered);
            pass.say_ended(order.id, ending);
        } else if let Some(book) = book {
            pass.acknowledge(order.id, false);
            begin(book, working, now, &mut pass);
        }
        pass.reports
    }

    /// Takes an order out. What has filled stays filled, and what has ended is not cancelled: the answer says so. The
    /// cancel of an order that was replaced meets the order in its place.
    pub fn cancel(&mut self, order: &Order, now: Timestamp) -> Vec<Report> {
        let (mut pass, symbols) = pass(self.account, &self.config, &mut self.ended, &mut self.symbols, now, now);
        let by_client = Ending::Canceled("");
        let refuse = |text: &str| ReportKind::CancelRejected { text: text.to_owned() };
        match (symbols.get_mut(&order.terms.symbol), pass.ended.get(order.id)) {
            (Some(book), None) if book.get(order.id).is_some() => book.end(order.id, by_client, &mut pass),
            (Some(book), Some((Ending::Replaced(by), _))) if book.get(by).is_some() => {
                book.end(by, by_client, &mut pass);
                pass.say(order.id, ReportKind::Canceled { text: String::new() });
            }
            (_, Some((Ending::Filled | Ending::Replaced(_), _))) => {
                pass.say(order.id, refuse("the order is not open any more"));
            }
            (_, Some((ending, _))) => pass.say_ended(order.id, ending),
            (_, None) => pass.say(order.id, refuse(UNKNOWN_ORDER)),
        }
        pass.reports
    }

    /// Puts a replacement in an order's place. Its quantity counts what the order has filled here; when that leaves
    /// nothing, the order is cancelled instead. The replacement goes to the end of its queue.
    pub fn replace(&mut self, order: &Order, replacement: &Replacement, now: Timestamp) -> Vec<Report> {
        let (mut pass, symbols) = pass(self.account, &self.config, &mut self.ended, &mut self.symbols, now, now);
        let refuse = |text: &str| ReportKind::ReplaceRejected { text: text.to_owned() };
        let Some(book) = symbols.get_mut(&order.terms.symbol) else {
            pass.say(order.id, refuse(UNKNOWN_ORDER));
            return pass.reports;
        };
        let replaced = |triggered| ReportKind::Replaced { broker_order_id: broker_order_id(replacement.id, triggered) };
        let Some(filled) = book.get(order.id).map(|old| old.filled) else {
            match (book.get(replacement.id), pass.ended.get(order.id)) {
                (Some(new), _) => pass.say(order.id, replaced(new.triggered)),
                (None, Some((Ending::Replaced(by), _))) if by == replacement.id => {
                    pass.say(order.id, replaced(false));
                }
                (None, Some(_)) => pass.say(order.id, refuse("the order is not open any more")),
                (None, None) => pass.say(order.id, refuse(UNKNOWN_ORDER)),
            }
            return pass.reports;
        };
        let left = replacement.terms.quantity.minus(filled).unwrap_or_default();
        if !left.is_positive() {
            book.end(order.id, Ending::Canceled(""), &mut pass);
            return pass.reports;
        }
        let working = Working::replacing(order, replacement, left, now, pass.config.latency);
        if working.stop.is_some() && working.is_immediate() {
            pass.say(order.id, refuse("a stop order cannot be immediate"));
            return pass.reports;
        }
        book.remove(order.id, Ending::Replaced(replacement.id), &mut pass);
        pass.say(order.id, replaced(false));
        begin(book, working, now, &mut pass);
        pass.reports
    }

    /// Matches the orders of a symbol with what its market said. A symbol's ticks come in the feed's order; one that
    /// was seen before, or stands before one that was, changes nothing.
    pub fn on_tick(&mut self, tick: &Tick) -> Vec<Report> {
        let cutoff = cutoff(tick);
        let (mut pass, symbols) = pass(self.account, &self.config, &mut self.ended, &mut self.symbols, tick.at, cutoff);
        if let Some(book) = symbols.get_mut(&tick.symbol) {
            book.on_tick(tick, &mut pass);
        }
        pass.reports
    }

    /// Learns what the market said without matching any order with it.
    pub fn observe(&mut self, tick: &Tick) {
        if let Some(book) = self.symbols.get_mut(&tick.symbol)
            && book.standing.observe(tick, &book.instrument, &self.config)
            && let crate::TickPrices::Bar { close, .. } = tick.prices
        {
            book.standing.end_bar(close);
        }
    }

    /// Ends the orders whose time is up, where a symbol's market is silent while market time goes on.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Report> {
        let (mut pass, symbols) = pass(self.account, &self.config, &mut self.ended, &mut self.symbols, now, now);
        let mut names: Vec<Symbol> = symbols.keys().copied().collect();
        names.sort_unstable();
        for name in names {
            if let Some(book) = symbols.get_mut(&name) {
                book.expire(now, &mut pass);
            }
        }
        pass.reports
    }

    /// An order as the book has it, or had it lately; `None` when it knows none.
    #[must_use]
    pub fn find(&self, order: OrderId) -> Option<BrokerOrder> {
        let open = self.symbols.values().find_map(|book| book.get(order)).map(as_told);
        open.or_else(|| {
            let (_, filled) = self.ended.get(order)?;
            Some(BrokerOrder { order, broker_order_id: broker_order_id(order, false), filled, open: false })
        })
    }

    /// The orders that work, by id.
    #[must_use]
    pub fn open_orders(&self) -> Vec<BrokerOrder> {
        let mut orders: Vec<BrokerOrder> = self.symbols.values().flat_map(SymbolBook::iter).map(as_told).collect();
        orders.sort_unstable_by_key(|order| order.order);
        orders
    }

    /// How many orders of a symbol work.
    #[must_use]
    pub fn open_in(&self, symbol: Symbol) -> usize {
        self.symbols.get(&symbol).map_or(0, SymbolBook::len)
    }

    /// Whether the symbol may be traded.
    #[must_use]
    pub fn trades(&self, symbol: Symbol) -> bool {
        self.symbols.contains_key(&symbol)
    }
}

/// Splits a book into what a step needs and the orders that it works on.
fn pass<'a>(
    account: AccountId,
    config: &'a PaperConfig,
    ended: &'a mut Ended,
    symbols: &'a mut HashMap<Symbol, SymbolBook>,
    at: Timestamp,
    cutoff: Timestamp,
) -> (Pass<'a>, &'a mut HashMap<Symbol, SymbolBook>) {
    (Pass { account, config, ended, at, cutoff, reports: Vec::new() }, symbols)
}

/// Takes an order in that was acknowledged, and lets it arrive when nothing holds it up.
fn begin(book: &mut SymbolBook, order: Working, now: Timestamp, pass: &mut Pass<'_>) {
    let (id, expired, arrives) = (order.id, order.expires_at.is_some_and(|at| at <= now), order.live_at <= now);
    book.insert(order);
    if expired {
        book.end(id, Ending::Expired, pass);
    } else if arrives {
        book.arrive(id, false, pass);
    }
}

fn as_told(order: &Working) -> BrokerOrder {
    BrokerOrder {
        order: order.id,
        broker_order_id: broker_order_id(order.id, order.triggered),
        filled: order.filled,
        open: true,
    }
}
