//! Lists of fills.

use std::time::Duration;

use velox_kernel::{Ids, OrderId, StrategyId};
use velox_trading::{AccountFilter, Command, FillFilter, OrderKind, OrderStatus, RecordedFill, Side};

use super::{TradingPorts, scenario};
use crate::trading::{AccountScenario, FreshIds, price, quantity, symbol, terms};

/// Which fills a filter lets pass, said again in Rust.
type Keep = Box<dyn Fn(&RecordedFill) -> bool>;

async fn filled(ports: &TradingPorts, desk: &mut AccountScenario, strategy: Option<StrategyId>) -> Vec<OrderId> {
    let mut orders = vec![];
    for name in ["BTC-PERP", "ETH-PERP"] {
        let mut terms = terms(symbol(name), Side::Buy, "3", OrderKind::Limit { limit_price: price("100") });
        terms.strategy = strategy;
        let (order, append) = desk.place(terms);
        ports.commit(append).await;
        ports.commit(desk.work(order)).await;
        for _ in 0..3 {
            ports.commit(desk.fill(order, quantity("1"), price("100"))).await;
        }
        desk.advance(Duration::from_secs(10));
        orders.push(order);
    }
    orders
}

fn expected(desks: &[&AccountScenario], keep: impl Fn(&RecordedFill) -> bool) -> Vec<RecordedFill> {
    let fills = desks.iter().flat_map(|desk| desk.rows().fills.values());
    let mut fills: Vec<RecordedFill> = fills.filter(|recorded| keep(recorded)).cloned().collect();
    fills.sort_by_key(|recorded| std::cmp::Reverse((recorded.fill.at, recorded.seq, recorded.fill.account)));
    fills
}

/// Every filter, newest first by market time, then by event; another tenant's fills never.
pub async fn fills_are_filtered_and_paged(ports: &TradingPorts) {
    let strategy = StrategyId::new(FreshIds.next());
    let mut first = scenario();
    let mut second = AccountScenario::within(std::sync::Arc::new(FreshIds), first.org(), first.connection());
    let mut stranger = scenario();
    let mut orders = vec![];
    for (desk, strategy) in [(&mut first, Some(strategy)), (&mut second, None), (&mut stranger, Some(strategy))] {
        for name in ["BTC-PERP", "ETH-PERP"] {
            desk.set_price(symbol(name), price("100"));
        }
        ports.commit(desk.open()).await;
        orders.push(filled(ports, desk, strategy).await);
    }
    let ours = [&first, &second];
    let everything = FillFilter::default();
    for size in [1, 2, 5, 12, 500] {
        assert_eq!(ports.all_fills(&first, &everything, size).await, expected(&ours, |_| true), "in pages of {size}");
    }
    assert_eq!(ports.all_fills(&stranger, &everything, 4).await, expected(&[&stranger], |_| true));

    let (id, order, eth) = (first.id(), orders[1][1], symbol("ETH-PERP"));
    let start = first.market_time.minus(Duration::from_secs(20));
    let later = start.plus(Duration::from_secs(10));
    // Those of two accounts have the same times and numbers.
    let several = AccountFilter::of([id, second.id(), stranger.id()]).expect("three are not too many");
    let cases: [(FillFilter, Keep); 13] = [
        (FillFilter { accounts: id.into(), ..everything.clone() }, Box::new(move |f| f.fill.account == id)),
        (FillFilter { accounts: stranger.id().into(), ..everything.clone() }, Box::new(|_| false)),
        (FillFilter { accounts: several.clone(), ..everything.clone() }, Box::new(|_| true)),
        (
            FillFilter {
                accounts: several.clone(),
                symbol: Some(eth),
                from: Some(start),
                to: Some(later),
                ..everything.clone()
            },
            Box::new(move |f| f.fill.symbol == eth && f.fill.at >= start && f.fill.at < later),
        ),
        (FillFilter { order: Some(order), ..everything.clone() }, Box::new(move |f| f.fill.order == order)),
        (FillFilter { order: Some(orders[2][0]), ..everything.clone() }, Box::new(|_| false)),
        (
            FillFilter { order: Some(order), accounts: several.clone(), ..everything.clone() },
            Box::new(move |f| f.fill.order == order),
        ),
        (FillFilter { order: Some(order), accounts: id.into(), ..everything.clone() }, Box::new(|_| false)),
        (
            FillFilter { strategy: Some(strategy), symbol: Some(eth), ..everything.clone() },
            Box::new(move |f| f.fill.strategy == Some(strategy) && f.fill.symbol == eth),
        ),
        (FillFilter { symbol: Some(eth), ..everything.clone() }, Box::new(move |f| f.fill.symbol == eth)),
        (
            FillFilter { strategy: Some(strategy), ..everything.clone() },
            Box::new(move |f| f.fill.strategy == Some(strategy)),
        ),
        (FillFilter { from: Some(later), ..everything.clone() }, Box::new(move |f| f.fill.at >= later)),
        (
            FillFilter { from: Some(start), to: Some(later), ..everything.clone() },
            Box::new(move |f| f.fill.at >= start && f.fill.at < later),
        ),
    ];
    for (filter, keep) in cases {
        for size in [1, 2, 5, 100] {
            let found = ports.all_fills(&first, &filter, size).await;
            assert_eq!(found, expected(&ours, &keep), "{filter:?} in pages of {size}");
        }
    }

    let (mut walked, mut after) = (vec![], 0);
    loop {
        let page = ports.queries.fills_of_account(first.id(), after, 2).await.expect("the store is there");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = last.seq;
        walked.extend(page);
    }
    assert!(walked.iter().eq(first.rows().fills.values()), "by event, the verifier's way");
}

/// A fill that comes after the cancel changes the closed order's row, the position and the ledger.
pub async fn late_fills_change_closed_orders(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    let (order, append) = desk.place_limit(btc, Side::Buy, "2", price("100"));
    ports.commit(append).await;
    ports.commit(desk.work(order)).await;
    ports.commit(desk.must(Command::Cancel { order })).await;
    let canceled = desk.report(order, velox_trading::ReportKind::Canceled { text: String::new() });
    ports.commit(desk.must(canceled)).await;
    ports.commit(desk.fill(order, quantity("0.5"), price("99"))).await;
    assert_eq!(desk.order(order).status, OrderStatus::Canceled);
    ports.must_hold(&desk).await;
    ports.commit(desk.fill(order, quantity("1.5"), price("98"))).await;
    assert_eq!(desk.order(order).status, OrderStatus::Filled, "a late fill beats a cancel");
    ports.must_hold(&desk).await;
}
