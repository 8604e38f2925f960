//! Lists of accounts, positions and ledgers.

use std::sync::Arc;

use velox_kernel::{AccountId, ConnectionId, Ids, StrategyId};
use velox_trading::{AccountRow, Command, HaltMode, OrderKind, ReportKind, RiskLimits, Side};

use super::{TradingPorts, scenario};
use crate::trading::{AccountScenario, FreshIds, currency, money, price, quantity, symbol, terms};

/// A tenant's accounts, oldest first, in pages of any size; another tenant's never.
pub async fn accounts_are_listed_by_tenant(ports: &TradingPorts) {
    let first = scenario();
    let elsewhere = ConnectionId::new(FreshIds.next());
    let mut desks = vec![first.clone()];
    for connection in [first.connection(), elsewhere, elsewhere, first.connection()] {
        desks.push(AccountScenario::within(Arc::new(FreshIds), first.org(), connection));
    }
    let mut stranger = scenario();
    for desk in desks.iter_mut().chain([&mut stranger]) {
        ports.commit(desk.open()).await;
    }
    let limits = RiskLimits { daily_loss: Some(money("12.5")), daily_trades: Some(3), ..RiskLimits::default() };
    ports.commit(desks[1].must(Command::SetLimits(limits))).await;
    let halt = Command::Halt { mode: HaltMode::ReduceOnly, reason: "drill".to_owned(), cancel_open: false };
    ports.commit(desks[2].must(halt)).await;

    let rows: Vec<AccountRow> = desks.iter().filter_map(|desk| desk.rows().account.clone()).collect();
    for size in [1, 2, 5, 50] {
        let org = first.org();
        let listed = ports.walk(size, async |queries, page| queries.accounts(org, page).await).await;
        assert_eq!(listed, rows, "in pages of {size}");
    }
    let listed = ports.queries.accounts_of_connection(elsewhere).await;
    assert_eq!(listed, Ok(vec![rows[2].clone(), rows[3].clone()]));
    assert_eq!(ports.queries.account(first.org(), first.id()).await, Ok(Some(rows[0].clone())));
    assert_eq!(ports.queries.account(first.org(), stranger.id()).await, Ok(None));
    assert_eq!(ports.queries.account(stranger.org(), first.id()).await, Ok(None));
}

/// Every account of every tenant, oldest first.
pub async fn every_account_is_listed_for_the_verifier(ports: &TradingPorts) {
    let start = AccountId::new(FreshIds.next());
    let mut desks = vec![scenario(), scenario(), scenario()];
    for desk in &mut desks {
        ports.commit(desk.open()).await;
    }
    let (mut listed, mut after) = (vec![], Some(start));
    loop {
        let page = ports.queries.all_accounts(after, 2).await.expect("the store is there");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    listed.retain(|row| desks.iter().any(|desk| desk.id() == row.id));
    assert!(listed.iter().eq(desks.iter().filter_map(|desk| desk.rows().account.as_ref())));
    let first = ports.queries.all_accounts(None, 1).await.expect("the store is there");
    assert!(first.first().is_some_and(|row| row.id <= desks[0].id()), "without a start, from the oldest");
}

/// The accounts whose loss of a day is limited, as long as they trade, oldest first.
pub async fn accounts_whose_loss_is_limited_are_found(ports: &TradingPorts) {
    let start = AccountId::new(FreshIds.next());
    let mut desks = vec![scenario(), scenario(), scenario(), scenario(), scenario()];
    let limited = |daily_loss| Command::SetLimits(RiskLimits { daily_loss, ..RiskLimits::default() });
    for desk in &mut desks {
        ports.commit(desk.open()).await;
    }
    for place in [0, 2, 3, 4] {
        ports.commit(desks[place].must(limited(Some(money("12.5"))))).await;
    }
    let halt = Command::Halt { mode: HaltMode::ReduceOnly, reason: "drill".to_owned(), cancel_open: false };
    ports.commit(desks[3].must(halt)).await;
    let (mut listed, mut after) = (vec![], Some(start));
    loop {
        let page = ports.queries.loss_limited_accounts(after, 2).await.expect("the store is there");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    listed.retain(|row| desks.iter().any(|desk| desk.id() == row.id));
    let expected = [0, 2, 4].map(|place: usize| desks[place].rows().account.clone());
    assert!(listed.iter().eq(expected.iter().flatten()), "{listed:?}");
    ports.commit(desks[0].must(limited(None))).await;
    ports.commit(desks[3].must(Command::Resume)).await;
    let mut found = ports.queries.loss_limited_accounts(Some(start), 1_000).await.expect("the store is there");
    found.retain(|row| desks.iter().any(|desk| desk.id() == row.id));
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 3, 4].map(|place: usize| desks[place].id()));
}

/// Positions are kept for the account and for each strategy that traded, by symbol.
pub async fn positions_are_kept_by_strategy(ports: &TradingPorts) {
    let (one, two) = (StrategyId::new(FreshIds.next()), StrategyId::new(FreshIds.next()));
    let mut desk = scenario();
    ports.commit(desk.open()).await;
    for name in ["ETH-PERP", "BTC-PERP"] {
        desk.set_price(symbol(name), price("100"));
        for (strategy, side, amount) in
            [(None, Side::Buy, "1"), (Some(one), Side::Buy, "2"), (Some(two), Side::Sell, "4")]
        {
            let limit = OrderKind::Limit { limit_price: price("100") };
            let mut terms = terms(symbol(name), side, amount, limit);
            terms.strategy = strategy;
            let (order, append) = desk.place(terms);
            ports.commit(append).await;
            ports.commit(desk.work(order)).await;
            ports.commit(desk.fill(order, quantity(amount), price("100"))).await;
        }
    }
    let held = ports.queries.positions(desk.id()).await.expect("the store is there");
    assert_eq!(held.len(), 6);
    assert_eq!(held[0].position.symbol, symbol("BTC-PERP"));
    assert_eq!((held[0].strategy, held[0].position.quantity), (None, quantity("-1")));
    ports.must_hold(&desk).await;
}

/// After a reset the positions and the ledgers are those of a fresh start; orders and fills stay.
pub async fn positions_and_ledgers_follow_a_reset(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let (mut desk, mut other) = (scenario(), scenario());
    for owner in [&mut desk, &mut other] {
        owner.set_price(btc, price("100"));
        ports.commit(owner.open()).await;
        let deposit = Command::MoveCash { currency: currency("EUR"), amount: money("5") };
        ports.commit(owner.must(deposit)).await;
        let (order, append) = owner.place_limit(btc, Side::Buy, "2", price("100"));
        ports.commit(append).await;
        ports.commit(owner.work(order)).await;
        ports.commit(owner.fill(order, quantity("1"), price("100"))).await;
        let canceled = owner.report(order, ReportKind::Canceled { text: "done".to_owned() });
        ports.commit(owner.must(canceled)).await;
    }
    ports.commit(desk.must(Command::Reset { cash: money("777") })).await;
    let balances = ports.queries.balances(desk.id()).await.expect("the store is there");
    assert_eq!(balances.len(), 1);
    assert_eq!(balances[0].cash(), Ok(money("777")));
    assert_eq!(ports.queries.positions(desk.id()).await, Ok(vec![]));
    assert_eq!(desk.rows().fills.len(), 1, "history stays");
    ports.must_hold(&desk).await;
    ports.must_hold(&other).await;

    // Reset and trade in one append: what follows the reset is there, what came before is not.
    let limit = OrderKind::Limit { limit_price: price("100") };
    let place = desk.place_command(terms(btc, Side::Sell, "1", limit));
    let order = place.order;
    let name = "after-reset".parse().expect("a fill's name");
    let fill = desk.fill_report(order, name, quantity("1"), price("101"));
    let commands = [Command::Reset { cash: money("1000") }, Command::Place(place), Command::Route { order }, fill];
    let append = desk.run_all(commands).expect("all are taken");
    ports.commit(append).await;
    ports.must_hold(&desk).await;
    let held = ports.queries.positions(desk.id()).await.expect("the store is there");
    assert_eq!(held.iter().map(|row| row.position.quantity).collect::<Vec<_>>(), [quantity("-1")]);
}
