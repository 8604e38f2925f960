//! [`Desk`]: all books and the markets they share.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use velox_kernel::{AccountId, Symbol, Timestamp};
use velox_trading::{BrokerError, Order, Report};

use crate::book::PaperBook;
use crate::outbox::Outbox;
use crate::settings::{PaperConfig, PaperInstrument};
use crate::tick::{Tick, TickPrices};

/// What all accounts know of one symbol.
#[derive(Debug, Default)]
struct Market {
    instrument: Option<PaperInstrument>,
    /// The newest quote of the feed's present run.
    quote: Option<Tick>,
    /// Its newest trade or bar.
    trade: Option<Tick>,
    /// Market time.
    at: Timestamp,
    /// The accounts with open orders: the only ones that a tick is shown to.
    watching: BTreeSet<AccountId>,
}

impl Market {
    fn remember(&mut self, tick: &Tick) {
        let newest = self.quote.iter().chain(&self.trade).map(|seen| seen.position).max();
        if newest.is_some_and(|seen| tick.position <= seen) {
            return;
        }
        if newest.is_some_and(|seen| seen.epoch != tick.position.epoch) {
            (self.quote, self.trade) = (None, None);
        }
        match tick.prices {
            TickPrices::Quote { .. } => self.quote = Some(*tick),
            TickPrices::Trade { .. } | TickPrices::Bar { .. } => self.trade = Some(*tick),
        }
        self.at = self.at.max(tick.at);
    }

    /// Tells a book that was not watching what it missed; what it has seen it passes over.
    fn brief(&self, symbol: Symbol, book: &mut PaperBook) {
        if let Some(instrument) = self.instrument.filter(|_| !book.trades(symbol)) {
            book.set_instrument(symbol, instrument);
        }
        let mut ticks = [self.quote, self.trade];
        ticks.sort_unstable_by_key(|tick| tick.map(|tick| tick.position));
        for tick in ticks.iter().flatten() {
            book.observe(tick);
        }
    }
}

/// All books and the markets they share.
#[derive(Debug, Default)]
pub(super) struct Desk {
    books: HashMap<AccountId, PaperBook>,
    markets: HashMap<Symbol, Market>,
    /// The newest tick of each symbol that is not matched yet.
    waiting: BTreeMap<Symbol, Tick>,
    missed: u64,
}

impl Desk {
    pub(super) fn set_instrument(&mut self, symbol: Symbol, instrument: PaperInstrument) {
        self.markets.entry(symbol).or_default().instrument = Some(instrument);
        for book in self.books.values_mut().filter(|book| book.trades(symbol)) {
            book.set_instrument(symbol, instrument);
        }
    }

    pub(super) fn restore<'a>(
        &mut self,
        account: AccountId,
        config: PaperConfig,
        orders: impl IntoIterator<Item = &'a Order>,
    ) -> Vec<Report> {
        let book = self.books.entry(account).or_insert_with(|| PaperBook::new(account, config));
        book.configure(config);
        let mut reports = Vec::new();
        for order in orders.into_iter().filter(|order| order.account == account) {
            let symbol = order.terms.symbol;
            let market = self.markets.entry(symbol).or_default();
            market.brief(symbol, book);
            reports.extend(book.restore(order));
            if book.open_in(symbol) > 0 {
                market.watching.insert(account);
            }
        }
        reports
    }

    pub(super) fn configure(&mut self, account: AccountId, config: PaperConfig) -> bool {
        self.books.get_mut(&account).map(|book| book.configure(config)).is_some()
    }

    pub(super) fn forget(&mut self, account: AccountId) {
        self.books.remove(&account);
        for market in self.markets.values_mut() {
            market.watching.remove(&account);
        }
    }

    pub(super) fn forget_where(&mut self, is_one: impl Fn(AccountId) -> bool) {
        self.books.retain(|account, _| !is_one(*account));
        for market in self.markets.values_mut() {
            market.watching.retain(|account| !is_one(*account));
        }
    }

    pub(super) fn book(&self, account: AccountId) -> Result<&PaperBook, BrokerError> {
        self.books.get(&account).ok_or_else(not_rebuilt)
    }

    /// Lets the book of an order's account do something about it, at the market time of its symbol.
    pub(super) fn act(
        &mut self,
        order: &Order,
        act: impl FnOnce(&mut PaperBook, Timestamp) -> Vec<Report>,
    ) -> Result<Vec<Report>, BrokerError> {
        let book = self.books.get_mut(&order.account).ok_or_else(not_rebuilt)?;
        let symbol = order.terms.symbol;
        let Some(market) = self.markets.get_mut(&symbol) else { return Ok(act(book, order.updated_at)) };
        market.brief(symbol, book);
        let reports = act(book, order.updated_at.max(market.at));
        if book.open_in(symbol) > 0 {
            market.watching.insert(order.account);
        }
        Ok(reports)
    }

    /// Keeps a tick for [`Self::catch_up`], in place of an older one of its symbol.
    pub(super) fn put_off(&mut self, tick: &Tick) {
        if self.waiting.insert(tick.symbol, *tick).is_some() {
            self.missed += 1;
        }
    }

    /// Matches the ticks that wait, while the outbox has room.
    pub(super) fn catch_up(&mut self, outbox: &Outbox) {
        while outbox.has_room(1) {
            let Some((_, tick)) = self.waiting.pop_first() else { return };
            let reports = self.on_tick(&tick);
            outbox.push(reports);
        }
    }

    fn on_tick(&mut self, tick: &Tick) -> Vec<Report> {
        let Self { books, markets, .. } = self;
        let market = markets.entry(tick.symbol).or_default();
        market.remember(tick);
        let mut reports = Vec::new();
        market.watching.retain(|account| {
            let Some(book) = books.get_mut(account) else { return false };
            reports.append(&mut book.on_tick(tick));
            book.open_in(tick.symbol) > 0
        });
        reports
    }

    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Report> {
        let mut books: Vec<(&AccountId, &mut PaperBook)> = self.books.iter_mut().collect();
        books.sort_unstable_by_key(|(account, _)| **account);
        books.into_iter().flat_map(|(_, book)| book.expire(now)).collect()
    }

    pub(super) fn missed_ticks(&self) -> u64 {
        self.missed
    }
}

fn not_rebuilt() -> BrokerError {
    BrokerError::Unreachable("this account's book has not been rebuilt yet".to_owned())
}
