//! What is told of an account's events.

use std::collections::BTreeMap;
use std::sync::Arc;

use velox_kernel::{Decimal, OrderId, Principal, RequestId, Symbol, UserId};
use velox_messages::{AccountMessages, AccountStep, Codec, Formats, Message, WireOrder};
use velox_testkit::CountingIds;
use velox_testkit::trading::{AccountScenario, currency, instrument, money, price, quantity, symbol, terms};
use velox_trading::{
    Account, Command, HaltMode, Order, OrderKind, PositionRow, Projector, ReplaceOrder, ReportKind, RiskLimits, Side,
};

use crate::codec::bench;

const BTC: &str = "BTC-PERP";

fn btc() -> Symbol {
    symbol(BTC)
}

/// An account on which everything happens that can.
fn eventful() -> AccountScenario {
    let mut account = AccountScenario::new(Arc::new(CountingIds::default()));
    account.actor = Principal::User { id: UserId::new(uuid::Uuid::from_u128(1)) };
    account.request = Some(RequestId::new(uuid::Uuid::from_u128(2)));
    account.open();
    account.set_price(btc(), price("100"));
    account.must(Command::MoveCash { currency: currency("EUR"), amount: money("12.5") });
    let (filled, _) = account.place_limit(btc(), Side::Buy, "2", price("100"));
    account.work(filled);
    let half =
        account.fill_report_with_fee(filled, "f-1".parse().unwrap(), quantity("0.5"), price("99.5"), money("0.01"));
    account.must(half);
    let replacement = account.new_order_id();
    let client_order_id = account.new_client_order_id();
    account.must(Command::Replace(ReplaceOrder {
        order: filled,
        replacement,
        client_order_id,
        fingerprint: velox_kernel::Digest::ZERO,
        quantity: Some(quantity("3")),
        limit_price: Some(price("101")),
        stop_price: None,
        time_in_force: None,
        rules: instrument(btc()),
    }));
    let replaced = ReportKind::Replaced { broker_order_id: "b-2".parse().unwrap() };
    account.must(account.report(filled, replaced));
    account.must(Command::Cancel { order: replacement });
    account.must(account.report(replacement, ReportKind::Canceled { text: String::new() }));
    account.fill(filled, quantity("0.25"), price("98"));
    let (lost, _) = account.place_limit(btc(), Side::Sell, "1", price("120"));
    account.must(Command::Route { order: lost });
    account.must(account.report(lost, ReportKind::NoAnswer));
    account.must(account.report(lost, ReportKind::Rejected { text: "no — «нет»".to_owned() }));
    account.must(Command::SetLimits(RiskLimits {
        max_order_quantity: Some(quantity("5")),
        daily_trades: Some(7),
        ..RiskLimits::default()
    }));
    account.place(terms(btc(), Side::Buy, "6", OrderKind::Market));
    let reason = "enough".to_owned();
    account.must(Command::Halt { mode: HaltMode::Halted, reason, cancel_open: true });
    account.must(Command::Resume);
    account.must(Command::Reset { cash: money("500") });
    account
}

/// What is told of each event, and the orders as they are at the end.
fn told(scenario: &AccountScenario) -> (Vec<AccountMessages>, BTreeMap<OrderId, Order>) {
    let mut account = Account::unopened(scenario.id());
    let (mut told, mut orders) = (vec![], BTreeMap::<OrderId, Order>::new());
    for recorded in scenario.log() {
        let event = recorded.event().unwrap();
        let closed = event.fact.order().and_then(|id| orders.get(&id)).filter(|order| !order.status.is_open()).cloned();
        let mut projector = Projector::default();
        projector.apply(&mut account, &event, closed.as_ref()).unwrap();
        let changes = projector.finish(&account);
        orders.extend(changes.orders.iter().map(|order| (order.id, order.clone())));
        let profile = account.profile().unwrap();
        told.push(AccountStep { recorded, event: &event, profile, changes: &changes }.messages());
    }
    (told, orders)
}

#[test]
fn every_event_is_told_once_with_the_order_as_it_is_afterwards() {
    let scenario = eventful();
    let (told, orders) = told(&scenario);
    let mut newest = BTreeMap::<OrderId, WireOrder>::new();
    for (recorded, messages) in scenario.log().iter().zip(&told) {
        let event = &messages.order;
        let fact = recorded.event().unwrap().fact;
        assert_eq!((event.seq, event.kind.as_ref()), (recorded.seq, fact.kind()));
        assert_eq!(event.detail.as_bytes(), recorded.payload);
        assert_eq!(event.key(), scenario.id().uuid().to_string());
        assert_eq!(event.order_id.map(OrderId::from), fact.order());
        assert_eq!(event.order.as_ref().map(|order| order.order_id.into()), fact.order(), "{}", event.kind);
        assert_eq!(event.replacement.is_some(), event.kind == "order_replaced");
        assert_eq!(event.fill.is_some(), event.kind == "order_filled");
        for order in event.order.iter().chain(&event.replacement) {
            assert_eq!(order.last_seq, event.seq);
            newest.insert(order.order_id.into(), order.clone());
        }
    }
    assert_eq!(
        told.iter().map(|messages| messages.order.seq).collect::<Vec<_>>(),
        (1..=scenario.head().seq).collect::<Vec<_>>()
    );
    let expected: BTreeMap<_, _> = orders.iter().map(|(id, order)| (*id, WireOrder::from(order))).collect();
    assert_eq!(newest, expected, "whoever follows the topic has every order");
    assert!(orders.values().all(|order| scenario.order(order.id) == order));
    let ids: std::collections::BTreeSet<_> = told.iter().map(|messages| messages.order.event_id).collect();
    assert_eq!(ids.len(), told.len(), "no two events have one id");
}

#[test]
fn whoever_follows_positions_has_the_accounts() {
    let scenario = eventful();
    let (told, _) = told(&scenario);
    let mut kinds = vec![];
    for (messages, length) in told.iter().zip(1..) {
        let Some(event) = &messages.position else { continue };
        kinds.push(event.kind.to_string());
        assert_eq!((event.event_id, event.seq), (messages.order.event_id, messages.order.seq));
        let mut account = Account::unopened(scenario.id());
        for recorded in &scenario.log()[..length] {
            account.apply(&recorded.event().unwrap()).unwrap();
        }
        for balance in &event.balances {
            let (known, cash) = (account.balance(balance.currency).unwrap(), balance.cash.unwrap());
            assert_eq!(cash, known.cash().unwrap().into());
        }
        for position in &event.positions {
            let row = PositionRow { strategy: None, position: account.position(position.symbol).unwrap().clone() };
            assert_eq!(position, &(&row).into());
        }
        assert_eq!(event.reset, event.kind == "account_reset");
        assert_eq!(event.positions.is_empty(), event.kind != "order_filled");
        assert!(!event.balances.is_empty());
    }
    assert_eq!(kinds, ["account_opened", "cash_moved", "order_filled", "order_filled", "account_reset"]);
}

#[test]
fn alerts_are_of_what_somebody_should_hear_of() {
    let scenario = eventful();
    let (told, _) = told(&scenario);
    let alerts: Vec<_> = told.iter().filter_map(|messages| messages.alert.as_ref()).collect();
    let short: Vec<_> = alerts.iter().map(|alert| (&*alert.kind, &*alert.severity, alert.text.as_str())).collect();
    assert_eq!(
        short,
        [
            (
                "order_unknown",
                "critical",
                "The broker did not answer: order client-3 of BTC-PERP may or may not be working."
            ),
            ("limits_changed", "info", "The limits of account Main have changed."),
            (
                "order_denied",
                "warning",
                "Order client-4 of BTC-PERP was denied by the rule max_order_quantity, limit 5, headroom 5."
            ),
            ("account_halted", "critical", "Account Main takes no orders: enough"),
            ("account_resumed", "info", "Account Main trades again."),
        ]
    );
    let denied = alerts[2];
    assert_eq!((denied.rule.as_deref(), denied.limit), (Some("max_order_quantity"), Some(Decimal::from_int(5).into())));
    assert_eq!((denied.symbol, denied.client_order_id), (Some(btc()), Some("client-4".parse().unwrap())));
    assert_eq!(alerts[3].halt_mode.as_deref(), Some("halted"));
    assert!(alerts.iter().all(|alert| alert.key() == scenario.id().uuid().to_string() && alert.org_id.is_some()));
}

#[test]
fn money_limits_and_halts_have_their_places() {
    let (told, _) = told(&eventful());
    let of = |kind: &str| told.iter().map(|messages| &messages.order).find(|event| event.kind == kind).unwrap();
    let cash = |kind: &str| of(kind).cash.clone().map(|cash| (cash.currency.to_string(), cash.amount.0.to_string()));
    assert_eq!(cash("account_opened"), Some(("USD".to_owned(), "1000000".to_owned())));
    assert_eq!(cash("cash_moved"), Some(("EUR".to_owned(), "12.5".to_owned())));
    assert_eq!(cash("account_reset"), Some(("USD".to_owned(), "500".to_owned())));
    assert_eq!(of("limits_changed").limits.as_ref().unwrap().daily_trades, Some(7));
    assert!(of("account_opened").limits.is_some() && of("order_accepted").limits.is_none());
    assert_eq!(of("account_halted").halt_reason.as_deref(), Some("enough"));
    let order = of("order_filled").order.as_ref().unwrap();
    assert_eq!((&*order.status, order.average_price), ("partially_filled", Some(price("99.5").into())));
    let pending = of("order_replace_requested").order.as_ref().unwrap().pending_replacement.clone().unwrap();
    assert_eq!((pending.quantity, pending.limit_price), (quantity("3").into(), Some(price("101").into())));
    let rejected = of("order_rejected").order.as_ref().unwrap();
    assert_eq!((rejected.end_code.as_deref(), rejected.end_text.as_deref()), (Some("by_broker"), Some("no — «нет»")));
}

#[tokio::test]
async fn all_of_it_comes_back_from_its_bytes() {
    async fn comes_back<M: Message + PartialEq + std::fmt::Debug>(codec: &Codec, message: &M) {
        assert_eq!(&codec.decode::<M>(&codec.encode(message).unwrap()).await.unwrap(), message);
    }
    for format in [velox_messages::Format::Avro, velox_messages::Format::Json] {
        let codec = bench(Formats::all(format)).await.codec;
        for AccountMessages { order, position, alert } in told(&eventful()).0 {
            comes_back(&codec, &order).await;
            if let Some(position) = position {
                comes_back(&codec, &position).await;
            }
            if let Some(alert) = alert {
                comes_back(&codec, &alert).await;
            }
        }
    }
}
