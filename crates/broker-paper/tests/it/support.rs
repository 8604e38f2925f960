//! Orders and ticks in few words.

use std::time::Duration;

use uuid::Uuid;
use velox_broker_paper::{PaperBook, PaperConfig, PaperInstrument, Tick, TickPrices};
use velox_kernel::{AccountId, Digest, Money, OrderId, Price, Quantity, Symbol, Timestamp};
use velox_trading::{
    FeedPosition, FillReport, Liquidity, Order, OrderKind, OrderStatus, OrderTerms, Replacement, Report, ReportKind,
    Side, TimeInForce,
};

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub(crate) fn symbol() -> Symbol {
    "BTC-PERP".parse().unwrap()
}

pub(crate) fn account(number: u128) -> AccountId {
    AccountId::new(Uuid::from_u128(number))
}

pub(crate) fn order_id(number: u64) -> OrderId {
    OrderId::new(Uuid::from_u128(u128::from(number)))
}

/// Market time, in seconds of some day.
pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_641_038_400 + seconds)
}

pub(crate) fn market() -> OrderKind {
    OrderKind::Market
}

pub(crate) fn limit(at: &str) -> OrderKind {
    OrderKind::Limit { limit_price: price(at) }
}

pub(crate) fn stop(at: &str) -> OrderKind {
    OrderKind::Stop { stop_price: price(at) }
}

pub(crate) fn stop_limit(stop: &str, limit: &str) -> OrderKind {
    OrderKind::StopLimit { stop_price: price(stop), limit_price: price(limit) }
}

/// An order that was just routed, good till cancelled, whose number is its id and its place in time.
pub(crate) fn order(number: u64, side: Side, kind: OrderKind, amount: &str) -> Order {
    Order {
        id: order_id(number),
        account: account(1),
        client_order_id: format!("client-{number}").parse().unwrap(),
        fingerprint: Digest::new([7; 32]),
        terms: OrderTerms {
            symbol: symbol(),
            currency: "USD".parse().unwrap(),
            side,
            kind,
            quantity: quantity(amount),
            time_in_force: TimeInForce::Gtc,
            reduce_only: false,
            strategy: None,
            tags: vec![],
        },
        status: OrderStatus::Routed,
        filled: Quantity::ZERO,
        filled_value: Money::ZERO,
        reserve_price: price("100"),
        broker_order_id: None,
        replaces: None,
        replaced_by: None,
        pending: None,
        denial: None,
        end: None,
        accepted_at: time(0),
        placed_at: time(0),
        updated_at: time(0),
        expires_at: None,
        unknown_since: None,
        misses: 0,
        first_seq: number,
        last_seq: number,
    }
}

pub(crate) fn with(time_in_force: TimeInForce, mut order: Order) -> Order {
    order.terms.time_in_force = time_in_force;
    order
}

pub(crate) fn replacement(number: u64, of: &Order, kind: OrderKind, amount: &str) -> Replacement {
    Replacement {
        id: order_id(number),
        client_order_id: format!("client-{number}").parse().unwrap(),
        fingerprint: Digest::new([8; 32]),
        terms: OrderTerms { kind, quantity: quantity(amount), ..of.terms.clone() },
        reserve_price: price("100"),
    }
}

fn tick(offset: u64, prices: TickPrices) -> Tick {
    let at = time(i64::try_from(offset).unwrap());
    Tick { symbol: symbol(), at, position: FeedPosition { epoch: 1, offset }, prices }
}

/// A trade at second `offset`.
pub(crate) fn trade(offset: u64, at: &str, amount: &str) -> Tick {
    tick(offset, TickPrices::Trade { price: price(at), quantity: Some(quantity(amount)) })
}

/// A quote at second `offset`: bid and size, ask and size.
pub(crate) fn quote(offset: u64, bid: (&str, &str), ask: (&str, &str)) -> Tick {
    let prices = TickPrices::Quote {
        bid: price(bid.0),
        bid_size: Some(quantity(bid.1)),
        ask: price(ask.0),
        ask_size: Some(quantity(ask.1)),
    };
    tick(offset, prices)
}

/// A minute's bar that ends at second `offset`: open, high, low, close and volume.
pub(crate) fn bar(offset: u64, [open, high, low, close, volume]: [&str; 5]) -> Tick {
    let until = time(i64::try_from(offset).unwrap());
    let prices = TickPrices::Bar {
        from: until.minus(Duration::from_mins(1)),
        until,
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: Some(quantity(volume)),
    };
    tick(offset, prices)
}

/// A tick of another run of the feed.
pub(crate) fn in_epoch(epoch: u64, mut tick: Tick) -> Tick {
    tick.position.epoch = epoch;
    tick
}

/// A book with ticks of 0.5 and lots of 0.1.
pub(crate) fn book_with(config: PaperConfig) -> PaperBook {
    let mut book = PaperBook::new(account(1), config.checked().unwrap());
    book.set_instrument(symbol(), instrument());
    book
}

pub(crate) fn instrument() -> PaperInstrument {
    PaperInstrument { tick: price("0.5"), lot: quantity("0.1"), volume_bounds: true }
}

pub(crate) fn book() -> PaperBook {
    book_with(PaperConfig::default())
}

/// Reports in short: what happened to which order.
pub(crate) fn told(reports: &[Report]) -> Vec<String> {
    let number = |id: OrderId| id.uuid().as_u128();
    let one = |report: &Report| {
        let id = number(report.order);
        match &report.kind {
            ReportKind::Acknowledged { broker_order_id } if broker_order_id.as_str().ends_with("-t") => {
                format!("{id} triggered")
            }
            ReportKind::Acknowledged { .. } => format!("{id} new"),
            ReportKind::Filled(FillReport { quantity, price, liquidity, .. }) => {
                let how = match liquidity {
                    Liquidity::Maker => "maker",
                    Liquidity::Taker => "taker",
                };
                format!("{id} {quantity} at {price} {how}")
            }
            ReportKind::Canceled { text } if text.is_empty() => format!("{id} canceled"),
            ReportKind::Canceled { .. } => format!("{id} canceled by the broker"),
            ReportKind::Expired => format!("{id} expired"),
            ReportKind::Rejected { .. } => format!("{id} rejected"),
            ReportKind::CancelRejected { .. } => format!("{id} cancel refused"),
            ReportKind::Replaced { .. } => format!("{id} replaced"),
            ReportKind::ReplaceRejected { .. } => format!("{id} replace refused"),
            other => panic!("a paper broker does not say {other:?}"),
        }
    };
    reports.iter().map(one).collect()
}

/// The fills among reports.
pub(crate) fn fills(reports: &[Report]) -> Vec<&FillReport> {
    let fill = |report: &'_ Report| matches!(report.kind, ReportKind::Filled(_));
    let reports = reports.iter().filter(|report| fill(report));
    reports.filter_map(|report| if let ReportKind::Filled(fill) = &report.kind { Some(fill) } else { None }).collect()
}

/// What the account makes of reports about one order.
pub(crate) fn absorb(order: &mut Order, reports: &[Report]) {
    for report in reports.iter().filter(|report| report.order == order.id) {
        match &report.kind {
            ReportKind::Acknowledged { broker_order_id } => {
                order.broker_order_id = Some(*broker_order_id);
                if order.status == OrderStatus::Routed {
                    order.status = OrderStatus::New;
                }
            }
            ReportKind::Filled(fill) => {
                order.filled = order.filled.plus(fill.quantity).unwrap();
                let whole = order.filled >= order.terms.quantity;
                order.status = if whole { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
            }
            ReportKind::Canceled { .. } => order.status = OrderStatus::Canceled,
            ReportKind::Expired => order.status = OrderStatus::Expired,
            ReportKind::Rejected { .. } => order.status = OrderStatus::Rejected,
            _ => {}
        }
        order.updated_at = order.updated_at.max(report.at);
    }
}
