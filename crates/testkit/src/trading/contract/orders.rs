//! Lists and look-ups of orders.

use std::sync::Arc;

use velox_kernel::{Ids, OrderId, StrategyId};
use velox_trading::{AccountFilter, Command, Order, OrderFilter, OrderKind, OrderStatus, Side};

use super::{TradingPorts, scenario};
use crate::trading::{AccountScenario, FreshIds, price, symbol, terms};

/// Which orders a filter lets pass, said again in Rust.
type Keep = Box<dyn Fn(&Order) -> bool>;

/// Two accounts of one tenant with orders in several states, and one of another tenant with one.
async fn desks(ports: &TradingPorts, strategy: StrategyId) -> [AccountScenario; 3] {
    let first = scenario();
    let second = AccountScenario::within(Arc::new(FreshIds), first.org(), first.connection());
    let mut desks = [first, second, scenario()];
    for desk in &mut desks {
        for name in ["BTC-PERP", "ETH-PERP"] {
            desk.set_price(symbol(name), price("100"));
        }
        ports.commit(desk.open()).await;
    }
    for round in 0..4 {
        for desk in &mut desks {
            for (name, side) in [("BTC-PERP", Side::Buy), ("ETH-PERP", Side::Sell)] {
                let limit = OrderKind::Limit { limit_price: price("100") };
                let mut terms = terms(symbol(name), side, "1", limit);
                terms.strategy = (round % 2 == 0).then_some(strategy);
                let (order, append) = desk.place(terms);
                ports.commit(append).await;
                if round > 0 {
                    ports.commit(desk.work(order)).await;
                }
                if round > 1 {
                    let report = velox_trading::ReportKind::Canceled { text: String::new() };
                    ports.commit(desk.must(desk.report(order, report))).await;
                }
            }
        }
    }
    desks
}

fn expected(desks: &[&AccountScenario], keep: impl Fn(&Order) -> bool) -> Vec<OrderId> {
    let mut ids: Vec<OrderId> = desks
        .iter()
        .flat_map(|desk| desk.rows().orders.values())
        .filter(|order| keep(order))
        .map(|order| order.id)
        .collect();
    ids.sort_unstable();
    ids.reverse();
    ids
}

fn ids(orders: &[Order]) -> Vec<OrderId> {
    orders.iter().map(|order| order.id).collect()
}

/// Every filter alone, newest first, in pages of any size; another tenant's orders never.
pub async fn orders_are_filtered_and_paged(ports: &TradingPorts) {
    let strategy = StrategyId::new(FreshIds.next());
    let desks = desks(ports, strategy).await;
    let ours = [&desks[0], &desks[1]];
    let everything = OrderFilter::default();
    for size in [1, 3, 8, 16, 17, 500] {
        let found = ports.all_orders(&desks[0], &everything, size).await;
        assert_eq!(ids(&found), expected(&ours, |_| true), "in pages of {size}");
        assert!(found.iter().all(|order| ours.iter().any(|desk| desk.rows().orders.get(&order.id) == Some(order))));
    }
    assert_eq!(ids(&ports.all_orders(&desks[2], &everything, 5).await), expected(&[&desks[2]], |_| true));

    let (first, stranger) = (desks[0].id(), desks[2].id());
    let eth = symbol("ETH-PERP");
    let several = AccountFilter::of([first, desks[1].id(), stranger]).expect("three are not too many");
    let cases: [(OrderFilter, Keep); 9] = [
        (OrderFilter { accounts: first.into(), ..everything.clone() }, Box::new(move |o| o.account == first)),
        (OrderFilter { accounts: stranger.into(), ..everything.clone() }, Box::new(|_| false)),
        (OrderFilter { accounts: several.clone(), ..everything.clone() }, Box::new(|_| true)),
        (
            OrderFilter { accounts: several, symbol: Some(eth), side: Some(Side::Sell), ..everything.clone() },
            Box::new(move |o| o.terms.symbol == eth),
        ),
        (
            OrderFilter { statuses: vec![OrderStatus::Canceled], ..everything.clone() },
            Box::new(|o| o.status == OrderStatus::Canceled),
        ),
        (
            OrderFilter { statuses: vec![OrderStatus::New, OrderStatus::PendingNew], ..everything.clone() },
            Box::new(|o| matches!(o.status, OrderStatus::New | OrderStatus::PendingNew)),
        ),
        (OrderFilter { symbol: Some(eth), ..everything.clone() }, Box::new(move |o| o.terms.symbol == eth)),
        (OrderFilter { side: Some(Side::Buy), ..everything.clone() }, Box::new(|o| o.terms.side == Side::Buy)),
        (
            OrderFilter { strategy: Some(strategy), ..everything.clone() },
            Box::new(move |o| o.terms.strategy == Some(strategy)),
        ),
    ];
    for (filter, keep) in cases {
        for size in [1, 2, 3, 100] {
            let found = ids(&ports.all_orders(&desks[0], &filter, size).await);
            assert_eq!(found, expected(&ours, &keep), "{filter:?} in pages of {size}");
        }
    }
}

/// Every filter together with the others: an order is in a list once, by whichever of them the list is found.
pub async fn filters_of_orders_are_combined(ports: &TradingPorts) {
    let strategy = StrategyId::new(FreshIds.next());
    let desks = desks(ports, strategy).await;
    let (one, both) = (AccountFilter::from(desks[0].id()), AccountFilter::of(desks.iter().map(AccountScenario::id)));
    let ends = OrderStatus::ALL.into_iter().filter(|status| !status.is_open()).collect();
    let (open, ended) = (OrderStatus::New, OrderStatus::Canceled);
    let sets = [vec![], vec![open], vec![ended], vec![OrderStatus::PendingNew, ended, open], ends];
    for statuses in &sets {
        for accounts in [AccountFilter::default(), one.clone(), both.clone().expect("three are not too many")] {
            for symbol in [None, Some(symbol("ETH-PERP"))] {
                for strategy in [None, Some(strategy)] {
                    let (statuses, accounts) = (statuses.clone(), accounts.clone());
                    let filter = OrderFilter { accounts, statuses, symbol, side: symbol.map(|_| Side::Sell), strategy };
                    let kept = expected(&[&desks[0], &desks[1]], |order| {
                        filter.accounts.admits(order.account)
                            && (filter.statuses.is_empty() || filter.statuses.contains(&order.status))
                            && symbol.is_none_or(|symbol| order.terms.symbol == symbol)
                            && strategy.is_none_or(|strategy| order.terms.strategy == Some(strategy))
                    });
                    for size in [2, 100] {
                        let found = ids(&ports.all_orders(&desks[0], &filter, size).await);
                        assert_eq!(found, kept, "{filter:?} in pages of {size}");
                    }
                }
            }
        }
    }
}

/// By id within a tenant or an account, by the client's name within an account; nobody else's.
pub async fn orders_are_found_by_their_names(ports: &TradingPorts) {
    let desks = desks(ports, StrategyId::new(FreshIds.next())).await;
    let (ours, stranger) = (&desks[0], &desks[2]);
    for order in ours.rows().orders.values() {
        let some = Ok(Some(order.clone()));
        assert_eq!(ports.queries.order(ours.org(), order.id).await, some);
        assert_eq!(ports.queries.order_of_account(ours.id(), order.id).await, some);
        assert_eq!(ports.queries.order_by_client_id(ours.id(), order.client_order_id).await, some);
        assert_eq!(ports.queries.order(stranger.org(), order.id).await, Ok(None), "another tenant's");
        assert_eq!(ports.queries.order_of_account(desks[1].id(), order.id).await, Ok(None), "another account's");
        let namesake = ports.queries.order_by_client_id(stranger.id(), order.client_order_id).await;
        assert_ne!(namesake, some, "another account's, of the same name");
    }
    let unknown = "never-given".parse().expect("a client order id");
    assert_eq!(ports.queries.order_by_client_id(ours.id(), unknown).await, Ok(None));

    // In pages by id, oldest first: the verifier's way.
    let (mut walked, mut after) = (vec![], None);
    loop {
        let page = ports.queries.orders_of_account(ours.id(), after, 3).await.expect("the store is there");
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        walked.extend(page);
    }
    assert!(walked.iter().eq(ours.rows().orders.values()), "all of the account's orders, oldest first");
}

/// The executor's work: orders of any tenant in the wanted states, oldest first.
pub async fn open_work_is_listed_across_tenants(ports: &TradingPorts) {
    let start = OrderId::new(FreshIds.next());
    let mut desks = desks(ports, StrategyId::new(FreshIds.next())).await;
    let statuses = [OrderStatus::PendingNew, OrderStatus::PendingCancel];
    let working = desks[0].rows().orders.values().find(|order| order.status == OrderStatus::New).map(|order| order.id);
    let order = working.expect("a working order");
    ports.commit(desks[0].must(Command::Cancel { order })).await;

    let mut wanted: Vec<&Order> = desks
        .iter()
        .flat_map(|desk| desk.rows().orders.values())
        .filter(|order| statuses.contains(&order.status))
        .collect();
    wanted.sort_by_key(|order| order.id);
    assert_eq!(wanted.len(), 7);
    for limit in [1, 4, 500] {
        let (mut found, mut after) = (vec![], Some(start));
        loop {
            let page = ports.queries.orders_in(&statuses, after, limit).await.expect("the store is there");
            assert!(page.len() <= usize::try_from(limit).expect("fits"));
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            found.extend(page);
        }
        assert!(found.iter().all(|order| statuses.contains(&order.status)));
        // Other tests may work in the same store at the same time.
        found.retain(|order| desks.iter().any(|desk| desk.id() == order.account));
        assert!(found.iter().eq(wanted.iter().copied()), "{found:#?} are not {wanted:#?}");
    }
    let canceled = ports.queries.orders_in(&[OrderStatus::Canceled], Some(start), 500).await;
    let canceled = canceled.expect("the store is there");
    assert_eq!(canceled.iter().filter(|order| desks.iter().any(|desk| desk.id() == order.account)).count(), 12);
}
