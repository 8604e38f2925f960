use velox_trading::{FeedPosition, Order, OrderStatus, Side, TimeInForce};

use crate::support::*;

/// The order as its account has it after what a book said.
fn after(mut order: Order, reports: &[velox_trading::Report]) -> Order {
    absorb(&mut order, reports);
    order
}

#[test]
fn only_orders_at_the_broker_come_back() {
    let mut book = book();
    for (status, number) in OrderStatus::ALL.into_iter().zip(1..) {
        let mut one = order(number, Side::Buy, limit("99"), "1");
        one.status = status;
        book.restore(&one);
    }
    let at_broker = ["routed", "new", "partially_filled", "pending_cancel", "pending_replace", "unknown"];
    let expected: Vec<_> = OrderStatus::ALL
        .into_iter()
        .zip(1..)
        .filter(|(status, _)| at_broker.contains(&status.as_str()))
        .map(|(_, number)| order_id(number))
        .collect();
    assert_eq!(book.open_orders().iter().map(|order| order.order).collect::<Vec<_>>(), expected);
}

#[test]
fn a_lost_acknowledgement_is_told_again_and_nothing_else() {
    let mut first = book();
    let routed = order(1, Side::Buy, limit("99"), "1");
    let said = first.place(&routed, time(0));
    assert_eq!(first.restore(&routed), [], "it is there already");
    let mut second = book();
    let restored = second.restore(&routed);
    assert_eq!(restored[0].kind, said[0].kind);
    let acknowledged = after(routed, &said);
    assert_eq!(book().restore(&acknowledged), []);
    let unknown = Order { status: OrderStatus::Unknown, ..acknowledged };
    assert_eq!(told(&book().restore(&unknown)), ["1 new"]);
    assert_eq!(told(&second.place(&unknown, time(1))), ["1 new"], "and handing it over again changes nothing");
    assert_eq!(second.open_in(symbol()), 1);
}

#[test]
fn prices_missed_while_down_are_not_matched() {
    let mut book = book();
    let resting = Order { status: OrderStatus::New, ..order(1, Side::Buy, limit("99"), "1") };
    book.restore(&resting);
    book.skip_to(symbol(), FeedPosition { epoch: 1, offset: 7 });
    assert_eq!(told(&book.on_tick(&trade(7, "90", "9"))), [""; 0]);
    assert_eq!(told(&book.on_tick(&trade(8, "100", "9"))), [""; 0]);
}

#[test]
fn an_order_that_rested_makes_after_the_gap_too() {
    let mut first = book();
    first.on_tick(&trade(1, "100", "1"));
    let placed = order(1, Side::Buy, limit("99"), "2");
    let placed = after(placed.clone(), &first.place(&placed, time(1)));
    let placed = after(placed, &first.on_tick(&trade(2, "98", "0.5")));
    let mut second = book();
    second.restore(&placed);
    assert_eq!(told(&second.on_tick(&in_epoch(2, trade(1, "90", "9")))), ["1 1.5 at 99 maker"]);
}

#[test]
fn a_trigger_survives() {
    let mut first = book();
    first.on_tick(&trade(1, "100", "1"));
    let placed = order(1, Side::Buy, stop_limit("105", "106"), "1");
    let placed = after(placed.clone(), &first.place(&placed, time(1)));
    let mut untriggered = book();
    untriggered.restore(&placed);
    let placed = after(placed, &first.on_tick(&trade(2, "107", "9")));
    let mut triggered = book();
    assert_eq!(triggered.restore(&placed), []);
    let next = in_epoch(2, trade(1, "104", "9"));
    assert_eq!(told(&untriggered.on_tick(&next)), [""; 0]);
    assert_eq!(told(&triggered.on_tick(&next)), ["1 1 at 106 maker"]);
}

#[test]
fn the_rest_of_an_immediate_order_is_cancelled() {
    let mut cut = with(TimeInForce::Ioc, order(1, Side::Buy, limit("99"), "1"));
    cut.status = OrderStatus::PartiallyFilled;
    cut.filled = quantity("0.5");
    cut.broker_order_id = Some("pb-x".parse().unwrap());
    let mut book = book();
    assert_eq!(told(&book.restore(&cut)), ["1 canceled by the broker"]);
    assert_eq!(book.open_in(symbol()), 0);
}

#[test]
fn market_data_told_again_after_a_restart_names_its_fill_again_only_when_it_was_lost() {
    let run = |order: &Order| {
        let mut book = book();
        book.restore(order);
        fills(&book.on_tick(&trade(2, "98", "0.5")))[0].fill
    };
    let resting = Order { status: OrderStatus::New, ..order(1, Side::Buy, limit("99"), "2") };
    assert_eq!(run(&resting), run(&resting));
    let known = Order { filled: quantity("0.5"), ..resting.clone() };
    assert_ne!(run(&resting), run(&known));
}
