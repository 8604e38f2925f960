//! The largest and smallest numbers, the longest and strangest names.

use velox_kernel::{Cursor, Decimal, Money, PageRequest, Price, Quantity};
use velox_trading::{Command, FillFilter, OrderFilter, OrderKind, Side, StoreError, TimeInForce};

use super::{TradingPorts, scenario};
use crate::trading::{money, price, quantity, symbol, terms};

/// Numbers at both ends of `decimal(28,12)` come back exactly, from every column that holds one.
pub async fn extreme_numbers_come_back_exactly(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let smallest = Decimal::from_units(1).expect("fits");
    let lowest = Decimal::MAX.negated();
    for (high, low) in [(Decimal::MAX, lowest), (smallest, smallest.negated())] {
        let mut desk = scenario();
        desk.set_price(btc, price("100"));
        let mut commands = vec![Command::Open(desk.opening())];
        let mut place = desk.place_command(terms(
            btc,
            Side::Buy,
            "1",
            OrderKind::StopLimit { stop_price: price("101"), limit_price: price("102") },
        ));
        place.terms.time_in_force = TimeInForce::Day;
        let order = place.order;
        commands.extend([Command::Place(place), Command::Route { order }]);
        let mut append = desk.run_all(commands).expect("all are accepted");
        let fill = desk.fill(order, quantity("0.5"), price("100"));
        append.events.extend(fill.events);
        append.projection.orders = fill.projection.orders;
        append.projection.fills = fill.projection.fills;
        append.projection.positions = fill.projection.positions;
        append.projection.balances = fill.projection.balances;

        // The store takes the rows as they are: here, rows no account would come to.
        let row = &mut append.projection.orders[0];
        row.terms.kind = OrderKind::StopLimit { stop_price: Price::new(low), limit_price: Price::new(high) };
        row.terms.quantity = Quantity::new(high);
        row.filled = Quantity::new(low);
        row.filled_value = Money::new(high);
        row.reserve_price = Price::new(low);
        let row = &mut append.projection.fills[0].fill;
        row.quantity = Quantity::new(high);
        row.price = Price::new(low);
        row.fee = Money::new(low);
        let row = &mut append.projection.positions[0].position;
        row.quantity = Quantity::new(low);
        row.cost = Money::new(high);
        row.realised = Money::new(low);
        row.fees = Money::new(high);
        let row = &mut append.projection.balances[0];
        row.deposited = Money::new(high);
        row.realised = Money::new(low);
        row.fees = Money::new(high);
        let limits = &mut append.projection.account.as_mut().expect("an opening").limits;
        limits.max_order_quantity = Some(Quantity::new(high));
        limits.max_order_notional = Some(Money::new(high));
        limits.max_position = Some(Quantity::new(high));
        limits.price_collar = Some(high);
        limits.daily_loss = Some(Money::new(high));
        limits.daily_trades = Some(u32::MAX);

        let mut rows = crate::trading::Rows::default();
        rows.take(&append.projection);
        ports.commit(append).await;
        ports.must_hold_rows(&desk, &rows).await;
    }
}

/// Names of the greatest length, and account names in any script, come back letter by letter.
pub async fn long_and_foreign_names_come_back(ports: &TradingPorts) {
    let longest = symbol(&"Z".repeat(24));
    for name in ["取引口座 № 1 – «größte» 🚀 ' \" \\ ; -- %_", &"é".repeat(200), "e\u{301}", " ", "\u{202e}abc\t\n"]
    {
        let mut desk = scenario();
        desk.set_price(longest, price("100"));
        let mut opening = desk.opening();
        opening.name = name.to_owned();
        ports.commit(desk.must(Command::Open(opening))).await;
        let reason = format!("{name} {}", "long ".repeat(200));
        ports
            .commit(desk.must(Command::Halt { mode: velox_trading::HaltMode::ReduceOnly, reason, cancel_open: false }))
            .await;
        ports.commit(desk.must(Command::Resume)).await;
        let limit = OrderKind::Limit { limit_price: price("90") };
        let mut place = desk.place_command(terms(longest, Side::Buy, "1", limit));
        place.client_order_id = format!("{:~<64}", "'\"\\;--%_").parse().expect("a client order id");
        place.terms.tags =
            ["a".repeat(32), "'\"\\%_,{}".to_owned()].iter().map(|t| t.parse().expect("a tag")).collect();
        let order = place.order;
        ports.commit(desk.must(Command::Place(place))).await;
        ports.commit(desk.work(order)).await;
        let fill = format!("{:f<64}", "\"").parse().expect("a fill's name");
        let report =
            desk.fill_report_with_fee(order, fill, quantity("0.0001"), price("0.01"), money("-0.000000000001"));
        ports.commit(desk.must(report)).await;
        ports.must_hold(&desk).await;
        let found = ports.queries.order_by_client_id(desk.id(), desk.order(order).client_order_id).await;
        assert_eq!(found.as_ref().ok().and_then(Option::as_ref), Some(desk.order(order)));
        assert_eq!(ports.queries.has_fill(desk.id(), fill).await, Ok(true));
    }
    refuses_foreign_cursors(ports).await;
}

/// A cursor that a list did not give out is refused by every list.
async fn refuses_foreign_cursors(ports: &TradingPorts) {
    let desk = scenario();
    for noise in ["", "x", "||", "1|2|3|4", "'; DROP TABLE orders; --"] {
        let page = PageRequest::new(5, Some(Cursor::new(noise))).expect("a page size");
        let orders = ports.queries.orders(desk.org(), &OrderFilter::default(), &page).await;
        assert!(matches!(orders, Err(StoreError::InvalidCursor(_))), "orders: {noise}");
        let fills = ports.queries.fills(desk.org(), &FillFilter::default(), &page).await;
        assert!(matches!(fills, Err(StoreError::InvalidCursor(_))), "fills: {noise}");
        let accounts = ports.queries.accounts(desk.org(), &page).await;
        assert!(matches!(accounts, Err(StoreError::InvalidCursor(_))), "accounts: {noise}");
    }
}
