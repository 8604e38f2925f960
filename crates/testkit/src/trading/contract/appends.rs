//! What is appended is read back: events, rows and snapshots.

use velox_kernel::{Digest, Ids, Principal, RequestId, TraceContext, UserId};
use velox_trading::{Command, HaltMode, OrderFilter, ReplaceOrder, Replacement, Side, Snapshot};

use super::{TradingPorts, scenario};
use crate::trading::{FreshIds, instrument, price, quantity, symbol};

/// Events come back as they were recorded, and the rows equal the projection after every append.
pub async fn appends_are_read_back_as_they_were_written(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    ports.must_hold(&desk).await;

    desk.actor = Principal::User { id: UserId::new(FreshIds.next()) };
    desk.request = Some(RequestId::new(FreshIds.next()));
    desk.trace = TraceContext::new(u128::MAX - 1, 1 << 63, 1);
    let (first, append) = desk.place_limit(btc, Side::Buy, "2", price("99.5"));
    ports.commit(append).await;
    ports.must_hold(&desk).await;

    desk.actor = Principal::Broker;
    desk.request = None;
    desk.trace = None;
    ports.commit(desk.work(first)).await;
    ports.commit(desk.fill(first, quantity("0.5"), price("99.25"))).await;
    ports.must_hold(&desk).await;

    let replace = ReplaceOrder {
        order: first,
        replacement: desk.new_order_id(),
        client_order_id: desk.new_client_order_id(),
        fingerprint: Digest::new([9; 32]),
        quantity: Some(quantity("3")),
        limit_price: Some(price("99")),
        stop_price: None,
        time_in_force: None,
        rules: instrument(btc),
    };
    ports.commit(desk.must(Command::Replace(replace))).await;
    let stored = ports.queries.order(desk.org(), first).await.expect("the store is there").expect("an order");
    let pending: Option<&Replacement> = stored.pending.as_deref();
    assert_eq!(pending.map(|pending| pending.terms.quantity), Some(quantity("3")));
    ports.must_hold(&desk).await;

    let halt = Command::Halt { mode: HaltMode::Halted, reason: "drill".to_owned(), cancel_open: true };
    ports.commit(desk.must(halt)).await;
    let (_, denied) = desk.place_limit(btc, Side::Buy, "1", price("99"));
    ports.commit(denied).await;
    ports.must_hold(&desk).await;
    assert_eq!(ports.all_orders(&desk, &OrderFilter::default(), 10).await.len(), 2);
}

/// Events are read after a number, in order, no more than asked for; each follows the one before.
pub async fn events_are_paged_in_order(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    for _ in 0..6 {
        let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
        ports.commit(append).await;
    }
    let (mut seq, mut hash) = (0, Digest::ZERO);
    loop {
        let page = ports.log.events(desk.id(), seq, 3).await.expect("the store is there");
        assert!(page.len() <= 3);
        for event in &page {
            event.check_follows(seq, hash).expect("gapless and chained");
            (seq, hash) = (event.seq, event.hash);
        }
        if page.is_empty() {
            break;
        }
    }
    assert_eq!((seq, hash), (desk.head().seq, desk.head().hash));
    assert!(ports.log.events(desk.id(), 7, 3).await.expect("the store is there").is_empty());
    assert!(ports.log.events(desk.id(), u64::MAX >> 1, 3).await.expect("the store is there").is_empty());
}

/// The tails of several accounts are read in one question: each account's own, in the order of asking, as long as was
/// asked for at most; an account that has none, or that nobody knows, has an empty one.
pub async fn several_tails_are_read_at_once(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desks: Vec<_> = (0..4).map(|_| scenario()).collect();
    for (number, desk) in desks.iter_mut().enumerate() {
        desk.set_price(btc, price("100"));
        ports.commit(desk.open()).await;
        for _ in 0..2 * number {
            let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
            ports.commit(append).await;
        }
    }
    // Of each the events after a number of its own; the order is nobody's natural one.
    let asked: Vec<(usize, u64)> = vec![(2, 1), (0, 0), (3, 2), (1, 3)];
    let mut after: Vec<_> = asked.iter().map(|(desk, seq)| (desks[*desk].id(), *seq)).collect();
    after.insert(1, (scenario().id(), 0));
    for limit in [1, 3, 100] {
        let tails = ports.log.tails(&after, limit).await.expect("the store is there");
        assert_eq!(tails.len(), after.len(), "a list for each");
        assert!(tails[1].is_empty(), "of an account without a log");
        let of_known = tails.iter().enumerate().filter(|(place, _)| *place != 1).map(|(_, tail)| tail);
        for ((desk, seq), tail) in asked.iter().zip(of_known) {
            let from = usize::try_from(*seq).expect("a small number");
            let whole = &desks[*desk].log()[from..];
            let limit = usize::try_from(limit).expect("a small number");
            assert_eq!(tail, &whole[..whole.len().min(limit)], "account {desk} after {seq}");
        }
    }
    assert_eq!(ports.log.tails(&[], 10).await.expect("the store is there"), Vec::<Vec<_>>::new());
}

/// 500 events in one append, with all their rows.
pub async fn long_batches_are_appended_whole(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    let mut commands = vec![];
    for _ in 0..250 {
        let command = desk.place_command(crate::trading::terms(
            btc,
            Side::Buy,
            "0.5",
            velox_trading::OrderKind::Limit { limit_price: price("90") },
        ));
        let order = command.order;
        commands.extend([Command::Place(command), Command::Route { order }]);
    }
    let append = desk.run_all(commands).expect("all are accepted");
    assert_eq!(append.events.len(), 500);
    ports.commit(append).await;
    ports.must_hold(&desk).await;
}

/// There is no snapshot until one is kept; a newer one takes its place.
pub async fn snapshots_are_kept_and_replaced(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    assert_eq!(ports.log.snapshot(desk.id()).await, Ok(None));
    for _ in 0..2 {
        let (order, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
        ports.commit(append).await;
        ports.commit(desk.work(order)).await;
        let snapshot = Snapshot { account: desk.account().clone(), hash: desk.head().hash };
        ports.log.save_snapshot(snapshot.clone()).await.expect("the store is there");
        assert_eq!(ports.log.snapshot(desk.id()).await, Ok(Some(snapshot)));
    }
    assert_eq!(ports.log.snapshot(scenario().id()).await, Ok(None));
    ports.must_hold(&desk).await;
}

/// Of an account that nobody opened there is nothing.
pub async fn unopened_accounts_are_empty(ports: &TradingPorts) {
    let nobody = scenario();
    ports.must_hold(&nobody).await;
    assert!(ports.all_orders(&nobody, &OrderFilter::default(), 5).await.is_empty());
    assert_eq!(ports.queries.order(nobody.org(), nobody.new_order_id()).await, Ok(None));
}
