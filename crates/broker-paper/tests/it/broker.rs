use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use velox_broker_paper::{PaperBroker, PaperConfig};
use velox_trading::{Broker, BrokerError, Order, Report, Side};

use crate::support::*;

fn broker(queue: usize, accounts: u128) -> PaperBroker {
    let broker = PaperBroker::new(queue);
    broker.set_instrument(symbol(), instrument());
    for number in 1..=accounts {
        broker.restore(account(number), PaperConfig::default(), &[]);
    }
    broker
}

fn of(number: u128, order: Order) -> Order {
    Order { account: account(number), ..order }
}

/// All that waits.
async fn drain(broker: &PaperBroker) -> Vec<Report> {
    let mut reports = broker.reports();
    let mut all = Vec::new();
    while let Some(Some(report)) = reports.next().now_or_never() {
        all.push(report);
    }
    all
}

#[tokio::test]
async fn what_happens_comes_through_the_reports() {
    let broker = broker(100, 1);
    broker.on_tick(&trade(1, "100", "0.5"));
    broker.place(&order(1, Side::Buy, market(), "1")).await.unwrap();
    broker.on_tick(&trade(2, "101", "9"));
    assert_eq!(told(&drain(&broker).await), ["1 new", "1 0.5 at 100 taker", "1 0.5 at 101 taker"]);
    let found = broker.find(account(1), order_id(1)).await.unwrap().unwrap();
    assert!(!found.open && found.filled == quantity("1"));
    assert_eq!(broker.open_orders(account(1)).await, Ok(vec![]));
    assert_eq!(broker.check().await, Ok(()));
}

#[tokio::test]
async fn an_account_that_was_not_rebuilt_is_no_evidence() {
    let broker = broker(100, 1);
    let unreachable = |error| matches!(error, BrokerError::Unreachable(_));
    assert!(unreachable(broker.find(account(2), order_id(1)).await.unwrap_err()));
    assert!(unreachable(broker.open_orders(account(2)).await.unwrap_err()));
    let strange = of(2, order(1, Side::Buy, market(), "1"));
    assert!(unreachable(broker.place(&strange).await.unwrap_err()));
    assert_eq!(broker.find(account(1), order_id(1)).await, Ok(None));
    broker.forget(account(1));
    assert!(unreachable(broker.find(account(1), order_id(1)).await.unwrap_err()));
    assert!(!broker.configure(account(1), PaperConfig::default()));
}

#[tokio::test]
async fn no_ledger_is_not_an_empty_ledger() {
    let broker = broker(100, 1);
    assert!(matches!(broker.positions(account(1)).await, Err(BrokerError::Refused(_))));
    assert!(matches!(broker.balances(account(1)).await, Err(BrokerError::Refused(_))));
}

#[tokio::test]
async fn accounts_do_not_take_each_others_volume() {
    let broker = broker(100, 2);
    broker.on_tick(&trade(1, "100", "1"));
    for number in [1, 2] {
        let id = u64::try_from(number).unwrap();
        broker.place(&of(number, order(id, Side::Buy, limit("99"), "1"))).await.unwrap();
    }
    broker.on_tick(&trade(2, "98", "1"));
    let told = told(&drain(&broker).await);
    assert_eq!(told, ["1 new", "2 new", "1 1 at 99 maker", "2 1 at 99 maker"]);
}

#[tokio::test]
async fn an_order_meets_the_market_as_it_stands_though_its_account_was_not_watching() {
    let broker = broker(100, 1);
    broker.on_tick(&quote(1, ("99", "1"), ("100", "1")));
    broker.on_tick(&trade(2, "100", "1"));
    broker.place(&order(1, Side::Buy, market(), "1")).await.unwrap();
    // What it took of the quote is gone until the next.
    broker.place(&order(2, Side::Buy, market(), "1")).await.unwrap();
    broker.on_tick(&quote(3, ("99", "1"), ("101", "1")));
    let told = told(&drain(&broker).await);
    assert_eq!(told, ["1 new", "1 1 at 100 taker", "2 new", "2 1 at 101 taker"]);
}

#[tokio::test]
async fn a_full_queue_turns_orders_away_and_puts_ticks_off_and_loses_no_report() {
    let broker = broker(4, 1);
    broker.on_tick(&trade(1, "100", "9"));
    let placed = order(1, Side::Buy, limit("99"), "1");
    broker.place(&placed).await.unwrap();
    assert_eq!(broker.waiting_reports(), 1);
    let refused = broker.place(&order(2, Side::Buy, market(), "1")).await;
    assert!(matches!(refused, Err(BrokerError::Unreachable(_))), "its reports might not fit");
    assert_eq!(broker.find(account(1), order_id(2)).await, Ok(None), "and it was not taken in");

    for (offset, at) in [(2, "98"), (3, "99.5")] {
        broker.on_tick(&trade(offset, at, "0.2"));
    }
    // The queue has room, so both were matched.
    assert_eq!((broker.waiting_reports(), broker.missed_ticks()), (2, 0));
    broker.on_tick(&trade(4, "98", "0.2"));
    broker.on_tick(&trade(5, "98", "0.2"));
    assert_eq!(broker.waiting_reports(), 4);
    for (offset, at) in [(6, "97"), (7, "97"), (8, "98")] {
        broker.on_tick(&trade(offset, at, "0.1"));
    }
    assert_eq!((broker.waiting_reports(), broker.missed_ticks()), (4, 2));
    let expected = ["1 new", "1 0.2 at 99 maker", "1 0.2 at 99 maker", "1 0.2 at 99 maker", "1 0.1 at 99 maker"];
    assert_eq!(told(&drain(&broker).await), expected, "the newest tick was matched once there was room");
    broker.place(&order(2, Side::Buy, market(), "0.1")).await.unwrap();
}

#[tokio::test]
async fn a_later_stream_takes_over_and_wakes() {
    let broker = Arc::new(broker(100, 1));
    let mut old = broker.reports();
    let waiting = tokio::spawn(async move { old.next().await });
    tokio::task::yield_now().await;
    let mut new = broker.reports();
    assert_eq!(waiting.await.unwrap(), None, "the old stream ends");
    let waiting = tokio::spawn(async move { new.next().await });
    tokio::task::yield_now().await;
    broker.place(&order(1, Side::Buy, market(), "1")).await.unwrap();
    assert_eq!(told(&[waiting.await.unwrap().unwrap()]), ["1 new"]);
}

#[tokio::test]
async fn a_rebuilt_broker_goes_on() {
    let mut known = [
        order(1, Side::Buy, limit("99"), "1"),
        of(2, order(2, Side::Buy, limit("99"), "1")),
        order(3, Side::Buy, limit("50"), "1"),
    ];
    known[2].expires_at = Some(time(100));
    let broker = broker(100, 0);
    broker.on_tick(&trade(1, "100", "1"));
    broker.restore(account(1), PaperConfig::default(), &known);
    assert_eq!(told(&drain(&broker).await), ["1 new", "3 new"], "the orders of that account");
    broker.on_tick(&trade(2, "99", "9"));
    broker.expire(time(100));
    assert_eq!(told(&drain(&broker).await), ["1 1 at 99 taker", "3 expired"]);
    broker.cancel(&known[0]).await.unwrap();
    let new = replacement(4, &known[0], limit("99"), "2");
    broker.replace(&known[0], &new).await.unwrap();
    assert_eq!(told(&drain(&broker).await), ["1 cancel refused", "1 replace refused"]);
}

#[tokio::test]
async fn whoever_may_not_any_more_hands_nothing_over_and_rebuilds_nothing() {
    let broker = broker(100, 2);
    broker.on_tick(&trade(1, "100", "1"));
    let placed = order(1, Side::Buy, limit("99"), "1");
    assert!(matches!(broker.place_while(&placed, || false), Err(BrokerError::Unreachable(_))));
    broker.restore_while(account(3), PaperConfig::default(), &[], || false);
    assert_eq!(drain(&broker).await, []);
    assert_eq!(broker.open_orders(account(1)).await, Ok(vec![]));
    assert!(broker.open_orders(account(3)).await.is_err());
    assert_eq!(broker.place_while(&placed, || true), Ok(()));
    assert_eq!(told(&drain(&broker).await), ["1 new"]);

    // What some accounts' books had to say is nobody's with them.
    broker.place(&of(2, order(2, Side::Buy, limit("98"), "1"))).await.unwrap();
    broker.on_tick(&trade(2, "90", "9"));
    broker.forget_where(|one| one == account(1));
    assert!(broker.open_orders(account(1)).await.is_err());
    let left = drain(&broker).await;
    assert!(!left.is_empty() && left.iter().all(|report| report.account == account(2)), "{left:?}");
}
